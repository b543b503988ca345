// Package readings puts readings of the ledger into the ledger. Whoever shows what the ledger holds
// about a person, the API or the pages, logs the reading here first and shows nothing if it could
// not be logged.
package readings

import (
	"context"
	"errors"
	"time"

	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// Reading is a reading that readers.Table permits.
type Reading struct {
	readers.Asked
	Extent     readers.Extent
	Org        string       // whose officers or systems read; "" if the person signed in
	System     string       // through which they read
	Role       []string     // in which the reader signed in
	Staff      *entry.Staff // who read, if a person is known
	Delegation string       // under which someone acts for the person
	// ID is the jti of the entry, if that is not empty: a reading that is already in the log with
	// this jti is not logged again.
	ID string
}

// Log logs a reading of id's history as an access entry about id, signed by the operator, and
// returns when it is in the log. If it returns an error, nothing may be shown. In FHIR
// AuditEvent.type it is ATNA's "audit log used" (DICOM PS3.16 CID 400, 110101).
func Log(ctx context.Context, l *ledger.Log, now time.Time, r Reading, id string) error {
	e, err := entry.Sign(l.Operator(), &entry.Access{
		Common:     entry.Common{Issuer: l.Genesis().Operator.ID, Audience: l.Origin(), IssuedAt: now.Unix(), ID: r.ID},
		Source:     readers.Source,
		Org:        r.Org,
		System:     r.System,
		Event:      []string{readers.AuditLogUsed},
		Action:     "R",
		Data:       []string{r.Extent.Code()},
		Purpose:    r.Purpose,
		Role:       r.Role,
		Delegation: r.Delegation,
		Request:    r.Request,
		Identity:   r.Identity,
		Outcome:    "0",
		// To the second only, so that the log does not time the work of readers.
		Recorded: now.UTC().Format(time.RFC3339),
		Sub:      id,
		Staff:    r.Staff,
	})
	if err == nil {
		err = l.Append(ctx, e)[0].Err
	}
	if r.ID != "" && errors.Is(err, ledger.ErrConflict) {
		return nil
	}
	return err
}
