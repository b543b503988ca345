package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/record"
	"igledger/ledger/storage"
	"igledger/ledger/stream"
	"igledger/ledger/wire"
	"igledger/ledger/witness"
)

// A log whose database went back cannot go on from there: what comes next would have other leaves
// than those that were signed and lost, and nobody can make these again, because their salts were
// random. Either the lost database is found, or the log ends with the largest checkpoint that is
// known, and a successor begins. Examine says which, Continue and End do it.

// Damage is what Examine found.
type Damage struct {
	Database uint64    `json:"database"` // entries in the database; 0: it has no such log
	Signed   uint64    `json:"signed"`   // entries that the log's key is known to have signed
	Root     wire.Hash `json:"root"`     // of the signed ones
	NoRecord bool      `json:"noRecord,omitempty"`
	Stopped  string    `json:"stopped,omitempty"`
	Ended    bool      `json:"ended,omitempty"`

	// Forked is set if the database holds another tree than the signed one: it is not only shorter.
	Forked bool `json:"forked,omitempty"`

	// Witnesses are the sizes that witnesses say they have seen, which are not signed.
	Witnesses map[string]uint64 `json:"witnesses,omitempty"`

	// Lost are the positions that were signed or seen and that the database lacks.
	Lost *stream.Range `json:"lost,omitempty"`

	// Streams are the ends of all streams as the database has them. What sources have sent after
	// them may be lost.
	Streams []StreamEnd `json:"streams,omitempty"`

	note []byte // of the signed checkpoint
}

// StreamEnd is the last that the database has of one stream.
type StreamEnd struct {
	Organisation string    `json:"organisation"`
	Source       string    `json:"source"`
	Last         uint64    `json:"last"`
	Received     time.Time `json:"received,omitzero"`
}

// Whole reports whether the database holds all that is known to have been signed or seen.
func (d *Damage) Whole() bool { return d.Lost == nil && !d.Forked && d.Database > 0 }

// Unknown reports whether nothing outside the database says what was signed: there is no signing
// record, and no witness answered. Entries may be lost then without a trace.
func (d *Damage) Unknown() bool { return d.NoRecord && len(d.Witnesses) == 0 }

// Examine compares the database with the signing record and, unless nil, the witnesses of w. It
// changes nothing in either.
func Examine(ctx context.Context, cfg Config, w *witness.Client) (*Damage, error) {
	l, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	return l.examine(ctx, w)
}

// examine reads the record first, then asks the witnesses, then reads the head: a log that a server
// still has open may grow meanwhile, and what is read last is never behind.
func (l *Log) examine(ctx context.Context, w *witness.Client) (*Damage, error) {
	d := &Damage{}
	known, err := l.knownSigned(ctx, d)
	if err != nil {
		return nil, err
	}
	for _, k := range known {
		if k.Size > d.Signed {
			d.Signed, d.Root, d.note = k.Size, k.Root, k.Note
		}
	}
	head, err := l.presentHead(ctx)
	if err != nil {
		return nil, err
	}
	if d.note == nil && head.Size > 0 {
		c, err := proof.OpenCheckpoint(head.Checkpoint, l.verifier)
		if err != nil {
			return nil, fmt.Errorf("the stored checkpoint: %w", err)
		}
		d.Signed, d.Root, d.note = c.Size, c.Root, head.Checkpoint
	}
	largest := d.Signed
	if w != nil && d.note != nil {
		d.Witnesses = w.Seen(ctx, witness.Checkpoint{Checkpoint: proof.Checkpoint{Size: d.Signed}, Note: d.note})
		for _, n := range d.Witnesses {
			largest = max(largest, n)
		}
		head, err = l.presentHead(ctx)
		if err != nil {
			return nil, err
		}
	}
	d.Database = head.Size
	d.NoRecord = d.NoRecord || len(known) == 0 && head.Size > 1 // it is of before the log was created
	for _, k := range known {
		if k.Size > head.Size {
			continue
		}
		ok, err := l.extends(ctx, k.Checkpoint, head)
		if err != nil {
			return nil, err
		}
		d.Forked = d.Forked || !ok
	}
	if largest > head.Size {
		d.Lost = &stream.Range{First: head.Size, Last: largest - 1}
	}
	if head.Size > 0 {
		err = l.streamEnds(ctx, d)
	}
	return d, err
}

