package provider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/trillian"
	trillianstorage "github.com/google/trillian/storage"
	"github.com/google/trillian/storage/tree"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"igledger/ledger/storage"
)

var errLogTrees = status.Error(codes.Unimplemented, "provider: only pre-ordered logs are sequenced")

// GetActiveLogIDs returns the ids of the trees that can get leaves.
func (p *Provider) GetActiveLogIDs(ctx context.Context) ([]int64, error) {
	const active = "WHERE deleted IS NULL AND state = $1 ORDER BY num"
	rows, err := storage.SelectTrees(ctx, p.s.Read, active, int64(trillian.TreeState_ACTIVE))
	if err != nil {
		return nil, wrap("listing logs", err)
	}
	var ids []int64
	for _, r := range rows {
		if k := r.Tree.TreeType; k == trillian.TreeType_LOG || k == trillian.TreeType_PREORDERED_LOG {
			ids = append(ids, r.Tree.TreeId)
		}
	}
	return ids, nil
}

// QueueLeaves is unimplemented: the order of a queue is not the order of a ledger.
func (p *Provider) QueueLeaves(
	context.Context, *trillian.Tree, []*trillian.LogLeaf, time.Time,
) ([]*trillian.QueuedLogLeaf, error) {
	return nil, errLogTrees
}

// SnapshotForTree reads the tree as it is now. It needs no database transaction: below the root
// that it reads first, nothing changes except the data kept beside the values. The result is usable
// even if the error is ErrTreeNeedsInit.
func (p *Provider) SnapshotForTree(
	ctx context.Context, tree *trillian.Tree,
) (trillianstorage.ReadOnlyLogTreeTX, error) {
	num, err := p.s.Number(ctx, tree)
	var tx *logTx
	if err == nil {
		tx, err = openLog(ctx, p.s, tree, num, p.s.Read, false)
	}
	if err != nil {
		return nil, wrap("opening a snapshot", err)
	}
	_, err = tx.LatestSignedLogRoot(ctx) // nil or ErrTreeNeedsInit
	return tx, err
}

// ReadWriteTransaction runs f in a transaction that holds the tree's head, again after a conflict.
// A root that f stores removes the checkpoint from the head.
func (p *Provider) ReadWriteTransaction(ctx context.Context, tree *trillian.Tree, f trillianstorage.LogTXFunc) error {
	num, err := p.s.Number(ctx, tree)
	if err != nil {
		return wrap("opening a transaction", err)
	}
	return p.s.TransactOnce(ctx, func(ctx context.Context, run storage.Runner) ([]storage.Op, error) {
		tx, err := openLog(ctx, p.s, tree, num, run, true)
		if err != nil {
			return nil, wrap("opening a transaction", err)
		}
		if err := f(ctx, tx); err != nil {
			if tx.Err() != nil {
				err = fmt.Errorf("%w (%w)", err, tx.Err())
			}
			return nil, err
		}
		return tx.Writes(), nil
	})
}

// logTx adds the leaves to the Merkle side of a transaction.
type logTx struct {
	*storage.Merkle
	tree    *trillian.Tree
	num     storage.TreeNumber
	foreign map[uint64]bool // dequeued leaves whose Merkle leaf hash is not the RFC 6962 hash of their value
}

func openLog(
	ctx context.Context, s *storage.Storage, tree *trillian.Tree, num storage.TreeNumber, run storage.Runner, lock bool,
) (*logTx, error) {
	m, err := s.OpenMerkle(ctx, num, run, lock)
	if err != nil {
		return nil, err
	}
	return &logTx{m, tree, num, map[uint64]bool{}}, nil
}

// Commit does nothing: ReadWriteTransaction commits, and a snapshot has nothing to commit.
func (t *logTx) Commit(context.Context) error { return nil }

// Close does nothing. It may be called any number of times.
func (t *logTx) Close() error { return nil }

const (
	leafColumns  = "l.place, s.queued, l.identity, s.hash, l.value, l.extra"
	selectLeaves = "SELECT " + leafColumns + " FROM leaf l LEFT JOIN sequenced s ON s.place = l.place "
)

func scanLogLeaf(scan func(...any) error) (*trillian.LogLeaf, error) {
	l := &trillian.LogLeaf{IntegrateTimestamp: timestamppb.New(time.Unix(0, 0))} // not kept
	var at int64
	var queued *int64
	if err := scan(&at, &queued, &l.LeafIdentityHash, &l.MerkleLeafHash, &l.LeafValue, &l.ExtraData); err != nil {
		return nil, err
	}
	l.LeafIndex = at & (storage.MaxLeaves - 1)
	if l.MerkleLeafHash == nil {
		l.MerkleLeafHash = rfc6962.DefaultHasher.HashLeaf(l.LeafValue)
	}
	if queued != nil {
		l.QueueTimestamp = timestamppb.New(time.Unix(0, *queued))
	}
	return l, nil
}

