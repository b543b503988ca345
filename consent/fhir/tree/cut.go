package tree

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// What does not fit into an entry is cut: a template that no field fills stands for it,
//
//	={cut/<bytes>/<SHA-256, hexadecimal>}
//
// with the size and hash of the UTF-8 of a string as the residue would have it, or of the JSON of
// another value; of the elements that are cut from the end of an array, the JSON array of them. The
// way back leaves it out, as it leaves out what is withheld. Who has the original, as the source
// does, can check the hash.

// Original is the member of a cut resource that holds the cut of the whole resource, as it came. No
// resource has a member of that name.
const Original = "=original"

const cutPrefix = "={cut/"

// cutOf returns what stands for data.
func cutOf(data []byte) template {
	sum := sha256.Sum256(data)
	return template(cutPrefix + strconv.Itoa(len(data)) + "/" + hex.EncodeToString(sum[:]) + "}")
}

// sizeOf returns what stands for data of a size whose hash is not to be known.
func sizeOf(size string) template { return template(cutPrefix + size + "}") }

// IsCut reports whether v stands for what was cut.
func IsCut(v any) bool {
	t, ok := v.(template)
	return ok && strings.HasPrefix(string(t), cutPrefix)
}

// Unhash removes the hashes from what was cut of v. They are of a resource about several persons,
// and a hash of what concerns one must not reach another.
func Unhash(v any) any {
	switch v := v.(type) {
	case Object:
		for k, e := range v {
			v[k] = Unhash(e)
		}
	case []any:
		for i, e := range v {
			v[i] = Unhash(e)
		}
	case template:
		if size, _, ok := strings.Cut(string(v[min(len(v), len(cutPrefix)):]), "/"); ok && strings.HasPrefix(string(v), cutPrefix) {
			return sizeOf(size)
		}
	}
	return v
}

// Refused makes root stand for an entry that the ledger refused with a code: the hash of the entry
// in SD-JWT form is that of the original.
func Refused(root Object, sdjwt []byte, code string) {
	root[Original] = cutOf(sdjwt)
	root["=refused"] = template("={refused/" + code + "}")
}

// Cut is a thing that was cut from a residue. Hash is "" if it is not to be known.
type Cut struct {
	Bytes int
	Hash  string
}

// Cuts lists what was cut from a residue: the whole resource first, if its hash is known.
func Cuts(residue []byte) (list []Cut) {
	if !bytes.Contains(residue, []byte(`"`+cutPrefix)) {
		return nil
	}
	v, err := Parse("fhir", residue)
	if err != nil {
		return nil
	}
	note := func(s string) {
		rest, ok := strings.CutPrefix(s, cutPrefix)
		rest, closed := strings.CutSuffix(rest, "}")
		size, hash, _ := strings.Cut(rest, "/")
		if n, err := strconv.Atoi(size); ok && closed && err == nil {
			list = append(list, Cut{n, hash})
		}
	}
	root, _ := v.(Object)
	if whole, ok := root[Original].(string); ok {
		note(whole)
		delete(root, Original)
	}
	EachString("", v, func(_, s string) { note(s) })
	return list
}

// Limits of ParseLarge. What is beyond them is cut.
const (
	maxText   = 1 << 20 // bytes of a string
	maxValues = 1 << 20 // values in all
)

// ParseLarge is Parse without a limit of size: what nests too deep, strings that are too long, and
// values beyond a number that memory bounds, are cut. cut says whether something was.
func ParseLarge(path string, data []byte) (v any, cut bool, err error) {
	p := &largeParser{path: path, d: jsontext.NewDecoder(bytes.NewReader(data))}
	v, err = p.value()
	if err == nil {
		_, err = p.d.ReadToken()
		if err == io.EOF {
			return v, p.cut, nil
		}
		err = errors.Join(err, Fail(BadJSON, path, "more than one value"))
	}
	return nil, false, JSONError(path, err)
}

