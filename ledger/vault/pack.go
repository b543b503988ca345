package vault

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"igledger/ledger/entry"
)

// results fixes the byte of each verdict at rest: append only. 0 is none.
var results = []entry.VerdictResult{"", entry.Covered, entry.BreakGlass, entry.NotCovered}

// packVerdict appends a verdict: byte of the result, uvarint version of the policies, uvarint version of the agreement, then texts, each uvarint
// length ‖ bytes: number of rules (uvarint), agreement, consent, each rule.
func packVerdict(out []byte, v *entry.Verdict) []byte {
	for i, r := range results {
		if r == v.Result {
			out = append(out, byte(i))
		}
	}
	out = binary.AppendUvarint(binary.AppendUvarint(out, v.Policies), v.Version)
	out = binary.AppendUvarint(out, uint64(len(v.Rules)))
	for _, s := range append([]string{v.Agreement, v.Consent}, v.Rules...) {
		out = append(binary.AppendUvarint(out, uint64(len(s))), s...)
	}
	return out
}

// unpackVerdict reads what packVerdict wrote and gives what follows.
func unpackVerdict(b []byte) (*entry.Verdict, []byte, error) {
	bad := fmt.Errorf("%w: not a packed verdict", ErrCorrupt)
	if len(b) == 0 || b[0] == 0 || int(b[0]) >= len(results) {
		return nil, nil, bad
	}
	v := &entry.Verdict{Result: results[b[0]]}
	b = b[1:]
	number := func() (n uint64) {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			b = nil
			return 0
		}
		b = b[size:]
		return n
	}
	v.Policies, v.Version = number(), number()
	rules := number()
	if rules > 64 {
		return nil, nil, bad
	}
	var texts []string
	for range 2 + rules {
		n := number()
		if n > uint64(len(b)) {
			return nil, nil, bad
		}
		texts, b = append(texts, string(b[:n])), b[n:]
	}
	v.Agreement, v.Consent = texts[0], texts[1]
	if rules > 0 {
		v.Rules = texts[2:]
	}
	return v, b, nil
}

// packSDJWT appends an entry in SD-JWT form with its base64url undone, a quarter smaller: each part of header.payload.signature~disclosure~…~ as
// uvarint length ‖ bytes. entry.Parse took only canonical base64url, so unpackSDJWT gives back the same text.
func packSDJWT(out []byte, sdjwt string) []byte {
	for part := range strings.FieldsFuncSeq(sdjwt, func(r rune) bool { return r == '.' || r == '~' }) {
		raw, _ := base64.RawURLEncoding.DecodeString(part)
		out = binary.AppendUvarint(out, uint64(len(raw)))
		out = append(out, raw...)
	}
	return out
}

func unpackSDJWT(packed []byte) (string, error) {
	text := make([]byte, 0, len(packed)*4/3+16)
	for parts := 0; len(packed) > 0; parts++ {
		n, size := binary.Uvarint(packed)
		if size <= 0 || n > uint64(len(packed)-size) {
			return "", errors.New("the content is not a packed entry")
		}
		switch {
		case parts > 2:
			text = append(text, '~')
		case parts > 0:
			text = append(text, '.')
		}
		text = base64.RawURLEncoding.AppendEncode(text, packed[size:size+int(n)])
		packed = packed[size+int(n):]
	}
	return string(append(text, '~')), nil
}
