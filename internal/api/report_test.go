package api

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/internal/client"
	"igledger/internal/report"
	"igledger/ledger/entry"
	"igledger/ledger/register"
)

const second = "nhs:9434765919" // of no person

// report returns the positions that a report lists, as an auditor.
func (b *board) report(q client.ReportRequest) ([]uint64, *client.Report) {
	b.Helper()
	q.Purpose = []string{"HCOMPL"}
	r, err := b.client(b.audit["AUD"], "AUD").Report(b.Context(), q)
	b.ok(err)
	var list []uint64
	for _, a := range r.Accesses {
		list = append(list, a.Index)
	}
	return list, r
}

// The report of uncovered accesses lists exactly those, at every step of an agreement's life. It
// names the organisation, but not the person or the nurse.
func TestReportUncovered(t *testing.T) {
	b := newBoard(t)
	var want []uint64
	add := func(uncovered bool, a *entry.Access) {
		t.Helper()
		r := b.append(b.submit[a.Issuer], a)
		if uncovered != (r.Verdict.Result == entry.NotCovered) {
			t.Fatalf("the verdict is %+v", r.Verdict)
		}
		if uncovered {
			want = append(want, r.Index)
		}
	}
	add(true, b.shared(person))
	b.agree(b.isa("isa-1", 1))
	add(false, b.shared(person))
	add(false, b.access("SRC", second))
	add(false, b.shared(person, breakGlass))
	b.act("SRC", "isa-1", "terminate")
	add(true, b.shared(second))
	if _, err := b.pep().Decide(t.Context(), questionOf(b.shared(person))); err != nil { // an attempt is no access
		t.Fatal(err)
	}
	foreign := b.access("OTH", person)
	foreign.Purpose = []string{"HMARKT"}
	add(true, foreign)
	refused, decided := b.access("OTH", person), b.access("OTH", person)
	refused.Purpose, refused.Outcome = []string{"HMARKT"}, "8"
	decided.Purpose, decided.Action = []string{"HMARKT"}, "E"
	decided.Event = []string{"http://dicom.nema.org/resources/ontology/DCM|110113",
		"https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType|AuthZ-Consent"}
	var tried []uint64
	for _, a := range []*entry.Access{refused, decided} {
		r := b.append(b.submit[a.Issuer], a)
		tried = append(tried, r.Index)
	}
	got, r := b.report(client.ReportRequest{Kind: client.Uncovered})
	if !slices.Equal(got, want) || r.Seen != 6 || r.Attempts != 2 {
		t.Errorf("reported %v of %d accesses and %d attempts, want %v of 6 and 2", got, r.Seen, r.Attempts, want)
	}
	if got, r := b.report(client.ReportRequest{Kind: client.Attempts, Organisation: "OTH"}); !slices.Equal(got, tried) ||
		r.Accesses[0].Act != entry.ActAttempt || r.Accesses[1].Act != entry.ActDecision ||
		r.Accesses[0].Verdict.Result != entry.AttemptOnly || r.Accesses[1].Verdict.Result != entry.DecisionOnly {
		t.Errorf("attempts and decisions: %v %+v", got, r.Accesses)
	}
	if x := r.Accesses[1]; x.Organisation != "CTL" || x.Holder != "SRC" ||
		!slices.Equal(x.Verdict.Rules, []string{"agreement-in-force"}) || x.Verdict.Version != 1 ||
		len(x.Verdict.Plain) != 2 || x.ID == "" {
		t.Errorf("%+v", x)
	}
	for org, n := range map[string]int{"SRC": 2, "CTL": 2, "OTH": 1, "PRC": 0} {
		if got, _ := b.report(client.ReportRequest{Kind: client.Uncovered, Organisation: org}); len(got) != n {
			t.Errorf("%d are of %s, want %d", len(got), org, n)
		}
	}
	body := b.do("POST", "/v1/reports", `{"kind":"uncovered","purpose":["HCOMPL"]}`, "Authorization",
		"Bearer "+b.token(b.audit["AUD"], "AUD")).body
	for _, secret := range []string{"0101011237", "9434765919", "Ailsa", "N-1234", "ward round"} {
		if strings.Contains(string(body), secret) {
			t.Errorf("the report tells %q: %s", secret, body)
		}
	}
}

