package citizen_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"igledger/internal/testledger"
	"igledger/internal/web/door"
	"igledger/ledger/entry"
)

// agree puts an agreement for research, by which TST shares with OTH, in force.
func (w *world) agree(t testing.TB, id string, data string, alter ...func(*entry.AgreementText)) {
	t.Helper()
	day := func(years, days int) string { return now.AddDate(years, 0, days).Format(time.DateOnly) }
	text := entry.AgreementText{
		ID: id, Version: 1, Title: "A study of asthma", Tier: "isa",
		Parties:  []entry.AgreementParty{{Org: "TST", Role: "controller", Contact: "IG team"}, {Org: "OTH", Role: "controller", Contact: "IG team"}},
		Purposes: []entry.AgreementPurpose{{Text: "Study", Code: "HRESCH"}}, Article6: []string{"e"}, Article9: []string{"j"},
		Power: "An Act", Data: []entry.AgreementData{{Text: "Conditions", Identifiable: true, Codes: []string{data}}}, Subjects: "Patients",
		Flows:     []entry.AgreementFlow{{From: "TST", To: "OTH", How: "by wire"}},
		Retention: "1 year", Disposal: "deleted", Security: "good", DPIA: entry.Assessment{Reference: "D1", Date: day(0, -30)},
		Approvals: []entry.Approval{{Body: "PBPP", Reference: "1", Date: day(0, -30)}},
		Notice:    entry.Notice{URL: "https://tst.example/privacy", Hash: [32]byte{1}}, Rights: "IG team", Breach: "IG team",
		Start: day(0, -20), End: day(1, 0), ReviewDue: day(0, 100),
	}
	for _, f := range alter {
		f(&text)
	}
	common := func(org string) entry.Common { return entry.Common{Issuer: org, Audience: testledger.Origin} }
	e, err := entry.Sign(w.key, &entry.Agreement{Common: common("TST"), Agreement: text})
	ok(t, err)
	ok(t, w.Log.Append(t.Context(), e)[0].Err)
	w.Append(w.key, &entry.AgreementSignature{Common: common("TST"), Agreement: id, Version: 1, Proposal: e.Identity()})
	w.Append(w.other, &entry.AgreementSignature{Common: common("OTH"), Agreement: id, Version: 1, Proposal: e.Identity()})
}

