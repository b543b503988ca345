package provider

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/trillian"
	"github.com/transparency-dev/merkle/rfc6962"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"igledger/ledger/storage"
)

// sequenced is one run of AddSequencedLeaves: look-ups under the head's lock, a decision in memory
// for each leaf, then one INSERT into each table for all leaves that are new.
type sequenced struct {
	num    storage.TreeNumber
	leaves []*trillian.LogLeaf
	queued int64

	atKey map[[16]byte]storage.Found  // taken idempotency keys
	atIdx map[int64]*trillian.LogLeaf // taken indices
	taken map[int64]*trillian.LogLeaf // leaves that hold taken keys

	// The columns of the new leaves.
	places, idxs, times                      []int64
	keys, identities, hashes, values, extras [][]byte

	results []*trillian.QueuedLogLeaf
}

func newSequenced(num storage.TreeNumber, leaves []*trillian.LogLeaf, t time.Time) *sequenced {
	return &sequenced{
		num: num, leaves: leaves, queued: t.UnixNano(),
		atKey: map[[16]byte]storage.Found{}, atIdx: map[int64]*trillian.LogLeaf{}, taken: map[int64]*trillian.LogLeaf{},
	}
}

// keyOf returns the idempotency key of a leaf, which in Trillian has only an identity.
func keyOf(l *trillian.LogLeaf) [16]byte {
	var k [16]byte
	copy(k[:], l.GetLeafIdentityHash())
	return k
}

func valid(l *trillian.LogLeaf) bool {
	return l.GetLeafIndex() >= 0 && l.GetLeafIndex() < storage.MaxLeaves
}

// lookUp reads what is stored under the leaves' keys and at their indices.
func (b *sequenced) lookUp(ctx context.Context, run storage.Runner) error {
	var keys [][16]byte
	var places []int64
	for _, l := range b.leaves {
		keys = append(keys, keyOf(l))
		if valid(l) {
			places = append(places, b.num.Place(uint64(l.LeafIndex)))
		}
	}
	var ops []storage.Op
	if len(keys) > 0 {
		ops = append(ops, storage.KeysOp(b.num, keys, b.atKey))
	}
	if len(places) > 0 {
		ops = append(ops, byPlace(places, b.atIdx))
	}
	if len(ops) == 0 {
		return nil
	}
	if err := run(ctx, ops...); err != nil || len(b.atKey) == 0 {
		return err
	}
	places = nil
	for _, f := range b.atKey {
		places = append(places, b.num.Place(f.Index))
	}
	slices.Sort(places)
	return run(ctx, byPlace(places, b.taken))
}

// selectByPlace reads leaves, wherever they came from.
var selectByPlace = storage.Form{
	SQL:  selectLeaves + "WHERE l.place = ANY($1)",
	Lite: selectLeaves + "WHERE l.place = $1",
	Roach: "SELECT " + leafColumns + " FROM unnest($1::INT8[]) AS u (wanted) INNER LOOKUP JOIN leaf AS l ON l.place = u.wanted" +
		" LEFT LOOKUP JOIN sequenced AS s ON s.place = l.place",
}

func byPlace(places []int64, into map[int64]*trillian.LogLeaf) storage.Op {
	o := selectByPlace.Over(places)
	o.Scan = func(scan func(...any) error) error {
		l, err := scanLogLeaf(scan)
		if err == nil {
			into[l.LeafIndex] = l
		}
		return err
	}
	return o
}

// decide sets the result of each leaf, and the columns of those that are new.
func (b *sequenced) decide() error {
	for i, l := range b.leaves {
		if len(l.GetLeafIdentityHash()) != hashSize || len(l.GetMerkleLeafHash()) != hashSize {
			return status.Errorf(codes.InvalidArgument,
				"leaves[%d]: identity and Merkle hash must have %d bytes", i, hashSize)
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
	b.atKey[key] = storage.Found{Index: uint64(l.LeafIndex)}
	var hash []byte // NULL if it follows from the value, as in every log of Trillian's own servers
	if !bytes.Equal(l.MerkleLeafHash, rfc6962.DefaultHasher.HashLeaf(l.LeafValue)) {
		hash = l.MerkleLeafHash
	}
	b.places, b.idxs = append(b.places, b.num.Place(uint64(l.LeafIndex))), append(b.idxs, l.LeafIndex)
	b.times, b.keys = append(b.times, b.queued), append(b.keys, b.num.Key(key[:]))
	b.identities, b.hashes = append(b.identities, l.LeafIdentityHash), append(b.hashes, hash)
	b.values, b.extras = append(b.values, nonNil(l.LeafValue)), append(b.extras, nonNil(l.ExtraData))
	return result(codes.OK, "", n)
}

var insertSequenced = storage.Insert("sequenced", []string{"place INT8", "queued INT8", "hash BYTEA"})

// writes returns the statements that store the new leaves.
func (b *sequenced) writes() []storage.Op {
	if len(b.places) == 0 {
		return nil
	}
	return []storage.Op{
		storage.InsertLeaf.Over(b.places, b.identities, b.values, b.extras),
		storage.InsertIdem.Over(b.keys, b.idxs),
		insertSequenced.Over(b.places, b.times, b.hashes),
	}
}

// nonNil returns an empty slice in place of a nil one, which would be stored as NULL.
func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
