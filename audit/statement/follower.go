// Package statement keeps the subject index of a log, and makes from it what a citizen takes home:
// statements, which prove that no access to their record is missing, and extracts, which prove only
// that the chosen accesses are in the log.
//
// What it promises:
//
//   - Proofs are made against exactly the index whose root is logged, at that root's size, whatever
//     other processes write.
//   - A root in the log that does not match the entries below it is noticed, and nothing is served
//     from then on.
//   - Roots are logged within an interval, one for all replicas.
//   - A statement rests on an anchor: the checkpoint that ends in the statement's own index root. It
//     is the newest one that the log's quorum has cosigned, unless the cosigners have been silent
//     for longer than Config.Patience.
//   - A statement lists every entry of its subject under its checkpoint. Entries that came while the
//     root was made, which the proof does not cover, are marked as such.
//
// It does not promise that a subject's entries were filed under the right person: sources check
// that with their receipts. It trusts the database as package ledger does. The holder of a
// statement trusts neither: package verifier checks it.
package statement

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/semaphore"

	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

// Errors to be tested with errors.Is.
var (
	// ErrNotReady: the index is being loaded, or its first root has not been logged yet. Try again
	// later.
	ErrNotReady = errors.New("the subject index is not ready")
	// ErrDiffers: this process computes another index root from the entries than the log has.
	// Either it or the process that logged the root is wrong, so this one serves no more proofs.
	// Run igledger rebuild to find out which.
	ErrDiffers = errors.New("an index root in the log does not match its entries")
	// ErrNotFound: an entry chosen for an extract is not one of the subject's.
	ErrNotFound = ledger.ErrNotFound
)

// DefaultInterval is how long entries wait at most for an index root that covers them. It is also
// how long a root's checkpoint stays the log's anchor: long enough for witnesses, and for auditors
// that ask every few seconds and then recompute the new entries, to find the same one.
const DefaultInterval = 10 * time.Second

// Config is what a Follower needs. Only Log is required.
type Config struct {
	Log *ledger.Log
	// Interval is how long after the last index root the next one is logged, if there are new
	// entries other than index roots. Under load it is sooner. Default DefaultInterval.
	Interval time.Duration
	Now      func() time.Time
	Logger   *slog.Logger

	// Memory is how many bytes all statements that are being made may use together, about. Default
	// DefaultMemory. The largest statement needs about 70 MB, so less than that refuses long ones.
	Memory int64
	// MemoryWait is how long a statement waits for others that use all of Memory. Default 10 s.
	MemoryWait time.Duration

	// Patience is how long a root waits at most for the cosigners that the log's policy asks for.
	// After that, statements are made without them (settle.go). Default DefaultPatience.
	Patience time.Duration

	// Checkpoint returns the newest published checkpoint with the cosignatures it has. Default
	// Log.Checkpoint. The index does not go beyond it.
	Checkpoint func(context.Context) ([]byte, error)
}

// Root is an index root in the log.
type Root struct {
	Index uint64 // its position
	Size  uint64 // M: it covers the entries below
	Hash  wire.Hash
	leaf  []byte
	kid   string
	note  []byte // the checkpoint that ends in it; nil: not known yet
	dated int64  // iat
}

// Follower keeps the subject index in memory, at exactly the size of the newest settled index root
// in the log. Later entries wait. It is safe for concurrent use. Any number of processes may follow
// one log. Each of them also offers the next root, and the log takes one.
type Follower struct {
	cfg      Config
	verifier note.Verifier
	quorum   bool // the log's policy asks for cosigners
	chains   chainCache
	memory   *semaphore.Weighted
	days     boundaries

	everybody everybody

	step    sync.Mutex    // one Step at a time; guards the fields up to mu
	next    uint64        // first entry not read yet
	eager   bool          // no statement is made, so the tree moves to each root at once
	tail    []index.Filed // entries from size on, without gaps
	waiting []waitingRoot // roots above size, checked, not settled yet
	overdue uint64        // position of the root that waited too long; 0: no quorum is missing
	covered uint64        // the newest root in the log covers the entries below
	fresh   int           // entries from covered on that are not index roots
	last    uint64        // position of the newest index root; 0: none
	dated   int64         // its iat
	offer   *offer
	since   time.Time // when the last root was read
	current time.Time // a root in the log covers all that was published until then
	mine    bool      // this process logged the last root

	mu     sync.RWMutex
	tree   *index.Tree // nil until it is loaded
	size   uint64      // tree holds the entries below
	root   *Root       // the logged root of tree, settled; nil: none
	broken error
	stats  Stats
}

