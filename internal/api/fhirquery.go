package api

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"igledger/consent/fhir/tree"
	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// PersonSystem is the identifier system of the ledger's own ids, such as chi:0101010000.
const PersonSystem = "urn:igledger:person"

// maxValues bounds the values of one search, since each event of a page is compared with each.
const maxValues = 64

// A fhirParam is a parameter of a search for AuditEvents. The table is what the server reads, and
// what its CapabilityStatement and its OpenAPI document say.
type fhirParam struct {
	name   string
	kind   string // of FHIR's search parameters
	text   string
	own    bool // not of FHIR R4
	values func(event object4) []fhirValue
	set    func(a *api, q *fhirQuery, value string) error // for those that do not select among events
}

type object4 = tree.Object

// A fhirValue is a value of an element: a code with its system, or a text without one.
type fhirValue struct {
	system, code string
	reference    bool // a literal reference, which is no identifier
}

// fhirParams is the table of parameters.
var fhirParams = []fhirParam{
	{
		name: "patient", kind: "reference", set: setPerson,
		text: "Whose history: the ledger's own id, such as chi:0101010000. With patient:identifier or patient.identifier: " +
			"system|value, where the system is one of CHI or NHS numbers, or " + PersonSystem + " with the ledger's own id. " +
			"Every search names one person, by patient or entity",
	},
	{name: "entity", kind: "reference", set: setPerson, text: "The person, as patient"},
	{
		name: "date", kind: "date",
		text: "When the event was recorded, with eq, ne, gt, lt, ge, le, sa or eb. A date, or a time without a zone, is that of the " +
			"operator's zone, by default Europe/London",
	},
	{name: "action", kind: "token", text: "C, R, U, D or E", values: codesAt("http://hl7.org/fhir/audit-event-action", "action")},
	{
		name: "outcome", kind: "token", text: "0, 4, 8 or 12",
		values: codesAt("http://terminology.hl7.org/CodeSystem/audit-event-outcome", "outcome"),
	},
	{name: "type", kind: "token", text: "Type of the event", values: codings("type")},
	{name: "subtype", kind: "token", text: "Further types of the event", values: codings("subtype")},
	{
		name: "agent", kind: "reference", values: references("agent", "who"),
		text: "Who took part: a reference as the event has it; with agent:identifier or agent.identifier system|value",
	},
	{name: "agent-role", kind: "token", text: "Role of who took part", values: codings("agent", "role", "coding")},
	{name: "altid", kind: "token", text: "Another id of who took part", values: codesAt("", "agent", "altId")},
	{name: "policy", kind: "uri", text: "Policy that permitted it; urn:igledger:agreement: and an agreement's id",
		values: codesAt("", "agent", "policy")},
	{name: "entity-type", kind: "token", text: "Type of what was used", values: codings("entity", "type")},
	{name: "entity-role", kind: "token", text: "Role of what was used", values: codings("entity", "role")},
	{
		name: "source", kind: "reference", values: references("source", "observer"),
		text: "Who reported it: a reference; with source:identifier or source.identifier system|value",
	},
	{name: "site", kind: "token", text: "Where it was reported", values: codesAt("", "source", "site")},
	{
		name: "purpose", kind: "token", own: true, text: "Purpose of use of the access",
		values: func(e object4) []fhirValue {
			return append(codings("agent", "purposeOfUse", "coding")(e), codings("purposeOfEvent", "coding")(e)...)
		},
	},
	{
		name: "reading-purpose", kind: "token", own: true,
		text: "Why the caller reads: PurposeOfUse codes. They appear in the entry about this reading",
		set: func(_ *api, q *fhirQuery, v string) error {
			q.asked.Purpose = append(q.asked.Purpose, v)
			return nil
		},
	},
	{
		name: "reading-request", kind: "string", own: true, text: "At a front desk: reference of the person's request, never a number of theirs",
		set: func(_ *api, q *fhirQuery, v string) error { return once(&q.asked.Request, v, "reading-request") },
	},
	{
		name: "reading-identity", kind: "token", own: true, text: "At a front desk: how the identity of who asked was checked",
		set: func(_ *api, q *fhirQuery, v string) error {
			return once((*string)(&q.asked.Identity), v, "reading-identity")
		},
	},
}

