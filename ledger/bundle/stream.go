package bundle

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"igledger/ledger/wire"
)

// Late is what a statement does not hold while it is written, so that the memory for writing it
// does not grow with its size.
type Late struct {
	// Open returns the opened form of the entry at index. It is called in the order of the file for
	// each entry that Unopened made.
	Open func(index uint64) (Entry, error)
	// Nodes calls write with the statement's Nodes, in order, some at a time.
	Nodes func(write func([]wire.Hash) error) error
}

// Unopened returns an entry that Write opens.
func Unopened(index uint64) Entry { return Entry{Index: index} }

func (e *Entry) unopened() bool { return e.LeafHash == nil && e.TagSalt == nil }

// OpenedSize returns about how many bytes an opened entry has in a statement, and seldom more, if
// stored bytes of its opening are at rest, where base64url is decoded.
func OpenedSize(stored uint64) uint64 { return stored*4/3 + 400 }

// HiddenSize is about how many bytes a hidden entry has in a statement, without nodes.
const HiddenSize = 80

// MinOpened is fewer bytes than any opened entry has in a statement: its eight digests alone are
// half of that.
const MinOpened = 900

// errLarge ends the writing of what turned out to be larger than MaxSize.
var errLarge = wire.Errorf(wire.TooLarge, "statement", "more than %d bytes", MaxSize)

// Write writes the statement as JSON, byte for byte as Marshal would write the statement with all
// that late adds. Before the first byte it checks everything but the entries that are still to be
// opened; after an error that comes later, what was written is not a whole JSON value.
func (s *Statement) Write(w io.Writer, late Late) error {
	if err := s.checkFrame(); err != nil {
		return err
	}
	opened := json.MarshalToFunc(func(enc *jsontext.Encoder, e *Entry) error {
		if !e.unopened() {
			return json.MarshalEncode(enc, (*plainEntry)(e))
		}
		o, err := late.Open(e.Index)
		if err == nil {
			err = o.check()
		}
		if err != nil {
			return err
		}
		return json.MarshalEncode(enc, (*plainEntry)(&o))
	})
	none := json.MarshalToFunc(func(enc *jsontext.Encoder, _ Nodes) error { return enc.WriteToken(jsontext.String("")) })
	out := &splicer{w: &limited{w: w, left: MaxSize}, fill: late.Nodes}
	return json.MarshalWrite(out, s, json.Deterministic(true), json.WithMarshalers(json.JoinMarshalers(opened, none)))
}

// plainEntry is an Entry that is written as it is.
type plainEntry Entry

// noNodes is how an empty list of nodes is written. A quotation mark inside a JSON string has a
// backslash before it, so the text occurs only as the member itself.
var noNodes = []byte(`"nodes":""`)

// splicer passes on what is written to it, and puts the nodes into noNodes. An encoder cannot do
// that: it takes a string only as a whole.
type splicer struct {
	w    io.Writer
	fill func(write func([]wire.Hash) error) error
	held []byte // the end of what came, in which noNodes may have begun
	done bool
}

func (s *splicer) Write(b []byte) (int, error) {
	if s.done {
		return s.w.Write(b)
	}
	s.held = append(s.held, b...)
	at := bytes.Index(s.held, noNodes)
	if at < 0 {
		pass := max(0, len(s.held)-len(noNodes)+1)
		if _, err := s.w.Write(s.held[:pass]); err != nil {
			return 0, err
		}
		s.held = append(s.held[:0], s.held[pass:]...)
		return len(b), nil
	}
	quote := at + len(noNodes) - 1
	if _, err := s.w.Write(s.held[:quote]); err != nil {
		return 0, err
	}
	text := base64.NewEncoder(base64.RawURLEncoding, s.w)
	err := s.fill(func(nodes []wire.Hash) error {
		for i := range nodes {
			if _, err := text.Write(nodes[i][:]); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, text.Close()); err != nil {
		return 0, err
	}
	_, err = s.w.Write(s.held[quote:])
	s.held, s.done = nil, true
	return len(b), err
}

// limited passes on at most left bytes.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	l.left -= len(b)
	if l.left < 0 {
		return 0, errLarge
	}
	return l.w.Write(b)
}
