package consent

import (
	"slices"
	"strings"
	"time"
)

// Due is an agreement on which someone has to act.
type Due struct {
	Version *Version
	State   State
	Review  time.Time // its review is overdue from then on
	End     time.Time // it has expired from then on
}

// Due returns the agreements that are in force, under review or suspended at a time, and must be
// reviewed or end before until. The most urgent comes first.
func (s *Agreements) Due(at, until time.Time) []Due {
	var list []Due
	for _, id := range s.IDs() {
		v, state := s.State(id, at)
		if !slices.Contains([]State{InForce, UnderReview, Suspended}, state) {
			continue
		}
		if d := (Due{v, state, v.Text.ReviewTime(), v.end}); d.first().Before(until) {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b Due) int {
		if c := a.first().Compare(b.first()); c != 0 {
			return c
		}
		return strings.Compare(a.Version.Text.ID, b.Version.Text.ID)
	})
	return list
}

func (d *Due) first() time.Time {
	if d.Review.Before(d.End) {
		return d.Review
	}
	return d.End
}
