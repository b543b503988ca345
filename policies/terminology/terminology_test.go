package terminology

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"igledger/ledger/wire"
)

// A small code system of our own: no code of a licensed one.
const bundle = `{"resourceType":"Bundle","type":"collection","entry":[
 {"resource":{"resourceType":"CodeSystem","url":"https://codes.example/care","content":"complete","hierarchyMeaning":"is-a",
  "concept":[{"code":"health","concept":[
    {"code":"sexual-health","concept":[{"code":"clinic-visit"},{"code":"test-result","concept":[{"code":"test-result-hiv"}]}]},
    {"code":"teeth"}]},
   {"code":"travel","property":[{"code":"parent","valueCode":"health"}]},
   {"code":"home","property":[{"code":"child","valueCode":"garden"}]}]}},
 {"resource":{"resourceType":"CodeSystem","url":"https://codes.example/parts","content":"complete","hierarchyMeaning":"part-of",
  "concept":[{"code":"hand","concept":[{"code":"finger"}]}]}},
 {"resource":{"resourceType":"CodeSystem","url":"https://codes.example/more","content":"supplement","concept":[{"code":"x"}]}},
 {"resource":{"resourceType":"ValueSet","url":"https://codes.example/vs/private","compose":{"include":[
   {"system":"https://codes.example/care","filter":[{"property":"concept","op":"is-a","value":"sexual-health"}]},
   {"system":"https://elsewhere.example","concept":[{"code":"a"}]}],
   "exclude":[{"system":"https://codes.example/care","concept":[{"code":"clinic-visit"}]}]}}},
 {"resource":{"resourceType":"ValueSet","url":"https://codes.example/vs/listed","expansion":{"contains":[
   {"system":"https://codes.example/care","code":"teeth"},{"abstract":true,"system":"https://codes.example/care","code":"travel",
    "contains":[{"system":"https://codes.example/care","code":"garden"}]}]}}},
 {"resource":{"resourceType":"Patient","id":"1"}}]}`

const closure = "subtypeId\tsupertypeId\r\n" +
	"1000001001\t1000001000\r\n1000001002\t1000001000\r\n1000001002\t1000001001\r\n1000002001\t1000002000\r\n"

