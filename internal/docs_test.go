package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"igledger/internal/testdocs"
)

const root = ".." // of the repository, from this package

// built are folders that Git and make write, whose contents are not the repository's.
var built = map[string]bool{".git": true, "bin": true, "igledger-data": true}

var (
	codeSpan   = regexp.MustCompile("`([^`]+)`")
	link       = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	numbered   = regexp.MustCompile(`section (\d+)\]\([^()\s#]*#(\d+)-`)
	url        = regexp.MustCompile(`https?://\S+`)
	testName   = regexp.MustCompile(`^(Test|Fuzz|Benchmark|Example)[A-Z]\w*$`)
	dottedName = regexp.MustCompile(`^[A-Za-z]\w*(\.[A-Za-z]\w*)+$`)
	sourceFile = regexp.MustCompile(`^[\w./-]+\.(go|md|cedar|cedarschema|properties)$`)
	target     = regexp.MustCompile("(?:^|`)make ([a-z][a-z-]*)")
	delimiter  = regexp.MustCompile(`^\|[ :]*-`)
)

// TestDocsNameWhatExists finds in README.md and docs/*.md, between backquotes, the paths of this
// repository, the names of its tests, and the names of its Go code such as `verifier.CheckReceipt`.
// Each of them must exist.
func TestDocsNameWhatExists(t *testing.T) {
	names := declared(t)
	for _, p := range testdocs.Pages(t, root) {
		if p.Name == "NEWS.md" {
			continue // it also tells of versions whose names are gone
		}
		for _, l := range p.Lines {
			if l.Code {
				continue
			}
			for _, span := range codeSpan.FindAllStringSubmatch(l.Text, -1) {
				for _, word := range strings.Fields(span[1]) {
					if why := names.lacks(strings.TrimPrefix(word, "./")); why != "" {
						t.Errorf("%s:%d: %s: %s", p.Name, l.Number, word, why)
					}
				}
			}
		}
	}
}

// TestDocsLinks follows every relative link, and every #anchor to its heading, whose number must be
// the one in the words of the link.
func TestDocsLinks(t *testing.T) {
	anchors := map[string]map[string]bool{}
	all := testdocs.Pages(t, root)
	for _, p := range all {
		anchors[p.Name] = map[string]bool{}
		for _, l := range p.Lines {
			if heading := strings.TrimLeft(l.Text, "#"); !l.Code && heading != l.Text {
				anchors[p.Name][slug(heading)] = true
			}
		}
	}
	for _, p := range all {
		for _, l := range p.Lines {
			if l.Code {
				continue
			}
			for _, m := range numbered.FindAllStringSubmatch(l.Text, -1) {
				if m[1] != m[2] {
					t.Errorf("%s:%d: %s leads to section %s", p.Name, l.Number, m[0], m[2])
				}
			}
			for _, m := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(l.Text, ""), -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				file, anchor, _ := strings.Cut(m[1], "#")
				to := p.Name
				if file != "" {
					to = filepath.Join(filepath.Dir(p.Name), file)
				}
				if _, err := os.Stat(filepath.Join(root, to)); err != nil {
					t.Errorf("%s:%d: there is no file %s", p.Name, l.Number, to)
				} else if anchor != "" && !anchors[to][anchor] {
					t.Errorf("%s:%d: %s has no heading #%s", p.Name, l.Number, to, anchor)
				}
			}
		}
	}
}

// TestDocsLines keeps lines at 120 columns, outside of tables, code, links and the addresses in
// them, and finds tables that a blank line has cut: their rest is shown as bars and text.
func TestDocsLines(t *testing.T) {
	for _, p := range testdocs.Pages(t, root) {
		for i, l := range p.Lines {
			if l.Code {
				continue
			}
			if !strings.HasPrefix(l.Text, "|") {
				text := url.ReplaceAllString(link.ReplaceAllString(l.Text, "]"), "")
				if n := utf8.RuneCountInString(text); n > 120 {
					t.Errorf("%s:%d has %d columns, more than 120", p.Name, l.Number, n)
				}
				continue
			}
			first := i == 0 || !strings.HasPrefix(p.Lines[i-1].Text, "|")
			if first && (i+1 == len(p.Lines) || !delimiter.MatchString(p.Lines[i+1].Text)) {
				t.Errorf("%s:%d begins a table without a header; is it cut off from the one above?", p.Name, l.Number)
			}
		}
	}
}

