package verifier

import (
	"time"

	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
)

// OpenCosignatures verifies the lines of cosigners on a checkpoint that OpenCheckpoint has opened,
// and returns the good ones. It ignores lines of signers that are not in cosigners. A line of a
// known cosigner that does not verify is a failure: it was altered or forged. A cosignature that
// states no time, or unless now is zero a later one, is not used and is listed as skipped. If a
// cosigner has several lines, the latest is used.
func OpenCosignatures(
	rep *Report, signed []byte, head proof.Checkpoint, cosigners []*cosign.Cosigner, now time.Time,
) []Cosignature {
	list, _ := openCosignatures(rep, signed, head, cosigners, now)
	return list
}

// openCosignatures is OpenCosignatures, and also counts those that are dated ahead of now.
func openCosignatures(
	rep *Report, signed []byte, head proof.Checkpoint, cosigners []*cosign.Cosigner, now time.Time,
) (list []Cosignature, ahead int) {
	good, bad := cosign.Read(signed, head, cosigners)
	for _, b := range bad {
		by := "a cosigner"
		if b.By != nil {
			by = b.By.Name
		}
		rep.Fail(&Failure{Check: CheckCosignature,
			Expected: "a cosignature of " + by + " on this checkpoint", Found: b.Err.Error(),
			Meaning: "the line says that " + by + " cosigned this checkpoint, but the signature is not valid: it was " +
				"forged or altered. Ask " + by + " what it cosigned"})
	}
	list, others := cosign.Latest(good, now)
	for _, s := range others {
		rep.Skip(CheckCosignature, nil, "the cosignature of %s is not used: %s", s.By.Name, s.WhyNot())
		if !s.Time.IsZero() {
			ahead++
		}
	}
	return list, ahead
}
