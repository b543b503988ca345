package auditor

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

const origin = "ledger.test/2026"

// record is what an honest operator's feed has for a leaf.
func record(l *testlog.Log, i uint64) proof.FeedRecord {
	if o := l.Openings[i]; o != nil {
		return proof.FeedRecord{TagSalt: o.TagSalt, Tag: o.Tag}
	}
	return proof.FeedRecord{}
}

func begin(t testing.TB, l *testlog.Log) *Auditor {
	t.Helper()
	a, err := New(l.Key)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// audit adds the leaves up to size.
func audit(t testing.TB, a *Auditor, l *testlog.Log, size uint64) (found []Finding) {
	t.Helper()
	for i := a.Size(); i < size; i++ {
		list, err := a.Add(l.Leaves[i], record(l, i))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, list...)
	}
	return found
}

// grown is a sample with index roots in between, the last one behind.
func grown() *testlog.Sample {
	s := testlog.NewSample(origin)
	s.AddIndexRoot()
	for range 3 {
		for _, id := range s.IDs {
			s.Accesses = append(s.Accesses, s.AddSealed(s.Access("lothian", s.Second, id), id))
		}
		s.AddIndexRoot()
	}
	m := s.Size()
	root := s.IndexAt(m).Root()
	s.AddSealed(s.Access("lothian", s.Second, s.IDs[0]), s.IDs[0])
	s.AddIndexRootOf(m, root, s.Operator) // covers what was there before the last access
	s.AddSealed(s.Access("lothian", s.Second, s.IDs[1]), s.IDs[1])
	return s
}

// The roots are held against an index made by the definition, with no code in common but the
// hashes.
func TestHonestLogIsGood(t *testing.T) {
	s := grown()
	a := begin(t, s.Log)
	var public []uint64
	a.OnPublic = func(i uint64, e *entry.Entry) {
		public = append(public, i)
		if e.Compact != s.Entries[i].Compact {
			t.Errorf("entry %d is given as another", i)
		}
	}
	if found := audit(t, a, s.Log, s.Size()); len(found) > 0 || a.Behind() != nil {
		t.Fatalf("found %v, behind %v", found, a.Behind())
	}
	if a.Replay().Root() != s.Root(s.Size()) {
		t.Error("the replay has another root than the log")
	}
	got := a.Stats()
	want := Stats{Size: s.Size(), Covered: s.Size() - 3, RootIndex: s.Size() - 2, Roots: 5, Lag: 3, Longest: 11, Histories: len(s.IndexAt(s.Size() - 3))}
	if got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
	if uint64(len(public)) != a.Replay().Public() {
		t.Errorf("%d public entries given, %d passed", len(public), a.Replay().Public())
	}
}

// An operator who leaves an access out of the index, files it under somebody else, states any root,
// or goes back, is convicted at that root, and only there.
func TestFalseIndexRoots(t *testing.T) {
	for name, c := range map[string]struct {
		index func(s *testlog.Sample) testlog.Index
		size  func(m uint64) uint64
	}{
		"an access left out": {index: func(s *testlog.Sample) testlog.Index {
			h := s.Histories(s.Size())
			tag, _ := s.VRF.Tag(origin, s.IDs[0])
			k := proof.TagKey(tag)
			chain := h[k]
			head := proof.TagHead0(tag)
			chain.Indices = chain.Indices[:len(chain.Indices)-1]
			for _, i := range chain.Indices {
				head = proof.NextHead(head, i, proof.LeafHash(s.Leaves[i]))
			}
			chain.Head = head
			return testlog.IndexOf(h)
		}},
		"a person left out": {index: func(s *testlog.Sample) testlog.Index {
			h := s.Histories(s.Size())
			tag, _ := s.VRF.Tag(origin, s.IDs[2])
			delete(h, proof.TagKey(tag))
			return testlog.IndexOf(h)
		}},
		"somebody invented": {index: func(s *testlog.Sample) testlog.Index {
			x := s.IndexAt(s.Size())
			x[wire.Hash{1}] = wire.Hash{2}
			return x
		}},
		"a revocation left out": {index: func(s *testlog.Sample) testlog.Index {
			x := s.IndexAt(s.Size())
			delete(x, proof.NameKey("key:"+s.Source.KID))
			return x
		}},
		"one entry more than it says": {size: func(m uint64) uint64 { return m - 1 }},
		"covers what comes after it":  {size: func(m uint64) uint64 { return m + 1 }},
		"goes back":                   {size: func(uint64) uint64 { return 3 }},
	} {
		t.Run(name, func(t *testing.T) {
			s := grown()
			m, x := s.Size(), s.IndexAt(s.Size())
			if c.index != nil {
				x = c.index(s)
			}
			if c.size != nil {
				m = c.size(m)
			}
			at := s.AddIndexRootOf(m, x.Root(), s.Operator)
			s.AddIndexRoot() // it is honest from here on: that mends nothing
			a := begin(t, s.Log)
			found := audit(t, a, s.Log, s.Size())
			if len(found) != 1 || !found[0].Convicts || *found[0].Index != at || found[0].Check != verifier.CheckIndexRoot || !errors.Is(found[0], wire.BadIndexRoot) {
				t.Fatalf("found %v, want one false index root at %d", found, at)
			}
			if own := found[0].Own; (c.index != nil) && (own == nil || *own != s.IndexAt(m).Root()) {
				t.Errorf("gives %x for its own", own)
			}
		})
	}
}

