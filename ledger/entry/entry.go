// Package entry holds what is signed: the entries of the log, their types and claims, byte for byte
// as docs/FORMATS.md has them. An entry is a compact JWS in the shape of an SD-JWT (RFC 9901).
//
// It has no clock, no network and no storage. Parse is strict, takes hostile bytes, never panics,
// and returns a *wire.Error that carries no personal datum. Whether a key may sign an entry is
// decided by package register, what a leaf of the log proves by package proof, and whether an
// access was covered by package policies.
package entry

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"igledger/ledger/wire"
)

// Type is what kind of statement an entry makes.
type Type string

// The types that this version knows.
const (
	TypeGenesis       Type = "genesis"        // leaf 0 of a log
	TypeOrganisation  Type = "organisation"   // an organisation is registered, or its registration changed
	TypeKey           Type = "key"            // a key of an organisation is activated
	TypeKeyRevocation Type = "key-revocation" // a key is revoked
	TypeIndexRoot     Type = "index-root"     // the operator states the root of the subject index
	TypeHeartbeat     Type = "heartbeat"      // a source states that a stream was alive and complete on a day
	TypeAccess        Type = "access"         // someone looked at, changed or disclosed a person's record

	TypeAgreement          Type = "agreement"           // a version of a data-sharing agreement is proposed
	TypeAgreementSignature Type = "agreement-signature" // a party signs it
	TypeAgreementAct       Type = "agreement-act"       // a party changes its state
	TypeSharingRequest     Type = "sharing-request"     // an organisation asks another for data
	TypeSharingDecision    Type = "sharing-decision"    // and is answered
	TypePolicySet          Type = "policy-set"          // a registrar puts policies in force
	TypeConsent            Type = "consent"             // a person gives, refuses or withdraws consent
	TypeDelegation         Type = "delegation"          // someone may act for a person, or no longer
	TypeDecision           Type = "decision"            // an access was asked for and allowed or denied
	TypeLink               Type = "link"                // two ids belong to one person, or no longer
	TypeSourceCount        Type = "source-count"        // the numbers behind a heartbeat
)

// Common holds the claims that every entry has.
type Common struct {
	Type     Type   `json:"type"`
	Issuer   string `json:"iss"` // organisation id
	Audience string `json:"aud"` // origin of the log; an entry for one log cannot be replayed into another
	IssuedAt int64  `json:"iat"` // seconds since 1970, the issuer's claim
	ID       string `json:"jti"` // UUID in lower case; (iss, jti) makes submission idempotent
}

// maxTime bounds seconds since 1970 (about the year 36800), so that sums cannot overflow.
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

// Entry is a decoded entry. Its signature has not been checked: see register.Register.Verify.
type Entry struct {
	*wire.JWS
	Common
	Body        Body
	Disclosures []wire.Disclosure // sealed types only; those that came with the JWS
}

