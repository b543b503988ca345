package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"igledger/consent/fhir/tree"
)

// Event is one AuditEvent of a stream.
type Event struct {
	Raw        []byte // its JSON; the receiver may keep and change it
	Number     int    // from 1, over the whole stream
	Early      bool   // passed on before all that it refers to was read (see MaxWaiting)
	tree.Place        // in its Bundle
}

// maxNesting bounds Bundles in Bundles. A batch-response of searchsets has two.
const maxNesting = 4

// Events reads AuditEvents from r and passes each to f. r holds one AuditEvent, a Bundle of them, a
// JSON array, or any number of these one after another, as NDJSON has them. Entries of a Bundle
// that hold other resources are skipped, such as an OperationOutcome or what a search included. A
// byte order mark is skipped too.
//
// The resources beside an event in its Bundle are kept, as far as they say who or what they are, and
// an event waits for those that it refers to (see window). Events are passed on in order.
//
// Memory is bounded by MaxEvent, MaxWaiting and tree.MaxBundle, however long r or a Bundle is. If
// reading stops early, Events returns a *StreamError, also for an error of f or r; the events before
// it have been passed on.
func Events(r io.Reader, f func(Event) error) error {
	br := bufio.NewReader(r)
	if b, _ := br.Peek(3); bytes.Equal(b, []byte("\xef\xbb\xbf")) {
		br.Discard(3)
	}
	s := &stream{lines: &lineReader{r: br}, f: f}
	s.d = jsontext.NewDecoder(s.lines)
	s.lines.consumed = s.d.InputOffset
	for {
		if s.d.PeekKind() == 0 {
			if _, err := s.d.ReadToken(); err != io.EOF {
				return s.fail(err)
			}
			return nil
		}
		if err := s.value("AuditEvent", 0); err != nil {
			return s.fail(err)
		}
	}
}

type stream struct {
	d       *jsontext.Decoder
	lines   *lineReader
	f       func(Event) error
	n       int       // events read
	at      int       // the event that f has; after an error of f, the one it was about
	windows []*window // of the Bundles that are being read, the innermost last
}

func (s *stream) fail(err error) error {
	n := s.n + 1
	if s.at > 0 {
		n = s.at
	} else if !errors.Is(err, s.lines.err) || s.lines.err == nil || s.lines.err == io.EOF {
		err = tree.JSONError("stream", err)
	} else {
		err = s.lines.err
	}
	return &StreamError{Line: s.lines.line(s.d.InputOffset()), Event: n, Err: err}
}

// value reads an AuditEvent, a Bundle or an array of them.
func (s *stream) value(path string, depth int) error {
	switch s.d.PeekKind() {
	case '{':
		return s.resource(path, depth)
	case '[':
		if depth > 0 {
			return fail(BadValue, path, "an array where a resource was expected")
		}
		return s.each(func() error { return s.value(path, depth+1) })
	case 0:
		_, err := s.d.ReadToken()
		return err
	}
	if _, err := s.d.ReadToken(); err != nil { // so that the error names its line
		return err
	}
	return fail(NotAuditEvent, path, "want a JSON object")
}

// each reads an array and calls f for each element.
func (s *stream) each(f func() error) error {
	if _, err := s.d.ReadToken(); err != nil {
		return err
	}
	for s.d.PeekKind() != ']' {
		if s.d.PeekKind() == 0 {
			_, err := s.d.ReadToken()
			return err
		}
		if err := f(); err != nil {
			return err
		}
	}
	_, err := s.d.ReadToken()
	return err
}

// members reads an object and calls f for the value of each member.
func (s *stream) members(f func(name string) error) error {
	if _, err := s.d.ReadToken(); err != nil {
		return err
	}
	for s.d.PeekKind() != '}' {
		name, err := s.d.ReadToken()
		if err != nil {
			return err
		}
		if err := f(name.String()); err != nil {
			return err
		}
	}
	_, err := s.d.ReadToken()
	return err
}

