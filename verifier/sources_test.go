package verifier

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/ledger/entry"
)

// TestSources: one finding for each thing that is wrong with a stream, none for one that is whole, and the same after the state was kept and read.
func TestSources(t *testing.T) {
	now := time.Date(2026, 11, 12, 9, 0, 0, 0, time.UTC)
	beat := func(day string, change ...func(*entry.Heartbeat)) *entry.Entry {
		h := &entry.Heartbeat{Source: "ehr", Day: "2026-11-" + day, Interval: 3600, Receipts: true}
		for _, f := range change {
			f(h)
		}
		return &entry.Entry{Common: entry.Common{Issuer: "SRC"}, Body: h}
	}
	count := func(day string, first, last, n, receipts uint64) *entry.Entry {
		return &entry.Entry{Common: entry.Common{Issuer: "SRC"}, Body: &entry.SourceCount{Source: "ehr", Day: "2026-11-" + day, First: &first, Last: &last, Count: &n, Receipts: &receipts}}
	}
	gaps := func(h *entry.Heartbeat) { h.Gaps = true }
	unverified := func(h *entry.Heartbeat) { h.Receipts = false }
	for _, c := range []struct {
		name  string
		beats []*entry.Entry
		sums  []*entry.Entry
		want  []string // beginnings, without "stream ehr of SRC: "
	}{
		{"whole", []*entry.Entry{beat("10"), beat("09"), beat("11")}, []*entry.Entry{count("10", 5, 9, 5, 5), count("09", 1, 4, 4, 4), count("11", 10, 9, 0, 0)}, nil},
		{"yesterday's is not due yet", []*entry.Entry{beat("09"), beat("10")}, nil, nil},
		{"stopped", []*entry.Entry{beat("08"), beat("09")}, nil, []string{"heartbeats stopped: the last one is of 2026-11-09, at entry 101"}},
		{"a day is missing", []*entry.Entry{beat("08"), beat("10"), beat("11")}, nil, []string{"no heartbeat for 2026-11-09"}},
		{"many days are missing", []*entry.Entry{beat("01"), beat("04"), beat("06"), beat("10"), beat("11")}, nil, []string{"no heartbeat for 2026-11-02 to 2026-11-03, 2026-11-05, 2026-11-07 to 2026-11-09"}},
		{"declared", []*entry.Entry{beat("10", gaps), beat("11", unverified)}, []*entry.Entry{count("10", 1, 9, 7, 7), count("11", 10, 12, 3, 2)},
			[]string{"it says that entries will never come of 2026-11-10", "it did not hold a checked receipt of every entry of 2026-11-11"}},
		{"two words on a day", []*entry.Entry{beat("11"), beat("11", gaps)}, nil, []string{"two heartbeats"}},
		{"numbers leap", []*entry.Entry{beat("10"), beat("11")}, []*entry.Entry{count("10", 1, 9, 9, 9), count("11", 11, 12, 2, 2)}, []string{"numbers of 2026-11-11 begin at 11, those of the day before end at 9"}},
		{"numbers fall back", []*entry.Entry{beat("10"), beat("11")}, []*entry.Entry{count("10", 1, 9, 9, 9), count("11", 9, 12, 4, 4)}, []string{"numbers of 2026-11-11 begin at 9"}},
		{"a gap that is not declared", []*entry.Entry{beat("11")}, []*entry.Entry{count("11", 1, 9, 8, 8)}, []string{"8 of the 9 numbers of 2026-11-11"}},
		{"receipts are missing and not declared", []*entry.Entry{beat("11")}, []*entry.Entry{count("11", 1, 9, 9, 8)}, []string{"8 receipts for 9 entries of 2026-11-11"}},
		{"numbers without a heartbeat", nil, []*entry.Entry{count("11", 1, 9, 9, 9)}, []string{"numbers of 2026-11-11 without a heartbeat"}},
		{"numbers withheld", []*entry.Entry{beat("11")}, []*entry.Entry{{Common: entry.Common{Issuer: "SRC"}, Body: &entry.SourceCount{Source: "ehr", Day: "2026-11-11"}}}, nil},
		{"other entries", []*entry.Entry{{Body: &entry.IndexRoot{}}}, []*entry.Entry{{Body: &entry.Access{}}}, nil},
	} {
		s := NewSources()
		for i, e := range c.beats {
			s.Add(100+uint64(i), e)
		}
		for _, e := range c.sums {
			s.AddCount(e)
		}
		got := s.Findings(now)
		if !slices.EqualFunc(got, c.want, func(g, w string) bool { return strings.HasPrefix(g, "stream ehr of SRC: "+w) }) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		state, err := json.Marshal(s)
		again := NewSources()
		if err == nil {
			err = json.Unmarshal(state, again)
		}
		if err != nil || !reflect.DeepEqual(again.Findings(now), got) || !reflect.DeepEqual(again, s) {
			t.Errorf("%s: kept and read: %q, %v", c.name, again.Findings(now), err)
		}
	}
}
