package entry

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"igledger/ledger/wire"
)

// Consent is the body of a sealed entry: one act of consent by a person, or by someone acting for
// them. Acts with the same Consent id form the life of one consent record (ISO/IEC TS 27560). The
// act of a record that was decided last counts (Order). Fields tagged "-" are disclosures.
type Consent struct {
	Common
	Consent    string       `json:"consent"`              // id of the consent record, a UUID
	Act        string       `json:"act"`                  // see ConsentActs
	Scope      string       `json:"scope"`                // FHIR consentscope: adr, research, patient-privacy, treatment
	Agreements []string     `json:"agreements,omitempty"` // the agreements it was asked for; none: any
	Decided    string       `json:"decided"`              // RFC 3339: when the person decided, by the issuer's claim; see Order
	Updated    string       `json:"updated,omitempty"`    // RFC 3339: when this version of the resource was made
	Version    uint64       `json:"version,omitzero"`     // number of this version of the resource
	Rule       *ConsentRule `json:"rule,omitempty"`       // what was decided; not with withdrawn and expired
	Expressed  Expressed    `json:"expressed"`
	Notice     *Notice      `json:"notice,omitempty"` // what the person was told
	SD         []string     `json:"_sd"`

	Sub  string         `json:"-"` // id of the person: disclosure "sub"
	By   *ConsentBy     `json:"-"` // disclosure "by": who decided, if not the person
	Text *ConsentText   `json:"-"` // disclosure "text"
	FHIR jsontext.Value `json:"-"` // disclosure "fhir": the parts of the FHIR Consent that are not modelled here
}

// ConsentActs are what can happen to a consent record. expired is stated by the holder of the
// record. The end of a rule's own period needs no act.
var ConsentActs = []string{"given", "refused", "amended", "reconfirmed", "withdrawn", "expired"}

// ConsentScopes are FHIR's consentscope codes.
var ConsentScopes = []string{"adr", "patient-privacy", "research", "treatment"}

// ConsentRule is what a person allows or forbids: FHIR Consent.provision, with the decision stated
// at each level. It applies to an access that is within its periods and matches every list that is
// not empty; any member of a list will do. The period of the data is not enforced, because an
// access does not say how old its data is. If a rule of Except applies too, that rule decides.
// Data is met in each of its dimensions (package policies). A list Staff or Units names the user or
// where they worked, see Identifier.
//
// Only the outermost rule has Also, and only if it permits: what is permitted besides.
type ConsentRule struct {
	Decision   string        `json:"decision"`             // permit or deny; an exception has the opposite of its rule
	Restricts  bool          `json:"restricts,omitzero"`   // only with deny: it stops care too, unlike an objection
	Start      string        `json:"start,omitempty"`      // RFC 3339: accesses from this time on
	End        string        `json:"end,omitempty"`        // RFC 3339: accesses before this time
	Purposes   []string      `json:"purposes,omitempty"`   // PurposeOfUse, by subsumption; others as "system|code"
	Data       []string      `json:"data,omitempty"`       // "system|code"
	Recipients []string      `json:"recipients,omitempty"` // organisation ids
	Roles      []string      `json:"roles,omitempty"`      // of the human user
	Staff      []string      `json:"staff,omitempty"`      // "system|value": the human user
	Units      []string      `json:"units,omitempty"`      // "system|value": where the user worked
	Actions    []string      `json:"actions,omitempty"`    // FHIR AuditEvent.action: C R U D E
	DataStart  string        `json:"dataStart,omitempty"`  // RFC 3339: data from this time on; reported, not enforced
	DataEnd    string        `json:"dataEnd,omitempty"`    // RFC 3339: data before this time; reported, not enforced
	Except     []ConsentRule `json:"except,omitempty"`
	Also       []ConsentRule `json:"also,omitempty"`
}

// Expressed is how a decision was expressed and verified.
type Expressed struct {
	How      string `json:"how"`                // see ConsentModes
	Verified string `json:"verified,omitempty"` // RFC 3339: when it was verified with the person or proxy
	Language string `json:"language,omitempty"` // BCP 47
}