// An override is reported until a later access by the same organisation to the same record says
// that it follows it up.
func TestReportBreakGlass(t *testing.T) {
	b := newBoard(t)
	override := func(id string) (uint64, string) {
		t.Helper()
		e := b.sign(b.submit["SRC"], b.shared(id, breakGlass))
		r := b.log.Append(t.Context(), e)[0]
		b.ok(r.Err)
		return r.Index, e.ID
	}
	follow := func(org, id, words string) {
		t.Helper()
		a := b.access("SRC", id)
		a.Org, a.Purpose, a.Text = org, []string{"HOPERAT"}, &entry.Text{Why: words}
		b.append(b.submit["SRC"], a)
	}
	first, jti := override(person)
	next, other := override(person)
	open := func(want ...uint64) {
		t.Helper()
		if got, r := b.report(client.ReportRequest{Kind: client.BreakGlass}); !slices.Equal(got, want) {
			t.Errorf("reported %v, want %v", got, want)
		} else if len(got) > 0 && r.Accesses[0].ID != jti && r.Accesses[0].ID != other {
			t.Errorf("reported under %s", r.Accesses[0].ID)
		}
	}
	open(first, next)
	follow("CTL", person, "follow-up of another thing")
	follow("CTL", second, client.FollowUp+jti)
	follow("SRC", person, client.FollowUp+jti)
	open(first, next)
	follow("CTL", person, "Caldicott review, "+client.FollowUp+jti+": the patient was unconscious")
	open(next)
	follow("CTL", person, client.FollowUp+other)
	open()
}

