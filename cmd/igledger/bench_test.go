package main

import (
	"strings"
	"testing"
)

// A size that the database does not tell is not a number.
func TestBenchOfUnknownSize(t *testing.T) {
	var r benchResult
	if text := r.text(); !strings.Contains(text, "\nunknown bytes per entry") {
		t.Error(text)
	}
	beyond := 286.4
	r.BeyondOpening = &beyond
	if text := r.text(); !strings.Contains(text, "\n286 bytes per entry") {
		t.Error(text)
	}
}
