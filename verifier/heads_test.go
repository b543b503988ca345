package verifier_test

import (
	"strings"
	"testing"
	"time"

	"igledger/internal/testlog"
	"igledger/verifier"
)

// A checkpoint that is remembered vouches for itself only: one that differs, a policy that differs
// and another time are judged anew, and what failed is not remembered as good.
func TestHeads(t *testing.T) {
	s := testlog.NewSample(origin)
	i := s.Size() - 1
	good, forged := *s.Receipt(i, s.Size()), *s.Receipt(i, s.Size())
	at := strings.LastIndex(strings.TrimSpace(forged.Proof), " ") + 20 // within the signature
	changed := byte('A')
	if forged.Proof[at] == changed {
		changed = 'B'
	}
	forged.Proof = forged.Proof[:at] + string(changed) + forged.Proof[at+1:]
	own, other := only(t, s.Log), only(t, testlog.NewSample(origin).Log)
	now := time.Unix(1700000000, 0)
	var heads verifier.Heads
	for n, c := range []struct {
		forged bool
		policy *verifier.Policy
		now    time.Time
		want   verifier.Check
	}{
		{true, own, now, verifier.CheckCheckpointSignature}, {false, own, now, ""}, {false, own, now, ""},
		{true, own, now, verifier.CheckCheckpointSignature}, {true, own, now, verifier.CheckCheckpointSignature},
		{false, own, now, ""}, {false, other, now, verifier.CheckCheckpointSignature}, {false, own, now.Add(1), ""},
	} {
		ev := verifier.ReceiptEvidence{Receipt: &good, Entry: s.Entries[i], Policy: c.policy, Now: c.now, Genesis: genesis(t, s.Log)}
		if c.forged {
			ev.Receipt = &forged
		}
		_, want := verifier.CheckReceipt(ev)
		ev.Heads = &heads
		_, rep := verifier.CheckReceipt(ev)
		if first(rep) != c.want || len(rep.Results) != len(want.Results) || first(want) != c.want {
			t.Errorf("%d: %v with %d results, want %q with %d (%v)", n, rep.Err(), len(rep.Results), c.want, len(want.Results), want.Err())
		}
	}
}
