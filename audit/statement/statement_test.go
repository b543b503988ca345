package statement_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"igledger/audit/statement"
	"igledger/internal/testdb"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

func (w *world) make(f *statement.Follower, id string, win statement.Window) *bundle.Statement {
	w.Helper()
	data := w.write(f, id, win)
	s, err := bundle.ParseStatement(data)
	w.ok(err)
	if again, err := s.Marshal(); err != nil || !bytes.Equal(again, data) {
		w.Fatalf("what is written piece by piece is not what Marshal writes: %v", err)
	}
	return s
}

// write returns the statement as JSON.
func (w *world) write(f *statement.Follower, id string, win statement.Window) []byte {
	w.Helper()
	s, err := f.Statement(w.Context(), id, win)
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
		s := w.make(f, alice, statement.Window{})
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
		s = w.make(f, alice, statement.Window{})
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
	s := w.make(f, carol, statement.Window{})
	if s.Subject.Count != 0 || len(s.Entries)+len(s.Newer) != 0 {
		t.Fatalf("%d entries", s.Subject.Count)
	}
	w.check(s, carol)
	w.look(alice)
	w.pass()
	var at []uint64
	w.meanwhile = func() { at = w.look(carol) }
	w.step(f)
	s = w.make(f, carol, statement.Window{})
	same(t, "newer", indices(s.Newer, true), at)
	w.check(s, carol)
	// Left out, nothing would be missed: it is above what the proof covers, and says so.
	if !strings.Contains(strings.Join(s.Text, "\n"), "1 entry that came later") {
		t.Errorf("text does not say that there is one more: %q", s.Text)
	}
	if _, err := f.Statement(t.Context(), "chi:12", statement.Window{}); err == nil {
		t.Error("a statement for what is no id")
	}
}

