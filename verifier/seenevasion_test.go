package verifier_test

import (
	"testing"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/verifier"
)

// TestSeenEvasion: what an operator can do to a list that its reader has seen, without an index
// that is false and without a smaller log; and what an honest one does that only looks like it.
func TestSeenEvasion(t *testing.T) {
	w := newWorld(t)
	look := func(seen *verifier.Seen, l *testlog.Log, c testlog.Claim, change func(*bundle.Statement)) (*verifier.Seen, error) {
		t.Helper()
		c.ID, c.Cosigners = w.me(), w.everybody()
		s := l.Statement(c)
		if change != nil {
			change(s)
			l.Prove(s)
		}
		r := verifier.CheckStatement(verifier.StatementEvidence{Statement: testlog.StatementJSON(s), Policy: w.policy, ID: w.me(), Now: now})
		if r.Err() != nil {
			t.Fatalf("before it is compared: %v", r.Err())
		}
		return verifier.CheckSeen(r, seen, w.me(), func(id string) string { return "salted " + id }), r.Err()
	}
	mine := func(l *testlog.Log) uint64 { return l.AddSealed(w.Access("lothian", w.Second, w.me()), w.me()) }
	noNewer := func(s *bundle.Statement) { s.Newer = bundle.Entries{} }

	t.Run("an index that covers less, in a larger log", func(t *testing.T) {
		l := w.log()
		m, root := l.Size(), l.IndexAt(l.Size()).Root()
		mine(l)
		seen, _ := look(nil, l, testlog.Claim{IndexRoot: l.AddIndexRoot()}, nil)
		l.AddRandom(1)
		again, err := look(seen, l, testlog.Claim{IndexRoot: l.AddIndexRootOf(m, root, l.Operator)}, noNewer)
		if !isFailure(err, verifier.CheckSeenBefore) || again != seen {
			t.Error(err)
		}
	})
	t.Run("a newer entry is taken out", func(t *testing.T) {
		l := w.log()
		c := testlog.Claim{IndexRoot: l.AddIndexRootWhile(func() { mine(l) })}
		seen, _ := look(nil, l, c, nil)
		if _, err := look(seen, l, c, nil); err != nil {
			t.Errorf("the same file: %v", err)
		}
		if _, err := look(seen, l, c, noNewer); !isFailure(err, verifier.CheckSeenBefore) {
			t.Error(err)
		}
	})
	t.Run("an id is linked, unlinked and linked again", func(t *testing.T) {
		l := w.log()
		w.link(l, "linked", w.me(), w.other())
		seen, _ := look(nil, l, testlog.Claim{IndexRoot: l.AddIndexRoot()}, nil)
		w.link(l, "unlinked", w.me(), w.other())
		l.AddSealed(w.Access("lothian", w.Second, w.other()), w.other())
		seen, err := look(seen, l, testlog.Claim{IndexRoot: l.AddIndexRoot()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.link(l, "linked", w.me(), w.other())
		if _, err = look(seen, l, testlog.Claim{IndexRoot: l.AddIndexRoot()}, nil); err != nil {
			t.Errorf("an honest operator is accused: %v", err)
		}
	})
	t.Run("an entry is not what it claims", func(t *testing.T) {
		l := w.log()
		c := testlog.Claim{IndexRoot: l.AddIndexRoot(), ID: w.me(), Cosigners: w.everybody()}
		seen, _ := look(nil, l, c, nil)
		s := l.Statement(c)
		s.Entries[0].Disclosures = s.Entries[0].Disclosures[:1:1]
		s.Entries[0].Disclosures = append(s.Entries[0].Disclosures, s.Entries[0].Disclosures[0])
		r := verifier.CheckStatement(verifier.StatementEvidence{Statement: testlog.StatementJSON(s), Policy: w.policy, ID: w.me(), Now: now})
		if len(r.Doubtful) != 1 {
			t.Fatalf("%v", r.Err())
		}
		verifier.CheckSeen(r, seen, w.me(), func(id string) string { return "salted " + id })
		for _, f := range r.Failures {
			if f.Check == verifier.CheckSeenBefore {
				t.Errorf("the entry is there: %v", f)
			}
		}
	})
}
