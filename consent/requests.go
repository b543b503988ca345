package consent

import (
	"slices"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// Requests is what the public entries of a log say about requests to share data. It is immutable.
type Requests struct {
	byID *table[*Request]
}

// Request is a sharing request and its answer, if there is one. It is shared: the caller must not
// modify it.
type Request struct {
	Asked    *entry.SharingRequest
	Index    uint64
	Decision *entry.SharingDecision // nil: not decided
	Decided  uint64                 // index of the decision
}

// Get returns a request, or nil if there is none with this id.
func (s *Requests) Get(id string) *Request {
	r, _ := s.byID.get(id)
	return r
}

// IDs returns the ids of all requests, sorted.
func (s *Requests) IDs() []string { return slices.Sorted(s.byID.keys()) }

// apply checks that a request or decision is allowed at index, and returns the requests after it.
func (s *Requests) apply(
	e *entry.Entry, index uint64, reg *register.Register, agreements *Agreements,
) (*Requests, error) {
	switch b := e.Body.(type) {
	case *entry.SharingRequest:
		return s.ask(b, index, reg, agreements)
	case *entry.SharingDecision:
		return s.decide(b, index, agreements)
	}
	return s, nil
}

func (s *Requests) ask(
	b *entry.SharingRequest, index uint64, reg *register.Register, agreements *Agreements,
) (*Requests, error) {
	what := "sharing request " + b.Request
	if r := s.Get(b.Request); r != nil {
		return nil, refuse(register.BadTransition, what,
			"%s already made a request of this id at index %d", r.Asked.Issuer, r.Index)
	}
	if reg.Organisation(b.Holder) == nil {
		return nil, refuse(wire.UnknownOrg, what, "the holder %s is not registered", b.Holder)
	}
	for _, c := range b.Codes {
		if !knownPurpose(c) {
			return nil, refuse(wire.BadClaim, "codes", "%s", wantPurpose)
		}
	}
	if b.Agreement != "" && agreements.Get(b.Agreement) == nil {
		return nil, refuse(register.UnknownAgreement, what, "agreement %s is not in the log", b.Agreement)
	}
	return &Requests{s.byID.with(b.Request, &Request{Asked: b, Index: index})}, nil
}

func (s *Requests) decide(b *entry.SharingDecision, index uint64, agreements *Agreements) (*Requests, error) {
	what := "sharing request " + b.Request
	r := s.Get(b.Request)
	switch {
	case r == nil:
		return nil, refuse(register.UnknownAgreement, what, "the request is not in the log")
	case b.Issuer != r.Asked.Holder:
		return nil, refuse(register.NotParty, what, "%s was not asked: only %s can answer", b.Issuer, r.Asked.Holder)
	case r.Decision != nil:
		return nil, refuse(register.BadTransition, what, "it was already answered at index %d", r.Decided)
	case b.Agreement != "" && agreements.Get(b.Agreement) == nil:
		return nil, refuse(register.UnknownAgreement, what, "agreement %s is not in the log", b.Agreement)
	}
	next := *r
	next.Decision, next.Decided = b, index
	return &Requests{s.byID.with(b.Request, &next)}, nil
}
