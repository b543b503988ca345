package auditor

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"igledger/consent"
	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

// BenchmarkAudit is the work of an auditor on one core, without the network: 100,000 sealed entries
// about 20,000 people, an index root every 1,000.
func BenchmarkAudit(b *testing.B) {
	l := testlog.New(origin)
	maker := begin(b, l)
	audit(b, maker, l, 1)
	rng := rand.New(rand.NewPCG(1, 2))
	leaves, records := [][]byte{l.Leaves[0]}, []proof.FeedRecord{{}}
	for len(leaves) < 100_000 {
		if n := uint64(len(leaves)); n%1000 == 0 {
			maker.cover(n)
			e, err := entry.Sign(l.Operator, &entry.IndexRoot{Common: entry.Common{Issuer: "operator", Audience: origin, IssuedAt: testlog.Now}, Size: n, Root: maker.tree.Root()})
			if err != nil {
				b.Fatal(err)
			}
			leaves, records = append(leaves, proof.PublicLeaf(e.Compact)), append(records, proof.FeedRecord{})
		} else {
			var r proof.FeedRecord
			binary.BigEndian.PutUint64(r.Tag[:], rng.Uint64N(20_000))
			binary.BigEndian.PutUint64(r.TagSalt[:], rng.Uint64())
			leaves, records = append(leaves, proof.SealedLeaf(proof.TagCommit(r.TagSalt, r.Tag), wire.Hash{})), append(records, r)
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
			u := index.Update{State: proof.State{Count: 1}}
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

// BenchmarkVerdicts is the replay of verdicts on one core: 5,000 accesses under an agreement about
// 1,000 people, every fifth of whom refused research. Once beyond signature checks (commitments,
// decoding, the verdict), once all of it.
func BenchmarkVerdicts(b *testing.B) {
	g := testlog.NewGoverned(testlog.New(origin))
	l := g.Fork(g.Ended)
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = fmt.Sprintf("temp:lothian:%d", i)
		if i%5 == 0 {
			c := *g.Entries[g.Consents[0]].Body.(*entry.Consent)
			c.ID, c.SD, c.Sub = "", nil, ids[i]
			l.AddSealed(testlog.Sign(g.Lothian, &c), ids[i])
		}
	}
	first := l.Size()
	for i := range 5000 {
		id := ids[i%len(ids)]
		l.AddSealed(g.SharedAccess(id), id)
	}
	l.GiveVerdicts(consent.New())
	prepared := func() *Verdicts {
		v := NewVerdicts(origin, consent.New())
		a := begin(b, l)
		a.OnPublic = func(i uint64, e *entry.Entry) { v.Public(i, e) }
		for i := range first {
			if _, err := a.Add(l.Leaves[i], record(l, i)); err != nil {
				b.Fatal(err)
			}
			v.Add(l.Leaves[i], record(l, i), l.Openings[i])
		}
		v.Flush()
		return v
	}
	run := func(name string, signatures bool) {
		b.Run(name, func(b *testing.B) {
			v := prepared()
			rules, register := v.state.Rules, v.state.Register
			b.ReportAllocs()
			n := uint64(0)
			for b.Loop() {
				i := first + n%(l.Size()-first)
				p := opened{index: i, leaf: l.Leaves[i], rec: record(l, i), opening: l.Openings[i], rules: rules, register: register}
				p.read()
				if signatures {
					p.verify()
				}
				v.judge(&p)
				n++
			}
			if len(v.doubts)+len(v.wrong) > 0 || v.stats.Verdicts < n {
				b.Fatal(v.stats, v.wrong)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "verdicts/s")
		})
	}
	run("beyond signatures", false)
	run("all", true)
}
