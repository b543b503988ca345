// Package statement keeps the subject index of a log and makes from it what a citizen takes home: statements, which prove that no access to her record is
// missing, and extracts, which prove only that the chosen ones are in the log.
//
// It promises: the index that proofs are made against is exactly the one whose root is logged, at that root's size, whatever other processes write; a
// root in the log that is not what the entries below it give is noticed and nothing is served from then on; roots are logged within an interval,
// one for all replicas; a statement rests on a root that the log's quorum of cosigners stands above, unless they have been silent for longer than
// Config.Patience; and it lists every entry of its subject under its checkpoint, those the proof does not cover yet marked as such.
// It does not promise that a subject's entries were filed under the right person, which sources check by their receipts, and it trusts the database as
// package ledger does. Whoever holds a statement trusts neither: it is checked by package verifier.
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

	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

// Errors to be tested with errors.Is.
var (
	// ErrNotReady: the index is being loaded, or its first root has not been logged yet. Come back.
	ErrNotReady = errors.New("the subject index is not ready")
	// ErrDiffers: an index root in the log is not what the entries below it give, here. Either the process that logged it or this one is
	// wrong, so this one serves no more proofs; igledger rebuild tells which.
	ErrDiffers = errors.New("an index root in the log is not that of its entries")
	// ErrNotFound: an entry chosen for an extract is not one of the subject's.
	ErrNotFound = ledger.ErrNotFound
)

// DefaultInterval is how long entries wait at most for an index root that covers them.
const DefaultInterval = 10 * time.Second

// Config is what a Follower needs. Only Log must be set.
type Config struct {
	Log      *ledger.Log
	Interval time.Duration // default DefaultInterval; an index root is logged that long after the last one, sooner under load, if entries came
	Now      func() time.Time
	Logger   *slog.Logger

	// Patience is how long a root waits at most for the cosigners that the log's policy asks for, before statements are made on it without them (settle.go);
	// default DefaultPatience.
	Patience time.Duration

	// Checkpoint gives the newest published checkpoint, cosigned as it may be; default Log.Checkpoint. The index follows no further than it reaches, so
	// that every statement can be shown under it.
	Checkpoint func(context.Context) ([]byte, error)
}

// Root is an index root as it stands in the log.
type Root struct {
	Index uint64 // its position
	Size  uint64 // M: it covers the entries below
	Hash  wire.Hash
	leaf  []byte
	kid   string
}

// Follower keeps the subject index in memory at exactly the size of the newest settled index root in the log: what came after waits aside. It is safe for
// concurrent use. Any number of processes may follow one log; each also offers to log the next root, and the log takes one.
type Follower struct {
	cfg      Config
	verifier note.Verifier
	quorum   bool // the log's policy asks for cosigners
	chains   chainCache

	step    sync.Mutex    // one Step at a time; what follows up to mu is Step's own
	next    uint64        // first entry not read yet
	tail    []index.Filed // entries from size on, without a gap
	waiting []waitingRoot // roots above size, found right, not settled yet
	overdue uint64        // position of the root that had waited too long; 0: no quorum is missing
	covered uint64        // the newest root in the log covers the entries below
	fresh   int           // entries from covered on that are no index roots
	last    uint64        // position of the newest index root; 0: none
	offer   *offer
	since   time.Time // when the last root was met
	mine    bool      // this process logged it

	mu     sync.RWMutex
	tree   *index.Tree // nil until it is loaded
	size   uint64      // tree holds the entries below
	root   *Root       // the logged root of tree, settled; nil: none is logged for this size
	broken error
	stats  Stats
}

// New makes a follower that has read nothing: see Step and Run.
func New(cfg Config) (*Follower, error) {
	if cfg.Interval == 0 {
		cfg.Interval = DefaultInterval
	}
	if cfg.Patience == 0 {
		cfg.Patience = DefaultPatience
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
	return &Follower{cfg: cfg, verifier: v, quorum: policy != nil && !policy.AsksNobody(), chains: chainCache{log: cfg.Log}}, nil
}

// Run calls Step again and again until ctx ends. Errors are logged, each once until it changes.
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

// Step loads the index if that is still to be done, takes in what the log has, and logs an index root if one is due. After an error it may be
// called again: nothing is lost and nothing logged twice. ErrDiffers stays.
func (f *Follower) Step(ctx context.Context) error { return f.advance(ctx, false) }

// Flush is Step that does not wait for the interval: when it returns, an index root is logged that covers all that was in the published log when it was
// called, if that held anything but index roots that was not covered. It does not wait for cosigners either.
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
	if err := f.follow(ctx); err != nil || !f.due() && !(now && f.fresh > 0) {
		return err
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

// load builds the tree from the histories as they are now, without reading the log. Roots logged for smaller sizes cannot be checked any more; the next one is
// logged for this size.
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
	f.tree, f.size = tree, size
	f.mu.Unlock()
	f.next, f.covered, f.last = size, size, last.Index
	return nil
}

// errEnough ends a reading whose reader has gone.
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

// follow reads the log up to the published checkpoint, checks each index root it meets, and moves the tree to the newest that is settled.
func (f *Follower) follow(ctx context.Context) error {
	_, head, err := f.checkpoint(ctx)
	if err != nil {
		return err
	}
	if err := f.read(ctx, head.Size); err != nil {
		return err
	}
	return f.settle(ctx)
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
		f.stats.Read, f.stats.Covered = f.next, f.covered
		f.mu.Unlock()
	}
	return nil
}

