package verifier_test

import (
	"testing"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/proof"
	"igledger/verifier"
)

// anchorTamperings belong to the catalogue: ways to show an index root under a checkpoint that all
// cosigners signed, and that is not its own. Each would show less than the cosigners saw.
func anchorTamperings(w *world) []tampering {
	mine := func(l *testlog.Log) { l.AddSealed(w.Access("lothian", w.Second, w.me()), w.me()) }
	root := func(l *testlog.Log) uint64 { return l.AddIndexRoot() }
	newest := func(l *testlog.Log) string { return string(l.Cosigned(l.Size(), now.Unix(), w.everybody()...)) }
	// refreshed puts an old statement under the newest checkpoint, as anyone can who has the file and
	// reads tiles.
	refreshed := func(grow func(l *testlog.Log)) func(testing.TB) ([]byte, string) {
		return func(t testing.TB) ([]byte, string) {
			l := w.log()
			s := w.statement(l, w.indexed(l))
			grow(l)
			s.Checkpoint = newest(l)
			l.Prove(s)
			return w.finished(t, s), w.asked()
		}
	}
	claimed := func(claim func(l *testlog.Log) testlog.Claim) func(testing.TB) ([]byte, string) {
		return func(t testing.TB) ([]byte, string) {
			l := w.log()
			c := claim(l)
			c.ID, c.Cosigners, c.Size = w.me(), w.everybody(), l.Size()
			return w.finished(t, w.statement(l, c)), w.asked()
		}
	}
	return []tampering{
		{"an old statement under the newest checkpoint", refreshed(func(l *testlog.Log) { mine(l); root(l) }),
			verifier.CheckAnchor, true},
		{"an old statement under the newest checkpoint, though nothing came but an index root",
			refreshed(func(l *testlog.Log) { root(l) }), verifier.CheckAnchor, true},
		{"an old statement under a checkpoint that ends in no index root", refreshed(mine), verifier.CheckAnchor, true},
		{"an old statement, its newer entries added, under the newest checkpoint", func(t testing.TB) ([]byte, string) {
			l := w.log()
			c := w.indexed(l)
			mine(l)
			root(l)
			c.Size = l.Size() // the list of newer entries is as long as it can be
			return w.finished(t, w.statement(l, c)), w.asked()
		}, verifier.CheckAnchor, true},
		{"an index root older than every access", func(t testing.TB) ([]byte, string) {
			fresh := w.Fork(w.Accesses[0])
			c := testlog.Claim{IndexRoot: fresh.AddIndexRoot(), ID: w.me(), Cosigners: w.everybody()}
			for range 3 {
				mine(fresh)
			}
			root(fresh)
			c.Size = fresh.Size()
			s := w.statement(fresh, c)
			s.Newer = bundle.Entries{}
			for i := range s.Linked {
				s.Linked[i].Newer = bundle.Entries{}
			}
			if s.Everyone != nil {
				s.Everyone.Newer = bundle.Entries{}
			}
			fresh.Prove(s)
			return w.finished(t, s), w.asked()
		}, verifier.CheckAnchor, true},
		{"the older of two index roots at the end of one checkpoint", claimed(func(l *testlog.Log) testlog.Claim {
			c := testlog.Claim{IndexRoot: root(l)}
			root(l)
			return c
		}), verifier.CheckAnchor, true},
		{"an index root that is not the last of its batch", claimed(func(l *testlog.Log) testlog.Claim {
			c := testlog.Claim{IndexRoot: root(l)}
			l.AddRandom(1)
			return c
		}), verifier.CheckAnchor, true},
		{"a fork at the index root for this statement alone", func(t testing.TB) ([]byte, string) {
			l := w.log()
			c := w.indexed(l)
			c.Cosigners = nil
			s := w.statement(l, c)
			f := l.Fork(c.IndexRoot)
			mine(f)
			root(f)
			s.Checkpoint = string(f.SignCheckpoint(proof.Checkpoint{Origin: origin, Size: f.Size(), Root: f.Root(f.Size())}))
			f.Prove(s)
			return w.finished(t, s), w.asked()
		}, verifier.CheckWitnesses, false},
	}
}

// TestRefreshedStatement is the script of the first row: an old statement, the newest checkpoint
// with the cosignatures of now, and the hashes of public tiles. All else about it is as it should
// be.
func TestRefreshedStatement(t *testing.T) {
	w := newWorld(t)
	for _, c := range anchorTamperings(w)[:1] {
		data, id := c.make(t)
		r := verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: w.policy, ID: id, Now: now})
		if len(r.Failures) != 1 || !isFailure(r.Err(), verifier.CheckAnchor) || r.Complete || !r.AuditedEnough || r.Stale {
			t.Errorf("complete %v, audited %v, stale %v: %v", r.Complete, r.AuditedEnough, r.Stale, r.Failures)
		}
	}
	l := w.log()
	x := l.Extract(w.indexed(l), w.Accesses[0])
	l.AddIndexRoot()
	c := testlog.Claim{IndexRoot: x.IndexRoot.Index, Size: l.Size(), Cosigners: w.everybody()}
	r := verifier.CheckExtract(verifier.StatementEvidence{Statement: raw(t, l.Extract(c, w.Accesses[0])), Policy: w.policy, Now: now})
	if !isFailure(r.Err(), verifier.CheckAnchor) {
		t.Errorf("an extract: %v", r.Err())
	}
}
