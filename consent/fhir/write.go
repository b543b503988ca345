package fhir

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"igledger/consent/fhir/mapping"
	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
	"igledger/policies"
)

// Write returns a consent entry as a FHIR Consent of the release, in JSON.
//
// An entry that Read made becomes the resource it came from, without what was withheld, if release
// is the one it had. For any other entry or release, the resource is made from the claims and from
// what else is shown; what only the residue holds is not in it.
//
// The claims decide. If the residue states another decision, subject or time than the claims, Write
// returns BadResidue; for this, the Conversion must be the one that the entry was read with. If the
// release cannot express the rule, it returns NotExpressible.
func (c Conversion) Write(x *entry.Consent, release Release) ([]byte, error) {
	if release != R4 && release != R5 {
		return nil, tree.Fail(BadConversion, "release", "want R4 or R5")
	}
	if len(x.FHIR) > 0 {
		root, err := c.restore(x)
		if err != nil {
			return nil, err
		}
		if is, err := releaseOf(root); err != nil {
			return nil, tree.Fail(BadResidue, "fhir", "is of no release")
		} else if is == release {
			return tree.Write(root)
		}
	}
	root, err := compose(x, release)
	if err != nil {
		return nil, err
	}
	if err := c.contradiction(x, root); err != nil {
		return nil, tree.Fail(NotExpressible, "Consent", "%s cannot express what the entry says", release)
	}
	return tree.Write(root)
}

// restore fills in the residue of x.
func (c Conversion) restore(x *entry.Consent) (object, error) {
	v, err := tree.Parse("fhir", x.FHIR)
	if err != nil {
		return nil, tree.Fail(BadResidue, "fhir", "not one JSON value")
	}
	budget := tree.Max
	filled, _ := tree.FillTree(v, fields(x), &budget)
	root, ok := filled.(object)
	if !ok || budget < 0 {
		return nil, tree.Fail(BadResidue, "fhir", "does not make a Consent of at most %d bytes", tree.Max)
	}
	return root, c.contradiction(x, root)
}

// gdpr is the UK GDPR as a policy.
const gdpr = "https://www.legislation.gov.uk/eur/2016/679"

// compose makes a resource from the claims. Reading it returns the same claims again.
func compose(x *entry.Consent, release Release) (object, error) {
	id := object{"system": uriSystem, "value": "urn:uuid:" + x.Consent}
	root := object{"resourceType": "Consent", "status": "active", "identifier": []any{id}}
	if x.Act == "withdrawn" || x.Act == "expired" {
		root["status"] = "inactive"
	}
	if meta := composeMeta(x); len(meta) > 0 {
		root["meta"] = meta
	}
	issuer := object{"type": "Organization", "identifier": object{"system": mapping.OwnOrganisation, "value": x.Issuer}}
	patient, performer := tree.PatientReference(x.Sub), object{"type": "RelatedPerson"}
	if x.By != nil && x.By.Name != "" {
		performer["display"] = x.By.Name
	}
	if x.Expressed.Language != "" {
		root["language"] = x.Expressed.Language
	}
	if e := composeExtensions(x); len(e) > 0 {
		root["extension"] = e
	}
	verified := object{"verified": true}
	var policies, texts []any
	for i, id := range x.Agreements {
		policies = append(policies, object{"uri": AgreementURI + id})
		if i > 0 { // R5 has one policyBasis
			texts = append(texts, object{"reference": AgreementURI + id})
		}
	}
	names := map[string]any{
		"patient": patient, "dateTime": x.Decided, "scope": concept(scopes + "|" + x.Scope),
		"organization": []any{issuer}, "category": []any{concept(loinc + "|59284-0")},
		"policy": policies, "performer": []any{performer},
	}
	verified["verificationDate"] = x.Expressed.Verified
	if release == R5 {
		names = map[string]any{
			"subject": patient, "date": x.Decided, "controller": []any{issuer},
			"category":   []any{concept(scopes + "|" + x.Scope)},
			"policyText": texts, "grantor": []any{performer},
		}
		verified["verificationDate"] = []any{x.Expressed.Verified}
		if len(x.Agreements) > 0 {
			root["policyBasis"] = object{"url": AgreementURI + x.Agreements[0]}
		}
	}
	for name, v := range names {
		switch name {
		case "patient", "subject":
			if patient == nil {
				continue
			}
		case "policy":
			if len(policies) == 0 {
				continue
			}
		case "policyText":
			if len(texts) == 0 {
				continue
			}
		case "performer", "grantor":
			if x.By == nil {
				continue
			}
		}
		root[name] = v
	}
	if x.Expressed.Verified != "" {
		root["verification"] = []any{verified}
	}
	if x.Rule == nil {
		return root, nil
	}
	contain := func(o object) object {
		held, _ := root["contained"].([]any)
		o["id"] = "actor" + itoa(len(held)+1)
		root["contained"] = append(held, o)
		return object{"reference": "#actor" + itoa(len(held)+1)}
	}
	if release == R5 {
		return root, composeR5(root, x.Rule, contain)
	}
	if len(x.Agreements) == 0 {
		root["policy"] = []any{object{"uri": gdpr}} // R4 wants a policy (ppc-1)
	}
	p, err := provision(x.Rule, release, nil, contain)
	root["provision"] = p
	return root, err
}

