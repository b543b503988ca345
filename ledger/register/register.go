// Package register decides who may sign what, and at which index of the log. A Register is the fold
// of a log's public entries into organisations and keys; Rules are what entries obey beyond it. The
// ledger (before it appends) and every verifier (when it replays) decide by this package alone.
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

// Register is the state that the public entries of a log build up: which organisations there are
// and which keys they hold. It is a pure fold over the log. It is not safe for concurrent use.
type Register struct {
	Origin  string
	Genesis *entry.Genesis // nil before leaf 0
	Partial bool           // made from a part of the public entries: see hasRegistrar
	orgs    map[string]*entry.Member
	keys    map[string]*Key
	spent   map[wire.Hash]bool // identities of the countersignatures that were used
}

// Key is a key and its life in the log. It is valid at index i if From <= i and not (Revoked and i
// > RevokedAt).
type Key struct {
	Org         string // id of the organisation that holds it
	Key         entry.PublicKey
	KID         string // thumbprint of Key
	Added       uint64 // index of the entry that activated it
	From        uint64 // first index at which it is valid
	Revoked     bool
	RevokedAt   uint64  // index of the revocation, if Revoked
	SuspectFrom *uint64 // see entry.KeyRevocation
	Reason      string  // of the revocation
}

// New returns the register of the empty log of the origin.
func New(origin string) *Register {
	return &Register{
		Origin: origin, orgs: map[string]*entry.Member{}, keys: map[string]*Key{}, spent: map[wire.Hash]bool{},
	}
}

// Clone returns a copy that can take entries of its own.
func (r *Register) Clone() *Register {
	c := *r
	c.orgs, c.keys, c.spent = maps.Clone(r.orgs), maps.Clone(r.keys), maps.Clone(r.spent)
	return &c
}

// Organisation returns a registered organisation, or nil. The caller must not modify it.
func (r *Register) Organisation(id string) *entry.Member { return r.orgs[id] }

// Organisations returns all registered organisations, sorted by id. The caller must not modify
// them.
func (r *Register) Organisations() []*entry.Member {
	return slices.SortedFunc(maps.Values(r.orgs), func(a, b *entry.Member) int { return strings.Compare(a.ID, b.ID) })
}

// Called returns what people read for an organisation: its name with its id, or the id alone of one
// that is not in the register. r may be nil.
func (r *Register) Called(id string) string {
	if r == nil {
		return id
	}
	if m := r.Organisation(id); m != nil && m.Name != "" {
		return m.Name + " (" + id + ")"
	}
	return id
}

// Key returns a key by its thumbprint, or nil. The caller must not modify it.
func (r *Register) Key(kid string) *Key { return r.keys[kid] }

// Keys returns all keys of an organisation in the order in which they were added. If org is "", it
// returns the keys of all organisations. The caller must not modify them.
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

// Active returns the key kid if it is valid at index. If not, it returns UnknownKey, InactiveKey or
// RevokedKey.
func (r *Register) Active(kid string, index uint64) (*Key, error) {
	k := r.keys[kid]
	switch {
	case k == nil:
		return nil, wire.Errorf(wire.UnknownKey, "key "+kid, "is not in the register of %s", r.Origin)
	case index < k.From:
		return nil, wire.Errorf(wire.InactiveKey, "key "+kid, "is valid from index %d, not at %d", k.From, index)
	case k.Revoked && index > k.RevokedAt:
		return nil, wire.Errorf(wire.RevokedKey, "key "+kid,
			"was revoked at index %d (%s), not valid at %d", k.RevokedAt, k.Reason, index)
	}
	return k, nil
}

// May returns nil if the key kid may act at index for org with purpose and, unless it is "", role.
// If not, it returns the error of Active, WrongIssuer or WrongPurpose.
func (r *Register) May(kid, org string, purpose entry.Purpose, role entry.Role, index uint64) error {
	k, err := r.Active(kid, index)
	if err != nil {
		return err
	}
	if k.Org != org {
		return wire.Errorf(wire.WrongIssuer, "key "+kid, "does not belong to the organisation named as issuer")
	}
	if !slices.Contains(k.Key.Purposes, purpose) {
		return wire.Errorf(wire.WrongPurpose, "key "+kid, "is not for %s", purpose)
	}
	if role != "" && !slices.Contains(r.orgs[org].Roles, role) {
		return wire.Errorf(wire.WrongPurpose, "organisation "+org, "does not have the role %s", role)
	}
	return nil
}