// ConsentModes are ways to express a decision (ISO/IEC TS 27560 event_type, in more detail).
var ConsentModes = []string{"implied", "verbal", "written", "electronic", "explicit-electronic"}

// ConsentBy is who decided in the person's place.
type ConsentBy struct {
	Delegation string `json:"delegation,omitempty"` // id of a live delegation in this log
	Name       string `json:"name,omitempty"`
	Relation   string `json:"relation,omitempty"` // v3-RoleCode or v3-RoleClass, e.g. GUARD, HPOWATT
}

// ConsentText holds what was recorded in words.
type ConsentText struct {
	Reason   string `json:"reason,omitempty"`
	Evidence string `json:"evidence,omitempty"` // reference of a form or recording
}

// Delegation is the body of a sealed entry by which someone may act for a person: a carer, parent,
// guardian, attorney. It is filed under the person for whom they act. The authority is always
// limited in scope, expires and cannot be passed on.
type Delegation struct {
	Common
	Delegation string   `json:"delegation"`      // id, a UUID
	Act        string   `json:"act"`             // granted or revoked
	Kind       string   `json:"kind,omitempty"`  // v3-RoleCode or v3-RoleClass, see delegationKinds
	Scope      []string `json:"scope,omitempty"` // see DelegationScopes; sorted, distinct
	Start      string   `json:"start,omitempty"` // RFC 3339
	End        string   `json:"end,omitempty"`   // RFC 3339; required with granted
	Basis      string   `json:"basis,omitempty"` // e.g. "Adults with Incapacity (Scotland) Act 2000"
	SD         []string `json:"_sd"`

	Sub      string              `json:"-"` // disclosure "sub": for whom they act
	Delegate *Delegate           `json:"-"` // disclosure "delegate": who acts; only with granted
	Evidence *DelegationEvidence `json:"-"` // disclosure "evidence"
}

// DelegationScopes are what a delegate may do.
var DelegationScopes = []string{"access", "consent", "question"}

// Delegate is who acts for a person.
type Delegate struct {
	ID   string `json:"id"` // an id, see CheckID
	Name string `json:"name,omitempty"`
}

// DelegationEvidence is the evidence of the authority.
type DelegationEvidence struct {
	Reference string `json:"reference"`        // of the deed, order or certificate
	Seen      string `json:"seen,omitempty"`   // RFC 3339
	Office    string `json:"office,omitempty"` // where it is registered, e.g. Office of the Public Guardian (Scotland)
}

// delegationKinds are the kinds of authority, HL7 v3-RoleCode and v3-RoleClass.
var delegationKinds = []string{
	"AGNT", "DELEGATEE", "DPOWATT", "GUADLTM", "GUARD", "HPOWATT", "NOK", "POWATT", "RESPRSN", "SPOWATT",
}

func (c *Consent) digests() *[]string    { return &c.SD }
func (c *Consent) subject() *string      { return &c.Sub }
func (d *Delegation) digests() *[]string { return &d.SD }
func (d *Delegation) subject() *string   { return &d.Sub }

func (c *Consent) claims() []claim {
	return []claim{
		{"by", c.By != nil, &c.By, nil},
		{"text", c.Text != nil, &c.Text, nil},
		{"fhir", len(c.FHIR) > 0, &c.FHIR, func() error { return checkFHIR(c.FHIR) }},
	}
}

func (d *Delegation) claims() []claim {
	return []claim{
		{"delegate", d.Delegate != nil, &d.Delegate, func() error { return CheckID(d.Delegate.ID) }},
		{"evidence", d.Evidence != nil, &d.Evidence, nil},
	}
}

// Limits of a rule, so that judging an access by it is bounded.
const (
	maxRuleDepth = 8
	maxRules     = 256 // in one consent, on all levels together
)

