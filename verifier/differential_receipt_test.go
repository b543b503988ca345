package verifier_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/cryptotest"

	"igledger/internal/oracle"
	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// judgeReceipt returns what package verifier finds in a receipt, as the oracle says it.
func judgeReceipt(data []byte, held, policy string, vrfKey wire.Hash) oracle.ReceiptAnswer {
	p, err := verifier.ParsePolicy([]byte(policy))
	if err != nil {
		return oracle.ReceiptAnswer{First: "policy"}
	}
	named := func(err error) oracle.ReceiptAnswer {
		return oracle.ReceiptAnswer{First: string(err.(*verifier.Failure).Check)}
	}
	r, err := verifier.ParseReceipt(data)
	if err != nil {
		return named(err)
	}
	e, err := verifier.ParseEntry(held)
	if err != nil {
		return named(err)
	}
	got, rep := verifier.CheckReceipt(verifier.ReceiptEvidence{
		Receipt: r, Entry: e, Policy: p, Now: now, Genesis: &entry.Genesis{VRFKey: vrfKey},
	})
	if err := rep.Err(); err != nil {
		return named(err)
	}
	return oracle.ReceiptAnswer{Index: got.Index, Size: got.Checkpoint.Size, Quorum: got.Quorum}
}

// TestOracleAgreesOnReceipts gives mutated receipts to both verifiers.
func TestOracleAgreesOnReceipts(t *testing.T) {
	mutations, chance := int(setting(t, "IGLEDGER_MUTATIONS", uint64(under(1000)))), setting(t, "IGLEDGER_CHANCE", 20261127)
	cryptotest.SetGlobalRandom(t, chance)
	f := newForge(t, rand.New(rand.NewPCG(chance, 1)))
	firsts := map[string]int{}
	var l *testlog.Log
	for n := range mutations {
		if n%50 == 0 {
			l = f.log()
		}
		data, held := f.receipt(l)
		policy := pick(f, f.policies...)
		vrf := wire.Hash(l.VRF.Public())
		got := judgeReceipt(data, held, policy, vrf)
		want := oracle.Receipt(string(data), held, vrf[:], oracle.Asked{Policy: policy, Now: now})
		firsts[want.First]++
		if got != want {
			t.Errorf("mutation %d from chance %d: %+v, the oracle %+v\n%s", n, chance, got, want, data)
		}
	}
	t.Logf("%d mutations from chance %d; the first check that failed: %v", mutations, chance, firsts)
	if mutations >= 1000 && len(firsts) < 9 {
		t.Error("the mutations do not get deep")
	}
}

// receipt returns a receipt of some entry of the log, mutated, and the entry that its source holds.
func (f *forge) receipt(l *testlog.Log) (data []byte, held string) {
	i, other := uint64(1+f.IntN(int(l.Size())-1)), uint64(1+f.IntN(int(l.Size())-1))
	for l.Entries[i] == nil {
		i--
	}
	r := l.Receipt(i, l.Size())
	e := l.Entries[i]
	if f.chance(10) && l.Entries[other] != nil {
		e = l.Entries[other]
	}
	held = e.Compact
	if e.Type.Sealed() {
		held = e.SDJWT()
	}
	if f.chance(70) {
		r.Proof += string(lines(l, f))
	}
	switch again := l.Receipt(other, l.Size()); f.IntN(8) {
	case 0:
		r.Leaf = again.Leaf
	case 1:
		r.TagSalt, r.Tag, r.VRFProof = again.TagSalt, again.Tag, again.VRFProof
	case 2:
		r.BodySalt = again.BodySalt
	case 3:
		r.Proof = again.Proof
	case 4:
		r.VRFProof = again.VRFProof
	}
	data = testlog.JSON(r)
	if f.chance(40) {
		tree := parseTree(data)
		mutateTree(f.Rand, tree, tree.clone())
		data = tree.bytes()
	}
	return data, held
}

// lines returns cosignatures of some.
func lines(l *testlog.Log, f *forge) (all []byte) {
	head := proof.Checkpoint{Origin: l.Origin, Size: l.Size(), Root: l.Root(l.Size())}
	for _, c := range f.w.everybody() {
		if f.chance(80) {
			all = fmt.Append(all, c.Line(head, testlog.Now+pick[int64](f, 0, 0, 0, 3901, -1)))
		}
	}
	return all
}
