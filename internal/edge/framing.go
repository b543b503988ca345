package edge

import (
	"bytes"
	"strconv"
	"strings"
)

// framing follows the HTTP/1 requests on a connection, as far as it must to tell headers from
// bodies. What it cannot follow, net/http refuses and closes.
type framing struct {
	line    []byte // the beginning of a line that is not complete yet
	state   frame
	inLines bool  // the request line was there
	old     bool  // HTTP/1.0, which knows no Transfer-Encoding
	length  int64 // of the body, by Content-Length
	chunked bool  // Transfer-Encoding is there
	sized   bool  // Content-Length is there
	left    int64 // bytes of the body, or of a chunk with its line end
}

type frame int

const (
	inHead    frame = iota // before and in the headers
	inBody                 // in a body with a length
	inSize                 // before the size of a chunk
	inChunk                // in a chunk
	inTrailer              // after the last chunk
	lost                   // not HTTP/1: not followed any further
)

// maxFrameLine is more than net/http takes of a header.
const maxFrameLine = 64 << 10

// scan follows b, which came after all that was scanned before. It reports whether a header that
// can be read in two ways ended in b: one with both Content-Length and Transfer-Encoding, or one of
// HTTP/1.0 with Transfer-Encoding. What cannot be followed can be read in two ways too.
func (f *framing) scan(b []byte) (doubtful bool) {
	for len(b) > 0 && f.state != lost {
		if f.state == inBody || f.state == inChunk {
			n := min(f.left, int64(len(b)))
			f.left -= n
			b = b[n:]
			switch {
			case f.left > 0:
			case f.state == inChunk:
				f.state = inSize
			default:
				f.state = inHead
			}
			continue
		}
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			f.line = append(f.line, b...)
			if len(f.line) > maxFrameLine {
				f.state, f.line = lost, nil
			}
			return doubtful || f.state == lost
		}
		f.line = append(f.line, b[:i]...)
		b = b[i+1:]
		doubtful = f.take(strings.TrimSuffix(string(f.line), "\r")) || doubtful
		f.line = f.line[:0]
	}
	return doubtful || f.state == lost
}

// take takes a whole line of a header, chunk size or trailer.
func (f *framing) take(line string) (doubtful bool) {
	switch f.state {
	case inSize:
		size, _, _ := strings.Cut(line, ";")
		n, err := strconv.ParseInt(strings.TrimSpace(size), 16, 62)
		switch {
		case err != nil || n < 0:
			f.state = lost
		case n == 0:
			f.state = inTrailer
		default:
			f.state, f.left = inChunk, n+2 // and CR LF
		}
	case inTrailer:
		if line == "" {
			f.state = inHead
		}
	case inHead:
		name, value, _ := strings.Cut(line, ":")
		switch {
		case !f.inLines: // net/http ignores some empty lines before a request
			f.inLines = strings.Trim(line, "\r") != ""
			f.old = strings.HasSuffix(line, " HTTP/1.0")
		case strings.EqualFold(name, "Content-Length"):
			f.sized = true
			f.length, _ = strconv.ParseInt(strings.TrimSpace(value), 10, 62)
		case strings.EqualFold(name, "Transfer-Encoding"):
			f.chunked = true
		case line == "":
			doubtful = f.chunked && (f.sized || f.old)
			switch {
			case f.chunked:
				f.state = inSize
			case f.length > 0:
				f.state, f.left = inBody, f.length
			}
			f.inLines, f.sized, f.chunked, f.length = false, false, false, 0
		}
	}
	return doubtful
}
