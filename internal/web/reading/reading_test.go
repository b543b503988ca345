package reading_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"igledger/audit/plain"
	"igledger/internal/testlog"
	"igledger/internal/web/reading"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/verifier"
)

var english = plain.In(plain.English)

var now = time.Unix(testlog.Now, 0).Add(time.Hour)

type world struct {
	*testlog.Sample
	witnesses, auditors []*testlog.Cosigner
}

func newWorld() *world {
	return &world{testlog.NewSample("ledger.example.test/2026"), []*testlog.Cosigner{testlog.NewCosigner("w.test/w"), testlog.NewCosigner("v.test/w")},
		[]*testlog.Cosigner{testlog.NewCosigner("a.test/a"), testlog.NewCosigner("b.test/a")}}
}

func (w *world) claim() testlog.Claim { return w.claimWhile(func() {}) }

// claimWhile claims an index root that does not cover what add appends.
func (w *world) claimWhile(add func()) testlog.Claim {
	c := testlog.Claim{
		ID: w.IDs[0], IndexRoot: w.AddIndexRootWhile(add),
		Cosigners: append(append([]*testlog.Cosigner{}, w.witnesses...), w.auditors...),
	}
	w.AddRandom(3)
	return c
}

func (w *world) read(t *testing.T, s *bundle.Statement, policy string) *reading.Report {
	t.Helper()
	data, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return reading.Read(reading.Input{Statement: data, Policy: policy, ID: w.IDs[0], Now: now})
}

var update = flag.Bool("update", false, "write the golden files")

// random matches what differs from run to run: hashes and ids of keys.
var random = regexp.MustCompile(`[0-9a-f]{40,}|[A-Za-z0-9_-]{43}\b`)

// golden compares a report as JSON with testdata/name.golden, where its wording is. With -update it
// writes the file.
func golden(t *testing.T, name string, r *reading.Report) {
	t.Helper()
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	data = append(random.ReplaceAll(data, []byte("#")), '\n')
	path := "testdata/" + name + ".golden"
	if *update {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, want) {
		t.Errorf("the report differs from %s; if that is meant, run the test with -update and read the difference\n%s", path, data)
	}
}

// TestWords compares a good and a bad report with golden files.
func TestWords(t *testing.T) {
	w := newWorld()
	policy := string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors))
	c := w.claimWhile(func() { w.AddSealed(w.Access("lothian", w.Second, w.IDs[0]), w.IDs[0]) })
	golden(t, "good", w.read(t, w.Statement(c), policy))
	c.Omit = map[uint64]bool{w.Accesses[0]: true}
	golden(t, "bad", w.read(t, w.Statement(c), policy))
}

func TestReport(t *testing.T) {
	w := newWorld()
	policy := string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors))
	var later uint64
	c := w.claimWhile(func() { later = w.AddSealed(w.Access("lothian", w.Second, w.IDs[0]), w.IDs[0]) })
	r := w.read(t, w.Statement(c), policy)
	if r.Verdict != reading.Whole || !r.Authentic || !r.Complete || r.CompleteAsOf == nil || *r.CompleteAsOf != later ||
		r.OperatorAlone || r.Fresh != reading.Fresh || r.AsOf != "2026-11-22T09:00:00Z" || r.Problem != "" {
		t.Fatalf("%+v", r)
	}
	if n := len(r.Entries); n != 3 || r.Entries[0].Newer || !r.Entries[2].Newer || r.Entries[2].Entry != later || len(r.Entries[2].Remarks) == 0 {
		t.Errorf("entries: %+v", r.Entries)
	}
	want := reading.Entry{Entry: w.Accesses[0], When: "2026-11-22T08:59:30Z", Who: "Board lothian (lothian)", Role: "doctor", Person: "Dr Morag Mackay", System: "Emergency Department", Act: "access", What: "read test results and measurements",
		Why: "to give you care; chest pain, seen in A&E", Result: "succeeded", ReportedBy: "Board lothian (lothian)", Received: "2026-11-22T09:00:01Z"}
	if !reflect.DeepEqual(r.Entries[0], want) {
		t.Errorf("got  %+v\nwant %+v", r.Entries[0], want)
	}
	for _, c := range r.Checks {
		if c.Status != verifier.OK || c.Title == c.Name {
			t.Errorf("check %+v", c)
		}
	}
	if data, err := json.Marshal(r); err != nil || strings.Contains(string(data), w.IDs[0]) || strings.Contains(string(data), "0101011237") {
		t.Errorf("the report repeats the id, or %v", err)
	}

}

