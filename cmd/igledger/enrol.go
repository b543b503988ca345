package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies/readers"
)

// What an enroller or a registrar is handed, a request for a key or a countersignature, is checked
// before it is signed or used. The ledger checks most of it again, but its answer comes after an
// enroller has signed, and in the words of the format.

// enrolment is what the checks rest on: the log, who signs, and its register.
type enrolment struct {
	origin, org string
	kid         string // of the key that signs
	reg         *client.Register
}

// enrolment asks the ledger for its register. An enroller may work where the ledger is not
// reachable: then what needs the register is left to the ledger, and reg is nil.
func (r *remote) enrolment(ctx context.Context, warn func(string)) (*enrolment, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	e := &enrolment{origin: r.origin, org: r.org, kid: r.signer.Public.Thumbprint()}
	reg, err := r.Register(ctx)
	if p := new(client.Problem); err != nil && errors.As(err, &p) {
		return nil, err
	}
	if err != nil {
		warn("the ledger was not reached: what its register says of this is not checked")
		return e, nil
	}
	if reg.Origin != r.origin {
		return nil, refused("the register is of the log %s, not of %s", reg.Origin, r.origin)
	}
	e.reg = reg
	return e, nil
}

func (e *enrolment) organisation(id string) *entry.Member {
	if e.reg == nil {
		return nil
	}
	i := slices.IndexFunc(e.reg.Organisations, func(m *entry.Member) bool { return m.ID == id })
	if i < 0 {
		return nil
	}
	return e.reg.Organisations[i]
}

func (e *enrolment) key(kid string) *client.Key {
	if e.reg == nil {
		return nil
	}
	i := slices.IndexFunc(e.reg.Keys, func(k client.Key) bool { return k.KID == kid })
	if i < 0 {
		return nil
	}
	return &e.reg.Keys[i]
}

// signs checks that the own key may act as role ("" for any) with an administrative key.
func (e *enrolment) signs(role entry.Role) error {
	if e.reg == nil {
		return nil
	}
	m, k := e.organisation(e.org), e.key(e.kid)
	switch {
	case m == nil:
		return refused("--org: %s is not registered in this log", e.org)
	case role != "" && !slices.Contains(m.Roles, role):
		return refused("--org: %s is no %s in this log (its roles: %s)", e.org, role, joined(m.Roles))
	case k == nil || k.Organisation != e.org:
		return refused("--key: it is not registered in this log as a key of %s", e.org)
	case k.Revoked:
		return refused("--key: it was revoked at entry %d", k.RevokedAt)
	case !slices.Contains(k.Purposes, entry.PurposeAdminister):
		return refused("--key: it is for %s, and this needs one for administer", joined(k.Purposes))
	}
	return nil
}

// rolesFor are the roles of which an organisation needs one before a key with a purpose is of use
// to it. Purposes that are not here are open to every organisation.
var rolesFor = map[entry.Purpose][]entry.Role{
	entry.PurposeSubmit:    {entry.RoleController, entry.RoleProcessor, entry.RoleSource},
	entry.PurposeAudit:     readersWith(entry.PurposeAudit),
	entry.PurposeFrontDesk: readersWith(entry.PurposeFrontDesk),
}

func readersWith(p entry.Purpose) (list []entry.Role) {
	for _, r := range readers.Table {
		if r.Purpose == p {
			list = append(list, r.Role)
		}
	}
	return list
}

// checkRequest checks a request for a key. origin is that of the log that is meant.
func (e *enrolment) checkRequest(req keyRequest) error {
	if wire.CheckOrgID(req.Organisation) != nil {
		return refused("the key request: %q is not the id of an organisation", req.Organisation)
	}
	if _, err := req.Key.JWK.Public(); err != nil {
		return refused("the key request: the key is neither Ed25519 (EdDSA) nor P-256 (ES256)")
	}
	if len(req.Key.Purposes) == 0 {
		return refused("the key request: it says no purpose")
	}
	for i, p := range req.Key.Purposes {
		if !slices.Contains(entry.Purposes(), p) {
			return refused("the key request: %q is no purpose of a key", p)
		}
		if i > 0 && req.Key.Purposes[i-1] >= p {
			return refused("the key request: its purposes are not sorted, or one is there twice: write it anew with igledger key request")
		}
	}
	if err := entry.CheckKeyProof(req.Proof, e.origin, req.Organisation, req.Key.JWK); err != nil {
		return refused("the key request: its proof %s", detail(err))
	}
	if e.reg == nil {
		return nil
	}
	m := e.organisation(req.Organisation)
	if m == nil {
		return refused("the key request: %s is not registered in this log; first igledger org register", req.Organisation)
	}
	if k := e.key(req.Key.JWK.Thumbprint()); k != nil {
		state := fmt.Sprintf("since entry %d", k.Added)
		if k.Revoked {
			state = fmt.Sprintf("and was revoked at entry %d", k.RevokedAt)
		}
		return refused("the key request: the key is registered for %s already, %s; make a new one with igledger keygen", k.Organisation, state)
	}
	for _, p := range req.Key.Purposes {
		if want := rolesFor[p]; want != nil && !slices.ContainsFunc(m.Roles, func(r entry.Role) bool { return slices.Contains(want, r) }) {
			return refused("the key request: a key for %s needs the role %s, and %s has %s", p, strings.Join(strs(want), " or "), m.ID,
				joined(m.Roles))
		}
	}
	return nil
}

