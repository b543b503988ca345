package audit

import (
	"strings"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// authzConsent is IHE BALP's profile for a decision on an access for which consents were
// considered.
const authzConsent = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.AuthZconsent"

// DecisionEvent returns a decision as a FHIR R4 AuditEvent of BALP's profile AuthZconsent, in JSON.
// consent is the id of the consent record that decided, "" if that is not told. The profile
// requires a consent, so the event then has one without a reference. The profile has no place for
// an agreement: it is in the user's policy, as in other events. plain says why the decision was
// made, and address is that of the system that asked.
func DecisionEvent(d *entry.Decision, consent, address string, plain []string) ([]byte, error) {
	return writeTree(decisionEvent(d, consent, address, plain))
}

func decisionEvent(d *entry.Decision, consent, address string, plain []string) object {
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
			decisionClient(d, address),
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
	return compact(root)
}

// decisionClient is the system that asked. The profile requires it and its network.
func decisionClient(d *entry.Decision, address string) object {
	client := object{"type": concept(dcm + "|110150"), "who": object{"display": "not stated"}, "requestor": false,
		"network": object{"_address": unknownWhy()}}
	if d.System != "" {
		client["who"] = object{"identifier": object{"value": d.System}}
	}
	if address != "" {
		client["network"] = object{"address": address, "type": "2"}
	}
	return client
}

func decisionUser(d *entry.Decision) object {
	user := object{"type": concept(participation + "|IRCP"), "requestor": true, "who": object{"display": "not named"}}
	if s := d.Staff; s != nil {
		user["name"] = s.Name
		if s.ID != "" {
			user["who"] = object{"identifier": compact(object{"system": s.System, "value": s.ID})}
		} else if s.Name != "" {
			user["who"] = object{"display": s.Name}
		}
	}
	for _, r := range d.Role {
		user["role"] = append(list(user["role"]), concept(r))
	}
	for _, p := range d.Purpose {
		user["purposeOfUse"] = append(list(user["purposeOfUse"]), concept(purposeClaim(p)))
	}
	if d.Agreement != "" {
		user["policy"] = []any{AgreementURI + d.Agreement}
	}
	return compact(user)
}

func consentReference(id string) object {
	if id == "" {
		return object{"type": "Consent", "display": "not stated"}
	}
	return object{"type": "Consent", "identifier": object{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:" + id}}
}