// TestPeriod: the reader says which days were asked for, and a file about anything else is refused.
func TestPeriod(t *testing.T) {
	w := newWorld()
	access := func() { w.AddSealed(w.Access("lothian", w.Second, w.IDs[0]), w.IDs[0]) }
	before := w.AddIndexRootAt(testlog.Now - 86400)
	access()
	w.AddSealed(w.Access("lothian", w.Second, entry.RegEveryone), entry.RegEveryone)
	after := w.AddIndexRootAt(testlog.Now)
	access()
	policy := string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors))
	c := w.claim()
	const days = "2026-11-21..2026-11-21"
	c.Period = w.Log.Period(days, 0, after)
	read := func(days string) *reading.Report {
		return reading.Read(reading.Input{Statement: testlog.StatementJSON(w.Statement(c)), Policy: policy, ID: w.IDs[0], Period: days, Now: now})
	}
	r := read(days)
	if r.Verdict != reading.Whole || r.Scope != "period" || r.Period != days || r.Reason != "" || r.Hidden != 1 ||
		len(r.Entries) != 3 || r.EveryoneHidden != 0 {
		t.Errorf("%s: %s; %d hidden, %d shown", r.Verdict, r.Reason, r.Hidden, len(r.Entries))
	}
	for _, other := range []string{"", "2026-11-20..2026-11-21"} {
		if r := read(other); r.Verdict != reading.Refused || r.Complete || !strings.HasPrefix(r.Reason, "scope: ") {
			t.Errorf("asked for %q: %s: %s", other, r.Verdict, r.Reason)
		}
	}
	if r := read("2026-11-21"); r.Verdict != reading.Unreadable || r.Problem == "" {
		t.Errorf("one day: %s", r.Verdict)
	}
	const later = "2026-11-22..2026-11-22"
	c.Period = w.Log.Period(later, before, 0)
	if r := read(later); r.Verdict != reading.Incomplete || r.Complete || r.Reason == "" || r.EveryoneHidden != 0 {
		t.Errorf("a day that is not over: %s: %s", r.Verdict, r.Reason)
	}
}

// TestVerdictFollowsOutcome: green is only what igverify ends with 0 for.
func TestVerdictFollowsOutcome(t *testing.T) {
	w := newWorld()
	data := testlog.StatementJSON(w.Statement(w.claim()))
	policy := string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors))
	for name, c := range map[string]struct {
		policy  string
		now     time.Time
		verdict reading.Verdict
		fresh   reading.Age
	}{
		"recent":              {policy, now, reading.Whole, reading.Fresh},
		"old":                 {policy, now.Add(48 * time.Hour), reading.Old, reading.Stale},
		"without a clock":     {policy, time.Time{}, reading.Old, reading.UnknownAge},
		"the operator's date": {w.Key, now, reading.Whole, reading.Fresh},
		"an old one":          {w.Key, now.Add(48 * time.Hour), reading.Old, reading.Stale},
	} {
		r := reading.Read(reading.Input{Statement: data, Policy: c.policy, ID: w.IDs[0], Now: c.now})
		if r.Verdict != c.verdict || r.Fresh != c.fresh || (r.Reason == "") != (r.Verdict == reading.Whole) || !r.Complete {
			t.Errorf("%s: %s, %s: %s", name, r.Verdict, r.Fresh, r.Reason)
		}
	}
}

