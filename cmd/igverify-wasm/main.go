//go:build js && wasm

// Command igverify-wasm offers package verifier to JavaScript in a browser, as one function:
//
//	verifyStatement(statement: Uint8Array|string, policy: string, id: string, now?: Date, period?: string) → report
//
// docs/BROWSER.md describes it. The function uses neither network nor storage, and accepts any
// arguments and any statement, except one that exhausts the browser's stack or memory: then the
// program ends, and the page must start it again. Once verifyStatement is defined, the program
// calls igverifyReady(), if the page has such a function.
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
		if recover() != nil { // for example, a method of an argument throws
			rep = reading.Unread("verifyStatement: the arguments cannot be read.")
		}
	}()
	for len(args) < 5 {
		args = append(args, js.Undefined())
	}
	var in reading.Input
	switch statement := args[0]; {
	case statement.Type() == js.TypeString:
		if js.Global().Get("Object").Invoke(statement).Length() > bundle.MaxSize {
			return reading.Unread("The file is larger than any statement.")
		}
		in.Statement = []byte(statement.String())
	case isBytes(statement):
		if statement.Get("byteLength").Int() > bundle.MaxSize {
			return reading.Unread("The file is larger than any statement.")
		}
		in.Statement = make([]byte, statement.Get("byteLength").Int())
		js.CopyBytesToGo(in.Statement, statement)
	default:
		return reading.Unread("verifyStatement: the statement is neither a Uint8Array nor a string.")
	}
	if args[1].Type() != js.TypeString || args[2].Type() != js.TypeString {
		return reading.Unread("verifyStatement: the policy and the id must be strings.")
	}
	in.Policy, in.ID = args[1].String(), args[2].String()
	switch period := args[4]; period.Type() {
	case js.TypeString:
		in.Period = period.String()
	case js.TypeUndefined:
	default:
		return reading.Unread("verifyStatement: the period must be a string.")
	}
	now, ok := milliseconds(args[3])
	if !ok {
		return reading.Unread("verifyStatement: now is not a Date.")
	}
	in.Now = time.UnixMilli(int64(now)).UTC()
	return reading.Read(in)
}

// isBytes reports whether v is a Uint8Array. isView is false for a Proxy, whose traps could throw
// through this program.
func isBytes(v js.Value) bool {
	return js.Global().Get("ArrayBuffer").Call("isView", v).Bool() && v.InstanceOf(js.Global().Get("Uint8Array"))
}

// milliseconds returns the time of a Date, by default the current time.
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

// object returns a report as a plain object.
func object(rep *reading.Report) js.Value {
	data, err := json.Marshal(rep)
	if err != nil { // every string in it is clean, so this is a defect in this program
		data, _ = json.Marshal(reading.Unread("The checker itself failed on this file. That says nothing about the " +
			"statement, good or bad."))
	}
	return js.Global().Get("JSON").Call("parse", string(data))
}
