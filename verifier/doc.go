// Package verifier holds every check that somebody who trusts nobody makes on a ledger: of a receipt (CheckReceipt), of an opening
// (CheckEntry), of two checkpoints (CheckConsistency), and of a whole log leaf by leaf (LogReplay).
//
// It promises: a check that passes has been recomputed from the bytes given, the log's verifier key, and nothing else; whatever the log
// serves (tiles, bundles, proofs) is untrusted input until it leads to a signed checkpoint; a check that fails is a *Failure that names the
// entry, what was expected and found and what that means, and never carries a personal datum; a check that was not made is listed as skipped.
// It does not: fetch anything (package fetch does), keep state, read a clock, decide whether the log shows others the same
// checkpoint (witnesses do) or whether a list of somebody's entries is complete (the subject index does).
//
// It imports the formats and Merkle proofs only, no database and no network, and compiles to WebAssembly.
package verifier
