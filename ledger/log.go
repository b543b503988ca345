// Package ledger appends signed entries to a Trillian verifiable log and proves that they are in
// it.
//
// One database transaction appends a batch. It looks up idempotency keys, steps the register and
// rules, judges, encrypts, writes leaves, openings, heads of histories and tiles, integrates the
// tree and signs the checkpoint. An answer of success from Append therefore means that the entry is
// durable and integrated under a signed checkpoint. The entry is present once (by iss and jti), its
// key is valid at the entry's own index, it is filed in the history of its person, and its opening
// is encrypted.
//
// A batch is a group commit over concurrent requests. Each process has one in flight, and any
// number of processes may share one database, which orders them; none is special.
//
// Rules that follow from what the ledger is for:
//
//   - An access that happened is taken. An unknown agreement, a wrong check digit or a missing
//     number is a flag, and the verdict is "not covered". Refusing the entry would only hide the
//     access.
//   - Everything a screen shows is derived from the log, in the same transaction or later, and
//     Rebuild makes it again.
//   - Order in the log is proof; times are claims. A verdict follows from the entries below it and
//     is never rewritten by what comes later.
//
// The package does not know what agreements mean. It knows the interface register.Rules
// (Config.Rules), which package consent implements. It does not prove to a citizen that a list is
// complete: that needs the subject index, which follows the log in package audit/statement.
//
// Trillian runs in process (log.IntegrateBatch) inside the transaction: see package storage.
package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/trillian"
	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/record"
	"igledger/ledger/register"
	"igledger/ledger/storage"
	"igledger/ledger/vault"
	"igledger/ledger/wire"
)

// Config is what a Log needs. A number that is zero has its default.
type Config struct {
	Storage *storage.Storage
	Keys    *Keys
	Origin  string           // C2SP origin of the log: its name everywhere
	Now     func() time.Time // default time.Now
	Logger  *slog.Logger     // default discards
	Rules   register.Rules   // the rules of an empty log: consent.New()

	// Record is kept outside the database and says what the log has signed, so that a database that
	// went back is noticed (signing.go). If nil, a restored backup forks the log unnoticed.
	Record record.Record

	// Policy says whose cosignatures are kept, and what quorum makes a checkpoint witnessed. It
	// must name this log. If nil, no cosignature is kept.
	Policy *cosign.Policy

	// Room returns an ErrFull if the disks of this machine are too full for the log to append to. If
	// nil, only the database's own word counts.
	Room func() error

	Linger   time.Duration // how long a batch waits for more entries: default 2 ms, 5 ms on CockroachDB
	MaxBatch int           // entries in a transaction: default 512
	MaxQueue int           // entries that may wait before callers get a BusyError: default 16384

	// MaxStreams is how many streams of one organisation are kept apart: default MaxStreams.
	// Accesses of further streams are taken with FlagTooManyStreams, and counted together.
	MaxStreams int
}

// Log is an open log. It is safe for concurrent use.
type Log struct {
	cfg   Config
	store *storage.Storage
	tree  *trillian.Tree
	vault *vault.Vault
	tags  *tagCache
	reg   atomic.Pointer[registerState]
	stats counters

	verifier note.Verifier // for cfg.Keys.LogVerifierKey
	signing  *signing
	leased   leased

	headWaits bool // whoever reads the head of the database waits for its writer

	second      *cosign.Cosigner // of cfg.Keys.LogPQ; nil: the log has no second key
	signedAgain atomic.Uint64    // size of the largest anchor that this process has signed with it

	queue   chan *unit
	waiting atomic.Int64 // entries queued and not yet answered
	mu      sync.RWMutex // guards closed against sends to queue
	closed  bool
	done    chan struct{} // closed when every caller is answered
}

// registerState is the state that the public entries below upto have built. It does not change once
// it is shared: code that steps it makes a copy first.
type registerState struct {
	register.State
	upto uint64
}