// Authorise checks that e may be at index: it is for this log, and its key is valid there and has
// the right organisation, purpose and role. It checks neither the signature (which needs no lock:
// see wire.JWS.Verify with the key that this register holds) nor the rules of Apply. It returns
// WrongAudience, BadGenesis, UnknownType or the error of May.
func (r *Register) Authorise(e *entry.Entry, index uint64) error {
	if e.Audience != r.Origin {
		return wire.Errorf(wire.WrongAudience, "entry", "aud is not %s", r.Origin)
	}
	if e.Type == entry.TypeGenesis {
		if index != 0 || r.Genesis != nil {
			return wire.Errorf(wire.BadGenesis, "genesis", "at index %d, but only leaf 0 can be a genesis", index)
		}
		return nil
	}
	if r.Genesis == nil {
		return wire.Errorf(wire.BadGenesis, "log", "does not begin with a genesis")
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

// Verify checks that e may be at index (Authorise) and that its signature is valid.
func (r *Register) Verify(e *entry.Entry, index uint64) error {
	if err := r.Authorise(e, index); err != nil {
		return err
	}
	if g, ok := e.Body.(*entry.Genesis); ok {
		return e.JWS.Verify(g.Registrar.Key.JWK)
	}
	return e.JWS.Verify(r.keys[e.KID].Key.JWK)
}

// Apply checks that a public entry at index obeys the rules of the register, and takes it in. The
// entry must have passed Verify. Entries of types that do not change the register pass. After an
// error the register is unchanged.
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

// checkIndexRoot checks that the signing key is valid at the root's size already. A statement
// proves the history of keys below that size and no further.
func (r *Register) checkIndexRoot(b *entry.IndexRoot, kid string, index uint64) error {
	if k := r.keys[kid]; k != nil && k.From > b.Size {
		return wire.Errorf(wire.BadIndexRoot, "index root",
			"its key is valid from index %d, above its size %d: a statement on it could not show the key",
			k.From, b.Size)
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
	gains := before == nil ||
		slices.ContainsFunc(m.Roles, func(role entry.Role) bool { return !slices.Contains(before.Roles, role) })
	if !gains && o.Counter != "" {
		return wire.Errorf(wire.RegisterConflict, "organisation "+m.ID,
			"a countersignature is only for a first enrolment or a new role")
	}
	if before != nil {
		r.orgs[m.ID] = &m
		can := r.hasRegistrar(index)
		r.orgs[m.ID] = before
		if !can {
			return wire.Errorf(wire.RegisterConflict, "organisation "+m.ID,
				"is the last organisation that can register others: add another first")
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
		return wire.Errorf(wire.RegisterConflict, "key "+kid, "is in the register already; register a new key instead")
	}
	if k.Issuer != k.Org {
		if !slices.Contains(r.orgs[k.Issuer].Roles, entry.RoleRegistrar) {
			return wire.Errorf(wire.WrongIssuer, "key "+kid,
				"only the organisation itself or a registrar can add a key")
		}
		err := r.spendCounter(k.Counter, k.Issuer, index, entry.Countersignature{Org: k.Org, Key: &k.Key})
		if err != nil {
			return err
		}
	} else if k.Counter != "" {
		return wire.Errorf(wire.RegisterConflict, "key "+kid,
			"a countersignature is only for a key that a registrar adds for another organisation")
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
		return wire.Errorf(wire.RegisterConflict, "key "+v.KID, "was revoked already, at index %d", k.RevokedAt)
	case v.Issuer != v.Org && !slices.Contains(r.orgs[v.Issuer].Roles, entry.RoleRegistrar):
		return wire.Errorf(wire.WrongIssuer, "key "+v.KID,
			"only the organisation itself or a registrar can revoke a key")
	case v.SuspectFrom != nil && *v.SuspectFrom > index:
		return wire.Errorf(wire.BadClaim, "suspectFrom", "must not be later than the revocation (index %d)", index)
	}
	revoked := *k
	revoked.Revoked = true
	revoked.RevokedAt = index
	revoked.SuspectFrom = v.SuspectFrom
	revoked.Reason = v.Reason
	r.keys[v.KID] = &revoked
	if !r.hasRegistrar(index) {
		r.keys[v.KID] = k
		return wire.Errorf(wire.RegisterConflict, "key "+v.KID,
			"is the last key that can register organisations: add another first")
	}
	return nil
}

// hasRegistrar reports whether some key can register organisations after index. It keeps a log from
// locking itself out. If the register is partial, as in a statement, this cannot be judged and it
// returns true.
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

// spendCounter checks an enroller's countersignature and marks it as used. A registrar cannot use
// the same countersignature again to restore a role that was taken away.
func (r *Register) spendCounter(compact, registrar string, index uint64, want entry.Countersignature) error {
	id, err := r.checkCounter(compact, registrar, index, want)
	if err == nil {
		r.spent[id] = true
	}
	return err
}

// checkCounter checks an enroller's countersignature and returns its identity. It must be over
// exactly want, not used before, and by an administrative key that is valid at index. The enroller
// must be neither the registrar who signs the entry nor an operator of the log.
func (r *Register) checkCounter(
	compact, registrar string, index uint64, want entry.Countersignature,
) (wire.Hash, error) {
	if compact == "" {
		return wire.Hash{}, wire.Errorf(wire.NotCountersigned, "enrolment",
			"a new organisation, a new role and a key for another organisation need an enroller's countersignature")
	}
	jws, c, err := entry.ParseCountersignature(compact)
	if err != nil {
		return wire.Hash{}, err
	}
	if err := r.May(jws.KID, c.Issuer, entry.PurposeAdminister, entry.RoleEnroller, index); err != nil {
		return wire.Hash{}, wire.Errorf(wire.NotCountersigned, "enrolment",
			"the countersigner is not allowed to: %s", err)
	}
	if c.Issuer == registrar || c.Issuer == r.Genesis.Operator.ID ||
		slices.Contains(r.orgs[c.Issuer].Roles, entry.RoleOperator) {
		return wire.Hash{}, wire.Errorf(wire.NotCountersigned, "enrolment",
			"the countersigner must not be the registrar or an operator")
	}
	if c.Audience != r.Origin {
		return wire.Hash{}, wire.Errorf(wire.WrongAudience, "countersignature", "aud is not %s", r.Origin)
	}
	if !reflect.DeepEqual(c.Organisation, want.Organisation) || c.Org != want.Org ||
		!reflect.DeepEqual(c.Key, want.Key) {
		return wire.Hash{}, wire.Errorf(wire.NotCountersigned, "enrolment",
			"the countersignature is for another organisation or key")
	}
	if r.spent[jws.Identity()] {
		return wire.Hash{}, wire.Errorf(wire.NotCountersigned, "enrolment", "the countersignature was used already")
	}
	return jws.Identity(), jws.Verify(r.keys[jws.KID].Key.JWK)
}

// mayLink returns WrongPurpose if an organisation may not state a link. A link shows the history of
// one id to everyone who may read the other, so only a registrar links any two ids. Others link ids
// only if they issued at least one of them. This cannot be checked while the ids are withheld.
func mayLink(l *entry.Link, org *entry.Member) error {
	own := "temp:" + l.Issuer + ":"
	if l.Sub == "" || slices.Contains(org.Roles, entry.RoleRegistrar) ||
		strings.HasPrefix(l.Sub, own) || strings.HasPrefix(l.Other, own) {
		return nil
	}
	return wire.Errorf(wire.WrongPurpose, "organisation "+l.Issuer,
		"links two ids that it did not issue: only a registrar can do that")
}
