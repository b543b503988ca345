package draft

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v3"

	"igledger/ledger/entry"
)

// Field is one value of an agreement as it is signed, with its name in words.
type Field struct {
	Path   string // "parties[1].role"
	Name   string // of the member of the agreement that it is in: "parties"
	Number int    // of the element that it is in, from 1; 0 if that member is no list
	Title  string // of that member, in words: "Parties"
	Part   string // of the value within the member or element: "Role"; "" if it is all there is
	Value  string // as JSON has it, a text without quotation marks
}

// Fields returns every value of an agreement, in the order in which it is signed.
func Fields(t *entry.AgreementText) ([]Field, error) {
	n, err := nodeOf(t)
	if err != nil {
		return nil, err
	}
	f, err := newForm()
	if err != nil {
		return nil, err
	}
	var list []Field
	f.flatten(n, nil, &list)
	return list, nil
}

func (f *form) flatten(n *yaml.Node, location []string, out *[]Field) {
	next := func(step string) []string { return append(location[:len(location):len(location)], step) }
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			f.flatten(n.Content[i+1], next(n.Content[i].Value), out)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			f.flatten(c, next(strconv.Itoa(i)), out)
		}
	default:
		*out = append(*out, f.described(location, n.Value))
	}
}

func (f *form) described(location []string, value string) Field {
	d := Field{Path: field(location), Name: location[0], Title: titleOf(under(f.raw, location[0])), Value: value}
	at, rest := under(f.raw, location[0]), location[1:]
	if len(rest) > 0 {
		if i, err := strconv.Atoi(rest[0]); err == nil {
			d.Number, at, rest = i+1, under(at, rest[0]), rest[1:]
		}
	}
	var parts []string
	for _, step := range rest {
		if at = under(at, step); at == nil {
			break
		}
		if _, err := strconv.Atoi(step); err != nil { // the elements of a list have its name
			parts = append(parts, titleOf(at))
		}
	}
	d.Part = strings.Join(parts, ", ")
	return d
}

func titleOf(schema map[string]any) string {
	title, _ := schema["title"].(string)
	return title
}

// Explained is what the schema says of a field, for those who write agreements.
type Explained struct {
	Path     string // "parties.role"
	Title    string
	Text     string
	Required bool
	Values   []string // the only ones, if there are such
	Depth    int      // 0: a member of the agreement
}

// Explain returns what there is to know of each field, in the order of the schema.
func Explain() ([]Explained, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(schemaText, &doc); err != nil { // JSON is YAML, whose nodes keep their order
		return nil, fmt.Errorf("reading the schema of agreements: %w", err)
	}
	var list []Explained
	explain(doc.Content[0], "", 0, &list)
	return list, nil
}

func explain(schema *yaml.Node, path string, depth int, out *[]Explained) {
	required := map[string]bool{}
	for _, n := range elements(member(schema, "required")) {
		required[n.Value] = true
	}
	props := elements(member(schema, "properties"))
	for i := 0; i+1 < len(props); i += 2 {
		name, s := props[i].Value, props[i+1]
		x := Explained{Path: path + name, Title: text(s, "title"), Text: text(s, "description"), Required: required[name], Depth: depth}
		inner := s
		if items := member(s, "items"); items != nil {
			inner = items
		}
		for _, v := range elements(member(inner, "enum")) {
			x.Values = append(x.Values, v.Value)
		}
		*out = append(*out, x)
		explain(inner, x.Path+".", depth+1, out)
	}
}

func member(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func elements(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	return n.Content
}

func text(n *yaml.Node, name string) string {
	if m := member(n, name); m != nil {
		return m.Value
	}
	return ""
}

// YAML returns an agreement for people to edit.
func YAML(t *entry.AgreementText) ([]byte, error) {
	n, err := nodeOf(t)
	if err != nil {
		return nil, err
	}
	blockStyle(n)
	return yaml.Marshal(n)
}

func nodeOf(t *entry.AgreementText) (*yaml.Node, error) {
	b, err := json.Marshal(t, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("writing the agreement: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil { // JSON is YAML
		return nil, fmt.Errorf("writing the agreement: %w", err)
	}
	return doc.Content[0], nil
}

func blockStyle(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		blockStyle(c)
	}
}

// Amend returns the text from which the next version of an agreement is written: the newest one with
// the next number, and the first start that can be, which is after now and after the starts of the
// versions that are agreed. If its end or review can then not be, they are as long after the
// start as they were, so that what is written down can be checked and proposed as it stands.
func Amend(newest *entry.AgreementText, agreed []*entry.AgreementText, now time.Time) *entry.AgreementText {
	t := *newest
	t.Version++
	start := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	for _, a := range agreed {
		if after := a.StartTime().AddDate(0, 0, 1); after.After(start) {
			start = after
		}
	}
	moved := func(day string) string { // days that have passed move with the start
		d, err := time.Parse(time.DateOnly, day)
		if err != nil || !d.Before(start) {
			return day
		}
		return start.Add(d.Sub(newest.StartTime())).Format(time.DateOnly)
	}
	t.Start, t.End, t.ReviewDue = start.Format(time.DateOnly), moved(t.End), moved(t.ReviewDue)
	t.ReviewDue = min(max(t.ReviewDue, t.Start), t.End)
	return &t
}
