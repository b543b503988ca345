package statement_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"igledger/audit/statement"
	"igledger/internal/testdb"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

func (w *world) make(f *statement.Follower, id string, days *bundle.Days) *bundle.Statement {
	w.Helper()
	data := w.write(f, id, days)
	s, err := bundle.ParseStatement(data)
	w.ok(err)
	if again, err := s.Marshal(); err != nil || !bytes.Equal(again, data) {
		w.Fatalf("what is written piece by piece is not what Marshal writes: %v", err)
	}
	return s
}

// write returns the statement as JSON.
func (w *world) write(f *statement.Follower, id string, days *bundle.Days) []byte {
	w.Helper()
	s, err := f.Statement(w.Context(), id, days)
	w.ok(err)
	defer s.Close()
	var b bytes.Buffer
	w.ok(s.Write(w.Context(), &b))
	return b.Bytes()
}

func indices(list bundle.Entries, opened bool) (at []uint64) {
	for _, e := range list {
		if e.Opened() == opened {
			at = append(at, e.Index)
		}
	}
	return at
}

func same(t *testing.T, what string, got, want []uint64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
}

// A statement verifies, lists every access and no other person's, keeps apart what the proof does
// not cover yet, and is nobody else's.
func TestStatement(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		mine := w.look(alice, alice)
		w.look(bob)
		w.add(w.admin, &entry.KeyRevocation{Common: w.by("SRC"), Org: "SRC", KID: w.sourceSpare.KID, Reason: "retired"})
		mine = append(mine, w.look(alice)...)
		f := w.followWhile(w.log)
		var newer []uint64
		w.meanwhile = func() {
			newer = w.look(alice)
			w.look(bob)
		}
		w.step(f)
		w.look(alice, bob) // above the anchor: no part of the statement
		s := w.make(f, alice, nil)
		same(t, "covered", indices(s.Entries, true), mine)
		same(t, "newer", indices(s.Newer, true), newer)
		r := w.check(s, alice)
		if r.Below != w.root(f).Size || len(r.Entries) != 4 {
			t.Errorf("complete below %d with %d entries", r.Below, len(r.Entries))
		}
		if data, _ := s.Marshal(); bytes.Contains(data, []byte(alice)) || bytes.Contains(data, []byte(alice[4:])) {
			t.Error("the id is in the statement")
		}
		policy, err := verifier.PolicyForLog(w.log.VerifierKey())
		w.ok(err)
		data, err := s.Marshal()
		w.ok(err)
		if verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: policy, ID: bob}).Err() == nil {
			t.Error("it passes for another person's")
		}
		// One root later all of it is covered.
		w.pass()
		w.step(f)
		s = w.make(f, alice, nil)
		same(t, "covered later", indices(s.Entries, true), append(mine, newer[0], newer[0]+3))
		same(t, "newer later", indices(s.Newer, true), nil)
		w.check(s, alice)
	})
}

// If no one looked at a record, that is proved, both before and after someone has.
func TestNobodyLooked(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.look(alice)
	f := w.followWhile(w.log)
	w.step(f)
	s := w.make(f, carol, nil)
	if s.Subject.Count != 0 || len(s.Entries)+len(s.Newer) != 0 {
		t.Fatalf("%d entries", s.Subject.Count)
	}
	w.check(s, carol)
	w.look(alice)
	w.pass()
	var at []uint64
	w.meanwhile = func() { at = w.look(carol) }
	w.step(f)
	s = w.make(f, carol, nil)
	same(t, "newer", indices(s.Newer, true), at)
	w.check(s, carol)
	// Left out, nothing would be missed: it is above what the proof covers, and says so.
	if !strings.Contains(strings.Join(s.Text, "\n"), "1 entry that came later") {
		t.Errorf("text does not say that there is one more: %q", s.Text)
	}
	if _, err := f.Statement(t.Context(), "chi:12", nil); err == nil {
		t.Error("a statement for what is no id")
	}
}