// Parse reads an entry as it travels. Sealed types are in SD-JWT form (RFC 9901 section 4): a JWS,
// then the disclosures that are shown, each preceded by "~", then a final "~". A bare JWS is a
// sealed entry without disclosures. Public types are always a bare JWS. The error is a *wire.Error.
func Parse(s string) (*Entry, error) {
	jws, rest, found := strings.Cut(s, "~")
	if !found {
		return ParseParts(jws, nil)
	}
	var disclosures []string
	if rest != "" {
		list, ok := strings.CutSuffix(rest, "~")
		if !ok { // a key binding JWT would follow, which entries do not have
			return nil, wire.Errorf(wire.BadDisclosure, "entry", "does not end in ~")
		}
		if strings.Count(list, "~") >= wire.SDDigests { // before Split allocates for millions
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

// ParseParts reads an entry from its JWS and its disclosures. The error is a *wire.Error.
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

// typeOf reads only the type in a payload. Entries of this program begin with it, so it need not be
// searched; that it is not there twice is found when the claims are read.
func typeOf(payload []byte) (Type, error) {
	if rest, ok := bytes.CutPrefix(payload, []byte(`{"type":"`)); ok {
		if name, _, ok := bytes.Cut(rest[:min(len(rest), 64)], []byte(`",`)); ok && kindOf[Type(name)] != nil {
			return Type(name), nil
		}
	}
	var peek struct {
		Type Type `json:"type"`
	}
	if err := json.Unmarshal(payload, &peek); err != nil {
		return "", wire.Errorf(wire.BadJSON, "entry payload", "not a JSON object with a type")
	}
	return peek.Type, nil
}

// SDJWT returns the entry with its disclosures as it travels: what Parse reads.
func (e *Entry) SDJWT() string {
	if !e.Type.Sealed() {
		return e.Compact
	}
	size := len(e.Compact) + 1
	for _, d := range e.Disclosures {
		size += 1 + len(d.Encoded)
	}
	var b strings.Builder
	b.Grow(size)
	b.WriteString(e.Compact)
	for _, d := range e.Disclosures {
		b.WriteByte('~')
		b.WriteString(d.Encoded)
	}
	b.WriteByte('~')
	return b.String()
}

// Encoded returns the disclosures as they travel.
func (e *Entry) Encoded() []string {
	list := make([]string, len(e.Disclosures))
	for i, d := range e.Disclosures {
		list[i] = d.Encoded
	}
	return list
}

// Prepared is an entry that is complete but for its signature, for a key that is elsewhere: in a
// browser or in a signing device.
type Prepared struct {
	// Signing is what the key signs: ASCII(BASE64URL(header) "." BASE64URL(payload)), RFC 7515
	// section 5.1.
	Signing string
	// Payload is what is in it, for who looks at it before they sign.
	Payload []byte

	encoded []string // disclosures
}

// Prepare makes an entry from body for a key, which it does not need. It fills in type and, if they
// are empty, jti and iat. It makes the disclosures of sealed types. It modifies body. What is wrong
// with body is found by Complete.
func Prepare(key wire.JWK, body Body) (*Prepared, error) {
	c := body.common()
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.is(body) })
	if i < 0 {
		return nil, wire.Errorf(wire.UnknownType, "entry", "%T is not the body of an entry", body)
	}
	c.Type = kinds[i].name
	if c.ID == "" {
		id, err := uuid.NewV7() // ordered by time, which suits the ledger's database better than random
		if err != nil {
			return nil, fmt.Errorf("making a jti: %w", err)
		}
		c.ID = id.String()
	}
	if c.IssuedAt == 0 {
		c.IssuedAt = time.Now().Unix()
	}
	p := new(Prepared)
	var err error
	if b, ok := body.(sealedBody); ok {
		if p.encoded, err = disclose(b); err != nil {
			return nil, err
		}
	}
	if p.Payload, err = wire.EncodeJSON(body); err != nil {
		return nil, err
	}
	p.Signing, err = wire.SigningInput(key, wire.TypEntry, p.Payload)
	return p, err
}

// PrepareFor is Prepare for an issuer and an audience, which it fills in.
func PrepareFor(key wire.JWK, issuer, audience string, body Body) (*Prepared, error) {
	c := body.common()
	c.Issuer, c.Audience = issuer, audience
	return Prepare(key, body)
}

// Same reports whether two public bodies say the same, whoever says it, where and when. b must not be
// shared.
func Same(a, b Body) bool {
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return false
	}
	before := *b.common()
	defer func() { *b.common() = before }()
	*b.common() = *a.common()
	x, errA := wire.EncodeJSON(a)
	y, errB := wire.EncodeJSON(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

// Complete returns the entry with this signature. It checks everything as Parse does, so not
// whether the signature is valid: see wire.JWS.Verify.
func (p *Prepared) Complete(signature []byte) (*Entry, error) {
	return ParseParts(p.Signing+"."+wire.Encode64(signature), p.encoded)
}

// Sign makes an entry from body and signs it with signer. It fills in type and, if they are empty,
// jti and iat. It makes the disclosures of sealed types and checks everything as Parse does. It
// modifies body.
func Sign(signer *wire.Signer, body Body) (*Entry, error) {
	p, err := Prepare(signer.Public, body)
	if err != nil {
		return nil, err
	}
	compact, err := signer.SignJWS(wire.TypEntry, p.Payload)
	if err != nil {
		return nil, err
	}
	return ParseParts(compact, p.encoded)
}

// SignFor is Sign for an issuer and an audience, which it fills in.
func SignFor(signer *wire.Signer, issuer, audience string, body Body) (*Entry, error) {
	c := body.common()
	c.Issuer, c.Audience = issuer, audience
	return Sign(signer, body)
}

// MaxLeafSize is the size in bytes of the largest leaf that a C2SP tlog-tiles entry bundle can
// carry (its length is a u16).
const MaxLeafSize = 65535

// Persons returns the ids whose state register.Rules.Judge needs, as far as the entry itself shows:
// the subject and, in a delegation, the delegate. An id that the entry withholds is "".
func (e *Entry) Persons() []string {
	list := []string{e.ShownSub()}
	if d, ok := e.Body.(*Delegation); ok && d.Delegate != nil {
		list = append(list, d.Delegate.ID)
	}
	return list
}
