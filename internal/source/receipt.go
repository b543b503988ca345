package source

import (
	"context"
	"errors"
	"strings"
	"time"

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
	policy       *verifier.Policy // knows this log only, by this key
	now          func() time.Time
	genesis      *entry.Genesis // nil until the receipt of a sealed entry is checked
	filings      verifier.Filings
	heads        verifier.Heads
}

// NewReceipts returns a checker for the log with this verifier key, which it reads at base. It asks
// for no cosigner.
func NewReceipts(base, logKey string) (*Receipts, error) {
	logKey = strings.TrimSpace(logKey)
	log, err := verifier.LogKey(logKey)
	if err != nil {
		return nil, err
	}
	policy, err := verifier.PolicyForLog(logKey)
	if err != nil {
		return nil, err
	}
	return &Receipts{base: base, logKey: logKey, log: log, policy: policy, now: time.Now}, nil
}

// under makes the checker ask for the cosigners of a policy.
func (r *Receipts) under(p *verifier.Policy) error {
	log := p.Log(r.Origin())
	if log == nil || !log.Has(r.logKey) {
		return errors.New("the policy does not know the log of this verifier key")
	}
	own := *p
	own.Logs = r.policy.Logs
	r.policy = &own
	return nil
}

// Origin returns the log's name.
func (r *Receipts) Origin() string { return r.log.Name() }

// Check verifies a receipt. It stops an operator that logs a different entry from the one
// submitted, files it under another person or under no person, or does not log it at all. It
// returns the proved index, whatever else the ledger said.
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
	got, err := r.check(e, receipt, r.now())
	return got.Index, err
}

// check is Check once the genesis is known. A receipt of which only the policy's quorum is missing
// is valid: Receipted.Quorum says so.
func (r *Receipts) check(e *entry.Entry, receipt *bundle.Receipt, now time.Time) (verifier.Receipted, error) {
	got, report := verifier.CheckReceipt(verifier.ReceiptEvidence{
		Receipt: receipt, Entry: e, Policy: r.policy, Now: now, Genesis: r.genesis,
		Filings: &r.filings, Heads: &r.heads,
	})
	if err := report.Err(); err != nil && !report.OnlyQuorum() {
		return got, &ReceiptError{e.ID, err}
	}
	return got, nil
}

// enough reports whether a valid receipt lets the source forget.
func (r *Receipts) enough(got verifier.Receipted) bool { return r.policy.AsksNobody() || got.Quorum }
