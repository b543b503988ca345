package audit

import (
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"igledger/consent/fhir/mapping"
	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// AgreementURI followed by an agreement's id is the URI in AuditEvent.agent.policy. It names the
// agreement under which the access was made.
const AgreementURI = "urn:igledger:agreement:"

// Conversion says who reports accesses and into which log.
type Conversion struct {
	Issuer   string // organisation id of the source; becomes iss
	Audience string // origin of the log; becomes aud
	// Source is the name of the source system. If it is "", the event's source.observer or
	// source.site is used if it can name a system, else "fhir".
	Source string
	Map    *mapping.Map // what the source's own words mean, which passes its Check; may be nil
	// Now is the time at which an event was recorded that does not say when; nil: time.Now.
	Now func() time.Time
	// Resolve returns the chi: or nhs: id of the person who has a local identifier, "" if that is not
	// certain. It may be nil. It must be safe for concurrent use if FromEvent is called so.
	Resolve func(system, value string) string
}

// FromAuditEvent reads one FHIR R4 or R5 AuditEvent (JSON, of any size) into accesses. It
// returns one access for each patient that the event names, holding nothing of the other patients.
// If the event names none, it returns one under reg:sources. The caller sets Seq, ID (jti) and
// IssuedAt; the result then passes entry.Sign. The notes say what was not understood. Errors are
// *Error.
func (c Conversion) FromAuditEvent(data []byte) ([]*entry.Access, []Note, error) {
	return c.FromEvent(Event{Raw: data})
}

// FromEvent reads an event of a stream as FromAuditEvent does. Its references may name resources of
// its Bundle.
func (c Conversion) FromEvent(ev Event) ([]*entry.Access, []Note, error) {
	parsed, cut, err := tree.ParseLarge("AuditEvent", ev.Raw)
	return c.from(ev, parsed, cut, err)
}

// Read is EventKey and FromEvent, and parses the event once. The key is that of any JSON, also of
// what is no AuditEvent.
func (c Conversion) Read(ev Event) (key uuid.UUID, list []*entry.Access, said []Note, err error) {
	parsed, cut, err := tree.ParseLarge("AuditEvent", ev.Raw)
	key = c.keyOf(ev.Raw, parsed, err)
	list, said, err = c.from(ev, parsed, cut, err)
	return key, list, said, err
}

// from is FromEvent of an event that was parsed, or could not be. It changes the tree.
func (c Conversion) from(ev Event, parsed any, cut bool, err error) ([]*entry.Access, []Note, error) {
	if err := c.check(); err != nil {
		return nil, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	v, err := eventOf(parsed, cut)
	if err != nil {
		return nil, nil, err
	}
	var said notes
	said.missing(v.root)
	said.shapes(v.root)
	if v.cut {
		said.add("AuditEvent", SizeCut)
	}
	in := scope{Root: v.root, Place: ev.Place, Map: c.Map}
	c.Source = c.sourceOf(in)
	in.Base = c.Map.Base(c.Source)
	list := c.patients(in)
	list = c.resolved(list)
	if len(list) == 0 {
		list = []*patient{{}}
	}
	if v.raw, v.several = ev.Raw, len(list) > 1; v.several {
		tree.Unhash(v.of)
	}
	v.cut = v.cut || len(list) > maxPatients
	accesses := make([]*entry.Access, len(list))
	for i, part := range shares(in.With(v.of), list) {
		said.person(tree.Best(list[i].identities), ev.Early)
		accesses[i], err = c.access(in.With(part), list[i].id(), v, &said)
		if err != nil {
			return nil, nil, err
		}
	}
	return accesses, said, nil
}

func (c Conversion) check() error {
	if wire.CheckOrgID(c.Issuer) != nil {
		return fail(BadConversion, "Conversion.Issuer", "want an organisation id")
	}
	if wire.CheckOrigin(c.Audience) != nil {
		return fail(BadConversion, "Conversion.Audience", "want an origin")
	}
	if c.Source != "" && wire.CheckSystem(c.Source) != nil {
		return fail(BadConversion, "Conversion.Source", "cannot name a source system")
	}
	return nil
}

// eventOf returns the view of an event. It checks what an AuditEvent must have, and the form of
// everything that decides who its patients are: an unreadable entity must not make an access
// vanish into reg:sources.
func eventOf(parsed any, cut bool) (*view, error) {
	root, ok := parsed.(object)
	if !ok || root["resourceType"] != "AuditEvent" {
		return nil, fail(NotAuditEvent, "AuditEvent.resourceType", "want AuditEvent")
	}
	if isR5(root) {
		if err := normaliseR5(root); err != nil {
			return nil, err
		}
	}
	v := viewOf(root)
	v.cut = cut
	return v, checkEvent(v.root)
}

// checkEvent checks the form of an event as far as it decides who its patients are. Whatever else
// is missing or wrong is noted when it is read: what happened is taken.
func checkEvent(root object) error {
	for _, name := range []string{"agent", "entity", "contained"} {
		if err := checkArray(root, name); err != nil {
			return err
		}
	}
	return nil
}

// missing notes what an AuditEvent must have and this one has not.
func (n *notes) missing(root object) {
	for _, e := range []struct {
		path string
		is   bool
	}{
		{"AuditEvent.type", len(child(root, "type")) > 0},
		{"AuditEvent.agent", len(objects(root, "agent")) > 0},
		{"AuditEvent.source.observer", len(child(child(root, "source"), "observer")) > 0},
	} {
		if !e.is {
			n.add(e.path, MissingElement)
		}
	}
}

// shaped are the elements that say what happened and why, and are an object in FHIR or, with [], an
// array of them. Those that say who are checked by checkEvent, those of the time when they are
// read.
var shaped = map[string][]string{
	"":       {"subtype[]", "purposeOfEvent[]", "period"},
	"agent":  {"type", "role[]", "purposeOfUse[]", "network", "media", "location"},
	"entity": {"type", "role", "securityLabel[]", "detail[]"},
}

// shapes notes elements that are read and have another form than FHIR gives them, since nothing is
// understood of them.
func (n *notes) shapes(root object) {
	of := func(o object, names []string, path string) {
		for _, name := range names {
			name, many := strings.CutSuffix(name, "[]")
			v, ok := o[name]
			if !ok || v == nil || tree.IsCut(v) {
				continue
			}
			_, right := v.(object)
			if list, is := v.([]any); is && many {
				right = !slices.ContainsFunc(list, func(e any) bool { _, is := e.(object); return !is && !tree.IsCut(e) })
			} else if many {
				right = false
			}
			if !right {
				n.add(path+"."+name, UnknownValue)
			}
		}
	}
	of(root, shaped[""], "AuditEvent")
	for _, kind := range []string{"agent", "entity"} {
		for i, o := range objects(root, kind) {
			of(o, shaped[kind], "AuditEvent."+kind+"["+itoa(i)+"]")
		}
	}
}

// checkArray checks that an element, if present, is an array of objects, and that references in it
// can be read.
func checkArray(root object, name string) error {
	path := "AuditEvent." + name
	v, ok := root[name]
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		return fail(BadValue, path, "want an array")
	}
	for i, e := range list {
		at := path + "[" + itoa(i) + "]"
		o, ok := e.(object)
		if tree.IsCut(e) {
			continue
		}
		if !ok {
			return fail(BadValue, at, "want an object")
		}
		for _, ref := range []string{"who", "what"} {
			if err := checkReference(o, ref, at); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkReference(o object, name, path string) error {
	path += "." + name
	if v, ok := o[name]; ok {
		if _, ok := v.(object); !ok {
			return fail(BadValue, path, "want a Reference")
		}
	}
	ref := child(o, name)
	identifier := child(ref, "identifier")
	for _, c := range []struct {
		o    object
		name string
	}{{ref, "reference"}, {ref, "type"}, {identifier, "system"}, {identifier, "value"}} {
		if v, ok := c.o[c.name]; ok {
			_, number := v.(jsontext.Value) // spreadsheets make numbers of identifiers
			if _, ok := v.(string); !ok && !(number && c.name == "value") {
				return fail(BadValue, path, "its %s is not a string", c.name)
			}
		}
	}
	if _, ok := ref["identifier"]; ok && identifier == nil {
		return fail(BadValue, path, "its identifier is not an object")
	}
	return nil
}

// builder fills an access from an event, and notes in the residue what it took.
type builder struct {
	a  *entry.Access
	r  tree.Residue
	s  secrets
	in scope
	n  *notes

	asked searched // by the requests that the event holds
}

// take returns o's member name, and notes that the entry's field holds it.
func (b *builder) take(o object, name, field string) string {
	b.r.Member(o, name, "={"+field+"}")
	return text(o, name)
}

// access reads one patient's share of an event.
func (c Conversion) access(in scope, id string, whole *view, said *notes) (*entry.Access, error) {
	v := viewOf(in.Root)
	in = in.With(v.root)
	b := &builder{a: &entry.Access{Sub: id}, s: personsOf(c, in), in: in, n: said}
	b.s.add(idValue(id))
	a, root := b.a, in.Root
	a.Type, a.Issuer, a.Audience = entry.TypeAccess, c.Issuer, c.Audience
	b.times(c, root)
	b.codes("event", &a.Event, slices.Concat([]coding{codingOf(child(root, "type"))}, subtypes(root), transfers(root)))
	b.deeds(root)
	b.agents(root)
	reasons := b.reasons(root)
	b.purposes(c.Map, reasons)
	b.emergency(c.Map, root, reasons)
	b.entities(root)
	b.source(c, root)
	b.words(root)
	b.subject(root)
	finish(&b.r, root, a)
	v.back(a)
	var cut bool
	var err error
	a.FHIR, cut, err = tree.Fit(v.of, tree.Source{Raw: whole.raw, Several: whole.several, Cut: whole.cut}, maxDisclosure)
	if err != nil {
		return nil, err
	}
	if cut {
		said.add("AuditEvent", SizeCut)
	}
	return a, checkSizes(a)
}

func subtypes(root object) []coding {
	var list []coding
	for _, o := range objects(root, "subtype") {
		list = append(list, codingOf(o))
	}
	return list
}

// transfers returns what entities say of their lifecycle that makes the event one that moves data
// to others.
func transfers(root object) []coding {
	var list []coding
	for _, e := range objects(root, "entity") {
		c := codingOf(child(e, "lifecycle"))
		for _, x := range objects(e, "extension") { // of R5, which has no such element
			if text(x, "url") == r4Only+"entity.lifecycle" {
				c = codingOf(child(x, "valueCoding"))
			}
		}
		if (&entry.Access{Event: []string{c.claim()}}).Transfer() {
			list = append(list, c)
		}
	}
	return list
}

// codes adds codings to a list of open claims, each once, at most 64, and notes where they are.
func (b *builder) codes(name string, list *[]string, from []coding) {
	for _, c := range from {
		if !b.s.open(c) {
			continue
		}
		claim := c.claim()
		if name == "purpose" && isPurpose(c) {
			claim = c.code
		}
		i := slices.Index(*list, claim)
		if i < 0 {
			i = len(*list)
			if i == 64 {
				return
			}
			*list = append(*list, claim)
		}
		b.r.Member(c.at, "code", "={"+name+"/"+itoa(i)+"/code}")
		b.r.Member(c.at, "system", "={"+name+"/"+itoa(i)+"/system}")
	}
}

// impliedActions maps event codes to actions.
var impliedActions = map[string]string{
	restSubtype + "|read":             "R",
	restSubtype + "|vread":            "R",
	restSubtype + "|history":          "R",
	restSubtype + "|history-instance": "R",
	restSubtype + "|create":           "C",
	restSubtype + "|update":           "U",
	restSubtype + "|patch":            "U",
	restSubtype + "|delete":           "D",
	dcm + "|110106":                   "R",
	dcm + "|110107":                   "C",
}

// impliedAction returns the action that an event's codes imply. It is used if the event does not
// state one. If the codes do not tell either, it is E.
func impliedAction(event []string) string {
	for _, claim := range event {
		if action, ok := impliedActions[claim]; ok {
			return action
		}
	}
	return "E"
}

// entities reads categories of data: resource types, security labels and other codes of what was
// used, and the resource types of searches. Audit-entity-types, BALP's and DICOM's codes say which
// part an entity plays, not what kind of data it is.
func (b *builder) entities(root object) {
	for _, e := range objects(root, "entity") {
		b.requests(e, codingOf(child(e, "role")).is(objectRole, "24"))
	}
	for _, e := range objects(root, "entity") {
		what, typ, role := child(e, "what"), codingOf(child(e, "type")), codingOf(child(e, "role"))
		var labels []coding
		for _, l := range objects(e, "securityLabel") {
			labels = append(labels, codingOf(l))
		}
		b.codes("data", &b.a.Data, labels)
		if role.isPatientRole() { // says who, not what
			continue
		}
		b.data(referenceType(b.in, what))
		part := slices.Contains([]string{entityType, balpEntity, dcm, ""}, typ.system)
		if !part && !(b.asked.all && typ.system == resourceTypes) {
			b.codes("data", &b.a.Data, []coding{typ})
		}
	}
	for _, t := range b.asked.types {
		b.data(t)
	}
}

// data adds a resource type to the categories, unless a whole record was returned.
func (b *builder) data(kind string) {
	claim := resourceTypes + "|" + kind
	if isResource(kind) && !b.asked.all && len(b.a.Data) < 64 && !slices.Contains(b.a.Data, claim) {
		b.a.Data = append(b.a.Data, claim)
	}
}

// source names the reporting system.
func (b *builder) source(c Conversion, root object) {
	b.a.Source = c.Source
	for _, at := range systemNames(b.in) {
		b.r.Member(at.o, at.name, "={source}")
	}
}

// sourceOf returns the name of the reporting system.
func (c Conversion) sourceOf(in scope) string {
	if c.Source != "" {
		return c.Source
	}
	s := personsOf(c, in)
	for _, at := range systemNames(in) {
		if v := text(at.o, at.name); s.token(v, 128) {
			return v
		}
	}
	return tree.DefaultSource
}

// member is a member of an object.
type member struct {
	o    object
	name string
}

// systemNames returns where an event names the system that reports it.
func systemNames(in scope) []member {
	src := child(in.Root, "source")
	observer := child(src, "observer")
	if slices.Contains(people, referenceType(in, observer)) {
		return []member{{src, "site"}}
	}
	return []member{{child(observer, "identifier"), "value"}, {observer, "reference"}, {src, "site"}}
}

func (b *builder) text() *entry.Text {
	if b.a.Text == nil {
		b.a.Text = &entry.Text{}
	}
	return b.a.Text
}

// subject replaces the subject's number in the references that name the subject.
func (b *builder) subject(root object) {
	if b.a.Text != nil && *b.a.Text == (entry.Text{}) {
		b.a.Text = nil
	}
	v := idValue(b.a.Sub)
	if v == "" {
		return
	}
	hide := tree.Replacer{{Old: "{", New: "{{}"}, {Old: v, New: "{id}"}}
	at := func(ref object) {
		for _, o := range []object{ref, child(ref, "identifier")} {
			for _, name := range []string{"reference", "value"} {
				if s := text(o, name); strings.Contains(s, v) {
					b.r.Member(o, name, "="+hide.Replace(s))
				}
			}
		}
	}
	for _, e := range objects(root, "entity") {
		at(child(e, "what"))
	}
	for _, a := range objects(root, "agent") {
		at(child(a, "who"))
	}
}
