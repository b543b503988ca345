package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"igledger/consent/fhir/tree"
	"igledger/internal/patients"
	"igledger/ledger/entry"
)

// refusal is why somebody is not let in. It names the words of the page they get, and is logged; it
// holds nothing of them.
type refusal string

func (r refusal) Error() string { return string(r) }

// Why somebody is not let in, although the provider vouches for them.
const (
	noNumber        refusal = "no-number"        // no CHI or NHS number
	badNumber       refusal = "bad-number"       // a number that cannot be one
	twoNumbers      refusal = "two-numbers"      // more than one, so that nobody knows whose record it is
	notFound        refusal = "not-found"        // the look-up is not certain who they are
	noOrganisation  refusal = "no-organisation"  // none, or one that the configuration does not know
	twoOrganisation refusal = "two-organisation" // more than one
	noStaffID       refusal = "no-staff-id"
	noPermission    refusal = "no-permission"
)

// claims are what a provider says of somebody.
type claims map[string]any

// maxText is the most bytes of a claim that is read.
const maxText = 256

// texts returns the texts of a claim, one or a list. A name that begins with a slash is a JSON
// pointer (RFC 6901): the claim lies within others. It returns an error for a claim of another form.
func (c claims) texts(name string) ([]string, error) {
	var v any
	if name == "" {
		return nil, nil
	}
	if strings.HasPrefix(name, "/") {
		v = map[string]any(c)
		for _, step := range strings.Split(name[1:], "/") {
			step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
			switch in := v.(type) {
			case map[string]any:
				v = in[step]
			case []any:
				n, err := strconv.Atoi(step)
				if err != nil || n < 0 || n >= len(in) {
					return nil, nil
				}
				v = in[n]
			default:
				return nil, nil
			}
		}
	} else {
		v = c[name]
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return text(nil, v)
	case []any:
		var list []string
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, errClaim
			}
			var err error
			if list, err = text(list, s); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, errClaim
}

var errClaim = errors.New("a claim is not a text")

// text appends s, unless it is empty.
func text(list []string, s string) ([]string, error) {
	s = strings.TrimSpace(s)
	if len(s) > maxText || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return nil, errClaim
	}
	if s == "" {
		return list, nil
	}
	return append(list, s), nil
}

// one returns the only text of a claim. none and many are the errors for another number of texts.
func (c claims) one(name string, none, many error) (string, error) {
	list, err := c.texts(name)
	switch {
	case err != nil:
		return "", errors.Join(none, err)
	case len(list) == 0:
		return "", none
	case len(list) > 1:
		return "", many
	}
	return list[0], nil
}

// user returns the user whom the claims describe, or a refusal.
func (i *issuer) user(ctx context.Context, c claims) (User, error) {
	u := User{Kind: i.For, Issuer: i.Name}
	if list, err := c.texts(i.ShownAs); err == nil {
		u.Name = strings.Join(list, " ")
	}
	if i.For == Citizen {
		id, err := i.number(ctx, c)
		u.ID = id
		return u, err
	}
	return i.member(c, u)
}

// number returns the entry id of a citizen.
func (i *issuer) number(ctx context.Context, c claims) (string, error) {
	if i.Number.Match != nil {
		return i.match(ctx, c)
	}
	var ids []string
	for _, claim := range [][2]string{{"chi", i.Number.CHI}, {"nhs", i.Number.NHS}} {
		list, err := c.texts(claim[1])
		if err != nil {
			return "", badNumber
		}
		for _, n := range list {
			id := claim[0] + ":" + tree.Squeeze(n)
			if entry.CheckID(id) != nil || !entry.CheckDigitOK(id) {
				return "", badNumber
			}
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	switch len(ids) {
	case 0:
		return "", noNumber
	case 1:
		return ids[0], nil
	}
	return "", twoNumbers
}

// match looks a citizen up by what the provider verified of them.
func (i *issuer) match(ctx context.Context, c claims) (string, error) {
	m := i.Number.Match
	given, err := c.texts(m.Given)
	if err != nil || len(given) == 0 {
		return "", notFound
	}
	d := patients.Demographics{Given: given}
	for _, part := range []struct {
		into  *string
		claim string
	}{{&d.Family, m.Family}, {&d.BirthDate, m.BirthDate}, {&d.Postcode, m.Postcode}} {
		if *part.into, err = c.one(part.claim, notFound, notFound); err != nil {
			return "", notFound
		}
	}
	id, err := i.patients.ByDemographics(ctx, d)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", errAway, err)
	case id == "":
		return "", notFound
	case entry.CheckID(id) != nil || !entry.CheckDigitOK(id):
		return "", badNumber
	}
	return id, nil
}

// member returns u as a member of staff.
func (i *issuer) member(c claims, u User) (User, error) {
	s := i.Staff
	u.Org = s.Organisation.ID
	if u.Org == "" {
		value, err := c.one(s.Organisation.Claim, noOrganisation, twoOrganisation)
		if err != nil {
			return u, err
		}
		if u.Org = s.Organisation.Is[value]; u.Org == "" {
			return u, noOrganisation
		}
	}
	id, err := c.one(s.ID, noStaffID, noStaffID)
	if err != nil {
		return u, err
	}
	u.Staff = entry.Staff{ID: id, System: s.System, Name: u.Name}
	roles, err := c.texts(s.Permissions.Claim)
	if err != nil {
		return u, errors.Join(noPermission, err)
	}
	for _, p := range Permissions() {
		if slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(s.Permissions.Is[role], p) }) {
			u.May = append(u.May, p)
		}
	}
	if len(u.May) == 0 {
		return u, noPermission
	}
	return u, nil
}
