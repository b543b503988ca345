package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/trillian"
	trillianstorage "github.com/google/trillian/storage"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// This file is Trillian's LogStorage: what its own servers and tests call. igledger appends by Append.

var errLogTrees = status.Error(codes.Unimplemented, "storage: only pre-ordered logs are sequenced")

// GetActiveLogIDs lists the trees that could get leaves.
func (s *Storage) GetActiveLogIDs(ctx context.Context) ([]int64, error) {
	rows, err := selectTrees(ctx, s.Read, "WHERE deleted IS NULL AND state = $1 ORDER BY num", int64(trillian.TreeState_ACTIVE))
	if err != nil {
		return nil, s.wrap(ctx, "listing logs", err)
	}
	var ids []int64
	for _, r := range rows {
		if k := r.tree.TreeType; k == trillian.TreeType_LOG || k == trillian.TreeType_PREORDERED_LOG {
			ids = append(ids, r.tree.TreeId)
		}
	}
	return ids, nil
}

// QueueLeaves is not there: the order of a queue is not the order of a ledger.
func (s *Storage) QueueLeaves(context.Context, *trillian.Tree, []*trillian.LogLeaf, time.Time) ([]*trillian.QueuedLogLeaf, error) {
	return nil, errLogTrees
}

// SnapshotForTree reads the tree as of now. It needs no database transaction: below the root it read first,
// nothing ever changes but what is kept beside the values. With ErrTreeNeedsInit comes a usable result.
func (s *Storage) SnapshotForTree(ctx context.Context, tree *trillian.Tree) (trillianstorage.ReadOnlyLogTreeTX, error) {
	num, err := s.Number(ctx, tree)
	var h headRow
	if err == nil {
		h, err = readHead(ctx, s.Read, num)
	}
	if err != nil {
		return nil, s.wrap(ctx, "opening a snapshot", err)
	}
	tx := newLogTx(s, tree, num, h, nil)
	if h.signed == nil {
		return tx, trillianstorage.ErrTreeNeedsInit
	}
	return tx, nil
}

// ReadWriteTransaction runs f in a transaction that holds the tree's head, again after a conflict. A root that
// f stores takes the checkpoint's place: the head then has none.
func (s *Storage) ReadWriteTransaction(ctx context.Context, tree *trillian.Tree, f trillianstorage.LogTXFunc) error {
	num, err := s.Number(ctx, tree)
	if err != nil {
		return s.wrap(ctx, "opening a transaction", err)
	}
	return updateOnce(ctx, func(ctx context.Context) error {
		var h headRow
		db, err := s.db.begin(ctx, headOp(num, &h, true))
		if err != nil {
			return err
		}
		defer db.rollback()
		if !h.found {
			return fmt.Errorf("storage: opening a transaction: %w", ErrNotFound)
		}
		m := newLogTx(s, tree, num, h, db)
		if err := f(ctx, m); err != nil {
			if m.err != nil {
				return fmt.Errorf("%w (%w)", err, m.err)
			}
			return err
		}
		ops := m.tileOps()
		if r := m.newRoot; r != nil {
			ops = append(ops, Op{
				SQL: updateHead, Expect: 1,
				Args: []any{int64(r.TreeSize), nonNil(r.RootHash), int64(r.TimestampNanos), nil, int64(h.Register), int64(num)},
			})
		}
		if len(ops) == 0 {
			return nil
		}
		return db.commit(ctx, ops...)
	})
}

// Commit does nothing: ReadWriteTransaction commits, and a snapshot has nothing to.
func (m *logTx) Commit(context.Context) error { return nil }

// Close does nothing, any number of times.
func (m *logTx) Close() error { return nil }

const logLeafColumns = "SELECT place, queued, identity, hash, value, extra FROM leaf "

func scanLogLeaf(scan func(...any) error) (*trillian.LogLeaf, error) {
	l := &trillian.LogLeaf{IntegrateTimestamp: timestamppb.New(time.Unix(0, 0))} // not kept
	var at int64
	var queued *int64
	if err := scan(&at, &queued, &l.LeafIdentityHash, &l.MerkleLeafHash, &l.LeafValue, &l.ExtraData); err != nil {
		return nil, err
	}
	l.LeafIndex = at & (MaxLeaves - 1)
	l.MerkleLeafHash = leafHash(l.MerkleLeafHash, l.LeafValue)
	if queued != nil {
		l.QueueTimestamp = timestamppb.New(time.Unix(0, *queued))
	}
	return l, nil
}

func logLeaves(o Op, into *[]*trillian.LogLeaf) Op {
	o.Fresh = func() { *into = nil }
	o.Scan = func(scan func(...any) error) error {
		l, err := scanLogLeaf(scan)
		*into = append(*into, l)
		return err
	}
	return o
}

// maxRange is the most leaves GetLeavesByRange and DequeueLeaves return at once.
const maxRange = 1 << 12

