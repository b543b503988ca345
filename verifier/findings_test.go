package verifier

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"igledger/ledger/bundle"
	"igledger/ledger/proof"
)

// TestFindings compares the findings with testdata/findings.golden. A report of one thing does not
// speak of many.
func TestFindings(t *testing.T) {
	shown, hidden, newer := StatementEntry{}, StatementEntry{Hidden: true}, StatementEntry{Newer: true}
	list := func(rows ...StatementEntry) []StatementEntry { return rows }
	period := &bundle.Period{From: 2, To: 5}
	var words strings.Builder
	for _, c := range []struct {
		name string
		r    StatementReport
	}{
		{"none", StatementReport{EveryoneShown: true}},
		{"one", StatementReport{Entries: list(shown)}},
		{"two", StatementReport{Entries: list(shown, shown, newer)}},
		{"one hidden", StatementReport{Period: period, Entries: list(hidden)}},
		{"two hidden", StatementReport{Period: period, Entries: list(hidden, shown, hidden)}},
		{"long period", StatementReport{Period: &bundle.Period{From: 2, To: 50}}},
		{"one read", StatementReport{EveryoneShown: true, Everyone: list(shown, newer)}},
		{"a hidden read", StatementReport{EveryoneShown: true, Everyone: list(hidden)}},
		{"two reads", StatementReport{EveryoneShown: true, Everyone: list(hidden, shown)}},
		{"one linked", StatementReport{Linked: []LinkedHistory{{Entries: list(shown)}}}},
		{"two linked", StatementReport{Linked: []LinkedHistory{{Entries: list(shown)}, {Entries: list(hidden, shown)}}}},
		{"nothing linked", StatementReport{Linked: []LinkedHistory{{}}}},
		{"audited", StatementReport{AuditedEnough: true}},
		{"one came meanwhile", StatementReport{Head: proof.Checkpoint{Size: 11}}},
		{"many came meanwhile", StatementReport{Head: proof.Checkpoint{Size: 5000}}},
	} {
		c.r.Authentic, c.r.Complete, c.r.Below, c.r.Head.Size = true, true, 9, max(c.r.Head.Size, 10)
		c.r.Asked = &bundle.Days{From: "2026-03-01", To: "2026-03-31"}
		fmt.Fprintf(&words, "%s: %s\n", c.name, findings(&c.r).Complete)
	}
	r := StatementReport{Authentic: true, Complete: true, Head: proof.Checkpoint{Origin: "ledger.test"}}
	fmt.Fprintf(&words, "authentic: %s\n", findings(&r).Authentic)
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	period = &bundle.Period{From: 9, To: 12}
	failed := StatementReport{NobodyAsked: true}
	failed.Fail(&Failure{Check: CheckHistory, Meaning: "the list is not the one in the index"})
	incomplete := failed
	incomplete.Authentic = true
	for _, c := range []struct {
		name string
		r    StatementReport
	}{
		{"nothing is known", StatementReport{}},
		{"dated by the operator", StatementReport{SignedAt: at}},
		{"dated by the operator, long ago", StatementReport{SignedAt: at, Checked: at.Add(72 * time.Hour), Stale: true}},
		{"failed", failed},
		{"incomplete", incomplete},
		{"an extract", StatementReport{Authentic: true, Extract: true, AsOf: at, Checked: at.Add(time.Hour)}},
		{
			"a part",
			StatementReport{
				Authentic: true, Period: period, Partly: "the period is not over", Below: 9, Stale: true, AsOf: at,
				Checked: at.Add(72 * time.Hour),
			},
		},
	} {
		f := findings(&c.r)
		fmt.Fprintf(&words, "%s:\n  %s\n  %s\n  %s\n  %s\n", c.name, f.Authentic, f.Complete, f.Cosigned, f.Fresh)
	}
	Golden(t, "findings", words.String())
}