func (c *Consent) check() error {
	if err := checkUUID("consent", c.Consent); err != nil {
		return err
	}
	if !slices.Contains(ConsentActs, c.Act) {
		return wire.Errorf(wire.BadClaim, "act", "want one of %s", strings.Join(ConsentActs, ", "))
	}
	if !slices.Contains(ConsentScopes, c.Scope) {
		return wire.Errorf(wire.BadClaim, "scope", "want one of %s", strings.Join(ConsentScopes, ", "))
	}
	if err := checkAgreements(c.Agreements); err != nil {
		return err
	}
	if _, err := ParseTime(c.Decided); err != nil {
		return wire.Errorf(wire.BadClaim, "decided", "not an RFC 3339 time with zone")
	}
	if _, err := ParseTime(c.Updated); c.Updated != "" && err != nil {
		return wire.Errorf(wire.BadClaim, "updated", "not an RFC 3339 time with zone")
	}
	if c.Version > 1<<53-1 {
		return wire.Errorf(wire.BadClaim, "version", "is above 2^53-1")
	}
	if err := c.checkRule(); err != nil {
		return err
	}
	if !slices.Contains(ConsentModes, c.Expressed.How) {
		return wire.Errorf(wire.BadClaim, "expressed.how", "want one of %s", strings.Join(ConsentModes, ", "))
	}
	if _, err := ParseTime(c.Expressed.Verified); c.Expressed.Verified != "" && err != nil {
		return wire.Errorf(wire.BadClaim, "expressed.verified", "not an RFC 3339 time with zone")
	}
	if !wire.Plain(c.Expressed.Language, 35) {
		return wire.Errorf(wire.BadClaim, "expressed.language", "not a BCP 47 tag")
	}
	if c.Notice == nil {
		return nil
	}
	return c.Notice.check("notice")
}

// maxAgreements is the most agreements that one consent names.
const maxAgreements = 64

func checkAgreements(ids []string) error {
	if len(ids) > maxAgreements {
		return wire.Errorf(wire.TooLarge, "agreements", "%d agreements, at most %d", len(ids), maxAgreements)
	}
	for i, id := range ids {
		if err := CheckAgreementID(id); err != nil {
			return err
		}
		if slices.Contains(ids[:i], id) {
			return wire.Errorf(wire.BadClaim, fmt.Sprintf("agreements[%d]", i), "is there twice")
		}
	}
	return nil
}

// checkRule checks that the act comes with a rule if it needs one, and the rule.
func (c *Consent) checkRule() error {
	ends := c.Ends()
	switch {
	case ends && c.Rule != nil:
		return wire.Errorf(wire.BadClaim, "rule", "is not allowed with %s", c.Act)
	case ends:
		return nil
	case c.Rule == nil:
		return wire.Errorf(wire.BadClaim, "rule", "is missing")
	case c.Act == "given" && c.Rule.Decision != "permit" || c.Act == "refused" && c.Rule.Decision != "deny":
		return wire.Errorf(wire.BadClaim, "rule.decision", "is the opposite of %s", c.Act)
	}
	n := 0
	return c.Rule.check("rule", 1, &n)
}

func (r *ConsentRule) check(at string, level int, n *int) error {
	*n++
	if level > maxRuleDepth || *n > maxRules {
		return wire.Errorf(wire.TooLarge, at, "more than %d levels or %d rules", maxRuleDepth, maxRules)
	}
	if r.Decision != "permit" && r.Decision != "deny" {
		return wire.Errorf(wire.BadClaim, at+".decision", "want permit or deny")
	}
	if r.Restricts && r.Decision != "deny" {
		return wire.Errorf(wire.BadClaim, at+".restricts", "a permission restricts nothing")
	}
	err := first(
		isPeriod(at+".start", r.Start, at+".end", r.End),
		func() error { return checkCodes(at+".purposes", r.Purposes) },
		func() error { return checkCodes(at+".data", r.Data) },
		func() error { return checkRecipients(at+".recipients", r.Recipients) },
		func() error { return checkCodes(at+".roles", r.Roles) },
		func() error { return checkCodes(at+".staff", r.Staff) },
		func() error { return checkCodes(at+".units", r.Units) },
		func() error { return checkActions(at+".actions", r.Actions) },
		isPeriod(at+".dataStart", r.DataStart, at+".dataEnd", r.DataEnd),
	)
	if err != nil {
		return err
	}
	for i := range r.Except {
		if r.Except[i].Decision == r.Decision {
			return wire.Errorf(wire.BadClaim, fmt.Sprintf("%s.except[%d].decision", at, i),
				"is the same as that of the rule it is an exception to")
		}
		if err := r.Except[i].check(fmt.Sprintf("%s.except[%d]", at, i), level+1, n); err != nil {
			return err
		}
	}
	for i := range r.Also {
		also := fmt.Sprintf("%s.also[%d]", at, i)
		if at != "rule" || r.Decision != "permit" || r.Also[i].Decision != "permit" {
			return wire.Errorf(wire.BadClaim, also, "only the outermost rule has more permissions beside it, if it permits")
		}
		if err := r.Also[i].check(also, level, n); err != nil {
			return err
		}
	}
	return nil
}