// Each kind of record that does not open its leaf is refused before anything changes, and the right
// one is taken after.
func TestFeedThatDoesNotOpenTheLeaf(t *testing.T) {
	s := grown()
	other := record(s.Log, s.Accesses[1])
	for name, c := range map[string]struct {
		at  uint64
		rec func(proof.FeedRecord) proof.FeedRecord
	}{
		"another person's tag":   {s.Accesses[0], func(r proof.FeedRecord) proof.FeedRecord { r.Tag = other.Tag; return r }},
		"another leaf's salt":    {s.Accesses[0], func(r proof.FeedRecord) proof.FeedRecord { r.TagSalt = other.TagSalt; return r }},
		"another leaf's record":  {s.Accesses[0], func(proof.FeedRecord) proof.FeedRecord { return other }},
		"nothing":                {s.Accesses[0], func(proof.FeedRecord) proof.FeedRecord { return proof.FeedRecord{} }},
		"a tag of a public leaf": {1, func(r proof.FeedRecord) proof.FeedRecord { r.Tag[31] = 1; return r }},
	} {
		a := begin(t, s.Log)
		audit(t, a, s.Log, c.at)
		root, stats := a.Replay().Root(), a.Stats()
		_, err := a.Add(s.Leaves[c.at], c.rec(record(s.Log, c.at)))
		var f *verifier.Failure
		if !errors.As(err, &f) || f.Check != verifier.CheckTagCommitment || *f.Index != c.at || !errors.Is(err, wire.BadCommitment) {
			t.Errorf("%s: %v, want a failed tag commitment of entry %d", name, err, c.at)
		}
		if a.Replay().Root() != root || a.Stats() != stats {
			t.Errorf("%s: what was refused changed something", name)
		}
		if found := audit(t, a, s.Log, s.Size()); len(found) > 0 {
			t.Errorf("%s: then found %v", name, found)
		}
	}
}

// What may not stand in a log convicts, and does not hide what comes after it.
func TestLeavesThatMayNotStand(t *testing.T) {
	for name, c := range map[string]struct {
		add   func(s *testlog.Sample) uint64
		check verifier.Check
	}{
		"no leaf form":               {func(s *testlog.Sample) uint64 { return s.AddRaw([]byte{3, 1, 2}) }, verifier.CheckLeafForm},
		"an access in a public leaf": {func(s *testlog.Sample) uint64 { return s.AddRaw(proof.PublicLeaf(s.Entries[s.Accesses[0]].Compact)) }, verifier.CheckLeafForm},
		"a revoked signer's index root": {func(s *testlog.Sample) uint64 {
			s.AddPublic(s.Revocation("operator", s.Operator.KID))
			return s.AddIndexRoot()
		}, verifier.CheckKeyStatus},
		"an index root by a source":        {func(s *testlog.Sample) uint64 { return s.AddIndexRootOf(3, s.IndexAt(3).Root(), s.Second) }, verifier.CheckAuthority},
		"an organisation nobody confirmed": {func(s *testlog.Sample) uint64 { return s.AddPublic(s.Organisation("fife", s.Registrar, nil)) }, verifier.CheckRegister},
	} {
		s := grown()
		bad := c.add(s)
		wrong := s.AddIndexRootOf(s.Size(), wire.Hash{9}, s.Operator)
		a := begin(t, s.Log)
		found := audit(t, a, s.Log, s.Size())
		if len(found) == 0 || !found[0].Convicts || *found[0].Index != bad || found[0].Check != c.check {
			t.Errorf("%s: found %v, want a failed %s at %d", name, found, c.check, bad)
			continue
		}
		if last := found[len(found)-1]; *last.Index != wrong {
			t.Errorf("%s: hides the false index root after it", name)
		}
	}
}

