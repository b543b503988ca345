package verifier

import (
	"time"

	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
)

// OpenCosignatures verifies, on a checkpoint that OpenCheckpoint has opened, the lines of cosigners. Lines of others say nothing and are passed over; a line of a
// known cosigner that does not verify is a failure: it was altered, or somebody claims a word never given. Cosignatures later than now (unless
// now is zero) count for nothing and are listed as skipped; of several by one cosigner the latest counts.
func OpenCosignatures(rep *Report, signed []byte, head proof.Checkpoint, cosigners []*cosign.Cosigner, now time.Time) []Cosignature {
	good, bad := cosign.Read(signed, head, cosigners)
	for _, b := range bad {
		by := "a cosigner"
		if b.By != nil {
			by = b.By.Name
		}
		rep.Fail(&Failure{Check: CheckCosignature, Expected: "a cosignature of " + by + " on this checkpoint", Found: b.Err.Error(),
			Meaning: "a line claims the word of " + by + " for a tree head that it never saw, or the line was altered: ask " + by + " what it cosigned"})
	}
	list, early := cosign.Latest(good, now)
	for _, s := range early {
		rep.Skip(CheckCosignature, nil, "%s cosigned with the time %s, which is yet to come: it does not count", s.By.Name, s.Time.Format(time.RFC3339))
	}
	return list
}
