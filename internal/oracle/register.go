package oracle

import (
	"slices"
	"strings"
)

// Section 7: the register and who may sign what.

type organisation struct {
	name, kind string
	roles      []string
}

func organisationOf(v *value) *organisation {
	return &organisation{name: v.str("name"), kind: v.str("kind"), roles: v.texts("roles")}
}

type registeredKey struct {
	key
	organisation string
	purposes     []string
	from         uint64
	revoked      *uint64
}

func (k *registeredKey) validAt(i uint64) bool {
	return k.from <= i && !(k.revoked != nil && i > *k.revoked)
}

// A register is what the public entries build up, in order of index.
type register struct {
	origin        string
	founder       string // the genesis' operator
	organisations map[string]*organisation
	keys          map[string]*registeredKey
	used          map[hash]bool // identities of countersignatures
	partial       bool          // made from some of the entries: whether a registrar remains is not known
}

// founded returns the register after the genesis g at index i of the log with this origin.
func founded(g *entry, i uint64, origin string) *register {
	must(g.claims.str("aud") == origin, "wrong-audience")
	must(g.typ == "genesis" && i == 0, "bad-genesis")
	r := &register{
		origin: origin, founder: g.claims.get("operator").str("id"),
		organisations: map[string]*organisation{}, keys: map[string]*registeredKey{}, used: map[hash]bool{},
	}
	for _, name := range []string{"registrar", "enroller", "operator"} {
		p := g.claims.get(name)
		r.organisations[p.str("id")] = organisationOf(p)
		r.addKey(p.get("key"), p.str("id"), 1)
	}
	g.verify(readKey(g.claims.get("registrar").get("key").get("jwk")))
	return r
}

func (r *register) addKey(v *value, organisation string, from uint64) {
	k := readKey(v.get("jwk"))
	r.keys[k.thumbprint()] = &registeredKey{
		key: k, organisation: organisation, purposes: v.texts("purposes"), from: max(from, v.num("validFrom")),
	}
}

func (r *register) hasRole(id, role string) bool {
	o := r.organisations[id]
	return o != nil && slices.Contains(o.roles, role)
}

// signers says which purpose the key and which role the organisation has to have. No role: any.
var signers = map[string]struct{ purpose, role string }{
	"organisation": {"administer", "registrar"}, "key": {"administer", ""}, "key-revocation": {"administer", ""},
	"heartbeat": {"submit", "source"}, "source-count": {"submit", "source"}, "access": {"submit", "source"},
	"index-root": {"submit", "operator"},
	"agreement":  {"agreements", ""}, "agreement-signature": {"agreements", ""}, "agreement-act": {"agreements", ""},
	"sharing-request": {"agreements", ""}, "sharing-decision": {"agreements", ""},
	"policy-set": {"administer", "registrar"},
	"consent":    {"agreements", ""}, "delegation": {"agreements", ""}, "link": {"agreements", ""},
	"decision": {"submit", "operator"},
}

// add judges the entry e at index i and takes it in.
func (r *register) add(e *entry, i uint64) {
	c := e.claims
	must(c.str("aud") == r.origin, "wrong-audience")
	must(e.typ != "genesis" && i != 0, "bad-genesis")
	k := r.signer(e.kid, i)
	must(k.organisation == c.str("iss"), "wrong-issuer")
	need := signers[e.typ]
	must(slices.Contains(k.purposes, need.purpose), "wrong-purpose")
	must(need.role == "" || r.hasRole(k.organisation, need.role), "wrong-purpose")
	e.verify(k.key)
	switch e.typ {
	case "organisation":
		r.addOrganisation(e, i)
	case "key":
		r.addOwnKey(e, i)
	case "key-revocation":
		r.revoke(e, i)
	case "index-root":
		must(i >= c.num("size") && k.validAt(c.num("size")), "bad-index-root")
	case "link":
		r.checkLinker(e)
	}
}

