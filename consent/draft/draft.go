package draft

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies/purpose"
)

//go:embed agreement.schema.json
var schemaText []byte

//go:embed agreement.yaml
var template []byte

// Schema returns the JSON Schema (2020-12) of an agreement.
func Schema() []byte { return bytes.Clone(schemaText) }

// Template returns an example agreement in YAML to write over, with a comment on every field. It
// lacks an id and the hash of the privacy notice.
func Template() []byte { return bytes.Clone(template) }

// MaxSize is the most bytes that Read accepts. An entry has room for less.
const MaxSize = 128 << 10

// Problem is one thing to put right.
type Problem struct {
	Line  int    `json:"line,omitzero"`  // in YAML, from 1; 0: unknown
	Field string `json:"field"`          // "parties[1].role"; "" is the whole agreement
	Words string `json:"words"`          // the field in words: "Parties, number 2, Role"
	Wrong string `json:"wrong"`          // "is missing"
	Write string `json:"write,omitzero"` // what to write
}

func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	fmt.Fprintf(&b, "%s %s.", p.Words, p.Wrong)
	if p.Write != "" {
		b.WriteString(" " + p.Write)
	}
	return b.String()
}

// Error is everything that is wrong with an agreement, in the order of the text. It quotes no
// value.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns wire.BadClaim, so that errors.Is finds it.
func (e *Error) Unwrap() error { return wire.BadClaim }

// Read reads an agreement from JSON if it begins with "{", and otherwise from YAML. Empty fields
// are treated as missing. A hash may be written in hex. Lines may end as Windows ends them. Errors
// are *Error.
func Read(data []byte) (*entry.AgreementText, error) {
	f, err := newForm()
	if err != nil {
		return nil, err
	}
	return f.read(data)
}

// Check is Read for a text that is about to be proposed: it also refuses what is left of the
// template.
func Check(data []byte) (*entry.AgreementText, error) {
	f, err := newForm()
	if err != nil {
		return nil, err
	}
	t, err := f.read(data)
	if err != nil {
		return nil, err
	}
	return t, f.leftovers(t)
}

func (f *form) read(data []byte) (*entry.AgreementText, error) {
	if len(data) > MaxSize {
		return nil, whole("is too long", fmt.Sprintf("Write at most %d bytes.", MaxSize))
	}
	data, fault := wire.Text(data)
	if !fault.IsZero() {
		return nil, whole("cannot be read: "+fault.Found, fmt.Sprintf("%s%s.", strings.ToUpper(fault.Do[:1]), fault.Do[1:]))
	}
	var doc any
	var err error
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		if doc, err = f.fromJSON(data); err == nil {
			_, _ = f.fromYAML(data) // JSON is YAML, which knows the lines
		}
	} else {
		doc, err = f.fromYAML(data)
	}
	if err != nil {
		return nil, err
	}
	if err := f.validate(doc); err != nil {
		return nil, err
	}
	normaliseHashes(doc.(map[string]any))
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, whole("cannot be read", "Write plain text in UTF-8.")
	}
	t := new(entry.AgreementText)
	if err := wire.DecodeJSON("agreement", b, t); err != nil {
		return nil, f.checked(data, err)
	}
	if err := t.Check(); err != nil {
		return nil, f.checked(data, err)
	}
	return t, f.sense(t)
}

func whole(wrong, write string) error {
	return &Error{[]Problem{{Words: "The agreement", Wrong: wrong, Write: write}}}
}

// form is the schema, and the lines of the fields of the text that is being read.
type form struct {
	compiled *jsonschema.Schema
	raw      map[string]any // of the schema; shared, so never written
	lines    map[string]int // by field
	number   []string       // the first field with a person's number; nil if none has
}

// schemaForm is compiled for the first text. Its form has no lines yet.
var schemaForm = sync.OnceValues(func() (form, error) {
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		return form{}, fmt.Errorf("reading the schema of agreements: %w", err)
	}
	c := jsonschema.NewCompiler()
	const name = "urn:igledger:schema:agreement:1"
	if err := c.AddResource(name, raw); err != nil {
		return form{}, fmt.Errorf("reading the schema of agreements: %w", err)
	}
	s, err := c.Compile(name)
	if err != nil {
		return form{}, fmt.Errorf("compiling the schema of agreements: %w", err)
	}
	return form{compiled: s, raw: raw.(map[string]any)}, nil
})

func newForm() (*form, error) {
	f, err := schemaForm()
	if err != nil {
		return nil, err
	}
	f.lines = map[string]int{}
	return &f, nil
}

func (f *form) validate(doc any) error {
	err := f.compiled.Validate(doc)
	if err == nil {
		return nil
	}
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return fmt.Errorf("checking an agreement against its schema: %w", err)
	}
	out := new(Error)
	f.collect(v, out)
	slices.SortStableFunc(out.Problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return strings.Compare(a.Field, b.Field)
	})
	out.Problems = slices.CompactFunc(out.Problems, func(a, b Problem) bool {
		return a.Field == b.Field && a.Wrong == b.Wrong
	})
	return out
}

