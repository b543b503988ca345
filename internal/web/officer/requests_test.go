package officer

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"igledger/internal/testledger"
	"igledger/internal/web/signin"
	"igledger/internal/web/signin/signintest"
	"igledger/ledger/entry"
)

// request makes from ask holder for data.
func (w *world) request(id, from, holder string) {
	w.t.Helper()
	e, err := entry.SignFor(w.keys[from], from, testledger.Origin, &entry.SharingRequest{
		Request: id, Holder: holder, Data: "discharge summaries of 2025", Purpose: "a study of readmissions", Codes: []string{"HRESCH"},
		Necessity: "totals do not answer the question", Power: "Article 6(1)(e)", By: "Principal investigator", Needed: w.day(30),
	})
	w.ok(err)
	w.ok(w.Log.Append(w.t.Context(), e)[0].Err)
}

func asking(id, holder string) url.Values {
	return url.Values{
		"request": {id}, "holder": {holder}, "data": {"letters"}, "purpose": {"care of people who move"}, "codes": {"TREAT", "HOPERAT"},
		"necessity": {"clinicians need them"}, "legalPower": {"a statute"}, "by": {"Caldicott Guardian"},
	}
}

func deciding(decision string) url.Values {
	return url.Values{"decision": {decision}, "reasons": {"it is needed"}, "dpia": {"considered, low risk"}, "by": {"Caldicott Guardian"},
		"article6": {"e"}, "article9": {"j", "h"}}
}

// signed sends a form and signs what it says with the key at the server.
func (o *officer) signed(path string, form url.Values, done string) {
	o.t.Helper()
	a := o.do("POST", path, form)
	if a.code != 303 || !strings.HasSuffix(a.location, "/sign") {
		o.t.Fatalf("%s: %d %s", path, a.code, a.text())
	}
	if page := o.see(a.location); !strings.Contains(page.body, form.Get("by")) {
		o.t.Errorf("the page does not show what is signed: %s", page.text())
	}
	if a = o.do("POST", a.location, url.Values{"how": {"server"}}); a.code != 303 || a.location != done {
		o.t.Fatalf("signing %s: %d %s %s", path, a.code, a.location, a.text())
	}
}

// A request made on the page is an entry that the organisation signed, made once however often the
// form is sent; the other organisation answers it once.
func TestRequestAndDecision(t *testing.T) {
	w := newWorld(t)
	lot, ggc := w.officer("LOT", "Lot"), w.officer("GGC", "Ggc")
	before := w.Size()
	for range 2 {
		lot.signed("/officer/request", asking("req-7", "GGC"), "/officer/requests/req-7?done=asked")
	}
	if n := w.Size() - before; n != 1 {
		t.Errorf("%d entries", n)
	}
	other := asking("req-7", "GGC")
	other.Set("data", "something else")
	if a := lot.do("POST", "/officer/request", other); a.code != 422 {
		t.Errorf("another request with the same id: %d", a.code)
	}
	if !strings.Contains(ggc.see("/officer").text(), "1 to answer") ||
		!strings.Contains(ggc.see("/officer/requests").body, "/officer/requests/req-7") {
		t.Error("the holder does not see it")
	}
	answered := w.Size()
	no := deciding("agreed")
	no.Del("article6")
	if a := ggc.do("POST", "/officer/requests/req-7/decide", no); a.code != 422 || !strings.Contains(a.text(), "which condition applies") {
		t.Errorf("agreed without a condition: %d", a.code)
	}
	for range 2 {
		if a := ggc.do("POST", "/officer/requests/req-7/decide", deciding("agreed")); a.code != 303 {
			t.Fatalf("answering: %d %s", a.code, a.text())
		}
		if a := ggc.do("POST", "/officer/requests/req-7/sign", url.Values{}); a.code != 303 ||
			a.location != "/officer/requests/req-7?done=decided" {
			t.Fatalf("answering: %d %s", a.code, a.text())
		}
	}
	if a := ggc.do("POST", "/officer/requests/req-7/decide", deciding("refused")); a.code != 422 ||
		!strings.Contains(a.text(), "already answered") {
		t.Errorf("a second answer: %d %s", a.code, a.text())
	}
	if n := w.Size() - answered; n != 1 {
		t.Errorf("%d entries of answers", n)
	}
	if page := lot.see("/officer/requests/req-7").text(); !strings.Contains(page, "Agreed") || !strings.Contains(page,
		"Article 9(2)(h), Article 9(2)(j)") {
		t.Errorf("the answer is not shown: %s", page)
	}
	rules, err := w.door.Rules(t.Context())
	w.ok(err)
	if x := rules.Requests().Get("req-7"); x.Asked.Issuer != "LOT" || x.Decision.Issuer != "GGC" {
		t.Errorf("signed by %s and %s", x.Asked.Issuer, x.Decision.Issuer)
	}
}

