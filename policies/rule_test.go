package policies

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// asked is a doctor's reading of an Observation for care, changed.
func asked(change func(q *Request)) Request {
	q := Request{Org: "BOARD-A", Action: "R", Purposes: []string{"TREAT"}, Data: []string{observation}, Roles: []string{"doctor"}, At: noon}
	if change != nil {
		change(&q)
	}
	return q
}

func TestCombineOne(t *testing.T) {
	purposes := func(list ...string) func(*Request) { return func(q *Request) { q.Purposes = list } }
	data := func(list ...string) func(*Request) { return func(q *Request) { q.Data = list } }
	org := func(id string) func(*Request) { return func(q *Request) { q.Org = id } }
	unknown := org("")
	notBTG := Rule{Purposes: []string{"TREAT"}, Except: []Rule{{Deny: true, Purposes: []string{"BTG"}}}}
	onlyObservations := Rule{Data: []string{observation}}
	exceptB := Rule{Deny: true, Except: []Rule{{Recipients: []string{"BOARD-B"}}}}
	// No to all, but board B may, though not conditions, those for emergencies again.
	deep := Rule{Deny: true, Except: []Rule{{Recipients: []string{"BOARD-B"}, Except: []Rule{
		{Deny: true, Data: []string{condition}, Except: []Rule{{Purposes: []string{"ETREAT"}}}}}}}}
	for _, c := range []struct {
		name string
		r    Rule
		q    func(*Request)
		want string
	}{
		{"permit all", Rule{}, nil, Permit},
		{"deny all", Rule{Deny: true}, nil, Deny},

		{"subsumed purpose", Rule{Purposes: []string{"TREAT"}}, purposes("BTG"), Permit},
		{"BTG excluded", notBTG, purposes("BTG"), Deny},
		{"the rest is not", notBTG, purposes("ETREAT"), Permit},
		{
			"refusal of all but emergencies",
			Rule{Deny: true, Except: []Rule{{Purposes: []string{"ETREAT"}}}}, purposes("BTG"), Permit,
		},
		{"refused by a wider purpose", Rule{Deny: true, Purposes: []string{"HRESCH"}}, purposes("DSRCH"), Deny},
		{"refused is narrower than asked", Rule{Deny: true, Purposes: []string{"DSRCH"}}, purposes("HRESCH"), ""},
		{"one of two purposes permitted", Rule{Purposes: []string{"TREAT"}}, purposes("TREAT", "HRESCH"), ""},
		{"one of two purposes refused", Rule{Deny: true, Purposes: []string{"HRESCH"}}, purposes("TREAT", "HRESCH"), Deny},
		{"other systems by equality", Rule{Purposes: []string{"urn:x|a"}}, purposes("urn:x|a"), Permit},
		{"and no more", Rule{Purposes: []string{"urn:x|a"}}, purposes("urn:x|ab"), ""},

		{"one of two data permitted", onlyObservations, data(observation, condition), ""},
		{"one of two data refused", Rule{Deny: true, Data: []string{condition}}, data(observation, condition), Deny},
		{
			"a whole system", Rule{Data: []string{"http://hl7.org/fhir/resource-types|*"}},
			data(observation, condition), Permit,
		},

		{"unstated purpose, limited permission", Rule{Purposes: []string{"TREAT"}}, purposes(), ""},
		{
			"unstated purpose, permission with an exclusion",
			Rule{Except: []Rule{{Deny: true, Purposes: []string{"BTG"}}}}, purposes(), Deny,
		},
		{"unstated purpose, permission without limit", Rule{}, purposes(), Permit},
		{"unstated purpose, refusal", Rule{Deny: true, Purposes: []string{"HRESCH"}}, purposes(), Deny},
		{"unstated data, limited permission", onlyObservations, data(), ""},
		{"unstated data, refusal", Rule{Deny: true, Data: []string{condition}}, data(), Deny},
		{"unstated data, exception that permits", Rule{Deny: true, Except: []Rule{onlyObservations}}, data(), Deny},
		{
			"unstated data, exception that refuses",
			Rule{Except: []Rule{{Deny: true, Data: []string{condition}}}}, data(), Deny,
		},
		{"unstated role, limited permission", Rule{Roles: []string{"doctor"}}, func(q *Request) { q.Roles = nil }, ""},
		{"unstated role, refusal", Rule{Deny: true, Roles: []string{"nurse"}}, func(q *Request) { q.Roles = nil }, Deny},
		{"permission for data of a period", Rule{DataStart: noon}, nil, ""},
		{"permission for data up to a time", Rule{DataEnd: noon}, nil, ""},
		{"refusal for data of a period", Rule{Deny: true, DataEnd: noon}, nil, Deny},

		{"recipient", Rule{Recipients: []string{"BOARD-B", "BOARD-A"}}, nil, Permit},
		{"another recipient", Rule{Recipients: []string{"BOARD-B"}}, nil, ""},
		{"action", Rule{Actions: []string{"R"}}, nil, Permit},
		{"another action", Rule{Deny: true, Actions: []string{"C", "U"}}, nil, ""},
		{"one role of two", Rule{Roles: []string{"nurse", "doctor"}}, nil, Permit},
		{"another role", Rule{Deny: true, Roles: []string{"nurse"}}, nil, ""},
		{"at its start", Rule{Start: noon}, nil, Permit},
		{"before its start", Rule{Deny: true, Start: noon.Add(1)}, nil, ""},
		{"at its end", Rule{Deny: true, End: noon}, nil, ""},
		{"before its end", Rule{End: noon.Add(1)}, nil, Permit},
		{"its end in another time zone", Rule{End: noon.Add(1).In(time.FixedZone("", -3600))}, nil, Permit},

		{"outside the exception", exceptB, nil, Deny},
		{"the exception", exceptB, org("BOARD-B"), Permit},
		{
			"an exception reaches no further than its rule",
			Rule{Actions: []string{"U"}, Except: []Rule{{Deny: true}}}, nil, "",
		},
		{"an exception out of its time", Rule{Deny: true, Except: []Rule{{End: noon}}}, nil, Deny},
		{"deep, outside", deep, data(condition), Deny},
		{"deep, board B", deep, org("BOARD-B"), Permit},
		{"deep, board B, conditions", deep, func(q *Request) { q.Org, q.Data = "BOARD-B", []string{condition} }, Deny},
		{
			"deep, board B, conditions in an emergency", deep,
			func(q *Request) { q.Org, q.Data, q.Purposes = "BOARD-B", []string{condition}, []string{"BTG"} },
			Permit,
		},
		{"exceptions that contradict each other", Rule{Except: []Rule{
			{Deny: true, Except: []Rule{{Actions: []string{"R"}}}}, {Deny: true, Roles: []string{"doctor"}}}}, nil, Deny},
		{"the same the other way round", Rule{Deny: true, Except: []Rule{
			{Actions: []string{"R"}, Except: []Rule{{Deny: true}}}, {Roles: []string{"doctor"}}}}, nil, Deny},
		{"an exception flips even if it forgets to say so", Rule{Except: []Rule{{Actions: []string{"R"}}}}, nil, Deny},
		{"a refusal inside a refusal stays one", Rule{Deny: true, Except: []Rule{{Deny: true}}}, nil, Deny},
		{"refused to one, and the accessor is unknown", Rule{Deny: true, Recipients: []string{"BOARD-B"}}, unknown, Deny},
		{"permitted to one, and the accessor is unknown", Rule{Recipients: []string{"BOARD-B"}}, unknown, ""},
	} {
		if got := Combine([]Record{{Rule: c.r}}, asked(c.q)).Decision; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestCombine(t *testing.T) {
	yes, no := Record{ID: "yes"}, Record{ID: "no", Rule: Rule{Deny: true}}
	elsewhere := Record{ID: "elsewhere", Rule: Rule{Deny: true, Recipients: []string{"BOARD-B"}}}
	observations := Record{ID: "observations", Rule: Rule{Data: []string{observation}}}
	conditions := Record{ID: "conditions", Rule: Rule{Data: []string{condition}}}
	noConditions := Record{ID: "no-conditions", Rule: Rule{Deny: true, Data: []string{condition}}}
	only := func(r Record) Record { r.RefusesOnly = true; return r }
	butConditions := Record{ID: "but-conditions", Rule: Rule{Except: []Rule{{Deny: true, Data: []string{condition}}}}}
	onlyConditions := Record{ID: "only-conditions", Rule: Rule{Deny: true, Except: []Rule{{Data: []string{condition}}}}}
	for _, c := range []struct {
		name    string
		records []Record
		data    []string
		want    Consent
	}{
		{"no consent", nil, []string{observation}, Consent{}},
		{"none that applies", []Record{elsewhere, conditions}, []string{observation}, Consent{}},
		{"one", []Record{elsewhere, yes}, []string{observation}, Consent{Decision: Permit, ID: "yes"}},
		{"a refusal wins over what comes after", []Record{no, yes}, []string{observation}, Consent{Decision: Deny, ID: "no"}},
		{"and over what came before", []Record{yes, no}, []string{observation}, Consent{Decision: Deny, ID: "no"}},
		{
			"but not over what it does not apply to", []Record{noConditions, yes}, []string{observation},
			Consent{Decision: Permit, ID: "yes"},
		},
		{
			"two permit together", []Record{observations, conditions}, []string{observation, condition},
			Consent{Decision: Permit, ID: "observations"},
		},
		{"half is permitted", []Record{observations}, []string{observation, condition}, Consent{}},
		{"the other half is permitted", []Record{observations}, []string{condition, observation}, Consent{}},
		{
			"half is refused", []Record{yes, noConditions}, []string{observation, condition},
			Consent{Decision: Deny, ID: "no-conditions", Refused: []string{condition}},
		},
		{"all is refused", []Record{yes, noConditions}, []string{condition}, Consent{Decision: Deny, ID: "no-conditions"}},
		{"unstated", []Record{yes, noConditions}, nil, Consent{Decision: Deny, ID: "no-conditions"}},
		{"a permission of one that refuses only", []Record{only(yes)}, []string{observation}, Consent{}},
		{"names nothing either", []Record{only(yes), yes}, []string{observation}, Consent{Decision: Permit, ID: "yes"}},
		{"nor does it help out", []Record{observations, only(conditions)}, []string{observation, condition}, Consent{}},
		{"its refusal", []Record{yes, only(no)}, []string{observation}, Consent{Decision: Deny, ID: "no"}},
		{
			"a refusal within its permission", []Record{yes, only(butConditions)},
			[]string{observation, condition},
			Consent{Decision: Deny, ID: "but-conditions", Refused: []string{condition}},
		},
		{"and what that leaves", []Record{only(butConditions)}, []string{observation}, Consent{}},
		{"a permission within its refusal", []Record{only(onlyConditions)}, []string{condition}, Consent{}},
		{
			"takes away no other's", []Record{yes, only(onlyConditions)}, []string{condition},
			Consent{Decision: Permit, ID: "yes"},
		},
	} {
		got := Combine(c.records, asked(func(q *Request) { q.Data = c.data }))
		if got.Decision != c.want.Decision || got.ID != c.want.ID || !slices.Equal(got.Refused, c.want.Refused) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// A refusal is a restriction if the rule that decides is one, at whatever depth; and then it is
// what the decision names, whatever else refused.
func TestRestrictions(t *testing.T) {
	never := Record{ID: "never", Rule: Rule{Deny: true, Restricts: true, Data: []string{condition}}}
	planning := Record{ID: "planning", Rule: Rule{Deny: true}}
	allBut := Record{ID: "all but", Rule: Rule{Except: []Rule{
		{Deny: true, Data: []string{condition}}, {Deny: true, Restricts: true, Recipients: []string{"BOARD-A"}},
	}}}
	notTheirs := Record{ID: "not theirs", Rule: Rule{Deny: true, Restricts: true, Except: []Rule{{Recipients: []string{"BOARD-A"}}}}}
	both := []string{observation, condition}
	for name, c := range map[string]struct {
		list []Record
		data []string
		want Consent
	}{
		"a category": {
			[]Record{never}, both, Consent{Decision: Deny, ID: "never", Restricts: true, Refused: []string{condition}},
		},
		"another category":       {[]Record{never}, []string{observation}, Consent{}},
		"data unstated":          {[]Record{never}, nil, Consent{Decision: Deny, ID: "never", Restricts: true}},
		"beside an objection":    {[]Record{planning, never}, both, Consent{Decision: Deny, ID: "never", Restricts: true}},
		"an objection elsewhere": {[]Record{planning, never}, []string{observation}, Consent{Decision: Deny, ID: "planning"}},
		"an exception":           {[]Record{allBut}, both, Consent{Decision: Deny, ID: "all but", Restricts: true}},
		"an exception from it":   {[]Record{notTheirs}, both, Consent{Decision: Permit, ID: "not theirs"}},
		"over a link": {
			[]Record{{ID: "link", RefusesOnly: true, Rule: never.Rule}}, []string{condition},
			Consent{Decision: Deny, ID: "link", Restricts: true},
		},
		"not weakened by permission": {[]Record{{ID: "yes"}, never}, []string{condition}, Consent{Decision: Deny, ID: "never", Restricts: true}},
	} {
		got := Combine(c.list, asked(func(q *Request) { q.Data = c.data }))
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
