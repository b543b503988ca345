package testdocs

import (
	"slices"
	"strings"
	"testing"
)

// lie takes note of what Commands reports.
type lie struct {
	testing.TB
	said []string
}

func (l *lie) Helper() {}
func (l *lie) Errorf(_ string, args ...any) {
	l.said = append(l.said, args[2].(string))
}

func TestCommandsFindsLies(t *testing.T) {
	text := "NAME:\n   x - all\nCOMMANDS:\n   key\nOPTIONS:\n   --profile value\n"
	helps := map[string]string{
		"":        text,
		"key":     "NAME:\n   x key - keys\nCOMMANDS:\n   add, list\n",
		"key add": "NAME:\n   x key add - add\nOPTIONS:\n   --org value\n   --new\n",
	}
	help := func(path []string) string {
		for len(path) > 0 && helps[strings.Join(path, " ")] == "" {
			path = path[:len(path)-1] // as a command prints its help, whatever its arguments are
		}
		return helps[strings.Join(path, " ")]
	}
	for _, c := range []struct{ line, want string }{
		{"x key add a-file --org A --new", ""},
		{"$ echo q | bin/x key add --org='a --b' f > out --no", ""},
		{"x key add --profile p # --gone", ""},
		{"x key ad", "x key has no command ad"},
		{"x key add --olg A", "x key add has no flag --olg"},
		{"X=$(x key add --olg A)", "x key add has no flag --olg"},
		{"x key add f ; x kex", "x has no command kex"},
		{"x key add|rm …", "x key has no command rm"},
		{"y --olg", ""},
	} {
		l := &lie{TB: t}
		Commands(l, []Page{{Name: "p", Lines: []Line{{1, c.line, true}}}}, "x", help)
		if got := strings.Join(l.said, "; "); got != c.want {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
	continued := Page{Name: "p", Lines: []Line{{1, `x key \`, true}, {2, "  add --olg", true}, {3, "Write `x kex add`.", false}}}
	l := &lie{TB: t}
	if n := Commands(l, []Page{continued}, "x", help); n != 2 ||
		!slices.Equal(l.said, []string{"x key add has no flag --olg", "x has no command kex"}) {
		t.Errorf("%d lines, %q", n, l.said)
	}
}
