// Package readers says who may read what a ledger holds about people. It is one table, Table, by
// which the API answers and by which an auditor judges the readings that the operator logged.
// docs/READING.md is the same table in words, and a test compares the two.
package readers

import (
	"slices"

	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

// Kind is a kind of data about people.
type Kind string

// The kinds.
const (
	// History is the entries of one person who is named by id: search, statement and extract. It
	// includes consents, delegations and links.
	History Kind = "history"
	// Opening is one entry by its position, without naming the person.
	Opening Kind = "opening"
	// Register is the history of a register that stands in place of a person: see entry.IsRegister.
	Register Kind = "register"
	// Report is what information governance officers act on, which names no person.
	Report Kind = "report"
	// Note is what officers or auditors noted about an access that stands out. It is not in the
	// log, and is nobody's but their organisation's.
	Note Kind = "note"
	// Bulk is the openings and the feed of all entries.
	Bulk Kind = "bulk"
)

// Kinds returns all kinds, in the order of the documents.
func Kinds() []Kind { return []Kind{History, Opening, Register, Report, Note, Bulk} }

// Extent is how much of a kind a reader may have.
type Extent string

// The extents.
const (
	Nothing Extent = ""
	Own     Extent = "own"   // only what Owns says is the organisation's
	Whole   Extent = "whole" // everything that was asked for
)

// Reader is a row of the table: someone who reads in one capacity.
type Reader struct {
	Name    string
	Purpose entry.Purpose // of the key that signs the caller's token; or SignIn
	Role    entry.Role    // of the caller's organisation; "": of none, because they read for themselves
	Uses    []string      // purposes of use that they may state, with all narrower ones
	// OnRequest: they read because the person asked. They state the purpose in Uses itself, the
	// reference of the request, and how they checked who asked.
	OnRequest bool
	May       map[Kind]Extent
}

// SignIn stands for the purpose of a key where the reader has none and signed in. No key can be for
// it, so nothing but a page that checked who signed in can claim it.
const SignIn entry.Purpose = "sign-in"

// Table says who may read what. Nobody else may read anything.
var Table = []Reader{
	{
		// The person, or someone who acts for them. The reference of the request is the session's.
		Name: "person", Purpose: SignIn,
		Uses: []string{"PATRQT"}, OnRequest: true,
		May: map[Kind]Extent{History: Whole},
	},
	{
		Name: "auditor", Purpose: entry.PurposeAudit, Role: entry.RoleAuditor,
		Uses: []string{"HOPERAT"},
		May:  map[Kind]Extent{History: Whole, Opening: Whole, Register: Whole, Report: Whole, Note: Own, Bulk: Whole},
	},
	{
		Name: "front desk", Purpose: entry.PurposeFrontDesk, Role: entry.RoleFrontDesk,
		Uses: []string{"PATRQT"}, OnRequest: true,
		May: map[Kind]Extent{History: Whole},
	},
	{
		Name: "organisation", Purpose: entry.PurposeAudit, Role: entry.RoleController,
		Uses: []string{"HOPERAT"},
		May:  map[Kind]Extent{History: Own, Opening: Own, Report: Own, Note: Own},
	},
}

// ByKey reports whether the reader shows who they are by a key of an organisation, as callers of
// the API do, and not by signing in.
func (r *Reader) ByKey() bool { return r.Purpose != SignIn }

// Asked is what a caller states about a reading.
type Asked struct {
	Purpose  []string       // purposes of use
	Request  string         // reference of the person's request
	Identity entry.Identity // how the identity of the person was checked
}

// Denied says why a reading is not permitted. It depends on the table, the caller and what the
// caller stated, never on what the ledger holds.
type Denied string

func (d Denied) Error() string { return string(d) }

// Why a reading is denied.
const (
	NoReader  Denied = "the caller's key and organisation may not read this"
	NoPurpose Denied = "the reading must state its purpose"
	BadUse    Denied = "this caller may not read for the purpose that it states"
	NoRequest Denied = "a reading for the person needs the reference of their request and how their identity was checked"
	Requested Denied = "only the front desk reads on a person's request"
)

// May returns in which capacity someone reads a kind of data, and how much of it they may have. The
// capacity is the first of the table that fits the caller and permits what they ask. If none does,
// May returns why the first that fits the caller does not.
func May(kind Kind, purposes []entry.Purpose, roles []entry.Role, asked Asked) (*Reader, Extent, error) {
	var why error
	for i := range Table {
		r := &Table[i]
		if r.May[kind] == Nothing || !slices.Contains(purposes, r.Purpose) ||
			r.Role != "" && !slices.Contains(roles, r.Role) {
			continue
		}
		err := r.permits(asked)
		if err == nil {
			return r, r.May[kind], nil
		}
		if why == nil {
			why = err
		}
	}
	if why == nil {
		why = NoReader
	}
	return nil, Nothing, why
}

// permits returns why the reader may not read for what is asked, or nil.
func (r *Reader) permits(asked Asked) error {
	if len(asked.Purpose) == 0 {
		return NoPurpose
	}
	for _, p := range asked.Purpose {
		fits := func(use string) bool { return use == p || !r.OnRequest && purpose.Subsumes(use, p) }
		if !slices.ContainsFunc(r.Uses, fits) {
			return BadUse
		}
	}
	stated := asked.Request != "" && slices.Contains(entry.Identities(), asked.Identity) &&
		(r.ByKey() || asked.Identity == entry.BySignIn)
	switch {
	case r.OnRequest && !stated:
		return NoRequest
	case !r.OnRequest && (asked.Request != "" || asked.Identity != ""):
		return Requested
	}
	return nil
}

// Owns reports whether a sealed entry is an organisation's: see Owners.
func Owns(org, operator string, e *entry.Entry) bool {
	return org != "" && slices.Contains(Owners(operator, e), org)
}

// Owners returns the organisations whose a sealed entry is: an access that one made or to a record
// that it holds, a question about one, or a consent, delegation or link that it recorded itself.
// What others recorded of a person's choices is nobody's but the person's, so that those whom a
// refusal restricts do not read it. A reading of the ledger is the reader's, not the operator's,
// and if the reader signed in as the person, nobody's but the person's.
func Owners(operator string, e *entry.Entry) []string {
	switch b := e.Body.(type) {
	case *entry.Access:
		switch {
		case BySignIn(operator, b):
			return nil
		case IsReading(operator, b):
			return []string{b.Accessor()}
		}
		return []string{b.Accessor(), b.Issuer}
	case *entry.Decision:
		return []string{b.Org, b.Holder}
	}
	if e.Type.Sealed() {
		return []string{e.Issuer}
	}
	return nil
}
