package source

import (
	"context"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/verifier"
	"igledger/verifier/fetch"
)

// Receipts checks the receipts of one log. It is not safe for concurrent use.
type Receipts struct {
	base, logKey string
	log          note.Verifier
	genesis      *entry.Genesis // once the receipt of a sealed entry is to be checked
}

// NewReceipts returns a checker for the log with this verifier key, which is read at base.
func NewReceipts(base, logKey string) (*Receipts, error) {
	v, err := verifier.LogKey(logKey)
	if err != nil {
		return nil, err
	}
	return &Receipts{base: base, logKey: logKey, log: v}, nil
}

// Origin returns the log's name.
func (r *Receipts) Origin() string { return r.log.Name() }

// Check is what lets a source forget an event. It stops an operator that logs another entry than the one submitted,
// files it under another person or under nobody, or does not log it at all. It returns the index that is proven, whatever
// else the ledger said. The error is a *ReceiptError if the receipt does not hold. Any other error means that the log's
// genesis, with the key by which sealed entries are filed, could not be read or does not verify.
func (r *Receipts) Check(ctx context.Context, e *entry.Entry, receipt *bundle.Receipt) (index uint64, err error) {
	if r.genesis == nil && e.Type.Sealed() { // without it CheckReceipt skips the filing
		log, err := fetch.OpenSigned(ctx, r.base, r.logKey)
		if err != nil {
			return 0, err
		}
		if r.genesis, err = log.Genesis(ctx); err != nil {
			return 0, err
		}
	}
	got, report := verifier.CheckReceipt(verifier.ReceiptEvidence{Receipt: receipt, Entry: e, Log: r.log, Genesis: r.genesis})
	if err := report.Err(); err != nil {
		return 0, &ReceiptError{e.ID, err}
	}
	return got.Index, nil
}
