package consent

import (
	"cmp"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies"
	"igledger/policies/purpose"
)

// Limits of what is kept about one person. Beyond them, the records that ended longest ago are
// dropped. If that is not enough, the act is refused.
const (
	maxRecords = 10_000
	maxState   = 1 << 20 // bytes
)

// person is the state of a person as compact JSON, {"v":1,…}: what holds of each consent record,
// the delegations that others hold for them, and their other numbers. It holds ids of people, so
// the caller must encrypt it. The lists are in the order of the newest acts.
type person struct {
	Format      int          `json:"v"` // 1
	Consents    []record     `json:"consents,omitempty"`
	Delegations []delegation `json:"delegations,omitempty"`
	Linked      []linked     `json:"linked,omitempty"`
	Forgotten   time.Time    `json:"forgotten,omitzero"` // as of when the newest record ended that was dropped
}

// delegation is an authority to act for the person.
type delegation struct {
	ID       string   `json:"id"`
	Delegate string   `json:"delegate"`
	Scope    []string `json:"scope"`
	Start    string   `json:"start"`
	End      string   `json:"end"`
	Revoked  bool     `json:"revoked,omitzero"`
	Index    uint64   `json:"index"` // of the newest act
}

// readPerson reads a state strictly. nil is the state of a person about whom nothing is known.
func readPerson(data []byte) (*person, error) {
	p := &person{Format: 1}
	if data == nil {
		return p, nil
	}
	if len(data) > maxState {
		return nil, refuse(wire.TooLarge, "person state", "%d bytes; the limit is %d", len(data), maxState)
	}
	p.Format = 0
	if err := wire.DecodeJSON("person state", data, p); err != nil {
		return nil, err
	}
	return p, p.check()
}

func (p *person) check() error {
	bad := func(detail string) error { return refuse(wire.BadJSON, "person state", "%s", detail) }
	if p.Format != 1 || len(p.Consents)+len(p.Delegations) > maxRecords {
		return bad("its format is not 1, or it has too many records")
	}
	seen := map[string]bool{}
	var room [2]effect // enough for an ordinary record
	for i := range p.Consents {
		r := &p.Consents[i]
		misplaced := r.ID == "" || seen[r.ID] || i > 0 && r.Index <= p.Consents[i-1].Index
		if misplaced || r.closed() && r.Ended == nil && r.Doubted == nil {
			return bad("a consent record is there twice, is out of order, or has no act")
		}
		seen[r.ID] = true
		for _, e := range r.effects(room[:0]) {
			if !slices.Contains(consentActs["open"][:4], e.Act) {
				return bad("a consent record has an impossible act")
			}
			if _, err := policyRule(e.Rule); err != nil {
				return err
			}
		}
	}
	clear(seen)
	for i, d := range p.Delegations {
		_, startErr := entry.ParseTime(d.Start)
		_, endErr := entry.ParseTime(d.End)
		if d.ID == "" || seen[d.ID] || i > 0 && d.Index <= p.Delegations[i-1].Index || startErr != nil || endErr != nil {
			return bad("a delegation is there twice, is out of order, or lacks its times")
		}
		seen[d.ID] = true
	}
	if len(p.Linked) > 0 && !p.checkLinks() {
		return bad("a linked number is there twice, is out of order, or is no person's; or there are too many")
	}
	return nil
}

// bytes returns the state as JSON, within its limits.
func (p *person) bytes() ([]byte, error) {
	for {
		b, err := json.Marshal(p)
		if err != nil {
			return nil, refuse(wire.BadJSON, "person state", "cannot be written")
		}
		if len(b) <= maxState && len(p.Consents)+len(p.Delegations) <= maxRecords {
			return b, nil
		}
		if !p.forget() {
			return nil, refuse(wire.TooLarge, "person state",
				"the person has more consents on file than can be kept: withdraw some first")
		}
	}
}

// forget drops a tenth of what has ended, the oldest first, and reports whether there was anything
// to drop.
func (p *person) forget() bool {
	var ended []uint64
	for _, r := range p.Consents {
		if r.closed() {
			ended = append(ended, r.Index)
		}
	}
	for _, d := range p.Delegations {
		if d.Revoked {
			ended = append(ended, d.Index)
		}
	}
	if len(ended) == 0 {
		return false
	}
	slices.Sort(ended)
	last := ended[len(ended)/10]
	for _, r := range p.Consents {
		for _, e := range []*ends{r.Ended, r.Doubted} {
			if r.closed() && r.Index <= last && e != nil && e.asOf().After(p.Forgotten) {
				p.Forgotten = e.asOf()
			}
		}
	}
	p.Consents = slices.DeleteFunc(p.Consents, func(r record) bool { return r.closed() && r.Index <= last })
	p.Delegations = slices.DeleteFunc(p.Delegations, func(d delegation) bool { return d.Revoked && d.Index <= last })
	return true
}

