package consent

import (
	"slices"
	"strings"
	"time"
)

// Due is an agreement on which somebody has to act.
type Due struct {
	Version *Version
	State   State
	Review  time.Time // from then on its review is overdue
	End     time.Time // from then on it has expired
}

// Due gives the agreements that, as they stand at a time, are in force, under review or suspended and are to be reviewed or to end before until; the most pressing first.
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
