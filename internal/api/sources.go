package api

import (
	"encoding/hex"
	"net/http"
	"time"

	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/stream"
	"igledger/ledger/wire"
)

const (
	maxGaps     = 100 // gaps of a stream, and ranges of days, that are listed: the newest ones
	pageSources = 100 // streams on a page
)

// sources is GET /v1/sources. Nothing in it is about a person, but the numbers show how many people
// a source sees, so each organisation gets only its own.
func (a *api) sources(w http.ResponseWriter, r *request) error {
	var after [16]byte
	if text := r.URL.Query().Get("after"); text != "" {
		if n, err := hex.Decode(after[:], []byte(text[:min(len(text), 2*len(after))])); err != nil || n != len(after) || len(text) != 2*n {
			return &refusal{code: badRequest, detail: "after must be the next of another page"}
		}
	}
	org := r.caller.Issuer
	if r.caller.reachesAll() {
		org = ""
	}
	now := a.now().UTC()
	list, next, err := a.log.Sources(r.Context(), now, org, after, pageSources)
	if err != nil {
		return err
	}
	out := client.Sources{At: now.Format(time.RFC3339), Sources: []client.Source{}}
	for _, s := range list {
		out.Sources = append(out.Sources, describeSource(s, now))
	}
	if next != [16]byte{} {
		out.Next = hex.EncodeToString(next[:])
	}
	w.Header().Set("Cache-Control", "no-store")
	return answer(w, out)
}

func describeSource(s ledger.Source, now time.Time) client.Source {
	out := client.Source{
		Organisation: s.Org, Source: s.Source, Entries: s.Entries, Last: s.Last,
		Missing: s.Unlisted, Repeats: s.Repeats, Unnumbered: s.Unnumbered,
		LastIndex: s.LastIndex, Faults: s.Faults,
	}
	for i, g := range s.Gaps {
		out.Missing += g.Len()
		if i >= len(s.Gaps)-maxGaps {
			out.Gaps = append(out.Gaps, client.Gap{First: g.First, Last: g.Last})
		}
	}
	if !s.LastReceived.IsZero() {
		out.LastReceived = s.LastReceived.Format(time.RFC3339)
		out.SilentFor = uint64(max(0, now.Sub(s.LastReceived)) / time.Second)
	}
	if h := s.Heartbeats; len(h.Days) > 0 {
		out.Heartbeats = &client.StreamHeartbeats{
			LastDay: h.LastDay(), Interval: h.Interval, Days: h.Days.Count(),
			Missing: days(h.Missing()), Gaps: days(h.Gaps), Unverified: days(h.Unverified),
		}
	}
	return out
}

func days(ranges []stream.Range) []client.Days {
	var out []client.Days
	for _, r := range ranges[max(0, len(ranges)-maxGaps):] {
		out = append(out, client.Days{First: wire.FormatDay(r.First), Last: wire.FormatDay(r.Last)})
	}
	return out
}