type largeParser struct {
	path   string
	d      *jsontext.Decoder
	values int
	cut    bool
}

func (p *largeParser) value() (any, error) {
	kind := p.d.PeekKind()
	p.values++
	if opens := kind == '{' || kind == '['; p.values > maxValues || opens && p.d.StackDepth() >= maxDepth {
		raw, err := p.d.ReadValue()
		p.cut = true
		return cutOf(raw), err
	}
	switch kind {
	case '{':
		o := Object{}
		_, err := p.d.ReadToken()
		for err == nil && p.d.PeekKind() != '}' {
			var name jsontext.Token
			if name, err = p.d.ReadToken(); err == nil {
				key := name.String()
				o[key], err = p.value()
			}
		}
		if err == nil {
			_, err = p.d.ReadToken()
		}
		return o, err
	case '[':
		list := []any{}
		_, err := p.d.ReadToken()
		for err == nil && p.d.PeekKind() != ']' {
			var v any
			v, err = p.value()
			list = append(list, v)
		}
		if err == nil {
			_, err = p.d.ReadToken()
		}
		return list, err
	}
	v, err := read(p.path, p.d)
	if s, ok := v.(string); ok && len(s) > maxText {
		p.cut = true
		return cutOf([]byte(s)), nil
	}
	return v, err
}

// Source is the resource from which a residue was made.
type Source struct {
	Raw     []byte // as it came
	Several bool   // it is about several persons, so no hash of all of it may be in what concerns one
	Cut     bool   // something of it is missing already
}

// Fit writes the residue root, and cuts as much of it as does not fit into limit bytes: long
// strings first, then the ends of long arrays, in the end all but its type. If anything is cut, it
// adds the member Original, and reports cut.
func Fit(root Object, of Source, limit int) (out jsontext.Value, cut bool, err error) {
	mark := func() {
		if of.Several { // for each of the persons, so the hash is not even computed
			root[Original] = sizeOf(strconv.Itoa(len(of.Raw)))
		} else {
			root[Original] = cutOf(of.Raw)
		}
	}
	if of.Cut {
		mark()
	}
	if out, err = Write(root); err != nil || len(out) <= limit {
		return out, of.Cut, err
	}
	mark()
	for _, most := range []int{8 << 10, 2 << 10, 512, 128} {
		cutTexts(root, most)
		if out, err = Write(root); err != nil || len(out) <= limit {
			return out, true, err
		}
	}
	for _, most := range []int{256, 64, 16, 4} {
		if err := cutLists(root, most); err != nil {
			return nil, true, err
		}
		if out, err = Write(root); err != nil || len(out) <= limit {
			return out, true, err
		}
	}
	root = Object{"resourceType": root["resourceType"]}
	mark()
	out, err = Write(root)
	return out, true, err
}

// cutTexts cuts the strings of v that are longer than most.
func cutTexts(v any, most int) any {
	switch v := v.(type) {
	case Object:
		for k, e := range v {
			v[k] = cutTexts(e, most)
		}
	case []any:
		for i, e := range v {
			v[i] = cutTexts(e, most)
		}
	case string:
		if len(v) > most {
			return cutOf([]byte(v))
		}
	case template:
		if len(v) > most && !strings.HasPrefix(string(v), cutPrefix) {
			return cutOf([]byte(v))
		}
	}
	return v
}

// cutLists cuts the ends of arrays of v that are longer than most.
func cutLists(v any, most int) error {
	switch v := v.(type) {
	case Object:
		for _, e := range v {
			if err := cutLists(e, most); err != nil {
				return err
			}
		}
		for name, e := range v {
			list, ok := e.([]any)
			if !ok || len(list) <= most {
				continue
			}
			raw, err := Write(list[most:])
			if err != nil {
				return err
			}
			v[name] = append(slices.Clone(list[:most]), cutOf(raw))
		}
	case []any:
		for _, e := range v {
			if err := cutLists(e, most); err != nil {
				return err
			}
		}
	}
	return nil
}
