package report_test

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/internal/report"
	"igledger/internal/testledger"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

func (w *world) book(budget time.Duration) *report.Book {
	return w.bookWith(budget, nil)
}

func (w *world) bookWith(budget time.Duration, kept *report.Kept) *report.Book {
	rules := func(context.Context) (*consent.Rules, error) { return w.rules(), nil }
	return report.NewBook(w.Ledger.Log, rules, slog.New(slog.NewTextHandler(w.Output(), nil)), time.UTC, budget, kept)
}

func (w *world) view(b *report.Book, org string) *report.View {
	w.Helper()
	v, err := b.View(w.Context(), org)
	w.ok(err)
	return v
}

// varied appends accesses of every kind.
func (w *world) varied(n int) {
	w.Helper()
	tried := func(a *entry.Access) { a.Outcome = "8" }
	foreign := func(a *entry.Access) { a.Org, a.Foreign = "", true }
	for i := range n {
		at := func(a *entry.Access) {
			a.Occurred = time.Now().UTC().AddDate(0, -i%5, -(i*7)%11).Format(time.RFC3339)
		}
		id := []string{person, second}[i%2]
		_, first := w.access(id, override, at)
		w.access(id, at)
		w.access(id, byOther, at)
		w.access(id, tried, at)
		w.access(id, foreign, at)
		if i%2 == 0 {
			w.access(id, following(first))
		}
		w.access(id, following("0193b5a0-0000-7000-8000-00000000000d"))
	}
}

// A book lists for each organisation what a report on it lists, newest first by when it happened, and
// no other organisation's. It goes on where it stopped.
func TestBookIsTheReport(t *testing.T) {
	w := newWorld(t)
	b := w.book(time.Hour)
	maker := report.New(w.Ledger.Log, time.Now, 1, time.Hour)
	for range 3 {
		w.varied(10)
		for _, org := range []string{"SRC", "CTL", "OPR", "NON"} {
			v := w.view(b, org)
			if !v.Complete {
				t.Fatal("the log was not read")
			}
			var counted int
			for _, n := range v.Counts {
				counted += n
			}
			for _, kind := range []client.ReportKind{client.Uncovered, client.BreakGlass, client.Attempts} {
				r, err := maker.Make(t.Context(), w.rules(), report.Reader{Org: org, Extent: readers.Own},
					&client.ReportRequest{Kind: kind, Organisation: org})
				w.ok(err)
				var want, got []uint64
				for _, a := range r.Accesses {
					want = append(want, a.Index)
				}
				if !slices.IsSortedFunc(v.Lists[kind], func(x, y report.Finding) int { return y.At.Compare(x.At) }) {
					t.Errorf("%s of %s are not the newest first", kind, org)
				}
				for _, f := range v.Lists[kind] {
					if !f.FollowedUp {
						got = append(got, f.Index)
					}
				}
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s of %s: %d, want %d", kind, org, len(got), len(want))
				}
				if int(r.Seen+r.Attempts) != counted {
					t.Errorf("%d of %s are counted, want %d", counted, org, r.Seen+r.Attempts)
				}
			}
		}
	}
}

// A book that found segments of the log kept, by itself before or by another process, says what one
// says that read the log; also if a kept one is missing or damaged.
func TestBookIsKept(t *testing.T) {
	w := newWorld(t)
	const leaves = 32
	segments := map[uint64][]byte{}
	begun := w.bookWith(time.Hour, report.InMemory(segments, leaves))
	same := func(why string, b *report.Book) {
		t.Helper()
		naive := w.book(time.Hour)
		for _, org := range []string{"SRC", "CTL", "OPR", "NON"} {
			got, want := w.view(b, org), w.view(naive, org)
			if !reflect.DeepEqual(plain(got), plain(want)) {
				t.Errorf("%s, %s:\n%+v, want\n%+v", why, org, got, want)
			}
		}
	}
	for range 4 {
		w.varied(9)
		same("goes on", begun)
		same("starts", w.bookWith(time.Hour, report.InMemory(segments, leaves)))
	}
	if n := w.Size() / leaves; uint64(len(segments)) != n || n < 4 {
		t.Errorf("%d segments are kept, want %d", len(segments), n)
	}
	for n, data := range map[uint64][]byte{0: nil, 2: segments[2][:len(segments[2])/2], 3: {}} {
		segments[n] = data
		same("a segment is damaged", w.bookWith(time.Hour, report.InMemory(segments, leaves)))
		if len(segments[n]) <= len(data) {
			t.Errorf("segment %d is not kept anew", n)
		}
	}
}

// plain returns what a view says, its times without the form of their zones.
func plain(v *report.View) *report.View {
	for _, list := range v.Lists {
		for i := range list {
			f := &list[i]
			f.At = f.At.UTC()
			for _, texts := range []*[]string{&f.Rules, &f.Purpose, &f.Role} {
				if len(*texts) == 0 {
					*texts = nil
				}
			}
		}
	}
	v.Since = v.Since.UTC()
	return v
}

// What an organisation sees of a verdict does not tell what the person chose.
func TestBookIsBlind(t *testing.T) {
	w := newWorld(t)
	w.varied(2)
	for _, f := range w.view(w.book(time.Hour), "CTL").Lists[client.Uncovered] {
		v := w.rules().Blind(&entry.Verdict{Result: f.Result, Rules: f.Rules})
		if !slices.Equal(v.Rules, f.Rules) {
			t.Errorf("CTL is told %q", f.Rules)
		}
	}
}

// Without time to read, a view says that it is not complete; reading goes on, and many at once see
// the same in the end.
func TestBookInTheBackground(t *testing.T) {
	w := newWorld(t)
	w.varied(25)
	whole := len(w.view(w.book(time.Hour), "CTL").Lists[client.Uncovered])
	b := w.book(0)
	if v := w.view(b, "CTL"); v.Complete {
		t.Error("a view is complete before anything was read")
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for {
				v, err := b.View(t.Context(), "CTL")
				if err != nil {
					t.Error(err)
					return
				}
				if !v.Complete {
					continue
				}
				if got := len(v.Lists[client.Uncovered]); got != whole {
					t.Errorf("%d, want %d", got, whole)
				}
				return
			}
		})
	}
	group.Wait()
}

// BenchmarkBook reads a log of 5,000 accesses for the first time.
func BenchmarkBook(b *testing.B) {
	w := newWorld(b)
	var list []*entry.Entry
	for range 5000 {
		e, err := entry.Sign(w.key, &entry.Access{
			Common: entry.Common{Issuer: "SRC", Audience: testledger.Origin}, Source: "ehr", Org: "CTL", Action: "R", Outcome: "0",
			Purpose: []string{"TREAT"}, Recorded: time.Now().UTC().Format(time.RFC3339), Sub: person,
		})
		w.ok(err)
		list = append(list, e)
	}
	for part := range slices.Chunk(list, 500) {
		for _, r := range w.Ledger.Log.Append(b.Context(), part...) {
			w.ok(r.Err)
		}
	}
	for b.Loop() {
		if v := w.view(w.book(time.Hour), "CTL"); !v.Complete || len(v.Lists[client.Uncovered]) != 5000 {
			b.Fatal("not read")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/5000, "µs/leaf")
	book := w.book(time.Hour)
	w.view(book, "CTL")
	start := time.Now()
	for range 100 {
		w.view(book, "CTL")
	}
	b.ReportMetric(float64(time.Since(start).Microseconds())/100, "µs/view")
}
