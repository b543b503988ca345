//go:build js && wasm

// Command igverify-wasm gives package verifier to JavaScript in a browser: one function,
//
//	verifyStatement(statement: Uint8Array|string, policy: string, id: string, now?: Date) → report
//
// described in docs/BROWSER.md. It promises that the function touches neither network nor storage, and bears any arguments and any statement but one that exhausts the
// browser's stack or memory: then the program is gone, and the page must start it anew. It calls igverifyReady(), if the page has
// such a function, once verifyStatement is there.
package main

import (
	"syscall/js"
	"time"

	"github.com/go-json-experiment/json"

	"igledger/internal/web/reading"
	"igledger/ledger/bundle"
)

func main() {
	js.Global().Set("verifyStatement", js.FuncOf(verifyStatement))
	if ready := js.Global().Get("igverifyReady"); ready.Type() == js.TypeFunction {
		ready.Invoke()
	}
	select {} // the function lives as long as the page
}

func verifyStatement(_ js.Value, args []js.Value) any {
	return object(read(args))
}

func read(args []js.Value) (rep *reading.Report) {
	defer func() {
		if recover() != nil { // e.g. a method of an argument throws
			rep = reading.Unread("verifyStatement: the arguments cannot be read.")
		}
	}()
	for len(args) < 4 {
		args = append(args, js.Undefined())
	}
	var in reading.Input
	switch statement := args[0]; {
	case statement.Type() == js.TypeString:
		if js.Global().Get("Object").Invoke(statement).Length() > bundle.MaxSize {
			return reading.Unread("The file is larger than any statement.")
		}
		in.Statement = []byte(statement.String())
	case js.Global().Get("ArrayBuffer").Call("isView", statement).Bool() && statement.InstanceOf(js.Global().Get("Uint8Array")): // isView is false of a Proxy, whose traps could throw through us
		if statement.Get("byteLength").Int() > bundle.MaxSize {
			return reading.Unread("The file is larger than any statement.")
		}
		in.Statement = make([]byte, statement.Get("byteLength").Int())
		js.CopyBytesToGo(in.Statement, statement)
	default:
		return reading.Unread("verifyStatement: the statement is neither a Uint8Array nor a string.")
	}
	if args[1].Type() != js.TypeString || args[2].Type() != js.TypeString {
		return reading.Unread("verifyStatement: policy and id must be strings.")
	}
	in.Policy, in.ID = args[1].String(), args[2].String()
	now, ok := milliseconds(args[3])
	if !ok {
		return reading.Unread("verifyStatement: now is not a Date.")
	}
	in.Now = time.UnixMilli(int64(now)).UTC()
	return reading.Read(in)
}

// milliseconds is the time of a Date, by default of this moment.
func milliseconds(v js.Value) (float64, bool) {
	date := js.Global().Get("Date")
	if v.IsUndefined() {
		v = date.New()
	}
	if !v.InstanceOf(date) {
		return 0, false
	}
	ms := v.Call("getTime").Float()
	return ms, ms == ms // not NaN
}

// object turns a report into a plain object.
func object(rep *reading.Report) js.Value {
	data, err := json.Marshal(rep)
	if err != nil { // every string in it is clean: a defect of ours
		data, _ = json.Marshal(reading.Unread("The checker itself failed on this file. That says nothing about the statement, good or bad."))
	}
	return js.Global().Get("JSON").Call("parse", string(data))
}
