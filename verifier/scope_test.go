package verifier_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// dayOf returns a time on a day of November 2026, seconds after midnight.
func dayOf(day int, seconds int64) int64 {
	return time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC).Unix() + seconds
}

// dated is a log with index roots on several days. All of me is below its last leaf, an index root:
//
//	accesses 0 and 3 of the sample, root r1 on the 11th, access a, root r2 early on the 12th,
//	access b, root r3 early on the 13th, access c, the statement's root on the 22nd
type dated struct {
	*testlog.Log
	r1, a, r2, b, r3, c, last uint64
}

func (w *world) dated(l *testlog.Log) *dated {
	access := func() uint64 { return l.AddSealed(w.Access("lothian", w.Second, w.me()), w.me()) }
	d := &dated{Log: l}
	d.r1, d.a = l.AddIndexRootAt(dayOf(11, 86390)), access()
	d.r2, d.b = l.AddIndexRootAt(dayOf(12, 10)), access()
	d.r3, d.c = l.AddIndexRootAt(dayOf(13, 5)), access()
	d.last = l.AddIndexRootAt(testlog.Now)
	return d
}

// the12th is what is asked of a dated log, and the period of an honest statement of it: a and b.
const the12th = "2026-11-12..2026-11-12"

func (d *dated) claim(w *world, p *bundle.Period) testlog.Claim {
	return testlog.Claim{ID: w.me(), IndexRoot: d.last, Cosigners: w.everybody(), Period: p}
}

func asked(days string) *bundle.Days {
	d, err := bundle.ParseDays(days)
	if err != nil {
		panic(err)
	}
	return &d
}

