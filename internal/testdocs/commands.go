package testdocs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

var (
	span   = regexp.MustCompile("`([^`]+)`")
	flag   = regexp.MustCompile(`--[a-z][a-z0-9-]*`)
	word   = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	option = regexp.MustCompile(`(?m)^ +(--[a-z][a-z0-9-]*)`)
)

// Commands finds in the fenced blocks of pages, and between backquotes, the command lines of
// program, and reports each command and flag that it does not have. help returns what program
// prints when it is called with a path of commands and --help. NEWS.md is left out: it also tells
// of versions whose commands are gone. It returns how many command lines it has looked at.
func Commands(t testing.TB, pages []Page, program string, help func(path []string) string) int {
	t.Helper()
	known := &helps{program: program, help: help, seen: map[string]string{}}
	looked := 0
	for _, p := range pages {
		if p.Name == "NEWS.md" {
			continue
		}
		for _, l := range commandLines(p, program) {
			looked++
			if why := known.lacks(l.args); why != "" {
				t.Errorf("%s:%d: %s", p.Name, l.number, why)
			}
		}
	}
	return looked
}

type commandLine struct {
	number int
	args   []string
}

// commandLines returns what a page calls of program. A line that ends in a backslash goes on.
func commandLines(p Page, program string) (out []commandLine) {
	add := func(number int, text string) {
		var args []string
		here := false
		flush := func() {
			if here {
				out = append(out, commandLine{number, args})
			}
			args, here = nil, false
		}
		for _, w := range words(text) {
			switch {
			case slices.Contains([]string{"|", ";", "&&", "||", "&", ">", "<", "2>&1"}, w):
				flush()
			case !here && (w == program || w == "bin/"+program):
				here = true
			case here:
				args = append(args, w)
			case w != "$" && w != "!" && w != "exec" && !strings.Contains(w, "="): // another program's line
				args = nil
			}
		}
		flush()
	}
	joined, first := "", 0
	for _, l := range p.Lines {
		if !l.Code {
			for _, m := range span.FindAllStringSubmatch(l.Text, -1) {
				if first, _, more := strings.Cut(m[1], " "); more && (first == program || first == "bin/"+program) {
					add(l.Number, m[1])
				}
			}
			continue
		}
		if joined == "" {
			first = l.Number
		}
		text, more := strings.CutSuffix(l.Text, `\`)
		joined += text + " "
		if !more {
			add(first, joined)
			joined = ""
		}
	}
	return out
}

// words splits a line as a shell would, up to a comment. A quoted text is one word.
func words(line string) (out []string) {
	w, in, some := "", rune(0), false
	flush := func() {
		if some {
			out = append(out, w)
		}
		w, some = "", false
	}
	line = strings.NewReplacer("$(", " ; ", "; ", " ; ").Replace(line)
	for _, r := range line {
		switch {
		case in != 0 && r == in:
			in = 0
		case in != 0:
			w += string(r)
		case r == '\'' || r == '"':
			in, some = r, true
		case r == '#' && !some:
			return out
		case r == ' ' || r == '\t':
			flush()
		default:
			w, some = w+string(r), true
		}
	}
	flush()
	return out
}

// helps remembers what a program says of its commands.
type helps struct {
	program string
	help    func([]string) string
	seen    map[string]string // by path
}

// of returns the help of exactly this path of commands, "" if there is no such command.
func (h *helps) of(path []string) string {
	key := strings.Join(path, " ")
	text, ok := h.seen[key]
	if !ok {
		text = h.help(path)
		name := strings.Join(append([]string{h.program}, path...), " ")
		if _, after, found := strings.Cut(text, "NAME:\n   "+name); !found || !strings.HasPrefix(after, " - ") {
			text = ""
		}
		h.seen[key] = text
	}
	return text
}

// lacks says which command or flag of a command line the program does not have. "access
// submit|import" stands for two commands.
func (h *helps) lacks(args []string) string {
	var path []string
	text := h.of(nil)
	for i, w := range args {
		if strings.HasPrefix(w, "--") {
			break // a flag of the program may stand before its command, which no document shows
		}
		if list := strings.Split(w, "|"); len(list) > 1 && strings.Contains(text, "COMMANDS:") {
			for _, one := range list {
				if why := h.lacks(slices.Concat(path, []string{one}, args[i+1:])); why != "" {
					return why
				}
			}
			return ""
		}
		next := h.of(append(slices.Clone(path), w))
		if next == "" {
			if strings.Contains(text, "COMMANDS:") && word.MatchString(w) {
				return fmt.Sprintf("%s has no command %s", strings.Join(append([]string{h.program}, path...), " "), w)
			}
			break
		}
		path, text = append(path, w), next
	}
	have := append(option.FindAllString(text, -1), option.FindAllString(h.of(nil), -1)...)
	for i := range have {
		have[i] = strings.TrimSpace(have[i])
	}
	for _, w := range args {
		name := flag.FindString(w)
		if name == "" || !strings.HasPrefix(strings.TrimLeft(w, "["), "--") || name == "--help" {
			continue
		}
		if !slices.Contains(have, name) {
			return fmt.Sprintf("%s has no flag %s", strings.Join(append([]string{h.program}, path...), " "), name)
		}
	}
	return ""
}

// Examples finds the examples in what commands say of themselves, and reports each command and flag
// that the program does not have. It returns how many it has looked at.
func Examples(t testing.TB, list []*cli.Command, program string, help func(path []string) string) int {
	t.Helper()
	looked := 0
	for _, c := range list {
		p := Page{Name: "help of " + c.Name}
		for i, text := range strings.Split(c.Description, "\n") {
			text, shown := strings.CutPrefix(text, "Example:")
			shown = shown || strings.HasPrefix(text, "  ")
			if text = strings.TrimSpace(text); shown && strings.HasPrefix(text, program+" ") {
				p.Lines = append(p.Lines, Line{Number: i + 1, Text: text, Code: true})
			}
		}
		looked += Commands(t, []Page{p}, program, help) + Examples(t, c.Subcommands, program, help)
	}
	return looked
}
