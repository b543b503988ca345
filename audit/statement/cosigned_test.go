package statement_test

import (
	"errors"
	"testing"
	"time"

	"igledger/audit/statement"
	"igledger/internal/testdb"
	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// cosigned is a world whose policy asks for one witness.
type cosigned struct {
	*world
	witness *testlog.Cosigner
}

func newCosigned(t *testing.T, dsn string) *cosigned {
	c := &cosigned{witness: testlog.NewCosigner("witness.example/w")}
	c.world = newWorldWith(t, dsn, func(vkey string) []byte {
		return []byte("log " + vkey + "\nwitness w " + c.witness.VKey() + "\ngroup witnesses all w\nquorum witnesses\n")
	})
	return c
}

// cosign has the witness cosign the anchor.
func (c *cosigned) cosign() {
	c.Helper()
	signed, err := c.log.Anchor(c.Context())
	c.ok(err)
	v, err := wire.NewLogVerifier(c.log.VerifierKey())
	c.ok(err)
	head, err := proof.OpenCheckpoint(signed, v)
	c.ok(err)
	_, err = c.log.AddCosignatures(c.Context(), append(signed, c.witness.Line(head, c.clock.Unix())...))
	c.ok(err)
}

// report is what a reader finds whose policy is the log's.
func (c *cosigned) report(f *statement.Follower) *verifier.StatementReport {
	c.Helper()
	data, err := c.make(f, alice, nil).Marshal()
	c.ok(err)
	return verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: c.policy, ID: alice, Now: c.clock})
}

// at expects the tree at a root, and the quorum reached or not.
func (c *cosigned) at(f *statement.Follower, index uint64, witnessed bool) {
	c.Helper()
	r := c.report(f)
	if got := c.root(f).Index; got != index {
		c.Errorf("statements rest on the root at %d, want %d", got, index)
	}
	if r.Authentic != witnessed || (r.Err() == nil) != witnessed || len(r.Witnessed) == 1 != witnessed {
		c.Errorf("witnessed by %v, want %v: %v", r.Witnessed, witnessed, r.Err())
	}
}

// newest logs something, and a root over it once it is due, and returns the root's position.
func (c *cosigned) newest(f *statement.Follower) (at uint64) {
	c.Helper()
	before := len(c.roots())
	c.look(alice)
	c.pass()
	c.step(f)
	if n := len(c.roots()); n != before+1 {
		c.Fatalf("%d roots, want %d", n, before+1)
	}
	for i := range c.roots() {
		at = max(at, i)
	}
	return at
}

// Statements use the newest root that the quorum has cosigned above, and are made under the
// checkpoint that it cosigned, while younger roots wait.
func TestSettledRoots(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newCosigned(t, dsn)
		f := w.follow(w.log)
		w.look(alice, bob, alice)
		w.step(f)
		first := w.root(f).Index
		w.at(f, first, false) // the first root is taken as it is: there would be nothing to show
		w.cosign()
		w.at(f, first, true)
		w.look(alice) // the log goes on; statements stay under what was cosigned
		w.at(f, first, true)

		second := w.newest(f)
		third := w.newest(f)
		w.at(f, first, true)
		if s := f.Stats(); s.Covered <= s.Size {
			t.Errorf("%+v: the waiting root is not told", s)
		}
		another := w.follow(w.another()) // a process that starts meanwhile serves at once
		w.step(another)
		if w.root(another).Index <= third {
			t.Errorf("a new process rests on %+v", w.root(another))
		}
		w.cosign() // above the third
		w.step(f)
		if got := w.root(f).Index; got <= second {
			t.Errorf("after the quorum came: rests on %d", got)
		}
		w.at(f, w.root(f).Index, true)
		if n := len(w.report(f).Entries); n != 5 {
			t.Errorf("%d entries, want 5", n)
		}
	})
}

// Without quorum a root waits as long as it is told, then statements go on without; when the quorum
// is back they wait again.
func TestPatience(t *testing.T) {
	w := newCosigned(t, testdb.SQLite(t))
	f := w.follow(w.log)
	w.step(f)
	w.cosign()
	first := w.root(f).Index
	second := w.newest(f)
	w.at(f, first, true)
	w.clock = w.clock.Add(statement.DefaultPatience)
	w.step(f)
	w.at(f, first, true)
	w.clock = w.clock.Add(time.Nanosecond)
	w.step(f)
	w.at(f, second, false)
	third := w.newest(f) // no more waiting
	w.at(f, third, false)
	w.cosign()
	w.step(f)
	w.at(f, third, true)
	fourth := w.newest(f) // waiting again
	w.at(f, third, true)
	w.cosign()
	w.step(f)
	w.at(f, fourth, true)
}

