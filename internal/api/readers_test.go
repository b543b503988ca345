package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"igledger/internal/client"
	"igledger/internal/testneeds"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// desk is a client of an organisation that is a front desk.
func (b *board) desk() *client.Client {
	b.Helper()
	b.enrol("DSK", entry.RoleFrontDesk)
	return b.client(b.addKey("DSK", entry.PurposeFrontDesk), "DSK")
}

// The front desk reads a whole history for the person who asked, and the entry about the reading
// says which request it was for and how the person's identity was checked.
func TestFrontDeskReadsOnRequest(t *testing.T) {
	b := newBoard(t)
	b.append(b.submit["SRC"], b.access("SRC", person))
	c := b.desk()
	c.Purpose, c.Request, c.Identity = []string{"PATRQT"}, "SAR-2026-0042", entry.ByVouching
	page, err := c.Search(t.Context(), person, 0, 0)
	b.ok(err)
	if page.Scope != "whole" || page.Count != 1 || len(page.Accesses) != 1 {
		t.Errorf("%+v", page)
	}
	h := b.history(person)
	x := h[0].Body.(*entry.Access)
	if x.Org != "DSK" || x.Request != c.Request || x.Identity != c.Identity || readers.ExtentOf(x) != readers.Whole {
		t.Errorf("the reading is logged as %+v", x)
	}
	if err := readers.Check(x, []entry.Role{entry.RoleFrontDesk}); err != nil {
		t.Error(err)
	}
	c.Request, c.Identity = "", ""
	_, err = c.Search(t.Context(), person, 0, 0)
	wantProblem(t, err, 403, forbidden)
}

// An organisation reads what it did and what it holds. It is told nothing of what others did, nor
// of what the person decided, which is what restricts it.
func TestOrganisationReadsItsOwn(t *testing.T) {
	b := newBoard(t)
	f := b.withIndex()
	b.append(b.submit["OTH"], b.access("OTH", person))
	own := b.access("SRC", person)
	own.Org = "CTL"
	mine := b.append(b.submit["SRC"], own).Index
	b.refuse(person, "HRESCH")
	refused := b.size() - 1
	against := b.access("SRC", person)
	against.Org, against.Purpose = "CTL", []string{"HRESCH"}
	second := b.append(b.submit["SRC"], against).Index
	b.append(b.submit["OTH"], b.access("OTH", person))
	b.ok(f.Step(t.Context()))

	ctl := b.client(b.audit["CTL"], "CTL")
	page, err := ctl.Search(t.Context(), person, 0, 0)
	b.ok(err)
	if page.Scope != "own" || page.Count != 0 || len(page.Accesses) != 2 || page.Next != 0 ||
		page.Accesses[0].Index != second || page.Accesses[1].Index != mine {
		t.Fatalf("%+v", page)
	}
	if v := page.Accesses[0]; v.Verdict.Consent != "" || v.Opening.Verdict.Consent != "" {
		t.Error("the id of the person's consent is shown to an organisation that it restricts")
	}
	page, err = ctl.Search(t.Context(), person, 0, 1)
	b.ok(err)
	if len(page.Accesses) != 1 || page.Next != page.Accesses[0].Index {
		t.Errorf("a page of one: %+v", page)
	}
	data, err := ctl.Statement(t.Context(), client.StatementRequest{ID: person})
	b.ok(err)
	x := decodeAs[struct {
		Format  string
		Text    []string
		Entries []struct{ Index uint64 }
	}](data)
	for _, e := range x.Entries {
		o, err := b.log.Opening(t.Context(), e.Index)
		b.ok(err)
		parsed, err := entry.ParseParts(o.JWS, o.Disclosures)
		b.ok(err)
		if !readers.Owns("CTL", "OPR", parsed) {
			t.Errorf("entry %d is shown", e.Index)
		}
	}
	if x.Format != "igledger-extract/1" || len(x.Entries) < 2 || bytes.Contains(data, []byte(consentID)) {
		t.Errorf("a statement for an organisation is %s with %d entries", x.Format, len(x.Entries))
	}
	_, err = ctl.Statement(t.Context(), client.StatementRequest{ID: person, Extract: []uint64{mine, refused}})
	wantProblem(t, err, 404, notFound)
	// Who recorded the choice holds the record of it.
	src := b.client(b.addKey("SRC", entry.PurposeAudit), "SRC")
	page, err = src.Search(t.Context(), person, 0, 0)
	b.ok(err)
	if len(page.Accesses) != 3 || page.Accesses[1].Index != refused {
		t.Errorf("the recorder is shown %d entries", len(page.Accesses))
	}
}

