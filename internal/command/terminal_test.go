package command

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/rivo/uniseg"
	"github.com/urfave/cli/v2"
)

// onTerminal runs a program on a terminal of so many columns. It returns what the terminal was sent
// as results.
func onTerminal(t *testing.T, p *Program, columns uint16, args ...string) string {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	sent := make(chan string)
	go func() {
		var b bytes.Buffer
		io.Copy(&b, master) //nolint:errcheck // ends with an error when the other side is closed
		sent <- strings.ReplaceAll(b.String(), "\r\n", "\n")
	}()
	var errOut bytes.Buffer
	code := p.Run(t.Context(), args, strings.NewReader(""), slave, &errOut)
	slave.Close()
	if code != Good {
		t.Errorf("exit %d: %s", code, &errOut)
	}
	return <-sent
}

func tabled() *Program {
	return &Program{Name: "p", Commands: func() []*cli.Command {
		return []*cli.Command{{Name: "list", Action: func(c *cli.Context) error { return ScreenOf(c).Table(table) }}}
	}}
}

// A terminal gets a table of its own width; a pipe, and whoever asks for --wide, gets whole rows.
func TestTablesFitTheTerminal(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	t.Setenv("TERM", "xterm")
	whole := shown(t, 0)
	if strings.Count(whole, "\n") != len(table) {
		t.Fatalf("a pipe gets\n%s", whole)
	}
	for _, columns := range []uint16{60, 80, 200} {
		got := onTerminal(t, tabled(), columns, "list")
		if got != shown(t, int(columns)) {
			t.Errorf("%d columns show\n%s", columns, got)
		}
		for line := range strings.Lines(got) {
			if n := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); n > int(columns) {
				t.Errorf("%d columns: a line of %d: %s", columns, n, line)
			}
		}
		if !strings.Contains(got, anID) || !strings.Contains(strings.Join(strings.Fields(got), " "), "The agreement had ended.") {
			t.Errorf("%d columns lack an id or a verdict:\n%s", columns, got)
		}
		if got := onTerminal(t, tabled(), columns, "list", "--wide"); got != whole {
			t.Errorf("--wide at %d columns shows\n%s", columns, got)
		}
	}
}

func TestColoursAreForTerminals(t *testing.T) {
	for _, c := range []struct {
		noColor, term string
		want          bool
	}{{"", "xterm-256color", true}, {"1", "xterm-256color", false}, {"", "dumb", false}} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		if got := onTerminal(t, tabled(), 80, "list"); strings.Contains(got, "\x1b") != c.want {
			t.Errorf("NO_COLOR=%q TERM=%q: %q", c.noColor, c.term, got)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TERM", "xterm")
	tabled().Run(t.Context(), []string{"list"}, nil, w, io.Discard)
	w.Close()
	if got, _ := io.ReadAll(r); string(got) != shown(t, 0) {
		t.Errorf("a pipe gets %q", got)
	}
}
