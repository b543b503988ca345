package provider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/google/trillian"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"igledger/ledger/storage"
)

func openTest(t testing.TB, dsn string) *Provider {
	t.Helper()
	s, err := storage.Create(context.Background(), dsn)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	p, err := New(context.Background(), s)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return p
}

func mustTree(t testing.TB, p *Provider, name string) *trillian.Tree {
	t.Helper()
	tree, _, err := p.s.TreeByName(context.Background(), name)
	if err != nil {
		t.Fatalf("TreeByName: %v", err)
	}
	return tree
}

// statements is a transaction of these.
func statements(ops ...storage.Op) func(context.Context, storage.Runner) ([]storage.Op, error) {
	return func(context.Context, storage.Runner) ([]storage.Op, error) { return ops, nil }
}

// someLeaves are n leaves from number from on, in seven histories.
func someLeaves(from, n int) []storage.Leaf {
	leaves := make([]storage.Leaf, n)
	for i := range leaves {
		id := sha256.Sum256(fmt.Appendf(nil, "leaf %d", from+i))
		leaves[i] = storage.Leaf{
			Key: [16]byte(id[16:]), Identity: id, Value: id[:], Extra: []byte("extra"),
			Chain: [32]byte{byte((from + i) % 7), 1}, Register: (from+i)%11 == 3,
		}
	}
	return leaves
}

// appendLeaves appends as igledger does.
func appendLeaves(p *Provider, tree *trillian.Tree, leaves []storage.Leaf) error {
	var look storage.Lookup
	for _, l := range leaves {
		look.Keys, look.Chains = append(look.Keys, l.Key), append(look.Chains, l.Chain)
	}
	return p.s.Append(context.Background(), tree, look, func(ctx context.Context, tx *storage.AppendTx) error {
		for _, l := range leaves {
			index, err := tx.Add(l)
			if err != nil {
				return err
			}
			c := tx.Chains[l.Chain]
			c.Count, c.Last = c.Count+1, index
			tx.Chains[l.Chain] = c
			tx.SetChain(l.Chain, c)
		}
		tx.SetStream([16]byte{1}, []byte("state"))
		head, err := tx.Integrate(ctx)
		tx.SetCheckpoint(fmt.Appendf(nil, "size %d", head.Size))
		return err
	})
}

func mustAppend(t testing.TB, p *Provider, tree *trillian.Tree, leaves []storage.Leaf) {
	t.Helper()
	if err := appendLeaves(p, tree, leaves); err != nil {
		t.Fatalf("Append: %v", err)
	}
}

// checkLog recomputes the root from the values and verifies an inclusion proof of each leaf, which
// between them use every tile. It returns the head.
func checkLog(t testing.TB, p *Provider, tree *trillian.Tree) storage.Head {
	t.Helper()
	ctx := context.Background()
	head, err := p.s.Head(ctx, tree)
	if err != nil {
		t.Fatalf("Head: %v", err)
	}
	values, err := p.s.Values(ctx, tree, 0, head.Size+1)
	if err != nil || uint64(len(values)) != head.Size {
		t.Fatalf("%d values of %d leaves, %v", len(values), head.Size, err)
	}
	hasher := rfc6962.DefaultHasher
	rng := (&compact.RangeFactory{Hash: hasher.HashChildren}).NewEmptyRange(0)
	for _, v := range values {
		if err := rng.Append(hasher.HashLeaf(v), nil); err != nil {
			t.Fatal(err)
		}
	}
	root := hasher.EmptyRoot()
	if len(values) > 0 {
		root, err = rng.GetRootHash(nil)
	}
	if err != nil || !bytes.Equal(root, head.Root[:]) {
		t.Fatalf("root of %d leaves is %x, want %x, %v", head.Size, head.Root, root, err)
	}
	for i, v := range values {
		path, err := p.s.InclusionProof(ctx, tree, uint64(i), head.Size)
		if err == nil {
			err = proof.VerifyInclusion(hasher, uint64(i), head.Size, hasher.HashLeaf(v), path, root)
		}
		if err != nil {
			t.Fatalf("inclusion of leaf %d: %v", i, err)
		}
	}
	return head
}
