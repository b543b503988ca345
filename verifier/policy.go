package verifier

import "igledger/ledger/proof/cosign"

// Policy is whom a verifier trusts: the logs that they know and the cosigners that they ask for, in
// the C2SP tlog-policy format. It comes from the verifier, never from the log.
type Policy = cosign.Policy

// Cosignature is a verified cosignature by a cosigner of the policy.
type Cosignature = cosign.Cosignature

// ParsePolicy parses a policy file strictly. An error is a *cosign.PolicyError.
func ParsePolicy(data []byte) (*Policy, error) { return cosign.ParsePolicy(data) }

// PolicyForLog returns a policy that knows one log and asks for no cosigners. With it, that
// everyone sees the same log is the operator's word alone.
func PolicyForLog(vkey string) (*Policy, error) { return cosign.PolicyForLog(vkey) }
