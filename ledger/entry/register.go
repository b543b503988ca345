package entry

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Register is the state that the public entries of a log build up: which organisations there are and which keys they hold. It is a
// pure fold over the log, so the ledger (before it appends) and every verifier (when it replays) decide alike.
type Register struct {
	Origin  string
	Genesis *Genesis // nil before leaf 0
	Partial bool     // it is made from a part of the public entries, as a statement shows: that a registrar remains cannot be judged and is not
	orgs    map[string]*Member
	keys    map[string]*RegisteredKey
	spent   map[Hash]bool // Identity of countersignatures that were used
}

// RegisteredKey is a key and its life in the log. It counts for leaf i if From <= i and not (Revoked and i > RevokedAt).
type RegisteredKey struct {
	Org         string
	Key         PublicKey
	KID         string
	Added       uint64 // index of the entry that activated it
	From        uint64 // first index at which it counts
	Revoked     bool
	RevokedAt   uint64  // index of the revocation
	SuspectFrom *uint64 // see KeyRevocation
	Reason      string
}

// NewRegister is the register of an empty log.
func NewRegister(origin string) *Register {
	return &Register{Origin: origin, orgs: map[string]*Member{}, keys: map[string]*RegisteredKey{}, spent: map[Hash]bool{}}
}

// Clone gives a copy that can grow on its own.
func (r *Register) Clone() *Register {
	c := *r
	c.orgs, c.keys, c.spent = maps.Clone(r.orgs), maps.Clone(r.keys), maps.Clone(r.spent)
	return &c
}

// Organisation gives a registered organisation, or nil.
func (r *Register) Organisation(id string) *Member { return r.orgs[id] }

// Organisations gives all, sorted by id.
func (r *Register) Organisations() []*Member {
	return slices.SortedFunc(maps.Values(r.orgs), func(a, b *Member) int { return strings.Compare(a.ID, b.ID) })
}

// Key gives a key by its thumbprint, or nil.
func (r *Register) Key(kid string) *RegisteredKey { return r.keys[kid] }

// Keys gives all keys of an organisation (all of all, if org is ""), in the order they were added.
func (r *Register) Keys(org string) []*RegisteredKey {
	var list []*RegisteredKey
	for _, k := range r.keys {
		if org == "" || k.Org == org {
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b *RegisteredKey) int {
		return cmp.Or(cmp.Compare(a.Added, b.Added), strings.Compare(a.KID, b.KID))
	})
	return list
}

// authority is what a type of entry asks of its signer.
var authority = map[Type]struct {
	purpose Purpose
	role    Role // "" = any
}{
	TypeOrganisation:  {PurposeAdminister, RoleRegistrar},
	TypeKey:           {PurposeAdminister, ""},
	TypeKeyRevocation: {PurposeAdminister, ""},
	TypeIndexRoot:     {PurposeSubmit, RoleOperator},
	TypeHeartbeat:     {PurposeSubmit, RoleSource},
	TypeAccess:        {PurposeSubmit, RoleSource},

	TypeAgreement:          {PurposeAgreements, ""},
	TypeAgreementSignature: {PurposeAgreements, ""},
	TypeAgreementAct:       {PurposeAgreements, ""},
	TypeSharingRequest:     {PurposeAgreements, ""},
	TypeSharingDecision:    {PurposeAgreements, ""},
	TypePolicySet:          {PurposeAdminister, RoleRegistrar},
	TypeConsent:            {PurposeAgreements, ""},
	TypeDelegation:         {PurposeAgreements, ""},
	TypeDecision:           {PurposeSubmit, RoleOperator},
	TypeLink:               {PurposeAgreements, ""}, // and see mayLink
	TypeSourceCount:        {PurposeSubmit, RoleSource},
}

// Active reports why the key kid does not count at index, or nil.
func (r *Register) Active(kid string, index uint64) (*RegisteredKey, error) {
	k := r.keys[kid]
	switch {
	case k == nil:
		return nil, fail(UnknownKey, "key "+kid, "is not in the register of %s", r.Origin)
	case index < k.From:
		return nil, fail(InactiveKey, "key "+kid, "counts from index %d, not yet at %d", k.From, index)
	case k.Revoked && index > k.RevokedAt:
		return nil, fail(RevokedKey, "key "+kid, "was revoked at index %d (%s), the entry stands at %d", k.RevokedAt, k.Reason, index)
	}
	return k, nil
}

// May reports why the holder of kid does not act for org with purpose (and, unless "", role) at index, or nil.
func (r *Register) May(kid, org string, purpose Purpose, role Role, index uint64) error {
	k, err := r.Active(kid, index)
	if err != nil {
		return err
	}
	if k.Org != org {
		return fail(WrongIssuer, "key "+kid, "belongs to another organisation than the one named as issuer")
	}
	if !slices.Contains(k.Key.Purposes, purpose) {
		return fail(WrongPurpose, "key "+kid, "is not for %s", purpose)
	}
	if role != "" && !slices.Contains(r.orgs[org].Roles, role) {
		return fail(WrongPurpose, "organisation "+org, "does not have the role %s", role)
	}
	return nil
}

