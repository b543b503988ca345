package register

import (
	"time"

	"github.com/google/uuid"

	"igledger/ledger/wire"
)

// MaxCallerLife is the longest time that a caller's token may be valid.
const MaxCallerLife = 5 * time.Minute

// Caller is the content of a caller's token: a compact JWS (typ wire.TypCaller) in the style of RFC
// 7523, signed by a registered key. A system presents it at the API as "Authorization: Bearer". It
// stops anonymous reads. A token for one log is not valid at another.
type Caller struct {
	Issuer   string `json:"iss"` // organisation id
	Subject  string `json:"sub"` // function or system on whose behalf, e.g. "ig-office"; never a person
	Audience string `json:"aud"` // origin
	IssuedAt int64  `json:"iat"` // seconds since 1970
	Expires  int64  `json:"exp"` // seconds since 1970
	ID       string `json:"jti"` // not empty
}

// SignCaller makes a token that is valid for MaxCallerLife from now. function is the function or
// system that calls, never a person.
func SignCaller(signer *wire.Signer, origin, org, function string, now time.Time) (string, error) {
	c := Caller{
		Issuer: org, Subject: function, Audience: origin,
		IssuedAt: now.Unix(), Expires: now.Add(MaxCallerLife).Unix(), ID: uuid.NewString(),
	}
	payload, err := wire.EncodeJSON(c)
	if err != nil {
		return "", err
	}
	return signer.SignJWS(wire.TypCaller, payload)
}

// ParseCaller reads a token and checks its form, audience and times against now, with one minute of
// leeway for clocks. It does not check the signature or the key's rights: see wire.JWS.Verify and
// Register.May. It returns TooLarge, WrongAudience, BadClaim or the error of wire.ParseJWS.
func ParseCaller(compact, origin string, now time.Time) (*wire.JWS, *Caller, error) {
	if len(compact) > 4096 {
		return nil, nil, wire.Errorf(wire.TooLarge, "caller token", "%d bytes, at most 4096", len(compact))
	}
	jws, err := wire.ParseJWS("caller token", compact, wire.TypCaller)
	if err != nil {
		return nil, nil, err
	}
	var c Caller
	if err := wire.DecodeJSON("caller token", jws.Payload, &c); err != nil {
		return nil, nil, err
	}
	const leeway, life = 60, int64(MaxCallerLife / time.Second)
	switch n := now.Unix(); {
	case c.Audience != origin:
		return nil, nil, wire.Errorf(wire.WrongAudience, "caller token", "aud is not %s", origin)
	case wire.CheckOrgID(c.Issuer) != nil || wire.CheckSystem(c.Subject) != nil || c.ID == "":
		return nil, nil, wire.Errorf(wire.BadClaim, "caller token", "iss, sub or jti is missing or malformed")
	case c.Expires <= c.IssuedAt || c.Expires > c.IssuedAt+life: // a difference could overflow
		return nil, nil, wire.Errorf(wire.BadClaim, "caller token", "exp is not 1 s to %s after iat", MaxCallerLife)
	case c.IssuedAt > n+leeway || c.Expires < n-leeway:
		return nil, nil, wire.Errorf(wire.BadClaim, "caller token", "is expired or not yet valid")
	}
	return jws, &c, nil
}