// checkMember checks the form of an organisation, as the ledger would.
func (e *enrolment) checkMember(m entry.Member) error {
	p, err := entry.PrepareFor(wire.JWK{Kty: "OKP", Crv: "Ed25519"}, e.org, e.origin, &entry.Organisation{Organisation: m})
	if err == nil {
		_, err = p.Complete(make([]byte, 64)) // its form: a signature is not looked at
	}
	if err != nil {
		return usage("the organisation: %w", err)
	}
	return nil
}

// checkRevocation refuses to revoke a key that is not there, or is revoked.
func (r *remote) checkRevocation(c *cli.Context) error {
	e, err := r.enrolment(c.Context, warner(c))
	if err != nil || e.reg == nil {
		return err
	}
	of := cmp.Or(c.String("of"), r.org)
	switch k := e.key(c.String("kid")); {
	case k == nil:
		return refused("--kid: no key of this log has that thumbprint; see igledger key list --of %s", of)
	case k.Organisation != of:
		return refused("--kid: that key is of %s, not of %s", k.Organisation, of)
	case k.Revoked:
		return refused("--kid: that key was revoked at entry %d (%s)", k.RevokedAt, k.Reason)
	}
	return nil
}

// checkCounter checks a countersignature that is about to be used for want. needed says whether the
// ledger asks for one; why it does is in words.
func (e *enrolment) checkCounter(compact string, want entry.Countersignature, needed string) error {
	if compact == "" {
		if needed == "" || e.reg == nil {
			return nil
		}
		return refused("%s: give an enroller's --countersignature", needed)
	}
	jws, c, err := entry.ParseCountersignature(compact)
	if err != nil {
		return refused("the countersignature: %s", detail(err))
	}
	if e.reg != nil && needed == "" {
		return refused("the countersignature is not needed here: leave out --countersignature")
	}
	switch {
	case c.Audience != e.origin:
		return refused("the countersignature is for the log %s, not for %s", c.Audience, e.origin)
	case (c.Organisation == nil) != (want.Organisation == nil):
		return refused("the countersignature is for %s", map[bool]string{true: "a key, not for an organisation",
			false: "an organisation, not for a key"}[c.Organisation == nil])
	case want.Organisation != nil:
		if diff := memberDiffers(c.Organisation, want.Organisation); diff != "" {
			return refused("the countersignature is for another organisation: %s", diff)
		}
	case c.Org != want.Org:
		return refused("the countersignature is for a key of %s, not of %s", c.Org, want.Org)
	case c.Key == nil || c.Key.JWK.Thumbprint() != want.Key.JWK.Thumbprint():
		return refused("the countersignature is for another key of %s", c.Org)
	case !reflect.DeepEqual(c.Key, want.Key):
		return refused("the countersignature is for the key with the purposes %s from entry %d, not %s from entry %d",
			joined(c.Key.Purposes), c.Key.ValidFrom, joined(want.Key.Purposes), want.Key.ValidFrom)
	}
	if e.reg == nil {
		return nil
	}
	m, k := e.organisation(c.Issuer), e.key(jws.KID)
	switch {
	case c.Issuer == e.org:
		return refused("the countersignature is by %s itself: an enroller's is needed, who is not the registrar", c.Issuer)
	case m == nil || !slices.Contains(m.Roles, entry.RoleEnroller):
		return refused("the countersignature is by %s, which is no enroller in this log", c.Issuer)
	case slices.Contains(m.Roles, entry.RoleOperator):
		return refused("the countersignature is by %s, which is an operator", c.Issuer)
	case k == nil || k.Organisation != c.Issuer:
		return refused("the countersignature is by a key that is not registered for %s", c.Issuer)
	case k.Revoked:
		return refused("the countersignature is by a key of %s that was revoked at entry %d", c.Issuer, k.RevokedAt)
	case !slices.Contains(k.Purposes, entry.PurposeAdminister):
		return refused("the countersignature is by a key of %s for %s, not for administer", c.Issuer, joined(k.Purposes))
	}
	if err := jws.Verify(k.JWK); err != nil {
		return refused("the countersignature was altered: its signature does not verify")
	}
	return nil
}

// memberDiffers says in which part two organisations differ, "" if in none.
func memberDiffers(signed, want *entry.Member) string {
	for _, x := range [][3]string{{"id", signed.ID, want.ID}, {"name", signed.Name, want.Name}, {"kind", signed.Kind, want.Kind},
		{"roles", joined(signed.Roles), joined(want.Roles)}} {
		if x[1] != x[2] {
			return fmt.Sprintf("the %s that was countersigned is %q, not %q", x[0], x[1], x[2])
		}
	}
	return ""
}

// needsCounter says why the registration of m needs an enroller's countersignature, "" if it does
// not.
func (e *enrolment) needsCounter(m entry.Member) string {
	old := e.organisation(m.ID)
	if old == nil {
		return m.ID + " is new in this log"
	}
	for _, r := range m.Roles {
		if !slices.Contains(old.Roles, r) {
			return fmt.Sprintf("the role %s is new for %s", r, m.ID)
		}
	}
	return ""
}

func strs[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// detail returns what a format's error says is wrong, without the name of the format.
func detail(err error) string {
	var e *wire.Error
	if errors.As(err, &e) {
		return e.Detail
	}
	return err.Error()
}