// TestDocsNameTargets finds "make target" in the documents: the Makefile must have each.
func TestDocsNameTargets(t *testing.T) {
	makefile, err := os.ReadFile(root + "/Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range testdocs.Pages(t, root) {
		if p.Name == "NEWS.md" {
			continue // see above
		}
		for _, l := range p.Lines {
			for _, m := range target.FindAllStringSubmatch(l.Text, -1) {
				if (l.Code || strings.HasPrefix(m[0], "`")) && !strings.Contains(string(makefile), "\n"+m[1]+":") {
					t.Errorf("%s:%d: there is no make %s", p.Name, l.Number, m[1])
				}
			}
		}
	}
}

// TestGlossary follows each word of the glossary to the pages that are said to use it: they have
// it.
func TestGlossary(t *testing.T) {
	text := map[string]string{}
	for _, p := range testdocs.Pages(t, root) {
		var b strings.Builder
		for _, l := range p.Lines {
			b.WriteString(strings.ToLower(l.Text) + " ")
		}
		text[filepath.Base(p.Name)] = strings.Join(strings.Fields(b.String()), " ")
	}
	words := 0
	for _, l := range testdocs.Read(t, root, "docs/GLOSSARY.md").Lines {
		cells := strings.Split(l.Text, "|")
		if len(cells) != 6 || delimiter.MatchString(l.Text) || strings.TrimSpace(cells[1]) == "Word" {
			continue
		}
		words++
		spellings := strings.FieldsFunc(strings.ToLower(cells[1]), func(r rune) bool { return strings.ContainsRune(",()`", r) })
		for _, m := range link.FindAllStringSubmatch(cells[4], -1) {
			file, _, _ := strings.Cut(m[1], "#")
			if !slices.ContainsFunc(spellings, func(s string) bool {
				s = strings.TrimSpace(s)
				return s != "" && strings.Contains(text[file], s)
			}) {
				t.Errorf("docs/GLOSSARY.md:%d: %s does not speak of%s", l.Number, file, cells[1])
			}
		}
	}
	if words < 50 {
		t.Errorf("only %d words found", words)
	}
}

// slug returns the anchor that GitHub makes of a heading.
func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(heading))
}

// names holds what the Go files of the repository declare.
type names struct {
	top     map[string]bool            // folders at the root
	files   map[string]bool            // names of files, without their folders
	tests   map[string]bool            // functions in test files
	members map[string]map[string]bool // of a package or a type, by its name without a path
}

func (n *names) add(of, name string) {
	if n.members[of] == nil {
		n.members[of] = map[string]bool{}
	}
	n.members[of][name] = true
}

// lacks says why a word of a page is wrong, and "" if it is right or no name of this repository.
func (n *names) lacks(word string) string {
	if testName.MatchString(word) {
		if !n.tests[word] {
			return "there is no such test"
		}
		return ""
	}
	first, _, nested := strings.Cut(word, "/")
	if !nested && n.files[word] {
		return "" // a page may say once which folder it speaks of
	}
	if nested && n.top[first] || sourceFile.MatchString(word) {
		if found, err := filepath.Glob(filepath.Join(root, word)); err == nil && len(found) > 0 {
			return ""
		}
		dir, name, ok := strings.Cut(word, ".") // internal/web.Handler
		if _, err := os.Stat(filepath.Join(root, dir)); err != nil || !ok || !n.members[filepath.Base(dir)][name] {
			return "there is no such path"
		}
		return ""
	}
	if !dottedName.MatchString(word) {
		return ""
	}
	parts := strings.Split(word, ".")
	if n.members[parts[0]] == nil || unicode.IsLower(rune(parts[0][0])) && unicode.IsLower(rune(parts[1][0])) {
		return "" // also `index.json`, a file, and `subject.id`, a member of JSON
	}
	for _, part := range parts[1:] {
		if !n.members[parts[0]][part] {
			return parts[0] + " has no " + part
		}
	}
	return ""
}

func declared(t *testing.T) *names {
	t.Helper()
	n := &names{
		top:     map[string]bool{},
		files:   map[string]bool{},
		tests:   map[string]bool{},
		members: map[string]map[string]bool{},
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !built[e.Name()] {
			n.top[e.Name()] = true
		}
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if built[d.Name()] {
				return fs.SkipDir
			}
			return nil
		}
		n.files[d.Name()] = true
		if filepath.Ext(path) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if strings.HasSuffix(path, "_test.go") && decl.Recv == nil {
					n.tests[decl.Name.Name] = true
				}
				n.add(file.Name.Name, decl.Name.Name)
				if decl.Recv != nil {
					n.add(receiver(decl.Recv.List[0].Type), decl.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						n.add(file.Name.Name, spec.Name.Name)
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							n.add(file.Name.Name, name.Name)
						}
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	}
	return ""
}
