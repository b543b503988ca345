package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/trillian"
	"github.com/transparency-dev/merkle/proof"
)

// MaxValue is the most bytes a leaf's value may have: C2SP tlog-tiles gives entries a 16-bit
// length.
const MaxValue = 65535

// Lookup names what an append needs to know before it decides.
type Lookup struct {
	Keys    [][16]byte // idempotency keys
	Chains  [][32]byte // histories: every one that a leaf is going to be added to
	Streams [][16]byte
	// Persons names histories whose governing state is needed, as far as the caller knows it
	// beforehand: see AppendTx.Person.
	Persons [][32]byte
}

// Leaf is a leaf to be appended.
type Leaf struct {
	Key          [16]byte // idempotency key, unique in the tree
	Identity     [32]byte // content identity, for the caller to compare when a key is repeated
	Chain        [32]byte // the history this leaf belongs to; all zero if it has none
	Value, Extra []byte
	Register     bool // this leaf changes what others mean: see Storage.Register
}

// AppendTx is an append in progress. The exported fields are the log's state before it, read under
// the lock that orders the tree's writers. It is not safe for concurrent use, and must not be used
// after f has returned.
type AppendTx struct {
	Head    Head
	Found   map[[16]byte]Found
	Chains  map[[32]byte]Chain
	Streams map[[16]byte][]byte // as stored by SetStream

	s     *Storage
	num   TreeNumber
	tree  *trillian.Tree
	db    tx
	row   headRow
	state struct{ state, kind, live int64 }
	err   error // of the database, or a broken rule; it fails the append even if f ignores it

	keys       map[[16]byte]bool     // looked up: false; added: true
	known      map[[32]byte][]byte   // persons looked up, as stored by SetPerson; nil if it has no state
	rows       map[[32]byte]chainRow // of the chains looked up, as they were
	last       map[[32]byte]uint64   // index of the last leaf added to a chain
	places     map[[32]byte][]Place  // of the leaves added to a chain
	leaves     []*trillian.LogLeaf
	newKeys    [][]byte
	registers  []int64
	chains     map[[32]byte]Chain
	streams    map[[16]byte][]byte
	persons    map[[32]byte][]byte
	merkle     *Merkle // after Integrate
	checkpoint []byte
	anchor     bool
}

// Append runs f inside one transaction that holds the tree's head, after the look-ups of look were
// done under that lock, and commits: leaves, keys, chains, streams, tiles, root and checkpoint
// together, or nothing. A nil error means durable and integrated.
//
// f may run again, in a fresh transaction (serialization failure, deadlock, busy database,
// connection lost on the way to the commit): it must not keep state between calls. As each run
// starts from look-ups under the lock, a commit whose answer got lost shows up as AppendTx.Found in
// the next run. If the database stays unavailable, it returns ErrUnavailable, and the leaves may or
// may not be stored: repeat the append with the same keys. The same holds if ctx ends meanwhile.
//
// If f buffers nothing, the transaction ends without a commit. f must not call a writing method of
// the same Storage, and must be short, because it runs under the tree's lock.
func (s *Storage) Append(
	ctx context.Context, tree *trillian.Tree, look Lookup, f func(ctx context.Context, tx *AppendTx) error,
) error {
	num, err := s.Number(ctx, tree)
	if err != nil {
		return s.wrap(ctx, "appending", err)
	}
	if s.appendTimeout > 0 {
		ctx = context.WithValue(ctx, roundTrip{}, s.appendTimeout)
	}
	forgot := false
	err = update(ctx, func(ctx context.Context) error {
		a, err := s.append(ctx, num, tree, look, f)
		if errors.Is(err, ErrCorrupt) && !forgot {
			// Perhaps only the cached tiles are wrong: the database may be a restored backup.
			forgot = true
			s.tiles.forget(num)
			a, err = s.append(ctx, num, tree, look, f)
		}
		if err != nil {
			return err
		}
		if a.merkle != nil {
			s.keep(a.merkle.grown())
			s.saw(num, a.merkle.size())
		}
		return nil
	})
	return s.wrap(ctx, "appending", err)
}

