package consent

import (
	"slices"

	"igledger/ledger/entry"
	"igledger/policies"
	"igledger/policies/purpose"
	"igledger/policies/readers"
)

// Decided is whether an access is covered and why, for those who may know all of it and for the
// rest.
type Decided struct {
	policies.Decision
	Verdict *entry.Verdict
	Blind   policies.Decision // tells nothing of what the person chose: see policies.Set.Blind
	ByName  bool              // the access does not show its user, and a rule of the person names users
}

// Decide says whether an access is covered, by what the log holds now. state returns the state of a
// person, nil if nothing is on file. It is called for the access's subject and for the numbers
// linked with it.
//
// A decision service asks before an access. The verdict is the one that Judge returns if the access
// is logged next, and succeeded. To one who waits for the answer, a person of whom nothing is on
// file is as much work as one who refused something.
func (r *Rules) Decide(a *entry.Access, state func(id string) []byte) (Decided, error) {
	return r.decide(a, state, asked)
}

// manner is why an access is judged.
type manner int

const (
	happened manner = iota
	asked           // before it happens, by one who may measure how long the answer takes
)

// standIn is read in place of the state of a person of whom nothing is on file. What it says is
// forgotten.
var standIn = []byte(`{"v":1,"consents":[{"id":"00000000-0000-4000-8000-000000000000","act":"refused",` +
	`"scope":"patient-privacy","holder":"nobody","index":1,"rule":{"decision":"deny","purposes":["HRESCH"]}}]}`)

func (r *Rules) decide(a *entry.Access, state func(id string) []byte, how manner) (Decided, error) {
	if err := r.Able(); err != nil {
		return Decided{}, err
	}
	f, err := r.facts(a, state, how)
	if err != nil {
		return Decided{}, err
	}
	set := r.Policies()
	d := set.Decide(f)
	v := &entry.Verdict{Result: d.Result, Rules: d.Rules, Policies: set.Version()}
	if f.Agreement != nil {
		v.Agreement, v.Version = f.Agreement.ID, f.Agreement.Version
	}
	if d.Consent {
		v.Consent = f.Consent.ID
	}
	out := Decided{Decision: d, Verdict: v, ByName: f.Consent.ByName}
	if how == asked {
		out.Blind = set.Blind(f, d)
	}
	return out, nil
}

// Blind returns the blind form of a verdict, for those who may not learn what the person chose. It
// has no consent: its id is the same in all entries of a person's record, so that one could tell by
// it which entries are of one person.
func (r *Rules) Blind(v *entry.Verdict) *entry.Verdict {
	if v == nil {
		return nil
	}
	set := r.PoliciesOf(v.Policies)
	if set == nil {
		set = policies.BuiltIn() // see Reasons
	}
	c := *v
	c.Rules, c.Consent = set.BlindRules(v.Result, v.Rules), ""
	return &c
}

func (r *Rules) facts(a *entry.Access, state func(id string) []byte, how manner) (policies.Facts, error) {
	org, at := a.Accessor(), a.Time()
	to, left := a.Disclosed()
	f := policies.Facts{
		Org: org, Holder: a.Issuer, Foreign: r.unknown(a), Own: org == a.Issuer && !a.Foreign && !left,
		Disclosed: left, Recipient: to,
		Ledger: readers.IsReading(r.operator, a),
		Action: a.Action, Purposes: purpose.Codes(a.Purpose), Data: a.Data, Roles: a.Role,
		Machine: a.Machine, Emergency: a.Emergency, At: at,
		Justified: a.Text != nil && a.Text.Justification != "", Named: a.Agreement != "",
		Codes: r.sets[len(r.sets)-1].codes,
	}
	if f.Named {
		f.Agreement = r.agreements.policyFacts(a.Agreement, at)
	}
	own := state(a.Sub)
	nothing := own == nil
	switch {
	case nothing && how == asked:
		own = standIn
	case nothing && a.Delegation == "":
		return f, nil
	}
	p, err := readPerson(own)
	if err != nil {
		return f, err
	}
	records := p.records(a.Agreement)
	if len(p.Linked) > 0 {
		others, err := p.linkedRecords(a.Agreement, state)
		if err != nil {
			return f, err
		}
		records = append(records, others...)
	}
	f.Delegate = p.delegate(a.Delegation)
	q := policies.Request{
		Org: org, Holder: a.Issuer, Action: a.Action, Purposes: f.Purposes, Data: a.Data, Roles: a.Role,
		Staff: a.Staff.Identifiers(), Machine: a.Machine, At: at, Codes: f.Codes,
	}
	if a.Staff != nil {
		q.Units = a.Staff.Units
	}
	f.Consent = policies.Combine(records, q)
	if left && f.Consent.Decision != policies.Deny { // what was refused to the sender is not the recipient's
		q.Org = to
		f.Consent = policies.Combine(records, q)
	}
	f.Consent.ByName = a.Staff == nil && slices.ContainsFunc(records, func(r policies.Record) bool { return r.NamesUsers() })
	if nothing {
		f.Consent = policies.Consent{}
	}
	return f, nil
}
