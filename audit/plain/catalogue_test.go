package plain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

// declared returns the values of every string constant of a type that Go files below dir declare,
// and the strings in the literals of variables of that name. What a format gains is thereby asked
// for here.
func declared(t *testing.T, dir, name string, atLeast int) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range f.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range gen.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				typ, _ := v.Type.(*ast.Ident)
				constant := gen.Tok == token.CONST && typ != nil && typ.Name == name
				if constant || gen.Tok == token.VAR && v.Names[0].Name == name {
					list = append(list, literals(v)...)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < atLeast {
		t.Fatalf("%d values of %s are declared below %s, want at least %d: has it moved?", len(list), name, dir, atLeast)
	}
	return list
}

func literals(n ast.Node) (list []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			s, _ := strconv.Unquote(lit.Value)
			list = append(list, s)
		}
		return true
	})
	return list
}

// keys are all keys that this package asks for: those of every code that the formats know, and
// those that its own code names.
func keys(t *testing.T) map[Key]bool {
	all := map[Key]bool{}
	add := func(family string, codes ...string) {
		for _, c := range codes {
			all[Key(family+"."+c)] = true
		}
	}
	add("type", declared(t, "../../ledger", "Type", 18)...)
	flags := declared(t, "../../ledger", "Flag", 8)
	add("flag", flags...)
	for _, f := range flags {
		if !slices.Contains(entry.Flags(), entry.Flag(f)) {
			t.Errorf("entry.Flags lacks %s", f)
		}
	}
	add("verdict", declared(t, "../../ledger", "VerdictResult", 3)...)
	add("fault", declared(t, "../../ledger", "Fault", 7)...)
	add("delegate", declared(t, "../../ledger", "delegationKinds", 10)...)
	add("did", "C", "R", "U", "D", "E")
	add("asked", "C", "R", "U", "D", "E")
	add("outcome", "0", "4", "8", "12")
	add("answered", "permit", "deny")
	add("delegation", "granted", "revoked")
	add("consent", entry.ConsentActs...)
	add("scope", entry.ConsentScopes...)
	add("may", entry.DelegationScopes...)
	add("link", entry.LinkActs...)
	for _, how := range entry.Identities() {
		add("identity", string(how))
	}
	for _, p := range purpose.All() {
		add("purpose", p.Code)
	}
	add("note", declared(t, "..", "NoteCode", 10)...)
	add("kind", resources...)
	add("code", codes...)
	add("due", "follow-up", "review-refusal", "tell-person", "justify")
	add("remedy", "justify", "ask-consent", "redact")
	add("rule", "no-rule", "user-unnamed", "unknown-subject", "unknown-action", "unknown-resource")
	for name, n := range map[string]int{"catalogue.go": 15, "words.go": 6, "describe.go": 18} {
		for _, k := range asked(t, name, n) {
			all[k] = true
		}
	}
	for k := range all { // what can be done can be tried
		if rest, ok := strings.CutPrefix(string(k), "did."); ok && rest != "with" {
			all[Key("tried."+rest)] = true
		}
	}
	return all
}

// asked are the keys that a file of this package has as whole literals.
func asked(t *testing.T, file string, atLeast int) (list []Key) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	families := regexp.MustCompile(`^(absent|answered|consent|data|decided|decision|did|mark|organisation|outcome|rule|due|remedy|remark|source-count|total|verdict|why|word)` +
		`(\.[a-z-]+)*$`)
	for _, s := range literals(f) {
		if families.MatchString(s) {
			list = append(list, Key(s))
		}
	}
	if len(list) < atLeast {
		t.Fatalf("%s names %d keys, want at least %d", file, len(list), atLeast)
	}
	return list
}

// optional are keys of further, longer forms of a text.
var optional = regexp.MustCompile(`^((did|tried)\.[A-Za-z-]+\.(of|to|from)|organisation\.unknown\.named|flag\.[a-z-]+\.advice|check\.[a-z-]+)$`)

// Every code that the formats know and every key that is asked for has a text in English, and no
// text is there that nothing asks for.
func TestEnglishIsWhole(t *testing.T) {
	c, want := In(English), keys(t)
	families := []string{"consent", "data", "did", "outcome", "verdict"} // begin keys in the code, or name what is filled in
	for k := range want {
		_, one := c.texts[k]
		_, many := c.texts[k+".other"]
		if !one && !many && !slices.Contains(families, string(k)) {
			t.Errorf("%s has no text", k)
		}
	}
	for k := range c.texts {
		base, form, _ := cutLast(k)
		counted := (form == "one" || form == "other") && want[base]
		if !want[k] && !counted && !optional.MatchString(string(k)) {
			t.Errorf("nothing asks for %s", k)
		}
	}
}

