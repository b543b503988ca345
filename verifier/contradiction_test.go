package verifier_test

import (
	"bytes"
	"strings"
	"testing"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// lying is a log whose operator states an index root without one of my two accesses, and the
// statement it makes of it.
func lying(w *world, newer bool) (*testlog.Log, *bundle.Statement) {
	l := w.log()
	m := l.Size()
	histories := l.Histories(m)
	tag, _ := l.VRF.Tag(origin, w.me())
	at := w.Accesses[3]
	histories[proof.TagKey(tag)] = &testlog.History{Indices: []uint64{at}, Head: proof.NextHead(proof.TagHead0(tag), at, proof.LeafHash(l.Leaves[at]))}
	c := testlog.Claim{ID: w.me(), IndexRoot: l.AddIndexRootOf(m, testlog.IndexOf(histories).Root(), l.Operator), Histories: histories, Omit: map[uint64]bool{w.Accesses[0]: true}}
	if newer {
		l.AddSealed(w.Access("lothian", w.Second, w.me()), w.me())
	}
	l.AddRandom(2)
	return l, w.statement(l, c)
}

func TestContradictionConvicts(t *testing.T) {
	person, everybody := newWorld(t), newWorldOf(t, testlog.NewSampleAbout(testlog.New(origin), entry.RegEveryone, "nhs:9434765919", "temp:lothian:A-17"))
	for name, c := range map[string]struct {
		w     *world
		newer bool
	}{"plain": {person, false}, "with newer entries": {person, true}, "a read of everyone's data": {everybody, true}, "under a linked number": {newLinkedWorld(t), true}} {
		w := c.w
		alone, _ := verifier.PolicyForLog(w.Key)
		_, s := lying(w, c.newer)
		own := s.Own()
		receipt := testlog.JSON(w.Receipt(w.Accesses[0], w.Size()))
		found, rep := verifier.CheckContradiction(receipt, w.finished(t, s), alone)
		if !isFailure(rep.Err(), verifier.CheckContradicted) || len(rep.Failures) != 1 || found == nil || found.Index != w.Accesses[0] {
			t.Fatalf("%s: %v", name, rep.Err())
		}
		// A third party has the evidence and the log's key, nothing else.
		again, rep := verifier.CheckContradiction(found.Receipt, found.Statement, alone)
		if !isFailure(rep.Err(), verifier.CheckContradicted) || again == nil {
			t.Fatalf("%s: in a third party's hands: %v", name, rep.Err())
		}
		if !bytes.Equal(again.Receipt, found.Receipt) || !bytes.Equal(again.Statement, found.Statement) {
			t.Errorf("%s: evidence of evidence is another", name)
		}
		proof := wire.Encode64(own.VRFProof)
		for _, secret := range []string{own.Entries[0].JWS, proof, wire.Encode64(own.Entries[0].BodySalt[:]), `"jws"`, `"disclosures"`, `"bodySalt"`} {
			if bytes.Contains(found.Statement, []byte(secret)) || bytes.Contains(found.Receipt, []byte(secret)) {
				t.Errorf("%s: the evidence shows %.20s", name, secret)
			}
		}
	}
}

// TestContradictionByAnotherLeaf: the statement has an entry at the receipt's index, but another:
// the operator signed two logs.
func TestContradictionByAnotherLeaf(t *testing.T) {
	w := newWorld(t)
	alone, _ := verifier.PolicyForLog(w.Key)
	fork := w.Fork(w.Accesses[0])
	fork.AddSealed(w.Access("lothian", w.Source, w.me()), w.me())
	receipt := testlog.JSON(w.Receipt(w.Accesses[0], w.Size()))
	found, rep := verifier.CheckContradiction(receipt, testlog.StatementJSON(fork.Statement(w.indexed(fork))), alone)
	if !isFailure(rep.Err(), verifier.CheckContradicted) || found == nil {
		t.Errorf("%v", rep.Err())
	}
}

// TestContradictionBySameLeafElsewhere: the operator logged my leaf again, and the index has that
// one in place of the first. The receipt is of the first.
func TestContradictionBySameLeafElsewhere(t *testing.T) {
	w := newWorld(t)
	alone, _ := verifier.PolicyForLog(w.Key)
	l := w.log()
	first, last := w.Accesses[0], w.Accesses[3]
	o := *l.Openings[first]
	o.Index = l.AddRaw(l.Leaves[first])
	l.Entries[o.Index], l.Openings[o.Index] = l.Entries[first], &o
	histories := l.Histories(l.Size())
	h := &testlog.History{Indices: []uint64{last, o.Index}, Head: proof.TagHead0(o.Tag)}
	for _, i := range h.Indices {
		h.Head = proof.NextHead(h.Head, i, proof.LeafHash(l.Leaves[i]))
	}
	histories[proof.TagKey(o.Tag)] = h
	c := testlog.Claim{ID: w.me(), IndexRoot: l.AddIndexRootOf(l.Size(), testlog.IndexOf(histories).Root(), l.Operator),
		Histories: histories, Omit: map[uint64]bool{first: true}}
	receipt := testlog.JSON(l.Receipt(first, l.Size()))
	found, rep := verifier.CheckContradiction(receipt, testlog.StatementJSON(l.Statement(c)), alone)
	if !isFailure(rep.Err(), verifier.CheckContradicted) || found == nil {
		t.Errorf("%v", rep.Err())
	}
}

// TestContradictionConvictsNobodyInnocent: whatever a source, a citizen or anybody in between
// shows, an honest operator is not convicted.
func TestContradictionConvictsNobodyInnocent(t *testing.T) {
	w := newWorld(t)
	alone, _ := verifier.PolicyForLog(w.Key)
	l := w.log()
	mine := func() uint64 { return l.AddSealed(w.Access("lothian", w.Second, w.me()), w.me()) }
	var atM uint64
	c := w.indexedWhile(l, func() { atM = mine() })
	newer := mine()
	honest := l.Statement(c)
	c.Period = &bundle.Period{From: 8, To: 9}
	period := l.Statement(c)
	c.Period, c.ID = nil, w.IDs[1]
	other := l.Statement(c)
	c.ID = "chi:0202021238"
	absent := l.Statement(c)
	receipt := func() *bundle.Receipt { return w.Receipt(w.Accesses[0], w.Size()) }

	stripped := *honest
	stripped.Entries, stripped.Subject.Count = honest.Entries[1:], 1
	l.Prove(&stripped)
	retagged := receipt() // a receipt about another, dressed as mine
	*retagged = *w.Receipt(w.Accesses[1], w.Size())
	tag, _ := w.VRF.Tag(origin, w.me())
	retagged.Tag = &tag
	dressed := w.Receipt(1, w.Size()) // a public entry, dressed as mine
	dressed.Tag, dressed.TagSalt = &tag, &wire.Hash{}
	moved := receipt()
	moved.Proof = strings.Replace(moved.Proof, "index 3", "index 4", 1)
	foreign := testlog.NewSample(origin)
	salted := receipt()
	salted.TagSalt = &wire.Hash{1}

	unlogged := *honest // my access taken out by somebody who makes an index of his own, which no log holds
	fake := l.Fork(l.Size())
	h := fake.Histories(11)
	delete(h, proof.TagKey(tag))
	fake.AddIndexRootOf(11, testlog.IndexOf(h).Root(), w.Operator)
	unlogged.IndexRoot = bundle.Leaf{Index: c.IndexRoot, Leaf: fake.Leaves[l.Size()]}
	unlogged.Entries, unlogged.Subject.Count, unlogged.Subject.Proof = bundle.Entries{}, 0, testlog.IndexOf(h).Prove(proof.TagKey(tag))
	l.Prove(&unlogged)

	for name, c := range map[string]struct {
		receipt   *bundle.Receipt
		statement *bundle.Statement
		check     verifier.Check  // "" = no failure
		status    verifier.Status // of the last check then
	}{
		"the statement has it":                      {receipt(), honest, "", verifier.OK},
		"the statement hides it outside its period": {receipt(), period, "", verifier.OK},
		"another person's statement":                {receipt(), other, "", verifier.Skipped},
		"a statement of somebody without accesses":  {receipt(), absent, "", verifier.Skipped},
		"an entry newer than the index":             {l.Receipt(newer, l.Size()), honest, "", verifier.Skipped},
		"the first entry that the index lacks":      {l.Receipt(atM, l.Size()), honest, "", verifier.OK},
		"a statement that somebody stripped":        {receipt(), &stripped, verifier.CheckHistory, ""},
		"a statement with an index root of its own": {receipt(), &unlogged, verifier.CheckInclusion, ""},
		"a receipt with another's leaf":             {retagged, honest, verifier.CheckTagCommitment, ""},
		"a receipt with another salt":               {salted, honest, verifier.CheckTagCommitment, ""},
		"a receipt moved to another place":          {moved, honest, verifier.CheckInclusion, ""},
		"a receipt of another log":                  {foreign.Receipt(foreign.Accesses[0], foreign.Size()), honest, verifier.CheckCheckpointSignature, ""},
		"a receipt of a public entry":               {w.Receipt(1, w.Size()), honest, verifier.CheckReceiptForm, ""},
		"a receipt of a public entry with a tag":    {dressed, honest, verifier.CheckReceiptForm, ""},
	} {
		found, rep := verifier.CheckContradiction(testlog.JSON(c.receipt), testlog.StatementJSON(c.statement), alone)
		if found != nil {
			t.Errorf("%s: convicts", name)
		}
		if c.check != "" {
			if !isFailure(rep.Err(), c.check) {
				t.Errorf("%s: %v, want %s", name, rep.Err(), c.check)
			}
			continue
		}
		last := rep.Results[len(rep.Results)-1]
		if rep.Err() != nil || last.Check != verifier.CheckContradicted || last.Status != c.status {
			t.Errorf("%s: %v, %+v", name, rep.Err(), last)
		}
	}
}

// TestFlippedEvidenceConvictsNobody flips bytes of evidence: what is altered is no evidence any
// more, or still the same.
func TestFlippedEvidenceConvictsNobody(t *testing.T) {
	w := newWorld(t)
	alone, _ := verifier.PolicyForLog(w.Key)
	l := w.log()
	statement := testlog.StatementJSON(l.Statement(w.indexed(l)))
	receipt := testlog.JSON(w.Receipt(w.Accesses[0], w.Size()))
	innocent := func(r, s []byte, part string, pos int) {
		if found, _ := verifier.CheckContradiction(r, s, alone); found != nil {
			t.Errorf("byte %d of the %s: an honest operator is convicted", pos, part)
		}
	}
	every := 10 / under(10)
	for i, pos := range telling(receipt) {
		if i%every == 0 {
			innocent(flipped(receipt, pos), statement, "receipt", pos)
		}
	}
	for i, pos := range telling(statement) {
		if i%every == 0 {
			innocent(receipt, flipped(statement, pos), "statement", pos)
		}
	}
}

func TestExtracts(t *testing.T) {
	w := newWorld(t)
	make := func(l *testlog.Log) *bundle.Extract { return l.Extract(w.indexed(l), w.Accesses[0], w.Accesses[4]) }
	check := func(x *bundle.Extract, id string) *verifier.StatementReport {
		return verifier.CheckExtract(verifier.StatementEvidence{Statement: raw(t, x), Policy: w.policy, ID: id, Now: now})
	}
	if r := check(make(w.log()), ""); r.Err() != nil || !r.Authentic || r.Complete || len(r.Entries) != 2 {
		t.Fatalf("%v, %+v", r.Err(), r.Lines)
	}
	for name, c := range map[string]struct {
		change func(l *testlog.Log, x *bundle.Extract)
		id     string
		check  verifier.Check
	}{
		"about whom it is asked": {func(*testlog.Log, *bundle.Extract) {}, w.me(), verifier.CheckSubject}, // the second is about another
		"another link":           {func(l *testlog.Log, x *bundle.Extract) { x.Entries[0].TagCommit[0] ^= 1 }, "", verifier.CheckInclusion},
		"another salt":           {func(l *testlog.Log, x *bundle.Extract) { x.Entries[0].BodySalt[0] ^= 1 }, "", verifier.CheckInclusion},
		"another content":        {func(l *testlog.Log, x *bundle.Extract) { x.Entries[0].JWS = x.Entries[1].JWS }, "", verifier.CheckInclusion},
		"another reason": {func(l *testlog.Log, x *bundle.Extract) {
			x.Entries[0].Disclosures = altered(x.Entries[0].Disclosures, "text")
		}, "", verifier.CheckDisclosures},
		"another place":             {func(l *testlog.Log, x *bundle.Extract) { x.Entries[0].Index++ }, "", verifier.CheckInclusion},
		"a hidden revocation":       {func(l *testlog.Log, x *bundle.Extract) { x.Chains = without(x.Chains, "key:"+w.Source.KID) }, "", verifier.CheckInclusion},
		"no cosignatures":           {func(l *testlog.Log, x *bundle.Extract) { x.Checkpoint = string(l.Checkpoint(l.Size())) }, "", verifier.CheckWitnesses},
		"passed off as a statement": {func(l *testlog.Log, x *bundle.Extract) { x.Format = bundle.FormatStatement }, "", verifier.CheckStatementForm},
	} {
		l := w.log()
		x := make(l)
		c.change(l, x)
		if r := check(x, c.id); !isFailure(r.Err(), c.check) || r.Complete || r.Authentic {
			t.Errorf("%s: %v, want %s", name, r.Err(), c.check)
		}
	}
}
