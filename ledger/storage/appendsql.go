package storage

// The statements of an append's second round trip.
var (
	leafCols = []string{"place INT8", "prev INT8", "identity BYTEA", "value BYTEA", "extra BYTEA"}
	idemCols = []string{"k BYTEA", "idx INT8"}

	insertLeaf, insertLeafLite = Insert("leaf", leafCols, "")
	insertIdem, insertIdemLite = Insert("idem", idemCols, "")

	upsertChain, upsertChainLite = Insert("chain",
		[]string{"k BYTEA", "count INT8", "head BYTEA", "last INT8"},
		" ON CONFLICT (k) DO UPDATE SET count = excluded.count, head = excluded.head, last = excluded.last")
	upsertStream, upsertStreamLite = Insert("source",
		[]string{"k BYTEA", "state BYTEA"},
		" ON CONFLICT (k) DO UPDATE SET state = excluded.state")
	upsertPerson, upsertPersonLite = Insert("person",
		[]string{"k BYTEA", "state BYTEA"},
		" ON CONFLICT (k) DO UPDATE SET state = excluded.state")
	insertRegister, insertRegisterLite = Insert("register", []string{"place INT8"}, "")
	upsertTile, upsertTileLite         = Insert("tile", []string{"place INT8", "hashes BYTEA"},
		" ON CONFLICT (place) DO UPDATE SET hashes = excluded.hashes")
)

const updateHead = "UPDATE head SET size = $1, root = $2, signed = $3, checkpoint = $4, register = $5 WHERE tree = $6"

// writes returns the statements of an append's second round trip, which ends in COMMIT.
func (a *AppendTx) writes() []Op {
	var ops []Op
	n := len(a.leaves)
	if n > 0 {
		places, idxs := make([]int64, n), make([]int64, n)
		identities, values, extras := make([][]byte, n), make([][]byte, n), make([][]byte, n)
		for i, l := range a.leaves {
			places[i], idxs[i] = a.num.Place(uint64(l.LeafIndex)), l.LeafIndex
			identities[i], values[i], extras[i] = l.LeafIdentityHash, l.LeafValue, l.ExtraData
		}
		ops = append(ops,
			Op{SQL: insertLeaf, Lite: insertLeafLite, Cols: []any{places, a.prevs, identities, values, extras}},
			Op{SQL: insertIdem, Lite: insertIdemLite, Cols: []any{a.newKeys, idxs}})
	}
	if len(a.chains) > 0 {
		var ks, heads [][]byte
		var counts, lasts []int64
		for _, k := range sorted32(a.chains) {
			c := a.chains[k]
			ks, heads = append(ks, a.num.Key(k[:])), append(heads, append([]byte(nil), c.Head[:]...))
			counts, lasts = append(counts, int64(c.Count)), append(lasts, int64(c.Last))
		}
		ops = append(ops, Op{SQL: upsertChain, Lite: upsertChainLite, Cols: []any{ks, counts, heads, lasts}})
	}
	if len(a.streams) > 0 {
		ops = append(ops, putStreams(a.num, a.streams))
	}
	if len(a.persons) > 0 {
		ops = append(ops, putPersons(a.num, a.persons))
	}
	if len(a.registers) > 0 {
		ops = append(ops, Op{SQL: insertRegister, Lite: insertRegisterLite, Cols: []any{a.registers}})
	}
	if n > 0 {
		ops = append(ops, a.merkle.tileOps()...)
		ops = append(ops, a.merkle.headOp(a.checkpoint, a.register()))
		if a.anchor {
			ops = append(ops, Op{SQL: upsertAnchor,
				Args: []any{int64(a.num), int64(a.merkle.size()), nonNil(a.checkpoint)}})
		}
	}
	return ops
}