// TestScopes: a statement is judged against what its reader asked for.
func TestScopes(t *testing.T) {
	w := newWorld(t)
	d := w.dated(w.log())
	fork := func(size uint64) *dated { f := *d; f.Log = d.Fork(size); return &f }
	for name, c := range map[string]struct {
		make    func() (*dated, testlog.Claim)
		asked   string // "": the whole history
		now     time.Time
		outcome verifier.Outcome
		rows    string
	}{
		"whole": {func() (*dated, testlog.Claim) { return d, d.claim(w, nil) }, "", now, verifier.Good, "5 shown"},
		"a day": {func() (*dated, testlog.Claim) { return d, d.claim(w, d.Period(the12th, d.r1, d.r3)) }, the12th, now,
			verifier.Good, "2 shown, 3 hidden"},
		"two days": {func() (*dated, testlog.Claim) {
			return d, d.claim(w, d.Period("2026-11-11..2026-11-12", 0, d.r3))
		}, "2026-11-11..2026-11-12", now, verifier.Good, "4 shown, 1 hidden"},
		"an older root before, which shows more": {func() (*dated, testlog.Claim) {
			return d, d.claim(w, d.Period(the12th, 0, d.r3))
		}, the12th, now, verifier.Good, "4 shown, 1 hidden"},
		"the statement's own root after": {func() (*dated, testlog.Claim) {
			return d, d.claim(w, d.Period(the12th, d.r1, d.last))
		}, the12th, now, verifier.Good, "3 shown, 2 hidden"},
		"no root after, seen later": {func() (*dated, testlog.Claim) {
			return d, d.claim(w, d.Period(the12th, d.r1, 0))
		}, the12th, now, verifier.Good, "3 shown, 2 hidden"},
		"days after the last entry, seen later": {func() (*dated, testlog.Claim) {
			c := d.claim(w, d.Period("2026-11-23..2026-11-24", d.last, 0))
			c.CosignedAt = dayOf(25, 60)
			return d, c
		}, "2026-11-23..2026-11-24", time.Unix(dayOf(25, 3600), 0), verifier.Good, "5 hidden"},

		"stale":    {func() (*dated, testlog.Claim) { return d, d.claim(w, nil) }, "", now.Add(48 * time.Hour), verifier.Stale, "5 shown"},
		"no clock": {func() (*dated, testlog.Claim) { return d, d.claim(w, nil) }, "", time.Time{}, verifier.Stale, "5 shown"},
		"a stale day": {func() (*dated, testlog.Claim) { return d, d.claim(w, d.Period(the12th, d.r1, d.r3)) }, the12th,
			now.Add(48 * time.Hour), verifier.Stale, "2 shown, 3 hidden"},

		"a day that is not over": {func() (*dated, testlog.Claim) {
			return d, d.claim(w, d.Period("2026-11-12..2026-11-22", d.r1, 0))
		}, "2026-11-12..2026-11-22", now, verifier.Partial, "3 shown, 2 hidden"},
		"a day that is over, but was not when it was seen": {func() (*dated, testlog.Claim) {
			return d, d.claim(w, d.Period("2026-11-12..2026-11-22", d.r1, 0))
		}, "2026-11-12..2026-11-22", now.Add(24 * time.Hour), verifier.Partial, "3 shown, 2 hidden"},
		"days to come": {func() (*dated, testlog.Claim) {
			return d, d.claim(w, d.Period("2027-01-01..2027-01-31", d.last, 0))
		}, "2027-01-01..2027-01-31", now, verifier.Partial, "5 hidden"},
		"entries that the index does not cover": {func() (*dated, testlog.Claim) {
			f := fork(d.last)
			m, root := f.Size(), f.IndexAt(f.Size()).Root()
			f.AddRandom(1)
			f.last = f.AddIndexRootOf(m, root, f.Operator)
			return f, f.claim(w, f.Period(the12th, f.r1, 0))
		}, the12th, now, verifier.Partial, "3 shown, 2 hidden"},
		"a root after that the index does not cover": {func() (*dated, testlog.Claim) {
			f := fork(d.r3)
			m, root := f.Size(), f.IndexAt(f.Size()).Root()
			f.AddRandom(1)
			f.last = f.AddIndexRootOf(m, root, f.Operator)
			return f, f.claim(w, f.Period(the12th, f.r1, f.last))
		}, the12th, now, verifier.Partial, "2 shown, 2 hidden"},
	} {
		t.Run(name, func(t *testing.T) {
			l, claim := c.make()
			ev := verifier.StatementEvidence{Statement: testlog.StatementJSON(l.Statement(claim)), Policy: w.policy, ID: w.me(), Now: c.now}
			if c.asked != "" {
				ev.Period = asked(c.asked)
			}
			r := verifier.CheckStatement(ev)
			o, reason := r.Outcome()
			if o != c.outcome || !r.Authentic || r.Err() != nil || (reason == "") != (o == verifier.Good) {
				t.Errorf("%s: %q, %v", o, reason, r.Err())
			}
			if r.Complete != (o != verifier.Partial) || tally(r) != c.rows {
				t.Errorf("complete %v: %s, want %s", r.Complete, tally(r), c.rows)
			}
			hidden := 0
			for _, e := range r.Entries {
				if e.Hidden {
					hidden++
				}
			}
			if r.Hidden != hidden {
				t.Errorf("%d hidden, want %d", r.Hidden, hidden)
			}
		})
	}
}

// TestMaxAge: the reader says how old a statement may be.
func TestMaxAge(t *testing.T) {
	w := newWorld(t)
	d := w.dated(w.log())
	data := testlog.StatementJSON(d.Statement(d.claim(w, nil)))
	alone, err := verifier.PolicyForLog(w.Key)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		policy  *verifier.Policy
		now     time.Time
		max     time.Duration
		outcome verifier.Outcome
	}{
		"at most an hour":       {w.policy, now, time.Hour, verifier.Good},
		"less than an hour":     {w.policy, now, time.Hour - time.Second, verifier.Stale},
		"a month":               {w.policy, now.AddDate(0, 0, 20), 30 * 24 * time.Hour, verifier.Good},
		"the operator's date":   {alone, now, time.Hour, verifier.Good},
		"and an old one":        {alone, now, time.Hour - time.Second, verifier.Stale},
		"and one of tomorrow":   {alone, time.Unix(testlog.Now, 0).Add(-time.Hour), 0, verifier.Stale},
		"and one without clock": {alone, time.Time{}, 0, verifier.Stale},
	} {
		r := verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: c.policy, ID: w.me(), Now: c.now, MaxAge: c.max})
		if o, _ := r.Outcome(); o != c.outcome || r.Err() != nil || !r.Complete {
			t.Errorf("%s: %s, %v", name, o, r.Err())
		}
	}
}

