package ledger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"igledger/ledger/entry"
	"igledger/ledger/storage"
	"igledger/ledger/stream"
)

// Source is what the log says about one stream of a source. It is a projection: each append writes
// it in its own transaction, and Rebuild makes it again. It shows what a source lost or never sent,
// as far as the source's numbers tell. An event that the source never numbered cannot be seen.
type Source struct {
	// Org is empty if the database is older than the table of streams and the stream has had no
	// entry since: rebuild the log.
	Org, Source string

	Entries uint64         // accesses
	Last    uint64         // highest number
	Gaps    []stream.Range // numbers below Last that have not arrived

	// Unlisted counts numbers below all Gaps that had not arrived when there were more than
	// maxRanges gaps. Numbers that arrive later do not lower it.
	Unlisted uint64

	Repeats      uint64    // accesses with a number that had arrived before
	Unnumbered   uint64    // accesses without a number, or that withhold it
	LastIndex    uint64    // of the newest access
	LastReceived time.Time // when the ledger took it; zero if there is none
	Heartbeats   stream.Heartbeats
	Faults       []stream.Fault // as of the time that the caller of Sources gave
}

// Sources returns all streams, by organisation and source. Faults are judged as of now.
func (l *Log) Sources(ctx context.Context, now time.Time) ([]Source, error) {
	states, err := l.store.Streams(ctx, l.tree)
	if err != nil {
		return nil, fmt.Errorf("reading the streams: %w", err)
	}
	list := make([]Source, 0, len(states))
	// In the order of the keys, so that of several damaged states the same one is reported each
	// time.
	keys := slices.SortedFunc(maps.Keys(states), func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	for _, key := range keys {
		s, err := parseStream(states[key])
		if err != nil {
			return nil, err
		}
		list = append(list, s.source(now))
	}
	slices.SortStableFunc(list, func(a, b Source) int {
		return cmp.Or(cmp.Compare(a.Org, b.Org), cmp.Compare(a.Source, b.Source))
	})
	return list, nil
}

// maxRanges bounds each set in the state of a stream. A batch is shuffled, so while it is added
// half of its entries may be ranges of their own: the bound is well above the largest batch.
const maxRanges = 1024

// streamState is a Source as it is stored, in JSON. It is a fold over the log in order and nothing
// else, so that a rebuild writes the same bytes.
type streamState struct {
	Org        string            `json:"org,omitempty"`
	Source     string            `json:"source,omitempty"`
	Entries    uint64            `json:"entries,omitzero"`
	Seen       stream.Seen       `json:"seen,omitempty"` // numbers
	Unlisted   uint64            `json:"unlisted,omitzero"`
	Repeats    uint64            `json:"repeats,omitzero"`
	Unnumbered uint64            `json:"unnumbered,omitzero"`
	Index      uint64            `json:"index,omitzero"`
	Received   int64             `json:"received,omitzero"` // ms since 1970
	Heartbeats stream.Heartbeats `json:"heartbeats,omitzero"`
}

func parseStream(data []byte) (*streamState, error) {
	s := new(streamState)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%w: the state of a stream cannot be decoded: run igledger rebuild", storage.ErrCorrupt)
	}
	return s, nil
}

func encodeStreams(streams map[[16]byte]*streamState) map[[16]byte][]byte {
	out := make(map[[16]byte][]byte, len(streams))
	for k, s := range streams {
		out[k], _ = json.Marshal(s) // cannot fail: it has only numbers, and names taken from an entry
	}
	return out
}

// streamOf returns the key of the stream that an entry belongs to: SHA-256(iss ‖ 0x00 ‖
// source)[:16]. If the entry belongs to none, the key is zero.
func streamOf(e *entry.Entry) (key [16]byte) {
	var source string
	switch b := e.Body.(type) {
	case *entry.Access:
		source = b.Source
	case *entry.Heartbeat:
		source = b.Source
	default:
		return key
	}
	sum := sha256.Sum256([]byte(e.Issuer + "\x00" + source))
	return [16]byte(sum[:16])
}

// take adds the entry at index to the state. received is used for accesses only.
func (s *streamState) take(e *entry.Entry, index uint64, received time.Time) {
	switch b := e.Body.(type) {
	case *entry.Access:
		s.Org, s.Source = e.Issuer, b.Source
		s.Entries++
		s.Index = index
		s.Received = max(s.Received, received.UnixMilli())
		switch {
		case b.Seq == nil:
			s.Unnumbered++
		case !s.Seen.Add(*b.Seq):
			s.Repeats++
		}
		if len(s.Seen) > maxRanges {
			s.Unlisted += s.Seen.CloseLowest()
		}
	case *entry.Heartbeat:
		s.Org, s.Source = e.Issuer, b.Source
		s.Heartbeats.Take(b)
		for _, set := range []*stream.Seen{&s.Heartbeats.Days, &s.Heartbeats.Gaps, &s.Heartbeats.Unverified} {
			if len(*set) > maxRanges {
				set.CloseLowest()
			}
		}
	}
}

func (s *streamState) source(now time.Time) Source {
	out := Source{
		Org: s.Org, Source: s.Source, Entries: s.Entries,
		Last: s.Seen.Highest(), Gaps: s.Seen.Gaps(1), Unlisted: s.Unlisted,
		Repeats: s.Repeats, Unnumbered: s.Unnumbered, LastIndex: s.Index, Heartbeats: s.Heartbeats,
	}
	if s.Received > 0 {
		out.LastReceived = time.UnixMilli(s.Received).UTC()
	}
	if len(out.Gaps) > 0 || s.Unlisted > 0 {
		out.Faults = append(out.Faults, stream.FaultGaps)
	}
	if i := s.Heartbeats.Interval; i > 0 && now.Sub(out.LastReceived) > time.Duration(i)*time.Second {
		out.Faults = append(out.Faults, stream.FaultSilent)
	}
	out.Faults = append(out.Faults, s.Heartbeats.Faults(now.Unix())...)
	return out
}