// Authorise checks that e may stand at index: for this log, by a key that counts there, of the right organisation, purpose and role. It
// does not check the signature (that needs no lock: JWS.Verify with the key this register holds) and not the rules of Apply.
func (r *Register) Authorise(e *Entry, index uint64) error {
	if e.Audience != r.Origin {
		return fail(WrongAudience, "entry", "aud is not %s", r.Origin)
	}
	if e.Type == TypeGenesis {
		if index != 0 || r.Genesis != nil {
			return fail(BadGenesis, "genesis", "at index %d; only leaf 0 is one", index)
		}
		return nil
	}
	if r.Genesis == nil {
		return fail(BadGenesis, "log", "begins with another entry than a genesis")
	}
	a := authority[e.Type]
	if err := r.May(e.KID, e.Issuer, a.purpose, a.role, index); err != nil {
		return err
	}
	if l, ok := e.Body.(*Link); ok {
		return mayLink(l, r.orgs[e.Issuer])
	}
	return nil
}

// Verify is Authorise and the signature.
func (r *Register) Verify(e *Entry, index uint64) error {
	if err := r.Authorise(e, index); err != nil {
		return err
	}
	if g, ok := e.Body.(*Genesis); ok {
		return e.JWS.Verify(g.Registrar.Key.JWK)
	}
	return e.JWS.Verify(r.keys[e.KID].Key.JWK)
}

// Apply checks that a public entry at index obeys the rules of the register and takes it in. The entry has passed Verify. Types that do
// not change the register are let through. After an error the register is as before.
func (r *Register) Apply(e *Entry, index uint64) error {
	switch b := e.Body.(type) {
	case *Genesis:
		return r.applyGenesis(b, e.KID)
	case *Organisation:
		return r.applyOrganisation(b, index)
	case *Key:
		return r.applyKey(b, index)
	case *KeyRevocation:
		return r.applyRevocation(b, index)
	case *IndexRoot:
		return r.checkIndexRoot(b, e.KID, index)
	}
	return nil
}

// checkIndexRoot asks that the key which signs counts at the root's size already: a statement proves the history of keys below it and no further.
func (r *Register) checkIndexRoot(b *IndexRoot, kid string, index uint64) error {
	if k := r.keys[kid]; k != nil && k.From > b.Size {
		return fail(BadIndexRoot, "index root", "its key counts from index %d, it covers the leaves below %d: no statement on it could show whose key that is", k.From, b.Size)
	}
	return b.CheckPosition(index)
}

func (r *Register) applyGenesis(g *Genesis, kid string) error {
	if kid != g.Registrar.Key.JWK.Thumbprint() {
		return fail(BadGenesis, "genesis", "is not signed by the registrar's key")
	}
	for _, p := range g.parties() {
		m := p.party.Member
		r.orgs[m.ID] = &m
		k := &RegisteredKey{Org: m.ID, Key: p.party.Key, KID: p.party.Key.JWK.Thumbprint(), From: 1}
		r.keys[k.KID] = k
	}
	r.Genesis = g
	return nil
}

func (r *Register) applyOrganisation(o *Organisation, index uint64) error {
	m := o.Organisation
	before := r.orgs[m.ID]
	gains := before == nil || slices.ContainsFunc(m.Roles, func(role Role) bool { return !slices.Contains(before.Roles, role) })
	if !gains && o.Counter != "" {
		return fail(RegisterConflict, "organisation "+m.ID, "gains nothing; a countersignature belongs to a first enrolment or a new role")
	}
	if before != nil {
		r.orgs[m.ID] = &m
		can := r.hasRegistrar(index)
		r.orgs[m.ID] = before
		if !can {
			return fail(RegisterConflict, "organisation "+m.ID, "is the last that can register organisations: add another first")
		}
	}
	if gains {
		if err := r.spendCounter(o.Counter, o.Issuer, index, Countersignature{Organisation: &m}); err != nil {
			return err
		}
	}
	r.orgs[m.ID] = &m
	return nil
}

func (r *Register) applyKey(k *Key, index uint64) error {
	kid := k.Key.JWK.Thumbprint()
	if r.orgs[k.Org] == nil {
		return fail(UnknownOrg, "organisation "+k.Org, "is not registered")
	}
	if r.keys[kid] != nil {
		return fail(RegisterConflict, "key "+kid, "is in the register already; a key has one life")
	}
	if k.Issuer != k.Org {
		if !slices.Contains(r.orgs[k.Issuer].Roles, RoleRegistrar) {
			return fail(WrongIssuer, "key "+kid, "only the organisation itself or a registrar adds a key")
		}
		if err := r.spendCounter(k.Counter, k.Issuer, index, Countersignature{Org: k.Org, Key: &k.Key}); err != nil {
			return err
		}
	} else if k.Counter != "" {
		return fail(RegisterConflict, "key "+kid, "a countersignature belongs to a key that a registrar adds for another organisation")
	}
	r.keys[kid] = &RegisteredKey{Org: k.Org, Key: k.Key, KID: kid, Added: index, From: max(index+1, k.Key.ValidFrom)}
	return nil
}

