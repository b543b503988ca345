package oracle

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// A shape says which JSON a structure is. A value that does not fit is refused before anything in
// it is looked at.
type shape func(v *value)

func kind(k byte) shape {
	return func(v *value) { must(v.kind == k, "bad-json") }
}

var aText = kind('"')

func aFlag(v *value) { must(v.kind == 't' || v.kind == 'f', "bad-json") }

// aNumber is an integer without sign, fraction or exponent. Its range is for whoever knows the
// field.
func aNumber(v *value) {
	must(v.kind == 0 && !strings.HasPrefix(v.text, "-"), "bad-json")
	v.integer()
}

// aTime is iat or exp: an integer whose sign is for the check of the claim.
func aTime(v *value) {
	must(v.kind == 0, "bad-json")
	_, err := strconv.ParseInt(v.text, 10, 64)
	must(err == nil, "bad-json")
}

// listOf is a list whose elements have the shape s.
func listOf(s shape) shape { return atMost(1<<30, s) }

// atMost is such a list of at most n elements.
func atMost(n int, s shape) shape {
	return func(v *value) {
		must(v.kind == '[', "bad-json")
		for i, e := range v.list {
			must(i < n, "too-large")
			s(e)
		}
	}
}

// object has these members, and no others; each may be absent.
type object map[string]shape

func (o object) fits(v *value) {
	must(v.kind == '{', "bad-json")
	for _, m := range v.members {
		s, ok := o[m.name]
		must(ok, "bad-json")
		s(m.value)
	}
}

// and returns o with further members.
func (o object) and(more object) object {
	out := object{}
	for name, s := range o {
		out[name] = s
	}
	for name, s := range more {
		out[name] = s
	}
	return out
}

// bytesOf is base64url of n bytes, of any number if n is 0.
func bytesOf(n int) shape {
	return func(v *value) {
		aText(v)
		b := unbase64url(v.text)
		must(n == 0 || len(b) == n, "bad-length")
	}
}

// octets returns the bytes of the member, none if it is absent.
func (v *value) octets(name string) []byte { return unbase64url(v.str(name)) }

// hash returns the 32 bytes of the member, zeros if it is absent.
func (v *value) hash(name string) hash {
	if !v.has(name) {
		return hash{}
	}
	return hash(v.octets(name))
}

// unbase64url reads the one spelling that a byte string has.
func unbase64url(text string) []byte {
	must(!strings.ContainsAny(text, "\r\n"), "bad-base64")
	b, err := base64.RawURLEncoding.DecodeString(text)
	must(err == nil && base64.RawURLEncoding.EncodeToString(b) == text, "bad-base64")
	return b
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// unbase64std reads base64 as C2SP texts have it: padded, in one spelling.
func unbase64std(text string) []byte {
	b, err := base64.StdEncoding.DecodeString(text)
	must(err == nil && base64.StdEncoding.EncodeToString(b) == text, "bad-base64")
	return b
}

const maxInteger = 1<<53 - 1