// TestExtractIsPartial: an extract is never all of what was asked.
func TestExtractIsPartial(t *testing.T) {
	w := newWorld(t)
	d := w.dated(w.log())
	data, err := d.Extract(d.claim(w, nil), d.a).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, days := range []*bundle.Days{nil, asked(the12th)} {
		r := verifier.CheckExtract(verifier.StatementEvidence{Statement: data, Policy: w.policy, ID: w.me(), Period: days, Now: now})
		if o, reason := r.Outcome(); o != verifier.Partial || reason == "" || r.Err() != nil || !r.Authentic {
			t.Errorf("%s: %q, %v", o, reason, r.Err())
		}
	}
}

// scopeTampering is a row of the catalogue, of a statement for some days or asked for some.
type scopeTampering struct {
	tampering
	asked *bundle.Days // nil: the whole history
}

// TestTamperedScopes is the catalogue's part about what was asked. testdata/scope.golden has the
// words of each failure.
func TestTamperedScopes(t *testing.T) {
	w := newWorld(t)
	var words strings.Builder
	for _, c := range scopeTamperings(w) {
		t.Run(c.name, func(t *testing.T) {
			data, id := c.make(t)
			r := verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: w.policy, ID: id, Period: c.asked, Now: now})
			if !isFailure(r.Err(), c.check) || r.Complete || r.Authentic != c.whole {
				t.Fatalf("found %v\nwant %s; complete %v, authentic %v", r.Err(), c.check, r.Complete, r.Authentic)
			}
			if o, reason := r.Outcome(); o != verifier.Untrue || !strings.HasPrefix(reason, string(c.check)+": ") {
				t.Errorf("%s: %q", o, reason)
			}
			f := r.Failures[0]
			fmt.Fprintf(&words, "%s\n  %s\n  expected %s\n  %s\n", c.name, f.Check, f.Expected, f.Meaning)
		})
	}
	verifier.Golden(t, "scope", words.String())
}

