package policies

import (
	"bytes"
	_ "embed"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
)

// Limits of a policy set. They keep it inside one public entry, and make reading and evaluating it
// cheap, whatever its author wrote.
const (
	MaxText    = 40 << 10
	MaxRules   = 64
	maxNesting = 32
	maxPlain   = 300
)

//go:embed igledger.cedarschema
var schemaText string

//go:embed default.cedar
var defaultText string

// SchemaText is the Cedar schema against which every policy set is validated.
func SchemaText() string { return schemaText }

// Set is a compiled and validated policy set. It is immutable and safe for concurrent use.
type Set struct {
	version          uint64
	text             string
	permits, forbids rulesBy
	rules            map[string]*rule
	parts            bool // see rule.parts
	memo             memo
}

// rule is one policy of a set.
type rule struct {
	id, plain         string
	line              int
	obligations       []string
	agreement, person bool // whether the verdict cites the agreement, the consent
	personal          bool // whether it may depend on what the person chose
	parts             bool // whether it may have one choice covered on another ground than the next
	policy            *cedar.Policy
}

// rulesBy is the permits or the forbids of a set, by whether they are personal.
type rulesBy struct{ general, personal ruleList }

func (l *rulesBy) add(r *rule) {
	if r.personal {
		l.personal = append(l.personal, r)
	} else {
		l.general = append(l.general, r)
	}
}

// ruleList is a list of policies in the order of the text, in the form that Cedar takes.
type ruleList []*rule

// All yields the policies with their ids.
func (l ruleList) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, r := range l {
			if !yield(cedar.PolicyID(r.id), r.policy) {
				return
			}
		}
	}
}

// builtIn is compiled once, when first used. Its memo is shared.
var builtIn = sync.OnceValue(func() *Set {
	s, err := Compile(0, defaultText)
	if err != nil {
		panic(fmt.Sprintf("policies: the built-in set: %v", err)) // a test compiles it
	}
	return s
})

// BuiltIn returns version 0, the set that a log uses until its registrar states another.
func BuiltIn() *Set { return builtIn() }

// Compile reads a policy set. The text is Cedar in UTF-8, and each policy has these annotations and
// no others:
//
//	@id("…")          1-64 of a-z 0-9 -, beginning with a letter, unique in the set: verdicts name it
//	@plain("…")       at most 300 bytes, for citizens and officers: for a permit, why an access is
//	                  covered; for a forbid, why it is not
//	@cites("…")       optional; agreement, consent or both: verdicts of this policy name them
//	@obligation("…")  optional; see Obligation
//
// The set must be valid under SchemaText in Cedar's strict mode. Compile refuses a set that denies
// everything that a sensible set allows, or allows everything that a sensible set denies: it is a
// mistake. Errors are *PolicyError.
func Compile(version uint64, text string) (*Set, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	list, err := cedar.NewPolicyListFromBytes("", []byte(text))
	if err != nil {
		return nil, fail(Syntax, syntaxLine(err), "%s", printable(err.Error()))
	}
	if len(list) > MaxRules {
		return nil, fail(TooLarge, 0, "%d policies; the limit is %d", len(list), MaxRules)
	}
	validator, err := newValidator()
	if err != nil {
		return nil, err
	}
	s := &Set{version: version, text: text, rules: make(map[string]*rule, len(list))}
	for _, p := range list {
		r, err := newRule(p)
		if err != nil {
			return nil, err
		}
		if before := s.rules[r.id]; before != nil {
			return nil, fail(Annotation, r.line, "@id %q is already used on line %d", r.id, before.line)
		}
		if err := validator.Policy(r.id, (*ast.Policy)(p.AST())); err != nil {
			return nil, fail(Schema, r.line, "%s", firstOf(err))
		}
		s.rules[r.id] = r
		s.parts = s.parts || r.parts
		if p.Effect() == cedar.Permit {
			s.permits.add(r)
		} else {
			s.forbids.add(r)
		}
	}
	return s, s.probe()
}

func newValidator() (*validate.Validator, error) {
	var sch schema.Schema
	if err := sch.UnmarshalCedar([]byte(schemaText)); err != nil {
		return nil, fmt.Errorf("reading the Cedar schema: %w", err)
	}
	resolved, err := sch.Resolve()
	if err != nil {
		return nil, fmt.Errorf("resolving the Cedar schema: %w", err)
	}
	return validate.New(resolved), nil
}

