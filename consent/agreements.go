package consent

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/policies"
	"igledger/policies/purpose"
)

// Agreements is what the public entries of a log say about data-sharing agreements. It is
// immutable.
type Agreements struct {
	byID *table[*Agreement]
}

// Agreement is the history of one agreement so far. It is shared: the caller must not modify it.
type Agreement struct {
	ID         string
	Versions   []*Version // version n at n-1
	Terminated *Ended     // nil: not terminated
	successors []string   // ids of agreements that supersede this one in some version
}

// Ended says who terminated an agreement.
type Ended struct {
	By     string
	Index  uint64
	At     time.Time // iat
	Reason string
}

// Version is one version of an agreement. It is shared: the caller must not modify it.
type Version struct {
	Text        *entry.AgreementText
	Proposal    wire.Hash   // identity of its entry; signatures name it
	By          string      // organisation that proposed it
	Proposed    uint64      // index of its entry
	Signatures  []Signature // in the order of the log
	Withdrawn   bool
	UnderReview bool
	Suspended   []string // organisations that suspended it and have not resumed it

	start, end time.Time
	facts      policies.Agreement // everything but the state
}

// Signature is the signature of one party.
type Signature struct {
	Org   string
	Index uint64
	At    time.Time // iat
}

// Complete reports whether every party has signed.
func (v *Version) Complete() bool { return len(v.Signatures) == len(v.Text.Parties) }

// Missing returns the parties that have not signed, in the order of the text.
func (v *Version) Missing() []string {
	return slices.DeleteFunc(v.Text.Organisations(), v.signedBy)
}

func (v *Version) signedBy(org string) bool {
	return slices.ContainsFunc(v.Signatures, func(s Signature) bool { return s.Org == org })
}

// Get returns an agreement, or nil if there is none with this id.
func (s *Agreements) Get(id string) *Agreement {
	a, _ := s.byID.get(id)
	return a
}

// IDs returns the ids of all agreements, sorted.
func (s *Agreements) IDs() []string { return slices.Sorted(s.byID.keys()) }

// Apply checks that an entry about an agreement is allowed at index, and returns the agreements
// after it. reg is the register below index. Errors are *wire.Error.
func (s *Agreements) Apply(e *entry.Entry, index uint64, reg *register.Register) (*Agreements, error) {
	at := time.Unix(e.IssuedAt, 0).UTC()
	switch b := e.Body.(type) {
	case *entry.Agreement:
		return s.propose(&b.Agreement, e, index, at, reg)
	case *entry.AgreementSignature:
		return s.sign(b, index, at)
	case *entry.AgreementAct:
		return s.act(b, index, at)
	}
	return s, nil
}

func (s *Agreements) with(list ...*Agreement) *Agreements {
	next := *s
	for _, a := range list {
		next.byID = next.byID.with(a.ID, a)
	}
	return &next
}

func (s *Agreements) propose(
	t *entry.AgreementText, e *entry.Entry, index uint64, at time.Time, reg *register.Register,
) (*Agreements, error) {
	what := named(t.ID, t.Version)
	for _, p := range t.Parties {
		if reg.Organisation(p.Org) == nil {
			return nil, refuse(wire.UnknownOrg, what, "party %s is not registered", p.Org)
		}
	}
	if err := checkCodes(t); err != nil {
		return nil, err
	}
	if !isController(t, e.Issuer) {
		return nil, refuse(register.NotParty, what,
			"%s is not a controller in it: only a controller or joint controller can propose it", e.Issuer)
	}
	if !t.EndTime().After(at) {
		return nil, refuse(register.PastPeriod, what, "it ended before it was proposed")
	}
	if t.Under != "" && s.Get(t.Under) == nil {
		return nil, refuse(register.UnknownAgreement, what,
			"agreement %s, under which it is made, is not in the log", t.Under)
	}
	a := s.Get(t.ID)
	if err := s.mayFollow(a, t, e.Issuer, at); err != nil {
		return nil, err
	}
	v := &Version{
		Text: t, Proposal: e.Identity(), By: e.Issuer, Proposed: index,
		start: t.StartTime(), end: t.EndTime(), facts: factsOf(t),
	}
	next := Agreement{ID: t.ID}
	if a != nil {
		next = *a
	}
	next.Versions = append(slices.Clip(next.Versions), v)
	changed := []*Agreement{&next}
	for _, id := range t.Supersedes {
		old := s.Get(id)
		switch {
		case old == nil:
			return nil, refuse(register.UnknownAgreement, what, "agreement %s, which it supersedes, is not in the log", id)
		case s.leadsTo(t.ID, id):
			return nil, refuse(register.BadTransition, what, "agreement %s supersedes it, directly or through others", id)
		}
		if _, missing := replaces(t, s.standing(old, at)); missing != "" {
			return nil, refuse(register.NotParty, what,
				"%s is a controller of agreement %s, which this one ends, and must be a party", missing, id)
		}
		if !slices.Contains(old.successors, t.ID) {
			o := *old
			o.successors = append(slices.Clip(old.successors), t.ID)
			changed = append(changed, &o)
		}
	}
	return s.with(changed...), nil
}

