package client

import (
	"context"
	"net/http"

	"igledger/ledger/stream"
)

// Sources is the answer of GET /v1/sources.
type Sources struct {
	At      string   `json:"at" doc:"RFC 3339, by the ledger's clock: faults and silence are judged as of then"`
	Sources []Source `json:"sources" doc:"By organisation and source; an organisation that only submits gets its own"`
}

// Source is what the log says of one stream of a source. A convenience: igverify audit folds the public heartbeats itself, and gaps are the ledger's word
// until the openings of reg:sources are checked.
type Source struct {
	Organisation string            `json:"organisation" doc:"Who reports"`
	Source       string            `json:"source" doc:"Reporting system within the organisation; numbers count per source"`
	Entries      uint64            `json:"entries" doc:"Accesses in the log"`
	Last         uint64            `json:"last" doc:"Highest sequence number in the log, 0 if none has one"`
	Missing      uint64            `json:"missing" doc:"How many numbers below last are not in the log"`
	Gaps         []Gap             `json:"gaps,omitempty" doc:"Which: the highest 100 ranges at most"`
	Repeats      uint64            `json:"repeats,omitzero" doc:"Accesses under a number that was in the log before: a source restored from a backup"`
	Unnumbered   uint64            `json:"unnumbered,omitzero" doc:"Accesses without a sequence number"`
	LastIndex    uint64            `json:"lastIndex,omitzero" doc:"Position of the newest access"`
	LastReceived string            `json:"lastReceived,omitempty" doc:"RFC 3339, when the ledger took it; absent if there is none"`
	SilentFor    uint64            `json:"silentFor,omitzero" doc:"Seconds since then"`
	Heartbeats   *StreamHeartbeats `json:"heartbeats,omitempty" doc:"What the source's own heartbeats say; absent if it sent none"`
	Faults       []stream.Fault    `json:"faults,omitempty" doc:"What is not as it should be"`
}

// Gap is numbers that did not come.
type Gap struct {
	First uint64 `json:"first" doc:"First number that is missing"`
	Last  uint64 `json:"last" doc:"Last number that is missing"`
}

// StreamHeartbeats sums up the heartbeats of a stream.
type StreamHeartbeats struct {
	LastDay    string `json:"lastDay" doc:"Last UTC day with a heartbeat" example:"2026-11-21"`
	Interval   uint64 `json:"interval" doc:"Seconds: longer silence is a fault, by the source's own word"`
	Days       uint64 `json:"days" doc:"Days with a heartbeat"`
	Missing    []Days `json:"missing,omitempty" doc:"Days without one, between the first and the last that have one"`
	Gaps       []Days `json:"gaps,omitempty" doc:"Days of which the source says that entries will never come"`
	Unverified []Days `json:"unverified,omitempty" doc:"Days for which the source did not hold a checked receipt of every entry"`
}

// Days are UTC days in a row.
type Days struct {
	First string `json:"first" doc:"YYYY-MM-DD"`
	Last  string `json:"last" doc:"YYYY-MM-DD"`
}

// Sources tells of the streams of all sources, or, unless the caller's organisation is auditor, operator or registrar, of its own.
func (c *Client) Sources(ctx context.Context) (*Sources, error) {
	return get[Sources](ctx, c, request{method: http.MethodGet, path: "/v1/sources", token: true})
}
