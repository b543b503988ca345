package fhir

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"igledger/audit/plain"
	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// maxDisclosure is the most that an entry takes in one disclosure, in bytes of JSON.
const maxDisclosure = 64 << 10

// At is what is known of a resource from where it was found.
type At struct {
	tree.Place
	Taken   time.Time // when it is taken in: the time of a decision that says none
	Updated string    // instant of its version, if the resource has none: of a Bundle, response.lastModified
	Version string    // its version, if the resource has none: of a Bundle, response.etag
}

// Read reads one FHIR Consent (JSON, at most tree.Max bytes). Its shape says whether it is R4 or
// R5. A date without a time is a day of the zone of c.Map. Errors are *Error.
func (c Conversion) Read(data []byte) (*Imported, error) { return c.ReadAt(data, At{}) }

// ReadAt reads a Consent as Read does. Its references may name resources of its Bundle.
func (c Conversion) ReadAt(data []byte, at At) (*Imported, error) {
	if wire.CheckOrgID(c.Issuer) != nil {
		return nil, tree.Fail(BadConversion, "Conversion.Issuer", "not an organisation id")
	}
	if c.Source != "" && wire.CheckSystem(c.Source) != nil {
		return nil, tree.Fail(BadConversion, "Conversion.Source", "cannot name a source system")
	}
	if err := c.Map.Check(); err != nil {
		return nil, tree.Fail(BadConversion, "Conversion.Map", "%s", err)
	}
	v, err := tree.Parse("Consent", data)
	if err != nil {
		return nil, err
	}
	root, ok := v.(object)
	if !ok {
		return nil, tree.Fail(NotConsent, "Consent", "want an object")
	}
	in, r, err := c.read(tree.Scope{Root: root, Place: at.Place, Base: c.Map.Base(c.Source), Map: c.Map}, at, false)
	if err != nil {
		return nil, err
	}
	x := in.Consent
	if x.Consent == "" {
		x.Consent = uuid.NewSHA1(namespace, append([]byte(c.Issuer+"\n"), data...)).String()
	}
	r.Finish(root, fields(x), tree.Personal{Name: "id", Least: 6}, tree.Personal{Name: "by/name", Least: 4})
	x.FHIR, err = tree.Write(root)
	if err != nil {
		return nil, err
	}
	if len(x.FHIR) > maxDisclosure {
		return nil, tree.Fail(tree.TooLarge, "Consent",
			"disclosure fhir would be %d bytes; the limit is %d", len(x.FHIR), maxDisclosure)
	}
	return in, nil
}

// namespace is for the ids of consent records whose resource has no UUID.
var namespace = uuid.MustParse("5c0f4f0e-6c8b-5d0a-9a51-4f0a5b9c8d27")

// fields returns the fields that a residue refers to: id (the person's number, see tree.IDValue),
// by/name, text/evidence, text/reason.
func fields(x *entry.Consent) map[string]string {
	m := map[string]string{"{": "{"}
	if v := tree.IDValue(x.Sub); v != "" {
		m["id"] = v
	}
	if x.By != nil && x.By.Name != "" {
		m["by/name"] = x.By.Name
	}
	if x.Text != nil {
		for name, v := range map[string]string{"text/evidence": x.Text.Evidence, "text/reason": x.Text.Reason} {
			if v != "" {
				m[name] = v
			}
		}
	}
	return m
}

// kinds are the members of Consent that are read, by release: 'o' is an object, 'l' an array of
// objects, 's' a string, and '-' is checked elsewhere.
var kinds = map[Release]map[string]byte{
	R4: {
		"resourceType": 's', "id": 's', "meta": 'o', "implicitRules": '-', "language": 's', "text": 'o', "contained": 'l',
		"extension": 'l', "modifierExtension": '-', "identifier": 'l', "status": 's', "scope": 'o', "category": 'l',
		"patient": 'o', "dateTime": 's', "performer": 'l', "organization": 'l', "sourceAttachment": 'o',
		"sourceReference": 'o', "policy": 'l', "policyRule": 'o', "verification": 'l', "provision": 'o',
	},
	R5: {
		"resourceType": 's', "id": 's', "meta": 'o', "implicitRules": '-', "language": 's', "text": 'o', "contained": 'l',
		"extension": 'l', "modifierExtension": '-', "identifier": 'l', "status": 's', "category": 'l', "subject": 'o',
		"date": 's', "period": 'o', "grantor": 'l', "grantee": 'l', "manager": 'l', "controller": 'l',
		"sourceAttachment": 'l', "sourceReference": 'l', "regulatoryBasis": 'l', "policyBasis": 'o', "policyText": 'l',
		"verification": 'l', "decision": 's', "provision": 'l',
	},
}