// post sends a form as a page of the same site would, and returns where it ends.
func (w *world) post(t testing.TB, c *http.Client, path string, form url.Values) (int, string) {
	t.Helper()
	req, err := http.NewRequest("POST", w.server.URL+path, strings.NewReader(form.Encode()))
	ok(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := c.Do(req)
	ok(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ok(t, err)
	return resp.StatusCode, string(body)
}

var token = regexp.MustCompile(`name="token" value="([^"]+)"`)

// research is the verdict on research on a person's record under an agreement.
func (w *world) research(t testing.TB, agreement string) entry.VerdictResult {
	t.Helper()
	index := w.access(morag, 0, func(a *entry.Access) {
		a.Org, a.Purpose, a.Agreement, a.Machine, a.Staff, a.Role = "OTH", []string{"HRESCH"}, agreement, true, nil, nil
		a.Data = []string{"http://hl7.org/fhir/resource-types|Condition"}
	})
	o, err := w.Log.Opening(t.Context(), index)
	ok(t, err)
	return o.Verdict.Result
}

// A no counts at once, is one entry however often the form is sent, and can be taken back.
func TestSayNo(t *testing.T) {
	w := newWorld(t)
	w.agree(t, "isa-1", "http://hl7.org/fhir/resource-types|Condition")
	if got := w.research(t, "isa-1"); got != entry.Covered {
		t.Fatalf("research before: %s", got)
	}
	c := w.client(t, morag, "Morag Example")
	status, page := w.get(t, c, "/you/choices")
	if status != 200 {
		t.Fatalf("status %d: %s", status, page)
	}
	has(t, page, "Say no to research", "Say no to planning", "A study of asthma", "You have not said no.", "UK GDPR Article 6(1)(e)")
	lacks(t, page, morag)
	_, page = w.get(t, c, "/you/choices/no/research")
	has(t, page, "Nothing has changed yet", "Your care stays the same", "A study of asthma")
	found := token.FindStringSubmatch(page)
	if found == nil {
		t.Fatal("the form has no token")
	}
	size := w.Size()
	for range 3 {
		status, page = w.post(t, c, "/you/choices/no/research", url.Values{"token": {found[1]}})
		if status != 200 {
			t.Fatalf("status %d: %s", status, page)
		}
		has(t, page, "You have said no to research.", "Take back my no to research")
	}
	if n := w.Size() - size; n != 1 {
		t.Errorf("%d entries for one no", n)
	}
	if got := w.research(t, "isa-1"); got != entry.NotCovered {
		t.Errorf("research after: %s", got)
	}
	_, page = w.get(t, c, "/you/choices")
	has(t, page, "At the moment nobody may use your record for this", "Say no to planning")
	back := token.FindStringSubmatch(page)[1]
	status, page = w.post(t, c, "/you/choices/back/research", url.Values{"token": {back}})
	if status != 200 {
		t.Fatalf("status %d: %s", status, page)
	}
	has(t, page, "You have taken back your no to research.", "Say no to research")
	if got := w.research(t, "isa-1"); got != entry.Covered {
		t.Errorf("research after it was taken back: %s", got)
	}
	// What is left in the browser from before it was taken back says nothing that is not so.
	_, page = w.post(t, c, "/you/choices/no/research", url.Values{"token": {found[1]}})
	has(t, page, "Nothing has changed yet.", "You have not said no.")
	_, page = w.get(t, c, "/you/choices?done=no-research")
	lacks(t, page, "You have said no to research.")
}

// What people were told before they chose is there for everybody, in the words that they read, by
// the hash that the log has: also when these pages have other words today.
func TestNotice(t *testing.T) {
	w := newWorld(t)
	c := w.client(t, morag, "Morag Example")
	at := w.access(morag, 1, nil)
	for _, form := range []string{
		"/you/choices/no/planning?lang=en", "/you/choices/no/research?lang=gd", fmt.Sprintf("/you/choices/out/place/%d?lang=en", at),
	} {
		_, page := w.get(t, c, form)
		w.post(t, c, form, url.Values{"token": {token.FindStringSubmatch(page)[1]}})
	}
	h, err := w.door.History(t.Context(), door.Reader{Person: true, ID: morag, Session: "s"}, morag)
	ok(t, err)
	var texts []string
	for _, i := range h.Items {
		x, is := i.Body.(*entry.Consent)
		if !is {
			continue
		}
		u, err := url.Parse(x.Notice.URL)
		ok(t, err)
		_, text := w.get(t, &http.Client{}, u.RequestURI())
		if fmt.Sprintf("%x", x.Notice.Hash) != sha(text) || x.Expressed.How != "explicit-electronic" || x.Expressed.Verified == "" {
			t.Errorf("the notice at %s has another hash, or how it was expressed is missing", x.Notice.URL)
		}
		texts = append(texts, text)
	}
	if all := strings.Join(texts, "\n"); len(texts) != 3 || !strings.Contains(all, "rannsachadh") ||
		!strings.Contains(all, "My choices, and look under What you decided") {
		t.Errorf("%d notices: %s", len(texts), all)
	}
	ok(t, w.signin.Shelf.Delete(t.Context(), "notices", sha(texts[0])))
	if _, text := w.get(t, &http.Client{}, "/notices/"+sha(texts[0])); text != texts[0] {
		t.Errorf("today's text, after the shelf was emptied: %s", text)
	}
	old := "What it meant in the year before.\n"
	ok(t, w.signin.Shelf.Put(t.Context(), "notices", sha(old), []byte(old), time.Time{}))
	if _, text := w.get(t, &http.Client{}, "/notices/"+sha(old)); text != old {
		t.Errorf("an older text: %s", text)
	}
	for _, none := range []string{"research", sha("x")} {
		if status, _ := w.get(t, &http.Client{}, "/notices/"+none); status != http.StatusNotFound {
			t.Errorf("%s: %d", none, status)
		}
	}
}

// Nobody chooses for another, and a form of another site changes nothing.
func TestChoicesOfOthers(t *testing.T) {
	w := newWorld(t)
	c := w.client(t, iain, "Iain Example")
	size := w.Size()
	for _, path := range []string{"/you/for/1/choices/no/research", "/you/for/99999/choices/back/research", "/you/choices/no/care", "/you/choices/back/x"} {
		if status, _ := w.post(t, c, path, url.Values{"token": {"0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11"}}); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	req, err := http.NewRequest("POST", w.server.URL+"/you/choices/no/research", strings.NewReader("token=0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11"))
	ok(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := c.Do(req)
	ok(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %d", resp.StatusCode)
	}
	if w.Size() != size {
		t.Errorf("%d entries", w.Size()-size)
	}
}

func sha(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// Who has not lately proved who they are changes nothing, and comes back to a page with the form.
func TestChoicesNeedProof(t *testing.T) {
	w := newWorld(t)
	at := w.mandate("AGNT")
	c := w.client(t, morag, "Morag Example")
	w.signin.Advance(11 * time.Minute)
	size := w.Size()
	form := url.Values{"token": {"0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11"}}
	end := fmt.Sprintf("/you/people/%d/end", at)
	for _, path := range []string{"/you/choices/no/research", "/you/choices/back/research", end} {
		if status, _ := w.post(t, c, path, form); status != http.StatusForbidden {
			t.Errorf("%s: %d", path, status)
		}
	}
	if w.Size() != size {
		t.Errorf("%d entries", w.Size()-size)
	}
	// The page before a no asks for the proof, so that the answer counts at once.
	if status, _ := w.get(t, c, "/you/choices/no/research"); status != http.StatusForbidden {
		t.Errorf("the page before a no: %d", status)
	}
	for path, want := range map[string]string{
		"/you/choices/back/research": "Your choices", "/you/choices/undo/1": "Please press the button again", end: "Please press the button again", "/you/download/statement": "The whole list, with its proof",
	} {
		status, page := w.get(t, c, path)
		if status != 200 {
			t.Errorf("%s: %d", path, status)
		}
		has(t, page, want)
	}
}

// A page does not say that a no stops what goes on all the same, nor that a yes is there that is not.
func TestWhatANoChanges(t *testing.T) {
	w := newWorld(t)
	w.agree(t, "isa-1", "http://hl7.org/fhir/resource-types|Condition")
	w.agree(t, "isa-2", "http://hl7.org/fhir/resource-types|Condition", func(a *entry.AgreementText) {
		a.Title, a.Purposes[0].Code, a.Article6, a.Article9 = "A walk with friends", "PUBHLTH", []string{"a"}, []string{"a"}
	})
	w.agree(t, "isa-3", "http://hl7.org/fhir/resource-types|Condition", func(a *entry.AgreementText) {
		a.Title, a.Purposes[0].Code, a.Article9 = "Counting beds", "HQUALIMP", []string{"h"}
	})
	c := w.client(t, morag, "Morag Example")
	_, page := w.get(t, c, "/you/choices")
	has(t, page, "Rests on the law, not on your yes: UK GDPR Article 6(1)(e) and Article 9(2)(j).", "A walk with friends",
		"Not allowed: we have no yes from you.", "Article 9(2)(h)")
	_, page = w.get(t, c, "/you/choices/no/research")
	has(t, page, "It stops this:", "A study of asthma")
	lacks(t, page, "Counting beds", "It does not stop this")
	_, page = w.get(t, c, "/you/choices/no/planning")
	has(t, page, "It stops this:", "Counting beds")
	lacks(t, page, "A study of asthma")
}

// A no under another number of the person counts, is shown, and is not taken back here.
func TestNoUnderAnotherNumber(t *testing.T) {
	w := newWorld(t)
	w.agree(t, "isa-1", "http://hl7.org/fhir/resource-types|Condition")
	common := entry.Common{Issuer: "TST", Audience: testledger.Origin}
	for _, ids := range [][2]string{{morag, "temp:TST:A-1"}, {"temp:TST:A-1", morag}} {
		w.Append(w.key, &entry.Link{Common: common, Act: "linked", Reason: "one person", Sub: ids[0], Other: ids[1]})
	}
	w.Append(w.key, &entry.Consent{Common: common, Consent: "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d12", Act: "refused", Scope: "research",
		Decided: now.UTC().Format(time.RFC3339), Rule: &entry.ConsentRule{Decision: "deny", Purposes: []string{"HRESCH"}},
		Expressed: entry.Expressed{How: "verbal"}, Sub: "temp:TST:A-1"})
	c := w.client(t, morag, "Morag Example")
	_, page := w.get(t, c, "/you/choices")
	has(t, page, "You said no.", "To change it, ask there.", "At the moment nobody may use your record for this")
	lacks(t, page, "Say no to research", "Take back my no to research")
	size := w.Size()
	w.post(t, c, "/you/choices/back/research", url.Values{"token": {"0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11"}})
	if w.Size() != size {
		t.Error("it was taken back all the same")
	}
}

// A no to one agreement is not passed over in silence where the use as a whole was not refused, and
// an agreement is called by its title.
func TestNoToOneAgreement(t *testing.T) {
	w := newWorld(t)
	w.agree(t, "isa-1", "http://hl7.org/fhir/resource-types|Condition")
	w.Append(w.key, &entry.Consent{Common: entry.Common{Issuer: "TST", Audience: testledger.Origin},
		Consent: "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d13",
		Act:     "refused", Scope: "research", Agreements: []string{"isa-1"}, Decided: now.UTC().Format(time.RFC3339),
		Rule:      &entry.ConsentRule{Decision: "deny", Purposes: []string{"HRESCH"}},
		Expressed: entry.Expressed{How: "verbal"}, Sub: morag})
	c := w.client(t, morag, "Morag Example")
	_, page := w.get(t, c, "/you/choices")
	research, planning, found := strings.Cut(page, `id="use-planning"`)
	if !found {
		t.Fatal(page)
	}
	has(t, research, "You have not said no to all of it. You said no to this:", `<a href="/register/agreements/isa-1">A study of asthma</a>`,
		"Say no to research")
	lacks(t, research, "You have not said no.")
	has(t, planning, "You have not said no.", "Asked for under agreement A study of asthma")
	lacks(t, planning, "You have not said no to all of it", "agreement isa-1")
	_, list := w.get(t, c, "/you")
	has(t, list, "sked for under agreement A study of asthma", `<a class="ds_site-branding__link" href="/you">`)
	_, public := w.get(t, c, "/nonsense")
	has(t, public, `<a href="/you">Go to the start page</a>`)
}
