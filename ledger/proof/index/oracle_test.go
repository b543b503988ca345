package index_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

// The oracle is the subject index as docs/FORMATS.md section 13 defines it. It is naive and uses no
// code of the tree or of package proof: a list of histories is split by the next bit until one or
// none is left.

func oracleBit(k wire.Hash, depth int) bool { return k[depth>>3]&(0x80>>(depth&7)) != 0 }

func oracleHash(first byte, parts ...[]byte) wire.Hash {
	return wire.Hash(sha256.Sum256(append([]byte{first}, bytes.Join(parts, nil)...)))
}

func oracleValue(s proof.State) wire.Hash {
	return oracleHash(0x15, binary.BigEndian.AppendUint64(nil, s.Count), s.Head[:])
}

// split returns the histories on k's side of the next bit, and those on the other side.
func split(list []index.Update, k wire.Hash, depth int) (mine, others []index.Update) {
	for _, u := range list {
		if oracleBit(u.K, depth) == oracleBit(k, depth) {
			mine = append(mine, u)
		} else {
			others = append(others, u)
		}
	}
	return mine, others
}

// oracleRoot returns the hash of the subtree of list, whose keys share their first depth bits.
func oracleRoot(list []index.Update, depth int) wire.Hash {
	switch len(list) {
	case 0:
		return wire.Hash{}
	case 1:
		v := oracleValue(list[0].State)
		return oracleHash(0x16, list[0].K[:], v[:])
	}
	zeros, ones := split(list, wire.Hash{}, depth)
	l, r := oracleRoot(zeros, depth+1), oracleRoot(ones, depth+1)
	return oracleHash(0x17, l[:], r[:])
}

// oracleProof returns the path of k through the tree of list.
func oracleProof(list []index.Update, k wire.Hash) proof.IndexProof {
	p := proof.IndexProof{}
	for depth := 0; len(list) > 1; depth++ {
		mine, others := split(list, k, depth)
		p.Siblings = append(p.Siblings, oracleRoot(others, depth+1))
		list = mine
	}
	if len(list) == 1 && list[0].K != k {
		p.Other = &proof.IndexOther{K: list[0].K, V: oracleValue(list[0].State)}
	}
	return p
}

// contents returns what a tree should hold after updates, in ascending order of K.
func contents(updates []index.Update) []index.Update {
	last := map[wire.Hash]proof.State{}
	for _, u := range updates {
		last[u.K] = u.State
	}
	list := []index.Update{}
	for k, s := range last {
		list = append(list, index.Update{K: k, State: s})
	}
	slices.SortFunc(list, func(a, b index.Update) int { return bytes.Compare(a.K[:], b.K[:]) })
	return list
}

func find(list []index.Update, k wire.Hash) (proof.State, bool) {
	for _, u := range list {
		if u.K == k {
			return u.State, true
		}
	}
	return proof.State{}, false
}
