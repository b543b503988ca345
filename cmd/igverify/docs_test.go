package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"igledger/internal/testdocs"
)

// TestDocsNameCommands finds the command lines of igverify in the documents: each command and flag
// must exist.
func TestDocsNameCommands(t *testing.T) {
	n := testdocs.Commands(t, testdocs.Pages(t, "../.."), "igverify", func(path []string) string {
		var out bytes.Buffer
		run(context.Background(), append(path, "--help"), strings.NewReader(""), &out, &out)
		return out.String()
	})
	t.Logf("%d command lines", n)
	if n < 30 {
		t.Errorf("only %d command lines found", n)
	}
}
