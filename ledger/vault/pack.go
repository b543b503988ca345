package vault

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// flags has the flags in the order of their bits. Only ever append to it. FlagSuspectKey is missing
// on purpose: a key can become suspect after the entry, so readers add the flag, and it is never
// stored.
var flags = []entry.Flag{
	entry.FlagCheckDigit, entry.FlagUnknownAgreement, entry.FlagLate, entry.FlagSequenceGap, entry.FlagSequenceBack,
	entry.FlagNoSequence, entry.FlagConsentNotBasis, entry.FlagTooManyStreams,
	entry.FlagUnknownOrg, entry.FlagLateDecision, entry.FlagNoDelegation,
}

// results has the results of verdicts in the order of their bytes. Only ever append to it. 0 is no
// result.
var results = []entry.VerdictResult{"", entry.Covered, entry.BreakGlass, entry.NotCovered, entry.AttemptOnly, entry.DecisionOnly}

const (
	hasVerdict  = 1 << 15    // the bit in flags that is set if a verdict follows
	contentHead = 32 + 8 + 2 // bodySalt ‖ received ‖ flags

	// maxRules is the most rules of a verdict, the same limit as in packages entry and policies.
	maxRules = 64
)

// packContent appends bodySalt ‖ u64(received, ms since 1970) ‖ u16(flags) ‖ verdict, if any ‖
// entry.
func packContent(out []byte, c Content) ([]byte, error) {
	var bits uint16
	for _, f := range c.Flags {
		bit := slices.Index(flags, f)
		if bit < 0 {
			return nil, fmt.Errorf("%w: flag %q", ErrNoForm, f)
		}
		bits |= 1 << bit
	}
	if c.Verdict != nil {
		bits |= hasVerdict
	}
	out = append(out, c.BodySalt[:]...)
	out = binary.BigEndian.AppendUint64(out, uint64(c.Received.UnixMilli()))
	out = binary.BigEndian.AppendUint16(out, bits)
	if c.Verdict != nil {
		var err error
		out, err = packVerdict(out, c.Verdict)
		if err != nil {
			return nil, err
		}
	}
	return packSDJWT(out, c.SDJWT)
}

func unpackContent(b []byte) (Content, error) {
	if len(b) < contentHead {
		return Content{}, fmt.Errorf("%w: the content is too short", ErrCorrupt)
	}
	c := Content{BodySalt: wire.Hash(b[:32])}
	c.Received = time.UnixMilli(int64(binary.BigEndian.Uint64(b[32:]))).UTC()
	bits := binary.BigEndian.Uint16(b[40:])
	for i, f := range flags {
		if bits&(1<<i) != 0 {
			c.Flags = append(c.Flags, f)
		}
	}
	if (bits&^hasVerdict)>>len(flags) != 0 {
		return Content{}, fmt.Errorf("%w: the content has a flag that this version does not know", ErrCorrupt)
	}
	b = b[contentHead:]
	var err error
	if bits&hasVerdict != 0 {
		c.Verdict, b, err = unpackVerdict(b)
		if err != nil {
			return Content{}, err
		}
	}
	c.SDJWT, err = unpackSDJWT(b)
	if err != nil {
		return Content{}, err
	}
	return c, nil
}

// packVerdict appends a verdict: byte of the result, uvarint version of the policies, uvarint
// version of the agreement, uvarint number of rules, then texts, each as uvarint length ‖ bytes:
// agreement, consent, each rule.
func packVerdict(out []byte, v *entry.Verdict) ([]byte, error) {
	result := slices.Index(results, v.Result)
	if result <= 0 {
		return nil, fmt.Errorf("%w: verdict %q", ErrNoForm, v.Result)
	}
	if len(v.Rules) > maxRules {
		return nil, fmt.Errorf("%w: a verdict with %d rules", ErrNoForm, len(v.Rules))
	}
	out = append(out, byte(result))
	for _, n := range []uint64{v.Policies, v.Version, uint64(len(v.Rules))} {
		out = binary.AppendUvarint(out, n)
	}
	out = appendText(appendText(out, v.Agreement), v.Consent)
	for _, rule := range v.Rules {
		out = appendText(out, rule)
	}
	return out, nil
}

// unpackVerdict reads what packVerdict wrote, and returns the bytes after it.
func unpackVerdict(b []byte) (v *entry.Verdict, rest []byte, err error) {
	r := reader{b: b}
	result, policies, version, rules := r.byte(), r.uvarint(), r.uvarint(), r.uvarint()
	if r.failed || result == 0 || int(result) >= len(results) || rules > maxRules {
		return nil, nil, fmt.Errorf("%w: not a packed verdict", ErrCorrupt)
	}
	v = &entry.Verdict{Result: results[result], Policies: policies, Version: version}
	v.Agreement, v.Consent = r.text(), r.text()
	for range rules {
		v.Rules = append(v.Rules, r.text())
	}
	if r.failed {
		return nil, nil, fmt.Errorf("%w: not a packed verdict", ErrCorrupt)
	}
	return v, r.b, nil
}

// base64url is the encoding of JOSE (RFC 7515 section 2). It is strict, so that each sequence of
// bytes has one spelling and unpackSDJWT returns the text that was packed.
var base64url = base64.RawURLEncoding.Strict()

// packSDJWT appends an entry with its base64url decoded, which makes it a quarter smaller: each
// part of header.payload.signature~disclosure~…~ as uvarint length ‖ bytes.
func packSDJWT(out []byte, sdjwt string) ([]byte, error) {
	parts := 0
	for rest := sdjwt; rest != "" || parts < 3; parts++ {
		part, after, found := strings.Cut(rest, separator(parts))
		raw, err := base64url.DecodeString(part)
		// The decoder skips line breaks; the comparison of lengths finds them.
		if !found || part == "" || err != nil || base64url.EncodedLen(len(raw)) != len(part) {
			return nil, fmt.Errorf("%w: the entry is not an SD-JWT in canonical form", ErrNoForm)
		}
		out = binary.AppendUvarint(out, uint64(len(raw)))
		out = append(out, raw...)
		rest = after
	}
	return out, nil
}

func unpackSDJWT(packed []byte) (string, error) {
	text := make([]byte, 0, len(packed)*4/3+16)
	r := reader{b: packed}
	for parts := 0; len(r.b) > 0 || parts < 3; parts++ {
		part := r.bytes()
		if r.failed || len(part) == 0 {
			return "", fmt.Errorf("%w: not a packed entry", ErrCorrupt)
		}
		text = append(base64url.AppendEncode(text, part), separator(parts)...)
	}
	return string(text), nil
}

// separator returns what follows the part with this number, counted from 0: header, payload,
// signature, disclosures.
func separator(part int) string {
	if part < 2 {
		return "."
	}
	return "~"
}

func appendText(out []byte, s string) []byte {
	return append(binary.AppendUvarint(out, uint64(len(s))), s...)
}

// reader takes values from the front of b. Once a value is missing, it has failed and returns only
// zero values.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.b, r.failed = nil, true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.b, r.failed = nil, true
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *reader) bytes() []byte { return r.take(r.uvarint()) }

func (r *reader) text() string { return string(r.bytes()) }
