package storage

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/google/trillian"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// sequenced is one run of AddSequencedLeaves: look-ups under the head's lock, a decision per leaf in memory,
// then one insert for all that are new.
type sequenced struct {
	num    TreeNumber
	leaves []*trillian.LogLeaf
	queued int64

	head                                     headRow
	atKey                                    map[[16]byte]Found          // taken idempotency keys
	atIdx                                    map[int64]*trillian.LogLeaf // taken indices
	taken                                    map[int64]*trillian.LogLeaf // leaves that hold taken keys
	places                                   []int64                     // of the new leaves; the other columns likewise
	idxs                                     []int64
	times                                    []*int64
	keys, identities, hashes, values, extras [][]byte

	results []*trillian.QueuedLogLeaf
}

func newSequenced(num TreeNumber, leaves []*trillian.LogLeaf, t time.Time) *sequenced {
	return &sequenced{
		num: num, leaves: leaves, queued: t.UnixNano(),
		atKey: map[[16]byte]Found{}, atIdx: map[int64]*trillian.LogLeaf{}, taken: map[int64]*trillian.LogLeaf{},
	}
}

// keyOf is the idempotency key of a leaf that comes with an identity only.
func keyOf(l *trillian.LogLeaf) [16]byte {
	var k [16]byte
	copy(k[:], l.GetLeafIdentityHash())
	return k
}

func valid(l *trillian.LogLeaf) bool { return l.GetLeafIndex() >= 0 && l.GetLeafIndex() < MaxLeaves }

func (b *sequenced) lookups() []Op {
	var keys [][16]byte
	var places []int64
	for _, l := range b.leaves {
		keys = append(keys, keyOf(l))
		if valid(l) {
			places = append(places, b.num.Place(uint64(l.LeafIndex)))
		}
	}
	ops := []Op{headOp(b.num, &b.head, true)}
	if len(keys) > 0 {
		ops = append(ops, KeysOp(b.num, keys, b.atKey))
	}
	if len(places) > 0 {
		ops = append(ops, byPlace(places, b.atIdx))
	}
	return ops
}

func byPlace(places []int64, into map[int64]*trillian.LogLeaf) Op {
	return Op{
		SQL: logLeafColumns + "WHERE place = ANY($1)", Lite: logLeafColumns + "WHERE place = $1", Cols: []any{places},
		Scan: func(scan func(...any) error) error {
			l, err := scanLogLeaf(scan)
			if err == nil {
				into[l.LeafIndex] = l
			}
			return err
		},
	}
}

func (b *sequenced) decide(ctx context.Context, run Runner) error {
	if !b.head.found {
		return fmt.Errorf("%w: the tree is gone", ErrNotFound)
	}
	if len(b.atKey) > 0 {
		var places []int64
		for _, f := range b.atKey {
			places = append(places, b.num.Place(f.Index))
		}
		if err := run(ctx, byPlace(places, b.taken)); err != nil {
			return err
		}
	}
	for i, l := range b.leaves {
		if len(l.GetLeafIdentityHash()) != hashSize || len(l.GetMerkleLeafHash()) != hashSize {
			return status.Errorf(codes.InvalidArgument, "leaves[%d]: identity and Merkle hash must have %d bytes", i, hashSize)
		}
		b.results = append(b.results, b.one(l))
	}
	return nil
}

func (b *sequenced) one(l *trillian.LogLeaf) *trillian.QueuedLogLeaf {
	result := func(code codes.Code, why string, leaf *trillian.LogLeaf) *trillian.QueuedLogLeaf {
		return &trillian.QueuedLogLeaf{Leaf: leaf, Status: status.New(code, why).Proto()}
	}
	if !valid(l) {
		return result(codes.OutOfRange, "no such LeafIndex", l)
	}
	if old := b.atIdx[l.LeafIndex]; old != nil {
		if bytes.Equal(old.LeafIdentityHash, l.LeafIdentityHash) && bytes.Equal(old.MerkleLeafHash, l.MerkleLeafHash) {
			return result(codes.AlreadyExists, "this leaf is stored", old)
		}
		return result(codes.FailedPrecondition, "conflicting LeafIndex", old)
	}
	key := keyOf(l)
	if f, ok := b.atKey[key]; ok {
		return result(codes.FailedPrecondition, "conflicting LeafIdentityHash", b.taken[int64(f.Index)])
	}
	n := &trillian.LogLeaf{
		LeafIndex: l.LeafIndex, LeafIdentityHash: l.LeafIdentityHash, MerkleLeafHash: l.MerkleLeafHash,
		LeafValue: l.LeafValue, ExtraData: l.ExtraData,
		QueueTimestamp: timestamppb.New(time.Unix(0, b.queued)), IntegrateTimestamp: timestamppb.New(time.Unix(0, 0)),
	}
	b.atIdx[l.LeafIndex], b.taken[l.LeafIndex] = n, n
	b.atKey[key] = Found{Index: uint64(l.LeafIndex)}
	var hash []byte // kept only if it is not what everybody would compute
	if !bytes.Equal(l.MerkleLeafHash, hasher.HashLeaf(l.LeafValue)) {
		hash = l.MerkleLeafHash
	}
	b.places, b.idxs = append(b.places, b.num.Place(uint64(l.LeafIndex))), append(b.idxs, l.LeafIndex)
	b.times, b.keys = append(b.times, &b.queued), append(b.keys, b.num.Key(key[:]))
	b.identities, b.hashes = append(b.identities, l.LeafIdentityHash), append(b.hashes, hash)
	b.values, b.extras = append(b.values, nonNil(l.LeafValue)), append(b.extras, nonNil(l.ExtraData))
	return result(codes.OK, "", n)
}

var insertQueued, insertQueuedLite = Insert("leaf", []Column{{"place", "INT8"}, {"queued", "INT8"},
	{"identity", "BYTEA"}, {"hash", "BYTEA"}, {"value", "BYTEA"}, {"extra", "BYTEA"}}, "")

func (b *sequenced) writes() []Op {
	return []Op{
		{SQL: insertQueued, Lite: insertQueuedLite, Cols: []any{b.places, b.times, b.identities, b.hashes, b.values, b.extras}},
		{SQL: insertIdem, Lite: insertIdemLite, Cols: []any{b.keys, b.idxs}},
	}
}