func load(t testing.TB, files ...string) *Index {
	t.Helper()
	var readers []io.Reader
	for _, f := range files {
		readers = append(readers, strings.NewReader(f))
	}
	x, err := Load(readers...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestCovers(t *testing.T) {
	x := load(t, bundle, closure)
	const care, sct = "https://codes.example/care|", "http://snomed.info/sct|"
	for _, c := range []struct {
		outer, inner     string
		covers, mayCover bool
	}{
		{care + "sexual-health", care + "clinic-visit", true, true},
		{care + "sexual-health", care + "test-result-hiv", true, true},
		{care + "health", care + "test-result-hiv", true, true},
		{care + "health", care + "travel", true, true},
		{care + "home", care + "garden", true, true},
		{care + "sexual-health", care + "teeth", false, false},
		{care + "sexual-health", care + "health", false, true}, // the wider may hold the refused
		{care + "sexual-health", care + "new-code", false, true},
		{care + "retired", care + "teeth", false, true},
		{care + "sexual-health", "https://elsewhere.example|clinic-visit", false, false},
		{care + "health|x", care + "teeth", false, true},
		{"sexual-health", "clinic-visit", false, false},
		{care + "*", care + "teeth", false, false}, // that is CoversData's
		{"https://codes.example/parts|hand", "https://codes.example/parts|finger", false, false},
		{"https://codes.example/more|x", "https://codes.example/more|y", false, false},

		{"https://codes.example/vs/private|*", care + "test-result-hiv", true, true},
		{"https://codes.example/vs/private|*", care + "sexual-health", true, true},
		{"https://codes.example/vs/private|*", care + "clinic-visit", false, false},
		{"https://codes.example/vs/private|*", care + "teeth", false, false},
		{"https://codes.example/vs/private|*", care + "health", false, true},
		{"https://codes.example/vs/private|*", care + "new-code", false, true},
		{"https://codes.example/vs/private|*", "https://elsewhere.example|a", true, true},
		{"https://codes.example/vs/private|*", "https://elsewhere.example|b", false, false},
		{"https://codes.example/vs/listed|*", care + "garden", true, true},
		{"https://codes.example/vs/listed|*", care + "travel", false, false},

		{sct + "1000001000", sct + "1000001002", true, true},
		{sct + "1000001000", sct + "1000002001", false, false},
		{sct + "1000001000", "http://snomed.info/sct/83821000000107|1000001002", true, true},
		{sct + "1000001000", "http://snomed.info/sct|http://snomed.info/sct/83821000000107/version/20260401|1000001002", true, true},
		{sct + "1000001000", sct + "1000001002 |with a term|", true, true},
		{sct + "1000001000", sct + "1000001002 |a|:1000002001=1000002000", true, true},
		{sct + "1000001000", sct + "1000002001:1000002000=1000001002", false, true}, // refused in its refinement
		{sct + "1000001000", sct + "1000001002+1000002001", false, true},
		{sct + "1000001000", sct + "1000009999", false, true},
	} {
		if got := x.Covers(c.outer, c.inner); got != c.covers {
			t.Errorf("Covers(%s, %s) = %t", c.outer, c.inner, got)
		}
		if got := x.MayCover(c.outer, c.inner); got != c.mayCover {
			t.Errorf("MayCover(%s, %s) = %t", c.outer, c.inner, got)
		}
	}
	var none *Index
	if none.Covers(care+"health", care+"teeth") || none.MayCover(care+"health", care+"teeth") || none.Files() != nil {
		t.Error("an index of nothing covers something")
	}
}

func TestFiles(t *testing.T) {
	x := load(t, bundle, closure)
	want := sha256.Sum256([]byte(closure))
	if got := x.Files(); len(got) != 2 || !slices.Contains(got, wire.Hash(want)) {
		t.Errorf("files %v, want one to be %x", got, want)
	}
	if x := load(t); x != nil {
		t.Error("no files give an index")
	}
}

func TestRelationshipFile(t *testing.T) {
	const header = "id\teffectiveTime\tactive\tmoduleId\tsourceId\tdestinationId\trelationshipGroup\ttypeId\tcharacteristicTypeId\tmodifierId\n"
	row := func(active, sub, super, typ string) string {
		return "1\t20260101\t" + active + "\t2\t" + sub + "\t" + super + "\t0\t" + typ + "\t3\t4\n"
	}
	x := load(t, header+row("1", "1000001001", "1000001000", isA)+row("1", "1000001002", "1000001001", isA)+
		row("0", "1000003001", "1000001000", isA)+row("1", "1000004001", "1000001000", "363698007"))
	for code, want := range map[string]bool{"1000001002": true, "1000001001": true, "1000003001": false, "1000004001": false} {
		if got := x.Covers("http://snomed.info/sct|1000001000", "http://snomed.info/sct|"+code); got != want {
			t.Errorf("%s: %t", code, got)
		}
	}
}

func TestBadFiles(t *testing.T) {
	system := func(url, concepts string) string {
		return `{"resourceType":"CodeSystem","url":"` + url + `","content":"complete","concept":[` + concepts + `]}`
	}
	for name, files := range map[string][]string{
		"empty":          {""},
		"not JSON":       {`{"resourceType":`},
		"no code system": {`{"resourceType":"Patient"}`},
		"a circle": {system(
			"u",
			`{"code":"a","property":[{"code":"parent","valueCode":"b"}]},{"code":"b","property":[{"code":"parent","valueCode":"a"}]}`,
		)},
		"a code below itself": {system("u", `{"code":"a","concept":[{"code":"a"}]}`)},
		"no url":              {system("", `{"code":"a"}`)},
		"no code":             {system("u", `{"display":"a"}`)},
		"one system twice":    {system("u", `{"code":"a"}`), system("u", `{"code":"b"}`)},
		"one file twice":      {bundle, bundle},
		"no header":           {"1000001001\t1000001000\n"},
		"a short line":        {"subtypeId\tsupertypeId\n1000001001\n"},
		"not identifiers":     {"subtypeId\tsupertypeId\nabc\tdef\n"},
		"header only":         {"subtypeId\tsupertypeId\n"},
		"a set of sets":       {`{"resourceType":"ValueSet","url":"v","compose":{"include":[{"valueSet":["w"]}]}}`},
		"a set over nothing":  {`{"resourceType":"ValueSet","url":"v","compose":{"include":[{"system":"s"}]}}`},
		"an empty set":        {`{"resourceType":"ValueSet","url":"v","expansion":{"contains":[]}}`},
	} {
		var readers []io.Reader
		for _, f := range files {
			readers = append(readers, strings.NewReader(f))
		}
		if _, err := Load(readers...); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
	_, err := Load(strings.NewReader("subtypeId\tsupertypeId\n1000001001\t1000001000\nx\ty\n"))
	if e := new(Error); !errors.As(err, &e) || e.Line != 3 || e.File != 1 {
		t.Errorf("got %v, want file 1, line 3", err)
	}
}

// TestOracle compares the index with a walk over random hierarchies.
func TestOracle(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := 2 + rng.IntN(30)
		parents := make([][]int, n)
		var text bytes.Buffer
		text.WriteString("subtypeId\tsupertypeId\n")
		code := func(i int) string { return fmt.Sprint(1000000 + i) }
		for i := 1; i < n; i++ {
			for range 1 + rng.IntN(3) {
				p := rng.IntN(i)
				parents[i] = append(parents[i], p)
				fmt.Fprintf(&text, "%s\t%s\n", code(i), code(p))
			}
		}
		x := load(t, text.String())
		var above func(i, j int) bool
		above = func(i, j int) bool {
			for _, p := range parents[i] {
				if p == j || above(p, j) {
					return true
				}
			}
			return false
		}
		for i := range n {
			for j := range n {
				outer, inner := "http://snomed.info/sct|"+code(j), "http://snomed.info/sct|"+code(i)
				if got, want := x.Covers(outer, inner), i == j || above(i, j); got != want {
					t.Fatalf("seed %d: %d below %d: got %t", seed, i, j, got)
				}
				if got, want := x.MayCover(outer, inner), i == j || above(i, j) || above(j, i); got != want {
					t.Fatalf("seed %d: %d and %d: got %t", seed, i, j, got)
				}
			}
		}
	}
}

// FuzzLoad checks that no file makes loading or asking panic.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(bundle), "https://codes.example/care|health", "https://codes.example/care|teeth")
	f.Add([]byte(closure), "http://snomed.info/sct|1000001000", "http://snomed.info/sct|1000001002 |x|:1=2")
	f.Fuzz(func(t *testing.T, data []byte, outer, inner string) {
		x, err := Load(bytes.NewReader(data))
		if err != nil {
			return
		}
		if x.Covers(outer, inner) && !x.MayCover(outer, inner) {
			t.Error("covers, but may not cover")
		}
	})
}

func BenchmarkCovers(b *testing.B) {
	var text bytes.Buffer
	text.WriteString("subtypeId\tsupertypeId\n")
	for i := 1; i < 350_000; i++ { // as many as SNOMED CT has
		fmt.Fprintf(&text, "%d\t%d\n", 1_000_000+i, 1_000_000+(i-1)/4)
	}
	x := load(b, text.String())
	b.ReportAllocs()
	for b.Loop() {
		if !x.MayCover("http://snomed.info/sct|1000001", "http://snomed.info/sct|1087381") {
			b.Fatal("not below")
		}
	}
}