// releaseOf tells R4 from R5 by the members that only one of them has.
func releaseOf(root object) (Release, error) {
	if root["resourceType"] != "Consent" {
		return "", tree.Fail(NotConsent, "Consent.resourceType", "want Consent")
	}
	_, several := root["provision"].([]any)
	count := map[Release]int{}
	for name := range root {
		_, r4 := kinds[R4][name]
		_, r5 := kinds[R5][name]
		switch {
		case r4 && !r5:
			count[R4]++
		case r5 && !r4:
			count[R5]++
		}
	}
	if several {
		count[R5]++
	}
	switch {
	case count[R4] > 0 && count[R5] > 0:
		return "", tree.Fail(NotConsent, "Consent", "has elements of R4 and of R5")
	case count[R5] > 0:
		return R5, nil
	}
	return R4, nil
}

// read reads everything except the id of a record whose resource has none. It also returns what the
// residue needs to know. It leaves root unchanged.
func (c Conversion) read(in tree.Scope, at At, stand bool) (*Imported, *tree.Residue, error) {
	root := in.Root
	release, err := releaseOf(root)
	if err != nil {
		return nil, nil, err
	}
	if err := checkForm(root, release); err != nil {
		return nil, nil, err
	}
	x := &entry.Consent{}
	x.Type, x.Issuer = entry.TypeConsent, c.Issuer
	r := &reader{c: c, in: in, root: root, release: release, zone: c.Map.Location(), stand: stand}
	residue := &tree.Residue{}
	if err := r.subject(x, residue); err != nil {
		return nil, nil, err
	}
	r.id = tree.IDValue(x.Sub)
	undated, err := r.decided(x, at)
	if err != nil {
		return nil, nil, err
	}
	x.Consent = r.recordID()
	r.scope(x)
	r.policy(x)
	if err := r.act(x); err != nil {
		return nil, nil, err
	}
	r.by(x, residue)
	r.expressed(x, residue)
	if err := r.extensions(x, residue); err != nil {
		return nil, nil, err
	}
	for name := range root {
		if _, ok := kinds[release][name]; !ok {
			r.note("Consent.(other)", "an element that this release does not have is kept and not read")
		}
	}
	return &Imported{Consent: x, Release: release, Unenforced: r.notes, undated: undated}, residue, nil
}

