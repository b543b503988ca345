package client

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"

	"igledger/ledger/stream"
)

// Sources is the answer to GET /v1/sources.
type Sources struct {
	At      string   `json:"at" doc:"RFC 3339, by the ledger's clock: the time of these faults and silences"`
	Sources []Source `json:"sources" doc:"In no order that means anything; an organisation that only submits gets only its own"`
	Next    string   `json:"next,omitempty" doc:"Pass it as after for the next page; absent at the end"`
}

// Source is the ledger's summary of one stream of a source. It is a convenience: igverify audit
// evaluates the public heartbeats itself, and gaps are only the ledger's claim until the openings
// of reg:sources are checked.
type Source struct {
	Organisation string            `json:"organisation" doc:"Organisation that reports"`
	Source       string            `json:"source" doc:"Reporting system within the organisation; numbers count per source. Empty: all systems of the organisation beyond the number that the ledger keeps apart"`
	Entries      uint64            `json:"entries" doc:"Accesses in the log"`
	Last         uint64            `json:"last" doc:"Highest sequence number in the log, 0 if none has one"`
	Missing      uint64            `json:"missing" doc:"How many numbers below last are not in the log"`
	Gaps         []Gap             `json:"gaps,omitempty" doc:"The missing numbers: the highest 100 ranges at most"`
	Repeats      uint64            `json:"repeats,omitzero" doc:"Accesses under a number that was already in the log, as from a source restored from a backup"`
	Unnumbered   uint64            `json:"unnumbered,omitzero" doc:"Accesses without a sequence number"`
	LastIndex    uint64            `json:"lastIndex,omitzero" doc:"Position of the newest access"`
	LastReceived string            `json:"lastReceived,omitempty" doc:"RFC 3339, when the ledger took it; absent if there is none"`
	SilentFor    uint64            `json:"silentFor,omitzero" doc:"Seconds since the newest access"`
	Heartbeats   *StreamHeartbeats `json:"heartbeats,omitempty" doc:"What the source's own heartbeats say; absent if it sent none"`
	Faults       []stream.Fault    `json:"faults,omitempty" doc:"What is wrong with the stream"`
}

// Gap is a range of missing sequence numbers.
type Gap struct {
	First uint64 `json:"first" doc:"First number that is missing"`
	Last  uint64 `json:"last" doc:"Last number that is missing"`
}

// StreamHeartbeats sums up the heartbeats of a stream.
type StreamHeartbeats struct {
	LastDay    string `json:"lastDay" doc:"Last UTC day with a heartbeat" example:"2026-11-21"`
	Interval   uint64 `json:"interval" doc:"Seconds: longer silence is a fault, as the source itself declared"`
	Days       uint64 `json:"days" doc:"Days with a heartbeat"`
	Missing    []Days `json:"missing,omitempty" doc:"Days without one, between the first and the last that have one"`
	Gaps       []Days `json:"gaps,omitempty" doc:"Days for which the source says that entries will never come"`
	Unverified []Days `json:"unverified,omitempty" doc:"Days for which the source did not have a checked receipt of every entry"`
}

// Days is a range of consecutive UTC days.
type Days struct {
	First string `json:"first" doc:"YYYY-MM-DD"`
	Last  string `json:"last" doc:"YYYY-MM-DD"`
}

// Sources returns the streams of all sources if the caller's organisation is an auditor, operator
// or registrar, else only those of its own, by organisation and source.
func (c *Client) Sources(ctx context.Context) (*Sources, error) {
	all := &Sources{Sources: []Source{}}
	for after := ""; ; {
		path := "/v1/sources"
		if after != "" {
			path += "?after=" + url.QueryEscape(after)
		}
		page, err := get[Sources](ctx, c, request{method: http.MethodGet, path: path, token: true})
		if err != nil {
			return nil, err
		}
		all.At = page.At
		all.Sources = append(all.Sources, page.Sources...)
		if page.Next <= after {
			break
		}
		after = page.Next
	}
	slices.SortFunc(all.Sources, func(a, b Source) int {
		return cmp.Or(cmp.Compare(a.Organisation, b.Organisation), cmp.Compare(a.Source, b.Source))
	})
	return all, nil
}
