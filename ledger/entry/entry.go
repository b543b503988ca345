// Package entry holds what is signed: the entries of the log, their types and claims, byte for byte
// as docs/FORMATS.md has them. An entry is a compact JWS in the shape of an SD-JWT (RFC 9901).
//
// It has no clock, no network and no storage. Parse is strict, takes hostile bytes, never panics,
// and returns a *wire.Error that carries no personal datum. Whether a key may sign an entry is
// decided by package register, what a leaf of the log proves by package proof, and whether an
// access was covered by package policies.
package entry

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"igledger/ledger/wire"
)

// Type says what an entry states.
type Type string

// The types this version knows.
const (
	TypeGenesis       Type = "genesis"        // leaf 0 of a log
	TypeOrganisation  Type = "organisation"   // an organisation is registered, or its registration changed
	TypeKey           Type = "key"            // a key of an organisation is activated
	TypeKeyRevocation Type = "key-revocation" // a key is revoked
	TypeIndexRoot     Type = "index-root"     // the operator states the root of the subject index
	TypeHeartbeat     Type = "heartbeat"      // a source says that a stream was alive and whole on a day
	TypeAccess        Type = "access"         // somebody looked at, changed or disclosed a person's record

	TypeAgreement          Type = "agreement"           // a version of a data-sharing agreement is proposed
	TypeAgreementSignature Type = "agreement-signature" // a party signs it
	TypeAgreementAct       Type = "agreement-act"       // a party changes its state
	TypeSharingRequest     Type = "sharing-request"     // an organisation asks another for data
	TypeSharingDecision    Type = "sharing-decision"    // and is answered
	TypePolicySet          Type = "policy-set"          // the registrar puts policies in force
	TypeConsent            Type = "consent"             // a person gives, refuses, withdraws consent
	TypeDelegation         Type = "delegation"          // somebody may act for a person, or no longer
	TypeDecision           Type = "decision"            // an access was asked for and allowed or denied
	TypeLink               Type = "link"                // two ids are of one person, or no longer
	TypeSourceCount        Type = "source-count"        // the numbers behind a heartbeat
)

// Common holds the claims every entry has.
type Common struct {
	Type     Type   `json:"type"`
	Issuer   string `json:"iss"` // organisation id
	Audience string `json:"aud"` // origin of the log; an entry for one log cannot be replayed into another
	IssuedAt int64  `json:"iat"` // seconds since 1970, the issuer's claim
	ID       string `json:"jti"` // UUID in lower case; (iss, jti) makes submission idempotent
}

// maxTime bounds seconds since 1970, about the year 36800, so that sums cannot overflow.
const maxTime = 1 << 40

func (c *Common) common() *Common { return c }

func (c *Common) check() error {
	if err := wire.CheckOrgID(c.Issuer); err != nil {
		return wire.Errorf(wire.BadClaim, "iss", "not an organisation id")
	}
	if err := wire.CheckOrigin(c.Audience); err != nil {
		return err
	}
	if c.IssuedAt <= 0 || c.IssuedAt > maxTime {
		return wire.Errorf(wire.BadClaim, "iat", "not seconds since 1970")
	}
	if u, err := uuid.Parse(c.ID); err != nil || u.String() != c.ID {
		return wire.Errorf(wire.BadClaim, "jti", "not a UUID in lower case with hyphens")
	}
	return nil
}

// Body is the content of an entry: a pointer to a type of the table of kinds.
type Body interface {
	common() *Common
	check() error // the claims of the type, beyond the common ones
}

// Entry is a decoded entry. Its signature has not been checked: see Register.Authorise and JWS.Verify.
type Entry struct {
	*wire.JWS
	Common
	Body        Body
	Disclosures []wire.Disclosure // sealed types only; those that came along
}

// Parse reads an entry as it travels. Sealed types are in SD-JWT form: a JWS, the disclosures that are shown, each preceded by "~", and a
// last "~" (RFC 9901 section 4); a bare JWS is one without disclosures. Public types are a bare JWS.
func Parse(s string) (*Entry, error) {
	jws, rest, found := strings.Cut(s, "~")
	if !found {
		return ParseParts(jws, nil)
	}
	var disclosures []string
	if rest != "" {
		list, ok := strings.CutSuffix(rest, "~")
		if !ok { // what would follow is a key binding JWT, which entries do not have
			return nil, wire.Errorf(wire.BadDisclosure, "entry", "does not end in ~")
		}
		if strings.Count(list, "~") >= wire.SDDigests { // before Split makes room for millions
			return nil, wire.Errorf(wire.BadDisclosure, "entry", "more than %d disclosures", wire.SDDigests)
		}
		disclosures = strings.Split(list, "~")
	}
	e, err := ParseParts(jws, disclosures)
	if err == nil && !e.Type.Sealed() {
		return nil, wire.Errorf(wire.BadDisclosure, "entry", "a public entry is a bare JWS, without ~")
	}
	return e, err
}

