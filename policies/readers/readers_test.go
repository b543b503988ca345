package readers

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"igledger/ledger/entry"
)

var (
	compliance = Asked{Purpose: []string{"HCOMPL"}}
	request    = Asked{Purpose: []string{"PATRQT"}, Request: "SAR-1", Identity: entry.ByDocuments}
	signedIn   = Asked{Purpose: []string{"PATRQT"}, Request: "s-1", Identity: entry.BySignIn}
)

// Who may read what, by hand: the extents of the kinds in the order of Kinds, and why nothing else.
func TestWhoMayReadWhat(t *testing.T) {
	const w, o, n = Whole, Own, Nothing
	for _, c := range []struct {
		name    string
		key     entry.Purpose
		role    entry.Role
		asked   Asked
		extents []Extent
	}{
		{"auditor", "audit", "auditor", compliance, []Extent{w, w, w, w, o, w}},
		{"organisation", "audit", "controller", compliance, []Extent{o, o, n, o, o, n}},
		{"front desk", "front-desk", "front-desk", request, []Extent{w, n, n, n, n, n}},

		{"auditor, to run the service", "audit", "auditor", Asked{Purpose: []string{"HOPERAT"}}, []Extent{w, w, w, w, o, w}},
		{"auditor, on request", "audit", "auditor", request, []Extent{n, n, n, n, n, n}},
		{"auditor, with a request", "audit", "auditor", Asked{[]string{"HCOMPL"}, "SAR-1", entry.ByDocuments}, []Extent{n, n, n, n, n, n}},
		{"auditor, without a purpose", "audit", "auditor", Asked{}, []Extent{n, n, n, n, n, n}},
		{"auditor, for care", "audit", "auditor", Asked{Purpose: []string{"TREAT"}}, []Extent{n, n, n, n, n, n}},
		{"auditor, for two purposes", "audit", "auditor", Asked{Purpose: []string{"HCOMPL", "HMARKT"}}, []Extent{n, n, n, n, n, n}},
		{"auditor's submit key", "submit", "auditor", compliance, []Extent{n, n, n, n, n, n}},
		{"auditor's front-desk key", "front-desk", "auditor", request, []Extent{n, n, n, n, n, n}},
		{"organisation, on request", "audit", "controller", request, []Extent{n, n, n, n, n, n}},
		{"organisation's front-desk key", "front-desk", "controller", request, []Extent{n, n, n, n, n, n}},
		{"organisation, for research", "audit", "controller", Asked{Purpose: []string{"HRESCH"}}, []Extent{n, n, n, n, n, n}},
		{"front desk's audit key", "audit", "front-desk", request, []Extent{n, n, n, n, n, n}},
		{"front desk, for compliance", "front-desk", "front-desk", compliance, []Extent{n, n, n, n, n, n}},
		{"front desk, no request", "front-desk", "front-desk", Asked{Purpose: []string{"PATRQT"}}, []Extent{n, n, n, n, n, n}},
		{"front desk, no identity", "front-desk", "front-desk", Asked{[]string{"PATRQT"}, "SAR-1", ""}, []Extent{n, n, n, n, n, n}},
		{"front desk, unknown check", "front-desk", "front-desk", Asked{[]string{"PATRQT"}, "SAR-1", "face"}, []Extent{n, n, n, n, n, n}},
		{
			"front desk, for a relative", "front-desk", "front-desk", Asked{[]string{"FAMRQT"}, "SAR-1", entry.ByDocuments},
			[]Extent{n, n, n, n, n, n},
		},
		{"processor", "audit", "processor", compliance, []Extent{n, n, n, n, n, n}},
		{"source", "audit", "source", compliance, []Extent{n, n, n, n, n, n}},
		{"registrar", "audit", "registrar", compliance, []Extent{n, n, n, n, n, n}},
		{"enroller", "audit", "enroller", compliance, []Extent{n, n, n, n, n, n}},
		{"operator", "audit", "operator", compliance, []Extent{n, n, n, n, n, n}},
		{"nobody", "", "", request, []Extent{n, n, n, n, n, n}},
		{"person", SignIn, "", signedIn, []Extent{w, n, n, n, n, n}},
		{"person, for compliance", SignIn, "", compliance, []Extent{n, n, n, n, n, n}},
		{"person, without a session", SignIn, "", Asked{Purpose: []string{"PATRQT"}}, []Extent{n, n, n, n, n, n}},
		{"person, who showed documents", SignIn, "", request, []Extent{n, n, n, n, n, n}},
		{"person, with a key of an organisation", "submit", "", signedIn, []Extent{n, n, n, n, n, n}},
	} {
		for i, kind := range Kinds() {
			r, got, err := May(kind, []entry.Purpose{c.key}, []entry.Role{c.role}, c.asked)
			if got != c.extents[i] || (err == nil) != (got != Nothing) || (r == nil) != (got == Nothing) {
				t.Errorf("%s, %s: %q, want %q (%v)", c.name, kind, got, c.extents[i], err)
			}
		}
	}
}

