package audit

import (
	"slices"
	"strconv"
	"strings"

	"igledger/consent/fhir/mapping"
	"igledger/policies/purpose"
)

// A said concept is a CodeableConcept with its place.
type saidConcept struct {
	at   object
	path string
}

// reasons returns the CodeableConcepts that say why: first the user's, then the event's, then those
// of other agents.
func (b *builder) reasons(root object) []saidConcept {
	agents, u := objects(root, "agent"), user(b.in)
	var list []saidConcept
	of := func(o object, name, path string) {
		for i, c := range objects(o, name) {
			list = append(list, saidConcept{c, path + name + "[" + itoa(i) + "]"})
		}
	}
	if u >= 0 {
		of(agents[u], "purposeOfUse", "AuditEvent.agent["+itoa(u)+"].")
	}
	of(root, "purposeOfEvent", "AuditEvent.")
	for i, a := range agents {
		if i != u {
			of(a, "purposeOfUse", "AuditEvent.agent["+itoa(i)+"].")
		}
	}
	return list
}

// purposes reads the reasons. A local code, or wording, that the mapping has becomes the purpose
// that it means, and stays in the residue; one that it has not stays itself, and is noted, since no
// agreement for a purpose of PurposeOfUse covers it. The first wording becomes Text.Why.
func (b *builder) purposes(m *mapping.Map, reasons []saidConcept) {
	for _, c := range reasons {
		understood := false
		for _, code := range codings(c.at) {
			meant := meantBy(m, code.claim())
			if meant != "" {
				b.purpose(meant)
			} else {
				b.codes("purpose", &b.a.Purpose, []coding{code})
			}
			understood = understood || meant != "" || isPurpose(code)
		}
		if meant := meantBy(m, text(c.at, "text")); meant != "" && !understood {
			b.purpose(meant)
			understood = true
		}
		if !understood {
			b.n.add(c.path, UnknownPurpose)
		}
	}
	for _, c := range reasons {
		if w := text(c.at, "text"); short(w, 8<<10) {
			b.text().Why = b.take(c.at, "text", "text/why")
			return
		}
	}
}

// meantBy returns the purpose that the mapping has for a local code or wording.
func meantBy(m *mapping.Map, local string) string {
	if local == "" {
		return ""
	}
	if meant := m.Purpose(local); meant != "" || !m.Emergency(local) {
		return meant
	}
	return "BTG"
}

func (b *builder) purpose(code string) {
	if len(b.a.Purpose) < 64 && !slices.Contains(b.a.Purpose, code) {
		b.a.Purpose = append(b.a.Purpose, code)
	}
}

func isPurpose(c coding) bool { return purpose.IsSystem(c.system) && purpose.Known(c.code) }

// overrides are the words for break-glass, in the form of plainWords. Sources write them where they
// have no code: in reasons, descriptions and details, as the display of a code, or as a code of
// their own. The list is short on purpose: what is in no list is for the mapping.
var overrides = []string{
	"break the glass", "breaks the glass", "breaking the glass", "broke the glass", "break glass", "breaking glass", "breakglass",
	"broken the glass", "glass break", "glass broken", "glass was broken", "glass has been broken", "broke glass", "btg",
	"emergency override", "override emergency", "emergency overridden", "overridden in emergency",
	"emergency access override", "emergency break in",
}

// joined are words for break-glass written as one, as in codes.
var joined = []string{"breakglass", "breaktheglass", "emergencyoverride"}

// overridden reports whether text has words for break-glass that it does not deny right before
// them.
func overridden(text string) bool {
	clauses := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(".,:;!?()\n", r) })
	return slices.ContainsFunc(clauses, func(clause string) bool {
		words := " " + plainWords(clause) + " "
		for _, no := range []string{" no ", " not ", " without "} {
			for _, o := range overrides {
				words = strings.ReplaceAll(words, no+o+" ", " ")
			}
		}
		return slices.ContainsFunc(overrides, func(o string) bool { return strings.Contains(words, " "+o+" ") }) ||
			slices.ContainsFunc(joined, func(o string) bool { return strings.Contains(strings.ReplaceAll(words, " ", ""), o) })
	})
}

// onlyOverridden reports whether text is nothing but words for break-glass, which give no reason.
func onlyOverridden(text string) bool { return slices.Contains(overrides, plainWords(text)) }

// untrue are values of a detail that says that something did not happen.
var untrue = []string{"", "0", "false", "no", "none", "n", "not used", "n a"}