// Open opens an existing log and starts its batcher. It rebuilds the register from the public
// entries and checks the stored checkpoint. If the database has no such log, it returns ErrNoLog;
// if the keys are not those of the genesis, ErrKeys; if Config.Record is empty, ErrNoRecord. A log
// that contradicts its record opens too, but is not Ready, and takes and signs nothing.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	l, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	l.tree, err = l.store.FindTree(ctx, cfg.Origin)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, l.signing.missing(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("finding the log: %w", err)
	}
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	if err := l.signing.open(ctx); err != nil {
		return nil, err
	}
	if err := l.lease(ctx); err != nil {
		return nil, err
	}
	l.start()
	return l, nil
}

// Create makes a new log with genesis as entry 0 and opens it. If the log has entries, it returns
// ErrExists; if the keys have signed a log before, by Config.Record, ErrSigned.
func Create(ctx context.Context, cfg Config, genesis *entry.Entry) (*Log, error) {
	l, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	g, ok := genesis.Body.(*entry.Genesis)
	if !ok {
		return nil, fmt.Errorf("creating the log: %w", wire.BadGenesis)
	}
	if err := l.checkKeys(g); err != nil {
		return nil, err
	}
	if !slices.Contains(g.Operator.Roles, entry.RoleSource) || !g.Operator.Key.JWK.Equal(cfg.Keys.Operator.Public) {
		return nil, fmt.Errorf("creating the log: %w: the operator must be a source, with the key in operator.jwk: "+
			"otherwise no read could be logged", wire.BadGenesis)
	}
	if err := l.makeTree(ctx); err != nil {
		return nil, fmt.Errorf("creating the log: %w", err)
	}
	p := l.newPending(genesis, signers{reg: l.reg.Load().Register})
	if p.res.Err == nil {
		if b := l.commit(ctx, []*pending{p}); b != nil {
			l.publish(ctx, []*batchTx{b})
		}
	}
	if errors.Is(p.res.Err, wire.BadGenesis) && p.res.Index > 0 {
		return nil, ErrExists // another replica was faster
	}
	if p.res.Err != nil {
		return nil, fmt.Errorf("creating the log: %w", p.res.Err)
	}
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	if err := l.lease(ctx); err != nil {
		return nil, err
	}
	l.start()
	return l, nil
}

