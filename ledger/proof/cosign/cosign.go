// Package cosign reads and writes cosignatures (C2SP tlog-cosignature, Ed25519, "cosignature/v1")
// and the policies that state which cosigners are required (C2SP tlog-policy).
//
// It promises that a cosignature which Read returns as good is by that cosigner's key, over that
// very checkpoint and the time it states. A policy is read strictly, a key counts once in it, and a
// log is never its own witness.
//
// It does not promise that a cosigner is honest or that its clock is right. What an auditor's
// cosignature states beyond a witness's is not part of the format: see docs/FORMATS.md section 12.
package cosign

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// algorithm is the signature type of an Ed25519 cosigner in a verifier key.
const algorithm = 0x04

// size is the number of bytes that a signature line holds in base64: key id ‖ u64 seconds since
// 1970 ‖ Ed25519 signature.
const size = 4 + 8 + ed25519.SignatureSize

// Cosigner is a witness or an auditor whose cosignatures can be verified.
type Cosigner struct {
	Name    string // its name in the policy, chosen by the author of the policy
	KeyName string // its name in the key and on its signature lines
	VKey    string // C2SP verifier key, in the only spelling that New accepts
	URL     string // C2SP tlog-witness submission prefix; "": it is not asked, it submits by itself
	id      [4]byte
	key     ed25519.PublicKey
}

// New reads a C2SP verifier key "<key name>+<key id>+<base64 of 0x04 ‖ Ed25519 key>". name is the
// caller's name for the cosigner.
func New(name, vkey string) (*Cosigner, error) {
	keyName, rest, ok := strings.Cut(vkey, "+")
	id, encoded, ok2 := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || !ok2 || !validKeyName(keyName) || err != nil || len(raw) == 0 || strings.ContainsAny(encoded, "\r\n") {
		return nil, fmt.Errorf("cosigner %q: not a verifier key <name>+<key id>+<base64>", name)
	}
	if raw[0] != algorithm || len(raw) != 1+ed25519.PublicKeySize {
		return nil, fmt.Errorf("cosigner %q: the key has type 0x%02x and %d bytes; want type 0x04 and 32 bytes, "+
			"an Ed25519 cosigner (ML-DSA is not supported yet, type 0x01 is a log's)", name, raw[0], len(raw)-1)
	}
	c := &Cosigner{
		Name: name, KeyName: keyName, VKey: vkey,
		key: ed25519.PublicKey(raw[1:]), id: keyID(keyName, raw[1:]),
	}
	if hex.EncodeToString(c.id[:]) != id {
		return nil, fmt.Errorf("cosigner %q: the key id does not match the name and key: "+
			"check for a typing error or a replaced key", name)
	}
	if _, err := (wire.JWK{Kty: "OKP", Crv: "Ed25519", X: wire.Bytes(c.key)}).Public(); err != nil {
		return nil, fmt.Errorf("cosigner %q: not a safe Ed25519 key: %w", name, err)
	}
	return c, nil
}

func keyID(keyName string, key []byte) [4]byte {
	h := sha256.Sum256(append([]byte(keyName+"\n\x04"), key...))
	return [4]byte(h[:4])
}

func validKeyName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r == '+' || unicode.IsSpace(r) || r == unicode.ReplacementChar
	})
}

// Key returns the verifier key that New reads.
func Key(keyName string, key ed25519.PublicKey) string {
	id := keyID(keyName, key)
	return keyName + "+" + hex.EncodeToString(id[:]) + "+" +
		base64.StdEncoding.EncodeToString(append([]byte{algorithm}, key...))
}

// Sign returns the signature line, line feed included, that a cosigner adds to a checkpoint. It
// checks nothing. A witness must cosign only after a consistency proof, an auditor only after it
// has recomputed what its cosignature states.
func Sign(keyName string, key ed25519.PrivateKey, c proof.Checkpoint, at time.Time) string {
	id := keyID(keyName, key.Public().(ed25519.PublicKey))
	b := binary.BigEndian.AppendUint64(id[:], uint64(at.Unix()))
	b = append(b, ed25519.Sign(key, message(c, uint64(at.Unix())))...)
	return "— " + keyName + " " + base64.StdEncoding.EncodeToString(b) + "\n"
}

