package audit

import (
	"bytes"

	"igledger/consent/fhir/tree"
)

// MaxWaiting is how many bytes of events wait for the rest of their Bundle.
const MaxWaiting = 32 << 20

// A window reads the entries of one Bundle. An event that refers to what has not been read waits for
// it, and so do the events after it, until the reference is resolved, the Bundle ends, or more than
// MaxWaiting bytes wait. Then the oldest is passed on as it is (Event.Early): the access is taken,
// under the number that the event itself has for its patient. The same is true of what a Bundle
// holds beyond tree.MaxBundle.
type window struct {
	bundle  *tree.Bundle
	waiting []waiting
	size    int
}

// waiting is an event with the references that were not resolved when they were last looked for.
type waiting struct {
	Event
	in   scope
	refs []object
}

// entries reads the entries of a Bundle.
func (s *stream) entries(depth int) error {
	if n := len(s.windows); n > 0 { // so that events stay in order
		if err := s.pending(s.windows[n-1]); err != nil {
			return err
		}
	}
	w := &window{bundle: &tree.Bundle{}}
	s.windows = append(s.windows, w)
	err := s.each(func() error { return s.entry(w, depth) })
	if _, ok := err.(*takeError); ok {
		return err
	}
	if err := s.pending(w); err != nil {
		return err
	}
	if err != nil { // its other entries may come
		s.broke = window{bundle: w.bundle}
		return err
	}
	s.windows = s.windows[:len(s.windows)-1]
	return nil
}

// pending passes on all events that wait.
func (s *stream) pending(w *window) error {
	list := w.waiting
	w.waiting, w.size = nil, 0
	for _, e := range list {
		if err := s.pass(e.Event); err != nil {
			return err
		}
	}
	return nil
}

// entry reads one Bundle.entry.
func (s *stream) entry(w *window, depth int) error {
	s.nested = true
	s.mark(true)
	if s.peek() != '{' {
		if err := s.skip(0); err != nil {
			return err
		}
		return s.report(fail(BadValue, "Bundle.entry", "want an object"))
	}
	in := included{window: w}
	if err := s.members(func(name string) error { return s.member(&in, name, depth) }); err != nil {
		return err
	}
	return s.include(&in)
}

// included is what a Bundle.entry holds.
type included struct {
	*window
	url, kind string
	raw       []byte // nil: nothing is left to do
	line      int
}

// member reads a member of a Bundle.entry.
func (s *stream) member(in *included, name string, depth int) error {
	switch {
	case name == "fullUrl" && s.peek() == '"':
		err := s.skip(0)
		in.url = s.said()
		return err
	case name != "resource":
		return s.skip(0)
	}
	const path = "Bundle.entry.resource"
	s.mark(false)
	if s.peek() != '{' {
		return s.value(path, depth+1)
	}
	kind, raw, err := s.read(path, depth+1)
	switch {
	case err != nil || kind == "Bundle":
		return err
	case raw == nil:
		return s.report(fail(TooLarge, path, "larger than %d bytes", MaxRead))
	case kind != "AuditEvent" && !isResource(kind):
		return s.report(fail(NotAuditEvent, path, "want an AuditEvent or a Bundle of them"))
	}
	in.kind, in.raw, in.line = kind, raw, s.from
	return nil
}

// include passes on what an entry held, or keeps it for the events of its Bundle.
func (s *stream) include(in *included) error {
	if in.raw == nil {
		return nil
	}
	if in.kind == "AuditEvent" {
		s.n++
		return s.wait(in.window, Event{Raw: in.raw, Number: s.n, Line: in.line, Place: tree.Place{URL: in.url, Bundle: in.bundle}})
	}
	if v, err := parseTree(in.kind, in.raw); err == nil {
		o, _ := v.(object)
		in.bundle.Add(in.url, o)
	}
	return s.ready(in.window)
}

// wait takes an event into the window.
func (s *stream) wait(w *window, ev Event) error {
	e := waiting{Event: ev}
	e.in, e.refs = awaited(ev)
	w.waiting, w.size = append(w.waiting, e), w.size+len(ev.Raw)
	return s.ready(w)
}

// ready passes on the events that need not wait any longer.
func (s *stream) ready(w *window) error {
	for len(w.waiting) > 0 {
		e := &w.waiting[0]
		for len(e.refs) > 0 && e.in.Resolve(e.refs[0]) != nil {
			e.refs = e.refs[1:]
		}
		if len(e.refs) > 0 && w.size <= MaxWaiting {
			return nil
		}
		ev := e.Event
		ev.Early = len(e.refs) > 0
		*e = waiting{}
		w.waiting, w.size = w.waiting[1:], w.size-len(ev.Raw)
		if err := s.pass(ev); err != nil {
			return err
		}
	}
	return nil
}

// awaited returns the references of an event that name something outside it: literal and conditional
// ones, and patients who are named by an identifier only.
func awaited(ev Event) (in scope, refs []object) {
	if !bytes.Contains(ev.Raw, []byte(`"reference"`)) && !bytes.Contains(ev.Raw, []byte(`"what"`)) {
		return scope{}, nil
	}
	v, err := parseTree("AuditEvent", ev.Raw)
	root, ok := v.(object)
	if err != nil || !ok {
		return scope{}, nil
	}
	eachString("", root, func(name, s string) {
		if name == "reference" && s != "" && s[0] != '#' {
			refs = append(refs, object{name: s})
		}
	})
	for _, e := range objects(root, "entity") {
		if what := child(e, "what"); text(what, "reference") == "" && text(child(what, "identifier"), "system") != "" {
			refs = append(refs, object{"type": what["type"], "identifier": what["identifier"]})
		}
	}
	return scope{Root: object{}, Place: ev.Place}, refs
}
