package tree_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"igledger/consent/fhir/tree"
)

// A Replacer makes what a strings.Replacer makes.
func TestReplacer(t *testing.T) {
	text := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "{ab"[rand.IntN(3)]
		}
		return string(b)
	}
	for range 5000 {
		of := tree.Replacer{{"{", "{{}"}, {text(1 + rand.IntN(3)), "{id}"}, {text(1 + rand.IntN(3)), "{staff/id}"}}
		s := text(rand.IntN(12))
		want := strings.NewReplacer(of[0].Old, of[0].New, of[1].Old, of[1].New, of[2].Old, of[2].New).Replace(s)
		if got := of.Replace(s); got != want {
			t.Fatalf("%q in %q: got %q, want %q", of, s, got, want)
		}
	}
}