// An extract holds the chosen entries and neither the tag nor anybody else's.
func TestExtract(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	mine := w.look(alice, alice, alice)
	others := w.look(bob)
	f := w.follow(w.log)
	w.step(f)
	x, done, err := f.Extract(t.Context(), alice, []uint64{mine[2], mine[0], mine[0]})
	w.ok(err)
	defer done()
	if len(x.Entries) != 2 || x.Entries[0].Index != mine[0] || x.Entries[1].Index != mine[2] {
		t.Fatalf("%d entries", len(x.Entries))
	}
	data, err := x.Marshal()
	w.ok(err)
	policy, err := verifier.PolicyForLog(w.log.VerifierKey())
	w.ok(err)
	w.ok(verifier.CheckExtract(verifier.StatementEvidence{Statement: data, Policy: policy, ID: alice}).Err())
	tag, _, err := w.log.Tag(alice)
	w.ok(err)
	if bytes.Contains(data, []byte(wire.Encode64(tag[:]))) {
		t.Error("the tag is in the extract")
	}
	if _, _, err := f.Extract(t.Context(), alice, others); !errors.Is(err, statement.ErrNotFound) {
		t.Errorf("an extract of another person's entry: %v", err)
	}
}

// While roots are logged and entries appended, every statement is of one moment.
func TestStatementsWhileTheLogGrows(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.look(alice)
		f := w.follow(w.log)
		w.step(f)
		done := make(chan error)
		go func() {
			for range 20 {
				e, err := entry.Sign(w.source, w.access(alice))
				if err == nil {
					err = w.log.Append(t.Context(), e)[0].Err
				}
				if err == nil {
					err = f.Flush(t.Context())
				}
				if err != nil {
					done <- err
					return
				}
			}
			close(done)
		}()
		seen := 0
		for {
			s := w.make(f, alice, nil)
			if r := w.check(s, alice); len(r.Entries) < seen {
				t.Fatalf("%d entries after %d", len(r.Entries), seen)
			} else {
				seen = len(r.Entries)
			}
			select {
			case err := <-done:
				w.ok(err)
				if got := len(w.make(f, alice, nil).Entries); got != 21 {
					t.Errorf("%d entries are covered in the end, want 21", got)
				}
				return
			default:
			}
		}
	})
}

// A statement shows what is on record under every number that is linked with its own, proved as its
// own entries are, and no further.
func TestLinkedIDs(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		mine, theirs := w.look(alice), w.look(carol, carol)
		w.look(bob)
		forth := w.link("linked", alice, carol)
		f := w.followWhile(w.log)
		w.step(f)
		s := w.make(f, alice, nil)
		if len(s.Linked) != 1 || s.Linked[0].ID != carol {
			t.Fatalf("%d linked histories", len(s.Linked))
		}
		same(t, "own", indices(s.Entries, true), append(mine, forth))
		same(t, "linked", indices(s.Linked[0].Entries, true), theirs)
		if r := w.check(s, alice); len(r.Linked) != 1 || !r.Linked[0].OneSided || r.Linked[0].Link != forth {
			t.Errorf("linked: %+v", r.Linked)
		}
		if s := w.make(f, carol, nil); len(s.Linked) != 0 {
			t.Error("a link stated once is followed backwards")
		}

		// Both ways, and further on to bob, which is not followed.
		var back uint64
		w.look(bob)
		w.pass()
		w.meanwhile = func() {
			back = w.link("linked", carol, alice)
			w.link("linked", carol, bob)
		}
		w.step(f)
		s = w.make(f, carol, nil)
		if len(s.Linked) != 0 || len(s.Newer) != 2 {
			t.Errorf("links that the index does not cover yet: %d linked, %d newer", len(s.Linked), len(s.Newer))
		}
		w.check(s, carol)
		w.pass()
		w.step(f)
		r := w.check(w.make(f, alice, nil), alice)
		if len(r.Linked) != 1 || r.Linked[0].OneSided {
			t.Errorf("linked both ways: %+v", r.Linked)
		}
		r = w.check(w.make(f, carol, nil), carol)
		if len(r.Linked) != 2 || r.Linked[0].ID != alice || r.Linked[0].Link != back || r.Linked[0].OneSided || r.Linked[1].ID != bob || !r.Linked[1].OneSided {
			t.Errorf("linked with two: %+v", r.Linked)
		}

		// Undone, it is as before, and the history says that it was.
		w.link("unlinked", alice, carol)
		w.pass()
		w.step(f)
		if r := w.check(w.make(f, alice, nil), alice); len(r.Linked) != 0 || len(r.Entries) != 3 {
			t.Errorf("unlinked: %d linked, %d entries", len(r.Linked), len(r.Entries))
		}
	})
}