// What an organisation is answered does not depend on whether there is a person, an entry or a
// consent that it may not see, nor does what someone is answered who may see nothing.
func TestAnswersThatTellNothing(t *testing.T) {
	b := newBoard(t)
	f := b.withIndex()
	other := b.append(b.submit["SRC"], b.access("SRC", person)).Index
	b.refuse(person, "HRESCH")
	choice := b.size() - 1
	register := b.append(b.submit["SRC"], b.access("SRC", entry.RegSources)).Index
	known := []string{"temp:SRC:1", "temp:SRC:2", person} // one for each question, because a reading is on record too
	for _, id := range known[:2] {
		b.append(b.submit["SRC"], b.access("SRC", id))
	}
	b.ok(f.Step(t.Context()))
	positions := []uint64{0, other, choice, register, 1 << 40}
	ctl := "Bearer " + b.token(b.audit["CTL"], "CTL")
	b.enrol("DSK", entry.RoleFrontDesk)
	desk := "Bearer " + b.token(b.addKey("DSK", entry.PurposeFrontDesk), "DSK")
	submit := "Bearer " + b.token(b.submit["OTH"], "OTH")
	same := func(what string, replies ...reply) {
		t.Helper()
		for _, r := range replies[1:] {
			if r.StatusCode != replies[0].StatusCode || !bytes.Equal(r.body, replies[0].body) {
				t.Errorf("%s: %d %s\nbut also %d %s", what, replies[0].StatusCode, replies[0].body, r.StatusCode, r.body)
			}
		}
	}
	for name, auth := range map[string]string{"controller": ctl, "front desk": desk, "source": submit, "nobody": ""} {
		var openings []reply
		for _, at := range positions {
			openings = append(openings, b.do("GET", fmt.Sprint("/v1/openings/", at, "?purpose=HCOMPL"), "", "Authorization", auth))
		}
		same("openings, "+name, openings...)
		for i, body := range []string{
			`{"id":"%s","purpose":["HCOMPL"]}`,
			`{"id":"%s","purpose":["HCOMPL"]}`,
			`{"id":"%s","purpose":["HCOMPL"],"extract":[` + decimalOf(other) + `]}`,
		} {
			path := "/v1/statements"
			if i == 0 {
				path = "/v1/accesses/search"
			}
			var replies []reply
			for _, id := range []string{known[i], fmt.Sprint("temp:SRC:unknown-", i), fmt.Sprint("temp:OTH:unknown-", i)} {
				replies = append(replies, b.do("POST", path, fmt.Sprintf(body, id), "Authorization", auth))
			}
			same(path+", "+name, replies...)
		}
	}
}

// A report names no person: neither by id nor by the id of a consent, which is the same in every
// entry that it decides.
func TestReportsNameNoConsent(t *testing.T) {
	b := newBoard(t)
	b.refuse(person, "HRESCH")
	against := b.access("SRC", person)
	against.Purpose = []string{"HRESCH"}
	b.append(b.submit["SRC"], against)
	r, err := b.client(b.audit["AUD"], "AUD").Report(t.Context(), client.ReportRequest{Kind: client.Uncovered})
	b.ok(err)
	if len(r.Accesses) != 1 || r.Accesses[0].Verdict.Consent != "" {
		t.Errorf("%+v", r.Accesses)
	}
}

