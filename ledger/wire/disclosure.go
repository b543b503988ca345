package wire

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// SDDigests is the number of digests that every sealed entry carries. Decoys fill them up, so that
// the number of digests says nothing about the entry.
const SDDigests = 8

// minSaltLen is the minimum length of a disclosure's salt in characters: 22 of base64url are 132
// bits.
const minSaltLen = 22

// A Disclosure is one selectively disclosable claim (RFC 9901 section 4.2.1): base64url of the JSON
// array [salt, name, value].
type Disclosure struct {
	Name    string
	Value   jsontext.Value // raw JSON
	Encoded string         // as it travels; its SHA-256 is in _sd
}

// Digest returns base64url(SHA-256(encoded)), RFC 9901 section 4.2.3.
func (d Disclosure) Digest() string {
	h := sha256.Sum256([]byte(d.Encoded))
	return Encode64(h[:])
}

// NewDisclosure makes a disclosure of name with a fresh random salt of 136 bits.
func NewDisclosure(name string, value any) (Disclosure, error) {
	raw, err := EncodeJSON(value)
	if err != nil {
		return Disclosure{}, err
	}
	salt := make([]byte, 17) // 23 characters: more than 128 bits
	rand.Read(salt)
	array, err := EncodeJSON([]any{Encode64(salt), name, jsontext.Value(raw)})
	if err != nil {
		return Disclosure{}, err
	}
	return Disclosure{Name: name, Value: raw, Encoded: Encode64(array)}, nil
}

// ParseDisclosure reads one disclosure: canonical base64url of exactly [salt, name, value]. The
// salt must be at least 22 characters of base64url and the name a string. It returns BadBase64,
// BadJSON, BadDisclosure or TooLarge.
func ParseDisclosure(encoded string) (Disclosure, error) {
	if len(encoded) > 2*MaxText {
		return Disclosure{}, Errorf(TooLarge, "disclosure", "%d characters, at most %d", len(encoded), 2*MaxText)
	}
	raw, err := Decode64("disclosure", encoded)
	if err != nil {
		return Disclosure{}, err
	}
	if d, ok := plainDisclosure(raw); ok {
		d.Encoded = encoded
		return d, nil
	}
	var parts []jsontext.Value
	if err := DecodeJSON("disclosure", raw, &parts); err != nil {
		return Disclosure{}, err
	}
	if len(parts) != 3 {
		return Disclosure{}, Errorf(BadDisclosure, "disclosure", "%d elements, want salt, name and value", len(parts))
	}
	var salt, name string
	if DecodeJSON("salt", parts[0], &salt) != nil || DecodeJSON("name", parts[1], &name) != nil {
		return Disclosure{}, Errorf(BadDisclosure, "disclosure", "salt and name must be strings")
	}
	if len(salt) < minSaltLen || strings.ContainsFunc(salt, func(r rune) bool { return !TokenRune(r) || r == '.' }) {
		return Disclosure{}, Errorf(BadDisclosure, "disclosure",
			"salt is not base64url of %d characters or more", minSaltLen)
	}
	return Disclosure{Name: name, Value: parts[2], Encoded: encoded}, nil
}

// plainDisclosure reads [salt, name, value] as NewDisclosure writes it. It takes nothing that the
// long way in ParseDisclosure would not take, and leaves to that whatever is written otherwise.
func plainDisclosure(raw []byte) (Disclosure, bool) {
	rest, open := bytes.CutPrefix(raw, []byte(`["`))
	salt, rest, first := bytes.Cut(rest, []byte(`","`))
	name, value, second := bytes.Cut(rest, []byte(`",`))
	value, closed := bytes.CutSuffix(value, []byte("]"))
	if !open || !first || !second || !closed || len(salt) < minSaltLen || len(value) == 0 {
		return Disclosure{}, false
	}
	for _, c := range salt {
		if !TokenRune(rune(c)) || c == '.' {
			return Disclosure{}, false
		}
	}
	for _, c := range name {
		if !TokenRune(rune(c)) {
			return Disclosure{}, false
		}
	}
	v := jsontext.Value(value)
	if value[0] <= ' ' || value[len(value)-1] <= ' ' || 1+Depth(value) > maxNesting || !v.IsValid() {
		return Disclosure{}, false
	}
	return Disclosure{Name: string(name), Value: v}, true
}

// Digests returns the sorted _sd array for discs, filled up with decoys to SDDigests. If there are
// more disclosures than that, it returns BadDisclosure.
func Digests(discs []Disclosure) ([]string, error) {
	if len(discs) > SDDigests {
		return nil, Errorf(BadDisclosure, "entry", "%d disclosures, at most %d", len(discs), SDDigests)
	}
	sd := make([]string, 0, SDDigests)
	for _, d := range discs {
		sd = append(sd, d.Digest())
	}
	for len(sd) < SDDigests {
		var decoy [sha256.Size]byte
		rand.Read(decoy[:])
		sd = append(sd, Encode64(decoy[:]))
	}
	slices.Sort(sd)
	return sd, nil
}

// CheckDigests checks the form of _sd: SDDigests distinct strings of 43 characters, sorted. It
// returns BadClaim.
func CheckDigests(sd []string) error {
	if len(sd) != SDDigests {
		return Errorf(BadClaim, "_sd", "%d digests, want %d", len(sd), SDDigests)
	}
	for i, s := range sd {
		if b, err := Decode64("_sd", s); err != nil || len(b) != sha256.Size {
			return Errorf(BadClaim, "_sd", "digest %d is not 32 bytes of base64url", i)
		}
		if i > 0 && sd[i-1] >= s {
			return Errorf(BadClaim, "_sd", "digests are not sorted, or one occurs twice")
		}
	}
	return nil
}

// MatchDisclosures checks encoded disclosures against the sorted digests sd, as RFC 9901 section
// 7.1 requires: each one is referenced (else UnreferencedDisc), and no disclosure and no name
// occurs twice (else DuplicateDisc). The digests of decoys and of withheld disclosures remain
// unmatched.
func MatchDisclosures(sd []string, encoded []string) ([]Disclosure, error) {
	if len(encoded) > SDDigests {
		return nil, Errorf(BadDisclosure, "entry", "%d disclosures, at most %d", len(encoded), SDDigests)
	}
	discs := make([]Disclosure, 0, len(encoded))
	seen := make([]string, 0, len(encoded)) // there are few
	for i, e := range encoded {
		d, err := ParseDisclosure(e)
		if err != nil {
			return nil, err
		}
		digest := d.Digest()
		if _, ok := slices.BinarySearch(sd, digest); !ok {
			return nil, Errorf(UnreferencedDisc, "disclosure", "number %d is not among the entry's digests", i)
		}
		again := func(x Disclosure) bool { return x.Name == d.Name }
		if slices.Contains(seen, digest) || slices.ContainsFunc(discs, again) {
			return nil, Errorf(DuplicateDisc, "disclosure", "number %d occurs twice", i)
		}
		seen, discs = append(seen, digest), append(discs, d)
	}
	return discs, nil
}

// MaxText is the maximum size in bytes of the value of one disclosure.
const MaxText = 64 << 10
