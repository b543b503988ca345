package consent_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

const temp = "temp:north:77"

func (w *world) link(act, sub, other string) *entry.Link {
	return &entry.Link{Common: w.by("north"), Act: act, Reason: "one person", Sub: sub, Other: other}
}

func of(id string) func(*entry.Access) { return func(a *entry.Access) { a.Sub = id } }

func under(id string) func(*entry.Consent) {
	return func(c *entry.Consent) { c.Sub = id }
}

// What crosses a link: what was said under one number, for an access under the other.
func TestLinkCarriesRefusalsOnly(t *testing.T) {
	butFor := func(decision string) func(*entry.Consent) {
		return func(c *entry.Consent) {
			c.Rule.Except = []entry.ConsentRule{{Decision: decision, Recipients: []string{"south"}}}
		}
	}
	own := func(w *world) {
		w.mustJudge(w.consent("given", under(temp), func(c *entry.Consent) { c.Consent = deed }))
	}
	for _, c := range []struct {
		name string
		says func(w *world)
		want entry.VerdictResult
		rule string
	}{
		{"nothing", func(w *world) {}, entry.NotCovered, "consent-missing"},
		{"a permission", func(w *world) { w.mustJudge(w.consent("given")) }, entry.NotCovered, "consent-missing"},
		{
			"a refusal but for this board",
			func(w *world) { w.mustJudge(w.consent("refused", butFor("permit"))) }, entry.NotCovered,
			"consent-missing",
		},
		{"an own permission", func(w *world) { own(w) }, entry.Covered, ""},
		{
			"an own permission, a refusal there",
			func(w *world) { own(w); w.mustJudge(w.consent("refused")) }, entry.NotCovered,
			"consent-refused",
		},
		{
			"an own permission, a permission there but for this board",
			func(w *world) { own(w); w.mustJudge(w.consent("given", butFor("deny"))) }, entry.NotCovered,
			"consent-refused",
		},
		{
			"an own permission, a refusal there but for this board",
			func(w *world) { own(w); w.mustJudge(w.consent("refused", butFor("permit"))) }, entry.Covered,
			"",
		},
		{"an own permission, a refusal there for another agreement", func(w *world) {
			own(w)
			w.mustJudge(w.consent("refused", withAgreement("isa-2")))
		}, entry.Covered, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.agree(isa("isa-1", 1, onConsent))
			w.agree(isa("isa-2", 1, onConsent))
			w.mustJudge(w.link("linked", temp, person))
			w.mustJudge(w.link("linked", person, temp))
			c.says(w)
			var rules []string
			if c.rule != "" {
				rules = append(rules, c.rule)
			}
			w.verdict(w.access(of(temp)), c.want, rules...)
		})
	}
}

// Every linked number counts, not only the one linked first.
func TestEveryLinkCounts(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1, onConsent))
	w.mustJudge(w.consent("given", under(temp), func(c *entry.Consent) { c.Consent = deed }))
	w.mustJudge(w.link("linked", temp, other))
	w.mustJudge(w.link("linked", temp, person))
	w.verdict(w.access(of(temp)), entry.Covered)
	w.mustJudge(w.consent("refused"))
	w.verdict(w.access(of(temp)), entry.NotCovered, "consent-refused")
}

// A link works for the history that it is filed under, one step far, until the newest entry about
// the two says otherwise.
func TestLinkReach(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1, onConsent))
	far := "temp:north:78"
	for i, id := range []string{temp, far} {
		w.mustJudge(w.consent("given", under(id), func(c *entry.Consent) { c.Consent = fmt.Sprintf("7d444840-9dc0-11d1-b245-5ffdce74fa%02d", i) }))
	}
	w.mustJudge(w.consent("refused"))
	w.mustJudge(w.link("linked", person, temp))
	w.verdict(w.access(of(temp)), entry.Covered)
	w.mustJudge(w.link("linked", far, temp))
	w.mustJudge(w.link("linked", temp, person))
	w.verdict(w.access(of(temp)), entry.NotCovered, "consent-refused")
	w.verdict(w.access(of(far)), entry.Covered) // far - temp - person
	w.mustJudge(w.link("linked", temp, person))
	w.mustJudge(w.link("unlinked", temp, far)) // was never linked
	w.verdict(w.access(of(temp)), entry.NotCovered, "consent-refused")
	w.mustJudge(w.link("unlinked", temp, person)) // both that link it
	w.verdict(w.access(of(temp)), entry.Covered)
	if s := string(w.states[temp]); strings.Contains(s, person) {
		t.Error("the state still names what was unlinked")
	}
}

// A decision that is asked for sees what the access will.
func TestDecisionOverLink(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1, onConsent))
	w.mustJudge(w.consent("given", under(temp), func(c *entry.Consent) { c.Consent = deed }))
	w.mustJudge(w.consent("refused"))
	w.mustJudge(w.link("linked", temp, person))
	a := w.access(of(temp))
	d, err := w.rules.Decide(a, func(id string) []byte { return w.states[id] })
	w.ok(err)
	if d.Result != entry.NotCovered || d.Verdict.Consent != record1 || !d.Verdict.Equal(w.mustJudge(a).Verdict) {
		t.Errorf("%+v", d)
	}
}

// No delegation comes over a link: who acts for one number does not act for whatever is linked with
// it.
func TestDelegationIsNotBorrowedOverLink(t *testing.T) {
	w := newWorld(t)
	w.mustJudge(w.delegation("granted"))
	w.mustJudge(w.link("linked", temp, person))
	w.mustJudge(w.link("linked", person, temp))
	act := func(a *entry.Access) {
		a.Agreement, a.Org, a.Purpose, a.Delegation, a.Sub = "", "", []string{"PWATRNY"}, deed, temp
	}
	w.verdict(w.access(act), entry.NotCovered, "delegation-known")
	_, err := w.judge(w.consent("given", under(temp), byDelegate))
	w.want(err, register.UnknownConsent)
}

// As many numbers are kept as a statement may show; beyond them a link is refused, and an old one
// can be ended and stated again.
func TestTooManyLinks(t *testing.T) {
	w := newWorld(t)
	for i := range entry.MaxLinked {
		w.mustJudge(w.link("linked", person, fmt.Sprintf("temp:north:%d", i)))
	}
	_, err := w.judge(w.link("linked", person, "temp:north:x"))
	w.want(err, wire.TooLarge)
	if err == nil || strings.Contains(err.Error(), person) {
		t.Errorf("the refusal names whom: %v", err)
	}
	w.mustJudge(w.link("linked", person, "temp:north:3"))
	w.mustJudge(w.link("unlinked", person, "temp:north:5"))
	w.mustJudge(w.link("linked", person, "temp:north:x"))
}

// A state with links that could not have come about is not read.
func TestBadLinksInState(t *testing.T) {
	w := newWorld(t)
	a := w.sign(w.access())
	one := func(id string, index int) string { return fmt.Sprintf(`{"id":%q,"index":%d}`, id, index) }
	for _, links := range []string{one("reg:everyone", 1), one("", 1), one("chi:1", 1), one(temp, 1) + "," + one(temp, 2), one(temp, 2) + "," + one(other, 2), one(temp, 2) + "," + one(other, 1)} {
		_, err := w.rules.Judge(a, 1<<40, func(id string) []byte {
			if id != person {
				return nil
			}
			return []byte(`{"v":1,"linked":[` + links + `]}`)
		})
		var e *wire.Error
		if !errors.As(err, &e) || e.Code != wire.BadJSON {
			t.Errorf("%s: %v", links, err)
		}
	}
}