// stored returns a contiguous run of stored leaves from start on, integrated or not.
func (m *logTx) stored(ctx context.Context, start, count int64) ([]*trillian.LogLeaf, error) {
	if start >= MaxLeaves {
		return nil, nil
	}
	var leaves []*trillian.LogLeaf
	end := start + min(count, maxRange, MaxLeaves-start)
	err := m.run(ctx, logLeaves(Op{
		SQL:  logLeafColumns + "WHERE place >= $1 AND place < $2 ORDER BY place",
		Args: []any{m.num.Place(uint64(start)), m.num.Place(0) + end},
	}, &leaves))
	for i, l := range leaves {
		if l.LeafIndex != start+int64(i) {
			return leaves[:i], err
		}
	}
	return leaves, err
}

// GetLeavesByRange returns stored leaves; of a pre-ordered log also those beyond the root.
func (m *logTx) GetLeavesByRange(ctx context.Context, start, count int64) ([]*trillian.LogLeaf, error) {
	if start < 0 || count <= 0 {
		return nil, status.Errorf(codes.InvalidArgument, "invalid range %d, +%d", start, count)
	}
	size := int64(m.head.Size)
	if m.tree.GetTreeType() == trillian.TreeType_LOG {
		if start >= size {
			return nil, status.Errorf(codes.OutOfRange, "start %d is beyond the tree's %d leaves", start, size)
		}
		count = min(count, size-start)
	}
	leaves, err := m.stored(ctx, start, count)
	if err != nil {
		return nil, err
	}
	if have := start + int64(len(leaves)); len(leaves) < int(min(count, maxRange)) && have < size {
		return nil, status.Errorf(codes.Internal, "leaf %d is missing below the tree's size", have)
	}
	return leaves, nil
}

// scanLimit is how many leaves GetLeavesByHash looks through: 8 MiB of tiles.
const scanLimit = 1 << 18

// GetLeavesByHash searches the tiles of the tree, one after the other: an index by Merkle leaf hash would
// cost every leaf about as much as its tile does, and igledger looks leaves up by idempotency key. In a tree
// of more than 2^18 leaves the answer is codes.Unimplemented, never a wrong one.
func (m *logTx) GetLeavesByHash(ctx context.Context, hashes [][]byte, _ bool) ([]*trillian.LogLeaf, error) {
	if m.head.Size > scanLimit {
		return nil, status.Errorf(codes.Unimplemented, "look-up by Merkle hash is limited to trees of %d leaves", scanLimit)
	}
	wanted := map[[hashSize]byte]bool{}
	for _, h := range hashes {
		if len(h) != hashSize {
			return nil, status.Errorf(codes.InvalidArgument, "hash of %d bytes", len(h))
		}
		wanted[[hashSize]byte(h)] = true
	}
	var leaves []*trillian.LogLeaf
	for start := uint64(0); start < m.head.Size; start += tileWidth {
		id, width := tileID{m.num, 0, start / tileWidth}, int(min(tileWidth, m.head.Size-start))
		tiles, err := m.s.loadTiles(ctx, m.run, wants{id: width}, m.head.Size)
		if err != nil {
			return nil, err
		}
		for i := range width {
			if wanted[[hashSize]byte(tiles[id][i*hashSize:])] {
				l, err := m.stored(ctx, int64(start)+int64(i), 1)
				if err != nil {
					return nil, err
				}
				leaves = append(leaves, l...)
			}
		}
	}
	return leaves, nil
}

// DequeueLeaves returns the leaves that come next: those handed over in memory, or those that are stored
// beyond the root and were queued by cutoff.
func (m *logTx) DequeueLeaves(ctx context.Context, limit int, cutoff time.Time) ([]*trillian.LogLeaf, error) {
	if m.batch != nil {
		return m.batch[:min(limit, len(m.batch))], nil
	}
	if limit <= 0 {
		return nil, nil
	}
	if m.tree.GetTreeType() == trillian.TreeType_LOG {
		return nil, nil // nothing can be queued
	}
	leaves, err := m.stored(ctx, int64(m.head.Size), int64(limit))
	for i, l := range leaves {
		if l.QueueTimestamp != nil && l.QueueTimestamp.AsTime().After(cutoff) {
			leaves = leaves[:i]
			break
		}
	}
	return leaves, err
}

// AddSequencedLeaves stores leaves at the indices they name, without integrating them. Per leaf: OK;
// AlreadyExists if this very leaf is there; FailedPrecondition if another is, or if its identity (of which the
// first 16 bytes become its idempotency key) is taken elsewhere; OutOfRange if the index cannot exist.
func (s *Storage) AddSequencedLeaves(ctx context.Context, tree *trillian.Tree, leaves []*trillian.LogLeaf, timestamp time.Time) ([]*trillian.QueuedLogLeaf, error) {
	num, err := s.Number(ctx, tree)
	if err != nil {
		return nil, s.wrap(ctx, "adding sequenced leaves", err)
	}
	var out []*trillian.QueuedLogLeaf
	err = update(ctx, func(ctx context.Context) error {
		b := newSequenced(num, leaves, timestamp)
		db, err := s.db.begin(ctx, b.lookups()...)
		if err != nil {
			return err
		}
		defer db.rollback()
		if err := b.decide(ctx, db.do); err != nil {
			return err
		}
		out = b.results
		if len(b.places) == 0 {
			return nil
		}
		return db.commit(ctx, b.writes()...)
	})
	var st interface{ GRPCStatus() *status.Status }
	if errors.As(err, &st) {
		return nil, err
	}
	return out, s.wrap(ctx, "adding sequenced leaves", err)
}
