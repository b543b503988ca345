package audit

import (
	"crypto/sha256"
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/google/uuid"

	"igledger/consent/fhir/tree"
)

// Event is one AuditEvent of a stream.
type Event struct {
	Raw        []byte // its JSON, at most MaxRead bytes; the receiver may keep and change it
	Number     int    // from 1, over the whole stream
	Line       int    // on which it begins, from 1
	Early      bool   // passed on before all that it refers to was read (see MaxWaiting)
	tree.Place        // in its Bundle
}

// maxNesting bounds Bundles in Bundles. A batch-response of searchsets has two.
const maxNesting = 4

// Events reads AuditEvents from r and passes each to take. r holds one AuditEvent, a Bundle of
// them, a JSON array, or any number of these one after another, as NDJSON has them, perhaps
// compressed with gzip. Entries of a Bundle that hold other resources are skipped, such as an
// OperationOutcome or what a search included. Byte order marks and record separators between values
// are skipped too.
//
// The resources beside an event in its Bundle are kept, as far as they say who or what they are,
// and an event waits for those that it refers to (see window). Events are passed on in order.
//
// What cannot be read goes to broken, and reading goes on: after a value that is whole, with the
// next one; after one that breaks, with the next line that begins as that value did, be it an
// element of an array or an entry of a Bundle. So a broken line of NDJSON costs that line.
//
// Events returns the first error of take as it is, and that of r as a *StreamError: the events
// before it were passed on. If broken is nil, it also returns the first that would go there. Memory
// is bounded by MaxRead, MaxWaiting and tree.MaxBundle, however long r or a Bundle is.
func Events(r io.Reader, take func(Event) error, broken func(*StreamError)) error {
	br, err := tree.Uncompressed(r)
	if err != nil {
		return &StreamError{Line: 1, Event: 1, Err: err}
	}
	s := &stream{scanner: scanner{r: br, line: 1, from: 1}, take: take, broken: broken,
		broke: window{bundle: &tree.Bundle{}}}
	if broken == nil {
		s.broken = func(e *StreamError) { s.stop = e }
	}
	for {
		switch c := s.space(); {
		case s.atEnd():
			if err := s.pending(&s.broke); err != nil {
				return err.(*takeError).err
			}
			if err := s.ended(); err != nil {
				return s.at(err)
			}
			return nil
		case between(c), s.mending && (c == ',' || c == ']' || c == '}'):
			s.next() // in the second case the rest of what broke
			continue
		case s.mending && c == '"':
			s.resume()
			continue
		}
		s.nested = false
		s.mark(true)
		err := s.value("AuditEvent", 0)
		var own *takeError
		switch {
		case errors.As(err, &own):
			return own.err
		case s.stop != nil:
			return s.stop
		case err == nil:
			continue
		}
		s.mending = s.mending || s.nested
		s.windows = nil
		broke, unread := s.at(err), s.ended() != nil && s.atEnd()
		s.goBack()
		s.resume()
		if unread { // the error of the reader is reported in the end
			continue
		}
		if broke.To = s.line - 1; s.atEnd() && s.inside {
			broke.To = s.line
		}
		if s.broken(broke); s.stop != nil {
			return s.stop
		}
	}
}

type stream struct {
	scanner
	take    func(Event) error
	broken  func(*StreamError)
	n       int          // events passed on
	nested  bool         // within an array or a Bundle
	mending bool         // one of these broke, and its other parts may come
	broke   window       // of the Bundle that broke last
	stop    *StreamError // what to return instead of going on
	windows []*window    // of the Bundles that are being read, the innermost last
}

// takeError marks an error of take as it passes through the reading.
type takeError struct{ err error }

func (e *takeError) Error() string { return e.err.Error() }

func (s *stream) at(err error) *StreamError {
	return &StreamError{Line: s.line, Event: s.n + 1, Err: err}
}

// report reports a value that is whole and cannot be read as an event.
func (s *stream) report(err error) error {
	s.broken(s.at(err))
	if s.stop != nil {
		return &takeError{s.stop}
	}
	return nil
}

// value reads an AuditEvent, a Bundle or an array of them. It returns an error if the JSON breaks.
func (s *stream) value(path string, depth int) error {
	switch s.peek() {
	case '{':
		return s.resource(path, depth)
	case '[':
		if depth == 0 {
			return s.each(func() error {
				s.nested = true
				s.mark(true)
				return s.value(path, depth+1)
			})
		}
	}
	if err := s.skip(0); err != nil {
		return err
	}
	return s.report(fail(NotAuditEvent, path, "want a JSON object"))
}