// TestWhoseWord: completeness without enough auditors is never shown as more than the operator's
// word.
func TestWhoseWord(t *testing.T) {
	w := newWorld()
	c := w.claim()
	one := c
	one.Cosigners = append(append([]*testlog.Cosigner{}, w.witnesses...), w.auditors[0])
	all := string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors))
	onlyWitnesses := strings.Replace(all, "quorum both", "quorum witnesses", 1)
	for name, tt := range map[string]struct {
		claim    testlog.Claim
		policy   string
		verdict  reading.Verdict
		operator bool
	}{
		"all":                                     {c, all, reading.Whole, false},
		"all, with CRLF and no last line feed":    {c, strings.TrimSpace(strings.ReplaceAll(all, "\n", "\r\n")), reading.Whole, false},
		"the log's key alone":                     {c, " " + w.Key + "\r\n", reading.Whole, true},
		"one of two auditors, both asked for":     {one, all, reading.Refused, false},
		"one of two auditors, none asked for":     {one, onlyWitnesses, reading.Whole, true},
		"both auditors, though none is asked for": {c, onlyWitnesses, reading.Whole, false},
	} {
		if r := w.read(t, w.Statement(tt.claim), tt.policy); r.Verdict != tt.verdict || r.OperatorAlone != tt.operator {
			t.Errorf("%s: %s, operator alone %t: %s", name, r.Verdict, r.OperatorAlone, r.Says.Complete)
		}
	}
}

func TestExtract(t *testing.T) {
	w := newWorld()
	data, err := w.Extract(w.claim(), w.Accesses[0]).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", w.IDs[0]} {
		if r := reading.Read(reading.Input{Statement: data, Policy: w.Key, ID: id}); r.Kind != "extract" || r.Verdict != reading.Incomplete || r.Complete || r.Fresh != reading.UnknownAge || len(r.Entries) != 1 {
			t.Errorf("%+v", r)
		}
	}
	if r := reading.Read(reading.Input{Statement: data, Policy: w.Key, ID: w.IDs[1]}); r.Verdict != reading.Refused {
		t.Errorf("for another id: %s", r.Verdict)
	}
}

// TestUnreadable: whatever the input is, Read returns a report, and it says what is wrong.
func TestUnreadable(t *testing.T) {
	w := newWorld()
	data, err := w.Statement(w.claim()).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		in   reading.Input
		says string
	}{
		"nothing":              {reading.Input{}, "none was given"},
		"no policy":            {reading.Input{Statement: data, Policy: " \r\n", ID: w.IDs[0]}, "none was given"},
		"a policy of nonsense": {reading.Input{Statement: data, Policy: "log x\nquorum none\n", ID: w.IDs[0]}, "line 1"},
		"no file":              {reading.Input{Policy: w.Key, ID: w.IDs[0]}, "empty"},
		"another file":         {reading.Input{Statement: []byte(`{"format":"x"}`), Policy: w.Key, ID: w.IDs[0]}, "neither"},
		"a list":               {reading.Input{Statement: []byte(`["format","igledger-statement/1"]`), Policy: w.Key, ID: w.IDs[0]}, "neither"},
		"no id":                {reading.Input{Statement: data, Policy: w.Key}, "number"},
		"no such id":           {reading.Input{Statement: data, Policy: w.Key, ID: "chi:12345"}, "number"},
		"nested":               {reading.Input{Statement: []byte(strings.Repeat(`{"a":[`, 40)), Policy: w.Key, ID: w.IDs[0]}, "nested"},
	} {
		if r := reading.Read(tt.in); r.Verdict != reading.Unreadable || r.Authentic || r.Complete || !strings.Contains(r.Problem, tt.says) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := reading.Read(reading.Input{Statement: data, Policy: w.Key, ID: "chi:0101011238"}); r.Verdict != reading.Refused || r.Hint == "" {
		t.Errorf("a typing error: %s, hint %q", r.Verdict, r.Hint)
	}
	brackets := strings.Replace(string(data), `"origin":"`, `"origin":"`+strings.Repeat(`[\"{`, 100), 1)
	if r := reading.Read(reading.Input{Statement: []byte(brackets), Policy: w.Key, ID: w.IDs[0]}); r.Verdict != reading.Refused {
		t.Errorf("brackets inside a string count as nesting: %s", r.Problem)
	}
}

