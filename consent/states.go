package consent

import (
	"slices"
	"strings"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/policies"
)

// State is the state of a version of an agreement.
type State string

// The states. Signatures, acts and time lead from one to the next:
//
//	proposed ─signed by all→ approved ─start→ in-force ⇄ under-review      (review, confirm)
//	   │                        │                │  ⇅ suspended            (suspend, resume)
//	withdrawn                withdrawn           └→ terminated │ superseded │ expired
const (
	Proposed    State = "proposed"     // not every party has signed
	Approved    State = "approved"     // signed by all, before its start
	InForce     State = "in-force"     //
	UnderReview State = "under-review" // in force, and being reviewed
	Suspended   State = "suspended"    // until every party that suspended it resumes it
	Withdrawn   State = "withdrawn"    // before it came into force
	Terminated  State = "terminated"   // before its end
	Superseded  State = "superseded"   // a newer version, or another agreement in its place, came into force
	Expired     State = "expired"      // its end has passed, whether all signed or not
)

// States returns all states.
func States() []State {
	return []State{Proposed, Approved, InForce, UnderReview, Suspended, Withdrawn, Terminated, Superseded, Expired}
}

// who says which organisations may do an act.
type who func(v *Version, org string) bool

func proposer(v *Version, org string) bool   { return v.By == org }
func party(v *Version, org string) bool      { return slices.Contains(v.Text.Organisations(), org) }
func controller(v *Version, org string) bool { return isController(v.Text, org) }
func suspender(v *Version, org string) bool  { return slices.Contains(v.Suspended, org) }

// move is one line of the state machine. If the table has no line for an act in a state, the act is
// impossible.
type move struct {
	may  who
	whom string // may, in words
	do   func(v *Version, org string)
}

var (
	withdraw  = func(v *Version, _ string) { v.Withdrawn = true }
	review    = func(v *Version, _ string) { v.UnderReview = true }
	confirm   = func(v *Version, _ string) { v.UnderReview = false }
	suspend   = func(v *Version, org string) { v.Suspended = append(slices.Clip(v.Suspended), org) }
	resume    = func(v *Version, org string) { v.Suspended = slices.DeleteFunc(slices.Clone(v.Suspended), is(org)) }
	terminate = func(*Version, string) {} // ends the agreement, not the version: see act
)

func is(org string) func(string) bool { return func(s string) bool { return s == org } }

// machine is everything that acts can do. Any controller may terminate: no organisation is forced
// to share.
var machine = map[string]map[State]move{
	"withdraw": {
		Proposed: {proposer, "the organisation that proposed it", withdraw},
		Approved: {controller, "a controller", withdraw},
	},
	"review":    {InForce: {party, "a party", review}},
	"confirm":   {UnderReview: {controller, "a controller", confirm}},
	"suspend":   {InForce: suspending, UnderReview: suspending, Suspended: suspending},
	"resume":    {Suspended: {suspender, "an organisation that suspended it", resume}},
	"terminate": {Approved: ending, InForce: ending, UnderReview: ending, Suspended: ending},
}

var (
	ending     = move{controller, "a controller", terminate}
	suspending = move{party, "a party", suspend}
)

func (s *Agreements) act(b *entry.AgreementAct, index uint64, at time.Time) (*Agreements, error) {
	what := named(b.Agreement, b.Version)
	a, v, err := s.find(b.Agreement, b.Version)
	if err != nil {
		return nil, err
	}
	state := s.state(a, v, at)
	if current := s.standing(a, at); current != v && b.Act != "withdraw" {
		return nil, refuse(register.VersionConflict, what,
			"it is %s; the current version is %d, proposed by %s at index %d",
			state, current.Text.Version, current.By, current.Proposed)
	}
	m, ok := machine[b.Act][state]
	switch {
	case !ok:
		return nil, refuse(register.BadTransition, what,
			"it is %s; %s is only possible if it is %s", state, b.Act, states(machine[b.Act]))
	case !m.may(v, b.Issuer):
		return nil, refuse(register.NotParty, what, "%s may not %s it: only %s may", b.Issuer, b.Act, m.whom)
	case b.Act == "suspend" && suspender(v, b.Issuer):
		return nil, refuse(register.BadTransition, what, "%s has already suspended it", b.Issuer)
	}
	next := *v
	m.do(&next, b.Issuer)
	changed := a.replace(&next)
	if b.Act == "terminate" {
		changed.Terminated = &Ended{b.Issuer, index, at, b.Reason}
	}
	return s.with(changed), nil
}

