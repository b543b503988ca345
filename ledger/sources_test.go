package ledger_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/stream"
	"igledger/ledger/wire"
)

func (w *world) sources() map[string]ledger.Source {
	w.t.Helper()
	list, _, err := w.log.Sources(w.ctx, w.now(), "", [16]byte{}, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]ledger.Source{}
	for _, s := range list {
		out[s.Org+" "+s.Source] = s
	}
	return out
}

// numbered makes an access of the stream lims with this number.
func (w *world) numbered(n uint64) *entry.Entry {
	w.t.Helper()
	return w.access(person, func(a *entry.Access) { a.Source, a.Seq = "lims", &n })
}

func (w *world) heartbeat(source, day string, change ...func(*entry.Heartbeat)) *entry.Entry {
	w.t.Helper()
	h := &entry.Heartbeat{Common: entry.Common{Issuer: "SRC", Audience: origin,
		ID: entry.HeartbeatID(origin, "SRC", source, day)}, Source: source, Day: day, Interval: 3600, Receipts: true}
	for _, f := range change {
		f(h)
	}
	return w.sign(w.source, h)
}

func dayBefore(now time.Time, days int) string {
	return now.UTC().AddDate(0, 0, -days).Format(time.DateOnly)
}

// What the ledger says about a source's stream: gaps, late entries that close them, repetitions,
// silence. A rebuild finds the same.
func TestSources(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		var batch []*entry.Entry
		for n := uint64(1); n <= 300; n++ {
			if n != 17 && (n < 100 || n >= 110) {
				batch = append(batch, w.numbered(n))
			}
		}
		w.log.Append(w.ctx, batch...)
		other := w.must(w.access(person)) // of the stream ehr, whose next number is not 1
		s := w.sources()["SRC lims"]
		if want := []stream.Range{{First: 17, Last: 17}, {First: 100, Last: 109}}; !slices.Equal(s.Gaps, want) ||
			s.Last != 300 || s.Entries != 289 {
			t.Errorf("gaps %v, last %d of %d entries", s.Gaps, s.Last, s.Entries)
		}
		if s.Repeats != 0 || s.Unlisted != 0 || !slices.Equal(s.Faults, []stream.Fault{stream.FaultGaps}) || s.LastReceived.IsZero() {
			t.Errorf("%+v", s)
		}
		if ehr := w.sources()["SRC ehr"]; ehr.LastIndex != other.Index || ehr.Entries != 1 || len(ehr.Gaps) != 1 {
			t.Errorf("the other stream: %+v", ehr)
		}
		w.log.Append(w.ctx, w.numbered(17), w.numbered(105), w.numbered(300),
			w.access(person, func(a *entry.Access) { a.Source, a.Seq = "lims", nil }))
		last := w.must(w.numbered(301))
		w.must(batch[3]) // sent again: not a repetition, the log has it once
		s = w.sources()["SRC lims"]
		if want := []stream.Range{{First: 100, Last: 104}, {First: 106, Last: 109}}; !slices.Equal(s.Gaps, want) ||
			s.Last != 301 || s.Repeats != 1 || s.Unnumbered != 1 || s.LastIndex != last.Index {
			t.Errorf("after late ones: %+v", s)
		}

		for _, days := range []int{5, 2, 4} {
			w.must(w.heartbeat("lims", dayBefore(w.now(), days), func(h *entry.Heartbeat) { h.Gaps = days == 4 }))
		}
		s = w.sources()["SRC lims"]
		missing := s.Heartbeats.Missing()
		if len(missing) != 1 || wire.FormatDay(missing[0].First) != dayBefore(w.now(), 3) || s.Heartbeats.LastDay() != dayBefore(w.now(), 2) {
			t.Errorf("heartbeats: %+v", s.Heartbeats)
		}
		if want := []stream.Fault{stream.FaultGaps, stream.FaultMissingDays, stream.FaultDeclared}; !slices.Equal(s.Faults, want) {
			t.Errorf("faults %v, want %v", s.Faults, want)
		}
		later := w.now().Add(time.Hour + time.Minute)
		list, _, err := w.log.Sources(w.ctx, later, "", [16]byte{}, 1000)
		if err != nil || !slices.ContainsFunc(list, func(s ledger.Source) bool { return slices.Contains(s.Faults, stream.FaultSilent) }) {
			t.Errorf("an hour of silence is not seen: %v", err)
		}

		before := w.sources()
		if _, err := w.rebuild(); err != nil {
			t.Fatal(err)
		}
		if after := w.sources(); !reflect.DeepEqual(after, before) {
			t.Errorf("rebuilt:\n%+v, was\n%+v", after, before)
		}
		w.checkLog()
	})
}

