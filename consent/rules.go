package consent

import (
	"fmt"
	"slices"
	"strings"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/policies"
	"igledger/policies/terminology"
)

// Rules is what governs a log. It implements register.Rules. It is immutable and safe for
// concurrent use.
type Rules struct {
	operator   string // organisation that runs the log; "" until it is known
	agreements *Agreements
	requests   *Requests
	sets       []policySet // by version; 0 is built in, the last is in use
	known      []string    // ids of the registered organisations, sorted; nil until the genesis
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
	case *entry.Genesis, *entry.Organisation:
		next.known = r.registered(e, reg)
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

// registered returns the organisations of the register after a genesis or a registration.
func (r *Rules) registered(e *entry.Entry, reg *register.Register) []string {
	if b, ok := e.Body.(*entry.Organisation); ok && r.known != nil {
		at, found := slices.BinarySearch(r.known, b.Organisation.ID)
		if found {
			return r.known
		}
		return slices.Insert(slices.Clone(r.known), at, b.Organisation.ID)
	}
	list := []string{}
	for _, o := range reg.Organisations() {
		list = append(list, o.ID)
	}
	return list
}

// knows reports whether an organisation is registered. Before the genesis, all are: no entry about
// a person comes before it.
func (r *Rules) knows(org string) bool {
	_, found := slices.BinarySearch(r.known, org)
	return org != "" && (found || r.known == nil)
}

// unknown reports whether an organisation that accessed, or was told, is none of the log. A source
// may name one by an id that only other registers have.
func (r *Rules) unknown(a *entry.Access) bool {
	to, left := a.Disclosed()
	return a.Foreign || !r.knows(a.Accessor()) || left && !r.knows(to)
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
		return r.judge(b, state, happened)
	case *entry.Decision:
		return r.judge(AsAccess(b), state, asked)
	case *entry.Consent, *entry.Delegation, *entry.Link:
		return r.judgePerson(e, index, state)
	}
	return register.Judgement{}, nil
}

func (r *Rules) judge(a *entry.Access, state func(id string) []byte, how manner) (register.Judgement, error) {
	v, byName := r.noAccess(a), false
	if v == nil {
		d, err := r.decide(a, state, how)
		if err != nil {
			return register.Judgement{}, err
		}
		v, byName = d.Verdict, d.ByName
	}
	j := register.Judgement{Verdict: v, ByName: byName}
	if r.unknown(a) {
		j.Flags = append(j.Flags, entry.FlagUnknownOrg)
	}
	if a.Agreement != "" && v.Version == 0 {
		j.Flags = append(j.Flags, entry.FlagUnknownAgreement)
	}
	return j, nil
}

// noAccess returns the verdict of what is no access: an attempt that failed, or a decision of
// another system. Nobody used the record, so the policies are not asked. The verdict names the
// agreement that the entry names, like that of an access. Of an access it returns nil.
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
