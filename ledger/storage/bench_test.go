package storage

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	mrand "math/rand/v2"
	"testing"

	"github.com/google/trillian"

	"igledger/internal/testdb"
)

// benchLeaf is a leaf of igledger's sizes: 65 bytes of value, 1,000 of opening, one history per 50
// leaves, in random order of keys and histories.
func benchLeaf(chains [][32]byte) Leaf {
	var l Leaf
	_, _ = rand.Read(l.Key[:])
	_, _ = rand.Read(l.Identity[:])
	l.Chain = chains[mrand.IntN(len(chains))]
	l.Value, l.Extra = make([]byte, 65), make([]byte, benchExtra)
	_, _ = rand.Read(l.Value)
	_, _ = rand.Read(l.Extra)
	return l
}

const benchExtra = 1000

func benchAppend(ctx context.Context, s *Storage, tree *trillian.Tree, leaves []Leaf) error {
	return s.Append(ctx, tree, lookupOf(leaves), func(ctx context.Context, tx *AppendTx) error {
		chains := map[[32]byte]Chain{}
		for _, l := range leaves {
			index, err := tx.Add(l)
			if err != nil {
				return err
			}
			c, ok := chains[l.Chain]
			if !ok {
				c = tx.Chains[l.Chain]
			}
			c.Count, c.Last = c.Count+1, index
			binary.BigEndian.PutUint64(c.Head[:], index)
			chains[l.Chain] = c
		}
		for k, c := range chains {
			tx.SetChain(k, c)
		}
		h, err := tx.Integrate(ctx)
		if err != nil {
			return err
		}
		for i := range leaves {
			if _, err := tx.InclusionProof(tx.Head.Size + uint64(i)); err != nil {
				return err
			}
		}
		tx.SetCheckpoint(checkpointFor(h))
		return nil
	})
}

// BenchmarkAppend appends batches of one writer, with an inclusion proof per leaf, and prints
// leaves/s and the bytes of database per leaf beyond the leaf's Extra. One operation is one batch.
// Conditions: durable commits, the database on this machine, no signatures or ciphers. For
// bytes/leaf run enough leaves that fixed costs fade (go test -bench Append/.*/256 -benchtime 400x
// is about 100,000).
func BenchmarkAppend(b *testing.B) {
	testdb.EachB(b, func(b *testing.B, dsn string) {
		for _, size := range []int{1, 16, 256} {
			b.Run(fmt.Sprint(size), func(b *testing.B) {
				ctx := context.Background()
				s := openTest(b, dsn)
				tree := mustTree(b, s, fmt.Sprint("log ", size, b.N, mrand.Int()))
				chains := make([][32]byte, max(1, b.N*size/50))
				for i := range chains {
					_, _ = rand.Read(chains[i][:])
				}
				before, known, err := s.Size(ctx)
				if err != nil {
					b.Fatal(err)
				}
				b.ResetTimer()
				for range b.N {
					b.StopTimer()
					leaves := make([]Leaf, size)
					for i := range leaves {
						leaves[i] = benchLeaf(chains)
					}
					b.StartTimer()
					if err := benchAppend(ctx, s, tree, leaves); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				after, _, err := s.Size(ctx)
				if err != nil {
					b.Fatal(err)
				}
				n := float64(b.N * size)
				b.ReportMetric(n/b.Elapsed().Seconds(), "leaves/s")
				if known {
					b.ReportMetric((float64(after)-float64(before))/n-benchExtra, "bytes/leaf")
				}
			})
		}
	})
}

// BenchmarkPlaces finds the leaves of a history of 10,000, every fourth leaf of the log.
// Conditions: the database on this machine.
func BenchmarkPlaces(b *testing.B) {
	testdb.EachB(b, func(b *testing.B, dsn string) {
		ctx := context.Background()
		s := openTest(b, dsn)
		tree := mustTree(b, s, "log")
		k := [32]byte{1}
		for at := 0; at < 40_000; at += 500 {
			leaves := make([]Leaf, 500)
			for i := range leaves {
				leaves[i] = benchLeaf([][32]byte{{2, byte(i)}})
				if i%4 == 0 {
					leaves[i].Chain = k
				}
			}
			if err := benchAppend(ctx, s, tree, leaves); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			places, err := s.Places(ctx, tree, k, 0, math.MaxUint64, 1<<20)
			if err != nil || len(places) != 10_000 {
				b.Fatal(len(places), err)
			}
		}
	})
}