func (r *Register) applyRevocation(v *KeyRevocation, index uint64) error {
	k := r.keys[v.KID]
	switch {
	case k == nil:
		return fail(UnknownKey, "key "+v.KID, "is not in the register")
	case k.Org != v.Org:
		return fail(RegisterConflict, "key "+v.KID, "belongs to another organisation")
	case k.Revoked:
		return fail(RegisterConflict, "key "+v.KID, "was revoked at index %d", k.RevokedAt)
	case v.Issuer != v.Org && !slices.Contains(r.orgs[v.Issuer].Roles, RoleRegistrar):
		return fail(WrongIssuer, "key "+v.KID, "only the organisation itself or a registrar revokes a key")
	case v.SuspectFrom != nil && *v.SuspectFrom > index:
		return fail(BadClaim, "suspectFrom", "lies beyond the revocation at index %d", index)
	}
	revoked := *k
	revoked.Revoked, revoked.RevokedAt, revoked.SuspectFrom, revoked.Reason = true, index, v.SuspectFrom, v.Reason
	r.keys[v.KID] = &revoked
	if !r.hasRegistrar(index) {
		r.keys[v.KID] = k
		return fail(RegisterConflict, "key "+v.KID, "is the last key that can register organisations: add another first")
	}
	return nil
}

// hasRegistrar reports whether after index some key can register organisations, so that a log cannot lock itself out.
func (r *Register) hasRegistrar(index uint64) bool {
	if r.Partial {
		return true
	}
	for kid, k := range r.keys {
		if r.May(kid, k.Org, PurposeAdminister, RoleRegistrar, index+1) == nil {
			return true
		}
	}
	return false
}

// spendCounter checks an enroller's countersignature and marks it as used: the registrar cannot bring back a role that was taken away
// by showing again what was signed when it was first given.
func (r *Register) spendCounter(compact, registrar string, index uint64, want Countersignature) error {
	id, err := r.checkCounter(compact, registrar, index, want)
	if err == nil {
		r.spent[id] = true
	}
	return err
}

// checkCounter checks an enroller's countersignature: by an administrative key that counts at index, of an enroller that is neither the
// registrar who signs the entry nor an operator of the log, over exactly want, not used before. It gives its identity.
func (r *Register) checkCounter(compact, registrar string, index uint64, want Countersignature) (Hash, error) {
	if compact == "" {
		return Hash{}, fail(NotCountersigned, "enrolment", "what adds an organisation, a role or another's key carries an enroller's countersignature")
	}
	jws, c, err := parseCountersignature(compact)
	if err != nil {
		return Hash{}, err
	}
	if err := r.May(jws.KID, c.Issuer, PurposeAdminister, RoleEnroller, index); err != nil {
		return Hash{}, fail(NotCountersigned, "enrolment", "the countersigner may not: %s", err)
	}
	if c.Issuer == registrar || c.Issuer == r.Genesis.Operator.ID || slices.Contains(r.orgs[c.Issuer].Roles, RoleOperator) {
		return Hash{}, fail(NotCountersigned, "enrolment", "the countersigner is the registrar itself or the operator")
	}
	if c.Audience != r.Origin {
		return Hash{}, fail(WrongAudience, "countersignature", "aud is not %s", r.Origin)
	}
	if !reflect.DeepEqual(c.Organisation, want.Organisation) || c.Org != want.Org || !reflect.DeepEqual(c.Key, want.Key) {
		return Hash{}, fail(NotCountersigned, "enrolment", "the countersignature is over another organisation or key")
	}
	if r.spent[jws.Identity()] {
		return Hash{}, fail(NotCountersigned, "enrolment", "the countersignature was used before")
	}
	return jws.Identity(), jws.Verify(r.keys[jws.KID].Key.JWK)
}

// mayLink says why an organisation may not state a link, or nil: a link shows the history of one id to whoever holds the other, so a registrar links any two, and others only what
// has to do with a number that they gave themselves. It cannot be told while the ids are withheld.
func mayLink(l *Link, org *Member) error {
	own := "temp:" + l.Issuer + ":"
	if l.Sub == "" || slices.Contains(org.Roles, RoleRegistrar) || strings.HasPrefix(l.Sub, own) || strings.HasPrefix(l.Other, own) {
		return nil
	}
	return fail(WrongPurpose, "organisation "+l.Issuer, "links two ids of which it gave neither, and is no registrar")
}
