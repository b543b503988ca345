package consent_test

import (
	"slices"
	"testing"

	"igledger/ledger/entry"
)

// What leaves the organisation needs an agreement with whom it left for, whoever sent it; what it
// says stayed with itself, or came in, is its own use.
func TestVerdictOfDisclosures(t *testing.T) {
	const dcm, disclose = "http://dicom.nema.org/resources/ontology/DCM|", "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle|disclose"
	w := newWorld(t)
	own := func(a *entry.Access) { a.Agreement, a.Org = "", "" }
	event := func(codes ...string) func(*entry.Access) { return func(a *entry.Access) { a.Event = codes } }
	to := func(org string) func(*entry.Access) { return func(a *entry.Access) { a.Recipient = org } }
	export, override := event(
		dcm+"110106", disclose,
	), func(a *entry.Access) { a.Emergency, a.Text = true, &entry.Text{Justification: "unconscious"} }
	flagged := func(a *entry.Access) {
		t.Helper()
		if j := w.mustJudge(a); !slices.Contains(j.Flags, entry.FlagUnknownOrg) {
			t.Errorf("flags %v", j.Flags)
		}
	}
	w.verdict(w.access(own), entry.Covered, "own-records")
	w.verdict(w.access(own, export), entry.NotCovered, "agreement-named", "organisation-known")
	flagged(w.access(own, export))
	w.verdict(w.access(own, export, override), entry.NotCovered, "organisation-known")
	w.verdict(w.access(own, event("urn:x|rest", disclose)), entry.NotCovered, "agreement-named", "organisation-known")
	w.verdict(w.access(own, export, to("south")), entry.NotCovered, "agreement-named")
	w.verdict(w.access(own, to("south")), entry.NotCovered, "agreement-named")
	w.verdict(w.access(own, export, to("north")), entry.Covered, "own-records")
	w.verdict(w.access(own, event(dcm+"110107", disclose)), entry.Covered, "own-records")
	w.verdict(w.access(own, event(dcm+"110107"), to("south")), entry.NotCovered, "agreement-named")

	w.agree(isa("isa-1", 1))
	sent := func(a *entry.Access) { a.Org = "" }
	w.verdict(w.access(sent, export, to("south")), entry.Covered, "agreement")
	w.verdict(w.access(sent, export, to("insurer")), entry.NotCovered, "agreement-recipient")
	w.verdict(w.access(sent, export), entry.NotCovered, "agreement-recipient", "organisation-known")

	w.agree(isa("isa-2", 1, onConsent))
	named := func(a *entry.Access) { a.Agreement, a.Org = "isa-2", "" }
	w.mustJudge(w.consent("given", func(c *entry.Consent) {
		c.Rule.Recipients = []string{"south"}
	}))
	w.verdict(w.access(named, export, to("south")), entry.Covered)
	w.verdict(w.access(named, export, to("east")), entry.NotCovered, "consent-missing")
	w.mustJudge(w.consent("refused", func(c *entry.Consent) {
		c.Consent, c.Rule.Decision, c.Rule.Recipients = "7d444840-9dc0-11d1-b245-5ffdce74fad3", "deny", []string{"north"}
	}))
	w.verdict(w.access(named, export, to("south")), entry.NotCovered, "consent-refused")
}
