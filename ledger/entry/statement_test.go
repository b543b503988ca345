package entry_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"igledger/internal/testneeds"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// A statement is read back as it was written, and proves what it should.
func TestStatementRoundTrip(t *testing.T) {
	s := newWorld(t).story()
	stated := s.index.root(s.index.keys(), 0)
	for name, st := range map[string]*bundle.Statement{
		"whole":                 s.statement(testSub, nil),
		"period":                s.statement(testSub, &bundle.Period{From: 4, To: 8}),
		"nobody":                s.statement(nobodySub, nil),
		"everybody":             s.statement(entry.RegEveryone, nil),
		"nothing in the period": s.statement(testSub, &bundle.Period{From: 6, To: 7}),
		"period beyond M":       s.statement(testSub, &bundle.Period{From: 100, To: 200}),
	} {
		t.Run(name, func(t *testing.T) {
			text := marshalled(t, st)
			again, err := bundle.ParseStatement([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if marshalled(t, again) != text {
				t.Error("is written differently after it was read")
			}
			if strings.Contains(text, "0101011237") || strings.Contains(text, "9434765919") {
				t.Error("the id is in the statement")
			}
			if (name == "everybody") != (again.Everyone == nil) {
				t.Errorf("%d histories", len(again.Histories()))
			}
			for _, h := range again.Histories() {
				if root, err := h.IndexRootHash(); err != nil || root != stated {
					t.Errorf("leads to another index root: %v", err)
				}
			}
			for _, c := range again.Chains {
				if root, err := c.Root(); err != nil || root != stated {
					t.Errorf("chain leads to another index root: %v", err)
				}
			}
			leaves, err := again.LeafHashes()
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyMulti(leaves, again.Nodes, uint64(len(s.leaves)), mth(s.leaves)); err != nil {
				t.Error(err)
			}
			who := testSub
			if name == "everybody" {
				who = entry.RegEveryone
			}
			for _, e := range again.Entries {
				o := e.Opening(again.Subject.Tag)
				if p := st.Period; e.Opened() != (p == nil || e.Index >= p.From && e.Index < p.To) || e.Opened() != (o != nil) {
					t.Fatalf("entry at %d is opened: %v", e.Index, e.Opened())
				}
				if o == nil {
					if e.Leaf(again.Subject.Tag) != nil {
						t.Error("a hidden entry has a leaf")
					}
				} else if got, err := openLeaf(o, s.leaves[e.Index]); err != nil || got.ShownSub() != who {
					t.Errorf("entry at %d does not open its leaf: %v", e.Index, err)
				}
			}
		})
	}
}

// A statement with a linked id is read back as it was written, and all its histories lead to the
// same index root.
func TestLinkedRoundTrip(t *testing.T) {
	s := newWorld(t).linkedStory()
	stated := s.index.root(s.index.keys(), 0)
	text := marshalled(t, s.statement(linkedSub, &bundle.Period{From: 0, To: 4}))
	again, err := bundle.ParseStatement([]byte(text))
	if err != nil || marshalled(t, again) != text {
		t.Fatalf("is not read again as it was: %v", err)
	}
	if strings.Contains(text, "A-77") {
		t.Error("the subject's id is in the statement")
	}
	list := again.Histories()
	if len(list) != 3 || list[2].Count != 3 || again.Linked[0].ID != testSub {
		t.Fatalf("%d histories", len(list))
	}
	for i, h := range list {
		if root, err := h.IndexRootHash(); err != nil || root != stated {
			t.Errorf("history %d leads to another index root: %v", i, err)
		}
	}
}

func TestLinks(t *testing.T) {
	links := entry.Links{}
	for i, act := range []struct{ act, other string }{{"linked", "chi:2"}, {"linked", "chi:1"}, {"unlinked", "chi:3"},
		{"unlinked", "chi:2"}, {"linked", "chi:2"}, {"linked", "chi:4"}, {"unlinked", "chi:4"}} {
		links.Add(uint64(i), &entry.Link{Act: act.act, Other: act.other})
	}
	if got := links.IDs(); !slices.Equal(got, []string{"chi:1", "chi:2"}) || links["chi:2"] != 4 {
		t.Errorf("%v", links)
	}
}

// ParseLink finds links in any spelling of JSON that their issuers used.
func TestLinkOf(t *testing.T) {
	w := newWorld(t)
	link := w.sign(w.board, w.linkBody())
	spelt, err := entry.Parse(w.edit(link, w.board, `"type":"link"`, `"type": "l\u0069nk"`))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*entry.Entry{link, spelt} {
		if l, err := entry.ParseLink(e.Compact, e.Encoded()); err != nil || l == nil || l.Other != testSub {
			t.Errorf("%v, %v", l, err)
		}
	}
	access := w.sign(w.board, w.accessBody())
	if l, err := entry.ParseLink(access.Compact, access.Encoded()); err != nil || l != nil {
		t.Errorf("an access: %v, %v", l, err)
	}
	if _, err := entry.ParseLink("x.y.z", nil); err == nil {
		t.Error("something that is not an entry is read")
	}
}

// From an extract in which sub is withheld a reader cannot tell whose the entries are, nor that two
// are about the same person.
func TestExtractKeepsTagClosed(t *testing.T) {
	s := newWorld(t).story()
	x := s.extract(3, 5, 7)
	for i := range x.Entries {
		x.Entries[i].Disclosures = nil
	}
	text := marshalled(t, x)
	tag, proof := s.w.vrf.Tag(testOrigin, testSub)
	for what, secret := range map[string][]byte{"tag": tag[:], "VRF proof": proof, "salt": s.openings[3].TagSalt[:]} {
		if strings.Contains(text, wire.Encode64(secret)) {
			t.Errorf("the extract holds the %s", what)
		}
	}
	again, err := bundle.ParseExtract([]byte(text))
	if err != nil || marshalled(t, again) != text {
		t.Fatalf("is not read again as it was: %v", err)
	}
	for _, e := range again.Entries {
		if !slices.Equal(e.Leaf(), s.leaves[e.Index]) {
			t.Errorf("entry at %d makes another leaf", e.Index)
		}
	}
}

// The writer refuses what the reader would refuse.
func TestMarshalChecks(t *testing.T) {
	s := newWorld(t).story()
	st := s.statement(testSub, nil)
	st.Subject.Count++
	if _, err := st.Marshal(); !errors.Is(err, wire.BadStatement) {
		t.Error(err)
	}
	st = s.statement(testSub, nil)
	st.Chains = make(bundle.Chains, 4096+1)
	if _, err := st.Marshal(); !errors.Is(err, wire.TooLarge) {
		t.Error(err)
	}
	if _, err := (&bundle.Extract{Evidence: s.evidence(bundle.FormatExtract)}).Marshal(); !errors.Is(err,
		wire.BadStatement) {
		t.Error(err)
	}
}

// A missing list differs from an empty one: each list must be there.
func TestStatementMissingMembers(t *testing.T) {
	s := newWorld(t).story()
	for what, c := range map[string]struct {
		text  string
		parse func([]byte) error
	}{
		"statement": {marshalled(t, s.statement(testSub, nil)), func(b []byte) error {
			_,
				err := bundle.ParseStatement(b)
			return err
		}},
		"extract": {marshalled(t, s.extract(3)), func(b []byte) error {
			_,
				err := bundle.ParseExtract(b)
			return err
		}},
	} {
		var members map[string]jsontext.Value
		if err := json.Unmarshal([]byte(c.text), &members); err != nil {
			t.Fatal(err)
		}
		for name := range members {
			if name == "everyone" { // a statement about RegEveryone has none
				continue
			}
			without := maps.Clone(members)
			delete(without, name)
			b, err := json.Marshal(without)
			if err != nil {
				t.Fatal(err)
			}
			var own *wire.Error
			if err := c.parse(b); !errors.As(err, &own) {
				t.Errorf("%s without %s: %v", what, name, err)
			}
		}
		for i := 0; i < len(c.text); i += 1 + len(c.text)/997 {
			if c.parse([]byte(c.text[:i])) == nil {
				t.Errorf("%s cut at %d is accepted", what, i)
			}
		}
	}
}

// Files made to exhaust the reader are refused at a limit, before they take more memory than a few
// times their size.
func TestStatementLimits(t *testing.T) {
	testneeds.Time(t, "statements of 64 MiB and lists of 200,000 elements")
	s := newWorld(t).story()
	good := marshalled(t, s.statement(testSub, nil))
	const n = 200_000 // elements: more than any list but that of entries may have
	many := func(element string) string { return strings.TrimSuffix(strings.Repeat(element, n), ",") }
	list := func(name, elements string) string {
		return strings.Replace(good, `"`+name+`":[`, `"`+name+`":[`+elements+`,`, 1)
	}
	for name, c := range map[string]struct {
		text string
		code wire.Code
	}{
		"more than 64 MiB":  {good + strings.Repeat(" ", bundle.MaxSize), wire.TooLarge},
		"empty entries":     {list("newer", many(`{},`)), wire.BadStatement},
		"empty chains":      {list("chains", many(`{},`)), wire.BadStatement},
		"empty leaves":      {list("leaves", many(`{},`)), wire.BadLeaf},
		"empty disclosures": {list("disclosures", many(`"",`)), wire.TooLarge},
		"empty text":        {list("text", many(`"",`)), wire.TooLarge},
		"empty siblings":    {list("siblings", many(`"",`)), wire.TooLarge},
		"many lists deep":   {list("chains", strings.Repeat("[", n)), wire.BadJSON},
		"many objects deep": {list("entries", strings.Repeat(`{"tagSalt":`, n)), wire.BadJSON},
	} {
		t.Run(name, func(t *testing.T) {
			data := []byte(c.text)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := bundle.ParseStatement(data)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, c.code) {
				t.Error(err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20+8*uint64(len(data)) {
				t.Errorf("allocated %d bytes for %d", used, len(data))
			}
		})
	}
}

// This test measures the size of an access in a statement: a thousand accesses of ordinary size,
// spread evenly over a log of a million, which is the worst case for shared nodes. The disclosure
// fhir (the parts of the source's record that the ledger does not model) has no ordinary size and
// is withheld.
func TestStatementSizePerAccess(t *testing.T) {
	const accesses, size = 1000, 1_000_000
	w := newWorld(t)
	tag, vrfProof := w.vrf.Tag(testOrigin, testSub)
	s := w.story()
	st := &bundle.Statement{Evidence: s.evidence(bundle.FormatStatement),
		Subject: bundle.Subject{Tag: tag, VRFProof: vrfProof, Count: accesses}}
	rnd := rand.New(rand.NewPCG(5, 6))
	indices := []uint64{0, size - 1}
	st.IndexRoot.Index = size - 1
	for i := range uint64(accesses) {
		index := 1 + i*(size/accesses) + rnd.Uint64N(size/accesses-1)
		_, o := w.seal(w.sign(w.board, w.accessBody()), index)
		o.Received = "2026-11-22T08:15:01.123456Z"
		o.Disclosures = slices.DeleteFunc(o.Disclosures, func(d string) bool {
			parsed, err := wire.ParseDisclosure(d)
			return err != nil || parsed.Name == "fhir"
		})
		st.Entries = append(st.Entries, bundle.NewEntry(&o))
		indices = append(indices, index)
	}
	ids, err := proof.MultiProofNodes(indices, size)
	if err != nil {
		t.Fatal(err)
	}
	for i := range ids {
		st.Nodes = append(st.Nodes, testHash(fmt.Sprint(i)))
	}
	text := marshalled(t, st)
	fixed := marshalled(t, s.statement(nobodySub, nil)) // checkpoint, genesis, chains
	per := (len(text) - len(fixed)) / accesses
	t.Logf("%d bytes per access (and %d once), of which nodes %d; jws %d, disclosures %d", per, len(fixed),
		len(ids)*43/accesses, len(st.Entries[0].JWS), len(strings.Join(st.Entries[0].Disclosures, "")))
	if per > 2560 {
		t.Errorf("%d bytes per access, at most 2560", per)
	}
	if _, err := bundle.ParseStatement([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkParseStatement(b *testing.B) {
	w := newWorld(b)
	s := w.story()
	st := s.statement(testSub, nil)
	st.Newer = nil
	first := st.Entries[0]
	st.Entries = nil
	for i := range 1000 {
		e := first
		e.Index = uint64(3 + i)
		st.Entries = append(st.Entries, e)
	}
	st.Subject.Count = 1000
	text := []byte(marshalled(b, st))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := bundle.ParseStatement(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyMulti(b *testing.B) {
	const accesses, size = 1000, 1_000_000
	leaves, indices := map[uint64]wire.Hash{}, []uint64{}
	for i := range uint64(accesses) {
		leaves[i*1000], indices = testHash("x"), append(indices, i*1000)
	}
	ids, err := proof.MultiProofNodes(indices, size)
	if err != nil {
		b.Fatal(err)
	}
	nodes := make([]wire.Hash, len(ids))
	for b.Loop() {
		if err := proof.VerifyMulti(leaves, nodes, size, wire.Hash{}); !errors.Is(err, wire.BadProof) {
			b.Fatal(err)
		}
	}
}

func FuzzParseStatement(f *testing.F) {
	s := newWorld(f).story()
	linked := newWorld(f).linkedStory().statement(linkedSub, nil)
	for _, st := range []*bundle.Statement{s.statement(testSub, nil), s.statement(testSub,
		&bundle.Period{From: 4, To: 8}), s.statement(nobodySub, nil), s.statement(entry.RegEveryone, nil), linked} {
		f.Add(marshalled(f, st))
	}
	f.Fuzz(func(t *testing.T, text string) {
		st, err := bundle.ParseStatement([]byte(text))
		if err != nil {
			refused(t, err, text)
			return
		}
		b, err := st.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := bundle.ParseStatement(b); err != nil || marshalled(t, again) != string(b) {
			t.Fatalf("taken once and not again: %v", err)
		}
		// Every statement that passes the form checks can be hashed.
		for _, h := range st.Histories() {
			if _, err := h.IndexRootHash(); err != nil {
				refused(t, err, text)
			}
		}
		for i := range st.Chains {
			if _, err := st.Chains[i].Root(); err != nil {
				refused(t, err, text)
			}
		}
		if leaves, err := st.LeafHashes(); err != nil {
			refused(t, err, text)
		} else if err := proof.VerifyMulti(leaves, st.Nodes, 1000, wire.Hash{}); !errors.Is(err, wire.BadProof) {
			t.Fatal(err)
		}
	})
}

func FuzzParseExtract(f *testing.F) {
	s := newWorld(f).story()
	withheld := s.extract(3)
	withheld.Entries[0].Disclosures, withheld.Entries[0].Flags = nil, bundle.Flags{entry.FlagLate, entry.FlagCheckDigit}
	for _, x := range []*bundle.Extract{s.extract(3, 5), s.extract(4, 7, 9), withheld} {
		f.Add(marshalled(f, x))
	}
	f.Fuzz(func(t *testing.T, text string) {
		x, err := bundle.ParseExtract([]byte(text))
		if err != nil {
			refused(t, err, text)
			return
		}
		b, err := x.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := bundle.ParseExtract(b); err != nil || marshalled(t, again) != string(b) {
			t.Fatalf("taken once and not again: %v", err)
		}
		if _, err := x.LeafHashes(); err != nil {
			refused(t, err, text)
		}
	})
}