func (s *Storage) append(
	ctx context.Context, num TreeNumber, tree *trillian.Tree, look Lookup, f func(context.Context, *AppendTx) error,
) (*AppendTx, error) {
	a := &AppendTx{
		s: s, num: num, tree: tree,
		Found: map[[16]byte]Found{}, Chains: map[[32]byte]Chain{}, Streams: map[[16]byte][]byte{},
		keys: map[[16]byte]bool{}, known: map[[32]byte][]byte{}, rows: map[[32]byte]chainRow{},
		last: map[[32]byte]uint64{}, places: map[[32]byte][]Place{},
		chains: map[[32]byte]Chain{}, streams: map[[16]byte][]byte{}, persons: map[[32]byte][]byte{},
	}
	db, err := s.db.begin(ctx, a.lookups(look)...)
	if err != nil {
		return nil, err
	}
	defer db.rollback()
	a.db = db
	if err := a.ready(ctx, look); err != nil {
		return nil, err
	}
	if err := f(ctx, a); err != nil {
		if a.err != nil && !errors.Is(err, a.err) {
			err = fmt.Errorf("%w (after: %w)", err, a.err)
		}
		return nil, err
	}
	if a.err != nil {
		return nil, a.err
	}
	if len(a.leaves) == 0 && len(a.chains) == 0 && len(a.streams) == 0 && len(a.persons) == 0 {
		return a, nil
	}
	if err := a.complete(); err != nil {
		return nil, err
	}
	return a, db.commit(ctx, a.writes()...)
}

// lookups returns the statements of the first round trip. The head comes first: its holder is the
// only writer of the tree, so the statements after it see all that was committed before. The row in
// table tree says whether the tree is frozen.
func (a *AppendTx) lookups(look Lookup) []Op {
	ops := []Op{headOp(a.num, &a.row, true), {
		SQL:  "SELECT state, kind, CASE WHEN deleted IS NULL THEN 1 ELSE 0 END FROM tree WHERE num = $1",
		Args: []any{int64(a.num)},
		Scan: func(scan func(...any) error) error { return scan(&a.state.state, &a.state.kind, &a.state.live) },
	}}
	if len(look.Keys) > 0 {
		ops = append(ops, KeysOp(a.num, look.Keys, a.Found))
	}
	if len(look.Chains) > 0 {
		ops = append(ops, chainRowOp(a.num, look.Chains, a.rows))
	}
	if len(look.Streams) > 0 {
		ops = append(ops, streamsOp(a.num, look.Streams, a.Streams))
	}
	if ks := look.unchained(); len(ks) > 0 {
		ops = append(ops, personsOp(a.num, ks, a.known))
	}
	return ops
}

// unchained returns the histories of Persons that are not of Chains: of those, the chain says
// whether there is a state to read.
func (l Lookup) unchained() [][32]byte {
	chains := make(map[[32]byte]bool, len(l.Chains))
	for _, k := range l.Chains {
		chains[k] = true
	}
	return slices.DeleteFunc(slices.Clone(l.Persons), func(k [32]byte) bool { return chains[k] })
}

// accepts returns nil if the tree, as looked up, takes leaves.
func (a *AppendTx) accepts() error {
	if !a.row.found {
		return fmt.Errorf("%w: the tree is gone", ErrNotFound)
	}
	if a.row.signed == nil {
		return fmt.Errorf("%w: it needs initialising", ErrFrozen)
	}
	if trillian.TreeState(a.state.state) != trillian.TreeState_ACTIVE || a.state.live == 0 ||
		trillian.TreeType(a.state.kind) != trillian.TreeType_PREORDERED_LOG {
		return fmt.Errorf("%w: state %s, type %s, live %d", ErrFrozen,
			trillian.TreeState(a.state.state), trillian.TreeType(a.state.kind), a.state.live)
	}
	return nil
}

