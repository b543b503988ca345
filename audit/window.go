package audit

import (
	"slices"

	"igledger/consent/fhir/tree"
)

// MaxWaiting is how many bytes of events wait for the rest of their Bundle.
const MaxWaiting = 32 << 20

// A window reads the entries of one Bundle. An event that refers to something outside it waits for
// the end of its Bundle, and so do the events after it: what it refers to may come later, may refer
// further, or there may be two of it. If more than MaxWaiting bytes wait, the oldest is passed on
// as it is. If not all of its references are resolved then (Event.Early), the access is taken under
// the number that the event itself has for its patient. The same is true of what a Bundle holds
// beyond tree.MaxBundle.
type window struct {
	bundle  *tree.Bundle
	waiting []waiting
	size    int
	full    bool // the bundle had no room for a resource
}

// waiting is an event with the references to what is outside it.
type waiting struct {
	Event
	refs []object
}

// unresolved reports whether something that the event refers to is not there.
func (e *waiting) unresolved() bool {
	in := scope{Root: object{}, Place: e.Place}
	return slices.ContainsFunc(e.refs, func(ref object) bool { return in.Resolve(ref) == nil })
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
		e.Early = w.full && e.unresolved()
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
		in.full = !in.bundle.Add(in.url, o) || in.full
	}
	return nil
}

// wait takes an event into the window.
func (s *stream) wait(w *window, ev Event) error {
	w.waiting, w.size = append(w.waiting, waiting{ev, awaited(ev.Raw)}), w.size+len(ev.Raw)
	for len(w.waiting) > 0 {
		e := w.waiting[0]
		if len(e.refs) > 0 && w.size <= MaxWaiting {
			return nil
		}
		ev := e.Event
		ev.Early = e.unresolved()
		w.waiting[0] = waiting{}
		w.waiting, w.size = w.waiting[1:], w.size-len(ev.Raw)
		if err := s.pass(ev); err != nil {
			return err
		}
	}
	return nil
}

// awaited returns the references of an event that name something outside it: literal and
// conditional ones, and patients who are named by an identifier only.
func awaited(raw []byte) (refs []object) {
	v, err := parseTree("AuditEvent", raw)
	root, ok := v.(object)
	if err != nil || !ok {
		return nil
	}
	eachString("", root, func(name, s string) {
		if name == "reference" && s != "" && s[0] != '#' {
			refs = append(refs, object{name: s})
		}
	})
	named := func(ref object) {
		if text(ref, "reference") == "" && text(child(ref, "identifier"), "system") != "" {
			refs = append(refs, object{"type": ref["type"], "identifier": ref["identifier"]})
		}
	}
	named(child(root, "patient")) // R5
	for _, e := range objects(root, "entity") {
		named(child(e, "what"))
	}
	for _, a := range objects(root, "agent") {
		if who := child(a, "who"); text(who, "type") == "Patient" {
			named(who)
		}
	}
	return refs
}