func (f *Follower) take(r ledger.FeedRecord) error {
	f.tail = append(f.tail, index.Filed{History: r.History, Index: r.Index, LeafHash: r.LeafHash})
	f.next = r.Index + 1
	if r.Entry != nil {
		if body, ok := r.Entry.Body.(*entry.IndexRoot); ok {
			return f.meet(Root{Index: r.Index, Size: body.Size, Hash: body.Root, leaf: r.Leaf, kid: r.Entry.KID})
		}
	}
	f.fresh++
	return nil
}

// meet holds a root that was met in the log against the entries it covers, and moves the tree there unless it is to wait.
func (f *Follower) meet(r Root) error {
	offer := f.offer
	f.last, f.offer = r.Index, nil
	f.since, f.mine = f.cfg.Now(), offer != nil && offer.size == r.Size && offer.root == r.Hash
	if r.Size > r.Index {
		return f.stop(fmt.Errorf("the one at %d covers what comes after it: %w", r.Index, ErrDiffers))
	}
	if r.Size < f.covered {
		if f.root == nil {
			return nil // logged before this process began: the tree has passed it
		}
		return f.stop(fmt.Errorf("the one at %d for the entries below %d covers less than one before it: %w", r.Index, r.Size, ErrDiffers))
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
	got := r.Hash // what this process offered it has computed
	if !f.mine {
		got = rootWith(f.tree, f.tree.Updates(f.below(r.Size)))
	}
	if got != r.Hash {
		return f.differs(r, got)
	}
	f.waiting = append(f.waiting, waitingRoot{r, f.cfg.Now()})
	return nil
}

// move takes the tree to the size of a root in the log.
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
	return f.stop(fmt.Errorf("the one at %d for the entries below %d says %x, they give %x: %w", r.Index, r.Size, r.Hash, got, ErrDiffers))
}

var rootsKey = proof.NameKey(entry.IndexRootHistory)

// stop ends all service: a proof against a root that is wrong misleads, and one against a wrong tree convicts the innocent.
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

// checkpoint gives the published checkpoint, as a note and decoded.
func (f *Follower) checkpoint(ctx context.Context) ([]byte, proof.Checkpoint, error) {
	signed, err := f.cfg.Checkpoint(ctx)
	if err != nil {
		return nil, proof.Checkpoint{}, fmt.Errorf("reading the checkpoint: %w", err)
	}
	head, err := proof.OpenCheckpoint(signed, f.verifier)
	return signed, head, err
}

// Stats are numbers for metrics.
type Stats struct {
	Subjects  int    // histories in the index, public names among them
	Size      uint64 // entries below are covered by the root that statements rest on
	Covered   uint64 // entries below are covered by the newest root in the log
	Read      uint64 // entries below are read
	Roots     uint64 // index roots met in the log by this process
	Conflicts uint64 // offers of this process that came after another's
	Ready     bool   // proofs can be served
	Broken    bool   // ErrDiffers: an alarm for people. No statements are made and no roots logged; entries can be taken as before
}

// Stats gives the numbers.
func (f *Follower) Stats() Stats {
	f.mu.RLock()
	defer f.mu.RUnlock()
	s := f.stats
	if f.tree != nil {
		s.Subjects = f.tree.Len()
	}
	if f.root != nil {
		s.Size, s.Ready = f.root.Size, true
	}
	s.Broken = f.broken != nil
	return s
}

// Root is the newest settled index root, against which proofs are made. ErrNotReady if there is none yet.
func (f *Follower) Root() (Root, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case f.broken != nil:
		return Root{}, f.broken
	case f.root == nil:
		return Root{}, ErrNotReady
	}
	return *f.root, nil
}
