package stream

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestSeen compares the ranges with a plain set, in any order of arrival and with repetitions.
func TestSeen(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for round := range 200 {
		var s Seen
		set := map[uint64]bool{}
		for range 1 + rnd.IntN(60) {
			n := uint64(rnd.IntN(40))
			if got := s.Add(n); got == set[n] {
				t.Fatalf("round %d: Add(%d) says new: %v", round, n, got)
			}
			set[n] = true
			var want Seen
			var gaps []Range
			for i, open := uint64(0), false; i <= 40; i++ {
				switch {
				case set[i] && !open:
					want, open = append(want, Range{i, i}), true
				case set[i]:
					want[len(want)-1].Last = i
				default:
					open = false
				}
			}
			for i := uint64(1); i < want.Highest(); i++ {
				switch last := len(gaps) - 1; {
				case set[i]:
				case last >= 0 && gaps[last].Last == i-1:
					gaps[last].Last = i
				default:
					gaps = append(gaps, Range{i, i})
				}
			}
			if !reflect.DeepEqual(s, want) || s.Count() != uint64(len(set)) {
				t.Fatalf("round %d: %v, want %v", round, s, want)
			}
			for i := range uint64(42) {
				if s.Has(i) != set[i] {
					t.Fatalf("round %d: %v has %d: %v", round, s, i, !set[i])
				}
			}
			if got := s.Gaps(1); !reflect.DeepEqual(got, gaps) {
				t.Fatalf("round %d: gaps of %v are %v, want %v", round, s, got, gaps)
			}
		}
	}
}

func TestCloseLowest(t *testing.T) {
	s := Seen{{1, 3}, {6, 6}, {9, 12}}
	if n := s.CloseLowest(); n != 2 || !reflect.DeepEqual(s, Seen{{1, 6}, {9, 12}}) {
		t.Errorf("closed %d, left %v", n, s)
	}
	if n := s.CloseLowest(); n != 2 || !reflect.DeepEqual(s, Seen{{1, 12}}) {
		t.Errorf("closed %d, left %v", n, s)
	}
	if n := s.CloseLowest(); n != 0 || !reflect.DeepEqual(s, Seen{{1, 12}}) {
		t.Errorf("closed %d, left %v", n, s)
	}
}
