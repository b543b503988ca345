package mapping

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"igledger/ledger/wire"
	"igledger/policies/purpose"
)

//go:embed mapping.schema.json
var schemaText []byte

// Schema returns the JSON Schema (2020-12) of a mapping file. Parse checks more: that nothing in
// the file means two things.
func Schema() []byte { return bytes.Clone(schemaText) }

//go:embed example.yaml
var exampleText []byte

// Example returns a mapping file with every setting, and a comment on each.
func Example() []byte { return bytes.Clone(exampleText) }

// Error says what is wrong with a mapping, and where. It holds no value of the mapping.
type Error struct {
	Line int    // from 1; 0: not known
	Path string // of the setting, e.g. "organisations[1].id"
	Want string
}

func (e *Error) Error() string {
	at := ""
	if e.Line > 0 {
		at = fmt.Sprintf("line %d: ", e.Line)
	}
	if e.Path != "" {
		at += e.Path + ": "
	}
	return at + e.Want
}

func wrong(path, want string, args ...any) error {
	return &Error{Path: path, Want: fmt.Sprintf(want, args...)}
}

// Parse reads a mapping file: YAML, at most MaxFile bytes, of which every name and value is
// checked. Errors are *Error.
func Parse(data []byte) (*Map, error) {
	if len(data) > MaxFile {
		return nil, wrong("", "the mapping has %d bytes; the limit is %d", len(data), MaxFile)
	}
	m, doc := &Map{}, yaml.Node{}
	d := yaml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return m, nil
	} else if err != nil {
		return nil, &Error{lineOf(err), "", "not YAML"}
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, wrong("", "the mapping has more than one document")
	}
	lines := map[string]int{}
	if err := walk(&doc, "", lines); err != nil {
		return nil, err
	}
	d = yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(m); err != nil {
		line := lineOf(err)
		return nil, &Error{line, nearest(lines, line), "not as the schema says: an unknown name, or a value of another kind"}
	}
	err := m.Check()
	if e := new(Error); errors.As(err, &e) {
		e.Line = lines[e.Path]
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

var lineForm = regexp.MustCompile(`line (\d+)`)

// lineOf returns the line that an error of YAML names. The rest of its text may quote the file.
func lineOf(err error) int {
	if f := lineForm.FindStringSubmatch(err.Error()); f != nil {
		n, _ := strconv.Atoi(f[1])
		return n
	}
	return 0
}

// nearest returns the longest path on a line.
func nearest(lines map[string]int, line int) string {
	best := ""
	for _, p := range slices.Sorted(maps.Keys(lines)) {
		if lines[p] == line && len(p) > len(best) && !strings.Contains(p, "*") {
			best = p
		}
	}
	return best
}

// settings are the names in a mapping file. Any other name is the organisation's own, and is not
// repeated in errors.
var settings = []string{
	"identifiers", "organisations", "id", "references", "issuers", "names", "purposes", "emergencies", "roles", "sources",
	"base", "newIds", "staff", "units", "zone", "lookup", "match", "pdqm", "systems", "token", "timeout",
}

// walk checks what YAML allows and a mapping does not need, and notes on which line each setting
// is. The names of an organisation's own are * in a path.
func walk(n *yaml.Node, path string, lines map[string]int) error {
	if _, seen := lines[path]; !seen {
		lines[path] = n.Line
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return &Error{n.Line, path, "anchors and aliases are not allowed"}
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return walk(n.Content[0], path, lines)
	case yaml.SequenceNode:
		for i, e := range n.Content {
			if err := walk(e, path+"["+strconv.Itoa(i)+"]", lines); err != nil {
				return err
			}
		}
	case yaml.MappingNode:
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, at := n.Content[i], "*"
			if key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Tag == "!!merge" {
				return &Error{key.Line, path, "want a plain name"}
			}
			if slices.Contains(settings, key.Value) {
				at = key.Value
			}
			at = strings.TrimPrefix(path+"."+at, ".")
			if seen[key.Value] {
				return &Error{key.Line, at, "the same name twice"}
			}
			seen[key.Value] = true
			if err := walk(n.Content[i+1], at, lines); err != nil {
				return err
			}
		}
	}
	return nil
}

// Check checks every name and value, and that nothing means two things. Errors are *Error.
func (m *Map) Check() error {
	if m == nil {
		return nil
	}
	for _, check := range []func() error{m.checkIdentifiers, m.checkOrganisations, m.checkCodes, m.checkSources} {
		if err := check(); err != nil {
			return err
		}
	}
	return m.Lookup.check()
}

