package tree

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Uncompressed returns a reader of text: of r itself or, if r begins as gzip does, of what it
// holds, in any number of members (RFC 1952). A byte order mark is skipped. Memory is bounded,
// whatever the ratio of the compression. What begins as another kind of file is an error that names
// the kind.
func Uncompressed(r io.Reader) (*bufio.Reader, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	if b, _ := br.Peek(2); bytes.Equal(b, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, gzipError(err)
		}
		br = bufio.NewReaderSize(&unzipped{z}, 64<<10)
	}
	if b, _ := br.Peek(3); bytes.Equal(b, []byte("\xef\xbb\xbf")) {
		br.Discard(3) //nolint:errcheck // they are there
	}
	begin, _ := br.Peek(4)
	for _, o := range others {
		if strings.HasPrefix(string(begin), o.begins) {
			return nil, Fail(BadJSON, "file", "it is %s; give JSON in UTF-8, plain or compressed with gzip", o.name)
		}
	}
	return br, nil
}

// others are how files begin that are given by mistake. The longer of two beginnings comes first.
var others = []struct{ begins, name string }{
	{"\xff\xfe\x00\x00", "UTF-32"}, {"\x00\x00\xfe\xff", "UTF-32"}, {"{\x00\x00\x00", "UTF-32"}, {"[\x00\x00\x00", "UTF-32"},
	{"\x00\x00\x00{", "UTF-32"}, {"\x00\x00\x00[", "UTF-32"},
	{"\xff\xfe", "UTF-16"}, {"\xfe\xff", "UTF-16"}, {"{\x00", "UTF-16"}, {"[\x00", "UTF-16"}, {"\x00{", "UTF-16"}, {"\x00[", "UTF-16"},
	{"<", "XML or HTML"}, {"PK\x03\x04", "a zip archive"}, {"\x28\xb5\x2f\xfd", "compressed with zstd"}, {"BZh", "compressed with bzip2"},
	{"\xfd7zX", "compressed with xz"}, {"\x1f\x8b", "compressed with gzip twice"},
}

// unzipped names the errors of gzip.
type unzipped struct{ z *gzip.Reader }

func (u *unzipped) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	if err != nil && err != io.EOF {
		err = gzipError(err)
	}
	return n, err
}

// gzipError says what is wrong with compressed data. Errors of the reader below stay as they are.
func gzipError(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return fmt.Errorf("the gzip data end too early: %w", io.ErrUnexpectedEOF)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return fmt.Errorf("the gzip data are damaged: %w", err)
	}
	return err
}
