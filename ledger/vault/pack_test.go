package vault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// sdjwt is an entry in form only.
const sdjwt = "e30.e30.c2ln~WyJhIl0~"

// An encoder fails on a value that has no stored form, and nothing is encrypted.
func TestEncodersFail(t *testing.T) {
	s := readStored(t)
	v, k := s.vault(t), s.key(t)
	rules := make([]string, maxRules+1)
	for name, c := range map[string]Content{
		"an unknown flag":          {SDJWT: sdjwt, Flags: []entry.Flag{entry.FlagLate, "made-up"}},
		"an empty flag":            {SDJWT: sdjwt, Flags: []entry.Flag{""}},
		"a flag that readers add":  {SDJWT: sdjwt, Flags: []entry.Flag{entry.FlagSuspectKey}},
		"an unknown verdict":       {SDJWT: sdjwt, Verdict: &entry.Verdict{Result: "perhaps"}},
		"a verdict without result": {SDJWT: sdjwt, Verdict: &entry.Verdict{}},
		"a verdict of 65 rules":    {SDJWT: sdjwt, Verdict: &entry.Verdict{Result: entry.Covered, Rules: rules}},
		"no entry":                 {},
		"no signature":             {SDJWT: "e30.e30~"},
		"an empty signature":       {SDJWT: "e30.e30.~"},
		"an empty disclosure":      {SDJWT: "e30.e30.c2ln~~"},
		"no end":                   {SDJWT: "e30.e30.c2ln"},
		"an open disclosure":       {SDJWT: "e30.e30.c2ln~WyJhIl0"},
		"a fourth part":            {SDJWT: "e30.e30.c2ln.c2ln~"},
		"a tilde for a point":      {SDJWT: "e30~e30.c2ln~"},
		"padding":                  {SDJWT: "e30=.e30.c2ln~"},
		"other trailing bits":      {SDJWT: "e31.e30.c2ln~"},
		"a line break":             {SDJWT: "e3\n0.e30.c2ln~"},
		"standard base64":          {SDJWT: "+/+/.e30.c2ln~"},
	} {
		if sealed, err := v.Seal(k, 1, wire.Hash{}, Link{}, c); !errors.Is(err, ErrNoForm) || sealed != nil {
			t.Errorf("%s: got %d bytes, %v, want %v", name, len(sealed), err, ErrNoForm)
		}
	}
	if n := k.used.Load(); n != 0 {
		t.Errorf("%d messages are counted as encrypted", n)
	}
	c := Content{SDJWT: sdjwt, Verdict: &entry.Verdict{Result: entry.Covered, Rules: rules[:maxRules]}}
	if _, err := v.Seal(k, 1, wire.Hash{}, Link{}, c); err != nil {
		t.Errorf("a verdict of 64 rules: %v", err)
	}
}