// resource reads one resource and passes it on.
func (s *stream) resource(path string, depth int) error {
	kind, raw, err := s.read(path, depth)
	switch {
	case err != nil || kind == "Bundle":
		return err
	case kind == "AuditEvent":
		s.n++
		return s.pass(Event{Raw: raw, Number: s.n})
	case depth > 0 && isResource(kind):
		return nil
	}
	return fail(NotAuditEvent, path, "want an AuditEvent or a Bundle of them")
}

// read reads one resource. Only a Bundle has the member "entry", which is read as a stream. All other
// members are kept until resourceType says which resource they belong to; it may come last.
func (s *stream) read(path string, depth int) (kind string, raw []byte, err error) {
	if depth > maxNesting {
		return "", nil, fail(BadValue, path, "Bundles nested deeper than %d", maxNesting)
	}
	bundle := false
	raw = []byte{'{'}
	err = s.members(func(name string) error {
		if name == "entry" && s.d.PeekKind() == '[' && kind != "AuditEvent" {
			bundle = true
			return s.entries(depth)
		}
		if kind == "Bundle" || bundle && name != "resourceType" {
			return s.d.SkipValue()
		}
		v, err := s.d.ReadValue()
		if err != nil {
			return err
		}
		if name == "resourceType" && v.Kind() == '"' {
			b, _ := jsontext.AppendUnquote(nil, v)
			kind = string(b)
		}
		if len(raw) > 1 {
			raw = append(raw, ',')
		}
		raw, _ = jsontext.AppendQuote(raw, name)
		raw = append(append(raw, ':'), v...)
		if len(raw) > MaxEvent {
			return fail(TooLarge, path, "larger than %d bytes", MaxEvent)
		}
		return nil
	})
	if err == nil && bundle && kind != "Bundle" {
		err = fail(NotAuditEvent, path, "has entries but is not a Bundle")
	}
	return kind, append(raw, '}'), err
}

// pass passes an event on.
func (s *stream) pass(ev Event) error {
	s.at = ev.Number
	if err := s.f(ev); err != nil {
		return err
	}
	s.at = 0
	return nil
}

// lineReader knows on which line an offset is. It refuses to read on if more bytes are waiting than
// a value may have.
type lineReader struct {
	r        io.Reader
	consumed func() int64
	read     int64   // bytes returned so far
	passed   int     // newlines before the consumed offset
	ahead    []int64 // offsets of the newlines after it
	err      error
}

func (l *lineReader) Read(p []byte) (int, error) {
	l.line(l.consumed())
	if l.read-l.consumed() > MaxEvent {
		l.err = fail(TooLarge, "AuditEvent", "larger than %d bytes", MaxEvent)
		return 0, l.err
	}
	n, err := l.r.Read(p[:min(len(p), 64<<10)])
	for i, c := range p[:n] {
		if c == '\n' {
			l.ahead = append(l.ahead, l.read+int64(i))
		}
	}
	l.read += int64(n)
	l.err = err
	return n, err
}

// line returns the line, from 1, on which offset is. Offsets must not decrease.
func (l *lineReader) line(offset int64) int {
	i := 0
	for i < len(l.ahead) && l.ahead[i] < offset {
		i++
	}
	l.passed += i
	l.ahead = append(l.ahead[:0], l.ahead[i:]...)
	return l.passed + 1
}

// EventKey is a stable name for the content of an event. It does not depend on the order of members
// or the blanks between them. An importer keeps the keys in a file of its own, to know what it has
// imported.
//
// The key is an unkeyed hash of content that holds an id, and there are few CHI numbers: anyone who
// has the key can find the id by trying them all. Never send it to anyone, and never use it as an
// entry's jti.
func EventKey(raw []byte) uuid.UUID {
	return uuid.NewHash(sha256.New(), uuid.Nil, canonical(raw), 8)
}

// canonical returns the one spelling of an event. Numbers keep theirs. If raw is not JSON, it
// returns raw.
func canonical(raw []byte) []byte {
	v, err := parseTree("AuditEvent", raw)
	if err != nil {
		return raw
	}
	b, err := writeTree(v)
	if err != nil {
		return raw
	}
	return b
}
