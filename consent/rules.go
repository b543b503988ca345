package consent

import (
	"fmt"
	"slices"
	"strings"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/policies"
	"igledger/policies/readers"
	"igledger/policies/terminology"
)

// Rules is what governs a log. It implements register.Rules. It is immutable and safe for
// concurrent use.
type Rules struct {
	operator   string // organisation that runs the log; "" until it is known
	agreements *Agreements
	requests   *Requests
	sets       []policySet // by version; 0 is built in, the last is in use
	given      []*terminology.Index
}

// policySet is a policy set with the code systems that it rests on.
type policySet struct {
	*policies.Set
	files []wire.Hash        // of code systems, as the set names them
	codes *terminology.Index // nil if the set names none, or if this process was not given them
}

func (s *policySet) lacks() bool { return len(s.files) > 0 && s.codes == nil }

var _ register.Rules = (*Rules)(nil)

// New returns the rules of an empty log: no agreements, and the built-in policy set. A policy set
// that names files of code systems judges by the one of codes that was loaded from these files. If
// there is none, the rules take the set, and judge no access under it (register.UnableError).
func New(codes ...*terminology.Index) *Rules {
	return &Rules{agreements: new(Agreements), requests: new(Requests), sets: []policySet{{Set: policies.BuiltIn()}}, given: codes}
}

// From returns the rules of this package that a ledger or an auditor holds as register.Rules, which
// may be of any kind. If they are of another kind, it returns an error.
func From(r register.Rules) (*Rules, error) {
	own, ok := r.(*Rules)
	if !ok {
		return nil, fmt.Errorf("the log has rules of type %T, not those of package consent", r)
	}
	return own, nil
}

// Agreements returns the agreements of the log.
func (r *Rules) Agreements() *Agreements { return r.agreements }

// Requests returns the sharing requests of the log.
func (r *Rules) Requests() *Requests { return r.requests }

// Policies returns the policy set in use.
func (r *Rules) Policies() *policies.Set { return r.sets[len(r.sets)-1].Set }

// Terminology returns the SHA-256 of the files of code systems that the policy set in use rests on.
func (r *Rules) Terminology() []wire.Hash { return r.sets[len(r.sets)-1].files }

// Knows reports whether this process was given the files of code systems that a policy set names.
func (r *Rules) Knows(files []wire.Hash) bool { return len(files) == 0 || r.codes(files) != nil }

// Able returns nil if this process was given the code systems that the policy set in use rests on,
// else a *register.UnableError.
func (r *Rules) Able() error {
	s := &r.sets[len(r.sets)-1]
	if !s.lacks() {
		return nil
	}
	names := make([]string, len(s.files))
	for i, f := range s.files {
		names[i] = fmt.Sprintf("%x", f[:])
	}
	return &register.UnableError{Lacks: fmt.Sprintf("the code systems of policy set %d: the files with SHA-256 %s",
		s.Version(), strings.Join(names, " and "))}
}

func (r *Rules) codes(files []wire.Hash) *terminology.Index {
	for _, x := range r.given {
		if slices.Equal(x.Files(), files) {
			return x
		}
	}
	return nil
}

// PoliciesOf returns the policy set of a version that a verdict names, or nil. Every version is
// kept: a new set never rewrites old verdicts.
func (r *Rules) PoliciesOf(version uint64) *policies.Set {
	if version >= uint64(len(r.sets)) {
		return nil
	}
	return r.sets[version].Set
}

// Admit implements register.Rules. It accepts all other public entries too, and learns the operator
// from the genesis.
func (r *Rules) Admit(e *entry.Entry, index uint64, reg *register.Register) (register.Rules, error) {
	next := *r
	if g := reg.Genesis; g != nil {
		next.operator = g.Operator.ID
	}
	var err error
	switch b := e.Body.(type) {
	case *entry.Agreement, *entry.AgreementSignature, *entry.AgreementAct:
		next.agreements, err = r.agreements.Apply(e, index, reg)
	case *entry.SharingRequest, *entry.SharingDecision:
		next.requests, err = r.requests.apply(e, index, reg, r.agreements)
	case *entry.PolicySet:
		next.sets, err = r.admitPolicies(b)
	}
	if err != nil {
		return nil, err
	}
	return &next, nil
}

func (r *Rules) admitPolicies(b *entry.PolicySet) ([]policySet, error) {
	if next := uint64(len(r.sets)); b.Version != next {
		return nil, refuse(register.VersionConflict, "policy set",
			"the set in use has version %d, so the next must be %d", next-1, next)
	}
	set, err := policies.Compile(b.Version, b.Text)
	if err != nil {
		return nil, refuse(register.BadPolicySet, "policy set", "%s", err)
	}
	return append(slices.Clip(r.sets), policySet{set, b.Terminology, r.codes(b.Terminology)}), nil
}

