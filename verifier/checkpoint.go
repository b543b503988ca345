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

func openCheckpoint(signed []byte, log note.Verifier) (proof.Checkpoint, *Failure) {
	c, err := proof.OpenCheckpoint(signed, log)
	if err != nil {
		f := failure(err, nil, CheckCheckpointSignature)
		f.Expected = fmt.Sprintf("a checkpoint signed by %s, key %08x", log.Name(), log.KeyHash())
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
