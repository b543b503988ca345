package audit

import (
	"strings"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

// authzConsent is IHE BALP's profile for a decision on an access for which consents were
// considered.
const authzConsent = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.AuthZconsent"

// DecisionEvent returns a decision as a FHIR R4 AuditEvent of BALP's profile AuthZconsent, in JSON.
// consent is the id of the consent record that decided, "" if none did. The profile requires a
// consent, so the event then has one without a reference, which says so. The profile has no place
// for an agreement: it is in the user's policy, as in other events. plain says why the decision was
// made, and address is that of the system that asked.
func DecisionEvent(d *entry.Decision, consent, address string, plain []string) ([]byte, error) {
	decider := object{"type": "Device", "identifier": object{"value": d.Issuer}}
	outcome := "0"
	if d.Decision != "permit" {
		outcome = "8"
	}
	root := object{
		"resourceType": "AuditEvent",
		"meta":         object{"profile": []any{authzConsent}},
		"type":         codingObject(dcm + "|110113"),
		"subtype":      []any{codingObject("https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType|AuthZ-Consent")},
		"action":       "E", "recorded": d.Asked, "outcome": outcome, "outcomeDesc": strings.Join(plain, " "),
		"agent": []any{
			object{"type": concept(dcm + "|110150"), "who": object{"identifier": object{"value": d.System}}, "requestor": false,
				"network": object{"address": address, "type": "2"}},
			decisionUser(d),
			object{"type": concept(roleClass + "|PROV"), "requestor": false,
				"who": organisationReference(d.Org)},
			object{"type": concept(securityRole + "|authserver"), "who": decider, "requestor": false},
		},
		"source": object{"site": d.Audience, "observer": decider,
			"type": []any{codingObject("http://terminology.hl7.org/CodeSystem/security-source-type|6")}},
		"entity": []any{
			object{"type": codingObject(entityType + "|1"), "role": codingObject(objectRole + "|1"),
				"what": tree.PatientReference(d.Sub)},
			object{"type": codingObject(resourceTypes + "|Consent"), "what": consentReference(consent)},
		},
	}
	if d.ID != "" {
		root["id"] = d.ID
	}
	return writeTree(compact(root))
}

func decisionUser(d *entry.Decision) object {
	user := object{"type": concept(participation + "|IRCP"), "requestor": true, "who": object{"display": "not named"}}
	if s := d.Staff; s != nil {
		user["name"] = s.Name
		user["who"] = object{"identifier": compact(object{"system": s.System, "value": s.ID})}
	}
	for _, r := range d.Role {
		user["role"] = append(list(user["role"]), concept(r))
	}
	for _, p := range d.Purpose {
		if purpose.Known(p) {
			p = purpose.System + "|" + p
		}
		user["purposeOfUse"] = append(list(user["purposeOfUse"]), concept(p))
	}
	if d.Agreement != "" {
		user["policy"] = []any{AgreementURI + d.Agreement}
	}
	return compact(user)
}

func consentReference(id string) object {
	if id == "" {
		return object{"type": "Consent", "display": "no consent on file decided"}
	}
	return object{"type": "Consent", "identifier": object{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:" + id}}
}
