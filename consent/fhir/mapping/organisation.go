package mapping

import (
	"slices"
	"strings"

	"igledger/ledger/wire"
)

// OwnOrganisation is the identifier system of organisation ids of the ledger.
const OwnOrganisation = "urn:igledger:organisation"

// ODS is the identifier system of the NHS Organisation Data Service.
const ODS = "https://fhir.nhs.uk/Id/ods-organization-code"

// odsSystems are the names of ODS: the one of today, the older one of the same register, and those
// of HL7 version 3 messages and CDA documents. Codes of sites are another system: a site is not an
// organisation, and its code does not tell whose it is.
var odsSystems = []string{
	"fhir.nhs.uk/id/ods-organization-code",
	"fhir.nhs.net/id/ods-organization-code",
	"2.16.840.1.113883.2.1.3.2.4.19.1",
	"2.16.840.1.113883.2.1.4.3",
}

// uris is the identifier system of values that are URIs by themselves (R4
// identifier-registry.html).
const uris = "urn:ietf:rfc:3986"

// Identifier is an identifier of an organisation. System is "" if the resource names none.
type Identifier struct{ System, Value string }

// Named is how a resource names one organisation.
type Named struct {
	Identifiers []Identifier
	References  []string // literal
	Words       []string
}

// Organisation returns the id in the log of the organisation that a resource names. It returns ""
// if it is foreign: the resource names it in no way that the mapping or the ledger knows, or in
// ways that contradict each other. What the mapping says of identifiers and references counts
// first, then identifiers that are ids of the ledger themselves, and words last.
func (m *Map) Organisation(n Named) string {
	var mapped, known, called []string
	add := func(list *[]string, id string) {
		if id != "" && !slices.Contains(*list, id) {
			*list = append(*list, id)
		}
	}
	for _, r := range n.References {
		add(&mapped, m.ByReference(r))
	}
	for _, i := range n.Identifiers {
		add(&mapped, m.mappedIdentifier(i))
		add(&known, i.own())
	}
	for _, w := range n.Words {
		add(&called, m.ByName(w))
	}
	for _, list := range [][]string{mapped, known, called} {
		if len(list) == 1 {
			return list[0]
		}
		if len(list) > 1 {
			return ""
		}
	}
	return ""
}

// organisationSystems are further identifier systems of organisations: the sites of ODS, and the
// number of those who take part in the German telematics infrastructure, which are institutions in
// its services' records of accesses.
var organisationSystems = []string{
	"fhir.nhs.uk/id/ods-site-code", "2.16.840.1.113883.2.1.3.2.4.19.2",
	"gematik.de/fhir/sid/telematik-id", "gematik.de/fhir/namingsystem/telematikid",
}

// IsOrganisation reports whether an identifier is one that organisations have: of ODS, a site's
// included, of the ledger, of another register of organisations, as far as its name says so, or of
// the mapping.
func (m *Map) IsOrganisation(i Identifier) bool {
	s := systemKey(i.System)
	return s == OwnOrganisation || s == ODS || slices.Contains(organisationSystems, s) || m.mappedIdentifier(i) != "" ||
		strings.Contains(s, "organisation") || strings.Contains(s, "organization")
}

// ByIdentifier returns the id in the log of the organisation with an identifier, "" if it is
// foreign.
func (m *Map) ByIdentifier(system, value string) string {
	return m.Organisation(Named{Identifiers: []Identifier{{system, value}}})
}

// mappedIdentifier returns what the mapping says of an identifier. "|value" is one without a
// system.
func (m *Map) mappedIdentifier(i Identifier) string {
	system, value := systemKey(i.System), strings.TrimSpace(i.Value)
	if m == nil || value == "" {
		return ""
	}
	for _, o := range m.Organisations {
		for _, text := range o.Identifiers {
			s, v, _ := strings.Cut(text, "|")
			if v == value && (systemKey(s) == system || s == uris && system == "" && strings.HasPrefix(value, "urn:")) {
				return o.ID
			}
		}
	}
	return ""
}

// own returns the id of an identifier that the ledger knows by itself.
func (i Identifier) own() string {
	value := strings.TrimSpace(i.Value)
	if s := systemKey(i.System); (s == OwnOrganisation || s == ODS) && wire.CheckOrgID(value) == nil {
		return value
	}
	return ""
}

// systemKey returns an identifier system as it compares.
func systemKey(system string) string {
	s := spelling(system)
	if slices.Contains(odsSystems, s) {
		return ODS
	}
	return s
}

// ByReference returns the id in the log of the organisation that a literal reference names, "" if
// it is foreign. A version in the reference does not matter.
func (m *Map) ByReference(ref string) string {
	ref, _, _ = strings.Cut(ref, "/_history/")
	return m.organisation(func(o *Organisation) []string { return o.References }, ref)
}

// ByIssuer returns the id in the log of the organisation whose tokens name an issuer so, "" if it
// is foreign.
func (m *Map) ByIssuer(issuer string) string {
	return m.organisation(func(o *Organisation) []string { return o.Issuers }, issuer)
}

// ByName returns the id in the log of the organisation that is written in words so, "" if it is
// foreign. Only the white space between words may differ.
func (m *Map) ByName(words string) string {
	words = oneSpace(words)
	if m == nil || words == "" {
		return ""
	}
	for i := range m.Organisations {
		o := &m.Organisations[i]
		if slices.ContainsFunc(o.Names, func(name string) bool { return oneSpace(name) == words }) {
			return o.ID
		}
	}
	return ""
}

func oneSpace(s string) string { return strings.Join(strings.Fields(s), " ") }

func (m *Map) organisation(list func(o *Organisation) []string, text string) string {
	if m == nil || text == "" {
		return ""
	}
	for i := range m.Organisations {
		if slices.Contains(list(&m.Organisations[i]), text) {
			return m.Organisations[i].ID
		}
	}
	return ""
}
