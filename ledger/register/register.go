// Package register decides who may sign what, and at which index of the log. A Register is the fold
// of a log's public entries into organisations and keys; Rules are what entries obey beyond it.
// The ledger (before it appends) and every verifier (when it replays) decide by this package alone.
package register

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Register is the state that the public entries of a log build up: which organisations there are and which keys they hold. It is a
// pure fold over the log, so the ledger (before it appends) and every verifier (when it replays) decide alike.
type Register struct {
	Origin  string
	Genesis *entry.Genesis // nil before leaf 0
	Partial bool           // it is made from a part of the public entries, as a statement shows: that a registrar remains cannot be judged and is not
	orgs    map[string]*entry.Member
	keys    map[string]*Key
	spent   map[wire.Hash]bool // Identity of countersignatures that were used
}

// RegisteredKey is a key and its life in the log. It counts for leaf i if From <= i and not (Revoked and i > RevokedAt).
type Key struct {
	Org         string
	Key         entry.PublicKey
	KID         string
	Added       uint64 // index of the entry that activated it
	From        uint64 // first index at which it counts
	Revoked     bool
	RevokedAt   uint64  // index of the revocation
	SuspectFrom *uint64 // see KeyRevocation
	Reason      string
}

// NewRegister is the register of an empty log.
func New(origin string) *Register {
	return &Register{Origin: origin, orgs: map[string]*entry.Member{}, keys: map[string]*Key{}, spent: map[wire.Hash]bool{}}
}

// Clone gives a copy that can grow on its own.
func (r *Register) Clone() *Register {
	c := *r
	c.orgs, c.keys, c.spent = maps.Clone(r.orgs), maps.Clone(r.keys), maps.Clone(r.spent)
	return &c
}

// Organisation gives a registered organisation, or nil.
func (r *Register) Organisation(id string) *entry.Member { return r.orgs[id] }

// Organisations gives all, sorted by id.
func (r *Register) Organisations() []*entry.Member {
	return slices.SortedFunc(maps.Values(r.orgs), func(a, b *entry.Member) int { return strings.Compare(a.ID, b.ID) })
}

// Key gives a key by its thumbprint, or nil.
func (r *Register) Key(kid string) *Key { return r.keys[kid] }

// Keys gives all keys of an organisation (all of all, if org is ""), in the order they were added.
func (r *Register) Keys(org string) []*Key {
	var list []*Key
	for _, k := range r.keys {
		if org == "" || k.Org == org {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b *Key) int {
		return cmp.Or(cmp.Compare(a.Added, b.Added), strings.Compare(a.KID, b.KID))
	})
	return list
}

// Active reports why the key kid does not count at index, or nil.
func (r *Register) Active(kid string, index uint64) (*Key, error) {
	k := r.keys[kid]
	switch {
	case k == nil:
		return nil, wire.Errorf(wire.UnknownKey, "key "+kid, "is not in the register of %s", r.Origin)
	case index < k.From:
		return nil, wire.Errorf(wire.InactiveKey, "key "+kid, "counts from index %d, not yet at %d", k.From, index)
	case k.Revoked && index > k.RevokedAt:
		return nil, wire.Errorf(wire.RevokedKey, "key "+kid, "was revoked at index %d (%s), the entry stands at %d", k.RevokedAt, k.Reason, index)
	}
	return k, nil
}

// May reports why the holder of kid does not act for org with purpose (and, unless "", role) at index, or nil.
func (r *Register) May(kid, org string, purpose entry.Purpose, role entry.Role, index uint64) error {
	k, err := r.Active(kid, index)
	if err != nil {
		return err
	}
	if k.Org != org {
		return wire.Errorf(wire.WrongIssuer, "key "+kid, "belongs to another organisation than the one named as issuer")
	}
	if !slices.Contains(k.Key.Purposes, purpose) {
		return wire.Errorf(wire.WrongPurpose, "key "+kid, "is not for %s", purpose)
	}
	if role != "" && !slices.Contains(r.orgs[org].Roles, role) {
		return wire.Errorf(wire.WrongPurpose, "organisation "+org, "does not have the role %s", role)
	}
	return nil
}

// Authorise checks that e may stand at index: for this log, by a key that counts there, of the right organisation, purpose and role. It
// does not check the signature (that needs no lock: JWS.Verify with the key this register holds) and not the rules of Apply.
func (r *Register) Authorise(e *entry.Entry, index uint64) error {
	if e.Audience != r.Origin {
		return wire.Errorf(wire.WrongAudience, "entry", "aud is not %s", r.Origin)
	}
	if e.Type == entry.TypeGenesis {
		if index != 0 || r.Genesis != nil {
			return wire.Errorf(wire.BadGenesis, "genesis", "at index %d; only leaf 0 is one", index)
		}
		return nil
	}
	if r.Genesis == nil {
		return wire.Errorf(wire.BadGenesis, "log", "begins with another entry than a genesis")
	}
	purpose, role := e.Type.Authority()
	if purpose == "" {
		return wire.Errorf(wire.UnknownType, "entry", "unknown entry type")
	}
	if err := r.May(e.KID, e.Issuer, purpose, role, index); err != nil {
		return err
	}
	if l, ok := e.Body.(*entry.Link); ok {
		return mayLink(l, r.orgs[e.Issuer])
	}
	return nil
}

