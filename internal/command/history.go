package command

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"igledger/audit/plain"
)

// Shown is an entry of a person's history in a table.
type Shown struct {
	Index   uint64
	When    time.Time // as its source claims; zero: unknown
	Told    plain.Told
	Verdict []string // its sentences; none: the ledger judged nothing
}

// Newest orders a history as every list of it does: by when things happened, the newest first, and
// what happened at the same time by when the ledger took it. What has no time is at the end.
func Newest(aWhen, bWhen time.Time, aIndex, bIndex uint64) int {
	return cmp.Or(bWhen.Compare(aWhen), cmp.Compare(bIndex, aIndex))
}

// History shows a person's history with a legend, the newest entry first.
func (s Screen) History(list []Shown) error {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Shown) int { return Newest(a.When, b.When, a.Index, b.Index) })
	rows := [][]string{{"ENTRY", "WHEN", "WHO", "WHAT", "WHY", "RESULT", "REMARKS", "VERDICT"}}
	remarks := new(Marks)
	for _, e := range list {
		when := ""
		if !e.When.IsZero() {
			when = e.When.UTC().Format("2006-01-02 15:04")
		}
		rows = append(rows, []string{strconv.FormatUint(e.Index, 10), when, e.Told.Who, e.Told.What, e.Told.Why, e.Told.Result,
			remarks.Of(e.Told.Remarks), strings.Join(e.Verdict, " ")})
	}
	if err := s.Table(rows); err != nil {
		return err
	}
	return s.Legend("REMARKS", remarks)
}
