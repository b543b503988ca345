package oracle

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Section 1: JSON under the rules of I-JSON.

// A value is one JSON value. Kind is the first character of its text: { [ " t f n, or 0 for a
// number.
type value struct {
	kind    byte
	text    string // of a string, unescaped; of a number, as it is written
	members []member
	list    []*value
	raw     string // its text in the file
}

type member struct {
	name  string
	value *value
}

// maxNesting bounds the stack. No structure of FORMATS.md is as deep.
const maxNesting = 1000

// parseJSON reads exactly one value.
func parseJSON(text string) *value {
	must(utf8.ValidString(text), "bad-json")
	p := parser{s: text}
	p.space()
	v := p.value(0)
	p.space()
	must(p.i == len(p.s), "bad-json")
	return v
}

type parser struct {
	s string
	i int
}

func (p *parser) peek() byte {
	must(p.i < len(p.s), "bad-json")
	return p.s[p.i]
}

func (p *parser) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *parser) expect(c byte) {
	must(p.peek() == c, "bad-json")
	p.i++
}

func (p *parser) value(depth int) *value {
	must(depth < maxNesting, "bad-json")
	start := p.i
	v := &value{kind: p.peek()}
	switch v.kind {
	case '{':
		p.object(v, depth)
	case '[':
		p.array(v, depth)
	case '"':
		v.text = p.string()
	case 't':
		p.word("true")
	case 'f':
		p.word("false")
	case 'n':
		p.word("null")
	default:
		v.kind = 0
		v.text = p.number()
	}
	v.raw = p.s[start:p.i]
	return v
}

func (p *parser) word(w string) {
	must(strings.HasPrefix(p.s[p.i:], w), "bad-json")
	p.i += len(w)
}

func (p *parser) object(v *value, depth int) {
	seen := map[string]bool{}
	p.expect('{')
	p.space()
	for first := true; p.peek() != '}'; first = false {
		if !first {
			p.expect(',')
			p.space()
		}
		name := p.string()
		must(!seen[name], "bad-json")
		seen[name] = true
		p.space()
		p.expect(':')
		p.space()
		v.members = append(v.members, member{name, p.value(depth + 1)})
		p.space()
	}
	p.i++
}

func (p *parser) array(v *value, depth int) {
	p.expect('[')
	p.space()
	for first := true; p.peek() != ']'; first = false {
		if !first {
			p.expect(',')
			p.space()
		}
		v.list = append(v.list, p.value(depth+1))
		p.space()
	}
	p.i++
}

func (p *parser) string() string {
	p.expect('"')
	var b strings.Builder
	for {
		c := p.peek()
		p.i++
		switch {
		case c == '"':
			return b.String()
		case c < 0x20:
			refuse("bad-json")
		case c == '\\':
			p.escape(&b)
		default:
			b.WriteByte(c)
		}
	}
}

func (p *parser) escape(b *strings.Builder) {
	c := p.peek()
	p.i++
	if c != 'u' {
		at := strings.IndexByte(`"\/bfnrt`, c)
		must(at >= 0, "bad-json")
		b.WriteByte("\"\\/\b\f\n\r\t"[at])
		return
	}
	r := p.hex4()
	must(r < 0xdc00 || r > 0xdfff, "bad-json")
	if r >= 0xd800 && r <= 0xdbff {
		must(strings.HasPrefix(p.s[p.i:], `\u`), "bad-json")
		p.i += 2
		low := p.hex4()
		must(low >= 0xdc00 && low <= 0xdfff, "bad-json")
		r = 0x10000 + (r-0xd800)<<10 + (low - 0xdc00)
	}
	b.WriteRune(r)
}

func (p *parser) hex4() rune {
	must(p.i+4 <= len(p.s), "bad-json")
	var r rune
	for _, c := range []byte(p.s[p.i : p.i+4]) {
		at := strings.IndexByte("0123456789abcdef", c|0x20)
		must(at >= 0 && (c >= '0' && c <= '9' || c >= 'A'), "bad-json")
		r = r<<4 | rune(at)
	}
	p.i += 4
	return r
}

func (p *parser) digits() {
	start := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	must(p.i > start, "bad-json")
}

func (p *parser) number() string {
	start := p.i
	if p.peek() == '-' {
		p.i++
	}
	if p.peek() == '0' {
		p.i++
	} else {
		p.digits()
	}
	if p.i < len(p.s) && p.s[p.i] == '.' {
		p.i++
		p.digits()
	}
	if p.i < len(p.s) && (p.s[p.i] == 'e' || p.s[p.i] == 'E') {
		p.i++
		if c := p.peek(); c == '+' || c == '-' {
			p.i++
		}
		p.digits()
	}
	return p.s[start:p.i]
}

// get returns the member of this name, or nil.
func (v *value) get(name string) *value {
	if v == nil {
		return nil
	}
	for _, m := range v.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

func (v *value) has(name string) bool { return v.get(name) != nil }

// str returns the text of the member, or "" if it is absent.
func (v *value) str(name string) string {
	if m := v.get(name); m != nil {
		return m.text
	}
	return ""
}

// num returns the integer of the member, or 0 if it is absent. The value was held against its
// shape.
func (v *value) num(name string) uint64 {
	if m := v.get(name); m != nil {
		return m.integer()
	}
	return 0
}

func (v *value) integer() uint64 {
	if strings.HasPrefix(v.text, "-") {
		return 0 // of a field that has no such values: see aTime
	}
	n, err := strconv.ParseUint(v.text, 10, 64)
	must(err == nil, "bad-json")
	return n
}

// items returns the elements of the member, none if it is absent.
func (v *value) items(name string) []*value {
	if m := v.get(name); m != nil {
		return m.list
	}
	return nil
}

// texts returns the elements of the member, which is a list of strings.
func (v *value) texts(name string) []string {
	var out []string
	for _, e := range v.items(name) {
		out = append(out, e.text)
	}
	return out
}

// depth is 1 for an object or list without objects or lists inside.
func (v *value) depth() int {
	most := 0
	for _, m := range v.members {
		most = max(most, m.value.depth())
	}
	for _, e := range v.list {
		most = max(most, e.depth())
	}
	if v.kind == '{' || v.kind == '[' {
		return most + 1
	}
	return most
}

// equal compares two values member by member, whatever their order.
func equal(a, b *value) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.kind != b.kind || a.text != b.text || len(a.members) != len(b.members) || len(a.list) != len(b.list) {
		return false
	}
	for _, m := range a.members {
		if other := b.get(m.name); other == nil || !equal(m.value, other) {
			return false
		}
	}
	for i := range a.list {
		if !equal(a.list[i], b.list[i]) {
			return false
		}
	}
	return true
}