// An organisation in several capacities reads in the one that permits what it asks.
func TestSeveralCapacities(t *testing.T) {
	keys := []entry.Purpose{entry.PurposeAudit, entry.PurposeFrontDesk}
	roles := []entry.Role{entry.RoleAuditor, entry.RoleController, entry.RoleFrontDesk}
	for want, asked := range map[string]Asked{"auditor": compliance, "front desk": request} {
		r, extent, err := May(History, keys, roles, asked)
		if err != nil || r.Name != want || extent != Whole {
			t.Errorf("%v reads as %+v: %v", asked, r, err)
		}
	}
	r, extent, err := May(History, keys, roles[1:], compliance)
	if err != nil || r.Name != "organisation" || extent != Own {
		t.Errorf("a board with a front desk reads for compliance as %+v, %s: %v", r, extent, err)
	}
}

func TestOwns(t *testing.T) {
	about := func(issuer string, b entry.Body, typ entry.Type) *entry.Entry {
		return &entry.Entry{Common: entry.Common{Issuer: issuer, Type: typ}, Body: b}
	}
	access := func(issuer, org string, event ...string) *entry.Entry {
		a := &entry.Access{Org: org, Event: event}
		a.Issuer = issuer
		return about(issuer, a, entry.TypeAccess)
	}
	for name, c := range map[string]struct {
		e    *entry.Entry
		want string // who owns it
	}{
		"an access to one's own record": {access("SRC", ""), "SRC"},
		"an access to another's":        {access("SRC", "CTL"), "SRC CTL"},
		"an access by an organisation that the ledger does not know": {
			about("SRC", &entry.Access{Common: entry.Common{Issuer: "SRC"}, Foreign: true}, entry.TypeAccess), "SRC",
		},
		"a reading":                           {access("OPR", "CTL", AuditLogUsed), "CTL"},
		"an access to the operator's records": {access("OPR", "CTL"), "OPR CTL"},
		"a look into one's own audit log":     {access("SRC", "CTL", AuditLogUsed), "SRC CTL"},
		"a question":                          {about("OPR", &entry.Decision{Org: "CTL", Holder: "SRC"}, entry.TypeDecision), "CTL SRC"},
		"a consent":                           {about("SRC", &entry.Consent{}, entry.TypeConsent), "SRC"},
		"a delegation":                        {about("SRC", &entry.Delegation{}, entry.TypeDelegation), "SRC"},
		"a link":                              {about("SRC", &entry.Link{}, entry.TypeLink), "SRC"},
		"a public entry":                      {about("SRC", &entry.Agreement{}, entry.TypeAgreement), ""},
	} {
		for _, org := range []string{"SRC", "CTL", "OPR", "OTH", ""} {
			want := slices.Contains(strings.Fields(c.want), org)
			if got := Owns(org, "OPR", c.e); got != want {
				t.Errorf("%s: %s owns it: %v", name, org, got)
			}
		}
	}
}

