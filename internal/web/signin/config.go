package signin

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"igledger/consent/fhir/mapping"
	"igledger/ledger/keyfile"
	"igledger/ledger/wire"
)

// Config is the part "signIn" of the pages' configuration file: docs/WEB.md describes every key.
type Config struct {
	Issuers  []Issuer `yaml:"issuers"`
	Sessions Sessions `yaml:"sessions"`
	Limits   Limits   `yaml:"limits"`
}

// Issuer is an OpenID provider.
type Issuer struct {
	Name  string `yaml:"name"`  // in addresses and the log: lower-case letters, digits, hyphens
	Title string `yaml:"title"` // as people know it
	For   Kind   `yaml:"for"`   // whom it signs in
	URL   string `yaml:"issuer"`

	ClientID   string `yaml:"clientId"`
	SecretFile string `yaml:"secretFile"` // holds the client's secret; or
	KeyFile    string `yaml:"keyFile"`    // holds a private JWK with which the client signs (private_key_jwt)

	Scopes   []string `yaml:"scopes"`   // beside openid
	UserInfo bool     `yaml:"userInfo"` // claims are also read from the provider's UserInfo
	ACR      []string `yaml:"acr"`      // accepted at sign-in; empty: any
	StepUp   []string `yaml:"stepUp"`   // acr accepted for changes; empty: a new sign-in is enough

	ShownAs string       `yaml:"nameClaim"` // whose text pages show; default "name"
	Number  *Number      `yaml:"number"`    // of citizens
	Staff   *StaffClaims `yaml:"staff"`     // of staff
}

// Number says how a citizen's CHI or NHS number is found: by a claim that holds it, or by a look-up.
type Number struct {
	CHI   string `yaml:"chi"` // name of the claim
	NHS   string `yaml:"nhs"`
	Match *Match `yaml:"match"`
}

// Match is a look-up of a person by what the provider verified.
type Match struct {
	Lookup    mapping.Lookup `yaml:"lookup"` // as in a mapping; it needs "match"
	Given     string         `yaml:"given"`  // names of claims
	Family    string         `yaml:"family"`
	BirthDate string         `yaml:"birthDate"`
	Postcode  string         `yaml:"postcode"`
}

// StaffClaims says what the claims of staff mean.
type StaffClaims struct {
	Organisation Organisation `yaml:"organisation"`
	ID           string       `yaml:"id"`     // claim with their identifier
	System       string       `yaml:"system"` // that issued it: the same that accesses name
	Permissions  Mapped       `yaml:"permissions"`
}

// Organisation is whose staff somebody is: always that of ID, or what a claim says.
type Organisation struct {
	ID    string            `yaml:"id"`
	Claim string            `yaml:"claim"`
	Is    map[string]string `yaml:"is"` // value of the claim -> id in the register
}

// Mapped says which permissions the values of a claim give.
type Mapped struct {
	Claim string                  `yaml:"claim"`
	Is    map[string][]Permission `yaml:"is"`
}

// Sessions says when a session ends. The zero value of each stands for its default.
type Sessions struct {
	Idle     time.Duration `yaml:"idle"`     // without a request; default 15 minutes
	Absolute time.Duration `yaml:"absolute"` // after sign-in, whatever happens; default 8 hours
	StepUp   time.Duration `yaml:"stepUp"`   // how long after a proof of identity changes need no other; default 10 minutes
	Kept     time.Duration `yaml:"kept"`     // how long what was typed is kept for its author; default 1 hour
}

// Limits bounds how often strangers and sessions may ask.
type Limits struct {
	SignIns  float64 `yaml:"signInsPerSecond"`  // from one address; default 2, and 60 at once
	Requests float64 `yaml:"requestsPerSecond"` // of one session; default 10, and 100 at once
}

func (c Config) orDefault() Config {
	c.Sessions.Idle = cmp.Or(c.Sessions.Idle, 15*time.Minute)
	c.Sessions.Absolute = cmp.Or(c.Sessions.Absolute, 8*time.Hour)
	c.Sessions.StepUp = cmp.Or(c.Sessions.StepUp, 10*time.Minute)
	c.Sessions.Kept = cmp.Or(c.Sessions.Kept, time.Hour)
	c.Limits.SignIns = cmp.Or(c.Limits.SignIns, 2)
	c.Limits.Requests = cmp.Or(c.Limits.Requests, 10)
	c.Issuers = slices.Clone(c.Issuers)
	for i := range c.Issuers {
		c.Issuers[i].Title = cmp.Or(c.Issuers[i].Title, c.Issuers[i].Name)
		c.Issuers[i].ShownAs = cmp.Or(c.Issuers[i].ShownAs, "name")
	}
	return c
}

