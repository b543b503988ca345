package entry

import (
	"slices"
	"time"

	"igledger/ledger/wire"
)

// Role is a part that an organisation plays in the log.
type Role string

// The roles. The genesis names the first registrar, enroller and operator of a log. More can be
// registered.
const (
	RoleController Role = "controller" // decides on purposes and means (UK GDPR Article 4(7))
	RoleProcessor  Role = "processor"  // processes for a controller
	RoleSource     Role = "source"     // reports accesses
	RoleAuditor    Role = "auditor"    // replays the log
	RoleRegistrar  Role = "registrar"  // registers organisations
	RoleEnroller   Role = "enroller"   // countersigns first enrolments; not the operator
	RoleOperator   Role = "operator"   // runs the log
	RoleFrontDesk  Role = "front-desk" // gives people their own history when they ask for it
)

// Roles returns what organisations can be.
func Roles() []Role { return slices.Clone(roles) }

var roles = []Role{
	RoleController, RoleProcessor, RoleSource, RoleAuditor, RoleRegistrar, RoleEnroller, RoleOperator, RoleFrontDesk,
}

// Purpose is what a key may sign.
type Purpose string

// The purposes.
const (
	PurposeSubmit     Purpose = "submit"     // accesses
	PurposeAgreements Purpose = "agreements" // agreements and consents
	PurposeAudit      Purpose = "audit"      // callers that read openings
	PurposeAdminister Purpose = "administer" // organisations and keys
	PurposeFrontDesk  Purpose = "front-desk" // callers that read a history for the person who asked for it
	PurposeGuard      Purpose = "guard"      // the system that guards the records that an organisation holds
)

// Purposes returns what keys can be for.
func Purposes() []Purpose { return slices.Clone(purposes) }

var purposes = []Purpose{PurposeSubmit, PurposeAgreements, PurposeAudit, PurposeAdminister, PurposeFrontDesk, PurposeGuard}

// Member is an organisation as the log holds it. It has no officer's name: public entries give
// functions only.
type Member struct {
	ID    string `json:"id"`    // see CheckOrgID, e.g. an ODS code
	Name  string `json:"name"`  // of the organisation
	Kind  string `json:"kind"`  // lower-case word, e.g. health-board, gp-practice, supplier, regulator, university
	Roles []Role `json:"roles"` // sorted, distinct, at least one
}

// Organisation is the body of an entry by which a registrar registers an organisation or changes
// its registration (same id again). An entry that adds an organisation or a role must carry the
// countersignature of an enroller other than the registrar. An entry that only removes roles must
// not.
type Organisation struct {
	Common
	Organisation Member `json:"organisation"`
	Counter      string `json:"countersignature,omitempty"` // compact JWS, see Countersignature
}

// PublicKey is a key and what it may be used for.
type PublicKey struct {
	JWK       wire.JWK  `json:"jwk"`
	Purposes  []Purpose `json:"purposes"`           // sorted, distinct, at least one
	ValidFrom uint64    `json:"validFrom,omitzero"` // first index at which it is valid, if above the entry's index + 1
}

// Key is the body of an entry that activates a key. Either the organisation's own administrative
// key signs it (rotation: the new key signs Proof, the old key the entry), or a registrar does for
// another organisation, with an enroller's countersignature: for its first key, or when it has none
// left.
type Key struct {
	Common
	Org     string    `json:"organisation"` // whose key it is
	Key     PublicKey `json:"key"`
	Proof   string    `json:"proof"`                      // compact JWS by the new key, see ProveKey
	Counter string    `json:"countersignature,omitempty"` // compact JWS; only from a registrar for another organisation
}

// KeyRevocation is the body of an entry that ends a key: the key is not valid at any later index.
// SuspectFrom flags earlier entries; it never voids them.
type KeyRevocation struct {
	Common
	Org         string  `json:"organisation"`
	KID         string  `json:"kid"`                   // thumbprint of the key
	Reason      string  `json:"reason"`                // superseded, compromised, retired or other
	SuspectFrom *uint64 `json:"suspectFrom,omitempty"` // first index at which the key may have been compromised
}

