package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/trillian"
	"github.com/google/trillian/log"
	"github.com/google/trillian/quota"
	trillianstorage "github.com/google/trillian/storage"
	"github.com/google/trillian/storage/tree"
	"github.com/google/trillian/types"
	"github.com/google/trillian/util/clock"
	"github.com/transparency-dev/merkle/compact"
)

// integrate runs Trillian's sequencer over m's batch, inside m's transaction.
func integrate(ctx context.Context, tree *trillian.Tree, m *Merkle) error {
	ts := laterThan{clock.System, time.Unix(0, *m.head.signed)}
	n, err := log.IntegrateBatch(ctx, tree, len(m.batch), 0, 0, ts, onOpenTx{tx: m}, quota.Noop())
	switch {
	case m.err != nil: // an error of the database, which Trillian passes on only as text
		return fmt.Errorf("integrating: %w", m.err)
	case err != nil && strings.Contains(err.Error(), "root hash mismatch"):
		return fmt.Errorf("%w: integrating: %w", ErrCorrupt, err)
	case err != nil:
		return fmt.Errorf("integrating: %w", err)
	case n != len(m.batch) || m.newRoot == nil || len(m.newRoot.RootHash) != hashSize:
		return errors.New("integrating: Trillian integrated fewer leaves than it got")
	}
	return nil
}

// onOpenTx is a LogStorage whose only transaction is one that is already open.
type onOpenTx struct {
	trillianstorage.LogStorage // nil: IntegrateBatch uses nothing else
	tx                         trillianstorage.LogTreeTX
}

func (o onOpenTx) ReadWriteTransaction(ctx context.Context, _ *trillian.Tree, f trillianstorage.LogTXFunc) error {
	return f(ctx, o.tx)
}

// laterThan is a clock that is always past a root's timestamp: Trillian refuses to sign a root that
// is not newer than the last, which another replica with a faster clock may have written.
type laterThan struct {
	clock.TimeSource
	t time.Time
}

func (l laterThan) Now() time.Time {
	if now := l.TimeSource.Now(); now.After(l.t) {
		return now
	}
	return l.t.Add(1)
}

// Merkle is the Merkle side of a transaction on one tree. It has those methods of Trillian's
// LogTreeTX that log.IntegrateBatch calls on a pre-ordered log. Its tree begins as the head states,
// and grows by SetMerkleNodes. It is not safe for concurrent use.
type Merkle struct {
	trillianstorage.LogTreeTX // nil: for the methods that IntegrateBatch does not call

	s    *Storage
	num  TreeNumber
	head headRow
	run  Runner
	err  error // the first error of the database

	batch   []*trillian.LogLeaf // what DequeueLeaves returns
	edge    tileSet             // the right edge's tiles as of head
	nodes   map[compact.NodeID][]byte
	newRoot *types.LogRootV1
}

func newMerkle(s *Storage, num TreeNumber, head headRow, run Runner) *Merkle {
	return &Merkle{s: s, num: num, head: head, run: run, nodes: map[compact.NodeID][]byte{}}
}

