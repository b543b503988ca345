package verifier_test

import (
	"testing"

	"igledger/consent"
	"igledger/internal/testlog"
	"igledger/verifier"
)

// TestExtractShowsVerdicts: an extract shows what the ledger decided about an access, as a
// statement does.
func TestExtractShowsVerdicts(t *testing.T) {
	g := testlog.NewGoverned(testlog.New(origin))
	g.GiveVerdicts(consent.New())
	data, err := g.Extract(testlog.Claim{ID: g.IDs[0], IndexRoot: g.AddIndexRoot()}, g.Shared[0]).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	policy, err := verifier.PolicyForLog(g.Key)
	if err != nil {
		t.Fatal(err)
	}
	r := verifier.CheckExtract(verifier.StatementEvidence{Statement: data, Policy: policy, ID: g.IDs[0], Now: now})
	if r.Err() != nil || len(r.Entries) != 1 || r.Entries[0].Opening.Verdict == nil {
		t.Errorf("%v: %+v", r.Err(), r.Entries)
	}
}
