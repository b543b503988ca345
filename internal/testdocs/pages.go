// Package testdocs reads the documents of this repository for tests: what they name must exist, and
// the commands that they show must work as they are shown. Use it only in tests.
package testdocs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Page is a Markdown file of the repository.
type Page struct {
	Name  string // from the root of the repository
	Lines []Line
}

// Line is a line of a page.
type Line struct {
	Number int
	Text   string
	Code   bool // in a fenced block, or a fence
}

// Block is a fenced block of a page, without its fences.
type Block struct {
	Line  int    // of its first fence
	Info  string // what stands after the first fence, such as "sh"
	Lines []string
}

// Pages returns README.md, NEWS.md and docs/*.md below root.
func Pages(t testing.TB, root string) []Page {
	t.Helper()
	files, err := filepath.Glob(root + "/docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages in docs: %v", err)
	}
	var out []Page
	for _, file := range append(files, root+"/README.md", root+"/NEWS.md") {
		out = append(out, read(t, root, file))
	}
	return out
}

// Read returns one page, whose name is from root.
func Read(t testing.TB, root, name string) Page {
	t.Helper()
	return read(t, root, filepath.Join(root, name))
}

func read(t testing.TB, root, file string) Page {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name, err := filepath.Rel(root, file)
	if err != nil {
		t.Fatal(err)
	}
	p, inside := Page{Name: name}, false
	for i, text := range strings.Split(string(b), "\n") {
		fence := strings.HasPrefix(text, "```")
		p.Lines = append(p.Lines, Line{Number: i + 1, Text: text, Code: inside || fence})
		inside = inside != fence
	}
	return p
}

// Blocks returns the fenced blocks of a page in order.
func (p Page) Blocks() (out []Block) {
	inside := false
	for _, l := range p.Lines {
		info, fence := strings.CutPrefix(l.Text, "```")
		switch {
		case fence && inside:
			inside = false
		case fence:
			inside = true
			out = append(out, Block{Line: l.Number, Info: strings.TrimSpace(info)})
		case inside:
			b := &out[len(out)-1]
			b.Lines = append(b.Lines, l.Text)
		}
	}
	return out
}
