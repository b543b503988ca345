package audit

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxEvent is the largest AuditEvent that is read, in bytes of JSON.
const MaxEvent = 1 << 20

// maxDepth is how deep an entry takes its disclosure FHIR. The deepest AuditEvent we know has 12 levels.
const maxDepth = 32

// A tree is JSON taken apart: object, []any, string, bool, nil, and jsontext.Value for numbers, whose spelling FHIR gives a meaning
// (1.0 is not 1.00), so they are never turned into floats.
type object = map[string]any

// parseTree reads exactly one JSON value: no duplicate members, valid UTF-8, nothing after it.
func parseTree(path string, data []byte) (any, error) {
	if len(data) > MaxEvent {
		return nil, fail(TooLarge, path, "%d bytes, at most %d", len(data), MaxEvent)
	}
	d := jsontext.NewDecoder(bytes.NewReader(data))
	v, err := readTree(d)
	if err == nil {
		if _, err = d.ReadToken(); err == io.EOF {
			return v, nil
		}
	}
	return nil, jsonError(path, err)
}

// jsonError keeps the position of a JSON error and drops its message, which may quote the event.
func jsonError(path string, err error) error {
	var own *Error
	var syn *jsontext.SyntacticError
	switch {
	case errors.As(err, &own):
		return err
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fail(BadJSON, path, "an object has the same member twice")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fail(BadJSON, path, "ends too early")
	case errors.As(err, &syn):
		return fail(BadJSON, path, "syntax error at byte %d", syn.ByteOffset)
	}
	return fail(BadJSON, path, "more than one value, or invalid UTF-8")
}

func readTree(d *jsontext.Decoder) (any, error) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	if d.StackDepth() > maxDepth {
		return nil, fail(BadJSON, "AuditEvent", "nested deeper than %d", maxDepth)
	}
	switch t.Kind() {
	case '{':
		o := object{}
		for d.PeekKind() != '}' {
			name, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String()
			if o[key], err = readTree(d); err != nil {
				return nil, err
			}
		}
		_, err = d.ReadToken()
		return o, err
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			v, err := readTree(d)
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

// writeTree is compact JSON with sorted members.
func writeTree(v any) (jsontext.Value, error) {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, fail(BadJSON, "AuditEvent", "cannot be written")
	}
	return b, nil
}

// cloneTree copies what can be changed in place.
func cloneTree(v any) any {
	switch v := v.(type) {
	case object:
		o := make(object, len(v))
		for k, e := range v {
			o[k] = cloneTree(e)
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = cloneTree(e)
		}
		return list
	}
	return v
}

// eachString calls f for every string in v with the name of the member it stands under; strings of an array stand under the array's.
func eachString(name string, v any, f func(name, s string)) {
	switch v := v.(type) {
	case object:
		for k, e := range v {
			eachString(k, e, f)
		}
	case []any:
		for _, e := range v {
			eachString(name, e, f)
		}
	case string:
		f(name, v)
	}
}

// The accessors below give the zero value where there is nothing of the kind: what they do not find stays in the residue.

func child(o object, name string) object { c, _ := o[name].(object); return c }

func text(o object, name string) string { s, _ := o[name].(string); return s }

func objects(o object, name string) []object {
	list, _ := o[name].([]any)
	var out []object
	for _, e := range list {
		if c, ok := e.(object); ok {
			out = append(out, c)
		}
	}
	return out
}