// signer returns the key that is valid at i.
func (r *register) signer(kid string, i uint64) *registeredKey {
	k := r.keys[kid]
	must(k != nil, "unknown-key")
	must(k.from <= i, "inactive-key")
	must(k.validAt(i), "revoked-key")
	return k
}

func (r *register) addOrganisation(e *entry, i uint64) {
	o := e.claims.get("organisation")
	id, roles := o.str("id"), o.texts("roles")
	gains := slices.ContainsFunc(roles, func(role string) bool { return !r.hasRole(id, role) })
	r.checkCountersigned(e, i, r.organisations[id] == nil || gains, func(c *value) bool {
		return c.has("organisation") && equal(c.get("organisation"), o)
	})
	before := r.organisations[id]
	r.organisations[id] = organisationOf(o)
	if !r.registrarRemains(i + 1) {
		r.organisations[id] = before
		refuse("register-conflict")
	}
	r.use(e)
}

func (r *register) addOwnKey(e *entry, i uint64) {
	c := e.claims
	own := c.str("organisation") == c.str("iss")
	must(own || r.hasRole(c.str("iss"), "registrar"), "wrong-issuer")
	must(r.organisations[c.str("organisation")] != nil, "unknown-organisation")
	kid := readKey(c.get("key").get("jwk")).thumbprint()
	must(r.keys[kid] == nil, "register-conflict")
	r.checkCountersigned(e, i, !own, func(s *value) bool {
		return s.str("org") == c.str("organisation") && s.has("key") && equal(s.get("key"), c.get("key"))
	})
	r.addKey(c.get("key"), c.str("organisation"), i+1)
	r.use(e)
}

// checkCountersigned refuses a countersignature that is missing, superfluous, or another's.
func (r *register) checkCountersigned(e *entry, i uint64, needed bool, over func(claims *value) bool) {
	s := e.countersignature()
	if !needed {
		must(s == nil, "register-conflict")
		return
	}
	must(s != nil, "not-countersigned")
	must(s.claims.str("aud") == r.origin, "wrong-audience")
	must(over(s.claims), "not-countersigned")
	must(!r.used[s.identity()], "not-countersigned")
	iss := s.claims.str("iss")
	k := r.keys[s.kid]
	must(k != nil && k.validAt(i) && k.organisation == iss && slices.Contains(k.purposes, "administer"), "not-countersigned")
	must(r.hasRole(iss, "enroller") && !r.hasRole(iss, "operator") && iss != r.founder, "not-countersigned")
	must(iss != e.claims.str("iss"), "not-countersigned")
	s.verify(k.key)
}

// use remembers the countersignature of an entry that was taken in.
func (r *register) use(e *entry) {
	if s := e.countersignature(); s != nil {
		r.used[s.identity()] = true
	}
}

func (r *register) revoke(e *entry, i uint64) {
	c := e.claims
	must(c.str("organisation") == c.str("iss") || r.hasRole(c.str("iss"), "registrar"), "wrong-issuer")
	k := r.keys[c.str("kid")]
	must(k != nil, "unknown-key")
	must(k.organisation == c.str("organisation"), "register-conflict")
	must(k.revoked == nil, "register-conflict")
	must(c.num("suspectFrom") <= i, "bad-claim")
	k.revoked = &i
	if !r.registrarRemains(i + 1) {
		k.revoked = nil
		refuse("register-conflict")
	}
}

// registrarRemains says whether a registrar could still administer at index i.
func (r *register) registrarRemains(i uint64) bool {
	for _, k := range r.keys {
		if k.validAt(i) && slices.Contains(k.purposes, "administer") && r.hasRole(k.organisation, "registrar") {
			return true
		}
	}
	return r.partial
}

// checkLinker refuses a link by an organisation that is no registrar and gave neither id.
func (r *register) checkLinker(e *entry) {
	iss := e.claims.str("iss")
	if r.hasRole(iss, "registrar") || e.disclosed("sub") == nil {
		return
	}
	own := "temp:" + iss + ":"
	must(strings.HasPrefix(e.disclosed("sub").text, own) || strings.HasPrefix(e.disclosed("other").text, own), "wrong-purpose")
}
