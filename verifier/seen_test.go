package verifier_test

import (
	"encoding/json"
	"errors"
	"testing"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/proof"
	"igledger/verifier"
)

// TestSeen: what a reader saw before is there at their next look, or the look fails.
func TestSeen(t *testing.T) {
	w := newWorld(t)
	name := func(id string) string { return "salted " + id }
	look := func(seen *verifier.Seen, data []byte, days *bundle.Days) (*verifier.Seen, *verifier.StatementReport) {
		r := verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: w.policy, ID: w.me(), Period: days, Now: now})
		if r.Err() != nil {
			t.Fatalf("before it is compared: %v", r.Err())
		}
		next := verifier.CheckSeen(r, seen, w.me(), name)
		kept, err := json.Marshal(next)
		if err != nil {
			t.Fatal(err)
		}
		again := new(verifier.Seen)
		if err := json.Unmarshal(kept, again); err != nil {
			t.Fatal(err)
		}
		return again, r
	}
	statement := func(d *dated, p *bundle.Period) []byte { return testlog.StatementJSON(d.Statement(d.claim(w, p))) }
	fork := func(d *dated, size uint64) *dated { f := *d; f.Log = d.Fork(size); return &f }
	access := func(l *dated) uint64 { return l.AddSealed(w.Access("lothian", w.Second, w.me()), w.me()) }

	l := w.log()
	link := w.link(l, "linked", w.me(), w.other())
	d := w.dated(l)
	first, r := look(nil, statement(d, nil), nil)
	if o, reason := r.Outcome(); o != verifier.Good {
		t.Fatalf("a first look: %s", reason)
	}
	grown := fork(d, d.Size())
	added := access(grown)
	grown.last = grown.AddIndexRootAt(testlog.Now)
	second, r := look(first, statement(grown, nil), nil)
	if r.Err() != nil || second.Size != grown.Size() {
		t.Fatalf("a log that has grown: %v", r.Err())
	}
	p := grown.Period(the12th, grown.r1, grown.r3)
	third, r := look(second, statement(grown, p), asked(the12th))
	if o, reason := r.Outcome(); o != verifier.Good {
		t.Fatalf("a period of it: %s", reason)
	}

	for name, c := range map[string]struct {
		seen  *verifier.Seen
		make  func() *dated
		cause error
	}{
		"the log is smaller": {second, func() *dated { return d }, verifier.ErrRewound},
		"the log is smaller than in a period that was seen": {third, func() *dated { return d }, verifier.ErrRewound},
		"the log forked": {second, func() *dated {
			f := fork(grown, added)
			f.AddRandom(1)
			f.last = f.AddIndexRootAt(testlog.Now)
			return f
		}, verifier.ErrForked},
		"an entry is lost, in a larger log": {second, func() *dated {
			f := fork(grown, added)
			f.AddRandom(3)
			f.last = f.AddIndexRootAt(testlog.Now)
			return f
		}, nil},
		"an entry is replaced, in a larger log": {second, func() *dated {
			f := fork(grown, added)
			access(f)
			f.AddRandom(3)
			f.last = f.AddIndexRootAt(testlog.Now)
			return f
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.make()
			next, r := look(c.seen, statement(f, nil), nil)
			if !isFailure(r.Err(), verifier.CheckSeenBefore) || r.Complete || !r.Authentic {
				t.Fatalf("%v", r.Err())
			}
			if c.cause != nil && !errors.Is(r.Err(), c.cause) {
				t.Errorf("%v is not because %v", r.Err(), c.cause)
			}
			if o, _ := r.Outcome(); o != verifier.Untrue {
				t.Error(o)
			}
			if next.Size != c.seen.Size {
				t.Error("it is remembered")
			}
		})
	}

	// A whole statement has shown the link, so one for a period cannot hide it any more, with what is
	// on record under the linked id.
	s := grown.Statement(grown.claim(w, p))
	for i, e := range s.Entries {
		if e.Index == link {
			s.Entries[i] = bundle.HiddenEntry(link, proof.LeafHash(grown.Leaves[link]))
		}
	}
	s.Linked = bundle.LinkedHistories{}
	grown.Prove(s)
	if _, r := look(nil, testlog.StatementJSON(s), asked(the12th)); r.Err() != nil {
		t.Errorf("at a first look nothing shows it: %v", r.Err())
	}
	if _, r := look(third, testlog.StatementJSON(s), asked(the12th)); !isFailure(r.Err(), verifier.CheckSeenBefore) {
		t.Errorf("a link that was seen is hidden: %v", r.Err())
	}
}
