// Package cosign reads and writes cosignatures (C2SP tlog-cosignature: Ed25519 "cosignature/v1" and
// ML-DSA-44 "subtree/v1") and the policies that state which cosigners are required (C2SP
// tlog-policy).
//
// It promises that a cosignature which Read returns as good is by that cosigner's key, over that
// very checkpoint and the time it states. A policy is read strictly, and a key counts once in it.
//
// It does not promise that a cosigner is honest or that its clock is right. What an auditor's
// cosignature states beyond a witness's is not part of the format: see docs/FORMATS.md section 12.
package cosign

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"igledger/ledger/proof"
)

// Cosigner is a witness or an auditor whose cosignatures can be verified, or one whose algorithm is
// not known here: it is a member of its policy that has never cosigned.
type Cosigner struct {
	Name    string // its name in the policy, chosen by the author of the policy
	KeyName string // its name in the key and on its signature lines
	VKey    string // C2SP verifier key, in the only spelling that New accepts
	URL     string // C2SP tlog-witness submission prefix; "": it is not asked, it submits by itself

	key    verifierKey
	scheme scheme
	verify func(message, sig []byte) bool // nil: the algorithm is not known
}

// New reads a C2SP verifier key of an algorithm of tlog-cosignature. name is the caller's name for
// the cosigner. A key of another algorithm is not an error, see Known, but that of a log is.
func New(name, vkey string) (*Cosigner, error) {
	k, err := parseKey(vkey)
	if err == nil && k.algorithm == algorithmNote {
		err = fmt.Errorf("the key has type 0x01, with which a log signs; a cosigner's has type 0x%02x (%s) or 0x%02x (%s)",
			Ed25519, schemes[Ed25519].name, MLDSA44, schemes[MLDSA44].name)
	}
	if err != nil {
		return nil, fmt.Errorf("cosigner %q: %w", name, err)
	}
	c, err := open(k)
	if err != nil {
		return nil, fmt.Errorf("cosigner %q: not a safe key: %w", name, err)
	}
	c.Name = name
	return c, nil
}

func open(k verifierKey) (*Cosigner, error) {
	c := &Cosigner{KeyName: k.name, VKey: k.text, key: k}
	s, ok := schemes[k.algorithm]
	if !ok {
		return c, nil
	}
	c.scheme = s
	var err error
	c.verify, err = s.open(k.public)
	return c, err
}

// Known reports whether cosignatures of the cosigner's algorithm can be verified.
func (c *Cosigner) Known() bool { return c.verify != nil }

// Algorithm names the algorithm for people, for example "ML-DSA-44", or gives its number.
func (c *Cosigner) Algorithm() string {
	if !c.Known() {
		return fmt.Sprintf("type 0x%02x", byte(c.key.algorithm))
	}
	return c.scheme.name
}

// Cosignature is a cosignature that has been verified.
type Cosignature struct {
	By   *Cosigner
	Time time.Time // by the cosigner's clock, UTC, to the second; zero: it states no time
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
			if !c.Known() || c.KeyName != name || c.key.id != [4]byte(sig) {
				continue
			}
			if at, err := c.check(sig[4:], head); err != nil {
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

// check returns the time of a cosignature on head. sig is u64 seconds since 1970 ‖ signature.
func (c *Cosigner) check(sig []byte, head proof.Checkpoint) (time.Time, error) {
	if want := 8 + c.scheme.signature; len(sig) != want {
		return time.Time{}, fmt.Errorf("%w: %d bytes, want %d", ErrSignature, len(sig), want)
	}
	at := binary.BigEndian.Uint64(sig)
	if at == 0 && !c.scheme.undated {
		return time.Time{}, fmt.Errorf("%w: it states no time", ErrSignature)
	}
	if !c.verify(c.scheme.message(c.KeyName, head, at), sig[8:]) {
		return time.Time{}, ErrSignature
	}
	if at == 0 {
		return time.Time{}, nil
	}
	return time.Unix(int64(min(at, never)), 0).UTC(), nil
}

// never is a time, in seconds since 1970, that no clock shows: about the year 36800. Larger ones
// are read as it, because a time.Time of 2^63 seconds wraps round into the past.
const never = 1 << 40

// leeway is how far a cosigner's clock may be ahead of ours.
const leeway = 5 * time.Minute

// Latest returns the latest cosignature of each cosigner, in the order in which the cosigners first
// occur. Not counted, but returned as others, are those that are later than now by more than 5
// minutes, and those that state no time. If now is zero, because the caller has no clock, times are
// counted up to the year 36800.
func Latest(list []Cosignature, now time.Time) (counted, others []Cosignature) {
	at := map[*Cosigner]int{}
	for _, s := range list {
		i, again := at[s.By]
		switch {
		case s.Time.IsZero(), s.Time.Unix() >= never, !now.IsZero() && s.Time.After(now.Add(leeway)):
			others = append(others, s)
		case !again:
			at[s.By] = len(counted)
			counted = append(counted, s)
		case s.Time.After(counted[i].Time):
			counted[i] = s
		}
	}
	return counted, others
}

// WhyNot says why Latest does not count the cosignature.
func (s Cosignature) WhyNot() string {
	if s.Time.IsZero() {
		return "it states no time"
	}
	return "its time, " + s.Time.Format(time.RFC3339) + ", is ahead of this machine's clock by more than 5 minutes"
}
