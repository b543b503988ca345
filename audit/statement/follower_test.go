package statement_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"igledger/audit/statement"
	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

// fromScratch is the root of the index over the entries below size, made in the plainest way from
// what the log decrypts to.
func (w *world) fromScratch(size uint64) wire.Hash {
	w.Helper()
	states := map[wire.Hash]proof.State{}
	records, err := w.log.Feed(w.Context(), 0, size)
	w.ok(err)
	for _, r := range records {
		s, ok := states[r.K]
		if !ok {
			s.Head = r.Head0
		}
		states[r.K] = proof.State{Count: s.Count + 1, Head: proof.NextHead(s.Head, r.Index, r.LeafHash)}
	}
	return index.Build(func(yield func(index.Update) bool) {
		for k, s := range states {
			if !yield(index.Update{K: k, State: s}) {
				return
			}
		}
	}).Root()
}

// Every root in the log is that of the entries below it, whichever way it came about: from the
// histories at a start, from what came since, under load, after a kill.
func TestRoots(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.look(alice, bob, alice)
		f := w.follow(w.log)
		if _, err := f.Root(); !errors.Is(err, statement.ErrNotReady) {
			t.Fatalf("before the first step: %v", err)
		}
		w.step(f)
		if r := w.root(f); r.Size != 8 || r.Index != 8 {
			t.Fatalf("first root %+v, want one for the 8 entries of now", r)
		}
		w.step(f, f)
		if n := len(w.roots()); n != 1 {
			t.Fatalf("%d roots though nothing came", n)
		}
		w.look(carol)
		w.step(f)
		if n := len(w.roots()); n != 1 {
			t.Fatalf("%d roots before the interval is over", n)
		}
		w.pass()
		w.step(f)
		w.look(alice, alice, bob)
		w.pass()
		w.step(f)
		for range 50 { // half the lag of 100 that the genesis allows
			w.look(bob)
		}
		w.step(f)
		if n, r := len(w.roots()), w.root(f); n != 4 || r.Size != r.Index {
			t.Fatalf("%d roots, the last %+v: none was logged under load", n, r)
		}
		// Killed between an append and its root, and before that: another process goes on.
		w.look(alice, carol)
		f = w.follow(w.another())
		w.step(f)
		w.pass()
		w.look(alice)
		w.step(f)
		if n := len(w.roots()); n != 6 {
			t.Fatalf("%d roots after a restart, want 6", n)
		}
		for at, r := range w.roots() {
			if got := w.fromScratch(r.Size); got != r.Root {
				t.Errorf("the root at %d for %d entries is %x, but they make %x", at, r.Size, r.Root, got)
			}
		}
		got, err := statement.Recheck(t.Context(), w.log)
		w.ok(err)
		size, err := w.log.Size(t.Context())
		w.ok(err)
		if got.Roots != 6 || got.Size != size || got.Root != w.fromScratch(size) {
			t.Errorf("rechecked %+v", got)
		}
	})
}

// Of two processes that offer a root at the same time the log takes one, the other follows it, and
// both serve the same.
func TestReplicas(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		f, g := w.follow(w.log), w.follow(w.another())
		w.step(f, g)
		w.step(f)
		if w.root(f).Index != w.root(g).Index {
			t.Fatalf("one is at %d, the other at %d", w.root(f).Index, w.root(g).Index)
		}
		for range 4 {
			before := len(w.roots())
			w.look(alice, bob)
			w.pass()
			errs := make(chan error, 2)
			for _, x := range []*statement.Follower{f, g} {
				go func() { errs <- x.Step(t.Context()) }()
			}
			w.ok(errors.Join(<-errs, <-errs))
			w.step(f, g)
			if n := len(w.roots()) - before; n != 1 || w.root(f).Index != w.root(g).Index || w.root(f).Hash != w.root(g).Hash {
				t.Fatalf("%d new roots; one is at %+v, the other at %+v", n, w.root(f), w.root(g))
			}
		}
	})
}

// Every follower notices a root that does not match the entries, and serves nothing under it.
func TestWrongRoot(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	f := w.follow(w.log)
	w.step(f)
	for name, body := range map[string]entry.IndexRoot{
		"wrong":     {Size: w.root(f).Size + 1, Root: wire.Hash{1}},
		"backwards": {Size: w.root(f).Size - 1, Root: w.root(f).Hash},
	} {
		t.Run(name, func(t *testing.T) {
			f := w.follow(w.log)
			w.step(f)
			body.Common = w.by("OPR")
			if name == "wrong" { // beyond what f has
				body.Size = w.root(f).Size + 1
			}
			w.add(w.keys.Operator, &body)
			if err := f.Step(t.Context()); !errors.Is(err, statement.ErrDiffers) {
				t.Fatalf("met with %v", err)
			}
			if err := f.Step(t.Context()); !errors.Is(err, statement.ErrDiffers) || !f.Stats().Broken {
				t.Errorf("and forgotten: %v", err)
			}
			if _, err := f.Statement(t.Context(), alice, nil); !errors.Is(err, statement.ErrDiffers) {
				t.Errorf("a statement was made: %v", err)
			}
			if _, err := statement.Recheck(t.Context(), w.log); !errors.Is(err, statement.ErrDiffers) {
				t.Errorf("rechecked: %v", err)
			}
		})
	}
}

