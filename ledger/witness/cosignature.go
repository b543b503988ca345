package witness

import (
	"fmt"
	"time"

	"igledger/ledger/proof/cosign"
)

// read looks for w's cosignature on head among the signature lines of an answer. Lines of other keys say nothing and are passed over (tlog-witness asks for
// that); of several by w the latest is given, and none may be bad: a bad one is a lie or damage, and not to be kept for either. This stops a witness,
// or whoever answers in its place, from having its line served under a checkpoint that it never saw.
func read(lines string, w *cosign.Cosigner, head Checkpoint, now time.Time) (cosign.Cosignature, error) {
	good, bad := cosign.ReadLines(lines, head.Checkpoint, []*cosign.Cosigner{w})
	switch {
	case len(bad) > 0 && bad[0].By == nil:
		return cosign.Cosignature{}, fmt.Errorf("%w: a line is %w", ErrMalformed, bad[0].Err)
	case len(bad) > 0:
		return cosign.Cosignature{}, fmt.Errorf("%w: %w", ErrBadCosignature, bad[0].Err)
	}
	latest, early := cosign.Latest(good, now)
	switch {
	case len(early) > 0:
		return cosign.Cosignature{}, fmt.Errorf("%w: its time is %s, which is yet to come", ErrBadCosignature, early[0].Time.Format(time.RFC3339))
	case len(latest) == 0:
		return cosign.Cosignature{}, fmt.Errorf("%w: there is none by its key", ErrBadCosignature)
	}
	return latest[0], nil
}
