// Package fhir reads FHIR Consent resources, R4 (4.0.1) and R5 (5.0.0), into consent entries and
// writes them back.
//
// It promises three things:
//
//   - A limit is enforced or the permission is not used. If a provision has a limit that no rule of
//     the ledger can express, a permission with that limit permits nothing, and a refusal with it
//     is taken without the limit. So a reading never permits more than the person did.
//   - Everything that is not enforced exactly is named in Imported.Unenforced.
//   - Nothing is dropped. The rest of the resource travels in the disclosure "fhir", so that an
//     imported Consent is written back as it came.
//
// It does not validate resources against profiles and does not look at scanned forms. It uses no
// clock and no network: references are not followed.
//
// How permit and deny are found. In R5 it is decision, and each level of provision is the opposite
// of the level around it. In R4 it is provision.type, and nested provisions are exceptions if they
// say the opposite. The policyRule codes OPTIN and OPTOUT are a base rule; a root provision that
// says the opposite is an exception to it.
//
// HL7's own examples use a root provision without type in both ways: as a limit of the base rule
// (Consent-example-smartonfhir) and as an exception to it (Consent-example-Emergency). With limits
// beyond its period, it makes an OPTIN permit nothing and leaves an OPTOUT whole.
//
// A refusal within a refusal wins over the permissions beside it. A permission within a permission
// narrows it, unless it is in R4's root provision and reaches beyond it in what both limit, as IHE
// PCF has it ("normal data, and this practitioner may also see restricted data"): then it permits
// besides.
//
// Who is meant. An actor is an organisation of the log; a member of staff, by the identifiers of a
// Practitioner that the Reference or the resource gives; or a unit, by those of a Location,
// HealthcareService or an Organization that is none of the log. A PractitionerRole is all that it
// names. Teams, groups, devices and relatives are not matched, unless the mapping names them.
package fhir

import (
	"igledger/consent/fhir/mapping"
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

// Conversion says which records are read, and what their references mean.
type Conversion struct {
	Issuer string // id of the organisation that reports the consent
	// Source is the name of the system that the resources are from, as accesses state it. With the
	// issuer, it scopes local numbers of patients. If it is "", it is tree.DefaultSource.
	Source string
	Map    *mapping.Map // what the organisation's own words mean; may be nil
}

// Imported is what a Consent resource says.
type Imported struct {
	// Consent has type, iss and sub. The caller sets aud, iat, jti and, if it knows them, agreement
	// and notice.
	Consent    *entry.Consent
	Release    Release
	Unenforced []Unenforced // in the order of reading

	undated bool // the resource does not say when it was decided
}

// Unenforced is an element that the ledger does not enforce exactly.
type Unenforced struct {
	Path string `json:"path"` // FHIR path, e.g. "Consent.provision.provision[0].data"
	Why  string `json:"why"`  // why not, and what follows from it, in words
}

// Code names one reason why a Consent cannot be read or written. Codes are stable.
type Code = tree.Code

// Error says which element was wrong. It never holds anything from the resource except positions.
type Error = tree.Error

// What can be wrong, apart from tree.BadJSON and tree.TooLarge.
const (
	NotConsent    Code = "not-a-consent"   // another resourceType, or a mix of R4 and R5
	Missing       Code = "missing-element" // an element without which the consent cannot be filed
	BadValue      Code = "bad-value"       // an element of the wrong kind or outside its required value set
	NoSubject     Code = "no-subject"      // it names no patient
	NotDecided    Code = "not-decided"     // a draft or a proposal: nothing has been decided
	NoDecision    Code = "no-decision"     // neither permit nor deny can be read from it
	NotUnderstood Code = "not-understood"  // modifierExtension or implicitRules, which must not be ignored
	BadConversion Code = "bad-conversion"  // the Conversion itself is not usable
	// the disclosure "fhir" does not make a Consent, or contradicts the claims
	BadResidue     Code = "bad-residue"
	NotExpressible Code = "not-expressible" // a rule that a Consent of this release cannot express
)

// Unenforceable is the only data code of a permission with limits that no rule can express. No
// access is to data of this name, so the rule permits nothing.
const Unenforceable = "urn:igledger:consent|unenforceable"

// AgreementURI followed by an agreement's id is the URI in policy.uri (R4) or policyBasis.url (R5).
// It names the agreement for which a consent was asked.
const AgreementURI = "urn:igledger:agreement:"

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
