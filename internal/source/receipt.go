package source

import (
	"context"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
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

// Check is what lets a source forget an event: it stops an operator that logs another entry than the one submitted,
// files it under another person or under nobody, or does not log it at all. The error is a *ReceiptError if the receipt
// does not hold. Any other error means that the log's genesis, with the key by which sealed entries are filed, could not
// be read or does not verify.
func (r *Receipts) Check(ctx context.Context, e *entry.Entry, receipt *bundle.Receipt) error {
	if r.genesis == nil && e.Type.Sealed() {
		log, err := fetch.OpenSigned(ctx, r.base, r.logKey)
		if err != nil {
			return err
		}
		if r.genesis, err = log.Genesis(ctx); err != nil {
			return err
		}
	}
	var vrfKey wire.Hash
	if r.genesis != nil {
		vrfKey = r.genesis.VRFKey
	}
	if _, _, err := receipt.Check(e, r.log, vrfKey); err != nil {
		return &ReceiptError{e.ID, err}
	}
	return nil
}
