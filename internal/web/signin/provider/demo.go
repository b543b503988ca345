package provider

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"igledger/audit/demodata"
	"igledger/internal/web/signin"
)

// Who a client signs in.
const (
	citizens = "citizens"
	staff    = "staff"
)

// demoStaff are the members of staff who can sign in. None of them exists.
var demoStaff = []struct{ id, name, about, org, role string }{
	{"staff-1", "Isobel Overseer", "Information governance officer, NHS Lothian", "nhs-lothian", "ig-officer"},
	{"staff-2", "Gregor Steward", "Information governance officer, NHS Highland", "nhs-highland", "ig-officer"},
	{"staff-3", "Aileen Counter", "Front desk: prints a person's list for them", "desk-demo", "front-desk"},
	{"staff-4", "Duncan Locksmith", "Administrator of the keys of NHS Lothian", "nhs-lothian", "administrator"},
	{"staff-5", "Effie Ledgerwood", "Auditor", "audit-demo", "auditor"},
}

// roles are what the provider says of staff, and what it permits here.
var roles = map[string][]signin.Permission{
	"ig-officer":    {signin.Reports, signin.Agreements, signin.FollowUp},
	"front-desk":    {signin.FrontDesk},
	"administrator": {signin.Reports, signin.Administer},
	"auditor":       {signin.Reports, signin.Audit},
}

// People returns the people who can be chosen: those of the demonstration's events, in their order, and
// staff.
func People() []Person {
	var list []Person
	for n, p := range demodata.People() {
		u, _ := url.Parse(p.ID) // chi:… or nhs:…
		list = append(list, Person{
			Subject: fmt.Sprintf("citizen-%d", n+1), Name: p.Name, For: citizens, About: about(n),
			Claims: map[string]any{"name": p.Name, u.Scheme + "_number": u.Opaque},
		})
	}
	for _, s := range demoStaff {
		list = append(list, Person{
			Subject: s.id, Name: s.name, For: staff, About: s.about,
			Claims: map[string]any{"name": s.name, "organisation": s.org, "employee_number": s.id, "roles": []string{s.role}},
		})
	}
	return list
}

// about says of a person why to choose them.
func about(n int) string {
	if n == 0 {
		return "Start here: most happened to her record"
	}
	return ""
}

// StaffSystem is the identifier system of the demonstration's staff.
const StaffSystem = "https://staff.example/id"

// Settings returns how pages at the address public sign people in at this provider. Secrets are written
// into the folder dir.
func (p *Provider) Settings(dir, public string) (*signin.Config, error) {
	var c signin.Config
	for _, who := range []struct{ name, title string }{
		{citizens, "Demonstration account"}, {staff, "Demonstration account for staff"},
	} {
		client, err := p.AddClient(Client{ID: who.name, For: who.name,
			Callback:    public + "/sign-in/" + who.name + "/callback",
			SignedOut:   public + "/signed-out",
			BackChannel: public + "/sign-in/" + who.name + "/logout",
		})
		if err != nil {
			return nil, err
		}
		file := filepath.Join(dir, "sign-in-"+who.name+".secret")
		if err := os.WriteFile(file, []byte(client.Secret+"\n"), 0o600); err != nil {
			return nil, err
		}
		c.Issuers = append(c.Issuers, signin.Issuer{Name: who.name, Title: who.title, URL: p.issuer, ClientID: who.name,
			SecretFile: file, ACR: []string{Usual}, StepUp: []string{Strong}})
	}
	c.Issuers[0].For = signin.Citizen
	c.Issuers[0].Number = &signin.Number{CHI: "chi_number", NHS: "nhs_number"}
	c.Issuers[1].For = signin.Staff
	c.Issuers[1].Staff = &signin.StaffClaims{
		Organisation: signin.Organisation{Claim: "organisation", Is: map[string]string{}},
		ID:           "employee_number", System: StaffSystem,
		Permissions: signin.Mapped{Claim: "roles", Is: roles},
	}
	for _, s := range demoStaff {
		c.Issuers[1].Staff.Organisation.Is[s.org] = s.org
	}
	return &c, nil
}