// Verify is Authorise and the signature.
func (r *Register) Verify(e *entry.Entry, index uint64) error {
	if err := r.Authorise(e, index); err != nil {
		return err
	}
	if g, ok := e.Body.(*entry.Genesis); ok {
		return e.JWS.Verify(g.Registrar.Key.JWK)
	}
	return e.JWS.Verify(r.keys[e.KID].Key.JWK)
}

// Apply checks that a public entry at index obeys the rules of the register and takes it in. The entry has passed Verify. Types that do
// not change the register are let through. After an error the register is as before.
func (r *Register) Apply(e *entry.Entry, index uint64) error {
	switch b := e.Body.(type) {
	case *entry.Genesis:
		return r.applyGenesis(b, e.KID)
	case *entry.Organisation:
		return r.applyOrganisation(b, index)
	case *entry.Key:
		return r.applyKey(b, index)
	case *entry.KeyRevocation:
		return r.applyRevocation(b, index)
	case *entry.IndexRoot:
		return r.checkIndexRoot(b, e.KID, index)
	}
	return nil
}

// checkIndexRoot asks that the key which signs counts at the root's size already: a statement proves the history of keys below it and no further.
func (r *Register) checkIndexRoot(b *entry.IndexRoot, kid string, index uint64) error {
	if k := r.keys[kid]; k != nil && k.From > b.Size {
		return wire.Errorf(wire.BadIndexRoot, "index root", "its key counts from index %d, it covers the leaves below %d: no statement on it could show whose key that is", k.From, b.Size)
	}
	return b.CheckPosition(index)
}

func (r *Register) applyGenesis(g *entry.Genesis, kid string) error {
	if kid != g.Registrar.Key.JWK.Thumbprint() {
		return wire.Errorf(wire.BadGenesis, "genesis", "is not signed by the registrar's key")
	}
	for _, p := range g.Parties() {
		m := p.Member
		r.orgs[m.ID] = &m
		k := &Key{Org: m.ID, Key: p.Key, KID: p.Key.JWK.Thumbprint(), From: 1}
		r.keys[k.KID] = k
	}
	r.Genesis = g
	return nil
}

func (r *Register) applyOrganisation(o *entry.Organisation, index uint64) error {
	m := o.Organisation
	before := r.orgs[m.ID]
	gains := before == nil || slices.ContainsFunc(m.Roles, func(role entry.Role) bool { return !slices.Contains(before.Roles, role) })
	if !gains && o.Counter != "" {
		return wire.Errorf(wire.RegisterConflict, "organisation "+m.ID, "gains nothing; a countersignature belongs to a first enrolment or a new role")
	}
	if before != nil {
		r.orgs[m.ID] = &m
		can := r.hasRegistrar(index)
		r.orgs[m.ID] = before
		if !can {
			return wire.Errorf(wire.RegisterConflict, "organisation "+m.ID, "is the last that can register organisations: add another first")
		}
	}
	if gains {
		if err := r.spendCounter(o.Counter, o.Issuer, index, entry.Countersignature{Organisation: &m}); err != nil {
			return err
		}
	}
	r.orgs[m.ID] = &m
	return nil
}

func (r *Register) applyKey(k *entry.Key, index uint64) error {
	kid := k.Key.JWK.Thumbprint()
	if r.orgs[k.Org] == nil {
		return wire.Errorf(wire.UnknownOrg, "organisation "+k.Org, "is not registered")
	}
	if r.keys[kid] != nil {
		return wire.Errorf(wire.RegisterConflict, "key "+kid, "is in the register already; a key has one life")
	}
	if k.Issuer != k.Org {
		if !slices.Contains(r.orgs[k.Issuer].Roles, entry.RoleRegistrar) {
			return wire.Errorf(wire.WrongIssuer, "key "+kid, "only the organisation itself or a registrar adds a key")
		}
		if err := r.spendCounter(k.Counter, k.Issuer, index, entry.Countersignature{Org: k.Org, Key: &k.Key}); err != nil {
			return err
		}
	} else if k.Counter != "" {
		return wire.Errorf(wire.RegisterConflict, "key "+kid, "a countersignature belongs to a key that a registrar adds for another organisation")
	}
	r.keys[kid] = &Key{Org: k.Org, Key: k.Key, KID: kid, Added: index, From: max(index+1, k.Key.ValidFrom)}
	return nil
}

