package report_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/internal/report"
	"igledger/internal/testledger"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies/readers"
)

const (
	person = "chi:0101011237" // numbers made for tests, of no person
	second = "nhs:9434765919"
)

// world is a ledger in which SRC reports accesses, to its own records and by CTL.
type world struct {
	*testledger.Ledger
	testing.TB
	key *wire.Signer
}

func newWorld(t testing.TB) *world {
	l := testledger.New(t)
	w := &world{l, t, l.Enrol("SRC", []entry.Role{entry.RoleController, entry.RoleSource}, entry.PurposeSubmit)}
	l.Enrol("CTL", []entry.Role{entry.RoleController}, entry.PurposeAudit)
	return w
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) rules() *consent.Rules {
	w.Helper()
	r, err := w.Ledger.Log.Rules(w.Context())
	w.ok(err)
	rules, err := consent.From(r)
	w.ok(err)
	return rules
}

// access appends an access by SRC for care to its own record, altered, and returns its position and
// jti.
func (w *world) access(id string, change ...func(*entry.Access)) (uint64, string) {
	w.Helper()
	a := &entry.Access{
		Common: entry.Common{Issuer: "SRC", Audience: testledger.Origin}, Source: "ehr", System: "portal", Action: "R", Outcome: "0",
		Purpose: []string{"TREAT"}, Data: []string{"http://hl7.org/fhir/resource-types|Observation"},
		Recorded: time.Now().UTC().Format(time.RFC3339), Sub: id,
	}
	for _, f := range change {
		f(a)
	}
	e, err := entry.Sign(w.key, a)
	w.ok(err)
	r := w.Ledger.Log.Append(w.Context(), e)[0]
	w.ok(r.Err)
	return r.Index, e.ID
}

func byOther(a *entry.Access) { a.Org = "CTL" } // without an agreement: not covered

func override(a *entry.Access) {
	a.Org, a.Emergency, a.Text = "CTL", true, &entry.Text{Justification: "unconscious"}
}

func following(jtis ...string) func(*entry.Access) {
	return func(a *entry.Access) {
		a.Org, a.Purpose, a.Text = "CTL", []string{"HOPERAT"}, &entry.Text{Why: "two:"}
		for _, jti := range jtis {
			a.Text.Why += " " + client.FollowUp + jti
		}
	}
}

// A person's record is read once for a page, however many of its accesses the page has.
func TestReadsAPersonOnce(t *testing.T) {
	w := newWorld(t)
	var want []uint64
	for i := range 60 {
		id := []string{person, second}[i%2]
		at, jti := w.access(id, override)
		if i%3 != 0 {
			want = append(want, at)
			continue
		}
		w.access(id, following("x", jti))
	}
	rules := w.rules()
	run := func(after uint64, now func() time.Time, until time.Time) (got []uint64, out *client.Report, persons, read int) {
		t.Helper()
		out, persons, read, err := report.Page(t.Context(), w.Ledger.Log, rules, client.BreakGlass, after, report.Most, now, until)
		w.ok(err)
		for _, x := range out.Accesses {
			got = append(got, x.Index)
		}
		return got, out, persons, read
	}
	got, out, persons, read := run(0, nil, time.Time{})
	if !slices.Equal(got, want) || out.Seen != 80 || out.Next != 0 {
		t.Errorf("%v of %d accesses, next %d; want %v of 80", got, out.Seen, out.Next, want)
	}
	if persons != 2 || read > 2*80 {
		t.Errorf("%d persons and %d entries were read for two persons with 80", persons, read)
	}

	// When its time is over a page ends, with at least one person decided, and the next continues it.
	var all []uint64
	seen, pages := uint64(0), 0
	now := time.Unix(0, 0)
	for after := uint64(0); ; pages++ {
		got, out, persons, _ := run(after, func() time.Time { return now }, now)
		all, seen = append(all, got...), seen+out.Seen
		if persons > 1 {
			t.Fatalf("%d persons were looked at when the time was over", persons)
		}
		if out.Next == 0 {
			break
		}
		if out.Next <= after {
			t.Fatalf("the page after %d continues at %d", after, out.Next)
		}
		after = out.Next
	}
	if !slices.Equal(all, want) || seen != 80 || pages < 2 {
		t.Errorf("%d pages with %v of %d accesses, want %v of 80", pages, all, seen, want)
	}
}

// A page that has looked at its share of leaves ends there, whatever it found, and the next one
// goes on: together they look at each leaf once.
func TestPageEnds(t *testing.T) {
	w := newWorld(t)
	for range 50 {
		w.access(person)
	}
	rules := w.rules()
	var after, pages, seen uint64
	for {
		out, _, _, err := report.Page(t.Context(), w.Ledger.Log, rules, client.Uncovered, after, 7, nil, time.Time{})
		w.ok(err)
		pages, seen = pages+1, seen+out.Seen
		if out.Next == 0 {
			break
		}
		if out.Next != after+7 {
			t.Fatalf("a page of 7 leaves from %d on ends at %d", after, out.Next)
		}
		after = out.Next
	}
	if seen != 50 || pages != (w.Size()+6)/7 {
		t.Errorf("%d accesses in %d pages of a log of %d", seen, pages, w.Size())
	}
}

// No more reports are made at once than the Maker was told.
func TestAtOnce(t *testing.T) {
	w := newWorld(t)
	m := report.New(w.Ledger.Log, time.Now, 1, time.Minute)
	ask := func() error {
		_, err := m.Make(t.Context(), w.rules(), report.Reader{Org: "SRC", Extent: readers.Own},
			&client.ReportRequest{Kind: client.Uncovered, Organisation: "SRC"})
		return err
	}
	w.ok(ask())
	end := m.Hold() // fails if a report that has ended still counts
	if err := ask(); !errors.Is(err, report.ErrBusy) {
		t.Errorf("a second report at once: %v", err)
	}
	end()
	w.ok(ask())
}