// GenesisParty is one of the three organisations that a log begins with.
type GenesisParty struct {
	Member
	Key PublicKey `json:"key"`
}

// Genesis is the body of leaf 0, signed by the registrar. It holds all that verifiers must know of
// a log; they take the VRF public key from here and nowhere else.
type Genesis struct {
	Common
	Formats     string       `json:"formats"`  // "igledger/1"
	VRFKey      wire.Hash    `json:"vrfKey"`   // vrf-r255 public key
	LogKey      string       `json:"logKey"`   // C2SP signed-note verifier key of the checkpoints
	IndexLag    uint64       `json:"indexLag"` // how many entries the newest index root may be behind
	Registrar   GenesisParty `json:"registrar"`
	Enroller    GenesisParty `json:"enroller"`
	Operator    GenesisParty `json:"operator"`
	Proofs      []string     `json:"proofs"`                // of registrar, enroller and operator, see ProveKey
	Predecessor *Predecessor `json:"predecessor,omitempty"` // the shard before this one
}

// Predecessor is the frozen end of the shard before this one.
type Predecessor struct {
	Origin string    `json:"origin"`
	Size   uint64    `json:"size"`
	Root   wire.Hash `json:"root"`
}

// FormatsV1 is the name of the formats of docs/FORMATS.md in a genesis.
const FormatsV1 = "igledger/1"

func (m *Member) check() error {
	if err := wire.CheckOrgID(m.ID); err != nil {
		return err
	}
	if m.Name == "" || !wire.Plain(m.Name, 200) {
		return wire.Errorf(wire.BadClaim, "organisation name", "want 1-200 bytes without control characters")
	}
	if err := seen("organisation name", m.Name); err != nil {
		return err
	}
	if m.Kind == "" || len(m.Kind) > 40 || !lowerWord(m.Kind) {
		return wire.Errorf(wire.BadClaim, "organisation kind", "want 1-40 of a-z and -")
	}
	if err := checkSet("organisation roles", m.Roles, roles); err != nil {
		return err
	}
	return refusePersonNumbers(m.ID, m.Name)
}

func (k *PublicKey) check() error {
	if _, err := k.JWK.Public(); err != nil {
		return err
	}
	if k.ValidFrom > wire.MaxInt {
		return wire.Errorf(wire.BadClaim, "validFrom", "above 2^53-1")
	}
	return checkSet("key purposes", k.Purposes, purposes)
}

// checkSet checks that list is sorted and holds distinct values of the vocabulary, so that one set
// has one spelling.
func checkSet[T ~string](what string, list, vocabulary []T) error {
	if len(list) == 0 {
		return wire.Errorf(wire.BadClaim, what, "empty")
	}
	for i, v := range list {
		if !slices.Contains(vocabulary, v) {
			return wire.Errorf(wire.BadClaim, what, "value %d is not in the vocabulary", i)
		}
		if i > 0 && list[i-1] >= v {
			return wire.Errorf(wire.BadClaim, what, "not sorted, or a value occurs twice")
		}
	}
	return nil
}

func refusePersonNumbers(texts ...string) error {
	for _, s := range texts {
		if ContainsPersonNumber(s) {
			return wire.Errorf(wire.PersonalData, "public entry", "a text holds a valid CHI or NHS number")
		}
	}
	return nil
}

func lowerWord(s string) bool {
	return !slices.ContainsFunc([]rune(s), func(r rune) bool { return (r < 'a' || r > 'z') && r != '-' })
}

func (o *Organisation) check() error {
	if o.Counter != "" {
		if _, _, err := ParseCountersignature(o.Counter); err != nil {
			return err
		}
	}
	return o.Organisation.check()
}

func (k *Key) check() error {
	if err := wire.CheckOrgID(k.Org); err != nil {
		return err
	}
	if err := refusePersonNumbers(k.Org); err != nil {
		return err
	}
	if err := k.Key.check(); err != nil {
		return err
	}
	if k.Counter != "" {
		if _, _, err := ParseCountersignature(k.Counter); err != nil {
			return err
		}
	}
	return CheckKeyProof(k.Proof, k.Audience, k.Org, k.Key.JWK)
}

