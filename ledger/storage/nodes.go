package storage

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"

	"github.com/google/trillian"
	"github.com/transparency-dev/merkle/compact"
	"golang.org/x/sync/errgroup"
)

// Nodes returns the hashes of nodes of the log's tree, in the order asked for. Each must be the
// root of a complete subtree all of whose leaves are below the log's size; otherwise Nodes returns
// ErrNotFound. All tiles needed come in one round trip.
func (s *Storage) Nodes(ctx context.Context, tree *trillian.Tree, ids []compact.NodeID) ([][32]byte, error) {
	hashes, err := s.nodes(ctx, tree, ids)
	return hashes, s.wrap(ctx, "reading nodes of the tree", err)
}

func (s *Storage) nodes(ctx context.Context, tree *trillian.Tree, ids []compact.NodeID) ([][32]byte, error) {
	num, err := s.Number(ctx, tree)
	if err != nil {
		return nil, err
	}
	w := wants{}
	var need uint64
	for _, id := range ids {
		if id.Level > indexBits || id.Index >= MaxLeaves>>id.Level {
			return nil, fmt.Errorf("%w: node %d of height %d", ErrNotFound, id.Index, id.Level)
		}
		w.node(num, id)
		need = max(need, (id.Index+1)<<id.Level)
	}
	size, err := s.committed(ctx, num, need)
	if err != nil {
		return nil, err
	}
	tiles, err := s.loadTiles(ctx, s.Read, w, size)
	if err != nil {
		return nil, err
	}
	s.keep(tiles)
	out := make([][32]byte, len(ids))
	var g errgroup.Group
	share := max(64, (len(ids)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	for from := 0; from < len(ids); from += share {
		g.Go(func() error {
			for i := from; i < min(from+share, len(ids)); i++ {
				tile, first, count := nodeTile(num, ids[i])
				hashes := tiles[tile]
				if len(hashes) < (first+count)*hashSize {
					return fmt.Errorf("%w: node %d of height %d", ErrNotFound, ids[i].Index, ids[i].Level)
				}
				out[i] = foldArray(hashes[first*hashSize : (first+count)*hashSize])
			}
			return nil
		})
	}
	return out, g.Wait()
}

// foldArray is fold without an allocation for each hash: a statement over scattered leaves folds
// hundreds of thousands.
func foldArray(hashes []byte) [32]byte {
	if len(hashes) == hashSize {
		return [32]byte(hashes)
	}
	half := len(hashes) / 2
	left, right := foldArray(hashes[:half]), foldArray(hashes[half:])
	var b [1 + 2*hashSize]byte // RFC 6962: 0x01 ‖ left ‖ right
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+hashSize:], right[:])
	return sha256.Sum256(b[:])
}
