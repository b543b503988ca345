package plain

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"

	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

// Summary describes an access, or another act about a person, in words. Empty fields are unknown or
// withheld. Every text is one line without control characters, so it is safe on terminals and
// pages.
type Summary struct {
	When          time.Time // when it happened, as the signer claims
	Organisation  string    // id of the organisation that acted, or words for one that the log does not know
	Role          string    // of the user
	Staff         string    // name, else identifier
	System        string    // through which the organisation accessed
	What          string    // "read test results and measurements"
	Why           string    // "to give you care"; NoReason
	Justification string    // for an emergency
	Result        string    // "succeeded", "was told no"; "" for acts that only state something
	Agreement     string    // id
	Act           entry.Act // of an access or decision: what happened
	Emergency     bool      // purpose.Emergency
	Machine       bool      // no human user
}

// Describe describes what an entry states. A public entry, which is about no person, is described
// by its type. The summary holds no id of the person whom a sealed entry is about.
func (c *Catalogue) Describe(e *entry.Entry) Summary {
	s := Summary{Organisation: e.Issuer, When: time.Unix(e.IssuedAt, 0).UTC()}
	switch b := e.Body.(type) {
	case *entry.Access:
		return c.Access(b)
	case *entry.Decision:
		return c.decision(b)
	case *entry.Consent:
		c.consent(&s, b)
	case *entry.Delegation:
		c.delegation(&s, b)
	case *entry.Link:
		s.What, s.Why = c.Text(Key("link."+b.Act)), c.Quoted(b.Reason)
	case *entry.SourceCount:
		s.What = c.Text("source-count.stated")
	default:
		s.What = c.Type(e.Type)
	}
	return s.clean()
}

// Access describes an access. The role is its code: package audit has the words that the source's
// event had.
func (c *Catalogue) Access(a *entry.Access) Summary {
	s := c.summary(a, c.accessor(a))
	s.What, s.Result, s.Act = c.what(a), c.result(a), a.Act()
	return s.clean()
}

// result returns how it ended. Of what failed, it also returns what the source said of it.
func (c *Catalogue) result(a *entry.Access) string {
	ended := c.Outcome(a.Outcome)
	switch act := a.Act(); {
	case act == entry.ActAccess:
		return ended
	case act == entry.ActDecision && a.Outcome == "0":
		ended = c.Text("answered.permit")
	case act == entry.ActDecision && a.Outcome == "8":
		ended = c.Text("answered.deny")
	}
	if a.Text == nil || a.Text.Outcome == "" {
		return ended
	}
	return c.Text("outcome.said", "outcome", ended, "said", unquoted(a.Text.Outcome))
}

// accessor returns the id of the organisation that accessed. For one that is none of the log it
// returns words, with those of the source in quotes.
func (c *Catalogue) accessor(a *entry.Access) string {
	switch {
	case !a.Foreign:
		return a.Accessor()
	case a.Text == nil || a.Text.Organisation == "":
		return c.Text(UnknownOrganisation)
	}
	return c.Text(UnknownOrganisation+".named", "words", unquoted(a.Text.Organisation))
}

// Quoted marks what someone wrote as their words and not the ledger's. Nothing stays nothing.
func (c *Catalogue) Quoted(text string) string {
	if text = OneLine(text); text == "" {
		return ""
	}
	return c.Text("word.own", "words", unquoted(text))
}

// unquoted replaces the quotes of a source's words that are shown in quotes: with quotes of their
// own they could end the sentence, and go on as if it were ours.
func unquoted(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Pi, unicode.Pf) {
			return '\''
		}
		return r
	}, text)
}

// decision describes what was asked and answered. If the access was then made, that is another
// entry.
func (c *Catalogue) decision(d *entry.Decision) Summary {
	a := &entry.Access{
		System: d.System, Action: d.Action, Data: d.Data, Purpose: d.Purpose, Role: d.Role, Machine: d.Machine,
		Emergency: d.Emergency, Agreement: d.Agreement, Recorded: d.Asked, Staff: d.Staff, Text: d.Text,
	}
	s := c.summary(a, d.Org)
	s.What = c.Text(Key("asked."+d.Action), "data", cmp.Or(c.kinds(a), c.Text("data.unknown")))
	s.Result, s.Act = c.Text(Key("answered."+d.Decision)), entry.ActDecision
	return s.clean()
}

