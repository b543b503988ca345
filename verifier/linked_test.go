package verifier_test

import (
	"slices"
	"testing"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// other is a number that lothian gave to me.
func (w *world) other() string { return w.IDs[2] }

func (w *world) link(l *testlog.Log, act, sub, other string) uint64 {
	return l.AddSealed(w.Link("lothian", w.Second, act, sub, other), sub)
}

// ownKey is a key for agreements that an organisation adds for itself.
func ownKey(t testing.TB, admin *wire.Signer, org string, key *wire.Signer) *entry.Entry {
	t.Helper()
	proof, err := entry.ProveKey(key, origin, org)
	if err != nil {
		t.Fatal(err)
	}
	e, err := entry.Sign(admin, &entry.Key{Common: entry.Common{Issuer: org, Audience: origin, IssuedAt: testlog.Now}, Org: org,
		Key: entry.PublicKey{JWK: key.Public, Purposes: []entry.Purpose{entry.PurposeAgreements}}, Proof: proof})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ids(list []verifier.LinkedHistory) (out []string) {
	for _, h := range list {
		out = append(out, h.ID)
	}
	return out
}

func TestLinkedIDs(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		make     func(l *testlog.Log) testlog.Claim
		linked   []string
		oneSided bool
	}{
		"both ways": {func(l *testlog.Log) testlog.Claim {
			w.link(l, "linked", w.me(), w.other())
			w.link(l, "linked", w.other(), w.me())
			return w.indexed(l)
		}, []string{w.other()}, false},
		"one way": {func(l *testlog.Log) testlog.Claim {
			w.link(l, "linked", w.me(), w.other())
			return w.indexed(l)
		}, []string{w.other()}, true},
		"from the other side only": {func(l *testlog.Log) testlog.Claim {
			w.link(l, "linked", w.other(), w.me())
			return w.indexed(l)
		}, nil, false},
		"unlinked": {func(l *testlog.Log) testlog.Claim {
			w.link(l, "linked", w.me(), w.other())
			w.link(l, "unlinked", w.me(), w.other())
			return w.indexed(l)
		}, nil, false},
		"linked again": {func(l *testlog.Log) testlog.Claim {
			w.link(l, "linked", w.me(), w.other())
			w.link(l, "unlinked", w.me(), w.other())
			w.link(l, "linked", w.me(), w.other())
			return w.indexed(l)
		}, []string{w.other()}, true},
		"two, by registrar and board": {func(l *testlog.Log) testlog.Claim {
			key := testlog.Signer(wire.EdDSA)
			l.AddPublic(ownKey(t, w.Registrar, "registrar", key))
			l.AddSealed(w.Link("registrar", key, "linked", w.me(), w.IDs[1]), w.me())
			w.link(l, "linked", w.me(), w.other())
			return w.indexed(l)
		}, []string{w.IDs[1], w.other()}, true},
		"newer than the index": {func(l *testlog.Log) testlog.Claim {
			return w.indexedWhile(l, func() {
				l.AddRandom(1)
				w.link(l, "linked", w.me(), w.other())
			})
		}, nil, false},
		"the first that the index lacks": {func(l *testlog.Log) testlog.Claim {
			return w.indexedWhile(l, func() { w.link(l, "linked", w.me(), w.other()) })
		}, nil, false},
		"unlinked since the index": {func(l *testlog.Log) testlog.Claim {
			w.link(l, "linked", w.me(), w.other())
			return w.indexedWhile(l, func() { w.link(l, "unlinked", w.me(), w.other()) })
		}, []string{w.other()}, true},
		"links of the linked are not followed": {func(l *testlog.Log) testlog.Claim {
			w.link(l, "linked", w.me(), w.other())
			w.link(l, "linked", w.other(), w.IDs[1])
			return w.indexed(l)
		}, []string{w.other()}, true},
	} {
		l := w.log()
		claim := c.make(l)
		r := w.check(testlog.StatementJSON(l.Statement(claim)))
		if r.Err() != nil || !r.Authentic || !r.Complete {
			t.Errorf("%s: %v, %+v", name, r.Err(), r.Lines)
			continue
		}
		if got := ids(r.Linked); !slices.Equal(got, c.linked) {
			t.Errorf("%s: %d linked, want %d", name, len(got), len(c.linked))
		}
		for _, h := range r.Linked {
			if h.OneSided != c.oneSided || h.Link < w.Size() || len(h.Entries) == 0 {
				t.Errorf("%s: one-sided %v, link at %d, %d entries", name, h.OneSided, h.Link, len(h.Entries))
			}
			for _, e := range h.Entries {
				if !e.Hidden && (e.Entry == nil || e.Entry.ShownSub() != h.ID) {
					t.Errorf("%s: entry %d is another's or not read", name, e.Index)
				}
			}
		}
	}
}

// TestLinkedByNoLink: if a history is shown that no link in force names, no result says that the
// linked ids are right, and nothing is said about a link back.
func TestLinkedByNoLink(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	c := w.indexed(l)
	c.Linked = []string{w.IDs[1]}
	r := w.check(raw(t, l.Statement(c)))
	if len(r.Failures) != 1 || !isFailure(r.Err(), verifier.CheckLinked) || len(r.Linked) != 1 || r.Linked[0].OneSided {
		t.Fatalf("%v, %d linked", r.Failures, len(r.Linked))
	}
	passed := 0 // the pseudonym of the id; that the ids are right does not pass
	for _, res := range r.Results {
		if res.Check == verifier.CheckLinked && res.Status == verifier.OK {
			passed++
		}
	}
	if passed != 1 {
		t.Errorf("%d results say that linked ids are right, want 1", passed)
	}
}

// newLinkedWorld is a world in which statements are asked of a number that is linked with me.
func newLinkedWorld(t testing.TB) *world {
	w := newWorld(t)
	w.link(w.Log, "linked", w.other(), w.me())
	w.linked = true
	return w
}

// linkTamperings belong to the catalogue.
func linkTamperings(w *world) []tampering {
	claimed := func(with []string, acts ...string) func(testing.TB) ([]byte, string) {
		return func(t testing.TB) ([]byte, string) {
			l := w.log()
			for _, act := range acts {
				w.link(l, act, w.me(), w.other())
			}
			c := w.indexed(l)
			c.Linked = with
			return raw(t, l.Statement(c)), w.me()
		}
	}
	altered := func(change func(l *testlog.Log, s *bundle.Statement)) func(testing.TB) ([]byte, string) {
		return func(t testing.TB) ([]byte, string) {
			l := w.log()
			w.link(l, "linked", w.me(), w.other())
			s := l.Statement(w.indexed(l))
			change(l, s)
			l.Prove(s)
			return raw(t, s), w.me()
		}
	}
	return []tampering{
		{"what stands under a linked id is left out", claimed([]string{}, "linked"), verifier.CheckLinked, true},
		{"another person is shown as linked", claimed([]string{w.IDs[1]}), verifier.CheckLinked, true},
		{"another person is shown as linked besides", claimed([]string{w.IDs[1], w.other()}, "linked"), verifier.CheckLinked, true},
		{"another person is shown in place of the linked id", claimed([]string{w.IDs[1]}, "linked"), verifier.CheckLinked, true},
		{"what was unlinked is shown as linked", claimed([]string{w.other()}, "linked", "unlinked"), verifier.CheckLinked, true},
		{"another's empty list is shown for the linked id", altered(func(l *testlog.Log, s *bundle.Statement) {
			nobody := l.Statement(testlog.Claim{ID: "chi:0202021238", IndexRoot: s.IndexRoot.Index})
			s.Linked[0].History = *nobody.Own()
		}), verifier.CheckLinked, true},
		{"the link is dropped with what it names", altered(func(l *testlog.Log, s *bundle.Statement) {
			s.Entries, s.Subject.Count, s.Linked = s.Entries[:2], 2, bundle.LinkedHistories{}
		}), verifier.CheckHistory, true},
		{"the other id of a link is not shown", altered(func(l *testlog.Log, s *bundle.Statement) {
			e := &s.Entries[2]
			e.Disclosures = slices.DeleteFunc(slices.Clone(e.Disclosures), func(d string) bool { p, _ := wire.ParseDisclosure(d); return p.Name == "other" })
			s.Linked = bundle.LinkedHistories{}
		}), verifier.CheckDisclosures, false},
		{"an organisation links two numbers that it did not give", func(t testing.TB) ([]byte, string) {
			l := w.log()
			l.AddSealed(w.Link("lothian", w.Second, "linked", w.me(), w.IDs[1]), w.me())
			return raw(t, l.Statement(w.indexed(l))), w.me()
		}, verifier.CheckAuthority, false},
		{"a key for accesses links", func(t testing.TB) ([]byte, string) {
			l := w.log()
			key := testlog.Signer(wire.EdDSA)
			l.AddPublic(l.AddKey("lothian", key, entry.PurposeSubmit))
			l.AddSealed(w.Link("lothian", key, "linked", w.me(), w.other()), w.me())
			return raw(t, l.Statement(w.indexed(l))), w.me()
		}, verifier.CheckAuthority, false},
	}
}

// TestTamperedLinkedHistory does to the history of a linked id, in the statement of the number that
// is linked with it, what the catalogue does to the subject's history, and expects the same check
// to fail.
func TestTamperedLinkedHistory(t *testing.T) {
	w := newLinkedWorld(t)
	check := func(data []byte, id string) *verifier.StatementReport {
		return verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: w.policy, ID: id, Now: now})
	}
	l := w.log()
	if r := check(w.finished(t, w.statement(l, w.indexed(l))), w.asked()); r.Err() != nil || !r.Complete || len(r.Linked) != 1 || len(r.Linked[0].Entries) != 2 || len(r.Entries) != 3 {
		t.Fatalf("an honest one: %v", r.Err())
	}
	for _, c := range append(tamperings(w), anchorTamperings(w)...) {
		t.Run(c.name, func(t *testing.T) { c.caught(t, check, verifier.CheckLinked) })
	}
}
