// Package oracle is a second verifier of receipts, statements and extracts. It is written from
// docs/FORMATS.md alone and shares no code with package verifier or the packages of formats, so
// that a test can hold the two against each other: where they disagree, one of them or the text is
// wrong.
//
// It is for tests. It is slow and simple: it reads everything into trees of JSON values and
// computes every hash as the text writes it. Each file names the section of FORMATS.md that it
// follows.
package oracle

import "fmt"

// A Refusal is a code of FORMATS.md section 2.
type Refusal string

// Error returns the code.
func (r Refusal) Error() string { return string(r) }

// The functions of this package refuse by panicking with a Refusal. That keeps the rules as short
// as the sentences that they come from. Each exported function returns it as an error instead.

// refuse ends the reading with this code.
func refuse(code Refusal) { panic(code) }

// must refuses with this code unless ok.
func must(ok bool, code Refusal) {
	if !ok {
		panic(code)
	}
}

// try calls f and returns its refusal, or nil.
func try(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case Refusal:
			err = r
		default:
			panic(r)
		}
	}()
	f()
	return nil
}

// instead calls f. If f refuses, it refuses with this code instead.
func instead(code Refusal, f func()) {
	must(try(f) == nil, code)
}

// result calls f and returns what it returns, or its refusal.
func result[T any](f func() T) (out T, err error) {
	err = try(func() { out = f() })
	if err != nil {
		err = fmt.Errorf("refused: %w", err)
	}
	return out, err
}