// ready checks the results of the look-ups and prepares them for f.
func (a *AppendTx) ready(ctx context.Context, look Lookup) error {
	if err := a.accepts(); err != nil {
		return err
	}
	for _, k := range look.Keys {
		a.keys[k] = false
	}
	for _, k := range look.Chains {
		a.last[k] = none
		if row, ok := a.rows[k]; ok {
			a.Chains[k], a.last[k] = row.Chain, row.Last
		}
	}
	if err := a.states(ctx, look.Persons); err != nil {
		return err
	}
	a.Head = a.row.Head
	return identities(ctx, a.db.do, a.num, a.Found)
}

// states reads the states of those persons whose chains say that there may be one, in a round trip
// of its own. So no row is looked for in vain, and no statement is sent for a batch without any.
func (a *AppendTx) states(ctx context.Context, persons [][32]byte) error {
	var ks [][32]byte
	for _, k := range persons {
		if a.rows[k].governed {
			ks = append(ks, k)
		}
	}
	if len(ks) > 0 {
		if err := a.db.do(ctx, personsOp(a.num, ks, a.known)); err != nil {
			return err
		}
	}
	for _, k := range persons {
		if _, ok := a.known[k]; !ok {
			a.known[k] = nil
		}
	}
	return nil
}

// none is an index that no leaf has.
const none = 1<<64 - 1

// Add buffers a leaf and returns the index it gets.
func (a *AppendTx) Add(l Leaf) (index uint64, err error) {
	index = a.Head.Size + uint64(len(a.leaves))
	added, looked := a.keys[l.Key]
	_, known := a.last[l.Chain]
	_, found := a.Found[l.Key]
	switch {
	case a.merkle != nil:
		return 0, a.misuse("Add after Integrate")
	case !looked:
		return 0, a.misuse("the leaf's key was not looked up")
	case added || found:
		return 0, a.misuse("the leaf's key is taken")
	case l.Chain != [32]byte{} && !known:
		return 0, a.misuse("the leaf's chain was not looked up")
	case index >= MaxLeaves:
		return 0, a.misuse("the tree is full")
	case len(l.Value) > MaxValue: // nothing was buffered, so f may go on without this leaf
		return 0, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, len(l.Value), MaxValue)
	}
	a.keys[l.Key] = true
	if l.Chain != [32]byte{} {
		a.last[l.Chain] = index
		a.places[l.Chain] = append(a.places[l.Chain], Place{index, uint64(len(l.Extra))})
	}
	a.newKeys = append(a.newKeys, a.num.Key(l.Key[:]))
	a.leaves = append(a.leaves, &trillian.LogLeaf{
		LeafIndex: int64(index), LeafValue: nonNil(l.Value), ExtraData: nonNil(l.Extra),
		LeafIdentityHash: l.Identity[:], MerkleLeafHash: hasher.HashLeaf(l.Value),
	})
	if l.Register {
		a.registers = append(a.registers, a.num.Place(index))
	}
	return index, nil
}

func (a *AppendTx) misuse(what string) error {
	err := fmt.Errorf("%w: %s", ErrMisuse, what)
	return a.fail(err)
}

// fail returns err, and remembers the first one to fail the append with.
func (a *AppendTx) fail(err error) error {
	if a.err == nil {
		a.err = err
	}
	return err
}

// SetChain buffers the state of a history after this append. It must be called for each history
// that a leaf was added to, and name the last of them.
func (a *AppendTx) SetChain(k [32]byte, c Chain) { a.chains[k] = c }

// SetStream buffers a stream's state, which is opaque to this package.
func (a *AppendTx) SetStream(key [16]byte, state []byte) { a.streams[key] = state }

// SetPerson buffers the state that governs a history, which is ciphertext to this package. SetChain
// must be called for the history too.
func (a *AppendTx) SetPerson(k [32]byte, state []byte) { a.persons[k] = state }

// Person returns the state that governs a history as it was before this append, as stored by
// SetPerson, or nil if it has none. A state that Lookup did not name is read once, which takes a
// round trip under the lock.
func (a *AppendTx) Person(ctx context.Context, k [32]byte) ([]byte, error) {
	if state, ok := a.known[k]; ok {
		return state, nil
	}
	if err := a.db.do(ctx, personsOp(a.num, [][32]byte{k}, a.known)); err != nil {
		return nil, a.fail(fmt.Errorf("reading the state that governs a history: %w", err))
	}
	if _, ok := a.known[k]; !ok {
		a.known[k] = nil
	}
	return a.known[k], nil
}

