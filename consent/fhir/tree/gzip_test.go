package tree

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
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
