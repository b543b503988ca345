package officer

import (
	"strings"
	"testing"

	"igledger/internal/web/signin"
	"igledger/internal/web/signin/signintest"
	"igledger/internal/web/webtest"
	"igledger/ledger/entry"
)

// seat is an officer at a browser of their own.
type seat struct {
	*webtest.Tab
	w *world
}

func (w *world) sit(t *testing.T, org, name string, may ...signin.Permission) *seat {
	t.Helper()
	s := &seat{webtest.New(t, webtest.How{}), w}
	w.enter(s.Tab, signintest.Staff(org, name, may...), "/officer")
	return s
}

func (s *seat) at(path string) { s.Helper(); s.Open(s.w.server.URL + path) }

// says fails the test unless the page has all of these texts.
func (s *seat) says(texts ...string) {
	s.Helper()
	page := strings.Join(strings.Fields(s.Text("main")), " ")
	for _, text := range texts {
		if !strings.Contains(page, text) {
			s.Fatalf("%s does not say %q:\n%s", s.URL(), text, page)
		}
	}
}

// makeKey makes a key in the browser, for an administrator to approve.
func (s *seat) makeKey() {
	s.Helper()
	s.at("/officer/keys")
	s.Until(`document.querySelector("#own li") !== null`)
	s.Press("Make a key in this browser")
	s.says("The key is made", "1 key to approve")
	s.Until(`document.querySelector("#own code") !== null`)
}

// inBrowser signs the deed of the page with the key in the browser.
func (s *seat) inBrowser(button string) {
	s.Helper()
	s.w.signHere(s.Tab, button+" with the key in this browser")
}

// threeParties is an agreement by which LOT gives HUB data and GGC takes part, from today.
func (w *world) threeParties(id string) string {
	return w.written(id, "2027-01-01", w.day(0), "  - organisation: south-board",
		"  - organisation: GGC\n    role: controller\n    contact: Rights office\n  - organisation: HUB")
}

// medicines makes an access one that the agreement of three parties is about.
func medicines(a *entry.Access) {
	a.Org, a.Agreement, a.Data = "HUB", "isa-1", []string{"http://hl7.org/fhir/resource-types|MedicationRequest"}
}