// A lag above the genesis' is found while it lasts, and once more when it is over; a lag of exactly
// that much is allowed.
func TestLag(t *testing.T) {
	l := testlog.NewLag(origin, 10)
	org := func(i int) { l.AddPublic(l.Organisation(fmt.Sprintf("board-%d", i), l.Registrar, l.Enroller)) }
	for i := range 9 {
		org(i)
	}
	a := begin(t, l)
	if found := audit(t, a, l, 10); len(found) > 0 || a.Behind() != nil {
		t.Fatalf("10 behind of 10 allowed: found %v, %v", found, a.Behind())
	}
	org(9)
	if found := audit(t, a, l, 11); len(found) > 0 || a.Behind() == nil || a.Behind().Convicts || a.Behind().Check != verifier.CheckIndexLag || !strings.Contains(a.Behind().Found, "11 behind") {
		t.Fatalf("11 behind of 10 allowed: found %v, %v", found, a.Behind())
	}
	l.AddIndexRootOf(1, l.IndexAt(1).Root(), l.Operator) // it is logged, and still leaves 11 out
	if found := audit(t, a, l, l.Size()); len(found) > 0 || a.Behind() == nil {
		t.Errorf("a root that leaves out 11: found %v, %v", found, a.Behind())
	}
	late := l.AddIndexRoot()
	found := audit(t, a, l, l.Size())
	if len(found) != 1 || found[0].Convicts || found[0].Check != verifier.CheckIndexLag || *found[0].Index != late || a.Behind() != nil || a.Stats().Longest != 11 {
		t.Errorf("caught up: found %v, behind %v, longest %d", found, a.Behind(), a.Stats().Longest)
	}
	org(11)
	l.AddIndexRoot()
	if found := audit(t, a, l, l.Size()); len(found) > 0 {
		t.Errorf("after that: found %v", found)
	}
}

// Only a log that ends in an index root, which is right, may be cosigned.
func TestUnanchored(t *testing.T) {
	s := grown()
	a := begin(t, s.Log)
	check := func(want bool) {
		t.Helper()
		audit(t, a, s.Log, s.Size())
		if f := a.Unanchored(); (f == nil) != want || f != nil && (f.Check != verifier.CheckAnchor || f.Convicts) {
			t.Errorf("size %d: %v", s.Size(), f)
		}
	}
	check(false)
	s.AddIndexRoot()
	check(true)
	s.AddRaw(s.Leaves[1]) // public, so the feed has nothing to open
	check(false)
	s.AddIndexRoot()
	s.AddIndexRoot()
	check(true)
	s.AddIndexRootOf(1, s.IndexAt(1).Root(), s.Operator) // behind an earlier one
	check(false)
}

// The same sample comes of the same seed, and each leaf has its chance.
func TestSample(t *testing.T) {
	offer := func(seed byte, n int) []uint64 {
		s := NewSample(5, [32]byte{seed})
		for i := range uint64(n) {
			s.Offer(Sealed{Index: i})
		}
		chosen, of := s.Take()
		if of != uint64(n) {
			t.Errorf("%d offered, want %d", of, n)
		}
		var list []uint64
		for _, c := range chosen {
			list = append(list, c.Index)
		}
		return list
	}
	if a, b := offer(1, 1000), offer(1, 1000); !slices.Equal(a, b) || len(a) != 5 {
		t.Errorf("one seed gives %v and %v", a, b)
	}
	if a, b := offer(1, 1000), offer(2, 1000); slices.Equal(a, b) {
		t.Error("two seeds give the same sample")
	}
	if got := offer(3, 3); !slices.Equal(got, []uint64{0, 1, 2}) {
		t.Errorf("of 3 leaves %v are chosen", got)
	}
	count := [10]int{}
	for seed := range 200 {
		for _, i := range offer(byte(seed), 10) {
			count[i]++
		}
	}
	for i, n := range count {
		if n < 60 || n > 140 { // 100 expected, deviation 7
			t.Errorf("leaf %d was chosen %d times of 200", i, n)
		}
	}
}