// composeMeta returns which version of a resource the entry was made from.
func composeMeta(x *entry.Consent) object {
	meta := object{}
	if x.Updated != "" {
		meta["lastUpdated"] = x.Updated
	}
	if x.Version > 0 {
		meta["versionId"] = strconv.FormatUint(x.Version, 10)
	}
	return meta
}

// composeR5 puts a rule at the root, where R5 has a decision with a period. Any other limit makes
// the rule an exception to the opposite decision, with a mark that the opposite itself was not
// decided (see noDefault).
//
// A reader that does not know the mark reads a limited permission as a refusal of everything else,
// which is never more than was permitted. It would read a limited refusal as a permission of
// everything else. There the mark is a modifierExtension, so that such a reader must not read the
// resource at all.
func composeR5(root object, rule *entry.ConsentRule, contain func(o object) object) error {
	p, err := provision(rule, R5, nil, contain)
	if err != nil {
		return err
	}
	root["decision"] = rule.Decision
	for name := range p {
		if name != "period" && name != "provision" {
			root["decision"], root["provision"] = opposite(rule.Decision), []any{p}
			mark := "extension"
			if rule.Decision == deny {
				mark = "modifierExtension"
			}
			old, _ := root[mark].([]any)
			root[mark] = append(old, object{"url": noDefaultURI, "valueBoolean": true})
			return nil
		}
	}
	for name, v := range p {
		root[name] = v
	}
	return nil
}

// provision writes one level of a rule and those below it. around are the purposes of the nearest
// rule around it that has some. contain adds a resource to those that the Consent contains, and
// returns a Reference to it.
func provision(
	rule *entry.ConsentRule, release Release, around []string, contain func(o object) object,
) (object, error) {
	p := object{}
	if rule.Decision == deny && rule.Restricts != policies.MeansRestriction(rule, around) {
		p["extension"] = []any{object{"url": restrictsURI, "valueBoolean": rule.Restricts}}
	}
	if len(rule.Purposes) > 0 {
		around = rule.Purposes
	}
	if release == R4 {
		p["type"] = rule.Decision
	}
	setPeriod := func(name, start, end string) {
		o := object{}
		if start != "" {
			o["start"] = start
		}
		if end != "" {
			o["end"] = inclusive(rule.Time(end))
		}
		if len(o) > 0 {
			p[name] = o
		}
	}
	setPeriod("period", rule.Start, rule.End)
	setPeriod("dataPeriod", rule.DataStart, rule.DataEnd)
	actors, err := composeActors(rule, contain)
	if err != nil {
		return nil, err
	}
	set := func(name string, l []any) {
		if len(l) > 0 {
			p[name] = l
		}
	}
	set("actor", actors)
	set("action", composeActions(rule.Actions))
	var purposes []any
	for _, c := range rule.Purposes {
		purposes = append(purposes, codingObject(c))
	}
	set("purpose", purposes)
	for name, l := range composeData(rule.Data, release) {
		set(name, l)
	}
	var nested []any
	for i := range rule.Except {
		n, err := provision(&rule.Except[i], release, around, contain)
		if err != nil {
			return nil, err
		}
		nested = append(nested, n)
	}
	for _, also := range rule.Also {
		// Reading gives it the exceptions of the rule again.
		if n := len(rule.Except); len(also.Except) >= n && reflect.DeepEqual(also.Except[:n], rule.Except) {
			also.Except = also.Except[n:]
		}
		n, err := provision(&also, release, around, contain)
		if err != nil {
			return nil, err
		}
		nested = append(nested, n)
	}
	set("provision", nested)
	return p, nil
}

