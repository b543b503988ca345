package storage

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
			InsertLeaf.Over(places, identities, values, extras), InsertIdem.Over(a.newKeys, idxs))
	}
	if len(a.chains) > 0 {
		var ks, heads, recents [][]byte
		var blocks blockRows
		var counts, lasts, governed []int64
		for _, k := range sorted32(a.chains) {
			c := a.chains[k]
			ks, heads = append(ks, a.num.Key(k[:])), append(heads, append([]byte(nil), c.Head[:]...))
			counts, lasts = append(counts, int64(c.Count)), append(lasts, int64(c.Last))
			row := a.rows[k]
			full, rest := extend(row.Count, row.Last, row.recent, a.places[k])
			blocks.add(a.num.Key(k[:]), full)
			recents = append(recents, rest)
			_, set := a.persons[k]
			governed = append(governed, number(row.governed || set))
		}
		ops = append(ops, upsertChain.Over(ks, counts, heads, lasts, governed, recents))
		ops = append(ops, blocks.ops(insertHistory)...)
	}
	if len(a.streams) > 0 {
		ops = append(ops, putStreams(upsertStream, a.num, a.streams))
	}
	if len(a.persons) > 0 {
		ops = append(ops, putPersons(upsertPerson, a.num, a.persons))
	}
	if len(a.registers) > 0 {
		ops = append(ops, insertRegister.Over(a.registers))
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

// number returns a truth value as it is stored.
func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