// An auditor sees from the entry of a reading whether the table permits it.
func TestCheck(t *testing.T) {
	reading := func(sub string, extent Extent, asked Asked) *entry.Access {
		return &entry.Access{Org: "CTL", Event: []string{AuditLogUsed}, Data: []string{extent.Code()}, Sub: sub,
			Purpose: asked.Purpose, Request: asked.Request, Identity: asked.Identity}
	}
	const person = "temp:SRC:1"
	personal := func(sub string, extent Extent, asked Asked, role, delegation string) *entry.Access {
		a := reading(sub, extent, asked)
		a.Org, a.Issuer, a.Role, a.Delegation = "", "OPR", []string{role}, delegation
		return a
	}
	operator := []entry.Role{entry.RoleOperator, entry.RoleSource}
	unmarked := reading(person, Whole, compliance)
	unmarked.Data = nil
	for name, c := range map[string]struct {
		a     *entry.Access
		roles []entry.Role
		want  error
	}{
		"an auditor":                      {reading(person, Whole, compliance), []entry.Role{"auditor"}, nil},
		"an auditor, a register":          {reading(entry.RegSources, Whole, compliance), []entry.Role{"auditor"}, nil},
		"an auditor, in bulk":             {reading(entry.RegEveryone, Whole, compliance), []entry.Role{"auditor"}, nil},
		"an organisation":                 {reading(person, Own, compliance), []entry.Role{"controller"}, nil},
		"an organisation's report":        {reading(entry.RegEveryone, Own, compliance), []entry.Role{"controller", "source"}, nil},
		"a front desk":                    {reading(person, Whole, request), []entry.Role{"controller", "front-desk"}, nil},
		"a front desk without a request":  {reading(person, Whole, Asked{Purpose: []string{"PATRQT"}}), []entry.Role{"front-desk"}, NoRequest},
		"a front desk, for compliance":    {reading(person, Whole, compliance), []entry.Role{"front-desk"}, BadUse},
		"a front desk, a register":        {reading(entry.RegSources, Whole, request), []entry.Role{"front-desk"}, NoReader},
		"a controller, all of it":         {reading(person, Whole, compliance), []entry.Role{"controller"}, BadExtent},
		"a controller, on request":        {reading(person, Own, request), []entry.Role{"controller"}, BadUse},
		"a controller, everyone":          {reading(entry.RegEveryone, Whole, compliance), []entry.Role{"controller"}, BadExtent},
		"a controller, a register":        {reading(entry.RegSources, Own, compliance), []entry.Role{"controller"}, NoReader},
		"without a purpose":               {reading(person, Whole, Asked{}), []entry.Role{"auditor"}, NoPurpose},
		"for marketing":                   {reading(person, Whole, Asked{Purpose: []string{"HMARKT"}}), []entry.Role{"auditor"}, BadUse},
		"without an extent":               {unmarked, []entry.Role{"auditor"}, BadExtent},
		"a processor":                     {reading(person, Own, compliance), []entry.Role{"processor"}, NoReader},
		"the person":                      {personal(person, Whole, signedIn, AsPerson, ""), operator, nil},
		"a delegate":                      {personal(person, Whole, signedIn, AsDelegate, "d"), operator, nil},
		"a delegate without a delegation": {personal(person, Whole, signedIn, AsDelegate, ""), operator, NoReader},
		"the person under a delegation":   {personal(person, Whole, signedIn, AsPerson, "d"), operator, NoReader},
		"the person, for compliance":      {personal(person, Whole, compliance, AsPerson, ""), operator, NoReader},
		"the person, part of it":          {personal(person, Own, signedIn, AsPerson, ""), operator, BadExtent},
		"the person, a register":          {personal(entry.RegSources, Whole, signedIn, AsPerson, ""), operator, NoReader},
		"the operator's staff, signed in": {personal(person, Whole, signedIn, "clerk", ""), operator, NoReader},
		"no organisation of the log":      {reading(person, Whole, compliance), nil, NoReader},
	} {
		if err := Check(c.a, c.roles); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// docs/READING.md has a row for each reader, with the extents that the table has.
func TestDocumentIsTheTable(t *testing.T) {
	data, err := os.ReadFile("../../docs/READING.md")
	if err != nil {
		t.Fatal(err)
	}
	words := map[Extent]string{Whole: "whole", Own: "own", Nothing: "–"}
	var rows []string
	for _, r := range Table {
		key, role := "sign-in", "–"
		if r.ByKey() {
			key, role = "`"+string(r.Purpose)+"`", "`"+string(r.Role)+"`"
		}
		row := "| " + r.Name + " | " + key + " | " + role + " | " + strings.Join(r.Uses, ", ")
		for _, k := range Kinds() {
			row += " | " + words[r.May[k]]
		}
		rows = append(rows, row+" |")
	}
	if want := strings.Join(rows, "\n") + "\n"; !strings.Contains(string(data), want) {
		t.Errorf("docs/READING.md does not have these rows:\n%s", want)
	}
}
