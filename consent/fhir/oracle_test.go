package fhir

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"igledger/ledger/entry"
	"igledger/policies"
	"igledger/policies/purpose"
)

// world is an access with everything that a Consent can ask about, including what no access entry
// says.
type world struct {
	person, org, purpose, action, kind, label, record string
	at                                                time.Time
}

var (
	persons  = []string{"Practitioner/f204", "Practitioner/other"}
	orgs     = map[string]string{"Organization/f001": "good-health", "Organization/f002": "other-health"}
	purposes = []string{"TREAT", "BTG", "HRESCH"}
	sorts    = []string{"Observation", "Condition"}
	labels   = []string{"PSY", "SEX"}
	verbs    = map[string]string{"access": "R", "collect": "C", "correct": "U"}
	days     = []string{"2026-01-01", "2026-02-01", "2026-03-01"}
)

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// randomProvision makes an R4 provision with limits that a rule can express and that it cannot.
func randomProvision(r *rand.Rand, depth int) object {
	p := object{"type": pick(r, []string{permit, deny})}
	coding := func(system, code string) object { return object{"system": system, "code": code} }
	if r.IntN(3) == 0 {
		p["purpose"] = []any{coding(purpose.System, pick(r, purposes))}
	}
	if r.IntN(4) == 0 {
		p["class"] = []any{coding(resourceTypes, pick(r, sorts))}
	}
	if r.IntN(4) == 0 {
		p["securityLabel"] = []any{coding(actCode, pick(r, labels))}
	}
	if r.IntN(4) == 0 {
		p["action"] = []any{object{"coding": []any{coding(consentAction, pick(r, []string{"access", "collect", "correct"}))}}}
	}
	if r.IntN(3) == 0 {
		var actors []any
		for range 1 + r.IntN(2) {
			who := pick(r, []string{"Organization/f001", "Organization/f002", persons[0]})
			actors = append(actors, object{"role": object{"coding": []any{coding(participation, "IRCP")}}, "reference": object{"reference": who}})
		}
		p["actor"] = actors
	}
	if r.IntN(5) == 0 {
		p["period"] = object{"start": days[1]}
	}
	if r.IntN(6) == 0 {
		p["data"] = []any{object{"meaning": "instance", "reference": object{"reference": "Observation/1"}}}
	}
	var nested []any
	for depth > 0 && r.IntN(2) == 0 && len(nested) < 3 {
		nested = append(nested, randomProvision(r, depth-1))
	}
	if len(nested) > 0 {
		p["provision"] = nested
	}
	return p
}

// elements are those that a provision can be limited by here.
var elements = []string{"purpose", "class", "securityLabel", "action", "actor", "period", "data"}

// reaches reports whether a provision within another has a limit that is not within the other's.
func reaches(inner, outer object) bool {
	for _, name := range elements {
		if inner[name] == nil || outer[name] == nil || name == "period" {
			continue
		}
		for _, i := range inner[name].([]any) {
			within := false
			for _, o := range outer[name].([]any) {
				a, b := i.(object), o.(object)
				same, _ := json.Marshal(a)
				other, _ := json.Marshal(b)
				within = within || string(same) == string(other) ||
					name == "purpose" && purpose.Subsumes(b["code"].(string), a["code"].(string))
			}
			if !within {
				return true
			}
		}
	}
	return false
}

// saysRoot is what a root provision means: one that permits is widened by the permissions in it
// that reach beyond it, each with its limits where they have none.
func saysRoot(p object, w world) string {
	if p["type"] == deny {
		return says(p, w)
	}
	base := object{}
	for name, v := range p {
		base[name] = v
	}
	var rest, additions []any
	nested, _ := p["provision"].([]any)
	for _, n := range nested {
		if n.(object)["type"] == permit && reaches(n.(object), p) {
			additions = append(additions, n)
		} else {
			rest = append(rest, n)
		}
	}
	base["provision"] = rest
	said := []string{says(base, w)}
	for _, a := range additions {
		wide := object{"type": permit}
		inner, _ := a.(object)["provision"].([]any)
		inner = slices.Clip(inner)
		for _, n := range rest {
			if n.(object)["type"] == deny {
				inner = append(inner, n)
			}
		}
		wide["provision"] = inner
		for _, name := range elements {
			for _, from := range []object{p, a.(object)} {
				if from[name] != nil {
					wide[name] = from[name]
				}
			}
		}
		said = append(said, says(wide, w))
	}
	if slices.Contains(said, permit) {
		return permit
	}
	return ""
}