// resource reads one resource and passes it on.
func (s *stream) resource(path string, depth int) error {
	kind, raw, err := s.read(path, depth)
	if err != nil || kind == "Bundle" {
		return err
	}
	if depth == 0 { // it is no entry of the Bundle that broke before it
		if err := s.pending(&s.broke); err != nil {
			return err
		}
	}
	switch {
	case kind == "AuditEvent" && raw == nil:
		return s.report(fail(TooLarge, path, "larger than %d bytes", MaxRead))
	case kind == "AuditEvent":
		s.n++
		return s.pass(Event{Raw: raw, Number: s.n, Line: s.from})
	case depth > 0 && isResource(kind):
		return nil
	}
	return s.report(fail(NotAuditEvent, path, "want an AuditEvent or a Bundle of them"))
}

// pass passes an event on.
func (s *stream) pass(ev Event) error {
	if err := s.take(ev); err != nil {
		return &takeError{err}
	}
	return nil
}

// read reads one resource. Only a Bundle has the member "entry", which is read as a stream. All
// other members are kept until resourceType says which resource they belong to; it may come last.
// Of what is not a resource, and of a Bundle, the kind "Bundle" says that nothing is left to do.
// raw is nil if the resource is larger than MaxRead.
func (s *stream) read(path string, depth int) (kind string, raw []byte, err error) {
	entries, one, in := false, false, included{window: &s.broke}
	err = s.members(func(name string) error {
		switch {
		case name == "entry" && s.peek() == '[' && kind != "AuditEvent":
			entries = true
			if depth < maxNesting {
				return s.entries(depth)
			}
		case name == "entry" && s.peek() != 'n':
			one = true
		case s.mending && depth == 0 && kind == "" && (name == "resource" && s.peek() == '{' || name == "fullUrl"):
			return s.member(&in, name, depth) // of an entry of a Bundle that broke before it
		case name == "resourceType" && s.peek() == '"':
			err := s.skip(0)
			kind = s.said()
			return err
		}
		return s.skip(0)
	})
	switch {
	case err != nil:
		return "", nil, err
	case kind == "Bundle" && depth == maxNesting && entries:
		return kind, nil, s.report(fail(BadValue, path, "Bundles nested deeper than %d", maxNesting))
	case kind == "Bundle" && one && !entries:
		return kind, nil, s.report(fail(BadValue, path+".entry", "want an array"))
	case kind == "" && s.mending:
		return "Bundle", nil, s.include(&in)
	case entries && kind != "Bundle":
		return "Bundle", nil, s.report(fail(NotAuditEvent, path, "has entries but is not a Bundle"))
	case !s.full:
		raw = slices.Clone(s.back)
	}
	return kind, raw, nil
}

// EventKey is a stable name for the content of an event. It does not depend on the order of members
// or the blanks between them, nor on what a server changes each time it gives the event out: meta,
// and a narrative that was generated. An importer keeps the keys in a file of its own, to know what
// it has imported.
//
// The id counts: two events that differ in it alone are two accesses, since losing one would be
// worse than having one twice. The mapping can say of a source that its ids are new at each export.
//
// The key is an unkeyed hash of content that holds an id, and there are few CHI numbers: anyone who
// has the key can find the id by trying them all. Never send it to anyone, and never use it as an
// entry's jti.
func (c Conversion) EventKey(raw []byte) uuid.UUID {
	v, _, err := tree.ParseLarge("AuditEvent", raw)
	return c.keyOf(raw, v, err)
}

// keyOf returns the key of raw, which was parsed as v or with an error.
func (c Conversion) keyOf(raw []byte, v any, err error) uuid.UUID {
	if err == nil {
		raw = canonical(raw, v, c.Map.NewIDs(c.Source))
	}
	return uuid.NewHash(sha256.New(), uuid.Nil, raw, 8)
}

// canonical returns the one spelling of an event. Numbers keep theirs. It leaves v as it is.
func canonical(raw []byte, v any, newIDs bool) []byte {
	if root, ok := v.(object); ok {
		root = maps.Clone(root)
		delete(root, "meta")
		if text(child(root, "text"), "status") == "generated" {
			delete(root, "text")
		}
		if newIDs {
			delete(root, "id")
		}
		v = root
	}
	b, err := writeTree(v)
	if err != nil {
		return raw
	}
	return b
}
