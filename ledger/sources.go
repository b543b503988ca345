package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
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
	Org    string
	Source string // empty: all streams of Org beyond Config.MaxStreams together

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

// Sources returns up to n streams of an organisation (org empty: of all), in the order of their
// keys, after the one with the key after (zero: from the first on). next is the key to go on after,
// zero at the end. Faults are judged as of now.
func (l *Log) Sources(
	ctx context.Context, now time.Time, org string, after [16]byte, n int,
) (list []Source, next [16]byte, err error) {
	var from, to [16]byte // to zero: no bound
	if org != "" {
		from = othersOf(org)
		to = from
		binary.BigEndian.PutUint64(to[:8], binary.BigEndian.Uint64(to[:8])|0xffff)
		for i := 8; i < len(to); i++ {
			to[i] = 0xff
		}
	}
	if bytes.Compare(after[:], from[:]) > 0 {
		from = after
	}
	states, err := l.store.Streams(ctx, l.tree, from, to, n+1)
	if err != nil {
		return nil, next, fmt.Errorf("reading the streams: %w", err)
	}
	for i, stored := range states {
		if i == n {
			next = states[n-1].Key
			break
		}
		s, err := parseStream(stored.State)
		if err != nil {
			return nil, next, err
		}
		if stored.Key == after && after != [16]byte{} || org != "" && s.Org != org || s.Source == "" && s.Entries == 0 {
			continue
		}
		list = append(list, s.source(now))
	}
	return list, next, nil
}

// MaxStreams is the default of Config.MaxStreams.
const MaxStreams = 1000

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

	// Streams is set in the state of an organisation as a whole (see othersOf): how many streams
	// it has that are kept apart.
	Streams uint64 `json:"streams,omitzero"`
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

// streamOf returns the key of the stream that an entry belongs to: SHA-256(iss)[:6] ‖ SHA-256(iss ‖
// 0x00 ‖ source)[:10], so that the streams of an organisation are side by side. If the entry
// belongs to none, the key is zero.
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
	return streamNamed(e.Issuer, source)
}

func streamNamed(iss, source string) [16]byte {
	key := othersOf(iss)
	sum := sha256.Sum256([]byte(iss + "\x00" + source))
	copy(key[orgKey:], sum[:])
	return key
}

// reportsOn returns the key of the stream of whose day an entry speaks, zero if of none.
func reportsOn(e *entry.Entry) (key [16]byte) {
	switch b := e.Body.(type) {
	case *entry.Heartbeat:
		return streamNamed(e.Issuer, b.Source)
	case *entry.SourceCount:
		return streamNamed(e.Issuer, b.Source)
	}
	return key
}

// begun returns ErrNoAccess if an entry speaks of a day of a stream that has not begun. Under a
// name that is mistyped, heartbeats would say for ever that all is well with a system that nobody
// has, and nothing of the one that has fallen silent. Of an organisation with more streams than
// are kept apart it is not known.
func (b *batchTx) begun(p *pending) error {
	if p.reports == ([16]byte{}) {
		return nil
	}
	for _, key := range [][16]byte{p.reports, others(p.reports)} {
		s, err := b.stream(key)
		if err != nil || s.Entries > 0 {
			return err
		}
	}
	return ErrNoAccess
}

const orgKey = 6 // bytes of a stream's key that name the organisation

// othersOf returns the key under which the streams of an organisation beyond Config.MaxStreams are
// counted together: SHA-256(iss)[:6] ‖ 10 zero bytes.
func othersOf(iss string) (key [16]byte) {
	sum := sha256.Sum256([]byte(iss))
	copy(key[:orgKey], sum[:])
	return key
}

// others returns the key of othersOf for the organisation of a stream.
func others(key [16]byte) (all [16]byte) {
	copy(all[:orgKey], key[:orgKey])
	return all
}

// streams are the states of streams while entries are added to the log, in the order of the log.
type streams struct {
	most  uint64                                   // that are kept apart of an organisation
	load  func(key [16]byte) (*streamState, error) // the state so far, empty if there is none
	grown map[[16]byte]*streamState                // those that an entry was added to
}

// keeps reports whether the stream of e is kept apart. If it is new and its organisation has as
// many as it may have, it is not: a source that invents names would otherwise fill the database.
// Its entries are taken all the same, because they say what happened.
func (s *streams) keeps(e *entry.Entry, key [16]byte) (bool, error) {
	state, err := s.load(key)
	if err != nil || state.Org != "" {
		return err == nil, err
	}
	all, err := s.load(others(key))
	if err != nil || all.Streams >= s.most {
		return false, err
	}
	all.Org = e.Issuer
	all.Streams++
	state.Org = e.Issuer
	s.grown[others(key)] = all
	return true, nil
}

// take adds the entry at index to its stream.
func (s *streams) take(e *entry.Entry, key [16]byte, index uint64, received time.Time) error {
	if key == ([16]byte{}) {
		return nil
	}
	kept, err := s.keeps(e, key)
	if err != nil {
		return err
	}
	if !kept {
		key = others(key)
	}
	state, err := s.load(key)
	if err != nil {
		return err
	}
	if kept {
		state.take(e, index, received)
	} else if _, ok := e.Body.(*entry.Access); ok { // what a heartbeat says of one stream says nothing of all
		state.Entries++
		state.Unnumbered++ // without a state of its own no number can be compared
		state.Index = index
		state.Received = max(state.Received, received.UnixMilli())
	}
	s.grown[key] = state
	return nil
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
	if s.Source == "" {
		out.Faults = append(out.Faults, stream.FaultTooMany)
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
