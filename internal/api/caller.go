package api

import (
	"net/http"
	"slices"
	"strings"

	"igledger/ledger/entry"
	"igledger/ledger/register"
)

// caller is a system that has shown a valid token, under the grant of the route that it calls.
type caller struct {
	*register.Caller
	org *entry.Member
	may *grant
}

// has reports whether the caller's organisation has one of these roles.
func (c *caller) has(roles []entry.Role) bool {
	return slices.ContainsFunc(roles, func(role entry.Role) bool { return slices.Contains(c.org.Roles, role) })
}

// reachesAll reports whether the caller may have what belongs to any organisation. See grant.own.
func (c *caller) reachesAll() bool { return c.has(c.may.beyond) }

// reaches reports whether the caller may have what belongs to org.
func (c *caller) reaches(org string) bool { return org == c.org.ID || c.reachesAll() }

// mayRead returns a refusal if id is a register and the caller may read the histories of persons
// only.
func (c *caller) mayRead(id string) error {
	if entry.IsRegister(id) && !c.has(c.may.registers) {
		return &refusal{code: forbidden, detail: "only auditors read the registers"}
	}
	return nil
}

// authorise returns the caller of a request if g permits it, and otherwise a refusal. It checks the
// form, audience and times of the token, its signature by a key that is valid at the current size
// of the log, then purpose and role. It stops anonymous reads, tokens for other logs, and keys that
// were revoked or are registered for another purpose.
func (a *api) authorise(r *http.Request, g *grant) (*caller, error) {
	h := r.Header.Values("Authorization")
	if len(h) != 1 {
		return nil, &refusal{code: unauthorised, detail: "send exactly one Authorization header"}
	}
	scheme, compact, _ := strings.Cut(h[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, &refusal{code: unauthorised, detail: "the Authorization header must have the scheme Bearer"}
	}
	jws, token, err := register.ParseCaller(compact, a.log.Origin(), a.now())
	if err != nil {
		return nil, denied(unauthorised, err)
	}
	// The register is read before the size, so that a key revoked in it was revoked below that
	// size.
	reg, err := a.log.Register(r.Context())
	if err != nil {
		return nil, err
	}
	size, err := a.log.Size(r.Context())
	if err != nil {
		return nil, err
	}
	key, err := reg.Active(jws.KID, size)
	if err != nil {
		return nil, denied(unauthorised, err)
	}
	if key.Org != token.Issuer {
		return nil, &refusal{code: unauthorised, detail: "iss is not the organisation that holds the key"}
	}
	if err := jws.Verify(key.Key.JWK); err != nil {
		return nil, denied(unauthorised, err)
	}
	if !slices.ContainsFunc(g.purposes, func(p entry.Purpose) bool {
		err = reg.May(jws.KID, token.Issuer, p, "", size)
		return err == nil
	}) {
		return nil, denied(forbidden, err)
	}
	c := &caller{token, reg.Organisation(token.Issuer), g}
	if len(g.roles) > 0 && !c.has(g.roles) {
		return nil, &refusal{code: forbidden, detail: "the caller's organisation has none of the roles that this requires"}
	}
	return c, nil
}

// denied returns a refusal with this code and the detail of err, which says what is wrong with a
// token.
func denied(code string, err error) error {
	r := refusalOf(refuse(err))
	return &refusal{code: code, detail: r.detail}
}