// A period opens what lies in it and proves the number of the others.
func TestPeriods(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	day := func(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC) }
	var at []uint64
	for d := 1; d <= 5; d++ {
		w.clock = day(d)
		at = append(at, w.look(alice)...)
		w.look(bob)
	}
	f := w.followWhile(w.log)
	w.meanwhile = func() {
		w.clock = day(6)
		at = append(at, w.look(alice)...) // not covered
	}
	w.step(f)
	for name, c := range map[string]struct {
		win    statement.Window
		opened []uint64
		newer  []uint64

		uncovered bool // the index has not come so far
	}{
		"all":            {statement.Window{}, at[:5], at[5:], false},
		"positions":      {statement.Window{From: at[1], To: at[3]}, at[1:3], nil, false},
		"from":           {statement.Window{From: at[2]}, at[2:5], at[5:], false},
		"days":           {statement.Window{Since: day(2), Until: day(4)}, at[1:3], nil, false},
		"since":          {statement.Window{Since: day(3)}, at[2:5], at[5:], false},
		"until":          {statement.Window{Until: day(3)}, at[:2], nil, false},
		"before any":     {statement.Window{Until: day(1)}, nil, nil, false},
		"after all":      {statement.Window{Since: day(20)}, nil, nil, true},
		"between":        {statement.Window{Since: day(2).Add(time.Hour), Until: day(3)}, nil, nil, false},
		"future places":  {statement.Window{From: 1 << 40}, nil, nil, true},
		"the newest day": {statement.Window{Since: day(6)}, nil, at[5:], false},
	} {
		t.Run(name, func(t *testing.T) {
			s := w.make(f, alice, c.win)
			same(t, "opened", indices(s.Entries, true), c.opened)
			same(t, "newer", indices(s.Newer, true), c.newer)
			if len(s.Entries) != 5 {
				t.Errorf("%d entries, want all 5 counted", len(s.Entries))
			}
			r := w.verify(t, s, alice)
			if want := s.Period == nil || s.Period.From < r.Below; !r.Authentic || r.Complete != want || want == c.uncovered {
				t.Errorf("authentic %v, complete %v, for %+v below %d", r.Authentic, r.Complete, s.Period, r.Below)
			}
		})
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
			s := w.make(f, alice, statement.Window{})
			if r := w.check(s, alice); len(r.Entries) < seen {
				t.Fatalf("%d entries after %d", len(r.Entries), seen)
			} else {
				seen = len(r.Entries)
			}
			select {
			case err := <-done:
				w.ok(err)
				if got := len(w.make(f, alice, statement.Window{}).Entries); got != 21 {
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
		s := w.make(f, alice, statement.Window{})
		if len(s.Linked) != 1 || s.Linked[0].ID != carol {
			t.Fatalf("%d linked histories", len(s.Linked))
		}
		same(t, "own", indices(s.Entries, true), append(mine, forth))
		same(t, "linked", indices(s.Linked[0].Entries, true), theirs)
		if r := w.check(s, alice); len(r.Linked) != 1 || !r.Linked[0].OneSided || r.Linked[0].Link != forth {
			t.Errorf("linked: %+v", r.Linked)
		}
		if s := w.make(f, carol, statement.Window{}); len(s.Linked) != 0 {
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
		s = w.make(f, carol, statement.Window{})
		if len(s.Linked) != 0 || len(s.Newer) != 2 {
			t.Errorf("links that the index does not cover yet: %d linked, %d newer", len(s.Linked), len(s.Newer))
		}
		w.check(s, carol)
		w.pass()
		w.step(f)
		r := w.check(w.make(f, alice, statement.Window{}), alice)
		if len(r.Linked) != 1 || r.Linked[0].OneSided {
			t.Errorf("linked both ways: %+v", r.Linked)
		}
		r = w.check(w.make(f, carol, statement.Window{}), carol)
		if len(r.Linked) != 2 || r.Linked[0].ID != alice || r.Linked[0].Link != back || r.Linked[0].OneSided || r.Linked[1].ID != bob || !r.Linked[1].OneSided {
			t.Errorf("linked with two: %+v", r.Linked)
		}

		// Undone, it is as before, and the history says that it was.
		w.link("unlinked", alice, carol)
		w.pass()
		w.step(f)
		if r := w.check(w.make(f, alice, statement.Window{}), alice); len(r.Linked) != 0 || len(r.Entries) != 3 {
			t.Errorf("unlinked: %d linked, %d entries", len(r.Linked), len(r.Entries))
		}
	})
}

// A link is shown outside the period too; otherwise a reader could not tell which histories belong
// to the statement. The period is one for all the person's numbers.
func TestLinkOutsidePeriod(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	day := func(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC) }
	w.clock = day(1)
	first := w.look(alice)
	link := w.link("linked", alice, carol)
	w.clock = day(2)
	early := w.look(carol)
	w.clock = day(3)
	late := w.look(carol)
	w.clock = day(5)
	last := w.look(alice)
	f := w.follow(w.log)
	w.step(f)
	s := w.make(f, alice, statement.Window{Since: day(3), Until: day(4)})
	same(t, "opened", indices(s.Entries, true), []uint64{link})
	same(t, "hidden", indices(s.Entries, false), append(first, last...))
	same(t, "linked, opened", indices(s.Linked[0].Entries, true), late)
	same(t, "linked, hidden", indices(s.Linked[0].Entries, false), early)
	r := w.check(s, alice)
	if !strings.Contains(r.Lines.Complete, "that no entry outside the period links a further id is the operator's word alone") || !strings.Contains(strings.Join(s.Text, "\n"), "Links are shown even outside the period") {
		t.Errorf("%q", r.Lines.Complete)
	}
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
		w.check(w.make(f, alice, statement.Window{}), alice)
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
		s := w.make(f, alice, statement.Window{})
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
		s = w.make(f, alice, statement.Window{})
		same(t, "a root later", indices(s.Entries, true), []uint64{mine[0], newer, withheld})
		if r := w.check(s, alice); !r.Complete {
			t.Errorf("a root later: %v", r.Err())
		}
	})
}
