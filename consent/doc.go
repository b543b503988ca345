// Package consent will hold data-sharing agreements and consents: their states, the signatures they need, and FHIR Consent.
//
// It holds nothing yet. Until it does, an access may name the agreement it relied on (entry.Access.Agreement), and nothing in igledger
// checks that such an agreement exists, is in force or covers the access.
package consent