// What would show anybody's history to anybody is not taken.
func TestLinksThatTheLogRefuses(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	for name, c := range map[string]struct {
		by         *wire.Signer
		sub, other string
		code       wire.Code
	}{
		"two numbers of others": {w.source, alice, bob, wire.WrongPurpose},
		"another's number":      {w.source, alice, "temp:SRC2:1", wire.WrongPurpose},
		"a key for accesses":    {w.sourceSpare, alice, carol, wire.WrongPurpose},
	} {
		e, err := entry.Sign(c.by, &entry.Link{Common: w.by("SRC"), Act: "linked", Reason: "one person", Sub: c.sub, Other: c.other})
		w.ok(err)
		if r := w.log.Append(t.Context(), e)[0]; !errors.Is(r.Err, c.code) {
			t.Errorf("%s: %v", name, r.Err)
		}
	}
	e, err := entry.Sign(w.source, &entry.Link{Common: w.by("SRC"), Act: "linked", Reason: "one person", Sub: alice, Other: carol})
	w.ok(err)
	bare, err := entry.Parse(e.Compact)
	w.ok(err)
	if r := w.log.Append(t.Context(), bare)[0]; !errors.Is(r.Err, wire.BadDisclosure) {
		t.Errorf("without its ids: %v", r.Err)
	}
}

// A link that an index root covers while the histories are being read is followed, as the root that
// the statement then rests on asks for; one that ended meanwhile is not.
func TestLinkWhileAStatementIsMade(t *testing.T) {
	for _, act := range entry.LinkActs {
		t.Run(act, func(t *testing.T) {
			w := newWorld(t, testdb.SQLite(t))
			w.look(alice, carol)
			if act == "unlinked" {
				w.link("linked", alice, carol)
			}
			f := w.follow(w.log)
			w.step(f)
			got, err := f.LinkedWhile(t.Context(), alice, func() {
				w.link(act, alice, carol)
				w.pass()
				w.step(f)
			})
			w.ok(err)
			if want := map[string]int{"linked": 1, "unlinked": 0}[act]; len(got) != want {
				t.Errorf("%d linked, want %d", len(got), want)
			}
		})
	}
}

// While links come and go under running index roots, each statement has just the histories that its
// own links ask for: its verifier sees to it.
func TestLinksWhileTheLogGrows(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.look(alice, carol)
	f := w.follow(w.log)
	w.step(f)
	done := make(chan error)
	go func() {
		defer close(done)
		for i := range 20 {
			e, err := entry.Sign(w.source, &entry.Link{Common: w.by("SRC"), Act: entry.LinkActs[i%2], Reason: "one person", Sub: alice, Other: carol})
			if err == nil {
				err = w.log.Append(t.Context(), e)[0].Err
			}
			if err == nil {
				err = f.Flush(t.Context())
			}
			if err != nil {
				done <- err
				return
			}
		}
	}()
	for {
		w.check(w.make(f, alice, nil), alice)
		select {
		case err := <-done:
			w.ok(err)
			return
		default:
		}
	}
}

// A statement leaves out a newer entry whose key is newer than the index too: nothing in the file
// could tell it from one that the operator made up. It stands in the next one.
func TestKeyNewerThanTheIndex(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		mine := w.look(alice)
		f := w.followWhile(w.log)
		next, err := wire.GenerateSigner(wire.EdDSA)
		w.ok(err)
		var newer, withheld uint64
		w.meanwhile = func() {
			newer = w.look(alice)[0]
			w.add(w.admin, &entry.Key{Common: w.by("SRC"), Org: "SRC", Proof: w.prove(next, "SRC"),
				Key: entry.PublicKey{JWK: next.Public, Purposes: []entry.Purpose{entry.PurposeSubmit}}})
			withheld = w.add(next, w.access(alice))
		}
		w.step(f)
		s := w.make(f, alice, nil)
		same(t, "newer", indices(s.Newer, true), []uint64{newer})
		if r := w.check(s, alice); !r.Authentic || len(r.Doubtful) > 0 {
			t.Errorf("%v", r.Err())
		}
		x, done, err := f.Extract(t.Context(), alice, []uint64{mine[0], withheld})
		w.ok(err)
		done()
		if len(x.Entries) != 1 {
			t.Errorf("%d entries in the extract", len(x.Entries))
		}
		if _, _, err := f.Extract(t.Context(), alice, []uint64{withheld}); !errors.Is(err, statement.ErrNotFound) {
			t.Errorf("an extract of it alone: %v", err)
		}
		w.pass()
		w.step(f)
		s = w.make(f, alice, nil)
		same(t, "a root later", indices(s.Entries, true), []uint64{mine[0], newer, withheld})
		if r := w.check(s, alice); !r.Complete {
			t.Errorf("a root later: %v", r.Err())
		}
	})
}
