package entry

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"igledger/ledger/wire"
)

// Access is the body of a record access: who did what to whose record, why and with what result.
// One entry is about one person. Fields with a JSON name are claims that are readable in the JWS,
// which itself is sealed. Fields tagged "-" are disclosures.
type Access struct {
	Common
	Source      string   `json:"source"`                // the reporting system within iss; Seq counts per source
	Org         string   `json:"org,omitempty"`         // organisation that accessed; empty = iss, unless Foreign
	Foreign     bool     `json:"foreign,omitzero"`      // another organisation accessed, and it is none of this log
	Recipient   string   `json:"recipient,omitempty"`   // organisation to which data was disclosed; see Disclosed
	System      string   `json:"system,omitempty"`      // system through which it accessed
	Event       []string `json:"event,omitempty"`       // "system|code": FHIR AuditEvent.type, then its subtypes
	Action      string   `json:"action"`                // FHIR AuditEvent.action: C R U D E
	Data        []string `json:"data,omitempty"`        // "system|code": resource types, SNOMED CT, LOINC
	Purpose     []string `json:"purpose,omitempty"`     // PurposeOfUse (v3-ActReason), others as "system|code"
	Role        []string `json:"role,omitempty"`        // role of the human user, "system|code" or a plain code
	Machine     bool     `json:"machine,omitzero"`      // no human user: polling, batch
	Emergency   bool     `json:"emergency,omitzero"`    // break-glass
	Agreement   string   `json:"agreement,omitempty"`   // id of the agreement relied on
	Decision    string   `json:"decision,omitempty"`    // jti of the Decision that allowed it
	Delegation  string   `json:"delegation,omitempty"`  // id of the delegation used to act for the person
	Request     string   `json:"request,omitempty"`     // reference of the person's own request; with Identity
	Identity    Identity `json:"identity,omitempty"`    // how the identity of the person who asked was checked
	Outcome     string   `json:"outcome"`               // FHIR AuditEvent.outcome: 0 4 8 12
	Occurred    string   `json:"occurred,omitempty"`    // RFC 3339; empty = Recorded
	OccurredEnd string   `json:"occurredEnd,omitempty"` // RFC 3339
	Recorded    string   `json:"recorded"`              // RFC 3339, when the source noted it
	SD          []string `json:"_sd"`                   // 8 sorted digests, decoys included

	Sub     string         `json:"-"` // id of the person: disclosure "sub"
	Staff   *Staff         `json:"-"` // disclosure "staff"
	Parties []Party        `json:"-"` // disclosure "parties"
	Text    *Text          `json:"-"` // disclosure "text"
	Seq     *uint64        `json:"-"` // disclosure "seq": the source's gap-free number, from 1
	FHIR    jsontext.Value `json:"-"` // disclosure "fhir": parts of the AuditEvent not modelled here
}

// Staff is the person who accessed, and where they worked.
type Staff struct {
	ID     string   `json:"id,omitempty"`     // identifier within System
	System string   `json:"system,omitempty"` // that issued ID
	Name   string   `json:"name,omitempty"`
	AltID  string   `json:"altId,omitempty"`
	IDs    []string `json:"ids,omitempty"`   // further identifiers, see Identifier
	Units  []string `json:"units,omitempty"` // "system|value": places and units of the organisation, such as a ward
}

// Identifier spells an identifier as a rule names a member of staff or a unit: "system|value", or
// the value alone if it has no system.
func Identifier(system, value string) string {
	if system == "" && !strings.Contains(value, "|") {
		return value
	}
	return system + "|" + value
}

// Identifiers returns by what the person can be recognised, see Identifier. A name is no
// identifier.
func (s *Staff) Identifiers() (list []string) {
	if s == nil {
		return nil
	}
	if s.ID != "" {
		list = append(list, Identifier(s.System, s.ID))
	}
	if s.AltID != "" {
		list = append(list, Identifier("", s.AltID))
	}
	return append(list, s.IDs...)
}

// Further adds an identifier, unless it is there or does not fit.
func (s *Staff) Further(system, value string) {
	id := Identifier(system, value)
	if value != "" && len(s.IDs) < 64 && checkCodes("ids", []string{id}) == nil && !slices.Contains(s.Identifiers(), id) {
		s.IDs = append(s.IDs, id)
	}
}

// Empty reports whether nothing is stated.
func (s *Staff) Empty() bool {
	return s.ID == "" && s.System == "" && s.Name == "" && s.AltID == "" && len(s.IDs)+len(s.Units) == 0
}

