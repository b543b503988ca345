package verifier_test

import (
	"errors"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
)

// TestTorchwoodTakesReceipts: the proof in a receipt is C2SP tlog-proof, and our policy files are
// C2SP tlog-policy, so the verifier of other authors takes a witnessed receipt under our own policy
// file, and refuses what ours refuses.
func TestTorchwoodTakesReceipts(t *testing.T) {
	s := testlog.NewSample(origin)
	w, x, a := testlog.NewCosigner("w.test/w"), testlog.NewCosigner("x.test/x"), testlog.NewCosigner("board.test/audit")
	policy, err := torchwood.ParsePolicy(testlog.Policy(s.Key, 1, []*testlog.Cosigner{w, x}, []*testlog.Cosigner{a}))
	if err != nil {
		t.Fatal(err)
	}
	size := s.Size()
	under := func(l *testlog.Log, index uint64, by ...*testlog.Cosigner) *bundle.Receipt {
		f := l.Fork(size)
		f.Cosign(size, by...)
		return f.Receipt(index, size)
	}
	verify := func(r *bundle.Receipt) error {
		return torchwood.VerifyProof(policy, tlog.RecordHash(r.Leaf), []byte(r.Proof))
	}
	for i := range size {
		if err := verify(under(s.Log, i, w, a)); err != nil {
			t.Errorf("leaf %d: %v", i, err)
		}
	}
	var unverified *note.UnverifiedNoteError
	for name, r := range map[string]*bundle.Receipt{
		"signed by the log only": under(s.Log, 3),
		"by witnesses only":      under(s.Log, 3, w, x),
		"by a stranger":          under(s.Log, 3, w, testlog.NewCosigner("board.test/audit")),
		"of a forged log":        under(testlog.NewSampleOn(s.Forge()).Log, 3),
	} {
		if err := verify(r); !errors.As(err, &unverified) {
			t.Errorf("%s: %v", name, err)
		}
	}
	moved := under(s.Log, 3, w, a)
	moved.Leaf = s.Leaves[4]
	var other *torchwood.VerifyRecordError
	if err := verify(moved); !errors.As(err, &other) {
		t.Errorf("another leaf: %v", err)
	}
}
