package entry

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var b64 = base64.RawURLEncoding.Strict()

// Encode64 is base64url without padding (RFC 7515 section 2), the spelling of all bytes in this package's JSON.
func Encode64(b []byte) string { return b64.EncodeToString(b) }

// Decode64 reads base64url without padding and refuses every second spelling of the same bytes: padding, line breaks,
// non-zero trailing bits.
func Decode64(what, s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // encoding/base64 skips them
		return nil, fail(BadBase64, what, "line break")
	}
	b, err := b64.DecodeString(s)
	if err != nil {
		return nil, fail(BadBase64, what, "not canonical base64url without padding")
	}
	return b, nil
}

// Bytes is a byte string that stands in JSON as canonical base64url.
type Bytes []byte

// MarshalText implements encoding.TextMarshaler.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(Encode64(b)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes) UnmarshalText(t []byte) error {
	d, err := Decode64("bytes", string(t))
	if err == nil {
		*b = d
	}
	return err
}

// Hash is a SHA-256 value, salt, tag or root: 32 bytes, in JSON canonical base64url.
type Hash [32]byte

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(Encode64(h[:])), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(t []byte) error {
	d, err := Decode64("hash", string(t))
	if err != nil {
		return err
	}
	if len(d) != len(h) {
		return fail(BadLength, "hash", "%d bytes, want %d", len(d), len(h))
	}
	copy(h[:], d)
	return nil
}

// DecodeJSON reads exactly one JSON value into v: case-sensitive names, no duplicate and no unknown members, valid UTF-8, nothing
// after it. Every JSON structure of this package goes through it.
func DecodeJSON(what string, data []byte, v any) error {
	err := json.Unmarshal(data, v, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return fail(own.Code, what, "%s", own.Detail)
	}
	// Only the position is repeated: the library's message may quote a value.
	var sem *json.SemanticError
	var syn *jsontext.SyntacticError
	switch {
	case errors.As(err, &sem):
		return fail(BadJSON, what, "member %q of an unexpected kind, unknown or malformed", safePointer(sem.JSONPointer))
	case errors.As(err, &syn):
		return fail(BadJSON, what, "syntax error or duplicate member at byte %d", syn.ByteOffset)
	}
	return fail(BadJSON, what, "malformed")
}

// safePointer keeps the names of members, which are the schema's, and hides what an attacker or a careless sender put in their place.
func safePointer(p jsontext.Pointer) string {
	s := string(p)
	if len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e }) || ContainsPersonNumber(s) {
		return "?"
	}
	return s
}

// encodeJSON writes v deterministically (struct order, sorted maps).
func encodeJSON(v any) ([]byte, error) {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encoding %T: %w", v, err)
	}
	return b, nil
}