// OpenMerkle reads a tree's head by run: s.Read for a snapshot, which needs no transaction because
// nothing below a committed root changes, or a transaction's Runner. If lock is set, it takes the
// lock that orders the tree's writers, which every change must hold.
func (s *Storage) OpenMerkle(ctx context.Context, num TreeNumber, run Runner, lock bool) (*Merkle, error) {
	var h headRow
	err := run(ctx, headOp(num, &h, lock))
	if err == nil && !h.found {
		err = fmt.Errorf("%w: the tree is gone", ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return newMerkle(s, num, h, run), nil
}

// Run runs statements in the transaction. The first error is kept for Err.
func (m *Merkle) Run(ctx context.Context, ops ...Op) error {
	err := m.run(ctx, ops...)
	if err != nil && m.err == nil {
		m.err = err
	}
	return err
}

// Err returns the first error of a statement. Trillian passes errors on only as text, but whether a
// transaction is run again depends on their type.
func (m *Merkle) Err() error { return m.err }

// Size is the tree's size when the transaction began.
func (m *Merkle) Size() uint64 { return m.head.Size }

// Writes returns the statements that store the tiles that grew and the new root, if there is one. A
// new root removes the checkpoint from the head, because it is of another root.
func (m *Merkle) Writes() []Op {
	ops := m.tileOps()
	if m.newRoot != nil {
		ops = append(ops, m.headOp(nil, m.head.Register))
	}
	return ops
}

// headOp returns the statement that writes the head with the new root.
func (m *Merkle) headOp(checkpoint []byte, register uint64) Op {
	r := m.newRoot
	return Op{
		SQL: updateHead, Expect: 1,
		Args: []any{
			int64(r.TreeSize), nonNil(r.RootHash), int64(r.TimestampNanos), checkpoint,
			int64(register), int64(m.num),
		},
	}
}

// size returns the number of leaves after integration.
func (m *Merkle) size() uint64 {
	if m.newRoot != nil {
		return m.newRoot.TreeSize
	}
	return m.head.Size
}

// LatestSignedLogRoot returns the root as it was when the transaction began.
func (m *Merkle) LatestSignedLogRoot(context.Context) (*trillian.SignedLogRoot, error) {
	if m.head.signed == nil {
		return nil, trillianstorage.ErrTreeNeedsInit
	}
	root, err := (&types.LogRootV1{
		TreeSize: m.head.Size, RootHash: m.head.root, TimestampNanos: uint64(*m.head.signed),
	}).MarshalBinary()
	if err != nil {
		return nil, err
	}
	return &trillian.SignedLogRoot{LogRoot: root}, nil
}

// GetMerkleNodes returns nodes of the tree as the transaction sees it, in the order asked for.
func (m *Merkle) GetMerkleNodes(ctx context.Context, ids []compact.NodeID) ([]tree.Node, error) {
	if err := m.loadEdge(ctx); err != nil {
		return nil, err
	}
	w := wants{}
	for _, id := range ids {
		if _, err := m.node(id); err != nil {
			w.node(m.num, id)
		}
	}
	more, err := m.s.loadTiles(ctx, m.Run, w, m.head.Size)
	if err != nil {
		return nil, err
	}
	out := make([]tree.Node, len(ids))
	for i, id := range ids {
		hash, err := m.node(id)
		if err != nil {
			hash, err = more.node(m.num, id)
		}
		if err != nil {
			return nil, err
		}
		out[i] = tree.Node{ID: id, Hash: hash}
	}
	return out, nil
}

// loadEdge reads the tiles at the right edge, from which the tree grows, if it has not yet.
func (m *Merkle) loadEdge(ctx context.Context) (err error) {
	if m.edge == nil {
		m.edge, err = m.s.loadTiles(ctx, m.Run, edgeWants(m.num, m.head.Size), m.head.Size)
	}
	return err
}

// node returns the hash of a node that is new or at the right edge.
func (m *Merkle) node(id compact.NodeID) ([]byte, error) {
	if hash := m.nodes[id]; hash != nil {
		return hash, nil
	}
	hash, err := m.edge.node(m.num, id)
	if err == nil && len(m.batch) > 0 {
		m.nodes[id] = hash // a batch's proofs share their left siblings
	}
	return hash, err
}

// SetMerkleNodes takes the nodes that new leaves completed. Only those in tiles are stored.
func (m *Merkle) SetMerkleNodes(ctx context.Context, nodes []tree.Node) error {
	if err := m.loadEdge(ctx); err != nil {
		return err
	}
	for _, n := range nodes {
		m.nodes[n.ID] = n.Hash
	}
	return nil
}

// grown returns the tiles at and beyond the right edge that the new nodes changed.
func (m *Merkle) grown() tileSet {
	tiles := tileSet{}
	for level := 0; level <= maxLevel; level++ {
		i := m.head.Size >> (tileHeight * level)
		for ; ; i++ {
			hash := m.nodes[compact.NodeID{Level: uint(level * tileHeight), Index: i}]
			if hash == nil {
				break
			}
			id := tileID{m.num, level, i / tileWidth}
			if tiles[id] == nil {
				tiles[id] = append(make([]byte, 0, tileWidth*hashSize), m.edge[id]...)
			}
			tiles[id] = append(tiles[id], hash...)
		}
	}
	return tiles
}

// tileOps returns the statements that write the tiles that grew. A tile of level 0 is written only
// when it is full, since rewriting it with every batch would leave kilobytes of old versions per
// leaf. Tiles of higher levels grow only once in 256 leaves.
func (m *Merkle) tileOps() []Op {
	tiles := m.grown()
	for id, h := range tiles {
		if id.level == 0 && len(h) < tileWidth*hashSize {
			delete(tiles, id)
		}
	}
	return tileWrites(upsertTile, tiles)
}

// StoreSignedLogRoot takes the new root, which is written at the end.
func (m *Merkle) StoreSignedLogRoot(_ context.Context, root *trillian.SignedLogRoot) error {
	var r types.LogRootV1
	if err := r.UnmarshalBinary(root.GetLogRoot()); err != nil {
		return fmt.Errorf("parsing a log root: %w", err)
	}
	if len(r.Metadata) > 0 {
		return errors.New("log root metadata is not supported")
	}
	m.newRoot = &r
	return nil
}

// DequeueLeaves returns the batch.
func (m *Merkle) DequeueLeaves(_ context.Context, limit int, _ time.Time) ([]*trillian.LogLeaf, error) {
	return m.batch[:min(limit, len(m.batch))], nil
}
