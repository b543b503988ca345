package storage

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// Statements list their rows by key, whatever the order of the maps that they are made from.
func TestStatementsListRowsInOrder(t *testing.T) {
	const num = 7
	streams, persons := map[[16]byte][]byte{}, map[[32]byte][]byte{}
	chains, tiles := map[[32]byte]Chain{}, tileSet{}
	for range 64 {
		k := [32]byte{byte(rand.N(256)), byte(rand.N(256)), byte(rand.N(256))}
		streams[[16]byte(k[:16])], persons[k], chains[k] = []byte{1}, []byte{1}, Chain{Count: 1}
		tiles[tileID{num, rand.N(maxLevel), rand.Uint64N(1 << 30)}] = []byte{1}
	}
	a := &AppendTx{num: num, chains: chains}
	for name, o := range map[string]Op{
		"chains":  a.writes()[0],
		"streams": putStreams(upsertStream, num, streams),
		"persons": putPersons(upsertPerson, num, persons),
		"tiles":   tileWrites(upsertTile, tiles)[0],
	} {
		sorted := false
		switch keys := o.Cols[0].(type) {
		case [][]byte:
			sorted = slices.IsSortedFunc(keys, bytes.Compare)
		case []int64:
			sorted = slices.IsSorted(keys)
		}
		if !sorted {
			t.Errorf("the rows of %s are not in the order of their keys", name)
		}
	}
}
