package witness

import (
	"fmt"
	"time"

	"igledger/ledger/proof/cosign"
)

// read returns w's cosignature on head from the signature lines of an answer. It ignores lines of
// other keys, as tlog-witness requires. Of several lines by w it returns the latest, but if one of
// them does not verify it returns an error: that line is forged or damaged. This stops a witness,
// or an attacker who answers in its place, from having a line served with a checkpoint that the
// witness never saw.
func read(lines string, w *cosign.Cosigner, head Checkpoint, now time.Time) (cosign.Cosignature, error) {
	good, bad := cosign.ReadLines(lines, head.Checkpoint, []*cosign.Cosigner{w})
	switch {
	case len(bad) > 0 && bad[0].By == nil:
		return cosign.Cosignature{}, fmt.Errorf("%w: a line is %w", ErrMalformed, bad[0].Err)
	case len(bad) > 0:
		return cosign.Cosignature{}, fmt.Errorf("%w: %w", ErrBadCosignature, bad[0].Err)
	}
	latest, others := cosign.Latest(good, now)
	switch {
	case len(others) > 0:
		return cosign.Cosignature{}, fmt.Errorf("%w: %s", ErrBadCosignature, others[0].WhyNot())
	case len(latest) == 0:
		return cosign.Cosignature{}, fmt.Errorf("%w: the answer has none by its key", ErrBadCosignature)
	}
	return latest[0], nil
}
