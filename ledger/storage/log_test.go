package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/trillian"
	"github.com/transparency-dev/merkle/proof"
	"golang.org/x/mod/sumdb/tlog"
)

// What tests append: leaf n of a writer, as igledger would, in one of a few histories.

func openTest(t testing.TB, dsn string) *Storage {
	t.Helper()
	s, err := Create(context.Background(), dsn)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if strings.Contains(dsn, standInMark) {
		s.db = &standIn{s.db}
	}
	return s
}

func mustTree(t testing.TB, s *Storage, name string) *trillian.Tree {
	t.Helper()
	tree, _, err := s.TreeByName(context.Background(), name)
	if err != nil {
		t.Fatalf("TreeByName: %v", err)
	}
	return tree
}

func testLeaf(writer string, n int) Leaf {
	id := sha256.Sum256(fmt.Appendf(nil, "%s %d", writer, n))
	l := Leaf{Identity: id, Value: append([]byte{2}, append(id[:], id[:]...)...), Extra: fmt.Appendf(nil, "opening of %s %d", writer, n)}
	l.Key = [16]byte(id[16:])
	l.Chain = sha256.Sum256(fmt.Appendf(nil, "chain %s %d", writer, n%7))
	l.Register = n%11 == 3
	return l
}

func lookupOf(leaves []Leaf) Lookup {
	var look Lookup
	for _, l := range leaves {
		look.Keys = append(look.Keys, l.Key)
		look.Chains = append(look.Chains, l.Chain)
	}
	look.Streams = [][16]byte{{1}}
	return look
}

// nextHead is the tests' chain rule, in the shape of igledger's.
func nextHead(head [32]byte, index uint64, value []byte) [32]byte {
	h := sha256.New()
	h.Write(head[:])
	_ = binary.Write(h, binary.BigEndian, index)
	h.Write(value)
	return [32]byte(h.Sum(nil))
}

func checkpointFor(h Head) []byte { return fmt.Appendf(nil, "test\n%d\n%x\n", h.Size, h.Root) }

// appendLeaves appends those of the leaves that are not there, and returns where each is.
func appendLeaves(ctx context.Context, s *Storage, tree *trillian.Tree, leaves []Leaf) ([]uint64, error) {
	var at []uint64
	err := s.Append(ctx, tree, lookupOf(leaves), func(ctx context.Context, tx *AppendTx) error {
		at = nil
		return addAll(ctx, tx, leaves, &at)
	})
	return at, err
}

func addAll(ctx context.Context, tx *AppendTx, leaves []Leaf, at *[]uint64) error {
	chains := map[[32]byte]Chain{}
	added := []uint64{}
	for _, l := range leaves {
		if f, ok := tx.Found[l.Key]; ok {
			if f.Identity != l.Identity {
				return fmt.Errorf("key of leaf %d has another identity", f.Index)
			}
			*at = append(*at, f.Index)
			continue
		}
		index, err := tx.Add(l)
		if err != nil {
			return err
		}
		c, ok := chains[l.Chain]
		if !ok {
			c = tx.Chains[l.Chain]
		}
		chains[l.Chain] = Chain{Count: c.Count + 1, Head: nextHead(c.Head, index, l.Value), Last: index}
		*at, added = append(*at, index), append(added, index)
	}
	if len(added) == 0 {
		return nil
	}
	for k, c := range chains {
		tx.SetChain(k, c)
	}
	tx.SetStream([16]byte{1}, append(slices.Clone(tx.Streams[[16]byte{1}]), byte(len(added))))
	head, err := tx.Integrate(ctx)
	if err != nil {
		return err
	}
	for _, i := range added {
		p, err := tx.InclusionProof(i)
		if err != nil {
			return err
		}
		leaf := hasher.HashLeaf(tx.leaves[i-tx.Head.Size].LeafValue)
		if err := proof.VerifyInclusion(hasher, i, head.Size, leaf, p, head.Root[:]); err != nil {
			return err
		}
	}
	tx.SetCheckpoint(checkpointFor(head))
	return nil
}

func someLeaves(writer string, from, n int) []Leaf {
	leaves := make([]Leaf, n)
	for i := range leaves {
		leaves[i] = testLeaf(writer, from+i)
	}
	return leaves
}

func mustAppend(t testing.TB, s *Storage, tree *trillian.Tree, leaves []Leaf) []uint64 {
	t.Helper()
	at, err := appendLeaves(context.Background(), s, tree, leaves)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	return at
}

// naiveRoot is RFC 6962, section 2.1, word for word.
func naiveRoot(hashes [][]byte) []byte {
	switch n := len(hashes); n {
	case 0:
		return hasher.EmptyRoot()
	case 1:
		return hashes[0]
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		return hasher.HashChildren(naiveRoot(hashes[:k]), naiveRoot(hashes[k:]))
	}
}

