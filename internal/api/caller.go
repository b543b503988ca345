package api

import (
	"net/http"
	"slices"
	"strings"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/policies/readers"
)

// caller is a system that has shown a valid token, under the grant of the route that it calls.
type caller struct {
	*register.Caller
	org      *entry.Member
	purposes []entry.Purpose // of its key
	may      *grant
}

// has reports whether the caller's organisation has one of these roles.
func (c *caller) has(roles []entry.Role) bool {
	return slices.ContainsFunc(roles, func(role entry.Role) bool { return slices.Contains(c.org.Roles, role) })
}

// reachesAll reports whether the caller may have what belongs to any organisation. See grant.own.
func (c *caller) reachesAll() bool { return c.has(c.may.beyond) }

// reaches reports whether the caller may have what belongs to org.
func (c *caller) reaches(org string) bool { return org == c.org.ID || c.reachesAll() }

// reads returns how much of a kind of data about people the caller may have for what it states, and
// otherwise a refusal, both by readers.Table. Handlers ask before they read anything, so that a
// refusal says nothing about what the ledger holds.
func (c *caller) reads(kind readers.Kind, asked readers.Asked) (reading readingOf, err error) {
	_, extent, err := readers.May(kind, c.purposes, c.org.Roles, asked)
	if err != nil {
		return readingOf{}, &refusal{code: forbidden, detail: err.Error()}
	}
	return readingOf{Asked: asked, caller: c, extent: extent}, nil
}

// readsOf is reads for the history of id, which may be a register.
func (c *caller) readsOf(id string, asked readers.Asked) (readingOf, error) {
	if !entry.IsRegister(id) {
		return c.reads(readers.History, asked)
	}
	rd, err := c.reads(readers.Register, asked)
	if err == nil && (id == entry.RegWithheld || id == entry.RegPadding) {
		return readingOf{}, &refusal{code: notFound, detail: "this register is reserved: this version files nothing in it"}
	}
	return rd, err
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
	c := &caller{token, reg.Organisation(token.Issuer), key.Key.Purposes, g}
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