// However long the quorum takes, no statement is further behind than the genesis allows.
func TestNoStatementBeyondTheLag(t *testing.T) {
	w := newCosigned(t, testdb.SQLite(t))
	f := w.follow(w.log)
	w.step(f) // a root that no one cosigns; the genesis allows 100 entries
	for range 40 {
		w.look(alice, bob, carol, bob, carol)
		w.step(f)
		r := w.report(f)
		for _, failure := range r.Failures {
			if failure.Check == verifier.CheckIndexLag {
				t.Fatal(failure)
			}
		}
	}
}

// A root of wrong making is met with the same alarm though it would have waited.
func TestWrongRootWhileWaiting(t *testing.T) {
	w := newCosigned(t, testdb.SQLite(t))
	f := w.follow(w.log)
	w.step(f)
	w.cosign()
	right := w.newest(f)
	w.add(w.keys.Operator, &entry.IndexRoot{Common: w.by("OPR"), Size: right + 1, Root: wire.Hash{1}})
	if err := f.Step(t.Context()); !errors.Is(err, statement.ErrDiffers) || !f.Stats().Broken {
		t.Fatalf("met with %v", err)
	}
	if _, err := f.Statement(t.Context(), alice, nil); !errors.Is(err, statement.ErrDiffers) {
		t.Errorf("a statement was made: %v", err)
	}
}

// Every statement shows the reads of everyone's data, without what may name others.
func TestReadsOfEverybody(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	mine := w.look(alice)
	body := w.access(entry.RegEveryone)
	body.Text = &entry.Text{Why: "yearly report", Query: "name=Nobody"}
	body.Staff = &entry.Staff{Name: "A. Nother"}
	bulk := []uint64{w.add(w.source, body)}
	bulk = append(bulk, w.look(entry.RegEveryone)...)
	f := w.followWhile(w.log)
	var newer []uint64
	w.meanwhile = func() { newer = w.look(entry.RegEveryone) }
	w.step(f)

	s := w.make(f, alice, nil)
	same(t, "hers", indices(s.Entries, true), mine)
	same(t, "everybody's", indices(s.Everyone.Entries, true), bulk)
	same(t, "newer", indices(s.Everyone.Newer, true), newer)
	r := w.check(s, alice)
	if len(r.Everyone) != 3 || r.Everyone[0].Entry.ShownSub() != entry.RegEveryone {
		t.Errorf("%+v", r.Everyone)
	}
	a := r.Everyone[0].Entry.Body.(*entry.Access)
	if a.Staff != nil || a.Text != nil {
		t.Error("a name or a search reaches everybody")
	}
	if a := r.Everyone[1].Entry.Body.(*entry.Access); a.Text == nil || a.Text.Why == "" || a.Seq != nil {
		t.Errorf("not the reason alone is shown: %+v", a)
	}

	s = w.make(f, entry.RegEveryone, nil)
	if s.Everyone != nil {
		t.Error("the register's own statement holds it twice")
	}
	if a := w.check(s, entry.RegEveryone).Entries[0].Entry.Body.(*entry.Access); a.Staff == nil || a.Text == nil {
		t.Error("who may see the register does not see what it says")
	}
}

// Reads of everyone's data are read once for all statements, which show them just the same, also
// those made later and those whose content was forgotten.
func TestEverybodyIsReadOnce(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.look(alice, bob)
	bulk := w.look(entry.RegEveryone, entry.RegEveryone, entry.RegEveryone)
	f := w.follow(w.log)
	w.step(f)
	shows := func(id string) {
		t.Helper()
		s := w.make(f, id, nil)
		same(t, "everybody's", indices(s.Everyone.Entries, true), bulk)
		w.check(s, id)
	}
	shows(alice)
	if read, kept := f.Everybody(); read != 3 || kept != 3 {
		t.Errorf("%d were read and %d kept", read, kept)
	}
	shows(bob)
	if read, _ := f.Everybody(); read != 3 {
		t.Errorf("%d were read for a second statement", read)
	}
	bulk = append(bulk, w.look(entry.RegEveryone)...)
	w.pass()
	w.step(f)
	f.ForgetEverybody()
	if _, kept := f.Everybody(); kept != 0 {
		t.Errorf("%d are kept", kept)
	}
	shows(bob)
	if read, kept := f.Everybody(); read != 4 || kept != 1 {
		t.Errorf("%d were read and %d kept", read, kept)
	}
}
