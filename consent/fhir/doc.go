// Package fhir reads FHIR Consent resources, R4 (4.0.1) and R5 (5.0.0), into consent entries and writes them back.
//
// It promises three things. What decides is read whole or not used: where a provision has a limit that no rule of the ledger can express, a permission
// with it permits nothing and a refusal with it is taken without it, so that a reading never permits more than the person did. Whatever is not
// enforced as it stands is named in Imported.Unenforced. And nothing is dropped: the rest of the resource travels in the disclosure "fhir", so that
// an imported Consent is given back as it came.
//
// It does not validate resources against profiles, does not look at scanned forms, and knows no clock and no network: references are not followed.
//
// How permit and deny are found. R5: decision, with each level of provision the opposite of the level around it. R4: provision.type, nested ones being
// exceptions where they say the opposite. policyRule OPTIN and OPTOUT are a base rule to which a root provision that says the opposite is an exception.
// A root provision without type is used both ways by HL7's own examples, as limit of the base rule (Consent-example-smartonfhir) and as exception
// to it (Consent-example-Emergency): with limits beyond its period it makes an OPTIN permit nothing and leaves an OPTOUT whole. A refusal within a
// refusal wins over the permissions beside it; a permission within a permission
// narrows it.
package fhir

import (
	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// Release is a release of FHIR.
type Release string

// The releases.
const (
	R4 Release = "R4"
	R5 Release = "R5"
)

// named returns the name that an element has in the release.
func (r Release) named(r4, r5 string) string {
	if r == R5 {
		return r5
	}
	return r4
}

// Conversion says whose records are read, and what their references mean.
type Conversion struct {
	Issuer        string            // organisation id of who reports the consent: scopes local patient numbers
	Systems       map[string]string // identifier system URI -> "chi" or "nhs", besides tree.DefaultSystems
	Organisations map[string]string // literal reference, e.g. "Organization/f001" -> organisation id in the log, besides identifiers of OrganisationSystems
}

// Imported is what a Consent resource says.
type Imported struct {
	Consent    *entry.Consent // type, iss and sub are set; left for the caller: aud, iat, jti and, where it knows them, agreement and notice
	Release    Release
	Unenforced []Unenforced // in the order of reading
}

// Unenforced is an element that the ledger does not enforce as it stands.
type Unenforced struct {
	Path string `json:"path"` // FHIR path, e.g. "Consent.provision.provision[0].data"
	Why  string `json:"why"`  // and what follows from it, in words
}

// Code names one way in which a Consent cannot be read or written. Codes are stable.
type Code = tree.Code

// Error says which element was wrong. It never holds anything out of the resource but positions.
type Error = tree.Error

// What can be wrong, besides tree.BadJSON and tree.TooLarge.
const (
	NotConsent     Code = "not-a-consent"   // resourceType is another one, or the resource mixes R4 and R5
	Missing        Code = "missing-element" // an element without which the consent cannot be filed
	BadValue       Code = "bad-value"       // an element of the wrong kind or outside its required value set
	NoSubject      Code = "no-subject"      // nobody, or no patient, whose consent it is
	NotDecided     Code = "not-decided"     // a draft, a proposal or a mistake: nobody has decided anything
	NoDecision     Code = "no-decision"     // neither permit nor deny can be read from it
	NotUnderstood  Code = "not-understood"  // modifierExtension or implicitRules, which must not be passed over
	BadConversion  Code = "bad-conversion"  // the Conversion itself is not usable
	BadResidue     Code = "bad-residue"     // the disclosure "fhir" does not give a Consent, or contradicts the claims
	NotExpressible Code = "not-expressible" // a rule that a Consent of this release cannot say
)

// Unenforceable stands as the only data of a permission that has limits no rule can express: no access is to data of this name, so it permits nothing.
const Unenforceable = "urn:igledger:consent|unenforceable"

// AgreementURI and the id of an agreement make the URI that policy.uri (R4) or policyBasis.url (R5) carries for the agreement a consent was asked for.
const AgreementURI = "urn:igledger:agreement:"

// OrganisationSystems are the identifier systems whose values are organisation ids as they stand: this ledger's own, and NHS ODS codes.
var OrganisationSystems = []string{ownOrganisation, "https://fhir.nhs.uk/Id/ods-organization-code"}

const ownOrganisation = "urn:igledger:organisation"

const (
	permit = "permit"
	deny   = "deny"
)

func opposite(decision string) string {
	if decision == permit {
		return deny
	}
	return permit
}