var names = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// Check returns an error that names the first key that is wrong.
func (c Config) Check() error {
	seen := map[string]bool{}
	for n, i := range c.Issuers {
		at := fmt.Sprintf("signIn.issuers[%d]", n)
		if !names.MatchString(i.Name) || seen[i.Name] {
			return fmt.Errorf("%s.name: want lower-case letters, digits and hyphens, another for each issuer", at)
		}
		seen[i.Name] = true
		if err := i.check(); err != nil {
			return fmt.Errorf("%s (%s): %w", at, i.Name, err)
		}
	}
	s := c.orDefault().Sessions
	switch {
	case s.Idle < time.Minute:
		return errors.New("signIn.sessions.idle: want at least 1m")
	case s.Absolute < s.Idle || s.Absolute > 24*time.Hour:
		return errors.New("signIn.sessions.absolute: want at least the time of idle, and at most 24h")
	case s.StepUp < time.Minute || s.StepUp > s.Absolute:
		return errors.New("signIn.sessions.stepUp: want at least 1m, and at most the time of absolute")
	case s.Kept < time.Minute || s.Kept > 24*time.Hour:
		return errors.New("signIn.sessions.kept: want 1m to 24h")
	case c.Limits.SignIns < 0 || c.Limits.Requests < 0:
		return errors.New("signIn.limits: want numbers above 0")
	}
	return nil
}

func (i *Issuer) check() error {
	u, err := wire.ServerURL(i.URL)
	switch {
	case err != nil || u.User != nil:
		return errors.New("issuer: want the address of the provider, as its tokens spell it")
	case !wire.Private(u):
		return errors.New("issuer: want https: over http anybody on the way could be the provider")
	case i.ClientID == "":
		return errors.New("clientId: missing")
	case (i.SecretFile == "") == (i.KeyFile == ""):
		return errors.New("want one of secretFile and keyFile")
	}
	switch i.For {
	case Citizen:
		if i.Number == nil || i.Staff != nil {
			return errors.New("an issuer for citizens has number and not staff")
		}
		return i.Number.check(len(i.ACR) > 0)
	case Staff:
		if i.Staff == nil || i.Number != nil {
			return errors.New("an issuer for staff has staff and not number")
		}
		return i.Staff.check()
	}
	return fmt.Errorf("for: want %s or %s", Citizen, Staff)
}

func (n *Number) check(assured bool) error {
	m := n.Match
	switch {
	case (n.CHI != "" || n.NHS != "") == (m != nil):
		return errors.New("number: want claims in chi and nhs, or match")
	case m == nil:
		return nil
	case m.Lookup.Match == "" || m.Lookup.PDQm != "":
		return errors.New("number.match.lookup: want the address of a server with Patient/$match in match")
	case m.Given == "" || m.Family == "" || m.BirthDate == "" || m.Postcode == "":
		return errors.New("number.match: want the claims given, family, birthDate and postcode")
	case !assured:
		return errors.New("number.match: want acr: only an identity that the provider has checked may be looked up")
	}
	return nil
}

func (s *StaffClaims) check() error {
	o := s.Organisation
	ids := slices.Sorted(maps.Values(o.Is))
	switch {
	case (o.ID != "") == (o.Claim != "" && len(o.Is) > 0):
		return errors.New("staff.organisation: want id, or claim and what each of its values is")
	case s.ID == "" || s.System == "":
		return errors.New("staff: want the claim id, and the system that issued it")
	case s.Permissions.Claim == "" || len(s.Permissions.Is) == 0:
		return errors.New("staff.permissions: want claim, and what each of its values is")
	}
	if o.ID != "" {
		ids = append(ids, o.ID)
	}
	for _, id := range ids {
		if wire.CheckOrgID(id) != nil {
			return fmt.Errorf("staff.organisation: %q is not the id of an organisation", id)
		}
	}
	for _, value := range slices.Sorted(maps.Keys(s.Permissions.Is)) {
		for _, p := range s.Permissions.Is[value] {
			if !slices.Contains(Permissions(), p) {
				return fmt.Errorf("staff.permissions.is: %q is none of %v", p, Permissions())
			}
		}
	}
	return nil
}

// secret reads a file with a secret.
func secret(l *keyfile.Loader, path string) (string, error) {
	b, err := l.Read(path, keyfile.Passing)
	if err != nil {
		return "", err
	}
	s := strings.TrimSpace(string(b))
	if s == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return s, nil
}