func message(c proof.Checkpoint, at uint64) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, c.Text())
}

// Cosignature is a cosignature that has been verified.
type Cosignature struct {
	By   *Cosigner
	Time time.Time // by the cosigner's clock, UTC, to the second
	Line string    // the signature line, line feed included
}

// Bad is a line that is not a valid cosignature: it was altered, or claims a cosignature that was
// never made.
type Bad struct {
	By  *Cosigner // the cosigner that it claims; nil: it is not a signature line
	Err error
}

// Why a line is bad. Test with errors.Is.
var (
	ErrNoLine    = errors.New("not a signature line")
	ErrSignature = errors.New("the signature does not verify over this checkpoint and the time it states")
)

// Read verifies the lines of cosigners below a checkpoint. signed is a signed note on which the
// caller has verified the log's own signature and from which it has read head. All good lines are
// returned in their order, so one cosigner may occur several times, also with times in the future:
// see Latest. Lines of others are ignored.
func Read(signed []byte, head proof.Checkpoint, cosigners []*Cosigner) (good []Cosignature, bad []Bad) {
	_, lines, _ := strings.Cut(string(signed), "\n\n")
	return ReadLines(lines, head, cosigners)
}

// ReadLines is Read for signature lines without a checkpoint, as in the answer of a witness.
func ReadLines(lines string, head proof.Checkpoint, cosigners []*Cosigner) (good []Cosignature, bad []Bad) {
	for line := range strings.Lines(lines) {
		name, sig, err := split(line)
		if err != nil {
			bad = append(bad, Bad{nil, err})
			continue
		}
		for _, c := range cosigners {
			if c.KeyName != name || c.id != [4]byte(sig) {
				continue
			}
			if at, err := c.verify(sig, head); err != nil {
				bad = append(bad, Bad{c, err})
			} else {
				good = append(good, Cosignature{c, at, line})
			}
		}
	}
	return good, bad
}

// split reads "— <key name> <base64>\n" strictly: one line has one spelling.
func split(line string) (name string, sig []byte, err error) {
	rest, ok := strings.CutPrefix(line, "— ")
	rest, ok2 := strings.CutSuffix(rest, "\n")
	name, encoded, ok3 := strings.Cut(rest, " ")
	sig, err = base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || !ok2 || !ok3 || !validKeyName(name) || err != nil || strings.Contains(encoded, "\r") || len(sig) < 5 {
		return "", nil, ErrNoLine
	}
	return name, sig, nil
}

// verify returns the time of a cosignature on head. sig is the content of a signature line.
func (c *Cosigner) verify(sig []byte, head proof.Checkpoint) (time.Time, error) {
	if len(sig) != size {
		return time.Time{}, fmt.Errorf("%w: %d bytes, want %d", ErrSignature, len(sig), size)
	}
	at := binary.BigEndian.Uint64(sig[4:])
	if at == 0 {
		return time.Time{}, fmt.Errorf("%w: it states no time", ErrSignature)
	}
	if !ed25519.Verify(c.key, message(head, at), sig[12:]) {
		return time.Time{}, ErrSignature
	}
	return time.Unix(int64(min(at, never)), 0).UTC(), nil
}

// never is a time, in seconds since 1970, that no clock shows: about the year 36800. Larger ones
// are read as it, because a time.Time of 2^63 seconds wraps round into the past.
const never = 1 << 40

// leeway is how far a cosigner's clock may be ahead of ours.
const leeway = 5 * time.Minute

// Latest returns the latest cosignature of each cosigner, in the order in which the cosigners first
// occur. Cosignatures that are later than now by more than 5 minutes are not counted; they are
// returned as early. If now is zero, because the caller has no clock, all are counted but those of
// the year 36800 and later.
func Latest(list []Cosignature, now time.Time) (counted, early []Cosignature) {
	at := map[*Cosigner]int{}
	for _, s := range list {
		i, again := at[s.By]
		switch {
		case s.Time.Unix() >= never, !now.IsZero() && s.Time.After(now.Add(leeway)):
			early = append(early, s)
		case !again:
			at[s.By] = len(counted)
			counted = append(counted, s)
		case s.Time.After(counted[i].Time):
			counted[i] = s
		}
	}
	return counted, early
}
