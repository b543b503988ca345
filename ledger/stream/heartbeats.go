// Package stream holds what entries say of one numbered stream of a source: which sequence numbers
// have come, and what its heartbeats declare. The ledger and every verifier make the same fold.
package stream

import (
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Heartbeats are what the heartbeats of one stream state so far. The ledger and every verifier make
// the same fold. Days are numbers of wire.DayNumber. The order in which heartbeats are added does
// not matter. The zero value is empty. It is not safe for concurrent use.
type Heartbeats struct {
	Days       Seen   `json:"days,omitempty"`       // days with a heartbeat
	Gaps       Seen   `json:"gaps,omitempty"`       // of these, days with declared gaps
	Unverified Seen   `json:"unverified,omitempty"` // of these, days without a checked receipt for every entry
	Interval   uint64 `json:"interval,omitzero"`    // in seconds, as the last day's heartbeat declares it
}

// Take adds a heartbeat and reports whether its day is new. A second heartbeat for a day is
// ignored.
func (h *Heartbeats) Take(b *entry.Heartbeat) bool {
	day, err := wire.DayNumber(b.Day)
	if err != nil || !h.Days.Add(day) { // the day is not malformed: entry.Parse checked it
		return false
	}
	if b.Gaps {
		h.Gaps.Add(day)
	}
	if !b.Receipts {
		h.Unverified.Add(day)
	}
	if day == h.Days.Highest() {
		h.Interval = b.Interval
	}
	return true
}

// LastDay returns the last day with a heartbeat, YYYY-MM-DD, or "" if there is none.
func (h *Heartbeats) LastDay() string {
	if len(h.Days) == 0 {
		return ""
	}
	return wire.FormatDay(h.Days.Highest())
}

// Missing returns the days without a heartbeat between the first and the last day that have one.
func (h *Heartbeats) Missing() []Range {
	if len(h.Days) == 0 {
		return nil
	}
	return h.Days.Gaps(h.Days[0].First)
}

// Overdue reports whether a heartbeat is overdue at now, in seconds since 1970. The heartbeat for a
// day is due by the end of the next day. Before the first heartbeat none is overdue.
func (h *Heartbeats) Overdue(now int64) bool {
	return len(h.Days) > 0 && now >= int64(h.Days.Highest()+3)*24*60*60
}

// Fault names what is wrong with a stream.
type Fault string

// The faults.
const (
	FaultGaps        Fault = "gaps"                // numbers are missing
	FaultSilent      Fault = "silent"              // nothing came for longer than the interval that the source declared
	FaultMissingDays Fault = "missing-days"        // a day between two others has no heartbeat
	FaultOverdue     Fault = "overdue"             // heartbeats stopped
	FaultDeclared    Fault = "declared-gaps"       // the source states that entries of a day will never come
	FaultTooMany     Fault = "too-many-streams"    // the organisation names more streams than the ledger keeps apart
	FaultUnverified  Fault = "unverified-receipts" // the source does not hold a checked receipt of every entry of a day
)

// Faults returns the faults that the heartbeats alone show at now, in seconds since 1970.
func (h *Heartbeats) Faults(now int64) []Fault {
	var list []Fault
	for _, f := range []struct {
		fault Fault
		found bool
	}{
		{FaultMissingDays, len(h.Missing()) > 0},
		{FaultOverdue, h.Overdue(now)},
		{FaultDeclared, len(h.Gaps) > 0},
		{FaultUnverified, len(h.Unverified) > 0},
	} {
		if f.found {
			list = append(list, f.fault)
		}
	}
	return list
}