// says is what a provision means for an access, with full knowledge of the access: "" if it does
// not apply. Of the provisions in it, refusals decide first, then those that say the opposite;
// permissions within a permission narrow it.
func says(p object, w world) string {
	meets := func(name string, hit func(o object) bool) bool {
		l, there := p[name].([]any)
		for _, e := range l {
			if hit(e.(object)) {
				return true
			}
		}
		return !there
	}
	start, _ := p["period"].(object)
	from := time.Time{}
	if start != nil {
		from, _ = time.Parse(time.DateOnly, start["start"].(string))
	}
	if !meets("purpose", func(o object) bool { return purpose.Subsumes(o["code"].(string), w.purpose) }) ||
		!meets("class", func(o object) bool { return o["code"] == w.kind }) ||
		!meets("securityLabel", func(o object) bool { return o["code"] == w.label }) ||
		!meets("action", func(o object) bool { return verbs[o["coding"].([]any)[0].(object)["code"].(string)] == w.action }) ||
		!meets("actor", func(o object) bool {
			who := o["reference"].(object)["reference"].(string)
			return who == w.person || orgs[who] == w.org
		}) ||
		!meets("data", func(o object) bool { return o["reference"].(object)["reference"] == w.record }) || w.at.Before(from) {
		return ""
	}
	nested, _ := p["provision"].([]any)
	within, narrows, exception := false, false, ""
	for _, n := range nested {
		n := n.(object)
		got := says(n, w)
		switch {
		case n["type"] == p["type"]:
			narrows = narrows || p["type"] == permit
			within = within || got == permit
			if got == deny {
				exception = deny
			}
		case got == deny || got == permit && exception == "":
			exception = got
		}
	}
	switch {
	case exception != "":
		return exception
	case narrows && !within:
		return ""
	}
	return p["type"].(string)
}

func judged(r *entry.ConsentRule) policies.Rule {
	out := policies.Rule{Deny: r.Decision == deny, Start: r.Time(r.Start), End: r.Time(r.End), Purposes: r.Purposes, Data: r.Data, Recipients: r.Recipients, Roles: r.Roles,
		Staff: r.Staff, Units: r.Units, Actions: r.Actions, DataStart: r.Time(r.DataStart), DataEnd: r.Time(r.DataEnd)}
	for i := range r.Except {
		out.Except = append(out.Except, judged(&r.Except[i]))
	}
	return out
}

// Whatever a Consent holds, the ledger permits nothing by it that the Consent does not permit with
// full knowledge of the access, and leaves no refusal out.
func TestNothingIsPermittedThatWasNotMeant(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	c := Conversion{Issuer: "board-a", Map: referring(orgs)}
	permitted, refused := 0, 0
	for range 4000 {
		p := randomProvision(r, 3)
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		in, err := c.Read([]byte(r4(`"provision":` + string(b))))
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		rule := judged(in.Consent.Rule)
		for range 20 {
			at, _ := time.Parse(time.DateOnly, pick(r, days))
			w := world{person: pick(r, persons), org: pick(r, []string{"good-health", "other-health"}), purpose: pick(r, purposes), action: pick(r, []string{"R", "C", "U"}),
				kind: pick(r, sorts), label: pick(r, labels), record: pick(r, []string{"Observation/1", "Observation/2"}), at: at}
			want := saysRoot(p, w)
			records := []policies.Record{{Rule: rule, Holder: w.org}}
			for i := range in.Consent.Rule.Also {
				records = append(records, policies.Record{Rule: judged(&in.Consent.Rule.Also[i]), Holder: w.org})
			}
			got := policies.Combine(records, policies.Request{Org: w.org, Holder: w.org, Action: w.action, Purposes: []string{w.purpose}, At: w.at, Staff: []string{w.person},
				Data: []string{resourceTypes + "|" + w.kind, actCode + "|" + w.label, policies.RecordSystem + "|" + w.record}}).Decision
			if got == permit && want != permit {
				t.Fatalf("permits what was not: want %q of %+v\n%s\n%+v", want, w, b, rule)
			}
			if p["type"] == deny && want == deny && got != deny {
				t.Fatalf("leaves a refusal out: got %q of %+v\n%s\n%+v", got, w, b, rule)
			}
			permitted, refused = permitted+map[bool]int{true: 1}[got == permit], refused+map[bool]int{true: 1}[got == deny]
		}
	}
	if permitted < 500 || refused < 5000 {
		t.Errorf("only %d permitted and %d refused: the test sees too little", permitted, refused)
	}
}
