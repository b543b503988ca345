// Package draft reads data-sharing agreements as information governance officers write them, in
// YAML or JSON, and says what is wrong in words that officers use.
//
// It promises that what Read accepts has the form of Schema and of entry.AgreementText, so an entry
// can be made from it. It does not promise that the log accepts it. Package consent checks against
// the log whether the organisations are registered and the version is the next one.
package draft