// checkForm refuses elements that must not be ignored, and elements of another kind than they have
// in the release: an unreadable element must not pass for an absent one. It goes by name, since the
// members of a JSON object have no order, and reports the first.
func checkForm(root object, release Release) error {
	for _, name := range slices.Sorted(maps.Keys(root)) {
		if name == "contained" || release == R5 && name == "modifierExtension" && onlyNoDefault(root) {
			continue
		}
		if path := modifier("Consent", object{name: root[name]}); path != "" {
			return tree.Fail(NotUnderstood, path, "changes the meaning of the element that it is in, and is not understood")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(root)) {
		v := root[name]
		want, ok := "", true
		switch kinds[release][name] {
		case 'o':
			want = "an object"
			_, ok = v.(object)
		case 's':
			want = "a string"
			_, ok = v.(string)
		case 'l':
			want = "an array of objects, not empty"
			_, err := list(root, name, "Consent")
			ok = err == nil
		}
		if !ok {
			return tree.Fail(BadValue, "Consent."+name, "want %s", want)
		}
	}
	return nil
}

// onlyNoDefault reports whether the only modifierExtension of a resource is noDefaultURI, the one
// that is understood.
func onlyNoDefault(root object) bool {
	const name = "modifierExtension"
	list := tree.Objects(root, name)
	return len(list) == 1 && len(list[0]) == 2 && noDefault(object{name: root[name]})
}

// modifier returns the path of a modifierExtension or implicitRules outside contained resources, ""
// if there is none.
func modifier(path string, v any) string {
	switch v := v.(type) {
	case object:
		for _, name := range []string{"modifierExtension", "implicitRules"} {
			if _, there := v[name]; there {
				return path + "." + name
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			e := v[name]
			if name == "contained" {
				continue
			}
			if p := modifier(path, e); p != "" {
				return p
			}
		}
	case []any:
		for _, e := range v {
			if p := modifier(path, e); p != "" {
				return p
			}
		}
	}
	return ""
}

func (c Conversion) patients() tree.Patients {
	return tree.Patients{Issuer: c.Issuer, Source: c.Source, Map: c.Map}
}

// subject finds the patient.
func (r *reader) subject(x *entry.Consent, residue *tree.Residue) error {
	name := r.release.named("patient", "subject")
	ref := tree.Child(r.root, name)
	if t := r.in.ReferenceType(ref); ref == nil || t != "" && t != "Patient" {
		return tree.Fail(NoSubject, "Consent."+name, "want a Reference to a Patient")
	}
	who := tree.Best(r.c.patients().Identities(r.in, ref))
	x.Sub = who.ID
	if x.Sub == "" || entry.CheckID(x.Sub) != nil {
		return tree.Fail(NoSubject, "Consent."+name, "names no patient: want a reference or an identifier")
	}
	if !entry.CheckDigitOK(x.Sub) {
		r.note("Consent."+name, plain.In(plain.English).Flag(entry.FlagCheckDigit)) // as the ledger flags it
	}
	if who.Restored {
		r.note("Consent."+name, "the number has nine digits; it is read with the zero in front that makes it a CHI number")
	}
	if system, _ := tree.Origin(x.Sub); system != "" && r.c.Source == "" {
		r.note("Consent."+name, "the patient has only a number of one source system, and it is not known which: "+
			"accesses that another system reports do not meet this record")
	}
	if v := tree.IDValue(x.Sub); v != "" {
		hide := tree.Replacer{{Old: "{", New: "{{}"}, {Old: v, New: "{id}"}}
		for _, o := range []object{ref, tree.Child(ref, "identifier")} {
			for _, m := range []string{"reference", "value"} {
				if s := tree.Text(o, m); strings.Contains(s, v) {
					residue.Member(o, m, "="+hide.Replace(s))
				}
			}
		}
	}
	return nil
}

// scope finds the scope. R4 has an element for it, R5 a category. If neither is known, the consent
// is about privacy.
func (r *reader) scope(x *entry.Consent) {
	all := tree.Objects(object{"scope": []any{r.root["scope"]}}, "scope")
	codes, _ := claims(append(all, tree.Objects(r.root, "category")...))
	for _, c := range codes {
		x.Scope = cmp.Or(x.Scope, scopeOf[c])
	}
	at := "Consent." + r.release.named("scope", "category")
	switch x.Scope {
	case "treatment":
		r.note(at, "is consent to undergo a treatment: it neither permits nor refuses the sharing of records")
	case "adr":
		r.note(at, "is an advance directive about care: it neither permits nor refuses the sharing of records")
	case "":
		x.Scope = "patient-privacy"
		if r.root["scope"] != nil {
			r.note(at, "is not adr, patient-privacy, research or treatment; recorded as patient-privacy")
		}
	}
}

// policy finds the agreements for which the consent was asked, wherever a policy names one, and
// notes the policies that are not known here.
func (r *reader) policy(x *entry.Consent) {
	for _, name := range []string{"policy", "policyRule", "policyBasis", "policyText"} {
		for i, v := range each(r.root[name]) {
			at := "Consent." + name
			if _, several := r.root[name].([]any); several {
				at += "[" + itoa(i) + "]"
			}
			found := agreementsIn(v)
			for _, id := range found {
				if !slices.Contains(x.Agreements, id) {
					x.Agreements = append(x.Agreements, id)
				}
			}
			codes, _ := claims([]object{tree.Child(r.root, "policyRule")})
			base := func(c string) bool { return basePolicies[c] != "" }
			switch {
			case len(found) > 0 || name == "policyRule" && slices.ContainsFunc(codes, base):
			case pcfWords(v, "") != "":
				r.note(at, pcfWords(v, ""))
			case name == "policyRule":
				r.note(at, "is not OPTIN or OPTOUT: the provisions decide")
			default:
				r.note(at, "it names a policy that is not known here: the provisions decide")
			}
		}
	}
	if r.root["regulatoryBasis"] != nil {
		r.note("Consent.regulatoryBasis", "is kept and not enforced: the agreement states the legal basis")
	}
}

// each returns the elements of an array, or a value that is none.
func each(v any) []any {
	if l, several := v.([]any); several || v == nil {
		return l
	}
	return []any{v}
}

// agreementsIn returns the ids of the agreements that an element names anywhere in it, sorted.
func agreementsIn(v any) (ids []string) {
	switch v := v.(type) {
	case string:
		if id, ok := strings.CutPrefix(v, AgreementURI); ok && entry.CheckAgreementID(id) == nil {
			return []string{id}
		}
	case []any:
		for _, e := range v {
			ids = append(ids, agreementsIn(e)...)
		}
	case object:
		for _, e := range v {
			ids = append(ids, agreementsIn(e)...)
		}
		if AgreementURI == tree.Text(v, "system")+":" {
			ids = append(ids, agreementsIn(AgreementURI+tree.Text(v, "code"))...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// act finds what happened to the record, and the rule.
func (r *reader) act(x *entry.Consent) error {
	switch status := tree.Text(r.root, "status"); status {
	case "entered-in-error":
		x.Act = "withdrawn"
		r.note("Consent.status", "it was entered in error: nothing of the record counts any more")
		return nil
	case "inactive":
		x.Act = "withdrawn"
		p := r.root
		if r.release == R4 {
			p = tree.Child(r.root, "provision")
		}
		at, _, _ := span(cmp.Or(x.Updated, x.Decided), r.zone)
		if _, end, ok := span(tree.Child(p, "period")["end"], r.zone); ok && !at.Before(end) {
			x.Act = "expired"
		}
		return nil
	case "active":
	case "rejected":
		if r.release == R5 {
			return tree.Fail(BadValue, "Consent.status", "is not a status of R5")
		}
	case "draft", "proposed", "not-done", "unknown":
		return tree.Fail(NotDecided, "Consent.status",
			"nothing has been decided: want active, rejected or inactive; what an earlier version said still counts")
	default:
		return tree.Fail(BadValue, "Consent.status", "want a status of the release")
	}
	rule, err := r.rule()
	if err != nil {
		return err
	}
	if r.root["status"] == "rejected" && rule.Decision == permit {
		// The person refused what the resource would have permitted, with its exceptions. Several
		// permissions together are no limit that a refusal can have.
		if slices.Contains(rule.Data, Unenforceable) || len(rule.Also) > 0 {
			rule = &entry.ConsentRule{}
		}
		rule.Decision, rule.Except = deny, nil
	}
	x.Act, x.Rule = "given", rule
	if rule.Decision == deny {
		x.Act = "refused"
	}
	return nil
}

// expressed finds how the decision was made, and the evidence for it.
func (r *reader) expressed(x *entry.Consent, residue *tree.Residue) {
	x.Expressed = entry.Expressed{How: "implied"}
	for _, v := range tree.Objects(r.root, "verification") {
		dates, _ := v["verificationDate"].([]any) // R5 has several
		if r.release == R4 {
			dates = []any{v["verificationDate"]}
		}
		for _, d := range dates {
			if first, _, ok := span(d, r.zone); ok && v["verified"] == true && x.Expressed.Verified == "" {
				x.Expressed.Verified = rfc3339(first)
			}
		}
	}
	if l := tree.Text(r.root, "language"); len(l) <= 35 {
		x.Expressed.Language = l
	}
	sources := func(name string) []object {
		if r.release == R4 {
			return tree.Objects(object{name: []any{r.root[name]}}, name)
		}
		return tree.Objects(r.root, name)
	}
	evidence := func(o object, members ...string) {
		for _, m := range members {
			if v := tree.Text(o, m); v != "" && len(v) <= 2048 && x.Text == nil {
				x.Text = &entry.ConsentText{Evidence: v}
				residue.Member(o, m, "={text/evidence}")
			}
		}
	}
	for _, s := range sources("sourceReference") {
		x.Expressed.How = "written"
		if r.in.ReferenceType(s) == "QuestionnaireResponse" {
			x.Expressed.How = "electronic"
		}
		evidence(s, "reference", "display")
	}
	for _, a := range sources("sourceAttachment") {
		x.Expressed.How = "written"
		evidence(a, "url", "title")
	}
	if x.Expressed.How == "implied" && extension(r.root, "how") == "" {
		r.note("Consent.source",
			"does not say how the decision was expressed; recorded as implied, which is the weakest")
	}
}

func itoa(i int) string { return strconv.Itoa(i) }