// From an empty draft to the end of an agreement of three parties, each at a browser of their own.
// The keys of HUB are in browsers: that of its administrator, with which the officer's is approved,
// too.
func TestAgreementOfThreeInBrowsers(t *testing.T) {
	webtest.Needed(t)
	w := newWorld(t)
	admin := w.sit(t, "HUB", "Duncan Locksmith", signin.Administer)
	admin.makeKey()
	admin.Press("Look at it and register it")
	admin.says("You asked for this key yourself")
	admin.Press("Register the key with your organisation’s key on this server")
	admin.says("The key is registered")

	hub := w.sit(t, "HUB", "Hamish Officer", signin.Agreements, signin.Reports)
	hub.makeKey()
	short := webtest.Eval[string](hub.Tab, `document.querySelector("#own code").innerText`)
	admin.at("/officer")
	admin.says("1 to approve")
	admin.Press("Keys to approve")
	admin.Press("Look at it and register it")
	admin.says("Hamish Officer made a key", short)
	admin.inBrowser("Register the key")
	admin.says("The key is registered and can sign", "0 keys to approve")

	// A second key that waits is no hindrance: the registered one signs.
	hub.makeKey()

	hub.at("/officer/draft")
	hub.Fill("The agreement", w.threeParties("isa-1"))
	hub.Until(`document.querySelector("#checked").innerText.includes("Nothing is wrong")`)
	hub.Press("Save, then propose")
	hub.inBrowser("Propose")
	hub.says("The agreement is proposed", "Proposed")
	hub.Press("Read and sign")
	hub.inBrowser("Sign")
	hub.says("Your organisation has signed")
	w.access("LOT", morag, 0, medicines)

	lot := w.sit(t, "LOT", "Isobel Overseer", signin.Agreements, signin.Reports, signin.FollowUp)
	ggc := w.sit(t, "GGC", "Una Officer", signin.Agreements)
	for _, s := range []*seat{lot, ggc} {
		s.at("/officer")
		s.says("1 to sign")
		s.Press("Agreements to sign")
		s.says("1 agreement to sign", "Medicines and allergies across three boards")
		s.Press("Read and sign")
		s.Press("Sign with your organisation’s key on this server")
		s.says("Your organisation has signed")
	}
	lot.says("Signed by Organisation HUB", "Signed by Organisation LOT")
	ggc.says("In force")
	ggc.Accessible()
	ggc.Shot("officer-in-force-desk")

	notCovered := func(n string) {
		t.Helper()
		lot.at("/officer/uncovered")
		lot.says(n)
	}
	notCovered("1 access") // the one before it was in force
	w.access("LOT", morag, 0, medicines)
	notCovered("1 access")
	lot.at("/officer/agreements/isa-1")
	lot.says(w.now.In(w.door.Zone()).Format("January 2006") + ": 2")

	act := func(s *seat, press, button, says string) {
		t.Helper()
		s.at("/officer/agreements/isa-1?version=1")
		s.Press(press)
		s.Fill("Reason", "as the parties decided")
		if strings.Contains(s.Text("main"), "To confirm, type isa-1") {
			s.Fill("To confirm, type isa-1", "isa-1")
		}
		s.Press(button + " with your organisation’s key on this server")
		s.says("Done. It is recorded in the ledger", says)
	}
	act(lot, "Begin a review", "Begin the review", "Under review")
	act(lot, "Confirm after the review", "Confirm", "In force")
	act(lot, "Suspend", "Suspend", "Suspended")
	w.access("LOT", morag, 0, medicines)
	notCovered("2 accesses")
	act(lot, "Resume", "Resume", "In force")
	w.access("LOT", morag, 0, medicines)
	notCovered("2 accesses")

	// An amendment, from the newest version, from a day that can be; then it is withdrawn.
	hub.at("/officer/agreements/isa-1")
	hub.Press("Write the next version")
	text := webtest.Eval[string](hub.Tab, `document.querySelector("#text").value`)
	if !strings.Contains(text, "version: 2") || !strings.Contains(text, w.day(1)) {
		t.Fatalf("the amendment begins with %s", text)
	}
	hub.Fill("The agreement", strings.Replace(text, "Patients of the boards", "Adult patients of the boards", 1))
	hub.Press("Save, then propose")
	hub.inBrowser("Propose")
	hub.says("version 2")
	hub.Press("What changed")
	hub.says("Adult")
	hub.Accessible()
	hub.at("/officer/agreements/isa-1?version=2")
	hub.Press("Withdraw the proposal")

	// Signing in the browser without the reason: the field says so, and has the focus.
	hub.Until(`!document.querySelector("#in-browser").hidden`)
	hub.Click("Withdraw with the key in this browser")
	hub.Until(`document.querySelector("#sign-problem").innerText !== ""`)
	if at := webtest.Eval[string](hub.Tab, "document.activeElement.id"); at != "reason" ||
		!strings.Contains(hub.Text("#sign-problem"), "Give a reason") {
		t.Errorf("the focus is at %q: %s", at, hub.Text("#sign-problem"))
	}
	hub.Accessible()
	hub.Fill("Reason", "asked for by GGC")
	hub.Fill("To confirm, type isa-1", "isa-1")
	hub.inBrowser("Withdraw")
	hub.says("Withdrawn")

	act(lot, "End", "End the agreement", "Ended early")
	w.access("LOT", morag, 0, medicines)
	notCovered("3 accesses")
	lot.Accessible()
	for _, s := range []*seat{admin, hub, lot, ggc} {
		if p := s.Problems(); len(p) > 0 {
			t.Errorf("the console says %v", p)
		}
	}
}

// A request and its answer are signed with keys in browsers, after the page has compared what is
// signed with what it shows.
func TestRequestInBrowsers(t *testing.T) {
	webtest.Needed(t)
	w := newWorld(t)
	hub := w.sit(t, "HUB", "Hamish Officer", signin.Agreements, signin.Administer)
	hub.makeKey()
	hub.Press("Look at it and register it")
	hub.Press("Register the key with your organisation’s key on this server")

	hub.at("/officer/request")
	hub.Fill("An id for this request", "req-1")
	hub.Fill("Which organisation holds the data?", "LOT")
	hub.Fill("What data do you ask for?", "discharge letters of 2025")
	hub.Fill("What is it for?", "a study of readmissions")
	hub.Fill("Research", "")
	hub.Fill("Why do you need it?", "totals do not answer\nthe question")
	hub.Fill("Which law allows the sharing?", "UK GDPR Article 6(1)(e)")
	hub.Fill("By which day do you need it?", w.day(30))
	hub.Fill("Who asks?", "Principal investigator")
	hub.Press("Go on to sign")
	hub.says("You ask Organisation LOT for data")
	hub.inBrowser("Sign and send the request")
	hub.says("No answer yet")
	hub.Accessible()

	w.request("req-2", "GGC", "HUB")
	hub.at("/officer")
	hub.says("1 to answer")
	hub.at("/officer/requests/req-2")
	hub.Press("Answer this request")
	hub.Fill("Refused", "")
	hub.Fill("Why?", "less data is enough")
	hub.Fill("Was an impact assessment considered", "considered, too risky")
	hub.Fill("Who decided?", "Caldicott Guardian")
	hub.Press("Go on to sign")
	hub.inBrowser("Sign and send the answer")
	hub.says("Refused", "less data is enough")
	hub.Accessible()
	if p := hub.Problems(); len(p) > 0 {
		t.Errorf("the console says %v", p)
	}
}
