package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"igledger/audit"
	"igledger/consent/fhir"
	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/internal/source"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

func importConsentCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "record consents from FHIR Consent resources, R4 or R5",
		ArgsUsage: "FILE… or -",
		Description: "Reads single Consents, Bundles of any type and NDJSON, also compressed by gzip. Lists\n" +
			"everything in a resource that the ledger cannot enforce as written, and the effect, and\n" +
			"at the end what was passed over. The entry keeps the whole resource.\n" +
			"Of the versions of a Consent the one that was decided last counts, whichever is imported\n" +
			"first. A deletion in a history ends the record if another version is in the same import.\n" +
			"With --strict a resource that is not wholly understood is refused, and not signed.\n" +
			"Importing the same resource again changes nothing. Exits with 1 if a resource is\n" +
			"refused or cannot be read; the others are recorded.\n\n" +
			"Example: igledger consent import --org NHSL --key lothian-agreements.jwk --map " +
			"Organization/f001=NHSL consents.ndjson",
		Flags: remoteFlags(append(mappingFlags(),
			&cli.StringFlag{Name: "source",
				Usage: "name of the system that the consents are from, as access import has it: a patient whom only this system " +
					"knows has the same id in both (default: fhir)"},
			&cli.StringFlag{Name: "agreement",
				Usage: "id of the agreement for which people were asked, if the resource names none"},
			&cli.StringFlag{Name: "delegation",
				Usage: "id of the delegation under which someone else decided, for the resources that name someone else"},
			listFlag(), strictFlag(),
			&cli.BoolFlag{Name: "dry-run",
				Usage: "only list what cannot be enforced; records nothing, and needs no ledger or key"},
		)...),
		Action: importConsents,
	}
}

// importedConsent is the outcome of importing one resource.
type importedConsent struct {
	File       string            `json:"file"`
	Number     int               `json:"number"` // of the resource in its file, from 1
	Status     string            `json:"status"` // appended, replayed, known, checked or refused
	Record     string            `json:"record,omitempty"`
	Index      uint64            `json:"index,omitzero"`
	Flags      []entry.Flag      `json:"flags,omitempty"`
	Unenforced []fhir.Unenforced `json:"unenforced,omitempty"`
	Error      string            `json:"error,omitempty"`

	notes []audit.Note
}

// consentImport is one run of consent import.
type consentImport struct {
	r          *remote // nil: a dry run
	conv       fhir.Conversion
	taken      time.Time
	delegation string
	agreement  string
	versions   map[string]fhir.Found // a version of each Consent by its id, for deletions
	passed     map[string]int
	strict     bool
	left       int            // Consents that were not reached
	orgs       []string       // of the log; nil: not known
	notes      *understanding // what was not understood
	done       []importedConsent
}

func importConsents(c *cli.Context) error {
	if c.NArg() == 0 {
		return usage("consent import: give one or more files, or - for standard input")
	}
	run := &consentImport{
		conv:  fhir.Conversion{Issuer: c.String("org"), Source: c.String("source")},
		taken: time.Now(), delegation: c.String("delegation"), agreement: c.String("agreement"),
		versions: map[string]fhir.Found{}, passed: map[string]int{},
	}
	var err error
	run.conv.Map, err = mappingOf(c)
	if err != nil {
		return err
	}
	if s := run.conv.Source; s != "" && wire.CheckSystem(s) != nil {
		return usage("--source: not the name of a system")
	}
	if !c.Bool("dry-run") {
		run.r, err = newRemote(c, signing)
		if err != nil {
			return err
		}
	} else if run.conv.Issuer == "" {
		return usage("give --org: local numbers of people belong to that organisation")
	}
	found := map[string][]fhir.Found{}
	for _, name := range c.Args().Slice() {
		found[name], err = consentsIn(c, name)
		if err != nil {
			return err
		}
		for _, f := range found[name] {
			if id := f.ID(); id != "" {
				run.versions[id] = f
			}
		}
	}
	run.strict = c.Bool("strict")
	if run.notes, err = newUnderstanding(c, "consent", "consents"); err != nil {
		return err
	}
	if run.r != nil {
		if run.orgs, err = run.r.organisations(c); err != nil {
			return err
		}
	}
	var failed error // of the ledger or the connection: the rest is counted, and not read
	for _, name := range c.Args().Slice() {
		for _, f := range found[name] {
			switch one := (importedConsent{File: name, Number: f.Number}); {
			case f.Passed != "":
				run.passed[f.Passed]++
				run.notes.write(place{Input: name, Line: f.Line, Event: f.Number}, "passed-over", f.Passed)
			case failed != nil:
				run.left++
			default:
				if failed = run.take(c, f, &one); failed != nil {
					run.left++
				} else {
					run.done = append(run.done, one)
				}
			}
		}
	}
	err = run.report(c)
	if failed != nil {
		return fmt.Errorf("%w; %s not recorded. Run the same command again: what was recorded stays so", failed,
			counted(run.left, "consent was", "consents were"))
	}
	return err
}

