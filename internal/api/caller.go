package api

import (
	"net/http"
	"slices"
	"strings"

	"igledger/ledger/entry"
	"igledger/ledger/register"
)

// grant is what a route asks of its caller.
type grant struct {
	purposes []entry.Purpose // of the key: any one of these; none = any key
	roles    []entry.Role    // of the organisation: any one of these; none = any organisation
}

var (
	submitters = grant{purposes: []entry.Purpose{entry.PurposeSubmit}}
	readers    = grant{[]entry.Purpose{entry.PurposeAudit}, []entry.Role{entry.RoleAuditor, entry.RoleController}}
)

// caller checks the token of a request: form, audience, times, signature by a key that counts at the current size, then purpose and role. Everything
// else is refused. It stops anonymous reads, and tokens of other logs, former keys and keys given out for something else.
func (a *api) caller(r *http.Request, g grant) (*register.Caller, *entry.Member, error) {
	h := r.Header.Values("Authorization")
	if len(h) != 1 {
		return nil, nil, &refusal{code: unauthorised, detail: "want exactly one Authorization header"}
	}
	scheme, token, _ := strings.Cut(h[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, nil, &refusal{code: unauthorised, detail: "want the scheme Bearer"}
	}
	jws, c, err := register.ParseCaller(token, a.log.Origin(), a.now())
	if err != nil {
		return nil, nil, denied(unauthorised, err)
	}
	// The register first: a key revoked in it was revoked below the size that is read after.
	reg, err := a.log.Register(r.Context())
	if err != nil {
		return nil, nil, err
	}
	size, err := a.log.Size(r.Context())
	if err != nil {
		return nil, nil, err
	}
	key, err := reg.Active(jws.KID, size)
	if err != nil {
		return nil, nil, denied(unauthorised, err)
	}
	if key.Org != c.Issuer {
		return nil, nil, &refusal{code: unauthorised, detail: "iss is not the organisation that holds the key"}
	}
	if err := jws.Verify(key.Key.JWK); err != nil {
		return nil, nil, denied(unauthorised, err)
	}
	for i, p := range g.purposes {
		err := reg.May(jws.KID, c.Issuer, p, "", size)
		if err == nil {
			break
		}
		if i == len(g.purposes)-1 {
			return nil, nil, denied(forbidden, err)
		}
	}
	org := reg.Organisation(c.Issuer)
	if len(g.roles) > 0 && !slices.ContainsFunc(g.roles, func(role entry.Role) bool { return slices.Contains(org.Roles, role) }) {
		return nil, nil, &refusal{code: forbidden, detail: "the caller's organisation has none of the roles this asks for"}
	}
	return c, org, nil
}

// denied is a refusal with code for what package entry said of a token.
func denied(code string, err error) error {
	r := refusalOf(refuse(err))
	return &refusal{code: code, detail: r.detail}
}