// check checks a disclosure "staff". The error is BadDisclosure.
func (s *Staff) check() error {
	if max(len(s.IDs), len(s.Units)) > 64 || checkCodes("ids", s.IDs) != nil || checkCodes("units", s.Units) != nil {
		return wire.Errorf(wire.BadDisclosure, "disclosure staff",
			"ids or units has more than 64 members, or one is empty, longer than 512 bytes or has control characters")
	}
	return nil
}

// Party is another agent of the event: client, server, custodian, recipient, authoriser.
type Party struct {
	Type    string `json:"type,omitempty"`    // "system|code" of AuditEvent.agent.type
	ID      string `json:"id,omitempty"`      // reference or identifier
	Name    string `json:"name,omitempty"`    //
	Address string `json:"address,omitempty"` // AuditEvent.agent.network.address
}

// Text holds what the source recorded in words.
type Text struct {
	Why           string `json:"why,omitempty"`           // purpose in words
	Justification string `json:"justification,omitempty"` // for break-glass
	Outcome       string `json:"outcome,omitempty"`       // AuditEvent.outcomeDesc
	Query         string `json:"query,omitempty"`         // the search that was run
	Organisation  string `json:"organisation,omitempty"`  // who accessed, if Foreign
}

const maxDepth = 32 // levels of nesting in "fhir"

// check checks the claims in their order, so that the first wrong one is reported.
func (a *Access) check() error {
	if err := wire.CheckSystem(a.Source); err != nil {
		return wire.Errorf(wire.BadClaim, "source", "want 1-128 printable ASCII characters")
	}
	if a.Org != "" && wire.CheckOrgID(a.Org) != nil {
		return wire.Errorf(wire.BadClaim, "org", "not an organisation id")
	}
	if a.Foreign && a.Org != "" {
		return wire.Errorf(wire.BadClaim, "foreign", "the organisation that accessed is named by org")
	}
	if a.Recipient != "" && wire.CheckOrgID(a.Recipient) != nil {
		return wire.Errorf(wire.BadClaim, "recipient", "not an organisation id")
	}
	if err := checkShort("system", a.System, 512); err != nil {
		return err
	}
	if err := checkLists(codeList{"event", a.Event}); err != nil {
		return err
	}
	if len(a.Action) != 1 || !strings.Contains("CRUDE", a.Action) {
		return wire.Errorf(wire.BadClaim, "action", "want one of C R U D E")
	}
	err := checkLists(codeList{"data", a.Data}, codeList{"purpose", a.Purpose}, codeList{"role", a.Role})
	if err != nil {
		return err
	}
	if err := checkShort("agreement", a.Agreement, 512); err != nil {
		return err
	}
	for _, id := range []claimText{{"decision", a.Decision, true}, {"delegation", a.Delegation, true}} {
		if err := checkUUID(id.name, id.text); err != nil && id.text != "" {
			return err
		}
	}
	if err := CheckRequest(a.Request, a.Identity); err != nil {
		return err
	}
	if !slices.Contains([]string{"0", "4", "8", "12"}, a.Outcome) {
		return wire.Errorf(wire.BadClaim, "outcome", "want one of 0 4 8 12")
	}
	for _, c := range []claimText{
		{"occurred", a.Occurred, true},
		{"occurredEnd", a.OccurredEnd, true},
		{"recorded", a.Recorded, false},
	} {
		if _, err := ParseTime(c.text); err != nil && !(c.optional && c.text == "") {
			return wire.Errorf(wire.BadClaim, c.name, "not an RFC 3339 time with zone")
		}
	}
	return nil
}

// Identity says how the identity of a person who asked was checked before they were answered.
type Identity string

// The ways to check an identity. The first three are those of NHS practice for giving people
// access to online services.
const (
	ByDocuments Identity = "documents"      // documents were seen, at least one with a photograph
	ByVouching  Identity = "vouched"        // a member of staff who knows the person vouched for them
	ByRecord    Identity = "vouched-record" // so did one who confirmed it by what only the person and the record know
	BySignIn    Identity = "sign-in"        // the person signed in with an account whose holder was identified
)

// Identities returns all ways to check an identity.
func Identities() []Identity { return []Identity{ByDocuments, ByVouching, ByRecord, BySignIn} }

// MaxRequest is the most characters of the reference of a person's request.
const MaxRequest = 128

