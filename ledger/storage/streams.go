package storage

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/trillian"
)

// Stream is the state of a stream, as stored by SetStream.
type Stream struct {
	Key   [16]byte
	State []byte
}

// Streams returns up to n streams with from <= key <= to, ascending. A zero to is no bound.
func (s *Storage) Streams(ctx context.Context, tree *trillian.Tree, from, to [16]byte, n int) ([]Stream, error) {
	num, err := s.Number(ctx, tree)
	if to == [16]byte{} {
		to = [16]byte(bytes.Repeat([]byte{0xff}, len(to)))
	}
	var list []Stream
	if err == nil {
		err = s.Read(ctx, Op{
			SQL:   "SELECT k, state FROM source WHERE k >= $1 AND k <= $2 ORDER BY k LIMIT $3",
			Args:  []any{num.Key(from[:]), num.Key(to[:]), n},
			Fresh: func() { list = nil },
			Scan: func(scan func(...any) error) error {
				one := map[[16]byte][]byte{}
				err := scanStream(one)(scan)
				for k, state := range one {
					list = append(list, Stream{k, state})
				}
				return err
			},
		})
	}
	return list, s.wrap(ctx, "reading the streams", err)
}

func streamsOp(num TreeNumber, keys [][16]byte, into map[[16]byte][]byte) Op {
	o := selectStreams.Over(inTree16(num, keys))
	o.Scan = scanStream(into)
	return o
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

func putStreams(f Form, num TreeNumber, streams map[[16]byte][]byte) Op {
	var ks, states [][]byte
	for _, k := range sorted16(streams) {
		ks, states = append(ks, num.Key(k[:])), append(states, streams[k])
	}
	return f.Over(ks, states)
}