// The state of a stream full of gaps is bounded, and the stream never looks complete because of
// that.
func TestSourcesBound(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	var batch []*entry.Entry
	for n := uint64(1); n <= 2600; n += 2 {
		batch = append(batch, w.numbered(n))
	}
	w.log.Append(w.ctx, batch...)
	before := w.sources()["SRC lims"]
	if len(before.Gaps) > 1024 || uint64(len(before.Gaps))+before.Unlisted < 1299 || before.Unlisted == 0 {
		t.Errorf("%d gaps and %d numbers beyond them", len(before.Gaps), before.Unlisted)
	}
	if _, err := w.rebuild(); err != nil {
		t.Fatal(err)
	}
	if after := w.sources()["SRC lims"]; !reflect.DeepEqual(after, before) {
		t.Error("a rebuild makes another stream")
	}
	batch = nil
	for n := uint64(2); n < 2600; n += 2 {
		batch = append(batch, w.numbered(n))
	}
	w.log.Append(w.ctx, batch...)
	if s := w.sources()["SRC lims"]; len(s.Gaps) > 0 || s.Unlisted != before.Unlisted || s.Repeats != s.Unlisted ||
		!slices.Equal(s.Faults, []stream.Fault{stream.FaultGaps}) {
		t.Errorf("a stream whose gaps are no longer listed looks complete: %d gaps, %d numbers beyond them, %d repeats, faults %v",
			len(s.Gaps), s.Unlisted, s.Repeats, s.Faults)
	}
}

// A source that never reported an access has no heartbeat and no numbers: its name may be mistyped.
func TestHeartbeatOfNoSource(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	day := dayBefore(w.now(), 1)
	w.must(w.access(person)) // of "ehr"
	none := uint64(0)
	one := uint64(1)
	count := w.sign(w.source, &entry.SourceCount{Common: entry.Common{Issuer: "SRC", Audience: origin,
		ID: entry.SourceCountID(origin, "SRC", "her", day)}, Source: "her", Day: day, Sub: entry.RegSources,
		First: &one, Last: &none, Count: &none, Receipts: &none})
	beat, size := w.heartbeat("her", day), w.must(w.heartbeat("ehr", day)).Index+1
	for range 2 { // and it leaves nothing that would let it pass later
		for _, e := range []*entry.Entry{beat, count} {
			if r := w.log.Append(w.ctx, e)[0]; !errors.Is(r.Err, ledger.ErrNoAccess) {
				t.Errorf("%s: %v", e.Type, r.Err)
			}
		}
	}
	if list := w.sources(); len(list) != 1 || list["SRC ehr"].Entries != 1 {
		t.Errorf("%+v", list)
	}
	n := uint64(1)
	if r := w.must(w.access(person, func(a *entry.Access) { a.Source, a.Seq = "her", &n })); r.Index != size {
		t.Errorf("entry %d, want %d", r.Index, size)
	}
	w.must(beat)
	w.must(count)
}

