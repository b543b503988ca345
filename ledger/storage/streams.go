package storage

import (
	"context"
	"fmt"

	"github.com/google/trillian"
)

// Streams returns the state of every stream, as stored by SetStream.
func (s *Storage) Streams(ctx context.Context, tree *trillian.Tree) (map[[16]byte][]byte, error) {
	num, err := s.Number(ctx, tree)
	streams := map[[16]byte][]byte{}
	if err == nil {
		err = s.Read(ctx, Op{
			SQL: "SELECT k, state FROM source WHERE k >= $1 AND k < $2", Args: []any{num.Key(nil), (num + 1).Key(nil)},
			Fresh: func() { clear(streams) }, Scan: scanStream(streams),
		})
	}
	return streams, s.wrap(ctx, "reading the streams", err)
}

func streamsOp(num TreeNumber, keys [][16]byte, into map[[16]byte][]byte) Op {
	const start = "SELECT k, state FROM source WHERE k = "
	return Op{
		SQL: start + "ANY($1)", Lite: start + "$1", Cols: []any{inTree16(num, keys)},
		Scan: scanStream(into),
	}
}

func scanStream(into map[[16]byte][]byte) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		var k, state []byte
		if err := scan(&k, &state); err != nil {
			return err
		}
		if len(k) != treePrefix+16 {
			return fmt.Errorf("%w: the key of a stream has the wrong length", ErrCorrupt)
		}
		into[[16]byte(k[treePrefix:])] = state
		return nil
	}
}

func putStreams(num TreeNumber, streams map[[16]byte][]byte) Op {
	var ks, states [][]byte
	for _, k := range sorted16(streams) {
		ks, states = append(ks, num.Key(k[:])), append(states, streams[k])
	}
	return Op{SQL: upsertStream, Lite: upsertStreamLite, Cols: []any{ks, states}}
}
