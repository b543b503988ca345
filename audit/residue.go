package audit

import (
	"encoding/base64"
	"strconv"
	"strings"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// The residue of an access (see tree.Residue) is the AuditEvent itself.
//
// The names are
//
//	action, outcome, recorded, occurred, occurredEnd, org, recipient, system, source, agreement
//	event/0/system, event/0/code and so on, for event, data, purpose and role
//	id (the subject's number, see idValue)
//	staff/id, staff/system, staff/name, staff/altId
//	staff/units/0/system, staff/units/0/value and so on
//	parties/0/id, parties/0/name, parties/0/address
//	text/why, text/justification, text/outcome, text/organisation, text/query, text/query64 (standard base64 of text/query)

// finish turns the tree into the residue of a.
func finish(r *tree.Residue, root object, a *entry.Access) {
	r.Finish(root, fields(a), tree.Personal{Name: "id", Least: 6}, tree.Personal{Name: "staff/name", Least: 4},
		tree.Personal{Name: "staff/id", Least: 4}, tree.Personal{Name: "staff/altId", Least: 4})
}

// fields returns the values of an entry's fields for templates. Empty and withheld fields are left
// out.
func fields(a *entry.Access) map[string]string {
	m := map[string]string{"{": "{"}
	set := func(name, v string) {
		if v != "" {
			m[name] = v
		}
	}
	for name, v := range map[string]string{
		"action": a.Action, "outcome": a.Outcome, "recorded": a.Recorded,
		"occurred": a.Occurred, "occurredEnd": a.OccurredEnd, "org": a.Org, "recipient": a.Recipient, "system": a.System,
		"source": a.Source, "agreement": a.Agreement, "id": tree.IDValue(a.Sub),
	} {
		set(name, v)
	}
	for name, list := range map[string][]string{"event": a.Event, "data": a.Data, "purpose": a.Purpose, "role": a.Role} {
		for i, claim := range list {
			system, code := splitClaim(claim)
			set(name+"/"+itoa(i)+"/system", system)
			set(name+"/"+itoa(i)+"/code", code)
		}
	}
	if s := a.Staff; s != nil {
		for name, v := range map[string]string{"id": s.ID, "system": s.System, "name": s.Name, "altId": s.AltID} {
			set("staff/"+name, v)
		}
		for i, u := range s.Units {
			system, value, _ := strings.Cut(u, "|")
			set("staff/units/"+itoa(i)+"/system", system)
			set("staff/units/"+itoa(i)+"/value", value)
		}
	}
	for i, p := range a.Parties {
		for name, v := range map[string]string{"id": p.ID, "name": p.Name, "address": p.Address} {
			set("parties/"+itoa(i)+"/"+name, v)
		}
	}
	if t := a.Text; t != nil {
		set("text/why", t.Why)
		set("text/justification", t.Justification)
		set("text/outcome", t.Outcome)
		set("text/organisation", t.Organisation)
		set("text/query", t.Query)
		set("text/query64", base64.StdEncoding.EncodeToString([]byte(t.Query)))
	}
	return m
}

// splitClaim splits "system|code". A plain code has no system.
func splitClaim(claim string) (system, code string) {
	if i := strings.LastIndexByte(claim, '|'); i >= 0 {
		return claim[:i], claim[i+1:]
	}
	return "", claim
}

func itoa(i int) string { return strconv.Itoa(i) }
