package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// docs/LIMITS.md has each limit's flag, variable and default.
func TestLimitsAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/LIMITS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(append(limitFlags(), logFlags()...), drainFlag()) {
		var env []string
		var value string
		switch f := f.(type) {
		case *cli.Int64Flag:
			env, value = f.EnvVars, fmt.Sprint(f.Value)
		case *cli.IntFlag:
			env, value = f.EnvVars, fmt.Sprint(f.Value)
		case *cli.DurationFlag:
			env, value = f.EnvVars, f.Value.String()
		default:
			continue
		}
		row := fmt.Sprintf("| `--%s` | `%s` | %s |", f.Names()[0], env[0], value)
		if !strings.Contains(string(data), row) {
			t.Errorf("no row begins %q", row)
		}
	}
}