// CheckRequest checks a person's request and how their identity was checked: both or neither. The
// reference is of the request, and never a number of the person. The error is BadClaim.
func CheckRequest(request string, how Identity) error {
	if request == "" && how == "" {
		return nil
	}
	if request == "" || len(request) > MaxRequest || !wire.Printable(request) || ContainsPersonNumber(request) {
		return wire.Errorf(wire.BadClaim, "request",
			"want 1-%d printable ASCII characters without a person's number, and only with identity", MaxRequest)
	}
	if !slices.Contains(Identities(), how) {
		return wire.Errorf(wire.BadClaim, "identity", "is not a way to check an identity, or is missing")
	}
	return nil
}

// checkShort checks an optional text of one line, at most max bytes long.
func checkShort(name, s string, max int) error {
	if !wire.Plain(s, max) {
		return wire.Errorf(wire.BadClaim, name, "is longer than %d bytes or has control characters", max)
	}
	return nil
}

// codeList is a claim that holds codes.
type codeList struct {
	name  string
	codes []string
}

// checkLists checks the lists of an access or decision in the order given. Each has at most 64
// codes.
func checkLists(lists ...codeList) error {
	for _, l := range lists {
		if len(l.codes) > 64 {
			return wire.Errorf(wire.BadClaim, l.name, "%d codes, at most 64", len(l.codes))
		}
		if err := checkCodes(l.name, l.codes); err != nil {
			return err
		}
	}
	return nil
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// ParseTime reads a time of an entry: RFC 3339 section 5.6 in capitals, at most to the nanosecond.
// time.Parse alone also accepts 7:00 for 07:00 and a comma for the point. The error is BadClaim.
func ParseTime(s string) (time.Time, error) {
	if !rfc3339.MatchString(s) {
		return time.Time{}, wire.Errorf(wire.BadClaim, "time", "not RFC 3339")
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil { // well-formed, but there is no such day or hour
		return time.Time{}, wire.Errorf(wire.BadClaim, "time", "not RFC 3339")
	}
	return t, nil
}

// Time returns when the access happened, as the source claims: occurred, or recorded if there is no
// occurred. An access of which only the date is known lies between the first and the last second of
// that day (or month) somewhere; it counts on that day in UTC too, in which the days of agreements
// are, and not on the one before.
func (a *Access) Time() time.Time {
	s := a.Occurred
	if s == "" {
		s = a.Recorded
	}
	t, _ := ParseTime(s) // checked by check
	if a.OccurredEnd == "" {
		return t
	}
	if end, err := ParseTime(a.OccurredEnd); err == nil && clock(t) == "00:00:00" && clock(end) == "23:59:59" {
		if day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC); day.After(t) {
			return day
		}
	}
	return t
}

func clock(t time.Time) string { return t.Format(time.TimeOnly) }

// Accessor returns the organisation that accessed: org, or the issuer if there is no org. It
// returns "" if another organisation accessed, of which the source cannot say which of this log it
// is: so it is nobody's own access, and no organisation reads it as such.
func (a *Access) Accessor() string {
	switch {
	case a.Foreign:
		return ""
	case a.Org != "":
		return a.Org
	}
	return a.Issuer
}

func (a *Access) digests() *[]string { return &a.SD }
func (a *Access) subject() *string   { return &a.Sub }

func (a *Access) claims() []claim {
	return []claim{
		{"staff", a.Staff != nil, &a.Staff, func() error { return a.Staff.check() }},
		{"parties", len(a.Parties) > 0, &a.Parties, nil},
		{"text", a.Text != nil, &a.Text, nil},
		{"seq", a.Seq != nil, &a.Seq, func() error {
			if *a.Seq == 0 || *a.Seq > wire.MaxInt {
				return wire.Errorf(wire.BadDisclosure, "disclosure seq", "want 1 to 2^53-1")
			}
			return nil
		}},
		{"fhir", len(a.FHIR) > 0, &a.FHIR, func() error {
			if a.FHIR.Kind() != '{' || wire.Depth(a.FHIR) > maxDepth {
				return wire.Errorf(wire.BadDisclosure, "disclosure fhir",
					"not an object of at most %d levels", maxDepth)
			}
			return nil
		}},
	}
}

// RecordedTime returns recorded as a time.
func (a *Access) RecordedTime() time.Time {
	t, _ := ParseTime(a.Recorded) // checked by check
	return t
}