// consentsIn reads a file. What breaks off within it is among what it holds.
func consentsIn(c *cli.Context, name string) ([]fhir.Found, error) {
	from := c.App.Reader
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("reading consents: %w", err)
		}
		defer file.Close()
		from = file
	}
	found, err := fhir.ReadFile(from)
	if cannot := new(fs.PathError); errors.As(err, &cannot) { // a folder, or a disk that fails: not what is in the file
		return nil, fmt.Errorf("reading consents: %w", err)
	}
	if err != nil {
		found = append(found, fhir.Found{Number: len(found) + 1, Err: err})
	}
	return found, nil
}

// take converts and submits one resource, and records the outcome in one. It returns an error only
// if the ledger or the connection fails, not if the resource is refused.
func (run *consentImport) take(c *cli.Context, f fhir.Found, one *importedConsent) error {
	at := place{Input: one.File, Line: f.Line, Event: one.Number}
	refuse := func(err error) error {
		one.Status, one.Error = "refused", err.Error()
		code, path := whyRefused(err)
		run.notes.write(at, code, path)
		return nil
	}
	if f.Deleted != "" {
		earlier, ok := run.versions[f.Deleted]
		if !ok {
			return refuse(errors.New("a Consent was deleted of which no version is in this import: whose it was is not known"))
		}
		ended, err := f.Ended(earlier, run.taken)
		if err != nil {
			return refuse(err)
		}
		f = ended
	}
	if f.Err != nil {
		return refuse(f.Err)
	}
	f.Taken = run.taken
	in, err := run.conv.ReadAt(f.Raw, f.At)
	if err != nil {
		return refuse(err)
	}
	x := in.Consent
	one.Record, one.Unenforced, one.Status = x.Consent, in.Unenforced, "checked"
	one.notes = notesOfConsent(x, run.conv.Map, run.orgs)
	for _, n := range one.notes {
		run.notes.note(source.Noted{Input: at.Input, Line: at.Line, Number: at.Event, Note: n})
	}
	for _, u := range in.Unenforced {
		run.notes.write(at, "not-enforced", u.Path)
	}
	if run.strict {
		if err := notUnderstood(one.notes, in.Unenforced); err != nil {
			return refuse(err)
		}
	}
	if run.r == nil {
		return nil
	}
	x.Common = run.r.common()
	if len(x.Agreements) == 0 && run.agreement != "" {
		x.Agreements = []string{run.agreement}
	}
	if x.By != nil && run.delegation != "" {
		x.By.Delegation = run.delegation
	}
	x.ID = run.jti(f, x)
	res, err := run.r.submit(c.Context, x)
	var e *command.Error
	var p *client.Problem
	switch {
	case err == nil:
		one.Status, one.Index, one.Flags = string(res.Status), res.Index, res.Flags
	case errors.As(err, &p) && p.Code() == "conflict":
		one.Status = "known"
	case p.OfKey(): // so are all others
		return err
	case res.Problem != nil && p != nil, errors.As(err, &e) && e.Code == exitUsage:
		// Only this resource is refused, by the ledger or because its entry would not be
		// well-formed.
		return refuse(err)
	default:
		return err
	}
	return nil
}

// whyRefused returns why a resource was refused, as a code without anything from the resource, and
// where in it.
func whyRefused(err error) (code, path string) {
	var fault *audit.Error // of consents too
	var p *client.Problem
	switch {
	case errors.As(err, &fault):
		return string(fault.Code), fault.Path
	case errors.As(err, &p) && p.Code() != "":
		return p.Code(), ""
	}
	return "refused", ""
}

// jti returns the id of an act that follows from the resource, its version and what is read from
// it: the same again is the same act, whenever it is imported. The same resource is another act if
// it is a later version, or is read differently because of another mapping or delegation.
func (run *consentImport) jti(f fhir.Found, x *entry.Consent) string {
	raw := f.Raw.Clone()
	if raw.Canonicalize() != nil { // it was read, so it is JSON
		raw = f.Raw
	}
	by := ""
	if x.By != nil {
		by = x.By.Delegation
	}
	read, err := json.Marshal([]any{x.Sub, x.Consent, x.Act, x.Scope, x.Agreements, x.Rule, by, f.Updated, f.Version},
		json.Deterministic(true))
	if err != nil {
		read = nil // impossible: all of it was read from JSON
	}
	sum := sha256.Sum256(append(append(raw, '\n'), read...))
	return uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "urn:igledger:consent-import:%s:%s:%x", run.r.origin, run.r.org,
		sum)).String()
}