// mayFollow checks that t may be the next version of the agreement.
func (s *Agreements) mayFollow(a *Agreement, t *entry.AgreementText, by string, at time.Time) error {
	what := named(t.ID, t.Version)
	if a == nil {
		if t.Version != 1 {
			return refuse(register.UnknownAgreement, what, "the agreement is not in the log: its first version is 1")
		}
		return nil
	}
	last := a.Versions[len(a.Versions)-1]
	state := s.state(a, last, at)
	switch {
	case a.Terminated != nil:
		return refuse(register.BadTransition, what,
			"%s terminated the agreement at index %d: a new one needs a new id", a.Terminated.By, a.Terminated.Index)
	case t.Version <= last.Text.Version:
		v := a.Versions[t.Version-1]
		return refuse(register.VersionConflict, what,
			"version %d was proposed by %s at index %d; the next is %d", t.Version, v.By, v.Proposed, last.Text.Version+1)
	case state == Proposed:
		return refuse(register.VersionConflict, what,
			"version %d was proposed by %s at index %d and is still open: it must first be signed or withdrawn",
			last.Text.Version, last.By, last.Proposed)
	case t.Version != last.Text.Version+1:
		return refuse(register.VersionConflict, what, "the next version is %d", last.Text.Version+1)
	case state == Superseded:
		return refuse(register.BadTransition, what, "another agreement superseded it")
	}
	before := last
	for _, v := range a.Versions {
		if !v.Complete() || v.Withdrawn {
			continue
		}
		before = v
		if !t.StartTime().After(v.start) {
			return refuse(register.VersionConflict, what,
				"it would start on %s, but version %d starts on %s: a version must start after the earlier ones",
				t.Start, v.Text.Version, v.Text.Start)
		}
	}
	// Otherwise anyone could stop the parties from amending their agreement, by proposing a
	// version.
	if !isController(before.Text, by) {
		return refuse(register.NotParty, what,
			"%s is not a controller in version %d, so it cannot amend it", by, before.Text.Version)
	}
	return nil
}

func (s *Agreements) sign(b *entry.AgreementSignature, index uint64, at time.Time) (*Agreements, error) {
	what := named(b.Agreement, b.Version)
	a, v, err := s.find(b.Agreement, b.Version)
	if err != nil {
		return nil, err
	}
	if v.Proposal != b.Proposal {
		return nil, refuse(register.VersionConflict, what,
			"the signed text differs from the one that %s proposed at index %d", v.By, v.Proposed)
	}
	if !slices.Contains(v.Text.Organisations(), b.Issuer) {
		return nil, refuse(register.NotParty, what, "%s is not a party, so it cannot sign", b.Issuer)
	}
	if v.signedBy(b.Issuer) {
		return nil, refuse(register.BadTransition, what, "%s has already signed it", b.Issuer)
	}
	if state := s.state(a, v, at); state != Proposed {
		return nil, refuse(register.BadTransition, what, "it is %s; only a proposal can be signed", state)
	}
	next := *v
	next.Signatures = append(slices.Clip(v.Signatures), Signature{b.Issuer, index, at})
	return s.with(a.replace(&next)), nil
}