func cutLast(k Key) (before Key, after string, found bool) {
	i := strings.LastIndexByte(string(k), '.')
	if i < 0 {
		return k, "", false
	}
	return k[:i], string(k[i+1:]), true
}

// Every remark, check and code that begins in lower case is the end of a sentence or the cell of a
// table.
func TestEnglishStyle(t *testing.T) {
	avoid := regexp.MustCompile(`(?i)\b(somebody|nobody|whoever|anew|herself|himself|shall|hereby)\b`)
	for k, text := range In(English).texts {
		first := text[:1]
		if first == "{" {
			continue
		}
		sentence := first == strings.ToUpper(first)
		if strings.HasPrefix(string(k), "check.") {
			sentence = false // a title
		}
		if ends := strings.HasSuffix(text, "."); ends != sentence {
			t.Errorf("%s: %q begins and ends differently", k, text)
		}
		if w := avoid.FindString(text); w != "" {
			t.Errorf("%s: %q", k, w)
		}
	}
}

// A translation has no key that English lacks, keeps every {name}, and has the forms that its
// numbers need.
func TestTranslations(t *testing.T) {
	found, err := fs.Glob(files, "*.properties")
	if err != nil || len(found) == 0 {
		t.Fatalf("no catalogue: %v", err)
	}
	for _, name := range found {
		l := Language(strings.TrimSuffix(name, ".properties"))
		c, err := Load(l, files)
		if err != nil {
			t.Fatal(err)
		}
		if list := c.Strays(); len(list) > 0 {
			t.Errorf("%s has no English, or other names in it: %v", l, list)
		}
	}
}

// gaelic is a language of four forms, of which it has two texts.
func gaelic(t *testing.T) *Catalogue {
	t.Helper()
	const file = "did.R = leugh\n" +
		"total.findings.one = {n} rud\ntotal.findings.two = {n} rud\ntotal.findings.few = {n} rudan\ntotal.findings.other = {n} rud"
	c, err := parse(file, plurals[Gaelic])
	if err != nil {
		t.Fatal(err)
	}
	c.fallback = In(English)
	return c
}

func TestFallsBackToEnglish(t *testing.T) {
	c := gaelic(t)
	if got := c.Text("did.R"); got != "leugh" {
		t.Errorf("its own text: %q", got)
	}
	for k := range In(English).texts {
		if k != "did.R" && !strings.HasPrefix(string(k), "total.findings") && c.Text(k) != In(English).Text(k) {
			t.Errorf("%s: %q", k, c.Text(k))
		}
	}
	if got := c.Count(TotalAccesses, 3); got != In(English).Count(TotalAccesses, 3) {
		t.Errorf("%q", got) // few, of which English has none
	}
	if got := c.Text("no.such.key"); got != "no.such.key" {
		t.Errorf("%q", got)
	}
	for _, l := range []Language{"", "xx", "en-GB", "EN"} {
		if In(l) != In(English) {
			t.Errorf("%q is not English", l)
		}
	}
}

func TestCount(t *testing.T) {
	for c, want := range map[*Catalogue]map[uint64]string{
		In(English): {0: "0 findings", 1: "1 finding", 2: "2 findings", 11: "11 findings"},
		gaelic(t):   {0: "0 rud", 1: "1 rud", 2: "2 rud", 3: "3 rudan", 11: "11 rud", 20: "20 rud"},
	} {
		for n, text := range want {
			if got := c.Count(TotalFindings, n); got != text {
				t.Errorf("%d: %q, want %q", n, got, text)
			}
		}
	}
	if got := In(English).Count(TotalEntries, 1, "n", "0", "of", "1"); got != "0 of 1 entry" {
		t.Errorf("%q", got)
	}
}

// What a source wrote is never taken for the name of something to fill in.
func TestFillIsOnePass(t *testing.T) {
	c := In(English)
	if got := c.Text("did.received.from", "data", "{sender}", "sender", "{data}"); got != "received {sender} from {data}" {
		t.Errorf("%q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{"no text": "a =", "no key": "= a", "no equals sign": "a", "twice": "a = b\na = c"} {
		if _, err := parse(text, plurals[English]); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	c, err := parse("# a = b\n\n  a.b   =  x = y  \r\n", plurals[English])
	if err != nil || !maps.Equal(c.texts, map[Key]string{"a.b": "x = y"}) {
		t.Errorf("%v, %v", c, err)
	}
}