// checkText bounds the input of the parser and of the type checker: both recurse as deep as the
// text nests.
func checkText(text string) error {
	if len(text) > MaxText {
		return fail(TooLarge, 0, "%d bytes; the limit is %d", len(text), MaxText)
	}
	if !utf8.ValidString(text) {
		return fail(Syntax, 0, "not UTF-8")
	}
	line, depth := 1, 0
	run := 0 // of ! and -, which nest without brackets
	comment, quoted := false, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			line++
			comment = false
		case comment:
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted, run = !quoted, 0
		case quoted:
		case c == '/' && strings.HasPrefix(text[i:], "//"):
			comment = true
		case c == '!' || c == '-':
			run++
		case strings.IndexByte("([{", c) >= 0:
			depth++
			run = 0
		case strings.IndexByte(")]}", c) >= 0:
			depth--
			run = 0
		case c > ' ':
			run = 0
		}
		if depth > maxNesting || run > maxNesting {
			return fail(TooLarge, line, "nested deeper than %d levels", maxNesting)
		}
	}
	return nil
}

var ruleID = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

func newRule(p *cedar.Policy) (*rule, error) {
	r := &rule{line: p.Position().Line, policy: p}
	notes := p.Annotations()
	// Cedar does not keep the order of annotations, so the first wrong one is the first by name.
	for _, key := range slices.Sorted(maps.Keys(notes)) {
		value := notes[key]
		words := strings.Fields(string(value))
		switch key {
		case "id":
			r.id = string(value)
		case "plain":
			r.plain = string(value)
		case "cites":
			r.agreement = slices.Contains(words, "agreement")
			r.person = slices.Contains(words, "consent")
			if !allIn(words, "agreement", "consent") {
				return nil, fail(Annotation, r.line, "@cites must name agreement, consent or both")
			}
		case "obligation":
			r.obligations = words
			if !allIn(words, obligations...) {
				return nil, fail(Annotation, r.line, "@obligation must name one or more of %s", strings.Join(obligations, ", "))
			}
		default:
			return nil, fail(Annotation, r.line, "@%s is not an annotation that policies have; use id, plain, cites, obligation", key)
		}
	}
	if !ruleID.MatchString(r.id) || r.id == NoRule || r.id == UserUnnamed {
		return nil, fail(Annotation, r.line,
			"@id must be 1-64 of a-z 0-9 -, begin with a letter, and be neither %q nor %q", NoRule, UserUnnamed)
	}
	if strings.TrimSpace(r.plain) == "" || len(r.plain) > maxPlain || strings.ContainsFunc(r.plain, unicode.IsControl) {
		return nil, fail(Annotation, r.line, "@plain must be 1-%d bytes of plain words for citizens and officers", maxPlain)
	}
	text, err := p.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("reading policy %s: %w", r.id, err)
	}
	// An attribute is a JSON string of its own. A constant of the same text makes the rule personal
	// too, which is on the safe side.
	r.personal = slices.ContainsFunc(personal, func(name string) bool {
		return bytes.Contains(text, []byte(`"`+name+`"`))
	})
	if r.personal {
		r.parts, err = partsGrounds(text)
	}
	return r, err
}

// allIn reports whether there are words and each is allowed.
func allIn(words []string, allowed ...string) bool {
	return len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(allowed, w) })
}

var linePattern = regexp.MustCompile(`:(\d+):\d+`)

// syntaxLine returns the line of a parser's error, which has it only in its text.
func syntaxLine(err error) int {
	m := linePattern.FindStringSubmatch(err.Error())
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// firstOf returns one of several errors, always the same one: the type checker iterates over maps.
func firstOf(err error) string { return printable(slices.Min(strings.Split(err.Error(), "\n"))) }

// printable cuts a text to a sensible length and removes the control characters that it may quote.
func printable(s string) string {
	const most = 300
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// Version returns the version given to Compile. 0 is the built-in set.
func (s *Set) Version() uint64 { return s.version }

// Text returns the Cedar text of the set.
func (s *Set) Text() string { return s.text }

// IDs returns the ids of the rules, sorted.
func (s *Set) IDs() []string { return slices.Sorted(maps.Keys(s.rules)) }

// Plain returns the annotation @plain of a rule: what its id in a verdict means. It returns "" if
// the set has no such rule, as for NoRule and UserUnnamed: their words are in package audit/plain.
func (s *Set) Plain(rule string) string {
	if r := s.rules[rule]; r != nil {
		return r.plain
	}
	return ""
}
