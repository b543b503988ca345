package wire

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var b64 = base64.RawURLEncoding.Strict()

// Encode64 encodes b as base64url without padding (RFC 7515 section 2), which is how all formats
// spell bytes in JSON.
func Encode64(b []byte) string { return b64.EncodeToString(b) }

// Decode64 decodes base64url without padding. It returns BadBase64 for every second spelling of the
// same bytes: padding, line breaks, non-zero trailing bits. what names the field in errors.
func Decode64(what, s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // encoding/base64 skips them
		return nil, Errorf(BadBase64, what, "line break")
	}
	b, err := b64.DecodeString(s)
	if err != nil {
		return nil, Errorf(BadBase64, what, "not canonical base64url without padding")
	}
	return b, nil
}

// Bytes is a byte string. In JSON it is canonical base64url.
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

// Hash is a SHA-256 value, salt, tag or root: 32 bytes. In JSON it is canonical base64url.
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
		return Errorf(BadLength, "hash", "%d bytes, want %d", len(d), len(h))
	}
	copy(h[:], d)
	return nil
}

// refuseNull refuses null wherever the schema is ours, because null would be a second spelling of
// an absent member. Raw values (jsontext.Value) follow a schema of others, which may allow null.
var refuseNull = json.WithUnmarshalers(json.UnmarshalFromFunc(
	func(d *jsontext.Decoder, v any) error {
		if _, raw := v.(*jsontext.Value); !raw && d.PeekKind() == 'n' {
			return Errorf(BadJSON, "", "null in %q", safePointer(d.StackPointer()))
		}
		return errors.ErrUnsupported // nothing was read: go on as usual
	}))

// maxNesting is more than any structure here needs. Deeper input is refused before a decoder
// recurses into it, because the stack in a browser is small.
const maxNesting = 64

// Depth returns how deeply the objects and arrays of JSON text are nested. Parsers in other
// languages overflow at some depth: an entry that they cannot read must not be accepted.
func Depth(data []byte) (deepest int) {
	level, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}

// DecodeJSON reads exactly one JSON value into v: case-sensitive names, no duplicate and no unknown
// members, no null, valid UTF-8, nothing after the value. Every JSON structure of igledger is read
// with it. The error is an *Error: BadJSON, or the code that a field's own decoder returned. It
// names positions and members, never values.
func DecodeJSON(what string, data []byte, v any) error {
	if f := EditorFault(data); !f.IsZero() {
		return Unread(BadJSON, what, f)
	}
	if Depth(data) > maxNesting {
		return Errorf(BadJSON, what, "nested deeper than %d levels", maxNesting)
	}
	options := json.RejectUnknownMembers(true)
	if bytes.Contains(data, []byte("null")) { // else skip looking at every value, a third of the time
		options = json.JoinOptions(options, refuseNull)
	}
	err := json.Unmarshal(data, v, options)
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return Errorf(own.Code, what, "%s", own.Detail)
	}
	// Only the position is repeated: the library's message may quote a value.
	var sem *json.SemanticError
	var syn *jsontext.SyntacticError
	switch {
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &sem):
		return Errorf(BadJSON, what, "unknown member in %q", safePointer(sem.JSONPointer.Parent()))
	case errors.As(err, &sem):
		return Errorf(BadJSON, what, "member %q is malformed or of the wrong kind", safePointer(sem.JSONPointer))
	case errors.As(err, &syn):
		return Errorf(BadJSON, what, "syntax error or duplicate member at byte %d", syn.ByteOffset)
	}
	return Errorf(BadJSON, what, "malformed")
}

// safePointer returns p if it consists of names of the schema and of positions in arrays, and "?"
// otherwise: a map may have a person's number or name as a key.
func safePointer(p jsontext.Pointer) string {
	for token := range p.Tokens() {
		if len(token) > 20 || strings.ContainsFunc(token, func(r rune) bool { return !TokenRune(r) }) ||
			len(token) > 3 && strings.ContainsAny(token, "0123456789") {
			return "?"
		}
	}
	return string(p)
}

// EncodeJSON writes v deterministically: struct fields in their order, maps sorted by key. If v
// holds invalid UTF-8 or an invalid raw value, it returns BadJSON.
func EncodeJSON(v any) ([]byte, error) {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, Errorf(BadJSON, fmt.Sprintf("%T", v), "cannot be written: invalid UTF-8 or an invalid raw value")
	}
	return b, nil
}
