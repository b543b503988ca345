// Package tree parses FHIR JSON and writes it again. It keeps the part of a resource for which an
// entry has no field (its residue), and names patients the same way everywhere.
//
// It promises exactness: numbers keep their spelling, and a residue makes the very resource that
// came in. It does not know what the elements of a resource mean, and does not validate them.
package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Max is the largest resource that is read, in bytes of JSON.
const Max = 1 << 20

// maxDepth is how deep an entry's disclosure "fhir" may nest.
const maxDepth = 32

// Object is a JSON object. The other values are []any, string, bool, nil, and jsontext.Value for
// numbers. FHIR gives the spelling of a number a meaning (1.0 is not 1.00), so numbers are never
// turned into floats.
type Object = map[string]any

// Code names one reason why a resource cannot be read. Codes are stable. A Code is itself an error,
// so errors.Is(err, tree.BadJSON) works.
type Code string

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return string(c) }

// What can be wrong with the JSON.
const (
	BadJSON  Code = "bad-json"  // not one JSON value, duplicate member, invalid UTF-8, nested too deep
	TooLarge Code = "too-large" // over Max
)

// Error says which element of a resource was wrong. It never holds anything from the resource
// except positions: Path is built from names of the FHIR specification and array indices.
type Error struct {
	Code   Code
	Path   string // FHIR path, e.g. "AuditEvent.agent[1].who"
	Detail string // what was expected
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("%s: %s", e.Path, e.Code)
	}
	return fmt.Sprintf("%s: %s: %s", e.Path, e.Code, e.Detail)
}

// Unwrap returns the Code, so that errors.Is finds it.
func (e *Error) Unwrap() error { return e.Code }

// Fail returns an *Error.
func Fail(code Code, path, format string, args ...any) error {
	return &Error{Code: code, Path: path, Detail: fmt.Sprintf(format, args...)}
}

// Parse reads exactly one JSON value: valid UTF-8, no duplicate members, nothing after it. The
// *Error names path.
func Parse(path string, data []byte) (any, error) {
	if len(data) > Max {
		return nil, Fail(TooLarge, path, "%d bytes; the limit is %d", len(data), Max)
	}
	d := jsontext.NewDecoder(bytes.NewReader(data))
	v, err := read(path, d)
	if err == nil {
		_, err = d.ReadToken()
		if err == io.EOF {
			return v, nil
		}
	}
	return nil, JSONError(path, err)
}

// JSONError keeps the position of a JSON error and drops its message, which may quote the resource.
func JSONError(path string, err error) error {
	var own *Error
	var syn *jsontext.SyntacticError
	switch {
	case errors.As(err, &own):
		return err
	case errors.Is(err, jsontext.ErrDuplicateName):
		return Fail(BadJSON, path, "an object has the same member twice")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Fail(BadJSON, path, "ends too early")
	case errors.As(err, &syn):
		return Fail(BadJSON, path, "syntax error at byte %d", syn.ByteOffset)
	}
	return Fail(BadJSON, path, "more than one value, or invalid UTF-8")
}

func read(path string, d *jsontext.Decoder) (any, error) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	if d.StackDepth() > maxDepth {
		return nil, Fail(BadJSON, path, "nested deeper than %d", maxDepth)
	}
	switch t.Kind() {
	case '{':
		o := Object{}
		for d.PeekKind() != '}' {
			name, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String()
			o[key], err = read(path, d)
			if err != nil {
				return nil, err
			}
		}
		_, err = d.ReadToken()
		return o, err
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			v, err := read(path, d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.ReadToken()
		return list, err
	case '"':
		return t.String(), nil
	case '0':
		return jsontext.Value(t.String()), nil
	case 'n':
		return nil, nil
	}
	return t.Bool(), nil
}

// Write returns compact JSON with sorted members.
func Write(v any) (jsontext.Value, error) {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, Fail(BadJSON, "resource", "cannot be written")
	}
	return b, nil
}

// Clone copies everything in v that can be changed in place.
func Clone(v any) any {
	switch v := v.(type) {
	case Object:
		o := make(Object, len(v))
		for k, e := range v {
			o[k] = Clone(e)
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = Clone(e)
		}
		return list
	}
	return v
}

// EachString calls f for every string in v with the name of its member. The strings of an array
// have the array's name.
func EachString(name string, v any, f func(name, s string)) {
	switch v := v.(type) {
	case Object:
		for k, e := range v {
			EachString(k, e, f)
		}
	case []any:
		for _, e := range v {
			EachString(name, e, f)
		}
	case string:
		f(name, v)
	}
}

// Child returns the object that is o's member name. Like Text and Objects, it returns the zero
// value if the member is missing or of another kind.
func Child(o Object, name string) Object { c, _ := o[name].(Object); return c }

// Text returns the string that is o's member name.
func Text(o Object, name string) string { s, _ := o[name].(string); return s }

// Objects returns the objects in the array that is o's member name.
func Objects(o Object, name string) []Object {
	list, _ := o[name].([]any)
	var out []Object
	for _, e := range list {
		if c, ok := e.(Object); ok {
			out = append(out, c)
		}
	}
	return out
}
