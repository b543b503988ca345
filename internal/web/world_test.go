package web_test

import (
	"testing"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
)

// world is a log with witnesses, auditors and a policy that wants two of each.
type world struct {
	*testlog.Sample
	cosigners []*testlog.Cosigner
	policy    string
}

func newWorld() *world {
	w := &world{Sample: testlog.NewSample("ledger.example.test/2026")}
	for _, name := range []string{"witness.one.test/w", "witness.two.test/w", "board.test/audit", "university.test/audit"} {
		w.cosigners = append(w.cosigners, testlog.NewCosigner(name))
	}
	w.policy = string(testlog.Policy(w.Key, 2, w.cosigners[:2], w.cosigners[2:]))
	return w
}

// me is the person whose statements are asked for.
func (w *world) me() string { return w.IDs[0] }

// claim appends an index root and what came after it.
func (w *world) claim() testlog.Claim {
	c := testlog.Claim{ID: w.me(), IndexRoot: w.AddIndexRoot(), Cosigners: w.cosigners}
	w.AddRandom(3)
	return c
}

// access appends an access of an organisation to my record, altered.
func (w *world) access(t testing.TB, alter func(*entry.Access)) {
	t.Helper()
	a := *w.Access("lothian", w.Second, w.me()).Body.(*entry.Access)
	a.ID, a.SD = "", nil
	alter(&a)
	e, err := entry.Sign(w.Second, &a)
	if err != nil {
		t.Fatal(err)
	}
	w.AddSealed(e, w.me())
}

func marshal(t testing.TB, s *bundle.Statement) []byte {
	t.Helper()
	data, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