// An opening that is wrong in any way is refused; misfiling is seen although both commitments and
// the signature are good.
func TestOpenings(t *testing.T) {
	s := grown()
	at := s.Accesses[3]
	misfiled := s.AddSealed(s.Access("lothian", s.Second, s.IDs[0]), s.IDs[1])
	stolen := s.AddSealed(s.Access("lothian", s.Source, s.IDs[0]), s.IDs[0])
	a := begin(t, s.Log)
	audit(t, a, s.Log, s.Size())
	head := proof.Checkpoint{Origin: origin, Size: s.Size(), Root: s.Root(s.Size())}
	log, err := verifier.LogKey(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	check := func(at uint64, change func(o *bundle.Opening)) verifier.Report {
		o := *s.Openings[at]
		if change != nil {
			change(&o)
		}
		p, err := proof.ParseInclusion([]byte(s.Receipt(at, s.Size()).Proof))
		if err != nil {
			t.Fatal(err)
		}
		return CheckOpening(Sealed{at, s.Leaves[at], a.Register()}, &o, p.Hashes, head, log)
	}
	if rep := check(at, nil); rep.Err() != nil {
		t.Errorf("a good opening: %v", rep.Err())
	}
	other := s.Openings[s.Accesses[4]]
	for name, c := range map[string]struct {
		at     uint64
		change func(o *bundle.Opening)
		check  verifier.Check
	}{
		"of another entry":              {at, func(o *bundle.Opening) { *o = *other }, verifier.CheckOpeningForm},
		"of another entry, renumbered":  {at, func(o *bundle.Opening) { *o = *other; o.Index = at }, verifier.CheckTagCommitment},
		"another tag than the feed's":   {at, func(o *bundle.Opening) { o.Tag = other.Tag }, verifier.CheckTagCommitment},
		"another content":               {at, func(o *bundle.Opening) { o.JWS, o.Disclosures = other.JWS, other.Disclosures }, verifier.CheckBodyCommitment},
		"another body salt":             {at, func(o *bundle.Opening) { o.BodySalt = other.BodySalt }, verifier.CheckBodyCommitment},
		"another VRF proof":             {at, func(o *bundle.Opening) { o.VRFProof = other.VRFProof }, verifier.CheckFiling},
		"no disclosures":                {at, func(o *bundle.Opening) { o.Disclosures = nil }, verifier.CheckFiling},
		"filed under somebody else":     {misfiled, nil, verifier.CheckFiling},
		"by a key that counted no more": {stolen, nil, verifier.CheckKeyStatus},
	} {
		rep := check(c.at, c.change)
		if !slices.ContainsFunc(rep.Failures, func(f *verifier.Failure) bool { return f.Check == c.check }) {
			t.Errorf("%s: %v, want a failed %s", name, rep.Failures, c.check)
		}
		for _, f := range rep.Failures {
			for _, id := range s.IDs {
				if _, number, _ := strings.Cut(id, ":"); strings.Contains(f.Error(), number) {
					t.Errorf("%s: names a person", name)
				}
			}
		}
	}
}

// An entry is judged by the roles of its place: that its source lost the role later accuses nobody.
func TestRoleTakenAwayLater(t *testing.T) {
	s := grown()
	at := s.Accesses[0]
	a := begin(t, s.Log)
	audit(t, a, s.Log, at+1)
	then := a.Register()
	org := *then.Organisation("lothian")
	org.Roles = []entry.Role{entry.RoleController}
	e, err := entry.Sign(s.Registrar, &entry.Organisation{Common: entry.Common{Issuer: "registrar", Audience: origin}, Organisation: org})
	if err != nil {
		t.Fatal(err)
	}
	s.AddPublic(e)
	if found := audit(t, a, s.Log, s.Size()); len(found) > 0 {
		t.Fatal(found)
	}
	log, err := verifier.LogKey(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	p, err := proof.ParseInclusion([]byte(s.Receipt(at, s.Size()).Proof))
	if err != nil {
		t.Fatal(err)
	}
	head := proof.Checkpoint{Origin: origin, Size: s.Size(), Root: s.Root(s.Size())}
	if rep := CheckOpening(Sealed{at, s.Leaves[at], then}, s.Openings[at], p.Hashes, head, log); rep.Err() != nil {
		t.Errorf("by the register of its place: %v", rep.Err())
	}
	if rep := CheckOpening(Sealed{at, s.Leaves[at], a.Register()}, s.Openings[at], p.Hashes, head, log); rep.Err() == nil {
		t.Error("the later register says nothing against it, so this test shows nothing")
	}
}

// Statements for a period rest on the dates of index roots: one dated before an earlier one
// convicts, also after the auditor was started again.
func TestDatesOfIndexRoots(t *testing.T) {
	s := testlog.NewSample(origin)
	s.AddIndexRootAt(testlog.Now)
	s.AddIndexRootAt(testlog.Now) // the same second is in order
	a := begin(t, s.Log)
	if found := audit(t, a, s.Log, s.Size()); len(found) > 0 {
		t.Fatalf("roots in order: %v", found)
	}
	var state bytes.Buffer
	if err := a.WriteState(&state, s.Checkpoint(s.Size()), nil); err != nil {
		t.Fatal(err)
	}
	again, _, _, err := ReadState(&state, s.Key)
	if err != nil {
		t.Fatal(err)
	}
	at := s.AddIndexRootAt(testlog.Now - 1)
	s.AddIndexRootAt(testlog.Now)
	for name, a := range map[string]*Auditor{"going on": a, "started again": again} {
		found := audit(t, a, s.Log, s.Size())
		if len(found) != 1 || !found[0].Convicts || found[0].Check != verifier.CheckIndexRoot || *found[0].Index != at {
			t.Errorf("%s: %v", name, found)
		}
	}
}
