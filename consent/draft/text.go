package draft

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"

	"igledger/ledger/entry"
)

// fromYAML reads one YAML document of plain mappings, lists and scalars, guided by the schema.
// Where the schema has a text, the value is the text as written, even if YAML would read a number
// or a day. Anchors, aliases, tags and merge keys are refused: what officers sign should be there
// once and in full.
func (f *form) fromYAML(data []byte) (any, error) {
	var node yaml.Node
	if err := yaml.Unmarshal(data, &node); err != nil {
		return nil, whole("is not YAML", "Check the indentation, colons and quotation marks "+yamlLine(err)+".")
	}
	one := node.Kind == yaml.DocumentNode && len(node.Content) == 1
	if !one || node.Content[0].Kind != yaml.MappingNode {
		return nil, whole("is empty, or is not a list of fields", "Start from the template.")
	}
	return f.value(node.Content[0], f.raw, nil)
}

const maxLevels = 16 // the schema has 5

func (f *form) value(n *yaml.Node, schema map[string]any, location []string) (any, error) {
	f.lines[field(location)] = n.Line
	if n.Anchor != "" || n.Kind == yaml.AliasNode || n.Style&yaml.TaggedStyle != 0 || len(location) > maxLevels {
		return nil, f.wrong(location, "uses YAML anchors, aliases or tags, or is nested too deeply", "Write the value itself.")
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || seen[key.Value] {
				return nil, f.wrong(location, "has a field twice, or a field whose name is not a plain word", "Write each field once.")
			}
			seen[key.Value] = true
			v, err := f.value(n.Content[i+1], under(schema, key.Value), append(location[:len(location):len(location)], key.Value))
			if err != nil {
				return nil, err
			}
			if v != nil && v != "" { // left empty
				m[key.Value] = v
			}
		}
		return m, nil
	case yaml.SequenceNode:
		list := []any{}
		for i, c := range n.Content {
			v, err := f.value(c, under(schema, "0"), append(location[:len(location):len(location)], strconv.Itoa(i)))
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	if f.number == nil && entry.ContainsPersonNumber(n.Value) {
		f.number = slices.Clone(location)
	}
	return scalar(n, schema), nil
}

func scalar(n *yaml.Node, schema map[string]any) any {
	if n.ShortTag() == "!!null" {
		return nil
	}
	switch schema["type"] {
	case "boolean":
		if b, err := strconv.ParseBool(n.Value); err == nil && n.ShortTag() == "!!bool" {
			return b
		}
	case "integer":
		if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
			return i
		}
	}
	return n.Value
}

// fromJSON reads JSON strictly: no member may occur twice. Empty members are left out, as in YAML.
func (f *form) fromJSON(data []byte) (any, error) {
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		at := ""
		var syn *jsontext.SyntacticError
		if errors.As(err, &syn) {
			at = fmt.Sprintf(" at byte %d", syn.ByteOffset)
		}
		return nil, whole("is not JSON, or has a member twice", "Check the brackets, commas and quotation marks"+at+".")
	}
	return tidy(doc), nil
}

func tidy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if x == nil || x == "" {
				delete(v, k)
			} else {
				v[k] = tidy(x)
			}
		}
	case []any:
		for i, x := range v {
			v[i] = tidy(x)
		}
	}
	return v
}

func (f *form) wrong(location []string, wrong, write string) error {
	p := f.problem(location, wrong)
	p.Write = write
	return &Error{[]Problem{p}}
}

// yamlLine finds the line in the parser's error. The words of that error may quote the text, so
// they are not repeated.
func yamlLine(err error) string {
	var line int
	if _, scanErr := fmt.Sscanf(err.Error(), "yaml: line %d:", &line); scanErr == nil {
		return fmt.Sprintf("on line %d", line)
	}
	return "in the whole text"
}