// makeTree finds or makes the empty tree of a new log, unless its keys have signed one.
func (l *Log) makeTree(ctx context.Context) error {
	empty := func() error {
		head, err := l.store.Head(ctx, l.tree)
		if err == nil && head.Size > 0 {
			err = ErrExists
		}
		return err
	}
	var err error
	l.tree, err = l.store.FindTree(ctx, l.cfg.Origin)
	if err == nil {
		err = empty()
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if err := l.signing.begin(ctx); err != nil {
		return err
	}
	l.tree, _, err = l.store.TreeByName(ctx, l.cfg.Origin)
	if err != nil {
		return err
	}
	return empty()
}

func prepare(cfg Config) (*Log, error) {
	if cfg.Rules == nil {
		return nil, errors.New("opening the log: Config.Rules is missing")
	}
	if err := wire.CheckOrigin(cfg.Origin); err != nil {
		return nil, err
	}
	if cfg.Keys.Log.Name() != cfg.Origin {
		return nil, fmt.Errorf("%w: the log key is for %q, but the origin is %q", ErrKeys, cfg.Keys.Log.Name(), cfg.Origin)
	}
	if cfg.Policy != nil {
		if p := cfg.Policy.Log(cfg.Origin); p == nil || !p.Has(cfg.Keys.LogVerifierKey) {
			return nil, fmt.Errorf("%w: it has no log line with this log's key, %s", ErrPolicy, cfg.Keys.LogVerifierKey)
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Linger == 0 {
		cfg.Linger = 2 * time.Millisecond
		if cfg.Storage.Engine() == storage.CockroachDB {
			cfg.Linger = 5 * time.Millisecond
		}
	}
	if cfg.MaxBatch == 0 {
		cfg.MaxBatch = 512
	}
	if cfg.MaxStreams == 0 {
		cfg.MaxStreams = MaxStreams
	}
	if cfg.MaxQueue == 0 {
		cfg.MaxQueue = 16384
	}
	verifier, err := wire.NewLogVerifier(cfg.Keys.LogVerifierKey)
	if err != nil {
		return nil, err
	}
	v, err := vault.New(cfg.Storage, cfg.Origin, cfg.Keys.Epochs)
	if err != nil {
		return nil, err
	}
	l := &Log{
		cfg: cfg, store: cfg.Storage, verifier: verifier,
		vault: v,
		tags:  newTagCache(cfg.Keys.VRF, cfg.Origin),
		queue: make(chan *unit, cfg.MaxQueue),
		done:  make(chan struct{}),
	}
	l.headWaits = cfg.Storage.Engine() == storage.CockroachDB
	l.signing = &signing{l: l, rec: cfg.Record}
	if k := cfg.Keys.LogPQ; k != nil {
		if l.second, err = cosign.New("second key", k.VKey); err != nil {
			return nil, err
		}
	}
	l.reg.Store(&registerState{State: register.NewState(cfg.Origin, cfg.Rules)})
	return l, nil
}

// load rebuilds the register and checks that the database and the keys belong together.
func (l *Log) load(ctx context.Context) error {
	head, err := l.store.Head(ctx, l.tree)
	if err != nil {
		return fmt.Errorf("reading the head: %w", err)
	}
	if head.Size == 0 {
		return ErrNoLog
	}
	records, err := l.store.Register(ctx, l.tree, 0)
	if err != nil {
		return fmt.Errorf("reading the register: %w", err)
	}
	state, err := (&registerState{State: register.NewState(l.cfg.Origin, l.cfg.Rules)}).advance(records)
	if err != nil {
		return err
	}
	if state.Register.Genesis == nil {
		return fmt.Errorf("entry 0: %w", wire.BadGenesis)
	}
	if err := l.checkKeys(state.Register.Genesis); err != nil {
		return err
	}
	c, err := proof.OpenCheckpoint(head.Checkpoint, l.verifier)
	if err != nil {
		return fmt.Errorf("the stored checkpoint: %w", err)
	}
	if c.Size != head.Size || c.Root != head.Root {
		return fmt.Errorf("the stored checkpoint (size %d) does not match the stored head (size %d): %w",
			c.Size, head.Size, wire.BadCheckpoint)
	}
	l.reg.Store(state)
	return l.checkEpochKeys(ctx, head.Size)
}

// checkEpochKeys compares the epoch keys with the newest opening among the last entries: another
// key under the same number would write openings that no other replica can read. That a key is
// not there is no fault: it may be lost, and the log goes on under the next.
func (l *Log) checkEpochKeys(ctx context.Context, size uint64) error {
	const last = 256
	n := min(size, last)
	records, err := l.store.Records(ctx, l.tree, size-n, n)
	if err != nil {
		return fmt.Errorf("reading the last entries: %w", err)
	}
	for _, r := range slices.Backward(records) {
		if len(r.Extra) == 0 {
			continue
		}
		if _, err := l.vault.UnsealLink(ctx, r.Index, proof.LeafHash(r.Value), r.Extra); errors.Is(err, vault.ErrOtherKey) {
			return err
		}
		return nil
	}
	return nil
}

func (l *Log) checkKeys(g *entry.Genesis) error {
	switch k := l.cfg.Keys; {
	case g.LogKey != k.LogVerifierKey:
		return fmt.Errorf("%w: the genesis names another log key", ErrKeys)
	case g.VRFKey != k.VRF.Public():
		return fmt.Errorf("%w: the genesis names another VRF key", ErrKeys)
	}
	return nil
}

// advance returns the state after further entries that change it. It verifies each as an auditor
// would, so that tampering with the database is noticed at start and after another replica appends.
func (s *registerState) advance(records []storage.Record) (*registerState, error) {
	if len(records) == 0 {
		return s, nil
	}
	next := &registerState{State: s.Clone(), upto: s.upto}
	for _, r := range records {
		if err := next.step(r); err != nil {
			return nil, fmt.Errorf("register entry %d: %w", r.Index, err)
		}
	}
	return next, nil
}

func (s *registerState) step(r storage.Record) error {
	leaf, err := proof.ParseLeaf(r.Value)
	if err != nil {
		return err
	}
	e, err := leaf.Entry()
	if err != nil {
		return err
	}
	s.upto = r.Index + 1
	return s.Step(e, r.Index)
}

// Origin returns the log's name.
func (l *Log) Origin() string { return l.cfg.Origin }

// VerifierKey returns the C2SP signed-note verifier key of the log's checkpoints.
func (l *Log) VerifierKey() string { return l.cfg.Keys.LogVerifierKey }

// Genesis returns the body of entry 0.
func (l *Log) Genesis() *entry.Genesis { return l.reg.Load().Register.Genesis }

// Operator returns the signer of the operator's own entries.
func (l *Log) Operator() *wire.Signer { return l.cfg.Keys.Operator }

// Register returns the current register of organisations and keys. The caller must not modify it.
func (l *Log) Register(ctx context.Context) (*register.Register, error) {
	s, err := l.current(ctx)
	if err != nil {
		return nil, err
	}
	return s.Register, nil
}

// current returns the state as of the head that is stored now.
func (l *Log) current(ctx context.Context) (*registerState, error) {
	head, err := l.store.Head(ctx, l.tree)
	if err != nil {
		return nil, fmt.Errorf("reading the head: %w", err)
	}
	for {
		cur := l.reg.Load()
		if cur.upto >= head.Register {
			return cur, nil
		}
		records, err := l.store.Register(ctx, l.tree, cur.upto)
		if err != nil {
			return nil, fmt.Errorf("reading the register: %w", err)
		}
		next, err := cur.advance(records)
		if err != nil {
			return nil, err
		}
		l.reg.CompareAndSwap(cur, next)
	}
}

// Checkpoint returns the newest checkpoint, a signed note without cosignatures.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	head, err := l.published(ctx, 0)
	return head.Checkpoint, err
}

// Size returns the number of entries.
func (l *Log) Size(ctx context.Context) (uint64, error) {
	head, err := l.store.Head(ctx, l.tree)
	return head.Size, err
}

// Tile returns the first width hashes of a C2SP tlog-tiles tile. If the log is too small for them,
// it returns ErrNotFound.
func (l *Log) Tile(ctx context.Context, level int, index uint64, width int) ([]byte, error) {
	b, err := l.store.Tile(ctx, l.tree, level, index, width)
	return b, notFound(err)
}

// EntryBundle returns a C2SP tlog-tiles entry bundle: for each of the width (1 to 256) leaves from
// 256·index on, u16 length ‖ leaf. If the log is too small for them, it returns ErrNotFound.
func (l *Log) EntryBundle(ctx context.Context, index uint64, width int) ([]byte, error) {
	if index > 1<<54 || width < 1 || width > 256 {
		return nil, ErrNotFound
	}
	values, err := l.store.Values(ctx, l.tree, index*256, uint64(width))
	if err != nil {
		return nil, notFound(err)
	}
	if len(values) < width {
		return nil, ErrNotFound
	}
	var b []byte
	for _, v := range values {
		b = binary.BigEndian.AppendUint16(b, uint16(len(v)))
		b = append(b, v...)
	}
	return b, nil
}

func notFound(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return ErrNotFound
	}
	return err
}
