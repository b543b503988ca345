// Package draft reads data-sharing agreements as information governance officers write them, in YAML or JSON, and says what is wrong in their words.
//
// What is promised: what Read takes has the form of Schema and of entry.AgreementText, so an entry can be made of it. What is not: that the log takes it.
// Whether the organisations are registered and the version is the next is for package consent to say, from the log.
package draft
