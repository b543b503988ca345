package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/go-json-experiment/json"
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"igledger/ledger/proof"
	"igledger/ledger/record"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
)

// The signing record is a state outside the database: the largest checkpoint that the log has
// published. It only ever moves to a checkpoint of a tree that is committed, and no checkpoint
// leaves the process before the record has moved to it. A database that was restored from a backup,
// or lost its last transactions, is behind the record or on another tree than it. Nothing is signed
// then, and the log stops.
//
// The record is moved after the commit, not before. Before, an interrupted batch would leave a
// record that names a tree which may or may not have been published. After, the record is never
// ahead of a database that did not go back, and an interrupted batch is published at the next
// start.

// Errors of the signing record, to be tested with errors.Is.
var (
	// ErrStopped means that the database and what the log's key has signed contradict each other.
	// The error is a *StoppedError, which says how. Nothing is appended or signed until an operator
	// has acted.
	ErrStopped = errors.New("the log has stopped")
	// ErrSigned means that a new log is to be created with keys that have signed one.
	ErrSigned = errors.New("these keys have signed a log before")
	// ErrNoRecord means that the database has a log, but its signing record is missing.
	ErrNoRecord = errors.New("the signing record is missing")
	// ErrRecord means that the signing record cannot be read or written, so that nothing can be
	// published. What was committed meanwhile is published once it can.
	ErrRecord = errors.New("the signing record cannot be used")
)

// StoppedError says why the log has stopped.
type StoppedError struct {
	Reason string
	Ended  bool // by its operator, for good
}

func (e *StoppedError) Error() string {
	if e.Ended {
		return fmt.Sprintf("%v: %s", ErrStopped, e.Reason)
	}
	return fmt.Sprintf("%v: %s. Nothing was signed. igledger recover says what is lost and what can be done",
		ErrStopped, e.Reason)
}

// Unwrap makes errors.Is(err, ErrStopped) true.
func (e *StoppedError) Unwrap() error { return ErrStopped }

// Signed is what the signing record holds.
type Signed struct {
	Origin     string `json:"origin"`
	Checkpoint string `json:"checkpoint,omitempty"` // the largest published one, a signed note; empty: none yet
	Stopped    string `json:"stopped,omitempty"`    // why nothing more may be signed
	Ended      bool   `json:"ended,omitempty"`      // stopped for good

	// Contrary is a checkpoint with the log's own signature that is not of the tree in the
	// database: what made the log stop, or the end of a log that Ended.
	Contrary string `json:"contrary,omitempty"`
}

// signing keeps the record of one log.
type signing struct {
	l       *Log
	rec     record.Record                    // nil: none is kept
	known   atomic.Pointer[proof.Checkpoint] // what the record was last seen to hold; nil: not seen yet
	stopped atomic.Pointer[StoppedError]
	behind  atomic.Bool                      // the last attempt to move the record failed
	tip     atomic.Pointer[proof.Checkpoint] // a head of the database that extends the record; nil: none is known

	mu    sync.Mutex // guards the fields below, and orders the changes by this process
	raw   []byte     // the record as it was last seen
	state Signed     // raw, decoded
}

// begin prepares the record for a new log. If a log was signed, it returns ErrSigned. A record
// without a checkpoint is that of a creation which was interrupted before anything was published.
func (s *signing) begin(ctx context.Context) error {
	if s.rec == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		c, err := s.load(ctx)
		switch {
		case errors.Is(err, ErrNoRecord):
			err = s.swap(ctx, Signed{Origin: s.l.cfg.Origin})
		case err == nil && (c.Size > 0 || s.state.Stopped != ""):
			return fmt.Errorf("%w, of %d entries, as %s says: a second one would fork it. Restore its database, "+
				"or make new keys with igledger keygen", ErrSigned, c.Size, s.rec)
		}
		if !errors.Is(err, record.ErrMoved) {
			return err
		}
	}
}

