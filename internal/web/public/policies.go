package public

import (
	"context"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"time"

	"igledger/consent"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

// policySet is a version of the rules.
type policySet struct {
	Version uint64
	At      time.Time // zero: what the program came with
	By      string
	Reason  string
	Index   uint64
	Hash    string
	InUse   bool
	Href    string
}

// sets returns all policy sets that have been in force, newest first.
func (p *room) sets(ctx context.Context, rules *consent.Rules) ([]policySet, error) {
	leaves, err := p.Door.PublicHistory(ctx, entry.PoliciesHistory)
	if err != nil {
		return nil, err
	}
	used := rules.Policies().Version()
	list := []policySet{}
	for _, l := range leaves {
		b, ok := l.Entry.Body.(*entry.PolicySet)
		if !ok || b.Version > used {
			continue
		}
		list = append([]policySet{{
			Version: b.Version, At: time.Unix(b.IssuedAt, 0), By: p.Door.OrgName(b.Issuer), Reason: b.Reason, Index: l.Index,
			Hash: hex.EncodeToString(b.Hash[:]),
		}}, list...)
	}
	list = append(list, policySet{})
	for i := range list {
		list[i].InUse = list[i].Version == used
		list[i].Href = "/register/policies/" + strconv.FormatUint(list[i].Version, 10)
	}
	return list, nil
}

func (p *room) policies(w http.ResponseWriter, r *http.Request) {
	rules, err := p.Door.Rules(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	list, err := p.sets(r.Context(), rules)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	_ = p.pages.Render(w, r, http.StatusOK, "policies", ui.Page{
		Title: p.pages.Words(r).Text("policies.title"), Section: "register", Data: list,
	})
}

// rule is a rule in words. Its words were signed with it, and are shown in the language in which they
// were.
type rule struct{ ID, Words string }

func (p *room) policy(w http.ResponseWriter, r *http.Request) {
	rules, err := p.Door.Rules(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	list, err := p.sets(r.Context(), rules)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	i := slices.IndexFunc(list, func(s policySet) bool { return strconv.FormatUint(s.Version, 10) == r.PathValue("version") })
	if i < 0 {
		p.Site.Problem(w, r, http.StatusNotFound, "not-found")
		return
	}
	words := p.pages.Words(r)
	set := rules.PoliciesOf(list[i].Version)
	var said []rule
	for _, id := range set.IDs() {
		said = append(said, rule{id, set.Plain(id)})
	}
	_ = p.pages.Render(w, r, http.StatusOK, "policy", ui.Page{
		Title: words.Text("policy.title", "version", r.PathValue("version")), Section: "register",
		Data:   map[string]any{"Set": list[i], "Rules": said, "Text": set.Text()},
		Crumbs: []ui.Crumb{{Text: words.Text("policies.title"), Href: "/register/policies"}},
	})
}