// fhirQuery is a search.
type fhirQuery struct {
	id      string
	asked   readers.Asked
	filters []func(event object4) bool
	dates   []func(recorded time.Time) bool
	count   int
	before  uint64
	ignored []string // names of parameters that the server does not know
}

// keep returns whether the search selects an event, nil if it selects all.
func (q *fhirQuery) keep() func(event map[string]any) bool {
	if len(q.filters) == 0 {
		return nil
	}
	return func(event map[string]any) bool {
		return !slices.ContainsFunc(q.filters, func(f func(object4) bool) bool { return !f(event) })
	}
}

// dated reports whether the time at which an entry says that its event was recorded is one that the
// search asks for. It is the time that was signed: an event may have it in a form of its own.
func (q *fhirQuery) dated(x client.RecordedAccess) bool {
	access := x.Access
	if x.Asked != nil {
		access = &x.Asked.Access
	}
	if access == nil || len(q.dates) == 0 {
		return true
	}
	t, err := entry.ParseTime(access.Recorded)
	return err == nil && !slices.ContainsFunc(q.dates, func(f func(time.Time) bool) bool { return !f(t) })
}

func badSearch(detail string) error { return &refusal{code: badRequest, detail: detail} }

// parseFHIR reads a search. Refusals repeat names of the table and nothing that the caller sent.
func (a *api) parseFHIR(r *request, body string) (*fhirQuery, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil, badSearch("the body must be a form: application/x-www-form-urlencoded")
	}
	for name, values := range r.URL.Query() {
		if name != "_page" && name != "_format" {
			return nil, badSearch("put the parameters of a search into the body, not into the URL")
		}
		form[name] = append(form[name], values...)
	}
	if ok, _ := acceptsFHIR(r.Request, form.Get("_format")); !ok {
		return nil, &refusal{code: notAcceptable}
	}
	q := &fhirQuery{count: defaultLimit}
	q.before, err = parsePage(form.Get("_page"))
	if err != nil {
		return nil, err
	}
	total := 0
	for name, values := range form {
		for _, v := range values {
			total += 1 + strings.Count(v, ",")
		}
		if total > maxValues {
			return nil, badSearch("a search has at most " + strconv.Itoa(maxValues) + " values")
		}
		if err := q.add(a, name, values); err != nil {
			return nil, err
		}
	}
	if len(q.ignored) > 0 && strict(r.Request) {
		return nil, badSearch("the search has parameters that this server does not know, and Prefer asks for strict handling")
	}
	slices.Sort(q.ignored)
	if q.id == "" {
		return nil, badSearch("name the person: patient or patient:identifier")
	}
	q.asked, err = askedOf(q.asked.Purpose, q.asked.Request, q.asked.Identity)
	return q, err
}

// strict reports whether the request wants unknown parameters refused (FHIR R4 search.html,
// errors).
func strict(r *http.Request) bool {
	for part := range strings.FieldsFuncSeq(strings.Join(r.Header.Values("Prefer"), ","), func(c rune) bool { return c == ',' || c == ';' }) {
		if name, value, _ := strings.Cut(strings.TrimSpace(part), "="); strings.EqualFold(name, "handling") {
			return strings.EqualFold(strings.Trim(value, `"`), "strict")
		}
	}
	return false
}

