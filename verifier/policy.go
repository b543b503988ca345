package verifier

import "igledger/ledger/proof/cosign"

// Policy is whose word somebody takes: the logs they know and the cosigners they ask for, in C2SP tlog-policy. It comes from whoever verifies, never from the log.
type Policy = cosign.Policy

// Cosignature is a good cosignature of a cosigner of the policy.
type Cosignature = cosign.Cosignature

// ParsePolicy reads a policy file strictly; an error is a *cosign.PolicyError.
func ParsePolicy(data []byte) (*Policy, error) { return cosign.ParsePolicy(data) }

// PolicyForLog is the policy that knows one log and asks for no cosigner: the operator alone is believed about what the log is.
func PolicyForLog(vkey string) (*Policy, error) { return cosign.PolicyForLog(vkey) }