// A decision says that the person's choice forbids the access. Which record of consent that is, is
// for who recorded it; which data to leave out, for who holds the record and has to apply the
// choice.
func TestDecisionsKeepChoices(t *testing.T) {
	b := newBoard(t)
	b.agree(b.isa("isa-1", 1))
	b.refuse(person, "HRESCH")
	research := func(a *entry.Access) { a.Purpose = []string{"HRESCH"} }
	q := questionOf(b.shared(person, research))
	for name, c := range map[string]struct {
		caller *client.Client
		told   bool
	}{
		"the guard of the organisation that holds the record": {b.guard(), true},
		"another system of it":                                {b.pep(), false},
		"the one that the refusal restricts":                  {b.client(b.audit["CTL"], "CTL"), false},
	} {
		d, err := c.caller.Decide(t.Context(), q)
		b.ok(err)
		if d.Decision || (d.Context.Verdict.Consent == consentID) != c.told || !c.told && len(d.Context.Obligations) > 0 {
			t.Errorf("%s is told %+v", name, d.Context)
		}
	}
	fhir, err := b.client(b.audit["CTL"], "CTL").DecideFHIR(t.Context(), q)
	b.ok(err)
	if bytes.Contains(fhir, []byte(consentID)) {
		t.Error("the FHIR answer names the consent to the organisation that it restricts")
	}
	r := b.log.Append(t.Context(), b.sign(b.submit["SRC"], b.shared(person, research)))[0]
	b.ok(r.Err)
	if told := taken(b.rules(), r).Verdict; r.Verdict.Consent != consentID || told.Consent != "" || slices.Contains(told.Rules, "objection") {
		t.Errorf("the ledger has %+v, the source is told %+v", r.Verdict, told)
	}
}

// A page looks at a bounded part of a long history for an organisation's own entries. Where it ends
// tells no position of an entry of others, and the pages together have all that is the caller's.
func TestOwnEntriesOfLongHistory(t *testing.T) {
	testneeds.Time(t, "a log of more than 4096 entries")
	b := newBoard(t)
	var own []uint64
	one := func() {
		mine := b.access("SRC", person)
		mine.Org = "CTL"
		own = append([]uint64{b.append(b.submit["SRC"], mine).Index}, own...)
	}
	many := func(id string, n int) {
		entries := make([]*entry.Entry, n)
		for i := range entries {
			entries[i] = b.sign(b.submit["SRC"], b.access("SRC", id))
		}
		for _, r := range b.log.Append(t.Context(), entries...) {
			b.ok(r.Err)
		}
	}
	one()
	many(person, 10)
	for b.size() < boundary {
		many("temp:SRC:1", 512)
	}
	many(person, 10)
	one()
	many(person, 10)
	b.server.Close()
	b.server = httptest.NewServer(New(Config{Log: b.log, Limits: Limits{Looked: 5}}))
	t.Cleanup(b.server.Close)
	ctl := b.client(b.audit["CTL"], "CTL")
	var got []uint64
	pages, before := 0, uint64(0)
	for pages == 0 || before > 0 {
		page, err := ctl.Search(t.Context(), person, before, 0)
		b.ok(err)
		for _, x := range page.Accesses {
			if x.Access.Source != readers.Source {
				got = append(got, x.Index)
			}
		}
		if page.Next%boundary != 0 {
			t.Errorf("page %d ends at %d", pages, page.Next)
		}
		before, pages = page.Next, pages+1
	}
	if !slices.Equal(got, own) || pages != 2 {
		t.Errorf("%d pages have %d, want 2 with %d", pages, got, own)
	}
}

// A mistyped purpose is refused by every route that takes one, before the reading is recorded, and
// the answer lists what could be meant. It does not repeat what was typed.
func TestMistypedPurposeIsRefused(t *testing.T) {
	b := newBoard(t)
	b.append(b.submit["SRC"], b.access("SRC", person))
	c := b.desk()
	before := len(b.history(person))
	for code, meant := range map[string]string{"PATREQT": "did you mean PATRQT?", "patrqt": "did you mean PATRQT?", "0101011237": "PATRQT"} {
		c.Purpose, c.Request, c.Identity = []string{code}, "SAR-1", entry.ByVouching
		_, search := c.Search(t.Context(), person, 0, 0)
		_, statement := c.Statement(t.Context(), client.StatementRequest{ID: person, Purpose: c.Purpose, Request: "SAR-1",
			Identity: entry.ByVouching})
		_, report := c.Report(t.Context(), client.ReportRequest{Kind: client.Uncovered, Purpose: c.Purpose})
		for name, err := range map[string]error{"search": search, "statement": statement} {
			p := new(client.Problem)
			if !errors.As(err, &p) || p.Status != 400 || !strings.Contains(p.Detail, meant) || !strings.Contains(p.Detail, "HCOMPL") ||
				strings.Contains(p.Detail, "0101011237") {
				t.Errorf("%s for %s: %v", name, code, err)
			}
		}
		if report == nil {
			t.Error("a report was given")
		}
	}
	if n := len(b.history(person)); n != before {
		t.Errorf("%d readings are in the record", n-before)
	}
}
