package verifier

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"

	"igledger/ledger/entry"
)

// A cosignature (C2SP tlog-cosignature, Ed25519, "cosignature/v1") is a cosigner's word that at a time of its own clock a checkpoint was the largest it had seen of a
// log that only ever grew. A signature line of a checkpoint carries it: base64 of key id (4 bytes) ‖ u64 seconds since 1970 ‖ Ed25519 signature (64). What an auditor's
// cosignature states besides is agreed outside the format: see docs/FORMATS.md.

// algCosignature is the signature type of an Ed25519 cosigner in a verifier key.
const algCosignature = 0x04

const cosignatureSize = 4 + 8 + ed25519.SignatureSize

// Cosigner is somebody whose cosignatures can be verified: a witness or an auditor.
type Cosigner struct {
	Name    string // in the policy; who it is to whoever wrote the policy
	KeyName string // in the key and on its signature lines
	URL     string // where it takes checkpoints; "" if not said
	id      [4]byte
	key     ed25519.PublicKey
}

// NewCosigner reads a C2SP verifier key "<key name>+<key id>+<base64 of 0x04 ‖ Ed25519 key>". name is what the caller calls it.
func NewCosigner(name, vkey string) (*Cosigner, error) {
	keyName, rest, ok := strings.Cut(vkey, "+")
	id, encoded, ok2 := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || !ok2 || !validKeyName(keyName) || err != nil || len(raw) == 0 {
		return nil, fmt.Errorf("cosigner %q: not a verifier key <name>+<key id>+<base64>", name)
	}
	if raw[0] != algCosignature || len(raw) != 1+ed25519.PublicKeySize {
		return nil, fmt.Errorf("cosigner %q: the key is of type 0x%02x and %d bytes; want type 0x04, an Ed25519 cosigner (ML-DSA is not supported yet, 0x01 is a log's)", name, raw[0], len(raw)-1)
	}
	c := &Cosigner{Name: name, KeyName: keyName, key: ed25519.PublicKey(raw[1:]), id: cosignerID(keyName, raw[1:])}
	if hex.EncodeToString(c.id[:]) != id {
		return nil, fmt.Errorf("cosigner %q: the key id does not belong to name and key: a typing error, or the key was exchanged", name)
	}
	if _, err := (entry.JWK{Kty: "OKP", Crv: "Ed25519", X: entry.Bytes(c.key)}).Public(); err != nil {
		return nil, fmt.Errorf("cosigner %q: not an Ed25519 key that can be relied on: %w", name, err)
	}
	return c, nil
}

func cosignerID(keyName string, key []byte) [4]byte {
	h := sha256.Sum256(append([]byte(keyName+"\n\x04"), key...))
	return [4]byte(h[:4])
}

func validKeyName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r == '+' || unicode.IsSpace(r) || r == unicode.ReplacementChar })
}

// CosignerKey writes the verifier key that NewCosigner reads.
func CosignerKey(keyName string, key ed25519.PublicKey) string {
	id := cosignerID(keyName, key)
	return keyName + "+" + hex.EncodeToString(id[:]) + "+" + base64.StdEncoding.EncodeToString(append([]byte{algCosignature}, key...))
}

// Cosign makes the signature line, line feed included, that a cosigner adds to a checkpoint. It checks nothing: a witness cosigns only after a consistency proof, an auditor
// only after it has recomputed what its word stands for.
func Cosign(keyName string, key ed25519.PrivateKey, c entry.Checkpoint, at time.Time) string {
	id := cosignerID(keyName, key.Public().(ed25519.PublicKey))
	b := binary.BigEndian.AppendUint64(id[:], uint64(at.Unix()))
	b = append(b, ed25519.Sign(key, cosignedMessage(c, uint64(at.Unix())))...)
	return "— " + keyName + " " + base64.StdEncoding.EncodeToString(b) + "\n"
}

func cosignedMessage(c entry.Checkpoint, at uint64) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, c.Text())
}

// verify reads the time of a cosignature on c; an error says why it is none. sig is what a signature line holds, key id included.
func (c *Cosigner) verify(sig []byte, head entry.Checkpoint) (time.Time, error) {
	if len(sig) != cosignatureSize {
		return time.Time{}, fmt.Errorf("%d bytes, want %d", len(sig), cosignatureSize)
	}
	at := binary.BigEndian.Uint64(sig[4:])
	if at > math.MaxInt64 || !ed25519.Verify(c.key, cosignedMessage(head, at), sig[12:]) {
		return time.Time{}, fmt.Errorf("a signature that does not verify over this checkpoint and the time it states")
	}
	return time.Unix(int64(at), 0).UTC(), nil
}

// Cosignature is a good cosignature.
type Cosignature struct {
	By   *Cosigner
	Time time.Time // by the cosigner's clock, UTC
}

// clockLeeway is how far a cosigner's clock may be ahead of ours.
const clockLeeway = 5 * time.Minute

// OpenCosignatures verifies, on a checkpoint that OpenCheckpoint has opened, the lines of cosigners. Lines of others say nothing and are passed over; a line of a
// known cosigner that does not verify is a failure: it was altered, or somebody claims a word never given. Cosignatures later than now (unless
// now is zero) count for nothing and are listed as skipped; of several by one cosigner the latest counts.
func OpenCosignatures(rep *Report, signed []byte, head entry.Checkpoint, cosigners []*Cosigner, now time.Time) []Cosignature {
	var list []Cosignature
	_, lines, _ := strings.Cut(string(signed), "\n\n")
	latest := map[*Cosigner]int{}
	for line := range strings.Lines(lines) {
		name, encoded, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(line, "— "), "\n"), " ")
		sig, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if !ok || err != nil || len(sig) < 4 {
			continue // OpenCheckpoint refuses what is no signature line
		}
		for _, c := range cosigners {
			if c.KeyName != name || c.id != [4]byte(sig[:4]) {
				continue
			}
			at, err := c.verify(sig, head)
			if err != nil {
				rep.Fail(&Failure{Check: CheckCosignature, Expected: "a cosignature of " + c.Name + " on this checkpoint", Found: err.Error(),
					Meaning: "a line claims the word of " + c.Name + " for a tree head that it never saw, or the line was altered: ask " + c.Name + " what it cosigned"})
				continue
			}
			if !now.IsZero() && at.After(now.Add(clockLeeway)) {
				rep.Skip(CheckCosignature, nil, "%s cosigned with the time %s, which is yet to come: it does not count", c.Name, at.Format(time.RFC3339))
				continue
			}
			if i, again := latest[c]; !again {
				latest[c] = len(list)
				list = append(list, Cosignature{c, at})
			} else if at.After(list[i].Time) {
				list[i].Time = at
			}
		}
	}
	return list
}
