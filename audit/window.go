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
	s.windows = s.windows[:len(s.windows)-1]
	if s.at > 0 {
		return err
	}
	if err := s.pending(w); err != nil {
		return err
	}
	return err
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
	if s.d.PeekKind() != '{' {
		return fail(BadValue, "Bundle.entry", "want an object")
	}
	url, kind, raw := "", "", []byte(nil)
	err := s.members(func(name string) (err error) {
		switch {
		case name == "fullUrl" && s.d.PeekKind() == '"':
			t, err := s.d.ReadToken()
			url = t.String()
			return err
		case name != "resource":
			return s.d.SkipValue()
		case s.d.PeekKind() != '{':
			return s.value("Bundle.entry.resource", depth+1)
		}
		kind, raw, err = s.read("Bundle.entry.resource", depth+1)
		return err
	})
	switch {
	case err != nil || raw == nil || kind == "Bundle":
		return err
	case kind == "AuditEvent":
		s.n++
		return s.wait(w, Event{Raw: raw, Number: s.n, Place: tree.Place{URL: url, Bundle: w.bundle}})
	case !isResource(kind):
		return fail(NotAuditEvent, "Bundle.entry.resource", "want an AuditEvent or a Bundle of them")
	}
	if v, err := parseTree(kind, raw); err == nil {
		o, _ := v.(object)
		w.bundle.Add(url, o)
	}
	return s.ready(w)
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
