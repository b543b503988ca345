package auditor

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"igledger/ledger/entry"
	"igledger/ledger/entry/index"
	"igledger/verifier/testlog"
)

// BenchmarkAudit is the work of an auditor on one core, without the network: 100,000 sealed entries about 20,000 people, an index root every 1,000.
func BenchmarkAudit(b *testing.B) {
	l := testlog.New(origin)
	maker := begin(b, l)
	audit(b, maker, l, 1)
	rng := rand.New(rand.NewPCG(1, 2))
	leaves, records := [][]byte{l.Leaves[0]}, []entry.FeedRecord{{}}
	for len(leaves) < 100_000 {
		if n := uint64(len(leaves)); n%1000 == 0 {
			maker.cover(n)
			e, err := entry.Sign(l.Operator, &entry.IndexRoot{Common: entry.Common{Issuer: "operator", Audience: origin, IssuedAt: testlog.Now}, Size: n, Root: maker.tree.Root()})
			if err != nil {
				b.Fatal(err)
			}
			leaves, records = append(leaves, entry.PublicLeaf(e.Compact)), append(records, entry.FeedRecord{})
		} else {
			var r entry.FeedRecord
			binary.BigEndian.PutUint64(r.Tag[:], rng.Uint64N(20_000))
			binary.BigEndian.PutUint64(r.TagSalt[:], rng.Uint64())
			leaves, records = append(leaves, entry.SealedLeaf(entry.TagCommit(r.TagSalt, r.Tag), entry.Hash{})), append(records, r)
		}
		i := len(leaves) - 1
		if _, err := maker.Add(leaves[i], records[i]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		a := begin(b, l)
		for i, leaf := range leaves {
			if found, err := a.Add(leaf, records[i]); err != nil || len(found) > 0 {
				b.Fatal(err, found)
			}
		}
	}
	b.ReportMetric(float64(b.N*len(leaves))/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkState writes and reads the state of a log with half a million people.
func BenchmarkState(b *testing.B) {
	l := testlog.New(origin)
	a := begin(b, l)
	audit(b, a, l, 1)
	a.tree = index.Build(func(yield func(index.Update) bool) {
		for i := range uint64(500_000) {
			u := index.Update{State: index.State{Count: 1}}
			binary.BigEndian.PutUint64(u.K[:], i*0x9E3779B97F4A7C15)
			if !yield(u) {
				return
			}
		}
	})
	var file []byte
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			file = state(b, a, l.Checkpoint(1))
		}
		b.SetBytes(int64(len(file)))
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, _, _, err := ReadState(bytes.NewReader(file), l.Key); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(file)))
	})
}
