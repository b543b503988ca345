package verifier

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/stream"
	"igledger/ledger/wire"
)

// Sources follows what sources state about themselves: a heartbeat for each day and stream, and the
// counts behind it, for those who may open the entries of reg:sources. It stops a stream from
// falling silent, or losing entries, unnoticed. It cannot see what a source never numbered, and it
// takes the source's word for what it did number.
//
// Sources is a fold over entries that others have verified: LogReplay the heartbeats, and the
// caller the key and signature of a count. Its exported fields are its state, as JSON. It is not
// safe for concurrent use. Memory grows with streams, gaps and counts, not with days.
type Sources struct {
	Streams map[string]*SourceStream `json:"streams"` // by entry.StreamName
}

// SourceStream is one stream.
type SourceStream struct {
	Org        string                 `json:"org"`
	Source     string                 `json:"source"`
	Heartbeats stream.Heartbeats      `json:"heartbeats"`
	LastIndex  uint64                 `json:"lastIndex"`         // of its newest heartbeat
	Doubled    stream.Seen            `json:"doubled,omitempty"` // days with two heartbeats
	Counts     map[uint64]SourceCount `json:"counts,omitempty"`  // by day
}

// SourceCount holds the numbers of one day, see entry.SourceCount.
type SourceCount struct {
	First    uint64 `json:"first"`
	Last     uint64 `json:"last"`
	Count    uint64 `json:"count"`
	Receipts uint64 `json:"receipts"`
}

// NewSources returns a Sources that knows no stream.
func NewSources() *Sources { return &Sources{Streams: map[string]*SourceStream{}} }

func (s *Sources) stream(org, source string) *SourceStream {
	name := entry.StreamName(org, source)
	st := s.Streams[name]
	if st == nil {
		st = &SourceStream{Org: org, Source: source}
		if s.Streams == nil {
			s.Streams = map[string]*SourceStream{}
		}
		s.Streams[name] = st
	}
	return st
}

// Add adds the public entry at index. It ignores entries that are not heartbeats.
func (s *Sources) Add(index uint64, e *entry.Entry) {
	h, ok := e.Body.(*entry.Heartbeat)
	if !ok {
		return
	}
	st := s.stream(e.Issuer, h.Source)
	st.LastIndex = index
	if day, err := wire.DayNumber(h.Day); err == nil && !st.Heartbeats.Take(h) {
		st.Doubled.Add(day)
	}
}

// AddCount adds an opened count. It ignores other entries, and counts that withhold a number.
func (s *Sources) AddCount(e *entry.Entry) {
	c, ok := e.Body.(*entry.SourceCount)
	if !ok || c.First == nil || c.Last == nil || c.Count == nil || c.Receipts == nil {
		return
	}
	day, err := wire.DayNumber(c.Day)
	if err != nil {
		return
	}
	st := s.stream(e.Issuer, c.Source)
	if st.Counts == nil {
		st.Counts = map[uint64]SourceCount{}
	}
	st.Counts[day] = SourceCount{*c.First, *c.Last, *c.Count, *c.Receipts}
}

// Findings returns what is wrong as of now, one sentence each. The order depends only on the state.
// Findings concern organisations and days, never a person.
func (s *Sources) Findings(now time.Time) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s.Streams)) {
		st := s.Streams[name]
		for _, text := range append(st.heartbeatFindings(now), st.countFindings()...) {
			list = append(list, fmt.Sprintf("stream %s of %s: %s", st.Source, st.Org, text))
		}
	}
	return list
}

func (st *SourceStream) heartbeatFindings(now time.Time) []string {
	var list []string
	add := func(what string, days []stream.Range) {
		if len(days) > 0 {
			list = append(list, what+" "+dayList(days))
		}
	}
	add("no heartbeat for", st.Heartbeats.Missing())
	if st.Heartbeats.Overdue(now.Unix()) {
		list = append(list, fmt.Sprintf("heartbeats stopped: the last one is for %s, at entry %d",
			st.Heartbeats.LastDay(), st.LastIndex))
	}
	add("the source says that some entries will never arrive for", st.Heartbeats.Gaps)
	add("the source did not have a checked receipt for every entry of", st.Heartbeats.Unverified)
	add("two heartbeats, although the ledger may accept only one, for", st.Doubled)
	return list
}

// countFindings checks that numbers are consecutive from day to day, and that they agree with the
// heartbeats.
func (st *SourceStream) countFindings() []string {
	var list []string
	days := slices.Sorted(maps.Keys(st.Counts))
	for i, day := range days {
		c, name := st.Counts[day], wire.FormatDay(day)
		declared := st.Heartbeats.Gaps.Has(day)
		if i > 0 && days[i-1] == day-1 && c.First != st.Counts[day-1].Last+1 {
			list = append(list, fmt.Sprintf("the numbers of %s begin at %d, but those of the day before end at %d",
				name, c.First, st.Counts[day-1].Last))
		}
		if !st.Heartbeats.Days.Has(day) {
			list = append(list, fmt.Sprintf("there are numbers for %s, but no heartbeat", name))
			continue
		}
		if n := c.Last + 1 - c.First; c.Count != n && !declared {
			list = append(list, fmt.Sprintf("only %d of the %d numbers of %s have entries, but its heartbeat declares no gap",
				c.Count, n, name))
		}
		if c.Receipts != c.Count && !st.Heartbeats.Unverified.Has(day) {
			list = append(list, fmt.Sprintf("the source has only %d of the %d receipts of %s, but its heartbeat says that "+
				"it has all", c.Receipts, c.Count, name))
		}
	}
	return list
}

// maxDayRanges is the greatest number of ranges that a finding lists.
const maxDayRanges = 5

// dayList lists days; if there are many, only the last of them.
func dayList(ranges []stream.Range) string {
	text, more := "", uint64(0)
	for i, r := range ranges {
		if i < len(ranges)-maxDayRanges {
			more += r.Len()
			continue
		}
		if text != "" {
			text += ", "
		}
		text += wire.FormatDay(r.First)
		if r.Len() > 1 {
			text += " to " + wire.FormatDay(r.Last)
		}
	}
	if more > 0 {
		text += fmt.Sprintf(" and %s before", count(int(more), "day", "days"))
	}
	return text
}
