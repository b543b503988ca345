package verifier_test

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
)

// A jsonTree is a JSON value that can be written again with members twice, in any order and
// spelling.
type jsonTree struct {
	raw     string // of a value that is neither object nor list, as it is written
	object  bool
	list    bool
	names   []string // of an object, one for each of parts
	parts   []*jsonTree
	parents int // how deep it is
}

// parseTree reads JSON that encoding/json accepts, members in their order.
func parseTree(data []byte) *jsonTree {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	return readTree(d, 0)
}

func readTree(d *json.Decoder, depth int) *jsonTree {
	token, err := d.Token()
	if err != nil {
		panic(err)
	}
	t := &jsonTree{parents: depth}
	switch v := token.(type) {
	case json.Delim:
		t.object, t.list = v == '{', v == '['
		for d.More() {
			if t.object {
				name, err := d.Token()
				if err != nil {
					panic(err)
				}
				t.names = append(t.names, name.(string))
			}
			t.parts = append(t.parts, readTree(d, depth+1))
		}
		if _, err := d.Token(); err != nil {
			panic(err)
		}
	case string:
		t.raw = quoted(v)
	case json.Number:
		t.raw = v.String()
	case bool:
		t.raw = strconv.FormatBool(v)
	case nil:
		t.raw = "null"
	}
	return t
}

func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (t *jsonTree) write(b *strings.Builder) {
	if !t.object && !t.list {
		b.WriteString(t.raw)
		return
	}
	open, shut := byte('['), byte(']')
	if t.object {
		open, shut = '{', '}'
	}
	b.WriteByte(open)
	for i, p := range t.parts {
		if i > 0 {
			b.WriteByte(',')
		}
		if t.object {
			b.WriteString(quoted(t.names[i]) + ":")
		}
		p.write(b)
	}
	b.WriteByte(shut)
}

func (t *jsonTree) bytes() []byte {
	var b strings.Builder
	t.write(&b)
	return []byte(b.String())
}

func (t *jsonTree) clone() *jsonTree {
	c := *t
	c.names = append([]string{}, t.names...)
	c.parts = nil
	for _, p := range t.parts {
		c.parts = append(c.parts, p.clone())
	}
	return &c
}

// nodes returns every value below t, t too.
func (t *jsonTree) nodes() []*jsonTree {
	all := []*jsonTree{t}
	for _, p := range t.parts {
		all = append(all, p.nodes()...)
	}
	return all
}

// text returns the string that t is.
func (t *jsonTree) text() (s string, ok bool) {
	if !strings.HasPrefix(t.raw, `"`) {
		return "", false
	}
	return s, json.Unmarshal([]byte(t.raw), &s) == nil
}

// mutateTree changes t in one place. other is a second document to take parts from.
func mutateTree(r *rand.Rand, t, other *jsonTree) {
	nodes := t.nodes()
	n := nodes[r.IntN(len(nodes))]
	switch s, isText := n.text(); {
	case (n.object || n.list) && len(n.parts) > 0:
		mutateParts(r, n, nodes, other)
	case n.object || n.list:
		n.parts = append(n.parts, other.nodes()[r.IntN(len(other.nodes()))])
		if n.object {
			n.names = append(n.names, "extra")
		}
	case isText:
		n.raw = mutatedText(r, n.raw, s, other)
	default:
		n.raw = mutatedNumber(r, n.raw)
	}
}

func mutateParts(r *rand.Rand, n *jsonTree, nodes []*jsonTree, other *jsonTree) {
	i, j := r.IntN(len(n.parts)), r.IntN(len(n.parts))
	switch r.IntN(9) {
	case 0: // removed
		n.parts = append(n.parts[:i:i], n.parts[i+1:]...)
		if n.object {
			n.names = append(n.names[:i:i], n.names[i+1:]...)
		}
	case 1: // twice
		n.parts = append(n.parts, n.parts[i].clone())
		if n.object {
			n.names = append(n.names, n.names[i])
		}
	case 2, 3: // two change places
		n.parts[i], n.parts[j] = n.parts[j], n.parts[i]
	case 4: // one for another of the document
		n.parts[i] = nodes[r.IntN(len(nodes))].clone()
	case 5, 6: // one for its like in another document
		if like := other.like(n.parts[i], r); like != nil {
			n.parts[i] = like.clone()
		}
	case 7: // another kind of value
		n.parts[i] = &jsonTree{raw: []string{"null", "0", `""`, "true", "[]", "{}", "-0", "1.0", "1e0"}[r.IntN(9)]}
	default:
		if n.object { // another name
			n.names[i] = []string{strings.ToUpper(n.names[i]), n.names[i] + " ", n.names[j], "x"}[r.IntN(4)]
			return
		}
		n.parts[j] = n.parts[i].clone()
	}
}

// like returns a value of t of the same kind and about the same depth, or nil.
func (t *jsonTree) like(n *jsonTree, r *rand.Rand) *jsonTree {
	var found []*jsonTree
	for _, o := range t.nodes() {
		if o.object == n.object && o.list == n.list && o.parents == n.parents && len(o.raw) == len(n.raw) {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[r.IntN(len(found))]
}

// mutatedText spells a text in another way, changes a character or takes another text.
func mutatedText(r *rand.Rand, raw, s string, other *jsonTree) string {
	at := 0
	if len(s) > 0 {
		at = r.IntN(len(s))
	}
	switch r.IntN(9) {
	case 0: // padded
		return quoted(s + "=")
	case 1: // cut short
		return quoted(s[:at])
	case 2: // the alphabet of standard base64
		return quoted(strings.NewReplacer("-", "+", "_", "/").Replace(s))
	case 3: // unused bits of the last character, or just another character
		if s != "" {
			return quoted(s[:len(s)-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[r.IntN(64)]))
		}
	case 4: // one bit of what is encoded
		if b, err := base64.RawURLEncoding.DecodeString(s); err == nil && len(b) > 0 {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			return quoted(base64.RawURLEncoding.EncodeToString(b))
		}
	case 5: // spelt with an escape
		if s != "" && s[0] < 0x80 && s[0] != '"' && s[0] != '\\' {
			return `"\u00` + strconv.FormatUint(uint64(s[0])|0x100, 16)[1:] + raw[2:]
		}
	case 6: // a control character
		return quoted(s[:at] + "\x1b" + s[at:])
	case 7: // a hash of another place
		if like := other.like(&jsonTree{raw: raw, parents: r.IntN(5)}, r); like != nil {
			return like.raw
		}
	}
	return quoted(s[:at] + string(rune('!'+r.IntN(94))) + s[min(at+1, len(s)):])
}

func mutatedNumber(r *rand.Rand, raw string) string {
	n, err := strconv.ParseUint(raw, 10, 64)
	if err != nil {
		return []string{"true", "false", "0", "null"}[r.IntN(4)]
	}
	switch r.IntN(6) {
	case 0, 1:
		return strconv.FormatUint(n+1, 10)
	case 2:
		return strconv.FormatUint(n-min(n, 1), 10)
	case 3:
		return strconv.FormatUint(uint64(r.IntN(20)), 10)
	case 4:
		return []string{"-0", "-1", "0", "01", "9007199254740991", "9007199254740992", "18446744073709551615",
			"18446744073709551616", "1e400", "-9223372036854775809"}[r.IntN(10)]
	}
	return []string{raw + ".0", raw + "e0", `"` + raw + `"`, "-" + raw}[r.IntN(4)]
}
