// Package verifier holds every check of a ledger that needs no trust in its operator:
//
//   - CheckReceipt checks a receipt.
//   - CheckEntry checks an opening.
//   - CheckConsistency checks two checkpoints against each other.
//   - LogReplay checks a whole log, leaf by leaf.
//   - CheckStatement checks a statement: it shows everything that the log holds about one person,
//     and nothing is missing.
//   - CheckExtract checks an extract of a statement.
//   - CheckSeen compares a statement with what its reader saw before.
//   - CheckContradiction checks two signed documents of an operator against each other.
//
// Sources and commands call these functions; no other package makes these checks. The verifier of
// the browser (internal/web/verifier) is a second one, and tests hold its answers against this one.
// Callers that need only a yes or no use VerifyReceipt, OpenLeaf and VerifyProof.
//
// The package promises:
//
//   - A check that passes was recomputed from the given bytes and from the log's verifier key or
//     the caller's policy, and from nothing else.
//   - Everything that the log serves (tiles, bundles, proofs) is untrusted until it leads to a
//     signed checkpoint.
//   - A check that fails is a *Failure. It names the entry, what was expected, what was found and
//     what that means. It never carries a personal datum.
//   - A check that was not made is listed as skipped.
//
// It fetches nothing (package fetch does), keeps no state and reads no clock. It cannot know
// whether the log shows other people the same checkpoint, or whether the subject index holds
// everything that the log holds. For that it relies on the cosignatures of witnesses and auditors
// that the caller's Policy asks for, and it says so if the policy asks for none.
//
// check.statement in statement.go lists the steps by which a statement is checked, and check.go
// holds the state of that check. The steps are in head.go (checkpoint, cosigners), ground.go
// (inclusion, genesis, index root), history.go (what is shown, and that it is complete), linked.go,
// judge.go (who signed) and findings.go (the report in words).
//
// The package imports only the formats and Merkle proofs, no database and no network.
package verifier
