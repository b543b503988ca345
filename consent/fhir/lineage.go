package fhir

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// decided finds when the decision was made, and which version of the resource this is. undated
// reports that the resource itself does not say when.
func (r *reader) decided(x *entry.Consent, at At) (undated bool, err error) {
	meta := tree.Child(r.root, "meta")
	updated, version := meta["lastUpdated"], cmp.Or(tree.Text(meta, "versionId"), at.Version)
	if updated == nil && at.Updated != "" {
		updated = at.Updated
	}
	if first, _, ok := span(updated, r.zone); ok {
		x.Updated = rfc3339(first)
	} else if updated != nil {
		r.note("Consent.meta.lastUpdated", "is not a time: it does not say which version is newer")
	}
	if n, err := strconv.ParseUint(version, 10, 53); err == nil {
		x.Version = n
	}
	name := r.release.named("dateTime", "date")
	v, there := r.root[name]
	switch {
	case there:
		first, _, ok := span(v, r.zone)
		if !ok {
			return false, tree.Fail(BadValue, "Consent."+name, "not a dateTime")
		}
		x.Decided = rfc3339(first)
		return false, nil
	case x.Updated != "":
		x.Decided = x.Updated
		r.note("Consent."+name, "is missing: recorded as decided when the resource was last changed")
		return meta["lastUpdated"] == nil, nil
	case !at.Taken.IsZero():
		x.Decided = rfc3339(at.Taken.UTC())
		r.note("Consent."+name, "is missing: recorded as decided when it was imported")
		return true, nil
	}
	return false, tree.Fail(Missing, "Consent."+name, "want the time of the decision")
}

// local returns a name that means something within the source system only.
func (c Conversion) local(name string) string {
	if c.Source == "" {
		return name
	}
	return c.Source + "/" + name
}

// recordID returns the record's id. All versions of a resource must have the same one, so it is, in
// this order: an identifier that is a UUID by its system, as Write gives one; the resource's id, or
// the fullUrl of one that has none yet; another identifier. What is no UUID is made into one. If
// there is none of these, it returns "".
func (r *reader) recordID() string {
	var first, last []string
	for _, i := range tree.Objects(r.root, "identifier") {
		switch v := tree.Text(i, "value"); {
		case v == "":
		case tree.Text(i, "system") == uriSystem && isUUID(v):
			first = append(first, v)
		default:
			last = append(last, tree.Text(i, "system")+"|"+v)
		}
	}
	if id := tree.Text(r.root, "id"); id != "" {
		first = append(first, r.c.local("Consent/"+id))
	} else if _, typ, id := tree.ParseReference(r.in.URL); typ == "Consent" {
		first = append(first, r.c.local("Consent/"+id))
	} else if r.in.URL != "" {
		first = append(first, r.in.URL)
	}
	names := append(first, last...)
	if len(names) == 0 {
		return ""
	}
	if u, err := uuid.Parse(afterLast(names[0])); err == nil {
		return u.String()
	}
	return uuid.NewSHA1(namespace, []byte(r.c.Issuer+"\n"+names[0])).String()
}

// uriSystem is the system of identifiers that are URIs.
const uriSystem = "urn:ietf:rfc:3986"

func isUUID(s string) bool { return uuid.Validate(afterLast(s)) == nil }

// afterLast returns what follows the last "|", "/" or ":" of a name.
func afterLast(name string) string { return name[strings.LastIndexAny(name, "|/:")+1:] }

// by finds who decided in the patient's place: who gave the consent, if the patient is not among
// them, or else with whom it was verified. The resource does not show that they were entitled to:
// before the ledger counts a permission of theirs, it asks for a delegation.
//
// R4 has the grantee among the performers, too: an organisation is that.
func (r *reader) by(x *entry.Consent, residue *tree.Residue) {
	name := r.release.named("performer", "grantor")
	var at string
	var refs []object
	add := func(path string, ref object) {
		at, refs = cmp.Or(at, path), append(refs, ref)
	}
	for i, ref := range tree.Objects(r.root, name) {
		if r.release != R4 || r.in.ReferenceType(ref) != "Organization" {
			add("Consent."+name+"["+itoa(i)+"]", ref)
		}
	}
	given := len(refs) > 0
	for i, v := range tree.Objects(r.root, "verification") {
		if ref := tree.Child(v, "verifiedWith"); ref != nil && !given {
			add("Consent.verification["+itoa(i)+"].verifiedWith", ref)
		}
	}
	if len(refs) == 0 || slices.ContainsFunc(refs, func(ref object) bool { return r.isSubject(ref, x.Sub) }) {
		return
	}
	ref := refs[0]
	x.By = &entry.ConsentBy{}
	member := "display"
	if tree.Text(ref, member) == "" {
		member = "reference"
	}
	if v := tree.Text(ref, member); v != "" && len(v) <= 512 {
		x.By.Name = v
		residue.Member(ref, member, "={by/name}")
	}
	codes, _ := claims(tree.Objects(r.in.Resolve(ref), "relationship"))
	if len(codes) > 0 {
		x.By.Relation = codes[0][strings.LastIndexByte(codes[0], '|')+1:]
	}
	r.note(at, "someone decided in the patient's place: what they refuse counts, what they permit only with a delegation")
}

// isSubject reports whether a Reference names the patient.
func (r *reader) isSubject(ref object, sub string) bool {
	of := tree.Child(r.root, r.release.named("patient", "subject"))
	if same := tree.Text(ref, "reference"); same != "" && same == tree.Text(of, "reference") {
		return true
	}
	return slices.ContainsFunc(r.c.patients().Identities(r.in, ref), func(i tree.Identity) bool { return i.ID == sub })
}
