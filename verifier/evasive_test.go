package verifier_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/verifier"
)

// cosignedReceipt is the receipt of leaf index under the checkpoint of size, which everybody
// cosigned at a time (0: nobody).
func (w *world) cosignedReceipt(l *testlog.Log, index, size uint64, at int64) *bundle.Receipt {
	r := l.Receipt(index, size)
	if at != 0 {
		r.Proof = strings.Replace(r.Proof, string(l.Checkpoint(size)), string(l.Cosigned(size, at, w.everybody()...)), 1)
	}
	return r
}

// TestEvasive: a statement that is younger than a receipt and does not show its entry is called
// evasive, and convicts no one. One that need not have it is not.
func TestEvasive(t *testing.T) {
	const hour = 3600
	person, everybody := newWorld(t), newWorldOf(
		t, testlog.NewSampleAbout(testlog.New(origin), entry.RegEveryone, "nhs:9434765919", "temp:lothian:A-17"),
	)
	for world, w := range map[string]*world{
		"": person, "a read of everyone's data, ": everybody, "under a linked number, ": newLinkedWorld(t),
	} {
		mine := func(l *testlog.Log) uint64 { return l.AddSealed(w.Access("lothian", w.Second, w.me()), w.me()) }
		// stripped takes the newer entries out of a statement, as an operator or anyone else can.
		stripped := func(l *testlog.Log, s *bundle.Statement) *bundle.Statement {
			s.Newer = bundle.Entries{}
			if s.Everyone != nil {
				s.Everyone.Newer = bundle.Entries{}
			}
			l.Prove(s)
			return s
		}
		// frozen is a statement on an anchor from before my access, cosigned at a time.
		frozen := func(l *testlog.Log, at int64) (*bundle.Statement, uint64) {
			c := w.indexed(l)
			c.CosignedAt = at
			i := mine(l)
			l.AddIndexRoot()
			return w.statement(l, c), i
		}
		for name, c := range map[string]struct {
			make   func(l *testlog.Log) (*bundle.Statement, *bundle.Receipt)
			status verifier.Status // of the last check; "failed": evasive
		}{
			"newer than the index, and not shown": {func(l *testlog.Log) (*bundle.Statement, *bundle.Receipt) {
				var i uint64
				s := stripped(l, w.statement(l, w.indexedWhile(l, func() { i = mine(l) })))
				return s, l.Receipt(i, i+1)
			}, verifier.Failed},
			"newer than the index, and shown": {func(l *testlog.Log) (*bundle.Statement, *bundle.Receipt) {
				var i uint64
				s := w.statement(l, w.indexedWhile(l, func() { i = mine(l) }))
				return s, l.Receipt(i, i+1)
			}, verifier.OK},
			"newer than the index, and outside the period": {func(l *testlog.Log) (*bundle.Statement, *bundle.Receipt) {
				var i uint64
				c := w.indexedWhile(l, func() { i = mine(l) })
				c.Period = &bundle.Period{From: 8, To: i}
				return w.statement(l, c), l.Receipt(i, i+1)
			}, verifier.Skipped},
			"an anchor from before it, dated an hour after": {func(l *testlog.Log) (*bundle.Statement, *bundle.Receipt) {
				s, i := frozen(l, testlog.Now+2*hour)
				return s, w.cosignedReceipt(l, i, l.Size(), testlog.Now+hour)
			}, verifier.Failed},
			"an anchor from before it, dated before": {func(l *testlog.Log) (*bundle.Statement, *bundle.Receipt) {
				s, i := frozen(l, testlog.Now+hour)
				return s, w.cosignedReceipt(l, i, l.Size(), testlog.Now+2*hour)
			}, verifier.Skipped},
			"an anchor from before it, by clocks that differ": {func(l *testlog.Log) (*bundle.Statement, *bundle.Receipt) {
				s, i := frozen(l, testlog.Now+hour+60)
				return s, w.cosignedReceipt(l, i, l.Size(), testlog.Now+hour)
			}, verifier.Skipped},
			"an anchor from before it, and a receipt that no one dated": {func(l *testlog.Log) (*bundle.Statement, *bundle.Receipt) {
				s, i := frozen(l, testlog.Now+2*hour)
				return s, l.Receipt(i, l.Size())
			}, verifier.Skipped},
		} {
			l := w.log()
			s, r := c.make(l)
			receipt, data := testlog.JSON(r), w.finished(t, s)
			found, rep := verifier.CheckContradiction(receipt, data, w.policy)
			last := rep.Results[len(rep.Results)-1]
			if last.Status != c.status || (found != nil) != (c.status == verifier.Failed) || (rep.Err() != nil) != (found != nil) {
				t.Errorf("%s%s: %v, %+v", world, name, rep.Err(), last)
				continue
			}
			if found == nil {
				continue
			}
			if !isFailure(rep.Err(), verifier.CheckEvasive) || len(rep.Failures) != 1 || !found.Evasive {
				t.Errorf("%s%s: %v", world, name, rep.Failures)
			}
			again, rep := verifier.CheckContradiction(found.Receipt, found.Statement, w.policy)
			if !isFailure(rep.Err(), verifier.CheckEvasive) || again == nil || !again.Evasive || !bytes.Equal(again.Statement, found.Statement) {
				t.Errorf("%s%s: in a third party's hands: %v", world, name, rep.Err())
			}
			if bytes.Contains(found.Statement, []byte(`"jws"`)) {
				t.Errorf("%s%s: the evidence shows content", world, name)
			}
			// The next anchor covers the entry, and the question is answered.
			next := w.indexed(l)
			if found, rep := verifier.CheckContradiction(receipt, w.finished(t, w.statement(l, next)), w.policy); found != nil || rep.Err() != nil {
				t.Errorf("%s%s: then: %v", world, name, rep.Err())
			}
		}
	}

	// An old statement put under the newest checkpoint proves nothing, and so evades nothing.
	l := person.log()
	s := person.statement(l, person.indexed(l))
	i := l.AddSealed(person.Access("lothian", person.Second, person.me()), person.me())
	l.AddIndexRoot()
	s.Checkpoint = string(l.Cosigned(l.Size(), 0, person.everybody()...))
	l.Prove(s)
	if found, rep := verifier.CheckContradiction(testlog.JSON(l.Receipt(i, l.Size())), raw(t, s), person.policy); found != nil ||
		!isFailure(rep.Err(), verifier.CheckAnchor) {
		t.Errorf("a refreshed one: %v", rep.Err())
	}
}

// A cosigner whose clock is ahead makes no statement younger than a receipt.
func TestEvasiveInTheFuture(t *testing.T) {
	const hour = 3600
	w := newWorld(t)
	l := w.log()
	c := w.indexed(l)
	c.CosignedAt = testlog.Now + 2*hour
	i := l.AddSealed(w.Access("lothian", w.Second, w.me()), w.me())
	l.AddIndexRoot()
	statement := raw(t, w.statement(l, c))
	receipt := testlog.JSON(w.cosignedReceipt(l, i, l.Size(), testlog.Now+hour))
	for clock, evades := range map[int64]bool{
		0: true, testlog.Now + 2*hour: true, testlog.Now + hour + 600: false, testlog.Now - 1000*hour: false,
	} {
		now := time.Time{}
		if clock != 0 {
			now = time.Unix(clock, 0)
		}
		_, rep := verifier.CheckContradictionAt(receipt, statement, w.policy, now)
		if got := isFailure(rep.Err(), verifier.CheckEvasive); got != evades {
			t.Errorf("at %d: evasive %v: %v", clock, got, rep.Err())
		}
	}
}
