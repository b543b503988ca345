package proof

import (
	"encoding/base64"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/wire"
)

// Checkpoint is a tree head (C2SP tlog-checkpoint) without extension lines.
type Checkpoint struct {
	Origin string    // of the log
	Size   uint64    // in leaves
	Root   wire.Hash // RFC 6962 tree hash
}

// Text returns the note text: the origin, the size in decimal and the root in standard base64, each
// followed by a line feed.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// Sign returns the checkpoint as a signed note (C2SP signed-note, Ed25519). If the signer's name is
// not the origin, it returns BadCheckpoint.
func (c Checkpoint) Sign(signer note.Signer) ([]byte, error) {
	if signer.Name() != c.Origin {
		return nil, wire.Errorf(wire.BadCheckpoint, "checkpoint", "the signer is not named %s", c.Origin)
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signer)
	if err != nil {
		return nil, wire.Errorf(wire.BadCheckpoint, "checkpoint", "signing failed")
	}
	return signed, nil
}

// OpenCheckpoint checks the log's signature on a signed note and reads its text strictly. If the
// log has several keys, one of them must have signed, and no line of another may be false. It stops
// everyone but the log from stating a tree head. It does not stop the log from stating two: that is
// what witnesses are for. It returns BadCheckpoint or TooLarge.
func OpenCheckpoint(signed []byte, log ...note.Verifier) (Checkpoint, error) {
	if len(signed) > MaxCheckpoint {
		return Checkpoint{}, wire.Errorf(wire.TooLarge, "checkpoint", "%d bytes, at most %d", len(signed), MaxCheckpoint)
	}
	n, err := note.Open(signed, note.VerifierList(log...))
	if err != nil {
		return Checkpoint{}, refusal(signed, err, log)
	}
	// note is lenient here, but one tree head has one spelling.
	for _, s := range n.Sigs {
		if _, err := std64.DecodeString(s.Base64); err != nil {
			return Checkpoint{}, wire.Errorf(wire.BadCheckpoint, "checkpoint", "the signature is not canonical base64")
		}
	}
	c, err := ParseCheckpointText(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != log[0].Name() {
		return Checkpoint{}, wire.Errorf(wire.BadCheckpoint, "checkpoint", "origin is not %s", log[0].Name())
	}
	return c, nil
}

// ParseCheckpointText reads a note text of exactly origin, size and root. If the text is anything
// else, it returns BadCheckpoint.
func ParseCheckpointText(text string) (Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 5)
	if len(lines) > 4 || len(lines) == 4 && lines[3] != "" {
		return Checkpoint{}, unread("it has extension lines below the root, which logs of this format never sign",
			"it may be of a log of another program. If this log serves it, ask its operator why")
	}
	if len(lines) != 4 {
		return Checkpoint{}, wire.Errorf(wire.BadCheckpoint, "checkpoint", "want exactly the lines origin, size, root")
	}
	if err := wire.CheckOrigin(lines[0]); err != nil {
		return Checkpoint{}, wire.Errorf(wire.BadCheckpoint, "checkpoint", "malformed origin")
	}
	size, err := parseDecimal(lines[1])
	if err != nil {
		return Checkpoint{}, wire.Errorf(wire.BadCheckpoint, "checkpoint", "malformed size")
	}
	root, err := decodeStd(lines[2])
	if err != nil {
		return Checkpoint{}, wire.Errorf(wire.BadCheckpoint, "checkpoint", "malformed root")
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

func parseDecimal(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != s || n >= 1<<62 {
		return 0, wire.Errorf(wire.BadCheckpoint, "number", "not a canonical decimal below 2^62")
	}
	return n, nil
}

var std64 = base64.StdEncoding.Strict()

func decodeStd(s string) (wire.Hash, error) {
	if strings.ContainsAny(s, "\r\n") {
		return wire.Hash{}, wire.Errorf(wire.BadBase64, "hash", "line break")
	}
	b, err := std64.DecodeString(s)
	if err != nil {
		return wire.Hash{}, wire.Errorf(wire.BadBase64, "hash", "not canonical base64")
	}
	if len(b) != 32 {
		return wire.Hash{}, wire.Errorf(wire.BadLength, "hash", "%d bytes, want 32", len(b))
	}
	return wire.Hash(b), nil
}
