package main

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/consent/fhir"
	"igledger/consent/iso27560"
	"igledger/internal/command"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// readingFlags returns the flags of commands that read what is recorded about a person, followed by
// more.
func readingFlags(more ...cli.Flag) []cli.Flag {
	return remoteFlags(personReading(more...)...)
}

func listConsentsCommand() *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list what a person decided, and who may act for them",
		Description: "Reads the person's id from standard input.\n" + whoMayRead + "\n\n" +
			"Example: igledger consent list --org NHSL --key lothian-audit.jwk < id.txt",
		Flags: readingFlags(),
		Action: func(c *cli.Context) error {
			_, acts, err := personalActs(c)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c.App.Writer, acts)
			}
			return command.ScreenOf(c).Table(consentRows(acts))
		},
	}
}

// personalAct is a consent or delegation of a person as it is in the log.
type personalAct struct {
	Index      uint64            `json:"index"`
	Newest     bool              `json:"newest"` // what holds of its record, or how it ended
	Consent    *entry.Consent    `json:"consent,omitempty"`
	Delegation *entry.Delegation `json:"delegation,omitempty"`
}

func (a *personalAct) record() string {
	if a.Consent != nil {
		return a.Consent.Consent
	}
	return a.Delegation.Delegation
}

// personalActs reads the acts from the person's history, in log order.
func personalActs(c *cli.Context) (*remote, []personalAct, error) {
	r, err := newRemote(c, signing)
	if err != nil {
		return nil, nil, err
	}
	if err := r.asReader(c); err != nil {
		return nil, nil, err
	}
	id, err := readID(c)
	if err != nil {
		return nil, nil, err
	}
	got, err := r.history(c, id, 0)
	if err != nil {
		return nil, nil, err
	}
	if got.Scope != string(readers.Whole) {
		fmt.Fprintf(c.App.ErrWriter, "igledger: this is what %s recorded itself; others may have recorded more\n", r.org)
	}
	var acts []personalAct
	for _, a := range got.Accesses { // newest first
		e, err := entry.ParseParts(a.Opening.JWS, a.Opening.Disclosures)
		if err != nil {
			return nil, nil, refused("entry %d from the ledger is not valid: %w", a.Index, err)
		}
		act := personalAct{Index: a.Index}
		switch b := e.Body.(type) {
		case *entry.Consent:
			act.Consent = b
		case *entry.Delegation:
			act.Delegation = b
		default:
			continue
		}
		acts = append(acts, act)
	}
	slices.Reverse(acts)
	markNewest(acts)
	return r, acts, nil
}

// markNewest marks of each record what holds, by when it was decided, or how it ended.
func markNewest(acts []personalAct) {
	var consents []*entry.Consent
	granted := map[string]*personalAct{}
	for i := range acts {
		if a := &acts[i]; a.Consent != nil {
			consents = append(consents, a.Consent)
		} else {
			granted[a.record()] = a
		}
	}
	for _, a := range granted {
		a.Newest = true
	}
	holding := consent.Holding(consents)
	for i := range acts {
		acts[i].Newest = acts[i].Newest || acts[i].Consent != nil && holding[acts[i].Consent]
	}
}

func consentRows(acts []personalAct) [][]string {
	rows := [][]string{{"ENTRY", "RECORD", "WHAT", "SCOPE", "DECIDED", "PURPOSES", "DATA", "TO", "AGREEMENT", "UNTIL",
		"IN EFFECT"}}
	for _, a := range acts {
		row := []string{fmt.Sprint(a.Index), a.record()}
		if x := a.Consent; x != nil {
			var rule entry.ConsentRule
			if x.Rule != nil {
				rule = *x.Rule
			}
			act := x.Act
			if rule.Restricts {
				act = said.Text(plain.MarkRestricts, "act", act)
			}
			if n := len(rule.Except); n > 0 {
				act = said.Count(plain.TotalExceptions, uint64(n), "act", act)
			}
			row = append(row, act, x.Scope, x.Decided, joined(rule.Purposes), joined(rule.Data),
				joined(rule.Recipients), joined(x.Agreements), rule.End)
		} else {
			d := a.Delegation
			row = append(row, "delegation "+d.Act, joined(d.Scope), d.Start, d.Kind, "", "", "", d.End)
		}
		rows = append(rows, append(row, counts(&a)))
	}
	return rows
}

// counts returns whether an act is in effect now, in words.
func counts(a *personalAct) string {
	switch {
	case !a.Newest:
		return "no, replaced by another act"
	case a.Consent != nil && a.Consent.Rule == nil, a.Delegation != nil && a.Delegation.Act == "revoked":
		return "no, it ended"
	}
	return "yes"
}

func exportConsentCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "print a consent record as FHIR or ISO/IEC TS 27560",
		ArgsUsage: "RECORD",
		Description: "Reads the person's id from standard input. FHIR contains the newest act, an ISO record\n" +
			"all acts. Your organisation and key must be as for consent list. A consent that was\n" +
			"imported with --map or --system is exported with the same ones.\n\n" +
			"Example: igledger consent export --org NHSL --key lothian-audit.jwk --format fhir-r4 " +
			"0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11 < id.txt",
		Flags: readingFlags(append(mappingFlags(), jurisdictionFlag(),
			&cli.StringFlag{Name: "format", Value: "fhir-r4", Usage: "fhir-r4, fhir-r5 or iso27560"},
		)...),
		Action: func(c *cli.Context) error {
			write := map[string]func(*cli.Context, *remote, []*entry.Consent) ([]byte, error){
				"fhir-r4": fhirOf(fhir.R4), "fhir-r5": fhirOf(fhir.R5),
				"iso27560": isoOf(iso27560.Record),
			}[c.String("format")]
			if write == nil {
				return usage("--format must be fhir-r4, fhir-r5 or iso27560")
			}
			return exportConsent(c, write)
		},
	}
}

func receiptOfConsentCommand() *cli.Command {
	return &cli.Command{
		Name:      "receipt",
		Usage:     "print the receipt of a consent for the person, in the form of ISO/IEC TS 27560",
		ArgsUsage: "RECORD",
		Description: "Reads the person's id from standard input. Your organisation and key must be as for\n" +
			"consent list.\n\n" +
			"Example: igledger consent receipt --org NHSL --key lothian-audit.jwk " +
			"0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11 < id.txt > receipt.jsonld",
		Flags: readingFlags(jurisdictionFlag()),
		Action: func(c *cli.Context) error {
			receipt := func(s iso27560.Source) ([]byte, error) { return iso27560.Receipt(s, time.Now()) }
			return exportConsent(c, isoOf(receipt))
		},
	}
}

var jurisdiction = regexp.MustCompile(`^[A-Z]{2}(-[A-Z0-9]{1,3})?$`)

func jurisdictionFlag() cli.Flag {
	return &cli.StringFlag{Name: "jurisdiction", Value: "GB-SCT",
		Usage: "ISO 3166 code of the jurisdiction, for ISO/IEC TS 27560"}
}

// exportConsent writes the acts of the consent record that the argument names.
func exportConsent(c *cli.Context, write func(*cli.Context, *remote, []*entry.Consent) ([]byte, error)) error {
	if c.NArg() != 1 {
		return usage("%s: give the id of one consent record", c.Command.FullName())
	}
	if !jurisdiction.MatchString(c.String("jurisdiction")) {
		return usage("--jurisdiction must be an ISO 3166 code, such as GB or GB-SCT")
	}
	r, all, err := personalActs(c)
	if err != nil {
		return err
	}
	var acts []*entry.Consent
	for _, a := range all {
		if a.Consent != nil && a.Consent.Consent == c.Args().First() {
			acts = append(acts, a.Consent)
		}
	}
	if len(acts) == 0 {
		return refused("the person has no consent record with this id")
	}
	b, err := write(c, r, acts)
	if err != nil {
		return err
	}
	_, err = c.App.Writer.Write(append(b, '\n'))
	return err
}

func fhirOf(release fhir.Release) func(*cli.Context, *remote, []*entry.Consent) ([]byte, error) {
	return func(c *cli.Context, _ *remote, acts []*entry.Consent) ([]byte, error) {
		m, err := mappingOf(c)
		if err != nil {
			return nil, err
		}
		x := slices.MaxFunc(acts, func(a, b *entry.Consent) int { return a.Order().Compare(b.Order()) })
		b, err := fhir.Conversion{Issuer: x.Issuer, Map: m}.Write(x, release)
		if err != nil {
			return nil, refused("%w", err)
		}
		return b, nil
	}
}

func isoOf(write func(iso27560.Source) ([]byte, error)) func(*cli.Context, *remote, []*entry.Consent) ([]byte, error) {
	return func(c *cli.Context, r *remote, acts []*entry.Consent) ([]byte, error) {
		s := iso27560.Source{Acts: acts, Jurisdiction: c.String("jurisdiction")}
		for _, id := range iso27560.Asked(acts) {
			a, err := r.agreement(c.Context, id)
			if err != nil {
				return nil, err
			}
			s.Agreements = append(s.Agreements, a.Versions[a.Version-1].Text)
		}
		reg, err := r.Register(c.Context)
		if err != nil {
			return nil, err
		}
		for _, m := range reg.Organisations {
			s.Organisations = append(s.Organisations, *m)
		}
		b, err := write(s)
		if err != nil {
			return nil, refused("%w", err)
		}
		return b, nil
	}
}
