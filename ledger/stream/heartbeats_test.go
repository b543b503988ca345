package stream

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// TestHeartbeats checks that the order of heartbeats does not matter and that a second one for a
// day is ignored.
func TestHeartbeats(t *testing.T) {
	day := func(d string, interval uint64, gaps, receipts bool) *entry.Heartbeat {
		return &entry.Heartbeat{Source: "trak", Day: d, Interval: interval, Gaps: gaps, Receipts: receipts}
	}
	list := []*entry.Heartbeat{
		day("2026-02-27", 60, false, true),
		day("2026-02-28", 60, true, true),
		day("2026-03-03", 900, false, false),
		day("2026-03-01", 120, false, true),
	}
	var first Heartbeats
	for round := range 24 {
		var h Heartbeats
		for _, b := range list {
			if !h.Take(b) {
				t.Fatalf("%s is not new", b.Day)
			}
		}
		if h.Take(day("2026-02-27", 3600, true, false)) {
			t.Fatal("a second word on a day is new")
		}
		if round == 0 {
			first = h
		}
		if !reflect.DeepEqual(h, first) {
			t.Fatalf("in another order: %+v, want %+v", h, first)
		}
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	if first.Interval != 900 || first.LastDay() != "2026-03-03" || first.Gaps.Count() != 1 || first.Unverified.Count() != 1 {
		t.Errorf("%+v", first)
	}
	missing := first.Missing()
	if len(missing) != 1 || missing[0].Len() != 1 || wire.FormatDay(missing[0].First) != "2026-03-02" {
		t.Errorf("missing %v", missing)
	}
	due := int64(first.Days.Highest()+1) * 24 * 60 * 60 // 2026-03-04T00:00:00Z
	for after, want := range map[int64]bool{0: false, 2*24*60*60 - 1: false, 2 * 24 * 60 * 60: true} {
		if first.Overdue(due+after) != want {
			t.Errorf("%d s after the last day's end, overdue: %v", after, !want)
		}
	}
	if (&Heartbeats{}).Overdue(due) || (&Heartbeats{}).LastDay() != "" || (&Heartbeats{}).Missing() != nil {
		t.Error("a stream without heartbeats misses some")
	}
}
