package register

import (
	"time"

	"github.com/google/uuid"

	"igledger/ledger/wire"
)

// MaxCallerLife is the longest a caller's token may live.
const MaxCallerLife = 5 * time.Minute

// Caller is the content of a caller's token: a compact JWS (typ TypCaller) in the style of RFC 7523, signed by a registered key, that a
// system presents as "Authorization: Bearer" at the API. It stops anonymous reads; a token for one log is worth nothing at another.
type Caller struct {
	Issuer   string `json:"iss"` // organisation
	Subject  string `json:"sub"` // function or system on whose behalf, e.g. "ig-office"; never a person
	Audience string `json:"aud"` // origin
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	ID       string `json:"jti"`
}

// SignCaller makes a token that lives for MaxCallerLife from now.
func SignCaller(signer *wire.Signer, origin, org, function string, now time.Time) (string, error) {
	c := Caller{Issuer: org, Subject: function, Audience: origin, IssuedAt: now.Unix(), Expires: now.Add(MaxCallerLife).Unix(), ID: uuid.NewString()}
	payload, err := wire.EncodeJSON(c)
	if err != nil {
		return "", err
	}
	return signer.SignJWS(wire.TypCaller, payload)
}

// ParseCaller reads a token and checks its form, audience and times against now, with one minute of leeway for clocks. Whether the key may and the
// signature is good is for Register.May and JWS.Verify.
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
	const leeway = 60
	switch n := now.Unix(); {
	case c.Audience != origin:
		return nil, nil, wire.Errorf(wire.WrongAudience, "caller token", "aud is not %s", origin)
	case wire.CheckOrgID(c.Issuer) != nil || wire.CheckSystem(c.Subject) != nil || c.ID == "":
		return nil, nil, wire.Errorf(wire.BadClaim, "caller token", "iss, sub or jti is missing or malformed")
	case c.Expires <= c.IssuedAt || c.Expires > c.IssuedAt+int64(MaxCallerLife/time.Second): // no difference, which could overflow
		return nil, nil, wire.Errorf(wire.BadClaim, "caller token", "does not live for 1 s to %s from iat", MaxCallerLife)
	case c.IssuedAt > n+leeway || c.Expires < n-leeway:
		return nil, nil, wire.Errorf(wire.BadClaim, "caller token", "is expired or not yet valid")
	}
	return jws, &c, nil
}