func (c *Catalogue) summary(a *entry.Access, org string) Summary {
	s := Summary{
		When: a.Time(), Organisation: org, System: a.System, Agreement: a.Agreement, Machine: a.Machine,
		Emergency: purpose.Emergency(a.Emergency, a.Event, a.Purpose), Why: c.why(a),
	}
	if len(a.Role) > 0 {
		_, s.Role = splitCode(a.Role[0])
	}
	if a.Staff != nil {
		s.Staff = cmp.Or(a.Staff.Name, a.Staff.ID)
	}
	if a.Text != nil {
		s.Justification = a.Text.Justification
	}
	return s
}

func (c *Catalogue) consent(s *Summary, b *entry.Consent) {
	s.When = moment(b.Decided)
	if b.Ends() { // of a resource, the date of the consent that ended
		s.When = b.Order().AsOf()
	}
	s.What = c.Text(Key("consent."+b.Act), "scope", c.code("scope", b.Scope))
	var why []string
	if b.Text != nil && b.Text.Reason != "" {
		why = append(why, c.Quoted(b.Text.Reason))
	}
	for _, id := range b.Agreements {
		why = append(why, c.Text("consent.agreement", "agreement", id))
	}
	s.Why = strings.Join(why, "; ")
}

func (c *Catalogue) delegation(s *Summary, b *entry.Delegation) {
	var scopes []string
	for _, scope := range b.Scope {
		scopes = append(scopes, c.code("may", scope))
	}
	s.Why = c.Quoted(b.Basis)
	s.What = c.Text(Key("delegation."+b.Act), "end", b.End, "kind", c.code("delegate", b.Kind),
		"scopes", strings.Join(scopes, ", "))
}

// clean makes a source's text safe to print: one line, without control or direction characters that
// could make it look like another line.
func (s Summary) clean() Summary {
	for _, f := range []*string{
		&s.Organisation, &s.Role, &s.Staff, &s.System, &s.What, &s.Why, &s.Justification, &s.Result, &s.Agreement,
	} {
		*f = OneLine(*f)
	}
	return s
}

// OneLine returns text without control and direction characters. Runs of white space become single
// blanks.
func OneLine(text string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, text)), " ")
}

// Code systems whose codes have words here.
const (
	dcm           = "http://dicom.nema.org/resources/ontology/DCM"
	restSubtype   = "http://hl7.org/fhir/restful-interaction"
	participation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	lifecycle     = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
	resourceTypes = "http://hl7.org/fhir/resource-types"
)

// ownPart is the category of data of a reading that was limited to the reader's own entries
// (package readers).
const ownPart = "urn:igledger:reading|own"

// logReaders are codes of readings of the ledger that have words of their own: whose part was read,
// and who signed in to read (package readers).
var logReaders = []struct {
	code string
	key  Key
}{
	{ownPart, "did.audit-log.own"},
	{roleClass + "PAT", "did.audit-log.person"},
	{roleClass + "AGNT", "did.audit-log.delegate"},
}

const roleClass = "http://terminology.hl7.org/CodeSystem/v3-RoleClass|"

// DICOM's Export and Import, which are disclosures where lifecycle says so.
const (
	exported = dcm + "|110106"
	imported = dcm + "|110107"
)

// events are types and subtypes that say more than the action does, with the key of each. The first
// one that an access has is used.
var events = []struct {
	event string
	key   Key
}{
	{dcm + "|110122", "did.signed-in"},
	{dcm + "|110123", "did.signed-out"},
	{lifecycle + "|disclose", "did.disclosed"},
	{exported, "did.exported"},
	{imported, "did.imported"},
	{dcm + "|110101", "did.audit-log"},
	{dcm + "|110113", "did.decided"},
	{dcm + "|110120", "did.started"},
	{dcm + "|110121", "did.stopped"},
}

// Did returns what was done, without the data: "read", "tried to read".
func (c *Catalogue) Did(a *entry.Access) string {
	if a.Act() == entry.ActDecision {
		return c.Text(decided(a), "data", c.Text("data.unknown"))
	}
	return c.Text(did(a).of(a))
}

// of returns the key of what was done, or for an attempt that of what was tried.
func (k Key) of(a *entry.Access) Key {
	if rest, ok := strings.CutPrefix(string(k), "did."); ok && a.Act() == entry.ActAttempt {
		return Key("tried." + rest)
	}
	return k
}