// emergency finds out if the usual limits were overridden: by a code of PurposeOfUse or DICOM, by a
// code that the mapping names, or by words. In words it counts all the same, and is noted: an
// override that passed for ordinary use would be covered in silence.
func (b *builder) emergency(m *mapping.Map, root object, reasons []saidConcept) {
	b.a.Emergency = purpose.Emergency(false, b.a.Event, b.a.Purpose)
	events := object{"coding": append([]any{root["type"]}, list(root["subtype"])...)}
	labels := list(child(root, "meta")["security"])
	for _, e := range objects(root, "entity") {
		labels = append(labels, list(e["securityLabel"])...)
	}
	concepts := append([]saidConcept{
		{events, "AuditEvent.subtype"}, {object{"coding": labels}, "AuditEvent.entity.securityLabel"},
	}, reasons...)
	for _, said := range concepts {
		for _, c := range codings(said.at) {
			b.a.Emergency = b.a.Emergency || m.Emergency(c.claim()) || isPurpose(c) && c.code == "BTG"
		}
	}
	for _, a := range objects(root, "agent") {
		for _, p := range list(a["policy"]) {
			uri, _ := p.(string)
			b.a.Emergency = b.a.Emergency || m.Emergency(uri)
		}
	}
	if b.a.Emergency {
		return
	}
	if path := overrideInWords(root, concepts); path != "" {
		b.a.Emergency = true
		b.n.add(path, BreakGlassInWords)
	}
}

// overrideInWords returns where the event has words for break-glass, "" if nowhere.
func overrideInWords(root object, concepts []saidConcept) string {
	for _, c := range concepts {
		words := []string{text(c.at, "text")}
		for _, code := range codings(c.at) {
			words = append(words, code.code, text(code.at, "display"))
		}
		if slices.ContainsFunc(words, overridden) {
			return c.path
		}
	}
	switch {
	case overridden(text(root, "outcomeDesc")):
		return "AuditEvent.outcomeDesc"
	case extended(root):
		return "AuditEvent.extension"
	}
	for i, a := range objects(root, "agent") {
		at := "AuditEvent.agent[" + itoa(i) + "]."
		if extended(a) {
			return at + "extension"
		}
		for _, p := range list(a["policy"]) {
			if uri, _ := p.(string); overridden(uri) {
				return at + "policy"
			}
		}
	}
	for i, e := range objects(root, "entity") {
		at := "AuditEvent.entity[" + itoa(i) + "]."
		if extended(e) {
			return at + "extension"
		}
		for _, name := range []string{"name", "description"} {
			if overridden(text(e, name)) {
				return at + name
			}
		}
		for _, d := range objects(e, "detail") {
			if says(text(d, "type"), text(d, "valueString")) {
				return at + "detail"
			}
		}
	}
	return ""
}

// says reports whether a named value has words for break-glass, or has them as its name and is not
// untrue.
func says(name, value string) bool {
	return overridden(value) || overridden(name) && !slices.Contains(untrue, plainWords(value))
}

// extended reports whether an extension of an element speaks of break-glass.
func extended(o object) bool {
	return slices.ContainsFunc(objects(o, "extension"), func(x object) bool {
		found, value := false, "true" // if it has no value but parts
		for name, v := range x {
			switch v := v.(type) {
			case bool:
				value = strconv.FormatBool(v)
			case string:
				if name != "url" {
					value = v
				}
			case object:
				eachString(name, v, func(_, s string) { found = found || overridden(s) })
			}
		}
		return found || says(text(x, "url"), value) || extended(x)
	})
}

// justifications are the types of entity.detail that hold the reason for break-glass.
var justifications = []string{
	"justification", "emergency justification", "break glass justification", "break glass reason", "break the glass reason",
	"btg reason", "override reason", "emergency override reason",
}

// words reads free text: outcomeDesc becomes Text.Outcome. A justification of break-glass is an
// entity.detail of such a type. If there is none and the override succeeded, it is outcomeDesc,
// which then is not in Text.Outcome: a success has no failure to describe. That the glass was
// broken is no reason for it.
func (b *builder) words(root object) {
	for _, e := range objects(root, "entity") {
		for _, d := range objects(e, "detail") {
			value := text(d, "valueString")
			is := slices.Contains(justifications, plainWords(text(d, "type"))) && short(value, 8<<10) && !onlyOverridden(value)
			if is && b.text().Justification == "" {
				b.a.Text.Justification = b.take(d, "valueString", "text/justification")
			}
		}
	}
	said := text(root, "outcomeDesc")
	if !short(said, 8<<10) {
		return
	}
	if t := b.text(); b.a.Emergency && b.a.Outcome == "0" && t.Justification == "" && !onlyOverridden(said) {
		t.Justification = b.take(root, "outcomeDesc", "text/justification")
	} else {
		t.Outcome = b.take(root, "outcomeDesc", "text/outcome")
	}
}