// isPeriod returns the check of two times, each of which may be missing.
func isPeriod(startName, start, endName, end string) func() error {
	return func() error {
		var times [2]time.Time
		for i, c := range []claimText{{name: startName, text: start}, {name: endName, text: end}} {
			if c.text == "" {
				continue
			}
			t, err := ParseTime(c.text)
			if err != nil {
				return wire.Errorf(wire.BadClaim, c.name, "not an RFC 3339 time with zone")
			}
			times[i] = t
		}
		if start != "" && end != "" && !times[0].Before(times[1]) {
			return wire.Errorf(wire.BadClaim, endName, "is not after %s", startName)
		}
		return nil
	}
}

func checkRecipients(name string, ids []string) error {
	if len(ids) > 256 {
		return wire.Errorf(wire.TooLarge, name, "%d organisations, at most 256", len(ids))
	}
	for i, id := range ids {
		if wire.CheckOrgID(id) != nil {
			return wire.Errorf(wire.BadClaim, fmt.Sprintf("%s[%d]", name, i), "not an organisation id")
		}
	}
	return nil
}

func checkActions(name string, actions []string) error {
	if len(actions) > 5 {
		return wire.Errorf(wire.TooLarge, name, "%d actions, at most 5", len(actions))
	}
	for _, a := range actions {
		if len(a) != 1 || !strings.Contains("CRUDE", a) {
			return wire.Errorf(wire.BadClaim, name, "want C R U D E")
		}
	}
	return nil
}

func (d *Delegation) check() error {
	if err := checkUUID("delegation", d.Delegation); err != nil {
		return err
	}
	if err := words(claimText{"basis", d.Basis, true}); err != nil {
		return err
	}
	switch d.Act {
	case "revoked":
		if d.Kind != "" || d.Scope != nil || d.Start != "" || d.End != "" || d.Basis != "" {
			return wire.Errorf(wire.BadClaim, "act", "revoked has no other claims than delegation")
		}
		return nil
	case "granted":
	default:
		return wire.Errorf(wire.BadClaim, "act", "want granted or revoked")
	}
	if !slices.Contains(delegationKinds, d.Kind) {
		return wire.Errorf(wire.BadClaim, "kind", "want one of %s", strings.Join(delegationKinds, ", "))
	}
	if err := checkSet("scope", d.Scope, DelegationScopes); err != nil {
		return err
	}
	start, err := ParseTime(d.Start)
	if err != nil {
		return wire.Errorf(wire.BadClaim, "start", "not an RFC 3339 time with zone")
	}
	end, err := ParseTime(d.End)
	if err != nil {
		return wire.Errorf(wire.BadClaim, "end", "not an RFC 3339 time with zone; every delegation must expire")
	}
	if !start.Before(end) {
		return wire.Errorf(wire.BadClaim, "end", "is not after start")
	}
	return nil
}

// Time returns one of the times of a checked rule, or zero if it is not set.
func (r *ConsentRule) Time(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, _ := ParseTime(s)
	return t
}

// checkFHIR checks that v is an object of at most maxDepth levels.
func checkFHIR(v jsontext.Value) error {
	if v.Kind() != '{' || wire.Depth(v) > maxDepth {
		return wire.Errorf(wire.BadDisclosure, "disclosure fhir", "not an object of at most %d levels", maxDepth)
	}
	return nil
}