// checkLog verifies all there is of a log, from the database alone: no gaps or doubles, keys,
// chains, register, root, tiles and proofs. It returns the head.
func checkLog(t testing.TB, s *Storage, tree *trillian.Tree) Head {
	t.Helper()
	ctx := context.Background()
	s = newStorage(s.db) // without anything remembered
	head, err := s.Head(ctx, tree)
	if err != nil {
		t.Fatalf("Head: %v", err)
	}
	var all []Record
	for uint64(len(all)) < head.Size {
		rs, err := s.Records(ctx, tree, uint64(len(all)), 1000)
		if err != nil || len(rs) == 0 {
			t.Fatalf("Records from %d: %d, %v", len(all), len(rs), err)
		}
		all = append(all, rs...)
	}
	if more, err := s.Records(ctx, tree, head.Size, 10); err != nil || len(more) > 0 {
		t.Fatalf("Records beyond the head: %d, %v", len(more), err)
	}
	values, err := s.Values(ctx, tree, 0, head.Size+5)
	if err != nil || len(values) != len(all) {
		t.Fatalf("Values: %d of %d, %v", len(values), len(all), err)
	}
	hashes := make([][]byte, len(all))
	identities := map[[32]byte]bool{}
	for i, r := range all {
		if r.Index != uint64(i) || !bytes.Equal(values[i], r.Value) {
			t.Fatalf("leaf %d: index %d", i, r.Index)
		}
		if identities[r.Identity] {
			t.Fatalf("leaf %d is stored twice", i)
		}
		identities[r.Identity] = true
		hashes[i] = hasher.HashLeaf(r.Value)
	}
	if got, want := head.Root[:], naiveRoot(hashes); !bytes.Equal(got, want) {
		t.Fatalf("root of %d leaves is %x, want %x", head.Size, got, want)
	}
	if head.Size > 0 && !bytes.Equal(head.Checkpoint, checkpointFor(head)) {
		t.Fatalf("checkpoint is not for size %d: %q", head.Size, head.Checkpoint)
	}
	checkTiles(t, s, tree, head, hashes)
	checkProofs(t, s, tree, head, hashes)
	return head
}

// checkChains recomputes the histories of the writers' leaves, of which each log holds all.
func checkChains(t testing.TB, s *Storage, tree *trillian.Tree, leaves []Leaf) {
	t.Helper()
	ctx := context.Background()
	var keys [][16]byte
	byChain := map[[32]byte][]uint64{}
	for _, l := range leaves {
		keys = append(keys, l.Key)
	}
	found, err := s.ByKey(ctx, tree, keys)
	if err != nil {
		t.Fatalf("ByKey: %v", err)
	}
	var ks [][32]byte
	for i, l := range leaves {
		f, ok := found[keys[i]]
		if !ok || f.Identity != l.Identity {
			t.Fatalf("leaf %d of the test is not found by its key", i)
		}
		if byChain[l.Chain] == nil {
			ks = append(ks, l.Chain)
		}
		byChain[l.Chain] = append(byChain[l.Chain], f.Index)
	}
	chains, err := s.Chains(ctx, tree, ks)
	if err != nil {
		t.Fatalf("Chains: %v", err)
	}
	for k, indices := range byChain {
		rs, err := s.Chain(ctx, tree, k, math.MaxUint64, 1<<20)
		if err != nil {
			t.Fatalf("Chain: %v", err)
		}
		c := chains[k]
		if int(c.Count) != len(indices) || len(rs) != len(indices) {
			t.Fatalf("chain has count %d and %d leaves, want %d", c.Count, len(rs), len(indices))
		}
		var h [32]byte
		for i := len(rs) - 1; i >= 0; i-- {
			h = nextHead(h, rs[i].Index, rs[i].Value)
			if i > 0 && rs[i-1].Index <= rs[i].Index {
				t.Fatalf("chain is not newest first")
			}
		}
		if h != c.Head || c.Last != rs[0].Index {
			t.Fatalf("chain head does not recompute")
		}
	}
}

// checkTiles compares every tile with golang.org/x/mod/sumdb/tlog's own, whole and partial.
func checkTiles(t testing.TB, s *Storage, tree *trillian.Tree, head Head, hashes [][]byte) {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	for i, h := range hashes {
		more, err := tlog.StoredHashesForRecordHash(int64(i), tlog.Hash(h), reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
	}
	for _, tile := range tlog.NewTiles(tileHeight, 0, int64(head.Size)) {
		for _, w := range []int{tile.W, 1 + rand.IntN(tile.W)} {
			tile.W = w
			want, err := tlog.ReadTileData(tile, reader)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Tile(context.Background(), tree, tile.L, uint64(tile.N), tile.W)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("tile %s differs: %v", tile.Path(), err)
			}
		}
	}
	if _, err := s.Tile(context.Background(), tree, 0, head.Size/tileWidth, int(head.Size%tileWidth)+1); !isNotFound(err) {
		t.Fatalf("tile beyond the tree: %v", err)
	}
}

// checkProofs verifies proofs for the tree's corners and some places in between.
func checkProofs(t testing.TB, s *Storage, tree *trillian.Tree, head Head, hashes [][]byte) {
	t.Helper()
	ctx := context.Background()
	if head.Size == 0 {
		return
	}
	sizes := []uint64{1, head.Size, head.Size/2 + 1, head.Size &^ 255}
	for range 12 {
		sizes = append(sizes, 1+rand.Uint64N(head.Size))
	}
	for _, size := range sizes {
		if size == 0 {
			continue
		}
		root := naiveRoot(hashes[:size])
		for _, index := range []uint64{0, size - 1, rand.Uint64N(size)} {
			p, err := s.InclusionProof(ctx, tree, index, size)
			if err == nil {
				err = proof.VerifyInclusion(hasher, index, size, hashes[index], p, root)
			}
			if err != nil {
				t.Fatalf("inclusion of %d in %d: %v", index, size, err)
			}
		}
		p, err := s.ConsistencyProof(ctx, tree, size, head.Size)
		if err == nil {
			err = proof.VerifyConsistency(hasher, size, head.Size, p, root, head.Root[:])
		}
		if err != nil {
			t.Fatalf("consistency of %d with %d: %v", size, head.Size, err)
		}
	}
	if _, err := s.InclusionProof(ctx, tree, head.Size, head.Size+1); !isNotFound(err) {
		t.Fatalf("proof for a leaf that is not there: %v", err)
	}
}