func logLeaves(o storage.Op, into *[]*trillian.LogLeaf) storage.Op {
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
func (t *logTx) stored(ctx context.Context, start, count int64) ([]*trillian.LogLeaf, error) {
	if start >= storage.MaxLeaves {
		return nil, nil
	}
	var leaves []*trillian.LogLeaf
	end := start + min(count, maxRange, storage.MaxLeaves-start)
	err := t.Run(ctx, logLeaves(storage.Op{
		SQL:  selectLeaves + "WHERE l.place >= $1 AND l.place < $2 ORDER BY l.place",
		Args: []any{t.num.Place(uint64(start)), t.num.Place(0) + end},
	}, &leaves))
	for i, l := range leaves {
		if l.LeafIndex != start+int64(i) {
			return leaves[:i], err
		}
	}
	return leaves, err
}

// GetLeavesByRange returns stored leaves. For a pre-ordered log these include leaves beyond the
// root.
func (t *logTx) GetLeavesByRange(ctx context.Context, start, count int64) ([]*trillian.LogLeaf, error) {
	if start < 0 || count <= 0 {
		return nil, status.Errorf(codes.InvalidArgument, "invalid range %d, +%d", start, count)
	}
	size := int64(t.Size())
	if t.tree.GetTreeType() == trillian.TreeType_LOG {
		if start >= size {
			return nil, status.Errorf(codes.OutOfRange, "start %d is beyond the tree's size %d", start, size)
		}
		count = min(count, size-start)
	}
	leaves, err := t.stored(ctx, start, count)
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

// GetLeavesByHash searches the tiles of the tree, one after the other: an index by Merkle leaf hash
// would cost each leaf about as much space as its tile does, and igledger looks leaves up by
// idempotency key. For a tree of more than 2^18 leaves it returns codes.Unimplemented.
func (t *logTx) GetLeavesByHash(ctx context.Context, hashes [][]byte, _ bool) ([]*trillian.LogLeaf, error) {
	if t.Size() > scanLimit {
		return nil, status.Errorf(codes.Unimplemented,
			"look-up by Merkle hash is limited to trees of %d leaves", scanLimit)
	}
	wanted := map[[hashSize]byte]bool{}
	for _, h := range hashes {
		if len(h) != hashSize {
			return nil, status.Errorf(codes.InvalidArgument, "hash of %d bytes", len(h))
		}
		wanted[[hashSize]byte(h)] = true
	}
	var leaves []*trillian.LogLeaf
	for start := uint64(0); start < t.Size(); start += tileWidth {
		nodes, err := t.GetMerkleNodes(ctx, leafNodes(start, min(tileWidth, t.Size()-start)))
		if err != nil {
			return nil, err
		}
		for _, n := range nodes {
			if wanted[[hashSize]byte(n.Hash)] {
				l, err := t.stored(ctx, int64(n.ID.Index), 1)
				if err != nil {
					return nil, err
				}
				leaves = append(leaves, l...)
			}
		}
	}
	return leaves, nil
}

const (
	hashSize  = sha256.Size
	tileWidth = 256 // leaves of a tile, whose hashes take one read together
)

// leafNodes returns the ids of n leaves from start on.
func leafNodes(start, n uint64) []compact.NodeID {
	ids := make([]compact.NodeID, n)
	for i := range ids {
		ids[i] = compact.NewNodeID(0, start+uint64(i))
	}
	return ids
}

// DequeueLeaves returns the next leaves: those that are stored beyond the root and were queued by
// cutoff.
func (t *logTx) DequeueLeaves(ctx context.Context, limit int, cutoff time.Time) ([]*trillian.LogLeaf, error) {
	if limit <= 0 || t.tree.GetTreeType() == trillian.TreeType_LOG { // nothing can be queued in a LOG
		return nil, nil
	}
	leaves, err := t.stored(ctx, int64(t.Size()), int64(limit))
	for i, l := range leaves {
		if !bytes.Equal(l.MerkleLeafHash, rfc6962.DefaultHasher.HashLeaf(l.LeafValue)) {
			t.foreign[uint64(l.LeafIndex)] = true
		}
		if l.QueueTimestamp != nil && l.QueueTimestamp.AsTime().After(cutoff) {
			leaves = leaves[:i]
			break
		}
	}
	return leaves, err
}

// SetMerkleNodes takes the nodes that new leaves completed. The tree hashes its leaves by RFC 6962,
// as Trillian's own servers do, so it refuses leaves with another Merkle leaf hash.
func (t *logTx) SetMerkleNodes(ctx context.Context, nodes []tree.Node) error {
	for _, n := range nodes {
		if n.ID.Level == 0 && t.foreign[n.ID.Index] {
			return status.Errorf(codes.FailedPrecondition,
				"the Merkle leaf hash of leaf %d is not the RFC 6962 hash of its value", n.ID.Index)
		}
	}
	return t.Merkle.SetMerkleNodes(ctx, nodes)
}

// UpdateSequencedLeaves is for trees of type LOG, which this provider does not sequence.
func (t *logTx) UpdateSequencedLeaves(context.Context, []*trillian.LogLeaf) error {
	return errLogTrees
}

// AddSequencedLeaves stores leaves at the indices that they name, without integrating them. The
// status of each leaf is OK; AlreadyExists if the same leaf is there; FailedPrecondition if another
// one is, or if its identity (whose first 16 bytes become its idempotency key) is taken elsewhere;
// OutOfRange if the index cannot exist.
func (p *Provider) AddSequencedLeaves(
	ctx context.Context, tree *trillian.Tree, leaves []*trillian.LogLeaf, timestamp time.Time,
) ([]*trillian.QueuedLogLeaf, error) {
	num, err := p.s.Number(ctx, tree)
	if err != nil {
		return nil, wrap("adding sequenced leaves", err)
	}
	var out []*trillian.QueuedLogLeaf
	err = p.s.Transact(ctx, func(ctx context.Context, run storage.Runner) ([]storage.Op, error) {
		if _, err := p.s.OpenMerkle(ctx, num, run, true); err != nil { // it takes the lock
			return nil, err
		}
		b := newSequenced(num, leaves, timestamp)
		if err := b.lookUp(ctx, run); err != nil {
			return nil, err
		}
		if err := b.decide(); err != nil {
			return nil, err
		}
		out = b.results
		return b.writes(), nil
	})
	var st interface{ GRPCStatus() *status.Status }
	if errors.As(err, &st) {
		return nil, err
	}
	return out, wrap("adding sequenced leaves", err)
}
