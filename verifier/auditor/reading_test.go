package auditor_test

import (
	"testing"

	"igledger/consent"
	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/policies/readers"
	"igledger/verifier/auditor"
)

// A reading that the operator served and logged although the table forbids it is found, at its
// position and with the reason. Those that the table permits are not.
func TestForbiddenReadingsAreFound(t *testing.T) {
	g := testlog.NewGoverned(testlog.New(origin))
	g.AddPublic(g.Organisation("operator", g.Registrar, g.Enroller, entry.RoleOperator)) // as a source too, which logs readings
	read := func(org string, extent readers.Extent, purpose, request string) uint64 {
		a := &entry.Access{
			Common: g.Common("operator"), Source: readers.Source, Org: org, Event: []string{readers.AuditLogUsed}, Action: "R",
			Data: []string{extent.Code()}, Purpose: []string{purpose}, Request: request, Outcome: "0",
			Recorded: "2026-11-22T08:00:00Z", Sub: g.IDs[0],
		}
		if request != "" {
			a.Identity = entry.ByDocuments
		}
		return g.AddSealed(testlog.Sign(g.Operator, a), g.IDs[0])
	}
	read("fife", readers.Own, "HCOMPL", "") // a controller
	want := map[uint64]error{
		read("fife", readers.Whole, "HCOMPL", ""):      readers.BadExtent,
		read("fife", readers.Own, "HMARKT", ""):        readers.BadUse,
		read("fife", readers.Whole, "PATRQT", "SAR-1"): readers.BadUse,
		read("nobody", readers.Own, "HCOMPL", ""):      readers.NoReader,
	}
	g.GiveVerdicts(consent.New())
	r := replay(t, g.Log).to(g.Size())
	doubts := r.verdicts.Doubts()
	if len(doubts) != len(want) || len(r.found) > 0 || len(r.verdicts.Wrong()) > 0 {
		t.Errorf("doubts %+v; found %v, wrong %v", doubts, r.found, r.verdicts.Wrong())
	}
	for _, d := range doubts {
		if err := want[d.Index]; d.Kind != auditor.ReadingForbidden || err == nil || d.Refused != err.Error() {
			t.Errorf("entry %d: %s, %s; want %v", d.Index, d.Kind, d.Refused, err)
		}
	}
}