// What is wrong with a request is said at its field, and what was typed stays.
func TestRequestErrors(t *testing.T) {
	w := newWorld(t)
	o := w.officer("LOT", "Lot")
	before := w.Size()
	for name, c := range map[string]struct {
		change func(url.Values)
		want   string
	}{
		"nothing":             {func(v url.Values) { clear(v) }, `href="#request"`},
		"no purpose":          {func(v url.Values) { v.Del("codes") }, `href="#codes-0"`},
		"a bad id":            {func(v url.Values) { v.Set("request", "no spaces please") }, "There is a problem"},
		"ourselves":           {func(v url.Values) { v.Set("holder", "LOT") }, `href="#holder"`},
		"nobody":              {func(v url.Values) { v.Set("holder", "NON") }, "There is a problem"},
		"another's agreement": {func(v url.Values) { v.Set("agreement", "isa-none") }, "There is a problem"},
		"a person":            {func(v url.Values) { v.Set("data", "the record of 0101011237") }, "CHI or NHS number"},
		"a day that is over":  {func(v url.Values) { v.Set("needed", "2020-01-01") }, "This day is over"},
		"no day":              {func(v url.Values) { v.Set("needed", "soon") }, `href="#needed"`},
		"control characters":  {func(v url.Values) { v.Set("data", "a\x01b") }, `href="#data"`},
	} {
		form := asking("req-8", "GGC")
		c.change(form)
		a := o.do("POST", "/officer/request", form)
		if a.code != 422 || !strings.Contains(a.body, c.want) {
			t.Errorf("%s: %d %s", name, a.code, a.text())
		}
		if len(form) > 0 && !strings.Contains(a.body, "care of people who move") {
			t.Errorf("%s: what was typed is gone", name)
		}
	}
	if w.Size() != before {
		t.Error("something was signed")
	}
	// A text is shown as it is, never run.
	form := asking("req-9", "GGC")
	form.Set("data", "<script>alert(1)</script>")
	o.signed("/officer/request", form, "/officer/requests/req-9?done=asked")
	if !strings.Contains(o.see("/officer/request?draft=req-9").body, "care of people who move") ||
		o.get("/officer/request?draft=req-8").code != 404 {
		t.Error("what was typed cannot be changed before it is signed")
	}
	for _, path := range []string{"/officer/requests", "/officer/requests/req-9"} {
		if strings.Contains(o.see(path).body, "<script>alert") {
			t.Errorf("%s runs what was typed", path)
		}
	}
}

// An organisation that keeps its key itself signs with it, by what the page prepares; others'
// requests are not there; who may not sign does not.
func TestRequestsNotTheirs(t *testing.T) {
	w := newWorld(t)
	w.request("req-1", "HUB", "LOT")
	hub, ggc, lot := w.officer("HUB", "Hub"), w.officer("GGC", "Ggc"), w.officer("LOT", "Reader", signin.Reports)
	before := w.Size()
	if a := hub.do("POST", "/officer/request", asking("req-2", "GGC")); a.code != 303 {
		t.Fatalf("%d %s", a.code, a.text())
	}
	if a := hub.do("POST", "/officer/request/req-2/sign", url.Values{}); a.code != 422 || !strings.Contains(a.text(), "holds no key") {
		t.Errorf("signing without a key: %d", a.code)
	}
	for _, path := range []string{"/officer/requests/req-1", "/officer/requests/req-1/decide", "/officer/requests/none",
		"/officer/request/req-2/sign"} {
		if a := ggc.get(path); a.code != 404 {
			t.Errorf("GET %s by another: %d", path, a.code)
		}
	}
	for name, o := range map[string]*officer{"another": ggc, "who asked": hub} {
		for _, path := range []string{"/officer/requests/req-1/decide", "/officer/requests/req-1/sign"} {
			if a := o.do("POST", path, deciding("agreed")); a.code != 404 {
				t.Errorf("%s by %s: %d", path, name, a.code)
			}
		}
	}
	if strings.Contains(ggc.see("/officer/requests").body, "req-1") {
		t.Error("another's request is on the list")
	}
	for _, path := range []string{"/officer/request", "/officer/requests/req-1/decide", "/officer/requests/req-1/sign"} {
		if a := lot.do("POST", path, deciding("agreed")); a.code != 403 {
			t.Errorf("%s without the permission: %d", path, a.code)
		}
	}
	if w.Size() != before {
		t.Error("something was signed")
	}
	hub.elsewhere("/officer/request/req-2/sign", w.keys["HUB"], nil, 303)
	if w.Size() != before+1 {
		t.Error("a key elsewhere did not sign")
	}
}

// Whoever signs something proves again who they are.
func TestProveAgain(t *testing.T) {
	w := newWorld(t)
	user := signintest.Staff("LOT", "Lot", signin.Agreements)
	before := w.Size()
	user.Auth = time.Now().Add(-6 * time.Hour)
	o := w.browser(user)
	for _, path := range []string{"/officer/request", "/officer/request/req-1/sign"} {
		if a := o.do("POST", path, asking("req-1", "GGC")); a.code == 200 || a.code == 303 || w.Size() != before {
			t.Errorf("%s with an old sign-in: %d", path, a.code)
		}
	}
}
