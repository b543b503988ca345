package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// A result is a whole new file, or none, and nothing is left beside it.
func TestNewFiles(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key.jwk")
	if err := os.WriteFile(key, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, code := range map[string]int{key: Refused, dir: Refused, filepath.Join(dir, "nowhere", "x"): Unreachable,
		filepath.Join(key, "x"): Unreachable} {
		said := new(Error)
		if err := WriteNew(path, []byte("result"), true); !errors.As(err, &said) || said.Code != code {
			t.Errorf("%s: %v, want exit code %d", path, err, code)
		}
	}
	made := filepath.Join(dir, "made")
	if err := WriteNew(made, []byte("result"), false); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 2 {
		t.Errorf("%v, %v, want the key and the result", list, err)
	}
	for path, want := range map[string]string{key: "secret", made: "result"} {
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// What is interrupted says so, and what a server says cannot control the terminal.
func TestErrorsAreOneThing(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	p := &Program{Name: "prog", Commands: func() []*cli.Command {
		return []*cli.Command{
			{Name: "wait", Action: func(c *cli.Context) error {
				stop()
				<-c.Context.Done()
				return fmt.Errorf("reading entry 7: %w", c.Context.Err())
			}},
			{Name: "ask", Action: func(*cli.Context) error { return errors.New("it says \x1b[2J\u202eno") }},
		}
	}}
	for name, want := range map[string]int{"ask": Unreachable, "wait": Interrupted} {
		var out, errOut bytes.Buffer
		on := t.Context()
		if name == "wait" {
			on = ctx
		}
		code := p.Run(on, []string{name}, strings.NewReader(""), &out, &errOut)
		if text := errOut.String(); code != want || strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "canceled") {
			t.Errorf("%s: exit code %d, %q", name, code, text)
		}
	}
}