// When as many reports are made as the limit says, another is told to come back.
func TestReportsAtOnce(t *testing.T) {
	b := newBoard(t)
	a := newAPI(Config{Log: b.log}, routes)
	a.reports = report.New(b.log, time.Now, 0, time.Minute)
	r := httptest.NewRequest("POST", "/v1/reports", strings.NewReader(`{"kind":"uncovered","purpose":["HCOMPL"]}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+b.token(b.audit["AUD"], "AUD"))
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	if w.Code != 503 {
		t.Errorf("a report too many: %d", w.Code)
	}
}

// BenchmarkReportBreakGlass is one page of a report over 1,000 accesses of one person.
func BenchmarkReportBreakGlass(b *testing.B) {
	w := newBoard(b)
	for range 1000 {
		w.append(w.submit["SRC"], w.shared(person, breakGlass))
	}
	for b.Loop() {
		if got, _ := w.report(client.ReportRequest{Kind: client.BreakGlass}); len(got) != 1000 {
			b.Fatal(len(got))
		}
	}
}

func TestReportDue(t *testing.T) {
	b := newBoard(t)
	b.agree(b.isa("isa-1", 1))
	b.agree(b.isa("isa-2", 1, func(t *entry.AgreementText) { t.ReviewDue = time.Now().UTC().AddDate(0, 0, -5).Format(time.DateOnly) }))
	b.agree(b.isa("isa-3", 1, func(t *entry.AgreementText) { t.ReviewDue = t.End }))
	before := b.size()
	for _, c := range []struct {
		q    client.ReportRequest
		want []string
	}{
		{client.ReportRequest{}, []string{"isa-2 true", "isa-1 false"}},
		{client.ReportRequest{Within: 30}, []string{"isa-2 true"}},
		{client.ReportRequest{Within: 365}, []string{"isa-2 true", "isa-1 false", "isa-3 false"}},
		{client.ReportRequest{Organisation: "PRC"}, nil},
	} {
		c.q.Kind = client.Due
		_, r := b.report(c.q)
		var got []string
		for _, d := range r.Due {
			got = append(got, fmt.Sprint(d.ID, " ", d.Overdue))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.q, got, c.want)
		}
	}
	if b.size() != before {
		t.Error("a public report was logged as a reading of everyone's data")
	}
}

// Drift is counted by what does not fit. What fits is not drift: wider codes cover narrower ones,
// one role of several is enough, and machines have none.
func TestReportDrift(t *testing.T) {
	b := newBoard(t)
	b.agree(b.isa("isa-1", 1))
	for _, change := range []func(*entry.Access){
		func(*entry.Access) {},
		func(a *entry.Access) { a.Purpose = []string{"ETREAT"} },
		func(a *entry.Access) { a.Role = []string{"clerk", "nurse"} },
		func(a *entry.Access) { a.Role, a.Machine = nil, true },
		func(a *entry.Access) { a.Purpose = []string{"TREAT", "HPAYMT"} },
		func(a *entry.Access) { a.Purpose = []string{"HPAYMT"} },
		func(a *entry.Access) { a.Data = append(a.Data, sct+"1") },
		func(a *entry.Access) { a.Data = nil },
		func(a *entry.Access) { a.Role = []string{"clerk"} },
		func(a *entry.Access) { a.Emergency, a.Purpose = true, []string{"HPAYMT"} },
		func(a *entry.Access) { a.Agreement = "isa-9" },
	} {
		b.append(b.submit["SRC"], b.shared(person, change))
	}
	_, r := b.report(client.ReportRequest{Kind: client.Drift})
	var got []string
	for _, d := range r.Drift {
		if d.Agreement != "isa-1" || d.Version != 1 || d.Organisation != "CTL" || d.First > d.Last ||
			d.Count > 1 != (d.First < d.Last) {
			t.Errorf("%+v", d)
		}
		got = append(got, fmt.Sprint(d.Field, " ", d.Code, " ", d.Count))
	}
	slices.Sort(got)
	want := []string{"data  1", "data " + sct + "1 1", "purpose HPAYMT 2", "role clerk 1"}
	if !slices.Equal(got, want) || r.Seen != 11 {
		t.Errorf("%q of %d accesses, want %q", got, r.Seen, want)
	}
}

// The period is about when the ledger took an access. Its beginning is found even among public
// entries.
func TestReportPeriod(t *testing.T) {
	start := time.Now().UTC().Truncate(time.Second)
	now := start
	b := newBoardAt(t, func() time.Time { return now })
	var at []uint64
	for i := range 6 {
		a := b.shared(person)
		a.Recorded, a.IssuedAt = now.Format(time.RFC3339), now.Unix()
		at = append(at, b.append(b.submit["SRC"], a).Index)
		for range 3 * i { // public entries in between
			now = now.Add(time.Minute)
			b.addKey("PRC", entry.PurposeAudit)
		}
		now = now.Add(24 * time.Hour)
	}
	server := httptest.NewServer(New(Config{Log: b.log, Now: func() time.Time { return now }}))
	t.Cleanup(server.Close)
	c := &client.Client{Base: server.URL, Token: func() (string, error) {
		return register.SignCaller(b.audit["AUD"], origin, "AUD", "ig-office", now)
	}}
	day2 := start.Add(24 * time.Hour)
	for _, p := range []struct {
		name     string
		from, to time.Time
		want     []uint64
	}{
		{"all", time.Time{}, time.Time{}, at},
		{"from the second", day2, time.Time{}, at[1:]},
		{"from just after the second", day2.Add(time.Second), time.Time{}, at[2:]},
		{"to the second", time.Time{}, day2, at[:1]},
		{"the second alone", day2, day2.Add(time.Second), at[1:2]},
		{"the last days", start.Add(72 * time.Hour), time.Time{}, at[3:]},
		{"before all", start.Add(-time.Hour), start, nil},
		{"after all", now.Add(time.Hour), time.Time{}, nil},
	} {
		q := client.ReportRequest{Kind: client.Uncovered, Purpose: []string{"HCOMPL"}}
		if !p.from.IsZero() {
			q.From = p.from.Format(time.RFC3339)
		}
		if !p.to.IsZero() {
			q.To = p.to.Format(time.RFC3339)
		}
		r, err := c.Report(t.Context(), q)
		b.ok(err)
		var got []uint64
		for _, a := range r.Accesses {
			got = append(got, a.Index)
		}
		if !slices.Equal(got, p.want) {
			t.Errorf("%s: %v, want %v", p.name, got, p.want)
		}
	}
}

// A long report comes in pages, which the client puts together: nothing is lost or told twice.
func TestReportInPages(t *testing.T) {
	b := newBoard(t)
	b.agree(b.isa("isa-1", 1))
	const most = 1000 // see package report; a page reads some leaves at once, and so may be longer
	n := most + 128
	var list []*entry.Entry
	for range n {
		list = append(list, b.sign(b.submit["SRC"], b.shared(person, func(a *entry.Access) { a.Purpose = []string{"HPAYMT"} })))
	}
	for part := range slices.Chunk(list, 500) {
		for _, r := range b.log.Append(t.Context(), part...) {
			b.ok(r.Err)
		}
	}
	var page client.Report
	b.ok(json.Unmarshal(b.do("POST", "/v1/reports", `{"kind":"uncovered","purpose":["HCOMPL"]}`,
		"Authorization", "Bearer "+b.token(b.audit["AUD"], "AUD")).body, &page))
	if len(page.Accesses) < most || len(page.Accesses) >= n || page.Next == 0 {
		t.Errorf("%d on the first page, next %d", len(page.Accesses), page.Next)
	}
	got, r := b.report(client.ReportRequest{Kind: client.Uncovered})
	if len(got) != n || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != n || r.Next != 0 {
		t.Errorf("%d in all, want %d", len(got), n)
	}
	_, r = b.report(client.ReportRequest{Kind: client.Drift})
	if len(r.Drift) != 1 || r.Drift[0].Count != uint64(n) {
		t.Errorf("%+v", r.Drift)
	}
}

// An organisation gets reports on itself, and auditors on all. A report that reads accesses is
// logged as a reading of everyone's data, once a day.
func TestReportCallers(t *testing.T) {
	b := newBoard(t)
	b.append(b.submit["SRC"], b.shared(person))
	ctl, aud := b.client(b.audit["CTL"], "CTL"), b.client(b.audit["AUD"], "AUD")
	ctl.Purpose, aud.Purpose = []string{"HCOMPL"}, []string{"HCOMPL"}
	for range 2 { // the second is not logged again
		r, err := ctl.Report(t.Context(), client.ReportRequest{Kind: client.Uncovered})
		if err != nil || len(r.Accesses) != 1 || r.Organisation != "CTL" {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if h := b.history(entry.RegEveryone); len(h) != 1 || h[0].Body.(*entry.Access).Org != "CTL" {
		t.Errorf("%d readings are logged", len(h))
	}
	_, err := ctl.Report(t.Context(), client.ReportRequest{Kind: client.Uncovered, Organisation: "SRC"})
	wantProblem(t, err, 403, forbidden)
	_, err = b.client(b.audit["PRC"], "PRC").Report(t.Context(), client.ReportRequest{Kind: client.Uncovered})
	wantProblem(t, err, 403, forbidden)
	_, err = b.pep().Report(t.Context(), client.ReportRequest{Kind: client.Due})
	wantProblem(t, err, 403, forbidden)
	auth := "Bearer " + b.token(b.audit["AUD"], "AUD")
	for _, body := range []string{`{}`, `{"kind":"all"}`, `{"kind":"uncovered","from":"yesterday"}`,
		`{"kind":"uncovered","from":"2026-11-02T7:00:00Z"}`, `{"kind":"uncovered","to":"2026-11-02T07:00:00,5Z"}`,
		`{"kind":"uncovered","from":"2026-11-02T00:00:00Z","to":"2026-11-01T00:00:00Z"}`, `{"kind":"due","within":-1}`,
		`{"kind":"uncovered","organisation":"a b"}`, `{"kind":"uncovered","purpose":[""]}`, `{"kind":"uncovered","person":"x"}`} {
		if code := b.do("POST", "/v1/reports", body, "Authorization", auth).problem(t); code != badRequest {
			t.Errorf("%s: %s", body, code)
		}
	}
	b.append(b.registrar, &entry.KeyRevocation{Common: common("REG"), Org: "OPR", KID: b.world.keys.Operator.KID, Reason: "retired"})
	aud.Attempts = 1
	_, err = aud.Report(t.Context(), client.ReportRequest{Kind: client.Uncovered})
	wantProblem(t, err, 503, keyMismatch)
	if _, err := aud.Report(t.Context(), client.ReportRequest{Kind: client.Due}); err != nil {
		t.Error(err)
	}
}
