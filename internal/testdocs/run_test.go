package testdocs

import "testing"

func TestShows(t *testing.T) {
	printed := "Log x+1a2b made\n\n  one   41 entries\n  two    8 entries\nthree\nend 7\n"
	for _, c := range []struct {
		excerpt []string
		good    bool
	}{
		{[]string{"Log x+… made", "  one 7 entries", "…", "end 8"}, true},
		{[]string{"two 123 entries", "", "three"}, true},
		{[]string{"one 41 entries", "three"}, false},     // a line between is not shown
		{[]string{"three", "…", "one 1 entries"}, false}, // another order
		{[]string{"one 41 entrie"}, false},
		{[]string{"one many entries"}, false},
		{[]string{"end 7", "more"}, false},
	} {
		if why := Shows(c.excerpt, printed); (why == "") != c.good {
			t.Errorf("%q: %q", c.excerpt, why)
		}
	}
}

func TestRunTypesBlocks(t *testing.T) {
	page := Page{Name: "p"}
	for i, text := range []string{
		"```sh", "mkdir sub; cd sub", "export ONE=1", "```", "```", "no such command", "```",
		"```sh until=ready", "printf 'at 127.0.0.1:%s\\nready\\n' 4321", "```",
		"```sh", "echo $ONE http://127.0.0.1:8080/ > file; cat file ../sub/file", "```",
		"```text", "1 http://127.0.0.1:4321/", "1 http://…/", "```",
	} {
		page.Lines = append(page.Lines, Line{Number: i + 1, Text: text})
	}
	Run(t, page, t.TempDir())
}