// Acts returns what an organisation can do with a version of an agreement at a time.
func (s *Agreements) Acts(id string, version uint64, org string, at time.Time) (list []string) {
	for _, act := range entry.AgreementActs {
		b := &entry.AgreementAct{Common: entry.Common{Issuer: org}, Agreement: id, Version: version, Act: act}
		if _, err := s.act(b, 0, at); err == nil {
			list = append(list, act)
		}
	}
	return list
}

func states(from map[State]move) string {
	var list []string
	for _, s := range States() {
		if _, ok := from[s]; ok {
			list = append(list, string(s))
		}
	}
	return strings.Join(list, " or ")
}

// State returns the current version of an agreement at a time, and its state. It is the newest
// version that has started. If there is none, it is the agreed version that starts first, else the
// newest proposal. If the agreement is not in the log, State returns nil.
func (s *Agreements) State(id string, at time.Time) (*Version, State) {
	a := s.Get(id)
	if a == nil {
		return nil, ""
	}
	v := s.standing(a, at)
	return v, s.state(a, v, at)
}

// StateOf returns the state of one version, "" if there is no such version.
func (s *Agreements) StateOf(id string, version uint64, at time.Time) State {
	a, v, err := s.find(id, version)
	if err != nil {
		return ""
	}
	return s.state(a, v, at)
}

func (s *Agreements) standing(a *Agreement, at time.Time) *Version {
	v := a.Versions[len(a.Versions)-1]
	agreed := false
	for _, x := range slices.Backward(a.Versions) {
		if !x.Complete() || x.Withdrawn {
			continue
		}
		v, agreed = x, true
		if !at.Before(x.start) {
			break
		}
	}
	// If no version is agreed, all are proposals or withdrawn, and only the newest can be open.
	if !agreed {
		return a.Versions[len(a.Versions)-1]
	}
	return v
}

func (s *Agreements) state(a *Agreement, v *Version, at time.Time) State {
	switch {
	case v.Withdrawn:
		return Withdrawn
	case v.Complete() && s.replaced(a, v, at):
		return Superseded
	case a.Terminated != nil:
		return Terminated
	case !at.Before(v.end):
		return Expired
	case !v.Complete():
		return Proposed
	case at.Before(v.start):
		return Approved
	case len(v.Suspended) > 0:
		return Suspended
	case v.UnderReview:
		return UnderReview
	}
	return InForce
}

// replaced reports whether a newer version of the agreement, or another agreement in its place, has
// come into force.
func (s *Agreements) replaced(a *Agreement, v *Version, at time.Time) bool {
	for _, newer := range a.Versions[v.Text.Version:] {
		if started(a, newer, at) {
			return true
		}
	}
	for _, id := range a.successors {
		b := s.Get(id)
		for _, x := range b.Versions {
			if !slices.Contains(x.Text.Supersedes, a.ID) || !started(b, x, at) {
				continue
			}
			// This is checked again: since x was proposed, an amendment may have brought in a
			// controller that never agreed to end the agreement.
			if ok, _ := replaces(x.Text, v); ok {
				return true
			}
		}
	}
	return false
}

// started reports whether a version came into force: all signed it, its start has passed, and the
// agreement had not been terminated before then.
func started(a *Agreement, v *Version, at time.Time) bool {
	return v.Complete() && !v.Withdrawn && !at.Before(v.start) && (a.Terminated == nil || !a.Terminated.At.Before(v.start))
}

// policyFacts returns what a decision about an access at a time needs to know of an agreement, nil
// if it is not in the log.
func (s *Agreements) policyFacts(id string, at time.Time) *policies.Agreement {
	v, state := s.State(id, at)
	if v == nil {
		return nil
	}
	f := v.facts
	f.State = string(state)
	return &f
}
