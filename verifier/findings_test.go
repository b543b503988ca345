package verifier

import (
	"strings"
	"testing"

	"igledger/ledger/bundle"
)

// TestFindingsCount: a report of one thing does not speak of many.
func TestFindingsCount(t *testing.T) {
	shown, hidden, newer := StatementEntry{}, StatementEntry{Hidden: true}, StatementEntry{Newer: true}
	list := func(rows ...StatementEntry) []StatementEntry { return rows }
	period := &bundle.Period{From: 2, To: 5}
	for name, c := range map[string]struct {
		r    StatementReport
		says string
	}{
		"none":          {StatementReport{EveryoneShown: true}, "yes, as of entry 9: no access on record; no reads of everybody's data on record"},
		"one":           {StatementReport{Entries: list(shown)}, "yes, as of entry 9: 1 entry on record, shown"},
		"two":           {StatementReport{Entries: list(shown, shown, newer)}, "yes, as of entry 9: 2 entries on record, all shown; 1 newer shown besides, outside the proof"},
		"one hidden":    {StatementReport{Period: period, Entries: list(hidden)}, "yes, for entries 2 to 4 as of entry 9: 0 shown, none left out; 1 outside the period exists and is not shown; that none"},
		"two hidden":    {StatementReport{Period: period, Entries: list(hidden, shown, hidden)}, "1 shown, none left out; 2 outside the period exist and are not shown; that none"},
		"long period":   {StatementReport{Period: &bundle.Period{From: 2, To: 50}}, "yes, for entries 2 to 8 as of entry 9: 0 shown"},
		"one read":      {StatementReport{EveryoneShown: true, Everyone: list(shown, newer)}, "; 1 read of everybody's data on record, shown; 1 newer of these outside the proof"},
		"a hidden read": {StatementReport{EveryoneShown: true, Everyone: list(hidden)}, "; 1 read of everybody's data on record, not shown"},
		"two reads":     {StatementReport{EveryoneShown: true, Everyone: list(hidden, shown)}, "; all 2 reads of everybody's data on record, 1 of them shown"},
		"one linked":    {StatementReport{Linked: []LinkedHistory{{Entries: list(shown)}}}, "; 1 entry under 1 linked id, shown"},
		"two linked":    {StatementReport{Linked: []LinkedHistory{{Entries: list(shown)}, {Entries: list(hidden, shown)}}}, "; all 3 entries under 2 linked ids, 2 of them shown"},
		"nothing there": {StatementReport{Linked: []LinkedHistory{{}}}, "; all 0 entries under 1 linked id, 0 of them shown"},
	} {
		c.r.Authentic, c.r.Complete, c.r.Below = true, true, 9
		if got := findings(&c.r).Complete; !strings.Contains(got, c.says) {
			t.Errorf("%s: %q does not say %q", name, got, c.says)
		}
	}
	for n, says := range []string{"whose keys counted", "not so 1 newer entry, of whose signer nothing is proved yet", "not so 2 newer entries, of whose signers nothing is proved yet"} {
		if got := findings(&StatementReport{Authentic: true, Complete: true, Unproved: n}).Authentic; !strings.HasSuffix(got, says) {
			t.Errorf("%d unproved: %q", n, got)
		}
	}
}
