// Package mapping reads what an organisation says of the words in its own FHIR resources: which
// identifier systems hold CHI and NHS numbers, how its systems write other organisations, and which
// of its local codes mean a purpose of use, an emergency or a role. One file serves every import:
// of accesses, of consents, by the agent and by the server.
//
// A mapping only adds to what the ledger knows by itself (Default…). What neither knows stays
// foreign.
package mapping

import (
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // days are those of a zone, also on a machine without zone files
)

// MaxFile is the most bytes of a mapping file.
const MaxFile = 1 << 20

// DefaultZone is the zone whose days a date without a time means.
const DefaultZone = "Europe/London"

// Map is a mapping. The nil Map adds nothing to the defaults. The zero Map does the same.
type Map struct {
	Identifiers   map[string]string `yaml:"identifiers"`   // identifier system URI -> "chi" or "nhs"
	Organisations []Organisation    `yaml:"organisations"` // how organisations of the log are written
	Purposes      map[string]string `yaml:"purposes"`      // "system|code" -> PurposeOfUse code
	Emergencies   []string          `yaml:"emergencies"`   // "system|code" of what means break-glass
	Roles         map[string]string `yaml:"roles"`         // "system|code" -> "system|code"
	Sources       map[string]Source `yaml:"sources"`       // by name of the source system
	Staff         map[string]string `yaml:"staff"`         // literal reference -> "system|value"
	Units         map[string]string `yaml:"units"`         // literal reference -> "system|value"
	Zone          string            `yaml:"zone"`          // IANA name; "": DefaultZone
	Lookup        *Lookup           `yaml:"lookup"`        // of patients whose numbers are local; may be nil
}

// Organisation is how systems write one organisation of the log.
type Organisation struct {
	ID          string   `yaml:"id"`          // in the log
	Identifiers []string `yaml:"identifiers"` // "system|value"
	References  []string `yaml:"references"`  // literal: "Organization/7", or with a base
	Issuers     []string `yaml:"issuers"`     // of its tokens, as SAML and OAuth name them
	Names       []string `yaml:"names"`       // in words, the whole display
}

// Lookup is a server that knows patients by local numbers. It has one of Match and PDQm.
type Lookup struct {
	Match   string   `yaml:"match"`   // base URL of a server with Patient/$match
	PDQm    string   `yaml:"pdqm"`    // base URL of a server that searches patients (IHE ITI-78)
	Systems []string `yaml:"systems"` // identifier systems that are looked up; empty: all
	Token   string   `yaml:"token"`   // name of the environment variable with a bearer token; "": none
	Timeout int      `yaml:"timeout"` // of a request, in seconds, 1 to 60; 0: 5
}

// Source is what is known of one source system.
type Source struct {
	Base string `yaml:"base"` // base URL of its FHIR server, to which its relative references belong
	// NewIDs says that the system gives an event a new id at each export, so that ids do not tell two
	// accesses apart. If it is false for such a system, an event that is exported twice is two.
	NewIDs bool `yaml:"newIds"`
}

func (m *Map) zone() string {
	if m == nil || m.Zone == "" {
		return DefaultZone
	}
	return m.Zone
}

// Location returns the zone whose days a date without a time means.
func (m *Map) Location() *time.Location {
	l, err := location(m.zone())
	if err != nil {
		return time.UTC // impossible: Check has loaded it
	}
	return l
}

// zones are the zones that were loaded, by name: loading one reads a file.
var zones sync.Map

func location(name string) (*time.Location, error) {
	if l, ok := zones.Load(name); ok {
		return l.(*time.Location), nil
	}
	l, err := time.LoadLocation(name)
	if err == nil {
		zones.Store(name, l)
	}
	return l, err
}

// Scheme returns the id scheme of an identifier system, chi or nhs, "" if it is neither's.
func (m *Map) Scheme(system string) string {
	if m != nil {
		if scheme := m.Identifiers[system]; scheme != "" {
			return scheme
		}
		for s, scheme := range m.Identifiers { // Check has seen that no two contradict
			if spelling(s) == spelling(system) {
				return scheme
			}
		}
	}
	return defaultSystems[spelling(system)]
}

// System returns the identifier system under which numbers of a scheme are written.
func System(scheme string) string {
	return map[string]string{
		"chi": "urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53",
		"nhs": "https://fhir.nhs.uk/Id/nhs-number",
	}[scheme]
}

// Member returns the identifier, "system|value", of the member of staff that a literal reference
// names, "" if the mapping does not say. A version in the reference does not matter.
func (m *Map) Member(ref string) string {
	if m == nil {
		return ""
	}
	ref, _, _ = strings.Cut(ref, "/_history/")
	return m.Staff[ref]
}

// Unit returns the identifier, "system|value", of the unit or group that a literal reference names,
// "" if the mapping does not say. A version in the reference does not matter.
func (m *Map) Unit(ref string) string {
	if m == nil {
		return ""
	}
	ref, _, _ = strings.Cut(ref, "/_history/")
	return m.Units[ref]
}

// Purpose returns the PurposeOfUse code that a local code means, "" if the mapping does not say.
func (m *Map) Purpose(claim string) string {
	if m == nil {
		return ""
	}
	return m.Purposes[claim]
}

// Emergency reports whether a local code means break-glass.
func (m *Map) Emergency(claim string) bool { return m != nil && slices.Contains(m.Emergencies, claim) }

// Role returns the role that a local role means, "" if the mapping does not say.
func (m *Map) Role(claim string) string {
	if m == nil {
		return ""
	}
	return m.Roles[claim]
}

// NewIDs reports whether a source system gives its events new ids at each export.
func (m *Map) NewIDs(source string) bool { return m != nil && m.Sources[source].NewIDs }

// Base returns the base URL of a source system's FHIR server, without a slash at its end, "" if the
// mapping does not say.
func (m *Map) Base(source string) string {
	if m == nil {
		return ""
	}
	return strings.TrimSuffix(m.Sources[source].Base, "/")
}
