package fetch

import (
	"context"
	"sync"

	"igledger/verifier"
)

// Piece is an entry bundle with the hash tile over it.
type Piece struct {
	Index  uint64
	Leaves [][]byte
	Tile   []byte // level 0; nil unless asked for and full
}

type piece struct {
	Piece
	err error
}

// Pieces reads all bundles that hold leaves from to to-1 of a log of size leaves, several at a
// time, and passes them to each in order. It stops at the first error, from reading or from each.
// It keeps at most ahead bundles in memory, and reads nothing any more once it has returned.
func (l *Log) Pieces(ctx context.Context, from, to, size uint64, withTiles bool, each func(Piece) error) error {
	if from >= to {
		return nil
	}
	var readers sync.WaitGroup
	defer readers.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	end := (to-1)>>8 + 1
	queue := make(chan chan piece, ahead)
	readers.Go(func() {
		defer close(queue)
		for i := from >> 8; i < end; i++ {
			slot := make(chan piece, 1)
			select {
			case queue <- slot:
			case <-ctx.Done():
				return
			}
			readers.Go(func() { slot <- l.piece(ctx, i, size, withTiles) })
		}
	})
	for slot := range queue {
		p := <-slot
		if p.err != nil {
			return p.err
		}
		if err := each(p.Piece); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (l *Log) piece(ctx context.Context, index, size uint64, withTile bool) (p piece) {
	width := verifier.WidthAt(0, index, size)
	p.Index = index
	if p.Leaves, p.err = l.Bundle(ctx, index, width); p.err == nil && withTile && width == verifier.TileWidth {
		p.Tile, p.err = l.Tile(ctx, 0, index, width)
	}
	return p
}
