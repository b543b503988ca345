package citizen

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"igledger/audit/plain"
	"igledger/internal/web/door"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

// Whom a person can keep out of their record: somebody named in an access, or the organisation that
// made it. That is a restriction, which stops care too, so it is asked for from an access and not
// offered as a switch.
var outs = []string{"person", "place"}

// outRule is the restriction by which a person keeps out who made an access, or nil.
func outRule(kind string, a *entry.Access) *entry.ConsentRule {
	r := &entry.ConsentRule{Decision: "deny", Restricts: true}
	switch kind {
	case "person":
		r.Staff = a.Staff.Identifiers()
		if a.Machine || len(r.Staff) == 0 {
			return nil
		}
	case "place":
		org := a.Org
		if org == "" && !a.Foreign {
			org = a.Issuer
		}
		if org == "" {
			return nil
		}
		r.Recipients = []string{org}
	default:
		return nil
	}
	return r
}

// outChanges reports whether the rule would change what the policy set in force makes of the same
// access, made now.
func (p *pages) outChanges(r *http.Request, c *choosing, a *entry.Access, rule *entry.ConsentRule) (bool, error) {
	now := p.Door.Now().UTC().Format(time.RFC3339)
	supposed, err := supposing(r.Context(), c.rules, c.state, p.Door.Operator(), p.Door.Log().Origin(), c.size,
		&entry.Consent{Consent: uuid.NewString(), Act: "refused", Scope: "patient-privacy", Decided: now, Rule: rule,
			Expressed: entry.Expressed{How: "explicit-electronic"}, Sub: c.id})
	if err != nil {
		return false, err
	}
	again := *a
	again.Recorded, again.Occurred, again.OccurredEnd = now, "", ""
	var results []entry.VerdictResult
	for _, state := range []func(string) []byte{c.state, supposed} {
		d, err := c.rules.Decide(&again, state)
		if err != nil {
			return false, err
		}
		results = append(results, d.Verdict.Result)
	}
	return results[0] != results[1], nil
}

// keptOut is somebody whom a person may keep out.
type keptOut struct {
	Kind, Who string
	Href      string
	rule      *entry.ConsentRule
}

// mayKeepOut returns whom an entry of the person's own list lets them keep out with effect.
func (p *pages) mayKeepOut(r *http.Request, c *choosing, i *door.Item, e *entry.Entry) (list []keptOut, err error) {
	a, ok := e.Body.(*entry.Access)
	if !ok || !i.Access() || i.Reader != door.NoReading || i.ID == door.Everyone || c.acting != nil || !p.mayChange(r.Context(), c.subject) {
		return nil, nil
	}
	say := p.speaker(r, c.rules, c.subject)
	for _, kind := range outs {
		rule := outRule(kind, a)
		if rule == nil {
			continue
		}
		changes, err := p.outChanges(r, c, a, rule)
		if err != nil {
			return nil, err
		}
		who := say.who(i)
		if kind == "place" {
			who = i.Name
		}
		if changes {
			list = append(list, keptOut{Kind: kind, Who: who, Href: fmt.Sprintf("/you/choices/out/%s/%d", kind, i.Index), rule: rule})
		}
	}
	return list, nil
}

// outOf returns whom a request is about, or errNotFound.
func (p *pages) outOf(r *http.Request) (*choosing, *keptOut, error) {
	index, ok := parseIndex(r.PathValue("index"))
	if !ok {
		return nil, nil, errNotFound
	}
	c, err := p.choosing(r)
	if err != nil {
		return nil, nil, err
	}
	i := c.history.At(index)
	if i == nil {
		return nil, nil, errNotFound
	}
	e, _, err := p.Door.Entry(r.Context(), i)
	if err != nil {
		return nil, nil, err
	}
	list, err := p.mayKeepOut(r, c, i, e)
	if err != nil {
		return nil, nil, err
	}
	n := slices.IndexFunc(list, func(o keptOut) bool { return o.Kind == r.PathValue("kind") })
	if n < 0 {
		return c, nil, nil // whoever it is, is out already, or it would change nothing
	}
	return c, &list[n], nil
}

// outPage is the page on which a person checks whom they are about to keep out.
type outPage struct {
	Out     *keptOut
	Notice  []string
	Token   string
	Contact ui.Contact
}

func (p *pages) askOut(w http.ResponseWriter, r *http.Request) error {
	_, out, err := p.outOf(r)
	if err != nil {
		return err
	}
	if out == nil {
		http.Redirect(w, r, "/you/choices", http.StatusSeeOther)
		return nil
	}
	words := p.room.Words(r)
	return p.room.Render(w, r, http.StatusOK, "choose-out", ui.Page{Title: words.Text(plain.Key("out."+out.Kind+".title"), "who", out.Who),
		Section: "choices", Crumbs: []ui.Crumb{{Text: words.Text("choices.title"), Href: "/you/choices"}},
		Data: outPage{out, noticeOf(words, "out-"+out.Kind), uuid.NewString(), p.Brand.Contact}})
}

// keepOut records the restriction.
func (p *pages) keepOut(w http.ResponseWriter, r *http.Request) error {
	c, out, err := p.outOf(r)
	if err != nil {
		return err
	}
	told, err := p.notified(r, "out-"+r.PathValue("kind"))
	if err != nil {
		return err
	}
	return p.record(w, r, c, "out", func(token uuid.UUID, common entry.Common, now string) *entry.Consent {
		if out == nil {
			return nil
		}
		return &entry.Consent{Common: common, Consent: uuid.NewSHA1(token, []byte("consent")).String(), Act: "refused",
			Scope: "patient-privacy", Decided: now, Rule: out.rule, Notice: told}
	})
}

// undo withdraws a refusal that was recorded here, by the position of its entry.
func (p *pages) undo(w http.ResponseWriter, r *http.Request) error {
	index, ok := parseIndex(r.PathValue("index"))
	if !ok {
		return errNotFound
	}
	c, err := p.choosing(r)
	if err != nil {
		return err
	}
	if c.history.At(index) == nil {
		return errNotFound
	}
	n := slices.IndexFunc(c.held, func(d decided) bool { return d.item.Index == index })
	return p.record(w, r, c, "undone", func(_ uuid.UUID, common entry.Common, now string) *entry.Consent {
		if n < 0 || !c.held[n].mayUndo(p.Choices) {
			return nil
		}
		d := &c.held[n]
		return &entry.Consent{Common: common, Consent: d.Consent.Consent, Act: "withdrawn", Scope: d.Scope, Decided: now}
	})
}

// mayUndo reports whether a decision is a refusal that was recorded here.
func (d *decided) mayUndo(here string) bool {
	return d.from(here) && d.Rule != nil && d.Rule.Decision == "deny"
}

// whomOf says whom a decision is about, by the names that the person's own list has for them.
func (p *pages) whomOf(say *speaker, items []*door.Item, rule *entry.ConsentRule) (list []string) {
	if rule == nil {
		return nil
	}
	for _, org := range rule.Recipients {
		list = append(list, p.Door.OrgName(org))
	}
	for _, id := range rule.Staff {
		for _, i := range items {
			if i.Staff != "" && i.Staff == id && i.Access() {
				if who := say.who(i); !slices.Contains(list, who) {
					list = append(list, who)
				}
				break
			}
		}
	}
	return list
}

func undoHref(base string, index uint64) string {
	return base + "/choices/undo/" + strconv.FormatUint(index, 10)
}