// find returns a version of an agreement.
func (s *Agreements) find(id string, version uint64) (*Agreement, *Version, error) {
	a := s.Get(id)
	if a == nil {
		return nil, nil, refuse(register.UnknownAgreement, named(id, version), "the agreement is not in the log")
	}
	if version > uint64(len(a.Versions)) {
		return nil, nil, refuse(register.UnknownAgreement, named(id, version), "its newest version is %d", len(a.Versions))
	}
	return a, a.Versions[version-1], nil
}

// replace returns a copy of a with v in the place of its version.
func (a *Agreement) replace(v *Version) *Agreement {
	next := *a
	next.Versions = slices.Clone(a.Versions)
	next.Versions[v.Text.Version-1] = v
	return &next
}

// leadsTo reports whether to is among the successors of from, their successors, and so on.
func (s *Agreements) leadsTo(from, to string) bool {
	seen := map[string]bool{}
	var walk func(string) bool
	walk = func(id string) bool {
		if id == to {
			return true
		}
		if seen[id] {
			return false
		}
		seen[id] = true
		a := s.Get(id)
		return a != nil && slices.ContainsFunc(a.successors, walk)
	}
	return walk(from)
}

// replaces reports whether t may end the agreement of v: every controller of v must be a party of
// t, since the parties sign t. If not, missing names one that is not a party.
func replaces(t *entry.AgreementText, v *Version) (ok bool, missing string) {
	for _, p := range v.Text.Parties {
		if isController(v.Text, p.Org) && !slices.Contains(t.Organisations(), p.Org) {
			return false, p.Org
		}
	}
	return true, ""
}

func isController(t *entry.AgreementText, org string) bool {
	return slices.ContainsFunc(t.Parties, func(p entry.AgreementParty) bool {
		return p.Org == org && (p.Role == "controller" || p.Role == "joint-controller")
	})
}

// checkCodes refuses codes that could never match.
func checkCodes(t *entry.AgreementText) error {
	for i, p := range t.Purposes {
		if !knownPurpose(p.Code) {
			return refuse(wire.BadClaim, fmt.Sprintf("purposes[%d].code", i), "%s", wantPurpose)
		}
	}
	for i, d := range t.Data {
		for _, c := range d.Codes {
			if !coded(c) {
				return refuse(wire.BadClaim, fmt.Sprintf("data[%d].codes", i), "want system|code")
			}
		}
	}
	return nil
}

const wantPurpose = "want PurposeOfUse codes of v3-ActReason, or codes of another system as system|code"

// knownPurpose reports whether a code is a PurposeOfUse code, or names its own system.
func knownPurpose(code string) bool { return purpose.Known(purpose.Code(code)) || coded(code) }

func coded(s string) bool {
	system, code, found := strings.Cut(s, "|")
	return found && system != "" && code != ""
}

// factsOf returns what a decision needs to know of a version.
func factsOf(t *entry.AgreementText) policies.Agreement {
	f := policies.Agreement{
		ID: t.ID, Version: t.Version, Parties: t.Organisations(), Roles: t.Roles,
		ConsentBasis: t.ConsentBasis(), Start: t.StartTime(), End: t.EndTime(),
	}
	for _, p := range t.Purposes {
		f.Purposes = append(f.Purposes, purpose.Code(p.Code))
		f.Research = f.Research || purpose.Subsumes("HRESCH", p.Code)
	}
	limited := !slices.ContainsFunc(t.Data, func(d entry.AgreementData) bool { return len(d.Codes) == 0 })
	for _, d := range t.Data {
		if limited {
			f.Data = append(f.Data, d.Codes)
		}
	}
	if len(t.Approvals) > 0 {
		f.Project = t.Approvals[0].Reference
	}
	return f
}

// named says which agreement is meant. Ids of agreements are public.
func named(id string, version uint64) string {
	return fmt.Sprintf("agreement %s version %d", id, version)
}

func refuse(code wire.Code, what, format string, args ...any) error {
	return &wire.Error{Code: code, What: what, Detail: fmt.Sprintf(format, args...)}
}
