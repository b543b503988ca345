package audit

import (
	"bufio"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxRead is the largest AuditEvent of a stream that is read, in bytes of JSON. What of it does not
// fit into an entry is replaced by its hash (cut.go). A larger value is passed over and reported.
const MaxRead = 64 << 20

// maxScan is how deep a value may nest while its end is looked for. An event may nest less.
const maxScan = 200

// scanner finds where the JSON values of a stream end. It checks their structure, so that a broken
// value is found where it breaks and not at the end of the stream; what strings, numbers and names
// hold is left to the parser. It can go back to the second line of a value that broke.
type scanner struct {
	r       *bufio.Reader
	err     error  // of r, at its end
	pending []byte // read before, to be read again
	line    int    // of the next byte, from 1

	back   []byte // what was read since mark, at most MaxRead bytes
	full   bool   // back has no room for the rest
	from   int    // line of the first byte of back
	margin string // the blanks before what was marked on its line; "" if it does not begin a line
	before []byte // the blanks of the current line up to the next byte
	inside bool   // the current line has more than blanks
	last   []byte // the last string as it was written, if it was short
}

// peek returns the next byte, 0 at the end. No JSON value begins with the byte 0.
func (s *scanner) peek() byte {
	if len(s.pending) > 0 {
		return s.pending[0]
	}
	b, err := s.r.Peek(1)
	if err != nil {
		s.err = err
		return 0
	}
	return b[0]
}

// next consumes the next byte and returns it, 0 at the end.
func (s *scanner) next() byte {
	var c byte
	if len(s.pending) > 0 {
		c, s.pending = s.pending[0], s.pending[1:]
	} else {
		var err error
		if c, err = s.r.ReadByte(); err != nil {
			s.err = err
			return 0
		}
	}
	if len(s.back) < MaxRead {
		s.back = append(s.back, c)
	} else {
		s.full = true
	}
	switch {
	case c == '\n':
		s.line++
		s.before, s.inside = s.before[:0], false
	case s.inside || between(c):
	case (c == ' ' || c == '\t') && len(s.before) < 1<<10:
		s.before = append(s.before, c)
	default:
		s.inside = true
	}
	return c
}

// between reports whether a byte may stand between the values of a stream: a part of a byte order
// mark, which files have that were joined, or the record separator of RFC 7464.
func between(c byte) bool { return c == 0xef || c == 0xbb || c == 0xbf || c == 0x1e }

// space skips blanks and returns the byte after them, which it does not consume.
func (s *scanner) space() byte {
	for {
		switch c := s.peek(); c {
		case ' ', '\t', '\r', '\n':
			s.next()
		default:
			return c
		}
	}
}

// mark says that a value begins at the next byte, from which back counts. If own is true, it is one
// that a stream may go on after: an element of an array, an entry of a Bundle, a value by itself.
func (s *scanner) mark(own bool) {
	if cap(s.back) > 1<<20 {
		s.back = nil
	}
	s.back, s.full, s.from = s.back[:0], false, s.line
	if own {
		s.margin = ""
		if !s.inside {
			s.margin = string(s.before)
		}
	}
}

// goBack returns to the second line of the value that was marked last, if it is still known.
func (s *scanner) goBack() {
	if s.full {
		return
	}
	for i, c := range s.back {
		if c == '\n' {
			s.pending = append(s.back[i+1:len(s.back):len(s.back)], s.pending...)
			s.back, s.line = nil, s.from+1
			s.before, s.inside = s.before[:0], false
			return
		}
	}
}

// resume skips to the next line that begins as the value that was marked last did, or to the end.
func (s *scanner) resume() {
	for !s.atEnd() {
		s.mark(false)
		if !s.inside && string(s.before) == s.margin && (s.peek() == '{' || s.peek() == '[') {
			return
		}
		s.next()
	}
}

// unexpected returns the error that the next byte cannot stand where it stands.
func (s *scanner) unexpected() error {
	if s.atEnd() {
		return fail(BadJSON, "stream", "ends too early")
	}
	return fail(BadJSON, "stream", "syntax error")
}

// skip reads a value.
func (s *scanner) skip(depth int) error {
	if depth > maxScan {
		return fail(BadJSON, "stream", "nested deeper than %d", maxScan)
	}
	switch c := s.space(); {
	case c == '{':
		return s.members(func(string) error { return s.skip(depth + 1) })
	case c == '[':
		return s.each(func() error { return s.skip(depth + 1) })
	case c == '"':
		return s.text()
	case c == '-' || c >= '0' && c <= '9':
		for c := s.peek(); c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'; c = s.peek() {
			s.next()
		}
		return nil
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return s.unexpected()
}

func (s *scanner) word(w string) error {
	for i := range len(w) {
		if s.peek() != w[i] {
			return s.unexpected()
		}
		s.next()
	}
	return nil
}

// maxLast is the most bytes of a string that the scanner keeps.
const maxLast = 1 << 10

// text reads a string.
func (s *scanner) text() error {
	s.last = append(s.last[:0], s.next())
	for escaped := false; ; {
		c := s.peek()
		if c < ' ' {
			return s.unexpected()
		}
		s.next()
		if len(s.last) < maxLast {
			s.last = append(s.last, c)
		}
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			return nil
		}
	}
}

// said returns the last string, "" if it is long or not JSON.
func (s *scanner) said() string {
	b, err := jsontext.AppendUnquote(nil, s.last)
	if err != nil {
		return ""
	}
	return string(b)
}

// members reads an object and calls f for the value of each member.
func (s *scanner) members(f func(name string) error) error {
	s.next()
	for first := true; ; first = false {
		switch c := s.space(); {
		case c == '}' && first:
			s.next()
			return nil
		case c != '"':
			return s.unexpected()
		}
		if err := s.text(); err != nil {
			return err
		}
		name := s.said()
		if s.space() != ':' {
			return s.unexpected()
		}
		s.next()
		s.space()
		if err := f(name); err != nil {
			return err
		}
		if end, err := s.after('}'); end || err != nil {
			return err
		}
	}
}

// each reads an array and calls f for each element.
func (s *scanner) each(f func() error) error {
	s.next()
	if s.space() == ']' {
		s.next()
		return nil
	}
	for {
		s.space()
		if err := f(); err != nil {
			return err
		}
		if end, err := s.after(']'); end || err != nil {
			return err
		}
	}
}

// after reads what follows a member or an element: a comma, or the end.
func (s *scanner) after(last byte) (end bool, err error) {
	switch s.space() {
	case ',':
		s.next()
		return false, nil
	case last:
		s.next()
		return true, nil
	}
	return false, s.unexpected()
}

// atEnd reports whether there is no next byte.
func (s *scanner) atEnd() bool { return s.peek() == 0 && len(s.pending) == 0 && s.err != nil }

// ended returns the error of the reader, nil if it ended as it should.
func (s *scanner) ended() error {
	if s.err == io.EOF {
		return nil
	}
	return s.err
}