// One heartbeat for each day, by a source, about a day that is over; numbers of a source under
// reg:sources only.
func TestHeartbeats(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	day := dayBefore(w.now(), 1)
	w.must(w.access(person))
	beat := w.heartbeat("ehr", day)
	first := w.must(beat)
	if r := w.must(beat); !r.Replayed || r.Index != first.Index {
		t.Errorf("sent again: %+v", r)
	}
	second := w.heartbeat("ehr", day, func(h *entry.Heartbeat) { h.Gaps = true })
	if r := w.log.Append(w.ctx, second)[0]; !errors.Is(r.Err, ledger.ErrConflict) {
		t.Errorf("another heartbeat for the same day: %v", r.Err)
	}
	auditor, key := signer(t, wire.EdDSA), signer(t, wire.EdDSA)
	w.enrol("AUD", auditor, entry.RoleAuditor)
	w.must(w.addKey("AUD", auditor, key, entry.PurposeSubmit))
	foreign := w.sign(key, &entry.Heartbeat{Common: entry.Common{Issuer: "AUD", Audience: origin,
		ID: entry.HeartbeatID(origin, "AUD", "ehr", day)}, Source: "ehr", Day: day, Interval: 60})
	if r := w.log.Append(w.ctx, foreign)[0]; !errors.Is(r.Err, wire.WrongPurpose) {
		t.Errorf("a heartbeat of an organisation that is not a source: %v", r.Err)
	}
	n := uint64(3)
	one := uint64(1)
	count := &entry.SourceCount{Common: entry.Common{Issuer: "SRC", Audience: origin, ID: entry.SourceCountID(origin, "SRC", "ehr", day)},
		Source: "ehr", Day: day, Sub: entry.RegSources, First: &one, Last: &n, Count: &n, Receipts: &n}
	e := w.sign(w.source, count)
	r := w.must(e)
	w.checkReceipt(e, r)
	if len(r.Flags) != 0 {
		t.Errorf("flags %v", r.Flags)
	}
	total, list, err := w.log.History(w.ctx, entry.RegSources, ^uint64(0), 10)
	if err != nil || total != 1 || list[0].Index != r.Index {
		t.Errorf("reg:sources holds %d entries, %v", total, err)
	}
	bare, err := entry.Parse(e.Compact + "~")
	if err != nil {
		t.Fatal(err)
	}
	if r := w.log.Append(w.ctx, bare)[0]; !errors.Is(r.Err, wire.BadDisclosure) {
		t.Errorf("numbers that are not filed where they can be found: %v", r.Err)
	}
	if got := w.sources()["SRC ehr"]; got.Heartbeats.LastDay() != day || got.Entries != 1 {
		t.Errorf("%+v", got)
	}
	w.checkLog()
}

// A source that invents stream names gets a bounded number of states. All its accesses are taken:
// those of further streams with a flag, and counted together. A rebuild finds the same.
func TestStreamsAreBounded(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		cfg := w.config()
		cfg.MaxStreams = 3
		log, err := ledger.Open(w.ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { log.Close(w.ctx) })
		var batch []*entry.Entry
		for i := range 40 {
			batch = append(batch, w.access(person, func(a *entry.Access) { a.Source = fmt.Sprint("made-up-", i) }))
		}
		flagged := 0
		for _, part := range [][]*entry.Entry{batch[:1], batch[1:30], batch[30:]} {
			for _, r := range log.Append(w.ctx, part...) {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
				if slices.Contains(r.Flags, entry.FlagTooManyStreams) {
					flagged++
				}
			}
		}
		for _, r := range log.Append(w.ctx, w.heartbeat("made-up-99", dayBefore(w.now(), 1))) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		of := func(l *ledger.Log) (list []ledger.Source) {
			var after [16]byte
			for {
				page, next, err := l.Sources(w.ctx, w.now(), "SRC", after, 2)
				if err != nil || len(page) > 2 {
					t.Fatal(len(page), err)
				}
				list = append(list, page...)
				if next == [16]byte{} {
					return list
				}
				after = next
			}
		}
		list := of(log)
		if len(list) != 4 || flagged != 37 {
			t.Fatalf("%d streams and %d flagged accesses, want 3 and one for all others, and 37", len(list), flagged)
		}
		i := slices.IndexFunc(list, func(s ledger.Source) bool { return s.Source == "" })
		if others := list[i]; others.Entries != 37 || !slices.Contains(others.Faults, stream.FaultTooMany) {
			t.Errorf("%+v", others)
		}
		if other, _, err := log.Sources(w.ctx, w.now(), "REG", [16]byte{}, 100); err != nil || len(other) != 0 {
			t.Errorf("%d streams of another organisation, %v", len(other), err)
		}
		for _, l := range []*ledger.Log{w.log, log} { // a rebuild works alone
			if err := l.Close(w.ctx); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := ledger.Rebuild(w.ctx, cfg, nil); err != nil {
			t.Fatal(err)
		}
		log, err = ledger.Open(w.ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if after := of(log); !reflect.DeepEqual(after, list) {
			t.Errorf("rebuilt:\n%+v, was\n%+v", after, list)
		}
	})
}
