package verifier

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// LogKey parses a C2SP signed-note verifier key. The key's name is the log's origin.
func LogKey(vkey string) (note.Verifier, error) { return wire.NewLogVerifier(strings.TrimSpace(vkey)) }

// OpenCheckpoint checks the log's signature on a signed note and returns the tree head. It stops
// anyone but the log from stating a tree head. It does not verify lines of other signers, but they
// must be canonical base64 like the log's own, so that a note has only one spelling.
func OpenCheckpoint(signed []byte, log note.Verifier) (proof.Checkpoint, error) {
	c, f := openCheckpoint(signed, log)
	if f != nil {
		return c, f
	}
	return c, nil
}

// openCheckpoint takes several keys of one log, see cosign.PolicyLog.
func openCheckpoint(signed []byte, log ...note.Verifier) (proof.Checkpoint, *Failure) {
	c, err := proof.OpenCheckpoint(signed, log...)
	if err != nil {
		f := failure(err, nil, CheckCheckpointSignature)
		f.Expected = "a checkpoint signed by " + keysOf(log)
		return c, f
	}
	_, lines, _ := strings.Cut(string(signed), "\n\n")
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		sig := line[strings.LastIndexByte(line, ' ')+1:]
		if _, err := base64.StdEncoding.Strict().DecodeString(sig); err != nil {
			return c, &Failure{
				Check:    CheckCheckpointSignature,
				Expected: "signature lines in canonical base64",
				Found:    "another spelling of a signature",
				Meaning:  "the checkpoint was altered after it was signed, without changing what it says",
			}
		}
	}
	return c, nil
}

func keysOf(log []note.Verifier) string {
	if len(log) == 0 {
		return "a log with a key of an algorithm that this program knows"
	}
	var ids []string
	for _, v := range log {
		ids = append(ids, fmt.Sprintf("%08x", v.KeyHash()))
	}
	return log[0].Name() + ", key " + strings.Join(ids, " or ")
}