// New returns a follower that has read nothing. See Step and Run.
func New(cfg Config) (*Follower, error) {
	if cfg.Interval == 0 {
		cfg.Interval = DefaultInterval
	}
	if cfg.Patience == 0 {
		cfg.Patience = DefaultPatience
	}
	if cfg.Memory == 0 {
		cfg.Memory = DefaultMemory
	}
	if cfg.MemoryWait == 0 {
		cfg.MemoryWait = 10 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Checkpoint == nil {
		cfg.Checkpoint = cfg.Log.Checkpoint
	}
	v, err := wire.NewLogVerifier(cfg.Log.VerifierKey())
	if err != nil {
		return nil, err
	}
	policy := cfg.Log.Policy()
	return &Follower{
		cfg: cfg, verifier: v, quorum: policy != nil && !policy.AsksNobody(), chains: chainCache{log: cfg.Log},
		memory: semaphore.NewWeighted(cfg.Memory),
	}, nil
}

// Run calls Step repeatedly until ctx ends. An error is logged once until it changes.
func (f *Follower) Run(ctx context.Context) {
	ticker := time.NewTicker(min(f.cfg.Interval/10, 250*time.Millisecond))
	defer ticker.Stop()
	said := ""
	for {
		err := f.Step(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && err.Error() != said {
			f.cfg.Logger.Error("following the log for the subject index", "error", err)
		}
		said = ""
		if err != nil {
			said = err.Error()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Step loads the index if necessary, reads what is new in the log, and logs an index root if one is
// due. After an error it may be called again: nothing is lost, and nothing is logged twice.
// ErrDiffers is permanent.
func (f *Follower) Step(ctx context.Context) error { return f.advance(ctx, false) }

// Flush is Step without waiting for the interval. When it returns, a logged index root covers
// everything that was in the published log when Flush was called. If only index roots were not
// covered, no root is logged. It does not wait for cosigners.
func (f *Follower) Flush(ctx context.Context) error { return f.advance(ctx, true) }

func (f *Follower) advance(ctx context.Context, now bool) error {
	f.step.Lock()
	defer f.step.Unlock()
	if err := f.failure(); err != nil {
		return err
	}
	if f.tree == nil {
		if err := f.load(ctx); err != nil {
			return err
		}
	}
	if err := f.follow(ctx); err != nil {
		return err
	}
	if !f.due() && !(now && f.fresh > 0) {
		return nil
	}
	if err := f.submit(ctx); err != nil {
		return err
	}
	return f.follow(ctx)
}

func (f *Follower) failure() error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.broken
}

// load builds the tree from the present histories, without reading the log. Roots that were logged
// for smaller sizes can no longer be checked. The next root is logged for this size.
func (f *Follower) load(ctx context.Context) error {
	last, err := f.cfg.Log.LastPublic(ctx, entry.IndexRootHistory)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("looking for the newest index root: %w", err)
	}
	tree, size, err := build(ctx, f.cfg.Log)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.tree, f.size, f.stats.Read = tree, size, size
	f.mu.Unlock()
	f.next, f.covered = size, size
	f.last = last.Index
	f.current = f.cfg.Now()
	if last.Entry != nil {
		f.dated = last.Entry.IssuedAt
		f.current = time.Unix(f.dated, 0)
	}
	f.isCurrent()
	return nil
}

// isCurrent notes whether a root covers everything that was read.
func (f *Follower) isCurrent() {
	if f.fresh == 0 && (f.root != nil || len(f.waiting) > 0) {
		f.current = f.cfg.Now()
	}
	f.mu.Lock()
	f.stats.current = f.current
	f.mu.Unlock()
}

// errEnough ends reading when the consumer has stopped.
var errEnough = errors.New("enough")

// build makes the index over the whole log as it is now.
func build(ctx context.Context, log *ledger.Log) (tree *index.Tree, size uint64, err error) {
	tree = index.Build(func(yield func(index.Update) bool) {
		size, err = log.Histories(ctx, func(k wire.Hash, count uint64, head wire.Hash) error {
			if !yield(index.Update{K: k, State: proof.State{Count: count, Head: head}}) {
				return errEnough
			}
			return nil
		})
	})
	if err != nil {
		return nil, 0, fmt.Errorf("building the subject index: %w", err)
	}
	return tree, size, nil
}

// page is how many entries are read at a time.
const page = 4096

// follow reads the log up to the published checkpoint, checks each index root, and moves the tree
// to the newest settled one. It reads the anchor and the witnessed checkpoint first, so that their
// index roots are among those it has met, whatever other processes log meanwhile.
func (f *Follower) follow(ctx context.Context) error {
	at, err := f.signed(ctx)
	if err != nil {
		return err
	}
	head, err := f.checkpoint(ctx)
	if err != nil {
		return err
	}
	if err := f.read(ctx, head.Size); err != nil {
		return err
	}
	f.isCurrent()
	return f.settle(at)
}

func (f *Follower) read(ctx context.Context, size uint64) error {
	for f.next < size {
		records, err := f.cfg.Log.Feed(ctx, f.next, min(page, size-f.next))
		if err != nil {
			return err
		}
		if len(records) == 0 {
			return fmt.Errorf("following the log: it ends at %d, below its own checkpoint", f.next)
		}
		for _, r := range records {
			if err := f.take(r); err != nil {
				return err
			}
		}
		f.mu.Lock()
		f.stats.Read, f.stats.Covered, f.stats.Fresh = f.next, f.covered, uint64(f.fresh)
		f.mu.Unlock()
	}
	return nil
}

func (f *Follower) take(r ledger.FeedRecord) error {
	f.tail = append(f.tail, index.Filed{History: r.History, Index: r.Index, LeafHash: r.LeafHash})
	f.next = r.Index + 1
	if r.Entry != nil {
		if body, ok := r.Entry.Body.(*entry.IndexRoot); ok {
			return f.meet(Root{Index: r.Index, Size: body.Size, Hash: body.Root, leaf: r.Leaf, kid: r.Entry.KID,
				dated: r.Entry.IssuedAt})
		}
	}
	f.fresh++
	return nil
}

// meet checks a root in the log against the entries that it covers, and moves the tree to it unless
// it must wait.
func (f *Follower) meet(r Root) error {
	offer := f.offer
	f.last, f.dated, f.offer = r.Index, r.dated, nil
	if dated := time.Unix(r.dated, 0); dated.After(f.current) {
		f.current = dated
	}
	f.since, f.mine = f.cfg.Now(), offer != nil && offer.size == r.Size && offer.root == r.Hash
	if r.Size > r.Index {
		return f.stop(fmt.Errorf("the index root at %d covers entries that come after it: %w", r.Index, ErrDiffers))
	}
	if r.Size < f.covered {
		if f.root == nil && len(f.waiting) == 0 {
			return nil // logged before this process began: the tree is already past it
		}
		return f.stop(fmt.Errorf("the index root at %d covers the entries below %d, fewer than an earlier one: %w",
			r.Index, r.Size, ErrDiffers))
	}
	f.covered, f.fresh = r.Size, 0
	for _, t := range f.tail[r.Size-f.size:] {
		if t.K != rootsKey {
			f.fresh++
		}
	}
	f.mu.Lock()
	f.stats.Roots++
	f.mu.Unlock()
	if !f.waits() {
		return f.move(r)
	}
	got := r.Hash // this process has computed what it offered
	if !f.mine {
		got = rootWith(f.tree, f.tree.Updates(f.below(r.Size)))
	}
	if got != r.Hash {
		return f.differs(r, got)
	}
	f.waiting = append(f.waiting, waitingRoot{r, f.cfg.Now()})
	return nil
}

// move moves the tree to the size of a root in the log.
func (f *Follower) move(r Root) error {
	covered := f.below(r.Size)
	f.mu.Lock()
	f.tree.Add(covered)
	f.size, f.root = r.Size, &r
	got := f.tree.Root()
	f.mu.Unlock()
	f.tail = append([]index.Filed(nil), f.tail[len(covered):]...)
	if got != r.Hash {
		return f.differs(r, got)
	}
	return nil
}

func (f *Follower) differs(r Root, got wire.Hash) error {
	return f.stop(fmt.Errorf("the index root at %d is %x, but the entries below %d make %x: %w",
		r.Index, r.Hash, r.Size, got, ErrDiffers))
}

var rootsKey = proof.NameKey(entry.IndexRootHistory)

// stop ends all service. A proof against a wrong root misleads, and a proof against a wrong tree
// accuses the innocent.
func (f *Follower) stop(err error) error {
	f.mu.Lock()
	f.broken, f.root = err, nil
	f.mu.Unlock()
	f.cfg.Logger.Error("subject index: "+err.Error(), "alarm", true)
	return err
}

// below returns the entries of the tail below size.
func (f *Follower) below(size uint64) []index.Filed {
	n := sort.Search(len(f.tail), func(i int) bool { return f.tail[i].Index >= size })
	return f.tail[:n]
}

// checkpoint returns the published checkpoint.
func (f *Follower) checkpoint(ctx context.Context) (proof.Checkpoint, error) {
	signed, err := f.cfg.Checkpoint(ctx)
	if err != nil {
		return proof.Checkpoint{}, fmt.Errorf("reading the checkpoint: %w", err)
	}
	return proof.OpenCheckpoint(signed, f.verifier)
}

// Stats are numbers for metrics.
type Stats struct {
	Subjects  int    // histories in the index, public names among them
	Size      uint64 // entries below are covered by the root that statements rest on
	Covered   uint64 // entries below are covered by the newest root in the log
	Read      uint64 // entries below are read
	Fresh     uint64 // entries among them that no root in the log covers, index roots left out
	Roots     uint64 // index roots that this process read in the log
	Conflicts uint64 // offers of this process that came after another process's
	Ready     bool   // proofs can be served
	// Age is how long ago a root in the log covered everything that was published; 0 while the
	// index is being loaded. If nothing is submitted it stays small, however old the newest root
	// is.
	Age     time.Duration
	current time.Time
	// Broken is ErrDiffers: an alarm for operators. No statements are made and no roots logged.
	// Entries are taken as before.
	Broken bool
}

// Behind returns how many entries of a log of this size no index root in it covers. While the index
// is being loaded, it returns 0.
func (s Stats) Behind(size uint64) uint64 {
	if s.Read == 0 {
		return 0
	}
	return max(size, s.Read) - s.Read + s.Fresh
}

// Stats returns the present numbers.
func (f *Follower) Stats() Stats {
	f.mu.RLock()
	defer f.mu.RUnlock()
	s := f.stats
	if f.tree != nil {
		s.Subjects = f.tree.Len()
	}
	if f.root != nil {
		s.Size, s.Ready = f.root.Size, f.root.note != nil
	}
	if !s.current.IsZero() {
		s.Age = max(0, f.cfg.Now().Sub(s.current))
	}
	s.Broken = f.broken != nil
	return s
}

// Root returns the newest settled index root, against which proofs are made. If there is none yet,
// it returns ErrNotReady.
func (f *Follower) Root() (Root, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case f.broken != nil:
		return Root{}, f.broken
	case f.root == nil || f.root.note == nil:
		return Root{}, ErrNotReady
	}
	return *f.root, nil
}
