package fhir

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
	"igledger/policies"
)

// contradiction reads a resource again and compares it with the claims of x, as far as both say
// something.
func (c Conversion) contradiction(x *entry.Consent, root object) error {
	if x.Sub == "" { // withheld: the rest is still compared with the claims
		root = tree.Clone(root).(object)
		for _, name := range []string{"patient", "subject"} {
			delete(root, name)
		}
		release, err := releaseOf(root)
		if err != nil {
			return tree.Fail(BadResidue, "Consent", "is of no release")
		}
		root[release.named("patient", "subject")] = object{"reference": "Patient/withheld"}
	}
	source, base := tree.Origin(x.Sub) // where it was read
	c.Source = source
	again := func(stand bool) (*Imported, error) {
		// When it was taken is not in the resource, so any time will do.
		in, _, err := c.read(tree.Scope{Root: root, Base: base, Map: c.Map}, At{Taken: time.Unix(0, 0)}, stand)
		return in, err
	}
	in, err := again(false)
	if err != nil {
		return tree.Fail(BadResidue, "Consent", "does not read as a Consent")
	}
	y := in.Consent
	sameRules := sameRule(x.Rule, y.Rule)
	if !sameRules { // it may have been read with a Bundle or a mapping that are not here
		if in, err := again(true); err == nil {
			sameRules = sameRule(besideStandIns(x.Rule, in.Consent.Rule))
		}
	}
	instant := func(s string) time.Time { t, _, _ := span(s, time.UTC); return t }
	live := func(act string) bool { return act != "withdrawn" && act != "expired" }
	for _, claim := range []struct {
		path string
		same bool
	}{
		{"subject", sameSubject(x.Sub, y.Sub)},
		{"status", live(x.Act) == live(y.Act)},
		{"scope", x.Scope == y.Scope},
		{"decided", in.undated || instant(x.Decided).Equal(instant(y.Decided))},
		{"meta.lastUpdated", y.Updated == "" || instant(x.Updated).Equal(instant(y.Updated))},
		{"agreement", len(y.Agreements) == 0 || sameSet(x.Agreements, y.Agreements)},
		{"provision", sameRules},
	} {
		if !claim.same {
			return tree.Fail(BadResidue, "Consent."+claim.path, "contradicts the claim")
		}
	}
	return nil
}

// sameSubject compares the subject of an entry with that of its residue, which is read without the
// Bundle and the mapping that it came with. So it may say only a local number.
func sameSubject(sub, read string) bool {
	return sub == "" || sub == read || strings.HasPrefix(read, "temp:") && !strings.HasPrefix(sub, "temp:")
}

// standIn begins the id that stands for an organisation whose reference cannot be resolved.
const standIn = "stand-in-"

// besideStandIns returns a rule and the same rule as it was read again, without the recipients,
// staff, places and authors of those levels where stand-ins or bare references were read.
func besideStandIns(rule, again *entry.ConsentRule) (a, b *entry.ConsentRule) {
	if rule == nil || again == nil {
		return rule, again
	}
	x, y := *rule, *again
	if slices.ContainsFunc(y.Recipients, func(id string) bool { return strings.HasPrefix(id, standIn) }) {
		x.Recipients, y.Recipients = nil, nil
	}
	bare := func(id string) bool {
		return strings.HasPrefix(id, standIn) || !strings.Contains(id, "|") && strings.Contains(id, "/")
	}
	if y.Decision == deny && slices.ContainsFunc(y.Purposes, func(p string) bool { return strings.Contains(p, "|") }) &&
		!slices.ContainsFunc(y.Purposes, func(p string) bool { return !slices.Contains(x.Purposes, p) }) {
		y.Purposes, y.Restricts = x.Purposes, x.Restricts // the mapping may have had a meaning for a local code
	}
	role := func(id string) bool { return bare(id) && strings.Contains(id, "PractitionerRole/") }
	if slices.ContainsFunc(y.Staff, role) { // it is all that the role was
		x.Recipients, x.Roles, x.Units = y.Recipients, y.Roles, y.Units
	}
	if len(x.Staff) > 0 && slices.ContainsFunc(y.Staff, bare) || slices.ContainsFunc(y.Staff, role) {
		x.Staff, y.Staff = nil, nil
	}
	if len(x.Units) > 0 && slices.ContainsFunc(y.Units, bare) {
		x.Units, y.Units = nil, nil
	}
	author := func(c string) bool { return policies.DimensionOf(c) == policies.Authors }
	if slices.ContainsFunc(x.Data, author) && slices.ContainsFunc(y.Data, author) {
		x.Data, y.Data = slices.DeleteFunc(slices.Clone(x.Data), author), slices.DeleteFunc(slices.Clone(y.Data), author)
	}
	x.Except, y.Except = besideAll(x.Except, y.Except)
	x.Also, y.Also = besideAll(x.Also, y.Also)
	return &x, &y
}

func besideAll(rules, again []entry.ConsentRule) (a, b []entry.ConsentRule) {
	a, b = slices.Clone(rules), slices.Clone(again)
	for i := range min(len(a), len(b)) {
		p, q := besideStandIns(&a[i], &b[i])
		a[i], b[i] = *p, *q
	}
	return a, b
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// sameRule compares two rules. The spelling of times and the order of lists do not matter.
func sameRule(a, b *entry.ConsentRule) bool {
	if a == nil || b == nil {
		return a == b
	}
	return reflect.DeepEqual(canonical(*a), canonical(*b))
}

func canonical(r entry.ConsentRule) entry.ConsentRule {
	for _, l := range []*[]string{&r.Purposes, &r.Data, &r.Recipients, &r.Roles, &r.Staff, &r.Units, &r.Actions} {
		*l = slices.Clone(*l)
		slices.Sort(*l)
		*l = slices.Compact(*l)
		if len(*l) == 0 {
			*l = nil
		}
	}
	for _, t := range []*string{&r.Start, &r.End, &r.DataStart, &r.DataEnd} {
		if *t != "" {
			*t = rfc3339(r.Time(*t).UTC())
		}
	}
	var except []entry.ConsentRule
	for _, e := range r.Except {
		except = append(except, canonical(e))
	}
	r.Except = except
	var also []entry.ConsentRule
	for _, a := range r.Also {
		also = append(also, canonical(a))
	}
	r.Also = also
	return r
}
