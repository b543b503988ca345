package statement_test

import (
	"strings"
	"testing"
	"time"

	"igledger/audit/statement"
	"igledger/internal/testdb"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/verifier"
)

// march returns midnight of a day of March 2026.
func march(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC) }

func days(from, to int) *bundle.Days {
	return &bundle.Days{From: march(from).Format(time.DateOnly), To: march(to).Format(time.DateOnly)}
}

// busyDay logs a root at midnight, then accesses to ids at noon, and another root.
func (w *world) busyDay(f *statement.Follower, d int, ids ...string) (at []uint64) {
	w.Helper()
	w.clock = march(d)
	w.look(bob)
	w.step(f)
	w.clock = march(d).Add(12 * time.Hour)
	at = w.look(ids...)
	w.step(f)
	return at
}

// outcome verifies a statement for the days as its reader does.
func (w *world) outcome(t testing.TB, s *bundle.Statement, id string, days *bundle.Days) (*verifier.StatementReport, verifier.Outcome) {
	t.Helper()
	data, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	policy, err := verifier.PolicyForLog(w.log.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	r := verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: policy, ID: id, Period: days, Now: w.clock})
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	o, _ := r.Outcome()
	return r, o
}

// A period opens what was logged on its days, and proves the number of the others.
func TestPeriods(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		f := w.follow(w.log)
		var at []uint64
		for d := 1; d <= 5; d++ {
			at = append(at, w.busyDay(f, d, alice)...)
		}
		for name, c := range map[string]struct {
			days    *bundle.Days
			opened  []uint64
			outcome verifier.Outcome
		}{
			"everything":     {nil, at, verifier.Good},
			"some days":      {days(2, 3), at[1:3], verifier.Good},
			"the first day":  {days(1, 1), at[:1], verifier.Good},
			"before any":     {&bundle.Days{From: "1999-01-01", To: "1999-12-31"}, nil, verifier.Good},
			"until today":    {days(4, 5), at[3:], verifier.Partial},
			"today":          {days(5, 5), at[4:], verifier.Partial},
			"days to come":   {days(20, 30), nil, verifier.Partial},
			"the last day":   {days(4, 4), at[3:4], verifier.Good},
			"from the start": {&bundle.Days{From: "1999-01-01", To: "2026-03-02"}, at[:2], verifier.Good},
		} {
			t.Run(name, func(t *testing.T) {
				s := w.make(f, alice, c.days)
				same(t, "opened", indices(s.Entries, true), c.opened)
				if len(s.Entries) != 5 {
					t.Errorf("%d entries, want all 5 counted", len(s.Entries))
				}
				r, o := w.outcome(t, s, alice, c.days)
				if o != c.outcome || !r.Authentic || r.Complete != (o == verifier.Good) || r.Hidden != 5-len(c.opened) {
					t.Errorf("%s: %+v", o, r.Lines)
				}
			})
		}

		// Once a root shows that a day is over, all of it is covered.
		w.busyDay(f, 6)
		s := w.make(f, alice, days(5, 5))
		same(t, "opened", indices(s.Entries, true), at[4:])
		if r, o := w.outcome(t, s, alice, days(5, 5)); o != verifier.Good {
			t.Errorf("a day that is over: %s: %+v", o, r.Lines)
		}
	})
}

// No root is dated before an earlier one, even if the clock is put back: periods rest on the dates.
func TestRootsOfAClockThatGoesBack(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.clock = march(5)
	w.look(alice)
	w.step(w.follow(w.log))
	w.clock = march(5).Add(-4 * time.Minute)
	w.look(alice)
	again := w.follow(w.log) // as after a start
	w.step(again)
	w.pass()
	w.look(alice)
	w.step(again)
	leaves, err := w.log.PublicHistory(t.Context(), entry.IndexRootHistory, 0, 1<<40)
	w.ok(err)
	if len(leaves) < 3 {
		t.Fatalf("%d roots", len(leaves))
	}
	for _, l := range leaves {
		if l.Entry.IssuedAt != march(5).Unix() {
			t.Errorf("the root at %d is dated %s", l.Index, time.Unix(l.Entry.IssuedAt, 0).UTC())
		}
	}
}

// A link is shown outside the period too; otherwise a reader could not tell which histories belong
// to the statement. The period is one for all the person's numbers, and for reads of everyone's
// data.
func TestLinkOutsidePeriod(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	f := w.follow(w.log)
	first := w.busyDay(f, 1, alice, entry.RegEveryone)
	link := w.link("linked", alice, carol)
	early := w.busyDay(f, 2, carol)
	late := w.busyDay(f, 3, carol, entry.RegEveryone)
	w.busyDay(f, 4)
	last := w.busyDay(f, 5, alice)
	s := w.make(f, alice, days(3, 3))
	same(t, "opened", indices(s.Entries, true), []uint64{link})
	same(t, "hidden", indices(s.Entries, false), append(first[:1:1], last...))
	same(t, "linked, opened", indices(s.Linked[0].Entries, true), late[:1])
	same(t, "linked, hidden", indices(s.Linked[0].Entries, false), early)
	same(t, "everyone's, opened", indices(s.Everyone.Entries, true), late[1:])
	same(t, "everyone's, hidden", indices(s.Everyone.Entries, false), first[1:])
	r, o := w.outcome(t, s, alice, days(3, 3))
	if o != verifier.Good || r.Hidden != 4 ||
		!strings.Contains(r.Lines.Complete, "that no entry outside the period links a further id is the operator's word alone") ||
		!strings.Contains(strings.Join(s.Text, "\n"), "Links are shown even outside the period") {
		t.Errorf("%s: %q", o, r.Lines.Complete)
	}
}