// scopeTamperings: the maker of a statement answers another question than was asked, or ties the
// days to too few positions.
func scopeTamperings(w *world) []scopeTampering {
	// statement makes one of a dated log and alters it as the operator can.
	statement := func(make func(d *dated) testlog.Claim, change func(d *dated, s *bundle.Statement)) func(testing.TB) ([]byte, string) {
		return func(t testing.TB) ([]byte, string) {
			d := w.dated(w.log())
			s := d.Statement(make(d))
			if change != nil {
				change(d, s)
				d.Prove(s)
			}
			return raw(t, s), w.me()
		}
	}
	of := func(period func(d *dated) *bundle.Period, change func(d *dated, s *bundle.Statement)) func(testing.TB) ([]byte, string) {
		return statement(func(d *dated) testlog.Claim { return d.claim(w, period(d)) }, change)
	}
	honest := func(d *dated) *bundle.Period { return d.Period(the12th, d.r1, d.r3) }
	forged := func(period func(d *dated) *bundle.Period) func(testing.TB) ([]byte, string) { return of(period, nil) }
	// logged adds something to the log before the statement's root, and makes a claim on it.
	logged := func(add func(l *dated) *bundle.Period) func(testing.TB) ([]byte, string) {
		return func(t testing.TB) ([]byte, string) {
			whole := w.dated(w.log())
			d := *whole
			d.Log = whole.Fork(whole.c)
			p := add(&d)
			d.last = d.AddIndexRootAt(testlog.Now)
			return raw(t, d.Statement(d.claim(w, p))), w.me()
		}
	}
	root := func(d *dated, at int64, by *wire.Signer) uint64 {
		return d.AddPublic(testlog.Sign(by, &entry.IndexRoot{Common: entry.Common{Issuer: "operator", Audience: origin, IssuedAt: at},
			Size: d.Size(), Root: d.IndexAt(d.Size()).Root()}))
	}
	day := asked(the12th)
	whole := func(*dated) *bundle.Period { return nil }
	const authentic = true
	return []scopeTampering{
		// Another question.
		{tampering{"the file chooses its days", forged(honest), verifier.CheckScope, authentic}, nil},
		{tampering{"the file hides everything", forged(func(d *dated) *bundle.Period {
			return d.Period("1999-01-01..1999-01-01", 0, d.r1)
		}), verifier.CheckScope, authentic}, nil},
		{tampering{"the file hides everything, with positions alone", forged(func(d *dated) *bundle.Period {
			return &bundle.Period{From: 0, To: 1}
		}), verifier.CheckScope, authentic}, nil},
		{tampering{"the file hides one access", forged(func(d *dated) *bundle.Period {
			return &bundle.Period{From: 0, To: d.c, Days: asked("2000-01-01..2026-12-31")}
		}), verifier.CheckScope, authentic}, nil},
		{tampering{"a whole statement for days", forged(whole), verifier.CheckScope, authentic}, day},
		{tampering{"other days", forged(honest), verifier.CheckScope, authentic}, asked("2026-11-12..2026-11-13")},
		{tampering{"fewer days", forged(honest), verifier.CheckScope, authentic}, asked("2026-11-11..2026-11-12")},
		{
			tampering{
				"positions without days", of(honest, func(d *dated, s *bundle.Statement) { s.Period.Days = nil }),
				verifier.CheckScope, authentic,
			},
			day,
		},

		// Days tied to too few positions.
		{tampering{"fewer positions than the roots say", of(honest, func(d *dated, s *bundle.Statement) {
			s.Period.From = d.b
			s.Entries[2] = bundle.HiddenEntry(d.a, s.Entries[2].Hash(s.Subject.Tag))
		}), verifier.CheckPeriod, authentic}, day},
		{tampering{"an end before the root after", of(honest, func(d *dated, s *bundle.Statement) {
			s.Period.To = d.b
			s.Entries[3] = bundle.HiddenEntry(d.b, s.Entries[3].Hash(s.Subject.Tag))
		}), verifier.CheckPeriod, authentic}, day},
		{tampering{"a root on the first day for one before it", forged(func(d *dated) *bundle.Period {
			return d.Period(the12th, d.r2, d.r3)
		}), verifier.CheckPeriod, authentic}, day},
		{tampering{"a root on the last day for one after it", forged(func(d *dated) *bundle.Period {
			return d.Period(the12th, d.r1, d.r2)
		}), verifier.CheckPeriod, authentic}, day},
		{
			tampering{
				"the root before left out", of(honest, func(d *dated, s *bundle.Statement) { s.Period.Before = nil }),
				verifier.CheckPeriod, authentic,
			},
			day,
		},
		{
			tampering{
				"the root after left out", of(honest, func(d *dated, s *bundle.Statement) { s.Period.After = nil }),
				verifier.CheckPeriod, authentic,
			},
			day,
		},
		{tampering{"the roots swapped", of(honest, func(d *dated, s *bundle.Statement) {
			s.Period.Before, s.Period.After = s.Period.After, s.Period.Before
		}), verifier.CheckStatementForm, false}, day},
		{
			tampering{
				"one root for both", of(honest, func(d *dated, s *bundle.Statement) { s.Period.After = s.Period.Before }),
				verifier.CheckStatementForm, false,
			},
			day,
		},
		{tampering{"another entry for a root", of(honest, func(d *dated, s *bundle.Statement) {
			s.Period.Before = &bundle.Leaf{Index: w.Revoked, Leaf: d.Leaves[w.Revoked]}
		}), verifier.CheckPeriod, authentic}, day},
		{tampering{"a sealed leaf for a root", of(honest, func(d *dated, s *bundle.Statement) {
			s.Period.Before = &bundle.Leaf{Index: d.a, Leaf: d.Leaves[d.a]}
		}), verifier.CheckStatementForm, false}, day},
		{tampering{"a root of a fork", of(honest, func(d *dated, s *bundle.Statement) {
			f := w.log()
			s.Period.Before = &bundle.Leaf{Index: f.AddIndexRootAt(dayOf(11, 86395)), Leaf: f.Leaves[d.r1]}
		}), verifier.CheckInclusion, false}, day},
		{tampering{"a root of another log", logged(func(d *dated) *bundle.Period {
			at := d.AddPublic(testlog.Sign(d.Operator, &entry.IndexRoot{Common: entry.Common{Issuer: "operator", Audience: "sandbox.test/1",
				IssuedAt: dayOf(13, 7)}, Size: d.Size(), Root: d.IndexAt(d.Size()).Root()}))
			return d.Period(the12th, d.r1, at)
		}), verifier.CheckAudience, false}, day},
		{tampering{"a root with a forged date", of(honest, func(d *dated, s *bundle.Statement) { // signed again by the operator, not logged
			forged := d.Fork(d.r2)
			forged.AddIndexRootAt(dayOf(11, 86399))
			s.Period.Before = &bundle.Leaf{Index: d.r2, Leaf: forged.Leaves[d.r2]}
			s.Period.From = d.r2
		}), verifier.CheckInclusion, false}, day},
		{tampering{"a root dated after the statement's own", logged(func(d *dated) *bundle.Period {
			at := root(d, testlog.Now+86400, d.Operator)
			return d.Period("2026-11-12..2026-11-22", d.r1, at)
		}), verifier.CheckPeriod, authentic}, asked("2026-11-12..2026-11-22")},
		{tampering{"roots dated after cosigners saw them", func(t testing.TB) ([]byte, string) {
			d := w.dated(w.log())
			d.last = d.AddIndexRootAt(testlog.Now + 86400)
			return raw(t, d.Statement(d.claim(w, d.Period("2026-11-12..2026-11-22", d.r1, d.last)))), w.me()
		}, verifier.CheckPeriod, authentic}, asked("2026-11-12..2026-11-22")},
		{tampering{"a root by a source", logged(func(d *dated) *bundle.Period {
			return d.Period(the12th, d.r1, root(d, dayOf(13, 7), w.Second))
		}), verifier.CheckAuthority, false}, day},
		{tampering{"a root by a key that nobody registered", logged(func(d *dated) *bundle.Period {
			return d.Period(the12th, d.r1, root(d, dayOf(13, 7), testlog.Signer(wire.EdDSA)))
		}), verifier.CheckKeyStatus, false}, day},

		// The list of a period.
		{tampering{"an access of the days is dropped", of(honest, func(d *dated, s *bundle.Statement) {
			s.Entries = slices.Delete(s.Entries, 2, 3)
			s.Subject.Count--
		}), verifier.CheckHistory, authentic}, day},
		{tampering{"an access of the days is hidden", of(honest, func(d *dated, s *bundle.Statement) {
			s.Entries[2] = bundle.HiddenEntry(d.a, s.Entries[2].Hash(s.Subject.Tag))
		}), verifier.CheckStatementForm, false}, day},
		{tampering{"a hidden access is invented outside the days", of(honest, func(d *dated, s *bundle.Statement) {
			s.Entries = slices.Insert(s.Entries, 1, bundle.HiddenEntry(w.Accesses[1], proof.LeafHash(d.Leaves[w.Accesses[1]])))
			s.Subject.Count++
		}), verifier.CheckHistory, authentic}, day},
	}
}