func (r *KeyRevocation) check() error {
	if err := wire.CheckOrgID(r.Org); err != nil {
		return err
	}
	if err := refusePersonNumbers(r.Org); err != nil {
		return err
	}
	if r.SuspectFrom != nil && *r.SuspectFrom > wire.MaxInt {
		return wire.Errorf(wire.BadClaim, "suspectFrom", "above 2^53-1")
	}
	if b, err := wire.Decode64("kid", r.KID); err != nil || len(b) != 32 {
		return wire.Errorf(wire.BadClaim, "kid", "not an RFC 7638 SHA-256 thumbprint")
	}
	if !slices.Contains([]string{"superseded", "compromised", "retired", "other"}, r.Reason) {
		return wire.Errorf(wire.BadClaim, "reason", "want superseded, compromised, retired or other")
	}
	return nil
}

func (g *Genesis) check() error {
	if g.Formats != FormatsV1 {
		return wire.Errorf(wire.BadGenesis, "genesis", "formats is not %s", FormatsV1)
	}
	if _, err := wire.ParseVRFPublic(g.VRFKey); err != nil {
		return wire.Errorf(wire.BadGenesis, "genesis", "vrfKey is missing or not a vrf-r255 public key")
	}
	if v, err := wire.NewLogVerifier(g.LogKey); err != nil || v.Name() != g.Audience {
		return wire.Errorf(wire.BadGenesis, "genesis", "logKey is not an Ed25519 verifier key named as the origin")
	}
	if g.IndexLag == 0 || g.IndexLag > wire.MaxInt {
		return wire.Errorf(wire.BadGenesis, "genesis", "indexLag is not 1 to 2^53-1")
	}
	if g.Issuer != g.Registrar.ID {
		return wire.Errorf(wire.BadGenesis, "genesis", "iss is not the registrar")
	}
	if p := g.Predecessor; p != nil &&
		(wire.CheckOrigin(p.Origin) != nil || p.Origin == g.Audience || p.Size == 0 || p.Size > wire.MaxInt) {
		return wire.Errorf(wire.BadGenesis, "genesis", "predecessor is malformed, empty or this log itself")
	}
	if slices.Contains(g.Enroller.Roles, RoleOperator) {
		return wire.Errorf(wire.BadGenesis, "genesis",
			"the enroller must not be an operator: its countersignatures would be invalid")
	}
	parties := g.Parties()
	if len(g.Proofs) != len(parties) {
		return wire.Errorf(wire.BadGenesis, "genesis", "%d key proofs, want %d", len(g.Proofs), len(parties))
	}
	for i, p := range parties {
		if err := p.Member.check(); err != nil {
			return err
		}
		if err := p.Key.check(); err != nil {
			return err
		}
		must := genesisRoles[i]
		if !slices.Contains(p.Roles, must.role) || !slices.Contains(p.Key.Purposes, must.purpose) {
			return wire.Errorf(wire.BadGenesis, "genesis",
				"party %d does not have the role %s or a key for %s", i, must.role, must.purpose)
		}
		if p.Key.ValidFrom != 0 {
			return wire.Errorf(wire.BadGenesis, "genesis",
				"the key of party %d must not have validFrom: it is valid from index 1", i)
		}
		if err := CheckKeyProof(g.Proofs[i], g.Audience, p.ID, p.Key.JWK); err != nil {
			return err
		}
		for j := range i {
			if parties[j].ID == p.ID || parties[j].Key.JWK.Equal(p.Key.JWK) {
				return wire.Errorf(wire.BadGenesis, "genesis",
					"parties %d and %d are the same organisation or have the same key", j, i)
			}
		}
	}
	return nil
}

// genesisRoles are the role and the purpose of the key that each party of a genesis must have, in
// the order of Parties.
var genesisRoles = []struct {
	role    Role
	purpose Purpose
}{
	{RoleRegistrar, PurposeAdminister},
	{RoleEnroller, PurposeAdminister},
	{RoleOperator, PurposeSubmit},
}

