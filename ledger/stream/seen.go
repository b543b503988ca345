package stream

import (
	"slices"
	"sort"
)

// Range is the numbers from First to Last, both included.
type Range struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Len returns how many numbers the range holds.
func (r Range) Len() uint64 { return r.Last - r.First + 1 }

// Seen is a set of numbers below 2^64-1: what of a sequence has come, in any order. It is kept as
// ascending ranges that do not touch, so its size is that of its gaps, which are few on a healthy
// stream.
type Seen []Range

// Add adds n and reports whether it is new.
func (s *Seen) Add(n uint64) bool {
	list := *s
	// The first range that n touches or is before.
	i := sort.Search(len(list), func(i int) bool { return list[i].Last+1 >= n })
	switch {
	case i == len(list) || n+1 < list[i].First:
		*s = slices.Insert(list, i, Range{n, n})
		return true
	case n >= list[i].First && n <= list[i].Last:
		return false
	case n+1 == list[i].First:
		list[i].First = n
		return true
	}
	list[i].Last = n
	if i+1 < len(list) && list[i+1].First == n+1 {
		list[i].Last = list[i+1].Last
		*s = slices.Delete(list, i+1, i+2)
	}
	return true
}

// Has reports whether n is in the set.
func (s Seen) Has(n uint64) bool {
	i := sort.Search(len(s), func(i int) bool { return s[i].Last >= n })
	return i < len(s) && s[i].First <= n
}

// Highest returns the highest number, or 0 if the set is empty.
func (s Seen) Highest() uint64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].Last
}

// Count returns how many numbers are in the set.
func (s Seen) Count() (n uint64) {
	for _, r := range s {
		n += r.Len()
	}
	return n
}

// Gaps returns the numbers from first to the highest that are not in the set.
func (s Seen) Gaps(first uint64) []Range {
	var gaps []Range
	for _, r := range s {
		if r.First > first {
			gaps = append(gaps, Range{first, r.First - 1})
		}
		first = max(first, r.Last+1)
	}
	return gaps
}

// CloseLowest adds the numbers between the two lowest ranges and returns how many they are. Callers
// use it to bound the size of the set.
func (s *Seen) CloseLowest() uint64 {
	list := *s
	if len(list) < 2 {
		return 0
	}
	n := list[1].First - list[0].Last - 1
	list[1].First = list[0].First
	*s = slices.Delete(list, 0, 1)
	return n
}
