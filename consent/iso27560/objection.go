package iso27560

import (
	"slices"

	"igledger/ledger/entry"
)

// objects reports whether a record is an objection or a restriction that names no agreement: the
// person said no in general. What an agreement would say of retention, contacts and the legal
// basis, its record leaves out, and its process says what the refusal is about.
func (s *Source) objects(ruling *entry.Consent) bool {
	return ruling != nil && ruling.Rule.Decision == "deny" && len(Asked(s.Acts)) == 0
}

// objection returns the process and the organisations of a refusal without an agreement.
func (s Source) objection(x *entry.Consent) (process object, entities []any, err error) {
	u := under{s, &entry.AgreementText{Article9: []string{"h"}}} // none, but the data is health data
	purposes, data := u.purposes(x.Rule), u.data(x.Rule)
	if len(purposes) == 0 {
		purposes = []any{object{"@type": "dpv:Purpose", "dct:description": "every purpose for which consent or objection counts"}}
	}
	if len(data) == 0 {
		data = []any{object{"@type": "dpv:SpecialCategoryPersonalData", "skos:broader": object{"@id": "pd:MedicalHealth"},
			"dct:description": "everything in the person's record"}}
	}
	right, control := "eu-gdpr:A21", "The person objects. They may take the objection back where it was recorded."
	if x.Rule.Restricts {
		right, control = "eu-gdpr:A18", "The person restricts the use of their record. They may take it back where it was recorded."
	}
	process = object{
		"@type":                 "dpv:Process",
		"dpv:hasPurpose":        purposes,
		"dpv:hasPersonalData":   data,
		"dpv:hasDataController": []any{object{"@id": organisationIRI(x.Issuer)}},
		"dpv:hasRule":           u.rule(x.Rule),
		"dpv:hasJurisdiction":   object{"@id": "loc:" + s.Jurisdiction},
		"dpv:hasApplicableLaw":  []any{object{"@id": "gb:law-GDPR"}, object{"@id": "gb:law-DPA"}},
		"dpv:hasRight":          []any{object{"@type": []any{"dpv:DataSubjectRight", right}}},
		"dpv:hasConsentControl": object{"@type": "dpv:ConsentControl", "dct:description": control},
	}
	for i, id := range append([]string{x.Issuer}, x.Rule.Recipients...) {
		m := slices.IndexFunc(s.Organisations, func(m entry.Member) bool { return m.ID == id })
		if m < 0 || s.Organisations[m].Name == "" {
			return nil, nil, missing("party_name", "organisation "+id+" is not registered, or has no name")
		}
		role := partyTerms["recipient"]
		if i == 0 {
			role = partyTerms["controller"]
		} else if id == x.Issuer {
			continue
		}
		entities = append(entities, object{"@id": organisationIRI(id), "@type": []any{"dpv:Organisation", role},
			"dpv:hasIdentifier": id, "dpv:hasName": s.Organisations[m].Name, "schema:additionalType": s.Organisations[m].Kind})
	}
	return process, entities, nil
}