// FuzzRead: no statement makes a page that misleads by its form, and what was altered is never
// whole with other content.
func FuzzRead(f *testing.F) {
	w := newWorld()
	data, err := w.Statement(w.claim()).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	honest := reading.Read(reading.Input{Statement: data, Policy: w.Key, ID: w.IDs[0], Now: now})
	f.Add(data, w.IDs[0])
	f.Add([]byte(`{"format":"igledger-extract/1"`), "")
	f.Fuzz(func(t *testing.T, data []byte, id string) {
		r := reading.Read(reading.Input{Statement: data, Policy: w.Key, ID: id, Now: now})
		if r.Complete && (id != w.IDs[0] || len(r.Entries) != len(honest.Entries)) {
			t.Error("an altered statement is complete")
		}
		walk(reflect.ValueOf(r), func(s string) {
			for _, c := range s {
				if unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
					t.Errorf("U+%04X is shown", c)
				}
			}
			if len(s) > 20000 {
				t.Errorf("a text of %d bytes is shown", len(s))
			}
		})
	})
}

// walk calls f for each string inside v.
func walk(v reflect.Value, f func(string)) {
	switch v.Kind() {
	case reflect.String:
		f(v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			walk(v.Field(i), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), f)
		}
	}
}

// TestDependencies: what reads a statement travels to every reader's device, and must not bring a
// database or a network along.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "igledger/internal/web/reading").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, dep := range strings.Fields(string(out)) {
		for _, word := range []string{"trillian", "pgx", "sqlite", "grpc", "huma", "prometheus", "cedar", "igledger/ledger/storage"} {
			if strings.Contains(dep, word) || dep == "net/http" || dep == "database/sql" || dep == "igledger/ledger" {
				t.Errorf("depends on %s", dep)
			}
		}
	}
}

// TestEveryone: reads of everyone's data are shown apart, and as complete as the reader's own.
func TestEveryone(t *testing.T) {
	w := newWorld()
	policy := string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors))
	first := w.AddSealed(w.Access("lothian", w.Second, entry.RegEveryone), entry.RegEveryone)
	w.AddSealed(w.Access("lothian", w.Second, entry.RegEveryone), entry.RegEveryone)
	c := w.claim()
	r := w.read(t, w.Statement(c), policy)
	if r.Verdict != reading.Whole || len(r.Entries) != 2 || len(r.Everyone) != 2 || r.Everyone[0].Entry != first || r.Everyone[0].Why == "" || r.EveryoneHidden != 0 {
		t.Errorf("%s, %d and %+v", r.Verdict, len(r.Entries), r.Everyone)
	}
	c.Alone = true
	if r := w.read(t, w.Statement(c), policy); r.Verdict != reading.Refused {
		t.Errorf("without them: %s", r.Verdict)
	}
}