// Judge implements register.Rules.
func (r *Rules) Judge(e *entry.Entry, index uint64, state func(id string) []byte) (register.Judgement, error) {
	switch b := e.Body.(type) {
	case *entry.Access:
		return r.judgeAccess(b, state)
	case *entry.Decision:
		return r.judgeAccess(AsAccess(b), state)
	case *entry.Consent, *entry.Delegation, *entry.Link:
		return r.judgePerson(e, index, state)
	}
	return register.Judgement{}, nil
}

func (r *Rules) judgeAccess(a *entry.Access, state func(id string) []byte) (register.Judgement, error) {
	v := r.noAccess(a)
	if v == nil {
		var err error
		if _, v, err = r.Decide(a, state); err != nil {
			return register.Judgement{}, err
		}
	}
	j := register.Judgement{Verdict: v}
	if a.Foreign {
		j.Flags = append(j.Flags, entry.FlagUnknownOrg)
	}
	if a.Agreement != "" && v.Version == 0 {
		j.Flags = append(j.Flags, entry.FlagUnknownAgreement)
	}
	return j, nil
}

// noAccess returns the verdict of what is no access: an attempt that failed, or a decision of another
// system. Nobody used the record, so the policies are not asked. The verdict names the agreement that
// the entry names, like that of an access. Of an access it returns nil.
func (r *Rules) noAccess(a *entry.Access) *entry.Verdict {
	result, ok := map[entry.Act]entry.VerdictResult{
		entry.ActAttempt: entry.AttemptOnly, entry.ActDecision: entry.DecisionOnly,
	}[a.Act()]
	if !ok {
		return nil
	}
	v := &entry.Verdict{Result: result}
	if a.Agreement == "" {
		return v
	}
	if f := r.agreements.policyFacts(a.Agreement, a.Time()); f != nil {
		v.Agreement, v.Version = f.ID, f.Version
	}
	return v
}

func (r *Rules) judgePerson(
	e *entry.Entry, index uint64, state func(id string) []byte,
) (j register.Judgement, err error) {
	p, err := readPerson(state(e.ShownSub()))
	if err != nil {
		return j, err
	}
	switch b := e.Body.(type) {
	case *entry.Consent:
		j.Flags, err = r.consented(b, index, p)
	case *entry.Delegation:
		err = delegated(b, index, p, func() (*person, error) { return readPerson(state(b.Delegate.ID)) })
	case *entry.Link:
		err = p.link(b, index)
	}
	if err != nil {
		return register.Judgement{}, err
	}
	j.Person, err = p.bytes()
	return j, err
}

// Decide says whether an access is covered, by what the log holds now. state returns the state of a
// person, nil if nothing is on file. It is called for the access's subject and for the numbers
// linked with it.
//
// A decision service asks before an access. The verdict is the one that Judge returns if the access
// is logged next, and succeeded.
func (r *Rules) Decide(a *entry.Access, state func(id string) []byte) (policies.Decision, *entry.Verdict, error) {
	if err := r.Able(); err != nil {
		return policies.Decision{}, nil, err
	}
	f, err := r.facts(a, state)
	if err != nil {
		return policies.Decision{}, nil, err
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
	return d, v, nil
}

func (r *Rules) facts(a *entry.Access, state func(id string) []byte) (policies.Facts, error) {
	org, at := a.Accessor(), a.Time()
	f := policies.Facts{
		Org: org, Holder: a.Issuer, Foreign: a.Foreign, Own: org == a.Issuer && !a.Foreign,
		Ledger: readers.IsReading(r.operator, a),
		Action: a.Action, Purposes: a.Purpose, Data: a.Data, Roles: a.Role,
		Machine: a.Machine, Emergency: a.Emergency, At: at,
		Justified: a.Text != nil && a.Text.Justification != "", Named: a.Agreement != "",
		Codes: r.sets[len(r.sets)-1].codes,
	}
	if f.Named {
		f.Agreement = r.agreements.policyFacts(a.Agreement, at)
	}
	own := state(a.Sub)
	if own == nil && a.Delegation == "" {
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
		Org: org, Holder: a.Issuer, Action: a.Action, Purposes: a.Purpose, Data: a.Data, Roles: a.Role,
		Staff: a.Staff.Identifiers(), Machine: a.Machine, At: at, Codes: f.Codes,
	}
	if a.Staff != nil {
		q.Units = a.Staff.Units
	}
	f.Consent = policies.Combine(records, q)
	return f, nil
}

// AsAccess returns a decision as the access that was asked about, in the form that Decide takes.
func AsAccess(d *entry.Decision) *entry.Access {
	a := &entry.Access{
		Common: d.Common, Org: d.Org, System: d.System, Action: d.Action, Data: d.Data, Purpose: d.Purpose, Role: d.Role,
		Machine: d.Machine, Emergency: d.Emergency, Agreement: d.Agreement, Delegation: d.Delegation, Recorded: d.Asked,
		Outcome: "0", Sub: d.Sub, Staff: d.Staff,
	}
	a.Issuer = d.Holder
	if d.Justified {
		a.Text = &entry.Text{Justification: "given"}
	}
	return a
}
