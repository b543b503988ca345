package storage

import (
	"context"
	"fmt"

	"github.com/google/trillian"
	"github.com/transparency-dev/merkle/proof"
)

// InclusionProof returns the RFC 6962 audit path of leaf index in the tree of this size.
func (s *Storage) InclusionProof(ctx context.Context, tree *trillian.Tree, index, size uint64) ([][]byte, error) {
	doing := fmt.Sprintf("proving that leaf %d is in the tree of size %d", index, size)
	nodes, err := proof.Inclusion(index, size)
	if err != nil {
		return nil, s.wrap(ctx, doing, fmt.Errorf("%w: %w", ErrNotFound, err))
	}
	p, err := s.prove(ctx, tree, nodes, size)
	return p, s.wrap(ctx, doing, err)
}

// ConsistencyProof returns the RFC 6962 proof that the tree of size2 extends the one of size1.
func (s *Storage) ConsistencyProof(ctx context.Context, tree *trillian.Tree, size1, size2 uint64) ([][]byte, error) {
	doing := fmt.Sprintf("proving that the tree of size %d leads to size %d", size1, size2)
	nodes, err := proof.Consistency(size1, size2)
	if err != nil {
		return nil, s.wrap(ctx, doing, fmt.Errorf("%w: %w", ErrNotFound, err))
	}
	p, err := s.prove(ctx, tree, nodes, size2)
	return p, s.wrap(ctx, doing, err)
}

func (s *Storage) prove(ctx context.Context, tree *trillian.Tree, nodes proof.Nodes, size uint64) ([][]byte, error) {
	num, err := s.Number(ctx, tree)
	if err != nil {
		return nil, err
	}
	now, err := s.committed(ctx, num, size)
	if err != nil {
		return nil, err
	}
	w := wants{}
	for _, id := range nodes.IDs {
		w.node(num, id)
	}
	tiles, err := s.loadTiles(ctx, s.Read, w, now)
	if err != nil {
		return nil, err
	}
	s.keep(tiles)
	hashes := make([][]byte, len(nodes.IDs))
	for i, id := range nodes.IDs {
		hashes[i], err = tiles.node(num, id)
		if err != nil {
			return nil, err
		}
	}
	p, err := nodes.Rehash(hashes, hasher.HashChildren)
	for i := range p {
		p[i] = append([]byte(nil), p[i]...) // the caller may modify it, but not cached tiles
	}
	return p, err
}
