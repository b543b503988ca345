package tree

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func zipped(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, s)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A file of another kind is called what it is.
func TestUncompressedOtherFiles(t *testing.T) {
	const text = `{"a":1}`
	wide := func(size int, swap bool) (b []byte) {
		for _, c := range []byte(text) {
			one := make([]byte, size)
			if one[0] = c; swap {
				one[0], one[size-1] = 0, c
			}
			b = append(b, one...)
		}
		return b
	}
	for want, list := range map[string][][]byte{
		"UTF-16": {
			append([]byte("\xff\xfe"), wide(2, false)...), append([]byte("\xfe\xff"), wide(2, true)...), wide(2, false),
			wide(2, true),
		},
		"UTF-32": {
			append([]byte("\xff\xfe\x00\x00"), wide(4, false)...), append([]byte("\x00\x00\xfe\xff"), wide(4, true)...),
			wide(4, false), wide(4, true),
		},
		"XML":          {[]byte("\xef\xbb\xbf<?xml"), zipped(t, "<AuditEvent")},
		"gzip twice":   {zipped(t, string(zipped(t, text)))},
		"zip archive":  {[]byte("PK\x03\x04")},
		"with zstd":    {[]byte("\x28\xb5\x2f\xfd")},
		"give JSON in": {[]byte("BZh9"), []byte("\xfd7zXZ")},
	} {
		for _, in := range list {
			if _, err := Uncompressed(bytes.NewReader(in)); !errors.Is(err, BadJSON) || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %s", in, err, want)
			}
		}
	}
}

func TestUncompressed(t *testing.T) {
	two := append(zipped(t, "\xef\xbb\xbfone\n"), zipped(t, "two")...)
	damaged := bytes.Clone(two)
	damaged[len(damaged)-5] ^= 1
	for name, c := range map[string]struct {
		in   []byte
		want string
		err  error
	}{
		"empty":      {nil, "", nil},
		"one byte":   {[]byte("\x1f"), "\x1f", nil},
		"plain":      {[]byte("\xef\xbb\xbfone"), "one", nil},
		"gzip":       {zipped(t, "one"), "one", nil},
		"two parts":  {two, "one\ntwo", nil},
		"cut off":    {two[:len(two)-3], "one\ntwo", io.ErrUnexpectedEOF},
		"damaged":    {damaged, "one\ntwo", gzip.ErrChecksum},
		"only magic": {[]byte("\x1f\x8b"), "", io.ErrUnexpectedEOF},
		"then text":  {append(zipped(t, "one"), "two, which is longer than a header"...), "one", gzip.ErrHeader},
	} {
		r, err := Uncompressed(iotest.HalfReader(bytes.NewReader(c.in)))
		var got []byte
		if err == nil {
			got, err = io.ReadAll(r)
		}
		if string(got) != c.want || !errors.Is(err, c.err) || c.err == nil && err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
