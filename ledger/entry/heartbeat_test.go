package entry

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestHeartbeats: the order in which heartbeats come does not change what they say, and a second word on a day does not count.
func TestHeartbeats(t *testing.T) {
	day := func(d string, interval uint64, gaps, receipts bool) *Heartbeat {
		return &Heartbeat{Source: "trak", Day: d, Interval: interval, Gaps: gaps, Receipts: receipts}
	}
	list := []*Heartbeat{
		day("2026-02-27", 60, false, true), day("2026-02-28", 60, true, true), day("2026-03-03", 900, false, false), day("2026-03-01", 120, false, true),
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
	if len(missing) != 1 || missing[0].Len() != 1 || FormatDay(missing[0].First) != "2026-03-02" {
		t.Errorf("missing %v", missing)
	}
	due := int64(first.Days.Highest()+1) * secondsPerDay // 2026-03-04T00:00:00Z
	for after, want := range map[int64]bool{0: false, 2*secondsPerDay - 1: false, 2 * secondsPerDay: true} {
		if first.Overdue(due+after) != want {
			t.Errorf("%d s after the last day's end, overdue: %v", after, !want)
		}
	}
	if (&Heartbeats{}).Overdue(due) || (&Heartbeats{}).LastDay() != "" || (&Heartbeats{}).Missing() != nil {
		t.Error("a stream without heartbeats misses some")
	}
}

func TestDayNumber(t *testing.T) {
	for day, want := range map[string]uint64{"1970-01-01": 0, "2026-11-21": 20778, "9999-12-31": 2932896} {
		n, err := DayNumber(day)
		if err != nil || n != want || FormatDay(n) != day {
			t.Errorf("%s is %d (%v), back %s", day, n, err, FormatDay(n))
		}
	}
	for _, day := range []string{"", "2026-11-31", "1969-12-31", "2026-1-1", "20261121", "2026-11-21Z", "+026-11-21"} {
		if _, err := DayNumber(day); !errors.Is(err, BadClaim) {
			t.Errorf("%q is a day: %v", day, err)
		}
	}
}

// Every sealed type has sub among its disclosures and eight digests at most; public types have neither.
func TestSealedTypes(t *testing.T) {
	for typ, newOf := range newBody {
		b, ok := newOf().(sealedBody)
		if ok != typ.Sealed() {
			t.Errorf("%s: sealed %v, its body %v", typ, typ.Sealed(), ok)
		}
		if !ok {
			continue
		}
		names := map[string]bool{}
		for _, c := range disclosed(b) {
			names[c.name] = true
		}
		if !names["sub"] || len(names) != len(disclosed(b)) || len(names) > SDDigests {
			t.Errorf("%s discloses %v", typ, names)
		}
	}
	for _, typ := range []Type{TypeGenesis, TypeKey, TypeHeartbeat, TypeIndexRoot, "none"} {
		if typ.Sealed() {
			t.Errorf("%s is sealed", typ)
		}
	}
}