// RegisterSince returns the register leaves with index >= from as they were before this append.
func (a *AppendTx) RegisterSince(ctx context.Context, from uint64) ([]Record, error) {
	rs, err := registerSince(ctx, a.db.do, a.num, from)
	if err != nil {
		return nil, a.fail(fmt.Errorf("reading the register: %w", err))
	}
	return rs, nil
}

// Integrate makes the buffered leaves part of the tree, by Trillian's log.IntegrateBatch, and
// returns the state to sign: Checkpoint is still empty.
func (a *AppendTx) Integrate(ctx context.Context) (Head, error) {
	if a.merkle != nil {
		return Head{}, a.misuse("Integrate called twice")
	}
	m := newMerkle(a.s, a.num, a.row, a.db.do)
	m.batch = a.leaves
	if len(a.leaves) > 0 {
		if err := integrate(ctx, a.tree, m); err != nil {
			return Head{}, a.fail(err)
		}
	}
	a.merkle = m
	h := a.Head
	h.Checkpoint = nil
	if m.newRoot != nil {
		h.Size = m.newRoot.TreeSize
		h.Root = [32]byte(m.newRoot.RootHash)
	}
	h.Register = a.register()
	return h, nil
}

// register returns the head's new Register.
func (a *AppendTx) register() uint64 {
	if n := len(a.registers); n > 0 {
		return uint64(a.registers[n-1])&(MaxLeaves-1) + 1
	}
	return a.Head.Register
}

// InclusionProof returns the audit path of a leaf just added, in the tree just integrated. It does
// not read the database.
func (a *AppendTx) InclusionProof(index uint64) ([][]byte, error) {
	if a.merkle == nil || index < a.Head.Size {
		return nil, a.misuse("InclusionProof of a leaf that was not just integrated")
	}
	nodes, err := proof.Inclusion(index, a.merkle.size())
	if err != nil {
		return nil, fmt.Errorf("proving inclusion of leaf %d: %w", index, err)
	}
	hashes := make([][]byte, len(nodes.IDs))
	for i, id := range nodes.IDs {
		hashes[i], err = a.merkle.node(id)
		if err != nil {
			return nil, fmt.Errorf("proving inclusion of leaf %d: %w", index, err)
		}
	}
	return nodes.Rehash(hashes, hasher.HashChildren)
}

// SetCheckpoint sets the signed note for the state that Integrate returned. It must be called
// before f returns if anything was added: the tree never has a size without a checkpoint.
func (a *AppendTx) SetCheckpoint(note []byte) { a.checkpoint = note }

// complete checks that f did everything it had to.
func (a *AppendTx) complete() error {
	for _, k := range sorted32(a.chains) {
		if last, ok := a.last[k]; !ok {
			return a.misuse("SetChain of a chain that was not looked up")
		} else if last != a.chains[k].Last {
			return a.misuse("SetChain does not name the chain's last leaf")
		} else if a.chains[k].Count != a.rows[k].Count+uint64(len(a.places[k])) {
			return a.misuse("SetChain does not count the chain's leaves")
		}
	}
	for _, k := range sorted32(a.persons) {
		if _, ok := a.chains[k]; !ok {
			return a.misuse("SetPerson without SetChain")
		}
	}
	for _, k := range sorted32(a.last) {
		last := a.last[k]
		if _, ok := a.chains[k]; last != none && last >= a.Head.Size && !ok {
			return a.misuse("a leaf was added to a chain without SetChain")
		}
	}
	if len(a.leaves) == 0 {
		return nil
	}
	if a.merkle == nil {
		return a.misuse("leaves were added but not integrated")
	}
	if len(a.checkpoint) == 0 {
		return a.misuse("leaves were added without a checkpoint")
	}
	return nil
}