var paramName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$`)

// add reads the values of one parameter. Each must be met; of those that commas separate, one.
func (q *fhirQuery) add(a *api, name string, values []string) error {
	switch name {
	case "_page", "_format", "_pretty":
		return nil
	case "_count":
		n, err := strconv.Atoi(values[0])
		if err != nil || n < 1 || len(values) > 1 {
			return badSearch("_count must be one number from 1")
		}
		q.count = min(n, maxLimit)
		return nil
	}
	base, by := name, ""
	if i := strings.IndexAny(name, ":."); i >= 0 {
		base, by = name[:i], name[i+1:]
	}
	i := slices.IndexFunc(fhirParams, func(p fhirParam) bool { return p.name == base })
	if i < 0 {
		if !paramName.MatchString(name) || entry.ContainsPersonNumber(name) {
			name = "with an odd name"
		}
		q.ignored = append(q.ignored, name)
		return nil
	}
	p := fhirParams[i]
	if by != "" && (by != "identifier" || p.kind != "reference") {
		return badSearch(p.name + ": of modifiers and chains, only identifier is known, of references")
	}
	for _, v := range values {
		if err := q.value(a, p, by, v); err != nil {
			return err
		}
	}
	return nil
}

func (q *fhirQuery) value(a *api, p fhirParam, by, v string) error {
	alternatives := splitValue(v)
	if p.set != nil {
		if p.name != "reading-purpose" && len(alternatives) != 1 {
			return badSearch(p.name + ": give one value")
		}
		for _, one := range alternatives {
			if by == "" {
				one = unescape(one)
			} else {
				one = "|" + one // which an id does not begin with: see setPerson
			}
			if err := p.set(a, q, one); err != nil {
				return err
			}
		}
		return nil
	}
	if p.kind == "date" {
		return q.date(a.zone, alternatives)
	}
	var fits []func(e object4) bool
	for _, one := range alternatives {
		f, err := p.matcher(by, one)
		if err != nil {
			return err
		}
		fits = append(fits, f)
	}
	q.filters = append(q.filters, func(e object4) bool {
		return slices.ContainsFunc(fits, func(f func(object4) bool) bool { return f(e) })
	})
	return nil
}

func (q *fhirQuery) date(zone *time.Location, alternatives []string) error {
	var fits []func(t time.Time) bool
	for _, one := range alternatives {
		f, err := dateMatcher(one, zone)
		if err != nil {
			return err
		}
		fits = append(fits, f)
	}
	q.dates = append(q.dates, func(t time.Time) bool {
		return slices.ContainsFunc(fits, func(f func(time.Time) bool) bool { return f(t) })
	})
	return nil
}

// splitValue splits a value at the commas that a backslash does not escape (FHIR R4 search.html,
// escaping). The parts keep their escapes.
func splitValue(v string) []string {
	var list []string
	from := 0
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' {
			i++
		} else if v[i] == ',' {
			list, from = append(list, v[from:i]), i+1
		}
	}
	return append(list, v[from:])
}

// unescape takes the backslashes from a part of a value.
var unescape = strings.NewReplacer(`\\`, `\`, `\,`, `,`, `\|`, `|`, `\$`, `$`).Replace

// cutToken splits a token at its first bar that is not escaped.
func cutToken(v string) (system, code string, barred bool) {
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' {
			i++
		} else if v[i] == '|' {
			return unescape(v[:i]), unescape(v[i+1:]), true
		}
	}
	return "", unescape(v), false
}

// matcher returns whether an event has a value.
func (p fhirParam) matcher(by, v string) (func(e object4) bool, error) {
	switch {
	case v == "":
		return nil, badSearch(p.name + ": the value is empty")
	case p.kind == "reference" && by == "", p.kind == "uri":
		want := fhirValue{code: unescape(v), reference: p.kind == "reference"}
		return func(e object4) bool { return slices.Contains(p.values(e), want) }, nil
	}
	system, code, barred := cutToken(v)
	return func(e object4) bool {
		return slices.ContainsFunc(p.values(e), func(t fhirValue) bool {
			switch {
			case t.reference:
				return false
			case !barred:
				return t.code == code
			case code == "":
				return t.system == system
			}
			return t.system == system && t.code == code
		})
	}, nil
}

// setPerson reads whose history is asked for: an id, or after a bar an identifier, system|value.
func setPerson(a *api, q *fhirQuery, v string) error {
	id := v
	if identifier, ok := strings.CutPrefix(v, "|"); ok {
		system, value, barred := cutToken(identifier)
		if !barred {
			return badSearch("an identifier of a person must be system|value")
		}
		scheme := a.people.Scheme(system)
		switch {
		case system == PersonSystem:
			id = value
		case scheme != "":
			id = scheme + ":" + tree.Squeeze(value)
		default:
			return badSearch("the identifier system is none of CHI or NHS numbers that this server knows, nor " + PersonSystem)
		}
	}
	if entry.CheckID(id) != nil {
		return badSearch("name the person by an identifier, or by the ledger's own id: a reference to another server says nothing here")
	}
	return once(&q.id, id, "patient and entity")
}

// once sets a text that all values must agree on.
func once(into *string, v, name string) error {
	if *into != "" && *into != v {
		return badSearch(name + ": give one value")
	}
	*into = v
	return nil
}

var partialDate = regexp.MustCompile(`^(eq|ne|gt|lt|ge|le|sa|eb)?(\d{4})(-\d\d)?(-\d\d)?(?:T(\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$`)

// dateMatcher reads a date with a prefix: a time is compared with the interval that it means
// (FHIR R4 search.html, date). A date without a zone is a day of zone.
func dateMatcher(v string, zone *time.Location) (func(t time.Time) bool, error) {
	bad := badSearch("date: want a date or time of FHIR, after one of eq, ne, gt, lt, ge, le, sa, eb, or none")
	m := partialDate.FindStringSubmatch(strings.ReplaceAll(v, " ", "+")) // a form makes + a blank
	if m == nil || m[5] != "" && m[4] == "" {
		return nil, bad
	}
	layout, text := "2006", m[2]
	end := func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }
	add := func(part, l string, e func(t time.Time) time.Time) {
		if part != "" {
			layout, text, end = layout+l, text+part, e
		}
	}
	add(m[3], "-01", func(t time.Time) time.Time { return t.AddDate(0, 1, 0) })
	add(m[4], "-02", func(t time.Time) time.Time { return t.AddDate(0, 0, 1) })
	if m[5] != "" {
		add("T"+m[5], "T15:04", func(t time.Time) time.Time { return t.Add(time.Minute) })
	}
	unit := time.Second
	if _, fraction, ok := strings.Cut(m[6], "."); ok {
		for range fraction {
			unit /= 10
		}
	}
	add(m[6], ":05", func(t time.Time) time.Time { return t.Add(max(unit, 1)) })
	if m[7] != "" {
		layout, text = layout+"Z07:00", text+m[7]
	}
	low, err := time.ParseInLocation(layout, text, zone)
	if err != nil {
		return nil, bad
	}
	high := end(low)
	return map[string]func(t time.Time) bool{
		"":   func(t time.Time) bool { return !t.Before(low) && t.Before(high) },
		"eq": func(t time.Time) bool { return !t.Before(low) && t.Before(high) },
		"ne": func(t time.Time) bool { return t.Before(low) || !t.Before(high) },
		"gt": func(t time.Time) bool { return !t.Before(high) },
		"sa": func(t time.Time) bool { return !t.Before(high) },
		"lt": func(t time.Time) bool { return t.Before(low) },
		"eb": func(t time.Time) bool { return t.Before(low) },
		"ge": func(t time.Time) bool { return !t.Before(low) },
		"le": func(t time.Time) bool { return t.Before(high) },
	}[m[1]], nil
}

// at returns the elements of an event at a path.
func at(e object4, path ...string) []any {
	list := []any{e}
	for _, name := range path {
		var next []any
		for _, v := range list {
			o, _ := v.(object4)
			switch x := o[name].(type) {
			case nil:
			case []any:
				next = append(next, x...)
			default:
				next = append(next, x)
			}
		}
		list = next
	}
	return list
}

func codings(path ...string) func(e object4) []fhirValue {
	return func(e object4) []fhirValue {
		var list []fhirValue
		for _, v := range at(e, path...) {
			if o, ok := v.(object4); ok {
				list = append(list, fhirValue{system: tree.Text(o, "system"), code: tree.Text(o, "code")})
			}
		}
		return list
	}
}

func codesAt(system string, path ...string) func(e object4) []fhirValue {
	return func(e object4) []fhirValue {
		var list []fhirValue
		for _, v := range at(e, path...) {
			if s, ok := v.(string); ok {
				list = append(list, fhirValue{system: system, code: s})
			}
		}
		return list
	}
}

// references returns References: the literal ones without a system, and identifiers with theirs.
func references(path ...string) func(e object4) []fhirValue {
	return func(e object4) []fhirValue {
		var list []fhirValue
		for _, v := range at(e, path...) {
			o, _ := v.(object4)
			if r := tree.Text(o, "reference"); r != "" {
				list = append(list, fhirValue{code: r, reference: true})
			}
			if i := tree.Child(o, "identifier"); tree.Text(i, "value") != "" {
				list = append(list, fhirValue{system: tree.Text(i, "system"), code: tree.Text(i, "value")})
			}
		}
		return list
	}
}
