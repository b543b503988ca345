package terminology

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"igledger/ledger/wire"
)

// Limits of what is loaded.
const (
	MaxFiles   = 8       // as many as a policy set names
	maxBundle  = 1 << 30 // bytes of a FHIR Bundle, which is read as a whole
	maxCode    = 256     // bytes of one code
	maxNesting = 64      // levels of concepts in a CodeSystem
)

// Error is what is wrong with a file of code systems. It holds the number of the file and names no
// code.
type Error struct {
	File int    // from 1
	Line int    // from 1; 0: the file as a whole
	What string // in words
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("code system file %d, line %d: %s", e.File, e.Line, e.What)
	}
	return fmt.Sprintf("code system file %d: %s", e.File, e.What)
}

// builder collects the content of several files.
type builder struct {
	graphs map[string]*graph
	files  map[string]int // of the graphs: a system comes from one file
	sets   map[string]rawValueSet
	file   int
}

// Open loads files by their paths, see Load.
func Open(paths ...string) (*Index, error) {
	readers := make([]io.Reader, len(paths))
	for i, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		readers[i] = f
	}
	return Load(readers...)
}

// Load reads files of code systems. No files give the nil Index. Each file is one of these:
//
//   - a FHIR R4 or R5 Bundle of CodeSystems and ValueSets, or one of them alone, in JSON. Concepts
//     within a concept lie below it if hierarchyMeaning is is-a or is not stated, and so do those
//     that properties parent, child or subsumedBy name. Supplements and all other resources are
//     passed over. A ValueSet is read from its expansion, else from its compose.
//   - a transitive closure of SNOMED CT (columns subtypeId and supertypeId), or the relationship
//     file of a snapshot release, in Release Format 2: UTF-8, tabs between columns, a header line.
//
// A code system may be in one file only. Errors of the content are *Error.
func Load(files ...io.Reader) (*Index, error) {
	if len(files) == 0 {
		return nil, nil
	}
	if len(files) > MaxFiles {
		return nil, fmt.Errorf("%d files of code systems; the limit is %d", len(files), MaxFiles)
	}
	b := &builder{graphs: map[string]*graph{}, files: map[string]int{}, sets: map[string]rawValueSet{}}
	x := &Index{systems: map[string]*system{}, sets: map[string]*valueSet{}}
	for i, f := range files {
		b.file = i + 1
		h := sha256.New()
		br := bufio.NewReaderSize(io.TeeReader(f, h), 1<<20)
		if err := b.read(br); err != nil {
			return nil, err
		}
		if _, err := io.Copy(io.Discard, br); err != nil {
			return nil, fmt.Errorf("reading a code system: %w", err)
		}
		x.files = append(x.files, wire.Hash(h.Sum(nil)))
	}
	slices.SortFunc(x.files, func(a, b wire.Hash) int { return bytes.Compare(a[:], b[:]) })
	if len(slices.Compact(slices.Clone(x.files))) != len(x.files) {
		return nil, errors.New("one file of code systems was given twice")
	}
	for name, g := range b.graphs {
		s, err := g.close()
		if err != nil {
			return nil, &Error{File: b.files[name], What: err.Error()}
		}
		x.systems[name] = s
	}
	return x, b.readSets(x)
}

// read tells FHIR from Release Format 2 by the first byte.
func (b *builder) read(r *bufio.Reader) error {
	if mark, _ := r.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		r.Discard(3) //nolint:errcheck // has been peeked
	}
	first, err := r.Peek(1)
	switch {
	case err != nil:
		return b.fail(0, "is empty or cannot be read")
	case first[0] == '{' || first[0] == '\n' || first[0] == ' ' || first[0] == '\r':
		return b.readFHIR(r)
	}
	return b.readRF2(r)
}

func (b *builder) fail(line int, format string, args ...any) error {
	return &Error{File: b.file, Line: line, What: fmt.Sprintf(format, args...)}
}

// graph returns the graph of a system that this file holds.
func (b *builder) graph(system string) (*graph, error) {
	if isSNOMED(system) {
		system = snomed
	}
	if in := b.files[system]; in != 0 && in != b.file {
		return nil, b.fail(0, "holds a code system that file %d holds too", in)
	}
	b.files[system] = b.file
	if b.graphs[system] == nil {
		b.graphs[system] = newGraph()
	}
	return b.graphs[system], nil
}

const isA = "116680003" // the type of a relationship "is a" in SNOMED CT

// columns are the places of what is read in a line of Release Format 2; -1: there is no such
// column.
type columns struct{ sub, super, active, typ int }

func columnsOf(header string) (columns, bool) {
	names := strings.Split(strings.TrimRight(header, "\r\n"), "\t")
	at := func(name string) int {
		return slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
	}
	c := columns{at("subtypeId"), at("supertypeId"), at("active"), -1}
	if c.sub < 0 {
		c = columns{at("sourceId"), at("destinationId"), at("active"), at("typeId")}
		return c, c.sub >= 0 && c.super >= 0 && c.active >= 0 && c.typ >= 0
	}
	return c, c.super >= 0
}

// readRF2 reads a transitive closure or a relationship file. Lines of a relationship file that are
// inactive or of another type are passed over.
func (b *builder) readRF2(r *bufio.Reader) error {
	g, err := b.graph(snomed)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), 64<<10)
	lines.Scan()
	at, ok := columnsOf(lines.Text())
	if !ok {
		return b.fail(1, "want a FHIR Bundle, or a header with subtypeId and supertypeId, or one of a relationship file")
	}
	most := max(at.sub, at.super, at.active, at.typ)
	for n := 2; lines.Scan(); n++ {
		f := strings.Split(strings.TrimSuffix(lines.Text(), "\r"), "\t")
		if len(f) == 1 && f[0] == "" {
			continue
		}
		if len(f) <= most {
			return b.fail(n, "has fewer columns than the header")
		}
		if at.active >= 0 && f[at.active] != "1" || at.typ >= 0 && f[at.typ] != isA {
			continue
		}
		if !isSCTID(f[at.sub]) || !isSCTID(f[at.super]) {
			return b.fail(n, "want identifiers of SNOMED CT")
		}
		g.put(f[at.sub], f[at.super])
	}
	if err := lines.Err(); err != nil {
		return b.fail(0, "cannot be read to its end")
	}
	if len(g.parents) == 0 {
		return b.fail(0, "holds no relationship")
	}
	return nil
}

func isSCTID(s string) bool {
	return len(s) >= 6 && len(s) <= 18 && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}