const notAllowed = "has a value that is not allowed here"

// collect goes down to the errors that have no cause in a smaller part.
func (f *form) collect(v *jsonschema.ValidationError, out *Error) {
	switch k := v.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			out.Problems = append(out.Problems, f.problem(append(slices.Clone(v.InstanceLocation), name), "is missing"))
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			p := f.problem(v.InstanceLocation, "has a field that agreements do not have")
			if s := purpose.Closest(name, f.names(v.InstanceLocation)); s != "" {
				p.Wrong, p.Write = "has a field with an unknown name", "Did you mean "+s+"?"
			}
			p.Line = max(p.Line, f.lines[field(append(slices.Clone(v.InstanceLocation), name))])
			out.Problems = append(out.Problems, p)
		}
	case *kind.MinItems:
		out.Problems = append(out.Problems, f.problem(v.InstanceLocation,
			fmt.Sprintf("has %d, and needs at least %d", k.Got, k.Want)))
	case *kind.MaxItems:
		out.Problems = append(out.Problems, f.problem(v.InstanceLocation,
			fmt.Sprintf("has %d, and may have at most %d", k.Got, k.Want)))
	case *kind.UniqueItems:
		out.Problems = append(out.Problems, f.problem(v.InstanceLocation, "lists something twice"))
	case *kind.MaxLength:
		out.Problems = append(out.Problems, f.problem(v.InstanceLocation, fmt.Sprintf("is longer than %d characters", k.Want)))
	case *kind.AnyOf:
		out.Problems = append(out.Problems, f.problem(v.InstanceLocation, notAllowed))
	default:
		for _, c := range v.Causes {
			f.collect(c, out)
		}
		if len(v.Causes) == 0 {
			out.Problems = append(out.Problems, f.problem(v.InstanceLocation, notAllowed))
		}
	}
}

// problem says in words where something is wrong.
func (f *form) problem(location []string, wrong string) Problem {
	p := Problem{Field: field(location), Words: "The agreement", Wrong: wrong}
	for n := len(location); n > 0 && p.Line == 0; n-- {
		p.Line = f.lines[field(location[:n])]
	}
	at := f.raw
	var words []string
	for _, step := range location {
		at = under(at, step)
		if at == nil {
			break
		}
		if i, err := strconv.Atoi(step); err == nil {
			words = append(words, fmt.Sprintf("number %d", i+1))
		} else {
			title, _ := at["title"].(string)
			words = append(words, title)
		}
	}
	if len(words) > 0 {
		p.Words = strings.Join(words, ", ")
	}
	if at != nil && len(location) > 0 {
		p.Write, _ = at["description"].(string)
	}
	return p
}

// under returns the schema of a member or an element, nil if it has none.
func under(schema map[string]any, step string) map[string]any {
	if items, ok := schema["items"].(map[string]any); ok {
		return items
	}
	props, _ := schema["properties"].(map[string]any)
	s, _ := props[step].(map[string]any)
	return s
}

// names returns the names of the fields that may be at a place.
func (f *form) names(location []string) (list []string) {
	at := f.raw
	for _, step := range location {
		at = under(at, step)
		if at == nil {
			return nil
		}
	}
	props, _ := at["properties"].(map[string]any)
	for name := range props {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// field writes a location as entry.AgreementText.Check does: "parties[1].role".
func field(location []string) string {
	var b strings.Builder
	for _, step := range location {
		if _, err := strconv.Atoi(step); err == nil {
			b.WriteString("[" + step + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(step)
	}
	return b.String()
}

var steps = regexp.MustCompile(`[A-Za-z0-9]+`)

// checked words an error of the format itself, whose What is a field, as errors of the schema are
// worded.
func (f *form) checked(data []byte, err error) error {
	var e *wire.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Code == wire.PersonalData {
		p := f.problem(f.number, "contains a valid CHI or NHS number")
		p.Line = lineOfNumber(data, p.Line)
		p.Write = "The agreement will be published, so do not write any person's number in it."
		return &Error{[]Problem{p}}
	}
	p := f.problem(steps.FindAllString(e.What, -1), "is wrong: "+e.Detail)
	if p.Words == "The agreement" && e.What != "agreement" {
		p.Words = e.What
	}
	return &Error{[]Problem{p}}
}

// lineOfNumber returns the line with a person's number, at or after the one where its field begins:
// a text may have many lines.
func lineOfNumber(data []byte, from int) int {
	for i, line := range bytes.Split(data, []byte("\n")) {
		if i+1 >= from && entry.ContainsPersonNumber(string(line)) {
			return i + 1
		}
	}
	return from // it stands on two lines
}

// normaliseHashes turns hashes in hex into base64url, the only spelling in an entry.
func normaliseHashes(doc map[string]any) {
	fix := func(m map[string]any, name string) {
		if s, ok := m[name].(string); ok {
			if b, err := hex.DecodeString(s); err == nil && len(b) == 32 {
				m[name] = wire.Encode64(b)
			}
		}
	}
	fix(doc, "document")
	if n, ok := doc["privacyNotice"].(map[string]any); ok {
		fix(n, "hash")
	}
}