func (m *Map) checkIdentifiers() error {
	schemes := map[string]string{}
	for _, system := range slices.Sorted(maps.Keys(m.Identifiers)) {
		s, as := m.Identifiers[system], spelling(system)
		if as == "" || s != "chi" && s != "nhs" {
			return wrong("identifiers", "want a system's URI, and chi or nhs as its scheme")
		}
		if known := defaultSystems[as]; known != "" && known != s {
			return wrong("identifiers", "a system is known to hold other numbers: %s", known)
		}
		if other := schemes[as]; other != "" && other != s {
			return wrong("identifiers", "one system, in two spellings, has two schemes")
		}
		schemes[as] = s
	}
	return nil
}

func (m *Map) checkOrganisations() error {
	type meaning struct{ kind, text string }
	is := map[meaning]string{}
	for i, o := range m.Organisations {
		path := fmt.Sprintf("organisations[%d]", i)
		if wire.CheckOrgID(o.ID) != nil {
			return wrong(path+".id", "not an organisation id")
		}
		for _, list := range []struct {
			name  string
			texts []string
			fold  func(string) string
		}{
			{"identifiers", o.Identifiers, identifierKey},
			{"references", o.References, func(s string) string { s, _, _ = strings.Cut(s, "/_history/"); return s }},
			{"issuers", o.Issuers, strings.TrimSpace},
			{"names", o.Names, func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }},
		} {
			for j, text := range list.texts {
				at := fmt.Sprintf("%s.%s[%d]", path, list.name, j)
				if _, value, ok := strings.Cut(text, "|"); list.name == "identifiers" && (!ok || strings.TrimSpace(value) == "") {
					return wrong(at, "want system|value, or |value if there is no system")
				}
				key := meaning{list.name, list.fold(text)}
				if key.text == "" {
					return wrong(at, "is empty")
				}
				if other, ok := is[key]; ok && other != o.ID {
					return wrong(at, "is another organisation's too, so it would mean two")
				}
				is[key] = o.ID
			}
		}
	}
	return nil
}

// identifierKey returns "system|value" as it compares.
func identifierKey(s string) string {
	system, value, _ := strings.Cut(s, "|")
	return systemKey(system) + "|" + strings.TrimSpace(value)
}

func (m *Map) checkCodes() error {
	for _, local := range slices.Sorted(maps.Keys(m.Purposes)) {
		if local == "" || !purpose.Known(m.Purposes[local]) {
			return wrong("purposes", "want a local code, and a code of PurposeOfUse for it")
		}
	}
	for i, e := range m.Emergencies {
		if e == "" {
			return wrong(fmt.Sprintf("emergencies[%d]", i), "is empty")
		}
	}
	for _, local := range slices.Sorted(maps.Keys(m.Roles)) {
		if local == "" || m.Roles[local] == "" || len(m.Roles[local]) > 512 {
			return wrong("roles", "want a local role, and system|code for it")
		}
	}
	return nil
}

func (m *Map) checkSources() error {
	for _, l := range []struct {
		name string
		list map[string]string
	}{{"staff", m.Staff}, {"units", m.Units}} {
		for _, ref := range slices.Sorted(maps.Keys(l.list)) {
			if system, value, ok := strings.Cut(l.list[ref], "|"); ref == "" || !ok || system == "" || value == "" {
				return wrong(l.name, "want a literal reference, and system|value for it")
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Sources)) {
		if wire.CheckSystem(name) != nil {
			return wrong("sources", "want the name of a source system: 1 to 128 printable ASCII characters")
		}
		if base := m.Sources[name].Base; base != "" {
			if u, err := wire.ServerURL(base); err != nil || u.User != nil {
				return wrong("sources.*.base", "want an absolute URL, http or https, without a query")
			}
		}
	}
	if _, err := location(m.zone()); err != nil {
		return wrong("zone", "not the name of a time zone, such as Europe/London")
	}
	return nil
}

func (l *Lookup) check() error {
	if l == nil {
		return nil
	}
	if (l.Match == "") == (l.PDQm == "") {
		return wrong("lookup", "want one of match and pdqm")
	}
	for name, base := range map[string]string{"match": l.Match, "pdqm": l.PDQm} {
		if base != "" && !protected(base) {
			return wrong("lookup."+name, "want the base URL of a FHIR server: https, or http on this machine, without user or query")
		}
	}
	if l.Timeout < 0 || l.Timeout > 60 {
		return wrong("lookup.timeout", "want 1 to 60 seconds")
	}
	if l.Token != "" && !tokenForm.MatchString(l.Token) {
		return wrong("lookup.token", "want the name of an environment variable, not the token itself")
	}
	return nil
}

var tokenForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)

// protected reports whether nobody on the way reads what is sent to a URL.
func protected(base string) bool {
	u, err := wire.ServerURL(base)
	return err == nil && u.User == nil && wire.Private(u)
}
