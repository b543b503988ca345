// Package stream holds what entries say of one numbered stream of a source: which sequence numbers
// have come, and what its heartbeats declare. The ledger and every verifier make the same fold.
package stream

import (
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Heartbeats is what the heartbeats of one stream say so far: a fold that the ledger and every verifier make alike. Days are numbers of
// DayNumber. The order in which heartbeats come does not matter.
type Heartbeats struct {
	Days       Seen   `json:"days,omitempty"`       // with a heartbeat
	Gaps       Seen   `json:"gaps,omitempty"`       // of these: declared gaps
	Unverified Seen   `json:"unverified,omitempty"` // of these: not all receipts checked
	Interval   uint64 `json:"interval,omitzero"`    // seconds, as the last day's heartbeat declares it
}

// Take adds a heartbeat and reports whether its day is new. The first word on a day counts.
func (h *Heartbeats) Take(b *entry.Heartbeat) bool {
	day, err := wire.DayNumber(b.Day)
	if err != nil || !h.Days.Add(day) { // check let it pass, so it is no error
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

// LastDay is the last day with a heartbeat, YYYY-MM-DD; "" if there is none.
func (h *Heartbeats) LastDay() string {
	if len(h.Days) == 0 {
		return ""
	}
	return wire.FormatDay(h.Days.Highest())
}

// Missing are the days without a heartbeat between the first and the last that have one.
func (h *Heartbeats) Missing() []Range {
	if len(h.Days) == 0 {
		return nil
	}
	return h.Days.Gaps(h.Days[0].First)
}

// Overdue reports whether a heartbeat is late at a time in seconds since 1970: that of a day is due by the end of the day after. It is
// never before the first.
func (h *Heartbeats) Overdue(now int64) bool {
	return len(h.Days) > 0 && now >= int64(h.Days.Highest()+3)*24*60*60
}

// StreamFault names what is not as it should be with a stream.
type Fault string

// The faults.
const (
	FaultGaps        Fault = "gaps"                // numbers are missing
	FaultSilent      Fault = "silent"              // nothing came for longer than the interval that the source declared
	FaultMissingDays Fault = "missing-days"        // a day between others has no heartbeat
	FaultOverdue     Fault = "overdue"             // heartbeats stopped
	FaultDeclared    Fault = "declared-gaps"       // the source itself says that entries of a day will never come
	FaultUnverified  Fault = "unverified-receipts" // the source does not hold a checked receipt of every entry of a day
)

// Faults are those that the heartbeats alone show at a time in seconds since 1970.
func (h *Heartbeats) Faults(now int64) []Fault {
	var list []Fault
	for _, f := range []struct {
		fault Fault
		found bool
	}{
		{FaultMissingDays, len(h.Missing()) > 0}, {FaultOverdue, h.Overdue(now)}, {FaultDeclared, len(h.Gaps) > 0}, {FaultUnverified, len(h.Unverified) > 0},
	} {
		if f.found {
			list = append(list, f.fault)
		}
	}
	return list
}
