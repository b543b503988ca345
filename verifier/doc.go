// Package verifier holds every check that can be made on a ledger without trusting anyone: of a receipt (CheckReceipt), of an
// opening (CheckEntry), of two checkpoints (CheckConsistency), of a whole log leaf by leaf (LogReplay), of a statement
// (CheckStatement: all that the log holds about one person, and that nothing is missing) or an extract of it (CheckExtract), and
// of an operator's words against each other (CheckContradiction). Sources, commands and the browser call it; no other package
// checks these. VerifyReceipt, OpenLeaf and VerifyProof are for callers that need a yes or no.
//
// It promises: a check that passes has been recomputed from the bytes given, the log's verifier key or the caller's policy, and
// nothing else; whatever the log serves (tiles, bundles, proofs) is untrusted input until it leads to a signed checkpoint; a
// check that fails is a *Failure that names the entry, what was expected and found and what that means, and never carries a
// personal datum; a check that was not made is listed as skipped. It does not: fetch anything (package fetch does), keep state,
// read a clock. It cannot know whether the log shows others the same checkpoint, or whether the subject index holds what the log
// holds: for that it counts the cosignatures of the witnesses and auditors of the caller's Policy, and says so when the policy
// asks for none.
//
// How a statement is checked is told by check.statement in statement.go; its state is in check.go, and each step is in a file of
// its own: head.go (checkpoint, cosigners), ground.go (inclusion, genesis, index root), history.go (what is shown, and that it is
// all), linked.go, judge.go (who signed), findings.go (the report in words).
//
// It imports the formats and Merkle proofs only, no database and no network, and compiles to WebAssembly.
package verifier
