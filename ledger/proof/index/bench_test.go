package index_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"testing"

	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

// population is the number of people in Scotland.
const population = 5_500_000

// history returns the n-th of any number of invented histories. Its key is as random as TagKey
// makes it.
func history(n uint64) index.Update {
	k := wire.Hash(sha256.Sum256(binary.BigEndian.AppendUint64(nil, n)))
	return index.Update{K: k, State: proof.State{Count: n%1000 + 1, Head: wire.Hash(sha256.Sum256(k[:]))}}
}

func histories(n uint64) iter.Seq[index.Update] {
	return func(yield func(index.Update) bool) {
		for i := range n {
			if !yield(history(i)) {
				return
			}
		}
	}
}

// everybody is one tree of the whole population, for all benchmarks that need one.
var everybody = sync.OnceValue(func() *index.Tree { return index.Build(histories(population)) })

func BenchmarkBuild(b *testing.B) {
	sorted := slices.SortedFunc(histories(population), func(x, y index.Update) int {
		return bytes.Compare(x.K[:],
			y.K[:])
	})
	shuffled := slices.Collect(histories(population))
	for _, order := range []struct {
		name string
		list []index.Update
	}{{"ascending", sorted}, {"shuffled", shuffled}} {
		b.Run(order.name, func(b *testing.B) {
			for b.Loop() {
				index.Build(slices.Values(order.list))
			}
			b.ReportMetric(float64(population)*float64(b.N)/b.Elapsed().Seconds(), "histories/s")
		})
	}
}

func BenchmarkMemory(b *testing.B) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	for b.Loop() {
		before := heap()
		t := index.Build(histories(population))
		b.ReportMetric(float64(heap()-before)/1e6, "MB")
		b.ReportMetric(float64(heap()-before)/float64(t.Len()), "B/history")
	}
}

func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1, 100, 4000} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			t := everybody()
			batch := make([]index.Update, size)
			next := uint64(0)
			for b.Loop() {
				for i := range batch {
					// Nine in ten histories are continued, one in ten is new.
					n := next * 7919 % population
					if next%10 == 0 {
						n = population + next
					}
					batch[i] = history(n)
					next++
				}
				t.Apply(batch)
			}
			b.ReportMetric(float64(next)/b.Elapsed().Seconds(), "updates/s")
		})
	}
}

func BenchmarkProve(b *testing.B) {
	t := everybody()
	n := uint64(0)
	for b.Loop() {
		t.Prove(history(n * 7919 % population).K)
		n++
	}
}
