package proof

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/wire"
)

// Limits of a checkpoint. As many signature lines of ML-DSA-44 fit as may be there.
const (
	MaxCheckpoint = 1 << 19                // bytes, with all signature lines
	maxLines      = 100                    // signature lines; the limit of golang.org/x/mod/sumdb/note
	maxInclusion  = MaxCheckpoint + 16<<10 // bytes of an inclusion proof, which ends in a checkpoint
)

// unread returns why a note cannot be read, whoever signed it, and what to do.
func unread(found, do string) error {
	return wire.Unread(wire.BadCheckpoint, "checkpoint", wire.Fault{Found: found, Do: do})
}

// refusal returns why note.Open refused a note with err, which says less.
func refusal(signed []byte, err error, log []note.Verifier) error {
	var invalid *note.InvalidSignatureError
	var unverified *note.UnverifiedNoteError
	switch {
	case !wire.EditorFault(signed).IsZero():
		return malformed(signed)
	case errors.As(err, &invalid):
		return wire.Errorf(wire.BadCheckpoint, "checkpoint",
			"the signature of %s, key %08x, is not over this text", invalid.Name, invalid.Hash)
	case errors.As(err, &unverified):
		return wire.Errorf(wire.BadCheckpoint, "checkpoint", "not signed by %s; its signature lines are of %s",
			keysOf(log), signersOf(unverified.Note))
	}
	return malformed(signed)
}

func keysOf(log []note.Verifier) string {
	var keys []string
	for _, v := range log {
		keys = append(keys, fmt.Sprintf("%s, key %08x", v.Name(), v.KeyHash()))
	}
	if len(keys) == 0 {
		return "a key of a known algorithm"
	}
	return strings.Join(keys, ", or ")
}

// KeysNamed returns the hashes of the keys by which name says it signed a note, none if the note
// cannot be read. No signature is checked.
func KeysNamed(signed []byte, name string) (hashes []uint32) {
	var unverified *note.UnverifiedNoteError
	if _, err := note.Open(signed, note.VerifierList()); !errors.As(err, &unverified) {
		return nil
	}
	for _, s := range unverified.Note.UnverifiedSigs {
		if s.Name == name {
			hashes = append(hashes, s.Hash)
		}
	}
	return hashes
}

// signersOf lists the first signers that a note names.
func signersOf(n *note.Note) string {
	const enough = 4
	var names []string
	for i, s := range n.UnverifiedSigs {
		if i == enough {
			names = append(names, "others")
			break
		}
		names = append(names, fmt.Sprintf("%q (%08x)", s.Name, s.Hash))
	}
	return strings.Join(names, ", ")
}

// malformed says what is wrong with the form of a note.
func malformed(signed []byte) error {
	if f := wire.LineFault(signed); !f.IsZero() {
		return unread(f.Found, f.Do)
	}
	text, lines, ok := bytes.Cut(signed, []byte("\n\n"))
	switch {
	case len(signed) == 0:
		return unread("it is empty", "get the file again")
	case !ok, len(lines) == 0:
		return unread("it has no signature lines: they stand below the text and an empty line",
			"get the whole file; copying by hand may lose the empty line")
	case bytes.ContainsFunc(text, func(r rune) bool { return r < 0x20 && r != '\n' }):
		return unread("it has a control character", "get the file again; copying by hand may add tabs")
	case lines[len(lines)-1] != '\n':
		return unread("its last line does not end in a line feed: it was cut short", "get the whole file")
	}
	if n := bytes.Count(lines, []byte("\n")); n > maxLines {
		return unread(fmt.Sprintf("it has %d signature lines, and at most %d are read", n, maxLines),
			"remove lines of signers that are not in your policy: that does not change what the others signed")
	}
	n := 0
	for line := range strings.Lines(string(lines)) {
		if n++; !signatureLine(line) {
			return unread(fmt.Sprintf("signature line %d is not of the form: em dash, space, name, space, base64", n),
				"get the file again, or remove the line if its signer is not in your policy")
		}
	}
	return unread("it is not a signed note (C2SP signed-note)", "get the file again")
}

func signatureLine(line string) bool {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "— ")
	name, encoded, ok2 := strings.Cut(rest, " ")
	sig, err := base64.StdEncoding.DecodeString(encoded)
	return ok && ok2 && name != "" && !strings.Contains(name, "+") && err == nil && len(sig) >= 5
}
