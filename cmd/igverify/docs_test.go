package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"igledger/internal/testdocs"
)

// TestDocsNameCommands finds the command lines of igverify in the documents and the examples in
// its help: each command and flag must exist.
func TestDocsNameCommands(t *testing.T) {
	help := func(path []string) string {
		var out bytes.Buffer
		run(context.Background(), append(path, "--help"), strings.NewReader(""), &out, &out)
		return out.String()
	}
	shown := testdocs.Commands(t, testdocs.Pages(t, "../.."), "igverify", help)
	examples := testdocs.Examples(t, program.Commands(), "igverify", help)
	t.Logf("%d command lines, %d examples", shown, examples)
	if shown < 30 || examples < 8 {
		t.Error("these are too few")
	}
}