// ParseParts reads an entry from its JWS and its disclosures.
func ParseParts(compact string, disclosures []string) (*Entry, error) {
	jws, err := wire.ParseJWS("entry", compact, wire.TypEntry)
	if err != nil {
		return nil, err
	}
	t, err := typeOf(jws.Payload)
	if err != nil {
		return nil, err
	}
	k := kindOf[t]
	if k == nil {
		return nil, wire.Errorf(wire.UnknownType, "entry payload", "unknown entry type")
	}
	body := k.new()
	if err := wire.DecodeJSON("entry payload", jws.Payload, body); err != nil {
		return nil, err
	}
	e := &Entry{JWS: jws, Common: *body.common(), Body: body}
	if err := e.Common.check(); err != nil {
		return nil, err
	}
	if e.Type.Sealed() {
		e.Disclosures, err = readDisclosures(body.(sealedBody), disclosures)
		if err != nil {
			return nil, err
		}
	} else {
		if len(disclosures) > 0 {
			return nil, wire.Errorf(wire.BadDisclosure, "entry", "a public entry has no disclosures")
		}
		if len(compact)+1 > MaxLeafSize {
			return nil, wire.Errorf(wire.TooLarge, "public entry", "%d bytes, at most %d", len(compact), MaxLeafSize-1)
		}
		if err := refusePersonNumbers(e.Issuer); err != nil {
			return nil, err
		}
	}
	if err := body.check(); err != nil {
		return nil, err
	}
	return e, nil
}

// typeOf reads the type in a payload and nothing else.
func typeOf(payload []byte) (Type, error) {
	var peek struct {
		Type Type `json:"type"`
	}
	if err := json.Unmarshal(payload, &peek); err != nil {
		return "", wire.Errorf(wire.BadJSON, "entry payload", "not a JSON object with a type")
	}
	return peek.Type, nil
}

// SDJWT is the entry with its disclosures as it travels: what Parse reads.
func (e *Entry) SDJWT() string {
	if !e.Type.Sealed() {
		return e.Compact
	}
	var b strings.Builder
	b.WriteString(e.Compact)
	for _, d := range e.Disclosures {
		b.WriteByte('~')
		b.WriteString(d.Encoded)
	}
	b.WriteByte('~')
	return b.String()
}

// Encoded gives the disclosures as they travel.
func (e *Entry) Encoded() []string {
	list := make([]string, len(e.Disclosures))
	for i, d := range e.Disclosures {
		list[i] = d.Encoded
	}
	return list
}

// Sign makes an entry from body: it fills in type and, where they are empty, jti and iat, makes the disclosures of sealed types, checks all as
// Parse would, and signs with signer.
func Sign(signer *wire.Signer, body Body) (*Entry, error) {
	c := body.common()
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.is(body) })
	if i < 0 {
		return nil, wire.Errorf(wire.UnknownType, "entry", "%T is not the body of an entry", body)
	}
	c.Type = kinds[i].name
	if c.ID == "" {
		id, err := uuid.NewV7() // ordered by time: kinder to the ledger's database than a random one
		if err != nil {
			return nil, fmt.Errorf("making a jti: %w", err)
		}
		c.ID = id.String()
	}
	if c.IssuedAt == 0 {
		c.IssuedAt = time.Now().Unix()
	}
	var encoded []string
	if b, ok := body.(sealedBody); ok {
		var err error
		encoded, err = disclose(b)
		if err != nil {
			return nil, err
		}
	}
	payload, err := wire.EncodeJSON(body)
	if err != nil {
		return nil, err
	}
	compact, err := signer.SignJWS(wire.TypEntry, payload)
	if err != nil {
		return nil, err
	}
	return ParseParts(compact, encoded)
}

// MaxLeafSize is the largest leaf a C2SP tlog-tiles entry bundle can carry (its length is a u16).
const MaxLeafSize = 65535

// Persons names the ids whose state Rules.Judge needs, as far as the entry itself tells: the subject and, where somebody acts for another, the delegate.
func (e *Entry) Persons() []string {
	list := []string{e.ShownSub()}
	if d, ok := e.Body.(*Delegation); ok && d.Delegate != nil {
		list = append(list, d.Delegate.ID)
	}
	return list
}
