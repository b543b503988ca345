package main

import (
	"bufio"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/audit"
	"igledger/internal/command"
	"igledger/internal/source"
)

// imports is what an import prints as JSON.
type imports struct {
	source.Summary
	Notes []noted `json:"notes"` // what was not understood
}

// noted is how many events have a note of one kind, and where the first of them are.
type noted struct {
	Code   audit.NoteCode `json:"code"`
	Says   string         `json:"says"`
	Events int            `json:"events"`
	First  []place        `json:"first"`

	last place
}

// place is where an event is in the inputs.
type place struct {
	Input string `json:"input"`
	Line  int    `json:"line,omitzero"` // of a consent: on which the JSON value begins that holds it; absent: not known
	Event int    `json:"event"`         // or resource

	resource bool // it is known by its number, not by its line
}

// mostPlaces is how many places of one kind are printed. All are in --list.
const mostPlaces = 10

func (p place) String() string {
	if p.resource || p.Line == 0 {
		return fmt.Sprintf("%s resource %d", p.Input, p.Event)
	}
	return fmt.Sprintf("%s line %d", p.Input, p.Line)
}

// understanding counts what an import did not understand. The agent calls its functions one at a
// time.
type understanding struct {
	one, many string // what was read
	kinds     map[audit.NoteCode]*noted
	order     []*noted
	errOut    io.Writer
	reported  int
	file      *os.File
	list      *bufio.Writer
}

func newUnderstanding(c *cli.Context, one, many string) (*understanding, error) {
	u := &understanding{one: one, many: many, kinds: map[audit.NoteCode]*noted{}, errOut: c.App.ErrWriter, list: bufio.NewWriter(io.Discard)}
	if path := c.String("list"); path != "" {
		if err := command.NewFile(path); err != nil && !isList(path) {
			return nil, fmt.Errorf("--list: %w", err)
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return nil, usage("--list: %w", err)
		}
		u.file, u.list = f, bufio.NewWriter(f)
	}
	return u, nil
}

// listed is how a line of --list begins.
var listed = regexp.MustCompile(`^[^\t\n]+\t(-|[0-9]+)\t[0-9]+\t[a-z-]+\t`)

// isList reports whether a file is the list of an earlier import, which this one's may replace: a
// nightly job names the same file each time.
func isList(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 4096))
	return err == nil && (len(head) == 0 || listed.Match(head))
}

func (u *understanding) note(n source.Noted) {
	at := place{n.Input, n.Line, n.Number, u.one == "consent"}
	u.write(at, string(n.Code), n.Path)
	k := u.kinds[n.Code]
	if k == nil {
		k = &noted{Code: n.Code, Says: said.Note(string(n.Code))}
		u.kinds[n.Code], u.order = k, append(u.order, k)
	}
	if k.Events > 0 && k.last == at {
		return
	}
	k.Events, k.last = k.Events+1, at
	if len(k.First) < mostPlaces {
		k.First = append(k.First, at)
	}
}

func (u *understanding) write(at place, code, path string) {
	line := "-"
	if at.Line > 0 {
		line = strconv.Itoa(at.Line)
	}
	fmt.Fprintf(u.list, "%s\t%s\t%d\t%s\t%s\n", at.Input, line, at.Event, code, path) //nolint:errcheck // close reports it
}

// reject reports what is not in the log as it was: the first of them, and how many more there are
// at the end.
func (u *understanding) reject(err error) {
	var ev *source.EventError
	var in *source.InputError
	var at *audit.StreamError
	var fault *audit.Error
	code, path := "refused", ""
	if errors.As(err, &fault) {
		code, path = string(fault.Code), fault.Path
	}
	unclear := new(source.UnclearError)
	switch {
	case errors.As(err, &ev) && errors.As(err, &unclear):
		for _, n := range unclear.Notes {
			u.note(source.Noted{Input: ev.Input, Number: ev.Number, Line: ev.Line, Note: n})
		}
	case errors.As(err, &ev):
		u.write(place{Input: ev.Input, Line: ev.Line, Event: ev.Number}, code, path)
	case errors.As(err, &in) && errors.As(err, &at):
		u.write(place{Input: in.Input, Line: at.Line, Event: at.Event}, code, path)
	}
	if u.reported++; u.reported <= mostPlaces || in != nil && in.Rest {
		fmt.Fprintln(u.errOut, "igledger:", command.Plain(err.Error()))
	}
}

func (u *understanding) counts() []noted {
	list := []noted{}
	for _, k := range u.order {
		list = append(list, *k)
	}
	return list
}

// print prints a line for each kind, and where the first events are.
func (u *understanding) print(w io.Writer) error {
	if n := u.reported - mostPlaces; n > 0 {
		fmt.Fprintf(u.errOut, "igledger: and %s like these; --list FILE writes all\n", counted(n, "more", "more"))
	}
	for _, k := range u.order {
		var places []string
		for _, p := range k.First {
			places = append(places, p.String())
		}
		more := ""
		if n := k.Events - len(k.First); n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		_, err := fmt.Fprintf(w, "%s: %s (%s)\n  %s%s\n", counted(k.Events, u.one, u.many), k.Says, k.Code, strings.Join(places, ", "), more)
		if err != nil {
			return err
		}
	}
	return nil
}

func (u *understanding) close() error {
	err := u.list.Flush()
	if u.file != nil {
		err = errors.Join(err, u.file.Close())
	}
	return err
}

func originalCommand() *cli.Command {
	return &cli.Command{
		Name:  "original",
		Usage: "print an event that did not fit into its entry, or whose entry the ledger refused",
		Description: "The outbox keeps such an event as it came. Give the hash that the entry has for it, or the\n" +
			"sequence number of the entry. The event is about a person: mind where it is printed.\n\n" +
			"Example: igledger access original --outbox trakcare.outbox --seq 4711",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "outbox", Required: true, Usage: "SQLite `FILE` of access import"},
			&cli.StringFlag{Name: "hash", Usage: "SHA-256 of the event, hexadecimal, as in =original of the entry"},
			&cli.Uint64Flag{Name: "seq", Usage: "sequence number of the entry"},
		},
		Action: func(c *cli.Context) error {
			if c.IsSet("hash") == c.IsSet("seq") {
				return usage("access original: give --hash or --seq")
			}
			if hash, err := hex.DecodeString(c.String("hash")); err != nil || c.IsSet("hash") && len(hash) != sha256.Size {
				return usage("--hash must be 64 hexadecimal digits")
			}
			if err := begunOutbox(c.String("outbox")); err != nil {
				return err
			}
			raw, err := source.KeptOriginal(c.Context, c.String("outbox"), strings.ToLower(c.String("hash")), c.Uint64("seq"))
			if errors.Is(err, sql.ErrNoRows) {
				return refused("the outbox keeps no such event: what fits into the log is not kept here")
			}
			if err == nil {
				_, err = c.App.Writer.Write(raw)
			}
			return err
		},
	}
}
