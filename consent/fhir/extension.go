package fhir

import (
	"slices"
	"strings"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// extensionURI followed by a name is the url of an extension of Consent. Write uses extensions for
// what an entry has and FHIR has no element for. The value is a valueString.
const extensionURI = "urn:igledger:consent:"

// noDefaultURI marks an R5 resource whose decision says nothing by itself: its one provision is the
// whole rule, of the opposite decision.
const noDefaultURI = extensionURI + "no-default"

func noDefault(root object) bool {
	all := append(tree.Objects(root, "extension"), tree.Objects(root, "modifierExtension")...)
	return slices.ContainsFunc(all, func(e object) bool {
		return tree.Text(e, "url") == noDefaultURI && e["valueBoolean"] == true
	})
}

// restrictsURI marks a provision that refuses and says whether it is a restriction, if that does
// not follow from what it names: see policies.MeansRestriction.
const restrictsURI = extensionURI + "restricts"

// restricts reports whether a provision that refuses is a restriction. implied is whether it is one
// by what it names.
func restricts(o object, implied bool) bool {
	for _, e := range tree.Objects(o, "extension") {
		if said, ok := e["valueBoolean"].(bool); ok && tree.Text(e, "url") == restrictsURI {
			return said
		}
	}
	return implied
}

// marksOnly reports whether a member of a provision is its extensions, which are nothing but one
// that restricts reads.
func marksOnly(o object, name string) bool {
	list := tree.Objects(o, name)
	if name != "extension" || len(list) != 1 {
		return false
	}
	_, is := list[0]["valueBoolean"].(bool)
	return is && tree.Text(list[0], "url") == restrictsURI
}

// field is a text of an entry that an extension carries.
type field struct {
	name     string
	get      func(x *entry.Consent) string
	set      func(x *entry.Consent, v string) error
	template string // for the residue, if the text is in a disclosure
}

func fieldsOfExtensions() []field {
	text := func(name string, at func(x *entry.Consent) *string) field {
		get := func(x *entry.Consent) string { return *at(x) }
		set := func(x *entry.Consent, v string) error { *at(x) = v; return nil }
		return field{name, get, set, ""}
	}
	notice := func(at func(n *entry.Notice) *string) func(x *entry.Consent) *string {
		return func(x *entry.Consent) *string {
			if x.Notice == nil {
				x.Notice = &entry.Notice{}
			}
			return at(x.Notice)
		}
	}
	by := func(at func(b *entry.ConsentBy) *string) func(x *entry.Consent) *string {
		return func(x *entry.Consent) *string {
			if x.By == nil {
				x.By = &entry.ConsentBy{}
			}
			return at(x.By)
		}
	}
	words := func(at func(t *entry.ConsentText) *string) func(x *entry.Consent) *string {
		return func(x *entry.Consent) *string {
			if x.Text == nil {
				x.Text = &entry.ConsentText{}
			}
			return at(x.Text)
		}
	}
	list := []field{
		text("how", func(x *entry.Consent) *string { return &x.Expressed.How }),
		text("notice-url", notice(func(n *entry.Notice) *string { return &n.URL })),
		text("notice-version", notice(func(n *entry.Notice) *string { return &n.Version })),
		text("notice-language", notice(func(n *entry.Notice) *string { return &n.Language })),
		text("delegation", by(func(b *entry.ConsentBy) *string { return &b.Delegation })),
		text("relation", by(func(b *entry.ConsentBy) *string { return &b.Relation })),
		text("reason", words(func(t *entry.ConsentText) *string { return &t.Reason })),
		text("evidence", words(func(t *entry.ConsentText) *string { return &t.Evidence })),
		{"act", func(x *entry.Consent) string { return x.Act }, setAct, ""},
		{"notice-hash", func(x *entry.Consent) string {
			b, _ := x.Notice.Hash.MarshalText()
			return string(b)
		}, func(x *entry.Consent, v string) error {
			if x.Notice == nil {
				x.Notice = &entry.Notice{}
			}
			return x.Notice.Hash.UnmarshalText([]byte(v))
		}, ""},
	}
	for i, f := range list {
		if f.name == "reason" || f.name == "evidence" {
			list[i].template = "={text/" + f.name + "}"
		}
	}
	return list
}

// setAct sets the finer act that an extension names, if status and decision leave it open.
func setAct(x *entry.Consent, v string) error {
	for _, same := range [][]string{
		{"given", "amended", "reconfirmed"}, {"refused", "amended", "reconfirmed"}, {"withdrawn", "expired"},
	} {
		if slices.Contains(same, x.Act) && slices.Contains(same, v) {
			x.Act = v
			return nil
		}
	}
	return tree.Fail(BadValue, "Consent.extension", "the act named contradicts status and decision")
}

// extension returns the value of the named extension, "" if there is none.
func extension(root object, name string) string {
	for _, e := range tree.Objects(root, "extension") {
		if tree.Text(e, "url") == extensionURI+name {
			return tree.Text(e, "valueString")
		}
	}
	return ""
}

// extensions reads this ledger's own extensions. Others are noted and kept.
func (r *reader) extensions(x *entry.Consent, residue *tree.Residue) error {
	known := fieldsOfExtensions()
	for i, e := range tree.Objects(r.root, "extension") {
		at := "Consent.extension[" + itoa(i) + "]"
		if tree.Text(e, "url") == noDefaultURI {
			continue // read with the rule
		}
		name, own := strings.CutPrefix(tree.Text(e, "url"), extensionURI)
		n := slices.IndexFunc(known, func(f field) bool { return f.name == name })
		v := tree.Text(e, "valueString")
		if !own || n < 0 || v == "" {
			r.note(at, "an extension is kept and not read")
			continue
		}
		if known[n].set(x, v) != nil {
			return tree.Fail(BadValue, at, "not a value of this extension")
		}
		if t := known[n].template; t != "" {
			residue.Member(e, "valueString", t)
		}
	}
	return nil
}

// composeExtensions returns the extensions for what FHIR has no element for.
func composeExtensions(x *entry.Consent) []any {
	var out []any
	for _, f := range fieldsOfExtensions() {
		switch {
		case strings.HasPrefix(f.name, "notice-") && x.Notice == nil,
			(f.name == "delegation" || f.name == "relation") && x.By == nil,
			(f.name == "reason" || f.name == "evidence") && x.Text == nil:
			continue
		}
		if v := f.get(x); v != "" {
			out = append(out, object{"url": extensionURI + f.name, "valueString": v})
		}
	}
	return out
}