// decided returns the key of what a decision answered. What is not a permission is a refusal.
func decided(a *entry.Access) Key {
	if a.Outcome == "0" {
		return "decided.permit"
	}
	return "decided.deny"
}

func did(a *entry.Access) Key {
	key := Key("did." + a.Action)
	if a.Action == "E" && slices.ContainsFunc(a.Event, isSearch) {
		key = "did.search"
	}
	for _, v := range events {
		if slices.Contains(a.Event, v.event) {
			key = v.key
			break
		}
	}
	if _, _, own := ends(a); own && key == "did.disclosed" {
		return "did.received"
	}
	return key
}

func isSearch(event string) bool {
	return event == dcm+"|110112" || strings.HasPrefix(event, restSubtype+"|search")
}

func (c *Catalogue) what(a *entry.Access) string {
	if a.Act() == entry.ActDecision {
		asked := *a // the consent that was considered is not what was asked for
		asked.Data = slices.DeleteFunc(slices.Clone(a.Data), func(d string) bool { return d == resourceTypes+"|Consent" })
		return c.Text(decided(a), "data", cmp.Or(c.kinds(&asked), c.Text("data.unknown")))
	}
	key, data := did(a), c.kinds(a)
	some := cmp.Or(data, c.Text("data.unknown"))
	if key == "did.audit-log" {
		for _, v := range logReaders {
			if slices.Contains(a.Data, v.code) || a.Identity == entry.BySignIn && slices.Contains(a.Role, v.code) {
				return c.Text(v.key.of(a))
			}
		}
	}
	sender, recipient, _ := ends(a)
	switch {
	case key == "did.received" && sender != "":
		return c.Text(Key("did.received.from").of(a), "data", some, "sender", sender)
	case (key == "did.disclosed" || key == "did.exported") && recipient != "":
		return c.Text((key + ".to").of(a), "data", some, "recipient", recipient)
	case data == "":
		return c.Text(key.of(a))
	}
	if _, ok := c.lookup(key.of(a) + ".of"); ok {
		return c.Text(key.of(a)+".of", "data", data)
	}
	return c.Text("did.with", "did", c.Text(key.of(a)), "data", data)
}

// ends returns the names of the two ends of an export or import, and reports whether the recipient
// is the organisation that accessed.
func ends(a *entry.Access) (sender, recipient string, own bool) {
	if !a.Transfer() {
		return "", "", false
	}
	party := func(types ...string) entry.Party {
		for _, t := range types {
			for _, p := range a.Parties {
				if p.Type == t {
					return p
				}
			}
		}
		return entry.Party{}
	}
	from := party(dcm + "|110153")
	to := party(dcm+"|110152", participation+"|IRCP", participation+"|PRCP", participation+"|REFT", participation+"|TRC")
	if to == (entry.Party{}) {
		to.ID = a.Recipient
	}
	if by := a.Accessor(); by != "" {
		own = to.ID == by || strings.HasSuffix(to.ID, "/"+by)
	} else if a.Text != nil && a.Text.Organisation != "" {
		own = a.Text.Organisation == cmp.Or(to.Name, to.ID)
	}
	return cmp.Or(from.Name, from.ID), cmp.Or(to.Name, to.ID), own
}

func (c *Catalogue) why(a *entry.Access) string {
	var list []string
	for _, p := range a.Purpose {
		if said, ok := c.Purpose(p); ok {
			list = append(list, said)
		}
	}
	if a.Text != nil && a.Text.Why != "" {
		list = append(list, c.Quoted(a.Text.Why))
	}
	if a.Request != "" {
		how := c.code("identity", string(a.Identity))
		list = append(list, c.Text("why.request", "request", a.Request, "identity", how))
	}
	switch {
	case len(list) == 0 && len(a.Purpose) > 0:
		return c.Text("why.other")
	case len(list) == 0:
		return c.Text(NoReason)
	}
	return strings.Join(list, "; ")
}

// splitCode splits "system|code" at the last bar.
func splitCode(s string) (system, code string) {
	if i := strings.LastIndexByte(s, '|'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return "", s
}

// moment reads a time that the entry's check has already accepted.
func moment(s string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, s)
	return t
}