// Nobody but the operator states index roots, and not even the operator over entries that are still
// to come.
func TestRootsThatTheLogRefuses(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	size, err := w.log.Size(t.Context())
	w.ok(err)
	for name, c := range map[string]struct {
		by   *wire.Signer
		org  string
		size uint64
		code wire.Code
	}{
		"a source":          {w.source, "SRC", size, wire.WrongPurpose},
		"ahead of itself":   {w.keys.Operator, "OPR", size + 1, wire.BadIndexRoot},
		"another's name":    {w.source, "OPR", size, wire.WrongIssuer},
		"the registrar key": {w.registrar, "REG", size, wire.WrongPurpose},
	} {
		e, err := entry.Sign(c.by, &entry.IndexRoot{Common: w.by(c.org), Size: c.size, Root: wire.Hash{1}})
		w.ok(err)
		var refusal *wire.Error
		if r := w.log.Append(t.Context(), e)[0]; !errors.As(r.Err, &refusal) || refusal.Code != c.code {
			t.Errorf("%s: %v, want %s", name, r.Err, c.code)
		}
	}
	e, err := entry.Sign(w.keys.Operator, &entry.IndexRoot{Common: w.by("OPR"), Size: size, Root: w.fromScratch(size)})
	w.ok(err)
	w.ok(w.log.Append(t.Context(), e)[0].Err)
}

// While the published checkpoint lags behind the log, as when witnesses are slow, the index and
// statements keep to what is published.
func TestPublishedCheckpoint(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	published, err := w.log.Checkpoint(t.Context())
	w.ok(err)
	f, err := statement.New(statement.Config{Log: w.log, Checkpoint: func(context.Context) ([]byte, error) { return published, nil }})
	w.ok(err)
	w.look(alice)
	w.step(f)
	if _, err := f.Statement(t.Context(), alice, nil); !errors.Is(err, statement.ErrNotReady) {
		t.Fatalf("a statement under a checkpoint that does not hold its index root: %v", err)
	}
	published, err = w.log.Checkpoint(t.Context())
	w.ok(err)
	later := w.look(alice)
	w.step(f)
	s := w.make(f, alice, nil)
	w.check(s, alice)
	if slices.ContainsFunc(append(s.Entries, s.Newer...), func(e bundle.Entry) bool { return e.Index == later[0] }) {
		t.Error("an entry above the published checkpoint is shown")
	}
}

// An operator's key that is registered while the process runs signs from the first root on that
// covers its registration, and statements on that root show whose it is.
func TestNewOperatorKey(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.look(alice)
	next, err := wire.GenerateSigner(wire.EdDSA)
	w.ok(err)
	keys := *w.keys
	keys.Operator, w.keys = next, &keys
	f := w.follow(w.another())
	if err := f.Step(t.Context()); !errors.Is(err, wire.UnknownKey) {
		t.Fatalf("a root by an unknown key: %v", err)
	}
	pub := entry.PublicKey{JWK: next.Public, Purposes: []entry.Purpose{entry.PurposeSubmit}}
	w.add(w.registrar, &entry.Key{Common: w.by("REG"), Org: "OPR", Key: pub, Proof: w.prove(next, "OPR"), Counter: w.counter(entry.Countersignature{Org: "OPR", Key: &pub})})
	w.step(f)
	w.check(w.make(f, alice, nil), alice)
	size, err := w.log.Size(t.Context())
	w.ok(err)
	e, err := entry.Sign(next, &entry.IndexRoot{Common: w.by("OPR"), Size: size - 2, Root: wire.Hash{1}}) // below its registration
	w.ok(err)
	if r := w.log.Append(t.Context(), e)[0]; !errors.Is(r.Err, wire.BadIndexRoot) {
		t.Errorf("a root below the registration of its key: %v", r.Err)
	}
}

// What the append lost its answer for is offered again, the same, and is in the log once.
func TestLostAnswer(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	log := w.another()
	f := w.follow(log)
	w.step(f)
	w.look(alice)
	w.pass()
	w.ok(log.Close(t.Context()))
	if err := f.Step(t.Context()); !errors.Is(err, ledger.ErrClosed) {
		t.Fatalf("stepping a log that takes nothing: %v", err)
	}
	g := w.follow(w.log)
	w.step(g)
	w.pass()
	w.step(f) // meets the other's root and lets go of its own
	if w.root(f).Index != w.root(g).Index || len(w.roots()) != 2 {
		t.Errorf("one at %d, the other at %d, %d roots", w.root(f).Index, w.root(g).Index, len(w.roots()))
	}
}
