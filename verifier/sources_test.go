package verifier

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"igledger/ledger/entry"
)

// TestSources: a stream has one finding for each thing that is wrong with it, and none if it is
// whole. The findings are the same after the state was written and read. testdata/sources.golden
// has their words.
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
	var words strings.Builder
	for _, c := range []struct {
		name  string
		beats []*entry.Entry
		sums  []*entry.Entry
		want  int // findings
	}{
		{"whole", []*entry.Entry{beat("10"), beat("09"), beat("11")}, []*entry.Entry{count("10", 5, 9, 5, 5), count("09", 1, 4, 4, 4), count("11", 10, 9, 0, 0)}, 0},
		{"yesterday's is not due yet", []*entry.Entry{beat("09"), beat("10")}, nil, 0},
		{"stopped", []*entry.Entry{beat("08"), beat("09")}, nil, 1},
		{"a day is missing", []*entry.Entry{beat("08"), beat("10"), beat("11")}, nil, 1},
		{"many days are missing", []*entry.Entry{beat("01"), beat("04"), beat("06"), beat("10"), beat("11")}, nil, 1},
		{"declared", []*entry.Entry{beat("10", gaps), beat("11", unverified)}, []*entry.Entry{count("10", 1, 9, 7, 7), count("11", 10, 12, 3, 2)},
			2},
		{"two words on a day", []*entry.Entry{beat("11"), beat("11", gaps)}, nil, 1},
		{"numbers leap", []*entry.Entry{beat("10"), beat("11")}, []*entry.Entry{count("10", 1, 9, 9, 9), count("11", 11, 12, 2, 2)}, 1},
		{"numbers fall back", []*entry.Entry{beat("10"), beat("11")}, []*entry.Entry{count("10", 1, 9, 9, 9), count("11", 9, 12, 4, 4)}, 1},
		{"a gap that is not declared", []*entry.Entry{beat("11")}, []*entry.Entry{count("11", 1, 9, 8, 8)}, 1},
		{"receipts are missing and not declared", []*entry.Entry{beat("11")}, []*entry.Entry{count("11", 1, 9, 9, 8)}, 1},
		{"numbers without a heartbeat", nil, []*entry.Entry{count("11", 1, 9, 9, 9)}, 1},
		{"numbers withheld", []*entry.Entry{beat("11")}, []*entry.Entry{{Common: entry.Common{Issuer: "SRC"}, Body: &entry.SourceCount{Source: "ehr", Day: "2026-11-11"}}}, 0},
		{"other entries", []*entry.Entry{{Body: &entry.IndexRoot{}}}, []*entry.Entry{{Body: &entry.Access{}}}, 0},
	} {
		s := NewSources()
		for i, e := range c.beats {
			s.Add(100+uint64(i), e)
		}
		for _, e := range c.sums {
			s.AddCount(e)
		}
		got := s.Findings(now)
		if len(got) != c.want {
			t.Errorf("%s: %q, want %d", c.name, got, c.want)
		}
		for _, text := range got {
			fmt.Fprintf(&words, "%s: %s\n", c.name, text)
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
	Golden(t, "sources", words.String())
}
