package sealed

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/sealed.json")

// vector is sealed bytes with their key, and what they open to: a document or an error.
type vector struct {
	Comment  string `json:"comment"`
	ID       string `json:"id"` // of the sealed bytes
	Key      string `json:"key"`
	Sealed   string `json:"sealed"`
	Person   string `json:"person,omitempty"`
	Period   string `json:"period,omitempty"`
	Contents string `json:"statement,omitempty"`
	Err      string `json:"error,omitempty"` // key, form
}

const vectorFile = "testdata/sealed.json"

var errorsByName = map[string]error{"": nil, "key": ErrKey, "form": ErrForm}

func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	data, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		raw, _ := base64.RawURLEncoding.DecodeString(v.Sealed)
		key, _ := base64.RawURLEncoding.DecodeString(v.Key)
		if ID(raw) != v.ID {
			t.Errorf("%s: id %s", v.Comment, ID(raw))
		}
		d, err := Open(raw, key)
		if !errors.Is(err, errorsByName[v.Err]) || d.ID != v.Person || d.Period != v.Period || string(d.Statement) != v.Contents {
			t.Errorf("%s: %+v, %v", v.Comment, d, err)
		}
	}
}

// writeVectors seals under fixed keys and nonces, which only a test may.
func writeVectors(t *testing.T) {
	var list []vector
	fixed := func(name string, n int) []byte { h := sha256.Sum256([]byte(name)); return h[:n] }
	add := func(comment, kind string, data, key []byte, d Document) {
		b := base64.RawURLEncoding.EncodeToString
		list = append(list, vector{comment, ID(data), b(key), b(data), d.ID, d.Period, string(d.Statement), kind})
	}
	good := Document{ID: "chi:0101011237", Statement: []byte("{\"format\":\"igledger-statement/1\",\"text\":[\"Cèilidh\"]}\n")}
	march := good
	march.Period = "2026-03-01..2026-03-31"
	extract := Document{Statement: []byte(`{"format":"igledger-extract/1"}`)}
	for comment, d := range map[string]Document{"a whole history": good} {
		data, err := seal(d, fixed(comment, KeySize), fixed("nonce "+comment, NonceSize))
		if err != nil {
			t.Fatal(err)
		}
		add(comment, "", data, fixed(comment, KeySize), d)
		add("another key", "key", data, fixed("another", KeySize), Document{})
		for _, at := range []int{0, NonceSize, len(data) - 1} {
			bad := bytes.Clone(data)
			bad[at] ^= 1
			add("one bit altered", "key", bad, fixed(comment, KeySize), Document{})
		}
		add("cut off", "form", data[:len(data)-1], fixed(comment, KeySize), Document{})
		add("cut off at a block", "form", data[:NonceSize+tagSize], fixed(comment, KeySize), Document{})
		add("nothing", "form", nil, fixed(comment, KeySize), Document{})
	}
	for _, c := range []struct {
		comment, kind string
		d             Document
	}{
		{"days of a history", "", march},
		{"an extract", "", extract},
		{"an id that is none", "form", Document{ID: "chi:1", Statement: good.Statement}},
		{"days that are none", "form", Document{ID: good.ID, Period: "March", Statement: good.Statement}},
	} {
		key := fixed(c.comment, KeySize)
		data, err := seal(c.d, key, fixed("nonce "+c.comment, NonceSize))
		if err != nil {
			t.Fatal(err)
		}
		if c.kind != "" {
			c.d = Document{}
		}
		add(c.comment, c.kind, data, key, c.d)
	}
	for _, c := range []struct{ comment, text string }{
		{"another version", "igledger-paper/2 chi:0101011237 -\n{}"},
		{"a word too many", "igledger-paper/1 chi:0101011237 - -\n{}"},
		{"a word too few", "igledger-paper/1 chi:0101011237\n{}"},
		{"two spaces", "igledger-paper/1  chi:0101011237 -\n{}"},
		{"a carriage return", "igledger-paper/1 chi:0101011237 -\r\n{}"},
		{"a day that is none", "igledger-paper/1 chi:0101011237 2026-02-30..2026-03-01\n{}"},
		{"days the wrong way round", "igledger-paper/1 chi:0101011237 2026-03-02..2026-03-01\n{}"},
		{"no line break", "igledger-paper/1 chi:0101011237 -"},
		{"a long first line", "igledger-paper/1 temp:TST:" + strings.Repeat("1", maxHeader) + " -\n{}"},
	} {
		key := fixed(c.comment, KeySize)
		add(c.comment, "form", sealText(t, c.text, key, fixed("nonce "+c.comment, NonceSize), 0), key, Document{})
	}
	key := fixed("junk", KeySize)
	add("something behind the document", "form", sealText(t, "igledger-paper/1 - -\n{}", key, fixed("nonce junk", NonceSize), 1), key, Document{})
	data, _ := json.MarshalIndent(list, "", " ")
	if err := os.WriteFile(vectorFile, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sealText seals any text, and writes junk in place of the last zero.
func sealText(t *testing.T, text string, key, nonce []byte, junk byte) []byte {
	t.Helper()
	plain := pack([]byte(text))
	plain[len(plain)-1] |= junk
	return cipherOf(key).Seal(bytes.Clone(nonce), nonce, plain, []byte(Format))
}

// What is sealed shows only about how long it is, and not twice the same.
func TestSealHides(t *testing.T) {
	short, key, err := Seal(Document{ID: "chi:0101011237", Statement: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	long, key2, err := Seal(Document{ID: "nhs:9434765919", Statement: []byte(`{"format":"igledger-statement/1"}`)})
	if err != nil || len(short) != len(long) {
		t.Errorf("%d and %d bytes: %v", len(short), len(long), err)
	}
	if bytes.Equal(key, key2) || bytes.Equal(short[:NonceSize], long[:NonceSize]) {
		t.Error("a key or nonce was used twice")
	}
}

func TestSealRefusesWhatIsTooLong(t *testing.T) {
	noise := make([]byte, MaxSize)
	rand.Read(noise)
	if _, _, err := Seal(Document{Statement: noise}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a statement of %d bytes: %v", len(noise), err)
	}
}

func TestAddress(t *testing.T) {
	key := bytes.Repeat([]byte{1}, KeySize)
	id := ID([]byte("x"))
	a := Address("https://ledger.example/", id, key)
	base, fragment, _ := strings.Cut(a, "#")
	got, err := ParseFragment(fragment)
	if err != nil || !bytes.Equal(got, key) || base != "https://ledger.example/p/"+id || !CheckID(id) {
		t.Errorf("%s: %v", a, err)
	}
	for _, bad := range []string{"", "x", fragment + "A", fragment[:42] + "B", id} {
		if _, err := ParseFragment(bad); err == nil {
			t.Errorf("%q is taken for a key", bad)
		}
	}
	for _, bad := range []string{"", "x", id + "A", id[:21] + "B", "../" + id[3:], fragment} {
		if CheckID(bad) {
			t.Errorf("%q is taken for an id", bad)
		}
	}
}

func FuzzOpen(f *testing.F) {
	key := make([]byte, KeySize)
	f.Add([]byte("x"))
	f.Add(pack([]byte("igledger-paper/1 chi:0101011237 -\n{}")))
	f.Fuzz(func(t *testing.T, plain []byte) {
		if _, err := Open(cipherOf(key).Seal(make([]byte, NonceSize), make([]byte, NonceSize), plain, []byte(Format)), key); err != nil &&
			!errors.Is(err, ErrForm) {
			t.Error(err)
		}
	})
}