func (r *Register) applyRevocation(v *entry.KeyRevocation, index uint64) error {
	k := r.keys[v.KID]
	switch {
	case k == nil:
		return wire.Errorf(wire.UnknownKey, "key "+v.KID, "is not in the register")
	case k.Org != v.Org:
		return wire.Errorf(wire.RegisterConflict, "key "+v.KID, "belongs to another organisation")
	case k.Revoked:
		return wire.Errorf(wire.RegisterConflict, "key "+v.KID, "was revoked at index %d", k.RevokedAt)
	case v.Issuer != v.Org && !slices.Contains(r.orgs[v.Issuer].Roles, entry.RoleRegistrar):
		return wire.Errorf(wire.WrongIssuer, "key "+v.KID, "only the organisation itself or a registrar revokes a key")
	case v.SuspectFrom != nil && *v.SuspectFrom > index:
		return wire.Errorf(wire.BadClaim, "suspectFrom", "lies beyond the revocation at index %d", index)
	}
	revoked := *k
	revoked.Revoked = true
	revoked.RevokedAt = index
	revoked.SuspectFrom = v.SuspectFrom
	revoked.Reason = v.Reason
	r.keys[v.KID] = &revoked
	if !r.hasRegistrar(index) {
		r.keys[v.KID] = k
		return wire.Errorf(wire.RegisterConflict, "key "+v.KID, "is the last key that can register organisations: add another first")
	}
	return nil
}

// hasRegistrar reports whether after index some key can register organisations, so that a log cannot lock itself out.
func (r *Register) hasRegistrar(index uint64) bool {
	if r.Partial {
		return true
	}
	for kid, k := range r.keys {
		if r.May(kid, k.Org, entry.PurposeAdminister, entry.RoleRegistrar, index+1) == nil {
			return true
		}
	}
	return false
}

// spendCounter checks an enroller's countersignature and marks it as used: the registrar cannot bring back a role that was taken away
// by showing again what was signed when it was first given.
func (r *Register) spendCounter(compact, registrar string, index uint64, want entry.Countersignature) error {
	id, err := r.checkCounter(compact, registrar, index, want)
	if err == nil {
		r.spent[id] = true
	}
	return err
}

// checkCounter checks an enroller's countersignature: by an administrative key that counts at index, of an enroller that is neither the
// registrar who signs the entry nor an operator of the log, over exactly want, not used before. It gives its identity.
func (r *Register) checkCounter(compact, registrar string, index uint64, want entry.Countersignature) (wire.Hash, error) {
	if compact == "" {
		return wire.Hash{}, wire.Errorf(wire.NotCountersigned, "enrolment", "what adds an organisation, a role or another's key carries an enroller's countersignature")
	}
	jws, c, err := entry.ParseCountersignature(compact)
	if err != nil {
		return wire.Hash{}, err
	}
	if err := r.May(jws.KID, c.Issuer, entry.PurposeAdminister, entry.RoleEnroller, index); err != nil {
		return wire.Hash{}, wire.Errorf(wire.NotCountersigned, "enrolment", "the countersigner may not: %s", err)
	}
	if c.Issuer == registrar || c.Issuer == r.Genesis.Operator.ID || slices.Contains(r.orgs[c.Issuer].Roles, entry.RoleOperator) {
		return wire.Hash{}, wire.Errorf(wire.NotCountersigned, "enrolment", "the countersigner is the registrar itself or the operator")
	}
	if c.Audience != r.Origin {
		return wire.Hash{}, wire.Errorf(wire.WrongAudience, "countersignature", "aud is not %s", r.Origin)
	}
	if !reflect.DeepEqual(c.Organisation, want.Organisation) || c.Org != want.Org || !reflect.DeepEqual(c.Key, want.Key) {
		return wire.Hash{}, wire.Errorf(wire.NotCountersigned, "enrolment", "the countersignature is over another organisation or key")
	}
	if r.spent[jws.Identity()] {
		return wire.Hash{}, wire.Errorf(wire.NotCountersigned, "enrolment", "the countersignature was used before")
	}
	return jws.Identity(), jws.Verify(r.keys[jws.KID].Key.JWK)
}

// mayLink says why an organisation may not state a link, or nil: a link shows the history of one id to whoever holds the other, so a registrar links any two, and others only what
// has to do with a number that they gave themselves. It cannot be told while the ids are withheld.
func mayLink(l *entry.Link, org *entry.Member) error {
	own := "temp:" + l.Issuer + ":"
	if l.Sub == "" || slices.Contains(org.Roles, entry.RoleRegistrar) || strings.HasPrefix(l.Sub, own) || strings.HasPrefix(l.Other, own) {
		return nil
	}
	return wire.Errorf(wire.WrongPurpose, "organisation "+l.Issuer, "links two ids of which it gave neither, and is no registrar")
}