func TestLinked(t *testing.T) {
	w := newWorld()
	me, other := w.IDs[0], w.IDs[2]
	link := w.AddSealed(w.Link("lothian", w.Second, "linked", me, other), me)
	c := w.claim()
	policy := string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors))
	r := w.read(t, w.Statement(c), policy)
	if r.Verdict != reading.Whole || len(r.Entries) != 3 || len(r.Linked) != 1 {
		t.Fatalf("%s, %d entries, %d linked: %s", r.Verdict, len(r.Entries), len(r.Linked), r.Says.Complete)
	}
	if l := r.Linked[0]; l.ID != other || l.Link != link || !l.OneSided || len(l.Entries) != 2 || l.Hidden != 0 || l.Entries[0].Who != "Board lothian (lothian)" {
		t.Errorf("%+v", l)
	}
	if e := r.Entries[2]; e.Who != "Board lothian (lothian)" || e.What != english.Text("link.linked") || e.Why != "one person, two numbers" {
		t.Errorf("the link itself: %+v", e)
	}
	if data, err := json.Marshal(r); err != nil || strings.Contains(string(data), me) {
		t.Errorf("the report repeats the id, or %v", err)
	}
	for _, c := range r.Checks {
		if c.Status != verifier.OK || c.Title == c.Name {
			t.Errorf("check %+v", c)
		}
	}
	c.Linked = []string{}
	if r := w.read(t, w.Statement(c), policy); r.Verdict != reading.Refused || len(r.Linked) != 0 {
		t.Errorf("without it: %s", r.Verdict)
	}
}

// The verdict is shown as what it is: the ledger's word.
func TestVerdictIsTheLedgersWord(t *testing.T) {
	for _, result := range []entry.VerdictResult{entry.Covered, entry.BreakGlass, entry.NotCovered} {
		w := newWorld()
		v := &entry.Verdict{Result: result, Rules: []string{"agreement"}}
		w.Openings[w.Accesses[0]].Verdict = v
		r := w.read(t, w.Statement(w.claim()), string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors)))
		if got := r.Entries[0].Remarks; !slices.Equal(got, []string{english.LedgersWord(english.Verdict(v))}) {
			t.Errorf("%s: remarks %q", result, got)
		}
		if got := r.Entries[1].Remarks; len(got) > 0 {
			t.Errorf("%s: remarks %q of an entry without", result, got)
		}
	}
}

// TestDoubtful: what is not what it claims stands under a heading of its own, in no list.
func TestDoubtful(t *testing.T) {
	w := newWorld()
	policy := string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors))
	m, root := w.Size(), w.IndexAt(w.Size()).Root()
	invented := w.AddSealed(w.Access("lothian", testlog.Signer("EdDSA"), w.IDs[0]), w.IDs[0])
	r := w.read(t, w.Statement(testlog.Claim{ID: w.IDs[0], IndexRoot: w.AddIndexRootOf(m, root, w.Operator),
		Cosigners: slices.Concat(w.witnesses, w.auditors)}), policy)
	if r.Authentic || r.Verdict != reading.Refused || len(r.Doubtful) != 1 || r.Doubtful[0].Entry != invented ||
		!strings.HasPrefix(r.Doubtful[0].Remarks[0], "key-status: ") || r.DoubtfulTitle != english.Text(plain.Doubtful) {
		t.Errorf("%+v %q", r.Doubtful, r.DoubtfulTitle)
	}
	if slices.ContainsFunc(r.Entries, func(e reading.Entry) bool { return e.Entry == invented }) {
		t.Error("it stands in the list")
	}
}

// TestSavedByAnEditor: a file that an editor saved in another encoding is called that.
func TestSavedByAnEditor(t *testing.T) {
	w := newWorld()
	policy := string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors))
	good := string(testlog.StatementJSON(w.Statement(w.claim())))
	wide := "\xff\xfe"
	for _, c := range []byte(good) {
		wide += string([]byte{c, 0})
	}
	for name, data := range map[string]string{"byte-order mark": "\ufeff" + good, "UTF-16": wide} {
		r := reading.Read(reading.Input{Statement: []byte(data), Policy: policy, ID: w.IDs[0], Now: now})
		if r.Verdict != reading.Unreadable || !strings.Contains(r.Problem, name) || !strings.Contains(r.Problem, "UTF-8") {
			t.Errorf("%s: %s %q", name, r.Verdict, r.Problem)
		}
	}
	if r := reading.Read(reading.Input{
		Statement: []byte(good), Policy: "\ufeff" + policy, ID: w.IDs[0], Now: now,
	}); r.Verdict != reading.Whole {
		t.Errorf("a policy with a mark: %s %q", r.Verdict, r.Problem)
	}
}