// load reads the record. The caller holds mu.
func (s *signing) load(ctx context.Context) (proof.Checkpoint, error) {
	raw, err := s.rec.Load(ctx)
	if err != nil {
		return proof.Checkpoint{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if raw == nil {
		s.raw, s.state = nil, Signed{}
		return proof.Checkpoint{}, fmt.Errorf("%w: %s", ErrNoRecord, s.rec)
	}
	state, c, err := s.parse(raw)
	if err != nil {
		return c, fmt.Errorf("%w: %s: %w", ErrRecord, s.rec, err)
	}
	s.raw, s.state = raw, state
	if state.Stopped != "" {
		s.halt(state.Stopped, state.Ended)
	}
	return c, nil
}

func (s *signing) parse(raw []byte) (Signed, proof.Checkpoint, error) {
	var state Signed
	var c proof.Checkpoint
	if err := json.Unmarshal(raw, &state, json.RejectUnknownMembers(true)); err != nil {
		return state, c, errors.New("it is not a signing record")
	}
	if state.Origin != s.l.cfg.Origin {
		return state, c, fmt.Errorf("%w: it is that of another log, %q", ErrKeys, state.Origin)
	}
	if state.Checkpoint == "" {
		return state, c, nil
	}
	c, err := proof.OpenCheckpoint([]byte(state.Checkpoint), s.l.verifier)
	if err != nil {
		return state, c, fmt.Errorf("%w: its checkpoint is not by this log's key: %w", ErrKeys, err)
	}
	return state, c, nil
}

// swap changes the record. The caller holds mu.
func (s *signing) swap(ctx context.Context, next Signed) error {
	raw, err := json.Marshal(next)
	if err != nil {
		return err
	}
	raw = append(raw, '\n')
	if err := s.rec.Swap(ctx, s.raw, raw); err != nil {
		s.behind.Store(true)
		return unwritten(err)
	}
	s.behind.Store(false)
	s.raw, s.state = raw, next
	return nil
}

// unwritten returns the error of a record that could not be written.
func unwritten(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("%w: %w", ErrRecord, err)
}

// halt stops this process's log. It does not change the record.
func (s *signing) halt(reason string, ended bool) error {
	e := &StoppedError{Reason: reason, Ended: ended}
	switch {
	case !s.stopped.CompareAndSwap(nil, e):
	case ended:
		s.l.cfg.Logger.Warn("the log has ended: nothing is appended or signed", "reason", reason)
	default:
		s.l.cfg.Logger.Error("ALARM: the log stopped", "alarm", true, "error", e)
	}
	return s.stopped.Load()
}

// failure returns why the log has stopped, or this process alone, and nil if neither has.
func (s *signing) failure() error {
	if e := s.stopped.Load(); e != nil {
		return e
	}
	if s.l.leased.outdated.Load() {
		return storage.ErrNewerSchema
	}
	return nil
}

// contradicted stops the log for every process, because the world knows another tree than the
// database has. contrary is a checkpoint by the log's own key that shows it, nil if there is none.
func (s *signing) contradicted(ctx context.Context, reason string, contrary []byte) {
	if s.failure() != nil {
		s.l.cfg.Logger.Error("ALARM: the log is contradicted again", "alarm", true, "error", reason)
	}
	_ = s.halt(reason, false)
	if s.rec == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		_, err := s.load(ctx)
		if err == nil && (s.state.Stopped == "" || s.state.Contrary == "" && contrary != nil) {
			next := s.state
			next.Contrary = string(contrary)
			if next.Stopped == "" {
				next.Stopped = reason
			}
			err = s.swap(ctx, next)
		}
		if errors.Is(err, record.ErrMoved) {
			continue
		}
		if err != nil {
			s.l.cfg.Logger.Error("noting in the signing record that the log stopped", "error", err)
		}
		return
	}
}

// usable returns why nothing can be appended now: the log has stopped, or what was appended before
// cannot be published.
func (s *signing) usable(ctx context.Context) error {
	if err := s.failure(); err != nil || !s.behind.Load() {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sync(ctx)
}

// ready returns nil if the record agrees with the database, and could be moved now. It writes the
// record as it is.
func (s *signing) ready(ctx context.Context) error {
	if err := s.failure(); err != nil || s.rec == nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.sync(ctx); err != nil {
		return err
	}
	if err := s.rec.Swap(ctx, s.raw, s.raw); err != nil && !errors.Is(err, record.ErrMoved) {
		return unwritten(err)
	}
	return nil // a record that another process has just moved can be written
}

// check returns nil if head, which the append in progress holds locked, extends what was signed.
func (s *signing) check(ctx context.Context, head storage.Head) error {
	if err := s.failure(); err != nil || s.rec == nil {
		return err
	}
	if tip := s.tip.Load(); tip != nil && tip.Size == head.Size && tip.Root == head.Root {
		// Another process may have published more before the database went back to this head. The
		// lock is not needed to see that, and waiting for it would be waiting for publish.
		raw, err := s.rec.Load(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRecord, err)
		}
		if state, c, err := s.parse(raw); err == nil && c.Size <= head.Size && state.Stopped == "" {
			return nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.load(ctx)
	if err == nil {
		err = s.failure()
	}
	if err == nil {
		err = s.extends(ctx, c, head)
	}
	if err == nil {
		s.committed(head.Size, head.Root)
	}
	return err
}

// committed notes a head that extends the record: one that passed check, or was committed on top of
// one that did.
func (s *signing) committed(size uint64, root wire.Hash) {
	s.tip.Store(&proof.Checkpoint{Origin: s.l.cfg.Origin, Size: size, Root: root})
}

// publish moves the record to a checkpoint that this process has committed on top of a head that
// passed check. When it returns nil, the checkpoint may leave the process.
func (s *signing) publish(ctx context.Context, size uint64, root wire.Hash, note []byte) error {
	if s.rec == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := proof.Checkpoint{Origin: s.l.cfg.Origin, Size: size, Root: root}
	if known := s.known.Load(); known != nil && known.Size >= size {
		return s.failure() // a reader of this process was faster: it saw a later batch
	}
	next := s.state
	next.Checkpoint = string(note)
	err := s.failure()
	if err == nil {
		err = s.swap(ctx, next)
	}
	if errors.Is(err, record.ErrMoved) { // another process has published since
		err = s.sync(ctx)
	} else if err == nil {
		s.known.Store(&c)
	}
	return err
}

// sync moves the record to the head of the database, if it extends the record. The caller holds mu.
func (s *signing) sync(ctx context.Context) error {
	for {
		// The record first: it is never ahead of a head that is read later.
		c, err := s.load(ctx)
		if err == nil {
			err = s.failure()
		}
		if err != nil {
			return err
		}
		head, err := s.l.store.Head(ctx, s.l.tree)
		if err != nil {
			return fmt.Errorf("reading the head: %w", err)
		}
		if err := s.extends(ctx, c, head); err != nil {
			return err
		}
		if c.Size == head.Size {
			s.behind.Store(false)
			return nil
		}
		// What is about to be published is not taken from the database on trust.
		signed, err := proof.OpenCheckpoint(head.Checkpoint, s.l.verifier)
		if err != nil || signed.Size != head.Size || signed.Root != head.Root {
			return fmt.Errorf("the stored checkpoint (size %d) does not match the stored head (size %d): %w",
				signed.Size, head.Size, wire.BadCheckpoint)
		}
		next := s.state
		next.Checkpoint = string(head.Checkpoint)
		err = s.swap(ctx, next)
		if errors.Is(err, record.ErrMoved) {
			continue
		}
		if err == nil {
			s.known.Store(&signed)
		}
		return err
	}
}

// extends checks that head is a state of the log at or after c. If it is not, the log stops.
func (s *signing) extends(ctx context.Context, c proof.Checkpoint, head storage.Head) error {
	if c.Size == 0 && head.Size > 1 { // a creation that was interrupted has committed one entry
		return s.halt(fmt.Sprintf("%v: by the one that is there nothing was signed, but the database has %d entries. "+
			"It is the record of before the log was created", ErrNoRecord, head.Size), false)
	}
	ok, err := s.l.extends(ctx, c, head)
	if err != nil {
		return err
	}
	if ok {
		s.known.Store(&c) // not sooner: what is known is taken for a state of this database
		return nil
	}
	switch {
	case c.Size > head.Size:
		return s.halt(fmt.Sprintf("the log went back: its key has signed %d entries, but the database has %d. "+
			"A backup was restored, or the database lost its last transactions (an SQLite file was copied "+
			"without its -wal file)", c.Size, head.Size), false)
	default:
		return s.halt(fmt.Sprintf("the database holds another tree than the one of %d entries that the key has signed: "+
			"the log was forked, or the database is that of another log", c.Size), false)
	}
}

// extends reports whether head, of the database, is a state of the log at or after c.
func (l *Log) extends(ctx context.Context, c proof.Checkpoint, head storage.Head) (bool, error) {
	var path [][]byte
	if c.Size > 0 && c.Size < head.Size {
		var err error
		path, err = l.store.ConsistencyProof(ctx, l.tree, c.Size, head.Size)
		if err != nil {
			return false, err
		}
	}
	if c.Size == 0 {
		return true, nil
	}
	return merkle.VerifyConsistency(rfc6962.DefaultHasher, c.Size, head.Size, path, c.Root[:], head.Root[:]) == nil, nil
}

// open moves the record to the head when the log is opened. A log that has stopped opens too: what
// it holds can be read.
func (s *signing) open(ctx context.Context) error {
	if s.rec == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.sync(ctx); !errors.Is(err, ErrStopped) {
		return err
	}
	return nil
}

// missing returns the error for a database without the log: another one if the record knows it.
func (s *signing) missing(ctx context.Context) error {
	if s.rec == nil {
		return ErrNoLog
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.load(ctx)
	switch {
	case errors.Is(err, ErrNoRecord) || err == nil && c.Size == 0:
		return ErrNoLog
	case err != nil:
		return err
	}
	return fmt.Errorf("%w, but %w, of %d entries, as %s says: this is another database, or a copy that is not complete "+
		"(an SQLite file without its -wal file). Do not create the log again, restore its database",
		ErrNoLog, ErrSigned, c.Size, s.rec)
}

// published returns the newest head that is published: its size, root and checkpoint. If the
// database's has more than need entries, so has this.
//
// Where readers of the database's head wait for its writer, it is the one of the signing record,
// which no receipt and no checkpoint of any process is ahead of. An append that was interrupted
// between commit and publication is missing in it until the next: need says that it is wanted.
func (l *Log) published(ctx context.Context, need uint64) (storage.Head, error) {
	if l.headWaits {
		if c, note := l.signing.recorded(ctx); c.Size > need {
			l.store.Committed(ctx, l.tree, c.Size)
			return storage.Head{Size: c.Size, Root: c.Root, Checkpoint: note}, nil
		}
	}
	head, err := l.store.Head(ctx, l.tree)
	if err != nil {
		return head, fmt.Errorf("reading the head: %w", err)
	}
	return head, l.signing.reached(ctx, func(c *proof.Checkpoint) bool {
		return c.Size == head.Size && c.Root == head.Root
	})
}

// reached makes sure that a checkpoint which was just read from the database may leave the process:
// that the record has moved to it or past it, which covered tells of the record as it was last
// seen. A log that has stopped publishes nothing.
func (s *signing) reached(ctx context.Context, covered func(record *proof.Checkpoint) bool) error {
	if err := s.failure(); err != nil || s.rec == nil {
		return err
	}
	if c := s.known.Load(); c != nil && covered(c) {
		return nil
	}
	if s.l.headWaits { // the record may have moved, and tells without the head
		if c, _ := s.recorded(ctx); c.Size > 0 && covered(&c) {
			return nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sync(ctx)
}

// recorded returns the checkpoint in the record, as it is now, and its note. In any doubt it
// returns the zero value: sync then says what is wrong.
func (s *signing) recorded(ctx context.Context) (proof.Checkpoint, []byte) {
	if s.failure() != nil || s.rec == nil || s.behind.Load() {
		return proof.Checkpoint{}, nil
	}
	raw, err := s.rec.Load(ctx)
	if err != nil || raw == nil {
		return proof.Checkpoint{}, nil
	}
	state, c, err := s.parse(raw)
	if err != nil || state.Stopped != "" {
		return proof.Checkpoint{}, nil
	}
	return c, []byte(state.Checkpoint)
}