// importSummary is what an import did, and what it did not understand.
type importSummary struct {
	Consents   int            `json:"consents"`
	Recorded   int            `json:"recorded"`
	Known      int            `json:"known"`                // imported before
	Checked    int            `json:"checked,omitzero"`     // by a dry run
	Refused    int            `json:"refused"`              // or could not be read
	Left       int            `json:"notReached,omitzero"`  // because the ledger was away, or refused the key
	Passed     map[string]int `json:"passedOver,omitempty"` // by what they are
	Flags      map[string]int `json:"flags,omitempty"`      //
	Unenforced map[string]int `json:"unenforced,omitempty"` // consents by why something in them is not enforced as written
	Notes      []noted        `json:"notes"`                // what was not understood
}

func (run *consentImport) summary() importSummary {
	s := importSummary{Consents: len(run.done) + run.left, Left: run.left, Passed: run.passed, Flags: map[string]int{},
		Unenforced: map[string]int{},
		Notes:      run.notes.counts()}
	for _, one := range run.done {
		switch one.Status {
		case "refused":
			s.Refused++
		case "known":
			s.Known++
		case "checked":
			s.Checked++
		default:
			s.Recorded++
		}
		for _, f := range one.Flags {
			s.Flags[string(f)]++
		}
		seen := map[string]bool{}
		for _, u := range one.Unenforced {
			if !seen[u.Why] {
				seen[u.Why] = true
				s.Unenforced[u.Why]++
			}
		}
	}
	return s
}

func (run *consentImport) report(c *cli.Context) error {
	s := run.summary()
	if c.Bool("json") {
		report := struct {
			Consents []importedConsent `json:"consents"`
			Summary  importSummary     `json:"summary"`
		}{append([]importedConsent{}, run.done...), s}
		if err := printJSON(c.App.Writer, report); err != nil {
			return err
		}
	} else {
		for _, one := range run.done {
			printImported(c.App.Writer, &one)
		}
		s.print(c.App.Writer)
		if err := run.notes.print(c.App.Writer); err != nil {
			return err
		}
	}
	if err := run.notes.close(); err != nil {
		return err
	}
	if s.Refused > 0 {
		return refused("refused: %d of %s", s.Refused, counted(s.Consents, "consent", "consents"))
	}
	return nil
}

func printImported(w io.Writer, one *importedConsent) {
	fmt.Fprintf(w, "%s, resource %d: %s", one.File, one.Number, one.Status)
	if one.Index > 0 {
		fmt.Fprintf(w, " in entry %d", one.Index)
	}
	if one.Record != "" {
		fmt.Fprintf(w, ", record %s", one.Record)
	}
	fmt.Fprintln(w)
	if one.Error != "" {
		fmt.Fprintf(w, "  %s\n", one.Error)
	}
	for _, f := range one.Flags {
		fmt.Fprintf(w, "  %s\n", line(said.FlagAdvice(f)))
	}
	printUnenforced(w, one.Unenforced)
}

// print says in a few lines what became of everything that was read.
func (s *importSummary) print(w io.Writer) {
	left := ""
	if s.Left > 0 {
		left = fmt.Sprintf(", %d not reached", s.Left)
	}
	fmt.Fprintf(w, "%s: %d recorded, %d imported before, %d refused%s\n", counted(s.Consents, "consent", "consents"),
		s.Recorded, s.Known, s.Refused, left)
	count := func(what string, kinds map[string]int, text func(kind string) string) {
		if len(kinds) > 0 {
			fmt.Fprintf(w, "%s:\n", what)
		}
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			fmt.Fprintf(w, "  %d × %s\n", kinds[kind], text(kind))
		}
	}
	same := func(s string) string { return s }
	count("passed over", s.Passed, same)
	count("flagged", s.Flags, func(f string) string { return line(said.Flag(entry.Flag(f))) })
	count("not enforced as written", s.Unenforced, same)
}

// printUnenforced prints each reason once, with the elements to which it applies.
func printUnenforced(w io.Writer, list []fhir.Unenforced) {
	var reasons []string
	paths := map[string][]string{}
	for _, u := range list {
		if paths[u.Why] == nil {
			reasons = append(reasons, u.Why)
		}
		paths[u.Why] = append(paths[u.Why], u.Path)
	}
	for _, why := range reasons {
		fmt.Fprintf(w, "  not enforced as written: %s\n    (%s)\n", why, strings.Join(paths[why], ", "))
	}
}
