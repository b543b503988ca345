package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"igledger/internal/testdocs"
)

// TestDocsNameCommands finds the command lines of igledger in the documents: each command and flag
// must exist.
func TestDocsNameCommands(t *testing.T) {
	n := testdocs.Commands(t, testdocs.Pages(t, "../.."), "igledger", func(path []string) string {
		var out bytes.Buffer
		run(context.Background(), append(path, "--help"), strings.NewReader(""), &out, &out)
		return out.String()
	})
	t.Logf("%d command lines", n)
	if n < 100 {
		t.Errorf("only %d command lines found", n)
	}
}
