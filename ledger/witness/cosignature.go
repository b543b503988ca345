package witness

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"igledger/ledger/entry"
)

// algCosignature is the type of an Ed25519 cosigner's key (C2SP tlog-cosignature).
const algCosignature = 0x04

// clockAhead is how far ahead of ours a cosigner's clock may be: verifiers do not count what lies in the future.
const clockAhead = 5 * time.Minute

// errNone is an ErrBadCosignature.
var errNone = fmt.Errorf("%w: there is none by its key", ErrBadCosignature)

// Cosignature is a witness's word that at Time, by its clock, a checkpoint was the largest it had seen of a log that only ever grew.
type Cosignature struct {
	Name string // of the Witness
	VKey string // its verifier key
	Time time.Time
	Line string // C2SP signed-note signature line, line feed included
}

// key is a cosigner's, as its verifier key says.
type key struct {
	name   string
	id     [4]byte
	public ed25519.PublicKey
}

func parseKey(vkey string) (key, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	id, encoded, ok := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	switch {
	case !ok || err != nil || name == "" || strings.ContainsAny(encoded, "\r\n") || strings.ContainsFunc(name, unicode.IsSpace) || !utf8.ValidString(name):
		return key{}, errors.New("not a verifier key <name>+<key id>+<base64>")
	case len(raw) != 1+ed25519.PublicKeySize || raw[0] != algCosignature:
		return key{}, errors.New("not the key of an Ed25519 cosigner (type 0x04)")
	}
	h := sha256.Sum256(append([]byte(name+"\n"), raw...))
	if hex.EncodeToString(h[:4]) != id {
		return key{}, errors.New("the key id does not belong to name and key")
	}
	if _, err := (entry.JWK{Kty: "OKP", Crv: "Ed25519", X: entry.Bytes(raw[1:])}).Public(); err != nil {
		return key{}, fmt.Errorf("not an Ed25519 key that can be relied on: %w", err)
	}
	return key{name, [4]byte(h[:4]), raw[1:]}, nil
}

// verify looks for w's cosignature on head among signature lines and checks it. Lines of other keys say nothing and are passed over (tlog-witness asks for
// that); of several by w the latest is given, and none may be bad: a bad one is a lie or damage, and not to be kept for either. This stops a witness,
// or whoever answers in its place, from having its line served under a checkpoint that it never saw.
func (w *cosigner) verify(lines string, head entry.Checkpoint, now time.Time) (Cosignature, error) {
	best := Cosignature{Name: w.Name, VKey: w.VKey}
	for line := range strings.Lines(lines) {
		rest, ok := strings.CutPrefix(line, "— ")
		name, encoded, ok2 := strings.Cut(strings.TrimSuffix(rest, "\n"), " ")
		sig, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if !ok || !ok2 || !strings.HasSuffix(line, "\n") || name == "" || err != nil || strings.Contains(encoded, "\r") || len(sig) < 5 {
			return Cosignature{}, fmt.Errorf("%w: a line is no signature line", ErrMalformed)
		}
		if name != w.key.name || [4]byte(sig[:4]) != w.key.id {
			continue
		}
		at, err := w.key.open(sig[4:], head)
		if err != nil {
			return Cosignature{}, err
		}
		if at.After(now.Add(clockAhead)) {
			return Cosignature{}, fmt.Errorf("%w: its time is %s, which is yet to come", ErrBadCosignature, at.Format(time.RFC3339))
		}
		if best.Line == "" || at.After(best.Time) {
			best.Time, best.Line = at, line
		}
	}
	if best.Line == "" {
		return Cosignature{}, errNone
	}
	return best, nil
}

// open checks u64 time ‖ Ed25519 signature over "cosignature/v1", the time, and the checkpoint's text.
func (k *key) open(sig []byte, head entry.Checkpoint) (time.Time, error) {
	if len(sig) != 8+ed25519.SignatureSize {
		return time.Time{}, fmt.Errorf("%w: %d bytes", ErrBadCosignature, len(sig))
	}
	at := binary.BigEndian.Uint64(sig)
	if at == 0 || at > math.MaxInt64 {
		return time.Time{}, fmt.Errorf("%w: it states no time", ErrBadCosignature)
	}
	if !ed25519.Verify(k.public, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, head.Text()), sig[8:]) {
		return time.Time{}, fmt.Errorf("%w over this checkpoint and the time it states", ErrBadCosignature)
	}
	return time.Unix(int64(at), 0).UTC(), nil
}

// Cosignatures verifies the lines of known cosigners below a checkpoint that somebody else brings, e.g. an auditor. The caller has verified the log's
// own signature on it. A line of a known cosigner that does not verify is an error, and then none is given; one note by each cosigner at most.
func (c *Client) Cosignatures(head Checkpoint) ([]Cosignature, error) {
	_, lines, _ := strings.Cut(string(head.Note), "\n\n")
	var list []Cosignature
	for _, w := range c.list {
		if !strings.Contains(lines, "— "+w.key.name+" ") {
			continue
		}
		s, err := w.verify(lines, head.Checkpoint, c.cfg.Now())
		if errors.Is(err, errNone) {
			continue // the name, with another key
		}
		if err != nil {
			return nil, &AnswerError{Witness: w.Name, Size: head.Size, Err: err}
		}
		list = append(list, s)
	}
	return list, nil
}
