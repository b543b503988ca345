package vault

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"testing"

	"igledger/ledger/entry"
)

// Every flag that package entry has is stored and read again. FlagSuspectKey alone has no stored
// form: a key can become suspect after the entry, so readers add it.
func TestEveryFlagHasAForm(t *testing.T) {
	for _, f := range entry.Flags() {
		if f != entry.FlagSuspectKey {
			roundTrip(t, "flag "+string(f), Content{SDJWT: sdjwt, Flags: []entry.Flag{f}})
		}
	}
}

// Every result of a verdict that package entry has is stored and read again.
func TestEveryResultHasAForm(t *testing.T) {
	list := resultsInSource(t)
	if len(list) < 3 {
		t.Errorf("found only the results %q in package entry", list)
	}
	for _, r := range list {
		roundTrip(t, "result "+string(r), Content{SDJWT: sdjwt, Verdict: &entry.Verdict{Result: r}})
	}
}

func roundTrip(t *testing.T, name string, c Content) {
	t.Helper()
	packed, err := packContent(nil, c)
	if err != nil {
		t.Errorf("%s: %v: append it to the list in pack.go and add a vector to stored.json", name, err)
		return
	}
	got, err := unpackContent(packed)
	if err != nil || !reflect.DeepEqual(got.Flags, c.Flags) || !reflect.DeepEqual(got.Verdict, c.Verdict) {
		t.Errorf("%s: read as %v and %+v, %v", name, got.Flags, got.Verdict, err)
	}
}

// resultsInSource returns the constants of type VerdictResult in the source of package entry, which
// exports no list of them.
func resultsInSource(t *testing.T) []entry.VerdictResult {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../entry/verdict.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []entry.VerdictResult
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "VerdictResult" {
			return true
		}
		for _, v := range spec.Values {
			text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, entry.VerdictResult(text))
		}
		return true
	})
	return list
}