// A decoder refuses what no encoder writes.
func TestDecodersFail(t *testing.T) {
	c := Content{Received: time.UnixMilli(1).UTC(), SDJWT: sdjwt}
	c.Verdict = &entry.Verdict{Result: entry.Covered, Agreement: "a", Rules: []string{"r"}}
	entryPart, err := packSDJWT(nil, sdjwt)
	if err != nil {
		t.Fatal(err)
	}
	good, err := packContent(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := unpackContent(good); err != nil || !reflect.DeepEqual(got, c) {
		t.Fatalf("got %+v, %v, want %+v", got, err, c)
	}
	ruled := func(n byte) []byte { // a content whose verdict has n empty rules
		verdict := append([]byte{1, 0, 0, n}, make([]byte, 2+int(n))...)
		return slices.Concat(good[:contentHead], verdict, good[len(good)-len(entryPart):])
	}
	if got, err := unpackContent(ruled(maxRules)); err != nil || len(got.Verdict.Rules) != maxRules {
		t.Errorf("64 rules: got %+v, %v", got, err)
	}
	change := func(at int, b ...byte) []byte { return slices.Concat(good[:at], b, good[at+len(b):]) }
	for name, b := range map[string][]byte{
		"a flag of a later version":           change(contentHead-2, 1<<7|1<<(len(flags)-8), 0),
		"the last flag of all":                change(contentHead-2, 1<<7|1<<6, 0),
		"no result":                           change(contentHead, 0),
		"a result of a later version":         change(contentHead, byte(len(results))),
		"a number of more than 64 bits":       slices.Concat(good[:contentHead+1], bytes.Repeat([]byte{0xff}, 10), good[contentHead+1:]),
		"65 rules":                            ruled(maxRules + 1),
		"a rule more than there are":          change(contentHead+3, 20),
		"a text longer than what is left":     change(contentHead+4, 100),
		"an entry without a disclosure's end": append(slices.Clip(good), 9),
		"an empty disclosure":                 append(slices.Clip(good), 0),
	} {
		if got, err := unpackContent(b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: got %+v, %v, want %v", name, got, err, ErrCorrupt)
		}
	}
	disclosure := len(good) - 1 - len(`["a"]`) // without its last part an entry is an entry with fewer disclosures
	for i := range good {
		if _, err := unpackContent(good[:i]); i != disclosure && !errors.Is(err, ErrCorrupt) {
			t.Errorf("the first %d bytes of a content: got %v, want %v", i, err, ErrCorrupt)
		}
	}
}

// The order and number of flags is not kept, and each is kept alone.
func TestFlagsAreASet(t *testing.T) {
	for i, f := range flags {
		packed, err := packContent(nil, Content{SDJWT: sdjwt, Flags: []entry.Flag{f, f}})
		if err != nil {
			t.Fatal(err)
		}
		if bits := binary.BigEndian.Uint16(packed[contentHead-2:]); bits != 1<<i {
			t.Errorf("flag %s is stored as %#x", f, bits)
		}
		if c, err := unpackContent(packed); err != nil || !slices.Equal(c.Flags, []entry.Flag{f}) {
			t.Errorf("flag %s is read as %v, %v", f, c.Flags, err)
		}
	}
}

func FuzzUnpackVerdict(f *testing.F) {
	for _, d := range readStored(f).Verdicts {
		f.Add([]byte(d.Packed))
	}
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := unpackVerdict(b)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(b, rest) {
			t.Fatalf("%x is left of %x", rest, b)
		}
		packed, err := packVerdict(nil, v)
		if err != nil {
			t.Fatalf("%+v was read and cannot be written: %v", v, err)
		}
		if again, rest, err := unpackVerdict(packed); err != nil || len(rest) > 0 || !again.Equal(v) {
			t.Fatalf("%+v is read again as %+v, %v", v, again, err)
		}
	})
}

func FuzzUnpackSDJWT(f *testing.F) {
	for _, e := range readStored(f).Entries {
		f.Add([]byte(e.Packed))
	}
	f.Add([]byte{2, '{', '}', 2, '{', '}', 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		text, err := unpackSDJWT(b)
		if err != nil {
			return
		}
		packed, err := packSDJWT(nil, text)
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", text, err)
		}
		if again, err := unpackSDJWT(packed); err != nil || again != text {
			t.Fatalf("%q is read again as %q, %v", text, again, err)
		}
		if strings.Count(text, ".") != 2 || !strings.HasSuffix(text, "~") {
			t.Fatalf("%q is not h.p.s~…~", text)
		}
	})
}

// FuzzUnseal: of the bytes that a database can hold those alone are read that were written; what is
// in them is fuzzed as if it had been written too.
func FuzzUnseal(f *testing.F) {
	s := readStored(f)
	v, o := s.vault(f), s.Openings[0]
	for _, o := range s.Openings {
		f.Add([]byte(o.Sealed))
		packed, err := packContent(nil, Content(o.Content))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Add([]byte(o.Sealed[:LinkEnd]))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, _, err := v.Unseal(t.Context(), o.Index, o.LeafHash, b); err == nil && !bytes.Equal(b, o.Sealed) {
			t.Fatalf("a forgery was read: %x", b)
		}
		c, err := unpackContent(b)
		if err != nil {
			return
		}
		packed, err := packContent(nil, c)
		if err != nil {
			t.Fatalf("%+v was read and cannot be written: %v", c, err)
		}
		if again, err := unpackContent(packed); err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%+v is read again as %+v, %v", c, again, err)
		}
	})
}
