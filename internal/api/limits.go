package api

import (
	"cmp"
	"time"

	"igledger/internal/edge"
)

// Limits bound what callers can make the server do. The zero value stands for the defaults.
type Limits struct {
	Edge       edge.Limits
	Reports    int           // reports at once
	ReportTime time.Duration // after which a page of a report ends, with the position at which the next begins
	Looked     int           // entries of a person, about, that one page of a search looks at for the caller's own
}

// OrDefault returns the limits with their defaults.
func (l Limits) OrDefault() Limits {
	l.Edge = l.Edge.OrDefault()
	l.Reports = cmp.Or(l.Reports, 2)
	l.ReportTime = cmp.Or(l.ReportTime, 10*time.Second)
	l.Looked = cmp.Or(l.Looked, 10_000)
	return l
}