// Parties returns the registrar, the enroller and the operator.
func (g *Genesis) Parties() []*GenesisParty {
	return []*GenesisParty{&g.Registrar, &g.Enroller, &g.Operator}
}

// keyProof is what the holder of a new key signs with it. It stops an organisation from registering
// a key that it does not hold.
type keyProof struct {
	Audience string `json:"aud"` // origin
	Org      string `json:"org"`
	KID      string `json:"jkt"` // thumbprint of the key, RFC 7638
}

// ProveKey signs with a new key that it is to be registered for org in the log origin. The result
// is a compact JWS.
func ProveKey(newKey *wire.Signer, origin, org string) (string, error) {
	payload, err := wire.EncodeJSON(keyProof{origin, org, newKey.KID})
	if err != nil {
		return "", err
	}
	return newKey.SignJWS(wire.TypKeyProof, payload)
}

// KeyProofInput is what a key that is elsewhere signs in place of ProveKey: see wire.SigningInput.
func KeyProofInput(newKey wire.JWK, origin, org string) (string, error) {
	payload, err := wire.EncodeJSON(keyProof{origin, org, newKey.Thumbprint()})
	if err != nil {
		return "", err
	}
	return wire.SigningInput(newKey, wire.TypKeyProof, payload)
}

// CheckKeyProof checks that a proof is by this key, for org in the log origin.
func CheckKeyProof(compact, origin, org string, key wire.JWK) error {
	jws, err := wire.ParseJWS("key proof", compact, wire.TypKeyProof)
	if err != nil {
		return err
	}
	var p keyProof
	if err := wire.DecodeJSON("key proof", jws.Payload, &p); err != nil {
		return err
	}
	switch {
	case p.Audience != origin && wire.CheckOrigin(p.Audience) == nil:
		return wire.Errorf(wire.BadClaim, "key proof", "is for the log %s, not for %s", p.Audience, origin)
	case p.Audience != origin:
		return wire.Errorf(wire.BadClaim, "key proof", "is for another log than %s", origin)
	case p.Org != org:
		return wire.Errorf(wire.BadClaim, "key proof", "is for another organisation")
	case p.KID != key.Thumbprint():
		return wire.Errorf(wire.BadClaim, "key proof", "is for another key")
	}
	return jws.Verify(key)
}

// Countersignature is what an enroller signs on an enrolment: exactly the organisation or the key
// that it has checked, out of band, to be real. It can be used once in a log. It stops a registrar,
// who may be the operator, from inventing organisations alone.
type Countersignature struct {
	Issuer       string     `json:"iss"` // the enroller
	Audience     string     `json:"aud"` // origin
	IssuedAt     int64      `json:"iat"`
	Organisation *Member    `json:"organisation,omitempty"`
	Org          string     `json:"org,omitempty"` // with key: whose key it is
	Key          *PublicKey `json:"key,omitempty"`
}

// Countersign signs c with an enroller's key and returns a compact JWS. If iat is 0, it is set to
// the current time.
func Countersign(enroller *wire.Signer, c Countersignature) (string, error) {
	if c.IssuedAt == 0 {
		c.IssuedAt = time.Now().Unix()
	}
	payload, err := wire.EncodeJSON(c)
	if err != nil {
		return "", err
	}
	return enroller.SignJWS(wire.TypCountersignature, payload)
}

// ParseCountersignature reads a countersignature and checks its form. Its signature and whether the
// enroller may sign are not checked: see register.Register.Apply.
func ParseCountersignature(compact string) (*wire.JWS, *Countersignature, error) {
	jws, err := wire.ParseJWS("countersignature", compact, wire.TypCountersignature)
	if err != nil {
		return nil, nil, err
	}
	var c Countersignature
	if err := wire.DecodeJSON("countersignature", jws.Payload, &c); err != nil {
		return nil, nil, err
	}
	if c.IssuedAt <= 0 || c.IssuedAt > maxTime {
		return nil, nil, wire.Errorf(wire.BadClaim, "countersignature", "iat is not seconds since 1970")
	}
	return jws, &c, nil
}