func (p *person) record(id string) *record {
	if i := slices.IndexFunc(p.Consents, func(r record) bool { return r.ID == id }); i >= 0 {
		return &p.Consents[i]
	}
	return nil
}

func (p *person) delegation(id string) *delegation {
	if i := slices.IndexFunc(p.Delegations, func(d delegation) bool { return d.ID == id }); i >= 0 {
		return &p.Delegations[i]
	}
	return nil
}

// put puts r in the place of the record, in the order of Index.
func (p *person) put(r record) {
	if old := p.record(r.ID); old != nil && old.Index == r.Index {
		*old = r
		return
	}
	p.Consents = append(slices.DeleteFunc(p.Consents, func(x record) bool { return x.ID == r.ID }), r)
}

// live reports whether a delegation is valid at a time.
func (d *delegation) live(at time.Time) bool {
	start, _ := entry.ParseTime(d.Start)
	end, _ := entry.ParseTime(d.End)
	return !d.Revoked && !at.Before(start) && at.Before(end)
}

// delegate returns what a decision needs to know of a delegation, nil if none is named.
func (p *person) delegate(id string) *policies.Delegation {
	if id == "" {
		return nil
	}
	d := p.delegation(id)
	if d == nil {
		return &policies.Delegation{ID: id}
	}
	start, _ := entry.ParseTime(d.Start)
	end, _ := entry.ParseTime(d.End)
	return &policies.Delegation{ID: id, Known: true, Revoked: d.Revoked, Scope: d.Scope, Start: start, End: end}
}

// records returns the consents that apply to an access under an agreement ("" if none is named),
// the newest first.
//
// A consent asked for agreements applies only to accesses under one of them, in both directions:
// consent to one project does not open another, and refusing one does not close another.
func (p *person) records(agreement string) []policies.Record {
	list := make([]policies.Record, 0, len(p.Consents))
	var room [2]effect
	for i := len(p.Consents) - 1; i >= 0; i-- {
		r := &p.Consents[i]
		for _, e := range r.effects(room[:0]) {
			if aboutCare[e.Scope] || len(e.Agreements) > 0 && !slices.Contains(e.Agreements, agreement) {
				continue
			}
			add := func(x *entry.ConsentRule) {
				rule, err := policyRule(x)
				if err != nil { // impossible: readPerson has checked it
					return
				}
				if e.Scope == "research" && len(rule.Purposes) == 0 {
					rule.Purposes = []string{"HRESCH"}
				}
				list = append(list, policies.Record{ID: r.ID, Holder: cmp.Or(e.Issuer, r.Holder), Rule: rule, RefusesOnly: e.refusesOnly})
			}
			add(e.Rule)
			for i := range e.Rule.Also {
				add(&e.Rule.Also[i])
			}
		}
	}
	return list
}

// aboutCare are the scopes of consents about care and not about access to records: an advance
// directive, and consent to undergo a treatment. They neither permit nor refuse sharing.
var aboutCare = map[string]bool{"adr": true, "treatment": true}

// policyRule turns a rule of an entry into a rule of package policies.
func policyRule(r *entry.ConsentRule) (policies.Rule, error) {
	out := policies.Rule{
		Deny: r.Decision == "deny", Restricts: r.Restricts, Purposes: purpose.Codes(r.Purposes), Data: r.Data,
		Recipients: r.Recipients, Roles: r.Roles, Staff: r.Staff, Units: r.Units, Actions: r.Actions,
	}
	for _, t := range []struct {
		text string
		into *time.Time
	}{{r.Start, &out.Start}, {r.End, &out.End}, {r.DataStart, &out.DataStart}, {r.DataEnd, &out.DataEnd}} {
		if t.text == "" {
			continue
		}
		var err error
		*t.into, err = entry.ParseTime(t.text)
		if err != nil {
			return out, err
		}
	}
	if r.Decision != "permit" && r.Decision != "deny" {
		return out, refuse(wire.BadJSON, "rule", "want permit or deny")
	}
	for i := range r.Also {
		if _, err := policyRule(&r.Also[i]); err != nil { // rules of their own, see records
			return out, err
		}
	}
	for i := range r.Except {
		x, err := policyRule(&r.Except[i])
		if err != nil {
			return out, err
		}
		out.Except = append(out.Except, x)
	}
	return out, nil
}

// noPerson reports whether an id is a register's, and so not a person's.
func noPerson(id string) bool { return id == "" || entry.IsRegister(id) }