// presentHead finds the log and returns its head, of size 0 if the database has no such log.
func (l *Log) presentHead(ctx context.Context) (head storage.Head, err error) {
	l.tree, err = l.store.FindTree(ctx, l.cfg.Origin)
	if err == nil {
		head, err = l.store.Head(ctx, l.tree)
	}
	if errors.Is(err, storage.ErrNotFound) {
		err = nil
	}
	return head, err
}

// knownSigned returns the checkpoints in the signing record.
func (l *Log) knownSigned(ctx context.Context, d *Damage) ([]witness.Checkpoint, error) {
	s := l.signing
	if s.rec == nil {
		return nil, ErrNoRecord
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.load(ctx)
	d.NoRecord = errors.Is(err, ErrNoRecord)
	if d.NoRecord {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d.Stopped, d.Ended = s.state.Stopped, s.state.Ended
	var list []witness.Checkpoint
	for _, note := range []string{s.state.Checkpoint, s.state.Contrary} {
		if note == "" {
			continue
		}
		c, err := proof.OpenCheckpoint([]byte(note), l.verifier)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRecord, err)
		}
		list = append(list, witness.Checkpoint{Checkpoint: c, Note: []byte(note)})
	}
	return list, nil
}

func (l *Log) streamEnds(ctx context.Context, d *Damage) error {
	for after := ([16]byte{}); ; {
		list, next, err := l.Sources(ctx, l.cfg.Now(), "", after, 1000)
		if err != nil {
			return err
		}
		for _, s := range list {
			d.Streams = append(d.Streams, StreamEnd{s.Org, s.Source, s.Last, s.LastReceived})
		}
		if next == ([16]byte{}) {
			return nil
		}
		after = next
	}
}

// ErrNotWhole means that the log cannot go on with this database.
var ErrNotWhole = errors.New("the database lacks entries that were signed, or holds another tree")

// Continue lets a log go on that stopped although its database is whole: a witness was wrong, or
// the right database was put back. If the signing record was lost, it is made again from the
// database. Processes that have the log open go on after a restart.
//
// Without a record only witnesses know what was signed. If none answers, only trust lets the log go
// on: the caller vouches for the database.
func Continue(ctx context.Context, cfg Config, w *witness.Client, trust bool) (*Damage, error) {
	l, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	return l.decide(ctx, w, func(d *Damage, _ Signed) (Signed, error) {
		next := Signed{Origin: l.cfg.Origin, Checkpoint: string(d.note)}
		switch {
		case d.Ended:
			return next, &StoppedError{Reason: d.Stopped, Ended: true}
		case !d.Whole():
			return next, ErrNotWhole
		case d.Unknown() && !trust:
			return next, fmt.Errorf("%w, and no witness answers: nothing says whether the database is whole", ErrNoRecord)
		}
		return next, nil
	})
}

// End ends the log for good, at the largest checkpoint that its key is known to have signed, and
// returns that for the genesis of its successor, which has another origin and other keys.
func End(ctx context.Context, cfg Config, w *witness.Client) (*Damage, *entry.Predecessor, error) {
	l, err := prepare(cfg)
	if err != nil {
		return nil, nil, err
	}
	d, err := l.decide(ctx, w, func(d *Damage, now Signed) (Signed, error) {
		if d.Signed == 0 {
			return now, ErrNoLog
		}
		now.Origin, now.Ended = l.cfg.Origin, true
		now.Stopped = fmt.Sprintf("its operator ended the log at %d entries", d.Signed)
		if now.Checkpoint == "" {
			now.Checkpoint = string(d.note)
		}
		return now, nil
	})
	if err != nil {
		return d, nil, err
	}
	d.Stopped, d.Ended = l.signing.state.Stopped, true
	return d, &entry.Predecessor{Origin: l.cfg.Origin, Size: d.Signed, Root: d.Root}, nil
}

// decide changes the record by an operator's decision about what examine finds. If the record moves
// meanwhile, because a server is still at work, it looks again: the record must not go back, and
// the log not end before its end.
func (l *Log) decide(ctx context.Context, w *witness.Client, change func(*Damage, Signed) (Signed, error)) (*Damage, error) {
	s := l.signing
	for {
		d, err := l.examine(ctx, w)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		next, err := change(d, s.state) // as examine has read it
		if err == nil {
			err = s.swap(ctx, next)
		}
		s.mu.Unlock()
		if !errors.Is(err, record.ErrMoved) {
			return d, err
		}
	}
}
