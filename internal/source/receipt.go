package source

import (
	"context"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/verifier"
	"igledger/verifier/fetch"
)

// Receipts checks the receipts of one log. It is not safe for concurrent use.
type Receipts struct {
	base, logKey string
	policy       *verifier.Policy
	genesis      *entry.Genesis // nil until the receipt of a sealed entry is checked
}

// NewReceipts returns a checker for the log with this verifier key, which it reads at base.
func NewReceipts(base, logKey string) (*Receipts, error) {
	policy, err := verifier.PolicyForLog(logKey)
	if err != nil {
		return nil, err
	}
	return &Receipts{base: base, logKey: logKey, policy: policy}, nil
}

// Origin returns the log's name.
func (r *Receipts) Origin() string { return r.policy.Logs[0].Origin }

// Check verifies a receipt; after it, a source may forget the event. It stops an operator that logs
// a different entry from the one submitted, files it under another person or under no person, or
// does not log it at all. It returns the proved index, whatever else the ledger said.
//
// If the receipt is not valid, the error is a *ReceiptError. Any other error means that the log's
// genesis, which holds the key for filing sealed entries, could not be read or is not valid.
func (r *Receipts) Check(ctx context.Context, e *entry.Entry, receipt *bundle.Receipt) (index uint64, err error) {
	if r.genesis == nil && e.Type.Sealed() { // without the genesis, CheckReceipt does not check the filing
		log, err := fetch.OpenSigned(ctx, r.base, r.logKey)
		if err != nil {
			return 0, err
		}
		r.genesis, err = log.Genesis(ctx)
		if err != nil {
			return 0, err
		}
	}
	got, report := verifier.CheckReceipt(verifier.ReceiptEvidence{Receipt: receipt, Entry: e, Policy: r.policy,
		Genesis: r.genesis})
	if err := report.Err(); err != nil {
		return 0, &ReceiptError{e.ID, err}
	}
	return got.Index, nil
}