// composeData writes data into the elements that hold the codes of each dimension.
func composeData(data []string, release Release) map[string][]any {
	out := map[string][]any{}
	add := func(name string, v any) { out[name] = append(out[name], v) }
	for _, c := range data {
		_, value, _ := strings.Cut(c, "|")
		switch policies.DimensionOf(c) {
		case policies.Types:
			add(release.named("class", "resourceType"), codingObject(c))
		case policies.Labels:
			add("securityLabel", codingObject(c))
		case policies.Records:
			add("data", object{"meaning": "instance", "reference": object{"reference": value}})
		case policies.Context:
			add("data", object{"meaning": "related", "reference": object{"reference": value}})
		case policies.Authors:
			add("data", object{"meaning": "authoredby", "reference": composeName("Practitioner", value)})
		default:
			add("code", concept(c))
		}
	}
	return out
}

// composeName writes an identifier, or a bare reference, as a Reference to a resource of a type.
func composeName(typ, id string) object {
	if base, t, _ := tree.ParseReference(id); t != "" && !strings.Contains(id, "|") && (base == "" || strings.Contains(base, "://")) {
		return object{"reference": id}
	}
	system, value, found := strings.Cut(id, "|")
	if !found {
		system, value = "", id
	}
	i := object{"value": value}
	if system != "" {
		i["system"] = system
	}
	return object{"type": typ, "identifier": i}
}

// composeActors writes organisations as recipients, roles as members of staff anywhere, and staff
// and places by their names. If a rule has several of these lists, it writes each combination.
// Those with staff or places are then roles that the Consent contains.
func composeActors(rule *entry.ConsentRule, contain func(o object) object) (out []any, err error) {
	some := func(list []string) []string {
		if len(list) == 0 {
			return []string{""}
		}
		return list
	}
	if max(len(rule.Recipients), 1)*max(len(rule.Roles), 1)*max(len(rule.Staff), 1)*max(len(rule.Units), 1) > 1024 {
		return nil, tree.Fail(NotExpressible, "Consent.provision.actor", "more than 1024 actors")
	}
	for _, org := range some(rule.Recipients) {
		for _, staff := range some(rule.Staff) {
			for _, unit := range some(rule.Units) {
				for _, role := range some(rule.Roles) {
					if a := composeActor(pair{org, role, staff, unit}, contain); a != nil {
						out = append(out, a)
					}
				}
			}
		}
	}
	return out, nil
}

func composeActor(p pair, contain func(o object) object) any {
	ircp := concept(participation + "|IRCP")
	org := object{"type": "Organization", "identifier": object{"system": mapping.OwnOrganisation, "value": p.org}}
	switch {
	case p == pair{}:
		return nil
	case p == pair{org: p.org}:
		return object{"role": ircp, "reference": org}
	case p == pair{org: p.org, role: p.role} && p.org != "":
		return object{"role": concept(p.role), "reference": org}
	case p == pair{role: p.role}:
		return object{"role": concept(p.role), "reference": object{"type": "PractitionerRole"}}
	case p == pair{staff: p.staff}:
		return object{"role": ircp, "reference": composeName("Practitioner", p.staff)}
	case p == pair{unit: p.unit}:
		return object{"role": ircp, "reference": composeName("Location", p.unit)}
	}
	role := object{"resourceType": "PractitionerRole"}
	if p.staff != "" {
		role["practitioner"] = composeName("Practitioner", p.staff)
	}
	if p.org != "" {
		role["organization"] = org
	}
	if p.role != "" {
		role["code"] = []any{concept(p.role)}
	}
	if p.unit != "" {
		role["location"] = []any{composeName("Location", p.unit)}
	}
	return object{"role": ircp, "reference": contain(role)}
}

// composeActions writes actions as a consentaction if it means exactly these, and otherwise as
// AuditEvent has them.
func composeActions(list []string) (out []any) {
	rest := slices.Clone(list)
	take := func(code string, letters ...string) {
		if !slices.ContainsFunc(letters, func(l string) bool { return !slices.Contains(rest, l) }) {
			out = append(out, concept(code))
			rest = slices.DeleteFunc(rest, func(l string) bool { return slices.Contains(letters, l) })
		}
	}
	take(consentAction+"|collect", "C")
	take(consentAction+"|access", "R", "E")
	take(consentAction+"|correct", "U")
	for _, a := range rest {
		out = append(out, concept(auditAction+"|"+a))
	}
	return out
}
