package main

import (
	"github.com/urfave/cli/v2"

	"igledger/audit"
	"igledger/audit/plain"
	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// formatFlag chooses the form in which a history is printed.
func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Value: "table",
		Usage: "table, or a FHIR Bundle of AuditEvents: fhir-r4 or fhir-r5"}
}

// historyFormat returns the version of FHIR that --format asks for, "" for the table.
func historyFormat(c *cli.Context) (audit.Version, error) {
	switch v := audit.Version(c.String("format")); {
	case v == "table":
		return "", nil
	case v != audit.R4 && v != audit.R5:
		return "", usage("--format must be table, fhir-r4 or fhir-r5")
	case c.Bool("json"):
		return "", usage("--json and --format %s exclude each other", v)
	default:
		return v, nil
	}
}

// printFHIR prints a history as a Bundle of type collection, with what the export says of itself.
func printFHIR(c *cli.Context, got *client.Accesses, version audit.Version, made exported) error {
	b := &audit.Bundle{Version: version, Made: made.At, State: made.String()}
	for _, a := range got.Accesses {
		r := audit.Recorded{Index: a.Index, Flags: a.Opening.Flags}
		e, err := entry.ParseParts(a.Opening.JWS, a.Opening.Disclosures)
		if err != nil {
			return refused("entry %d from the ledger is not valid: %w", a.Index, err)
		}
		if r.Entry = e; a.Verdict != nil {
			r.Verdict, r.Plain = &a.Verdict.Verdict, a.Verdict.Plain
		}
		b.Add(r, nil)
	}
	total := uint64(b.Len()) //nolint:gosec // a length
	switch {
	case got.Scope != string(readers.Whole):
		b.Note("information", "informational", said.Text(plain.TotalOwn, "accesses", said.Count(plain.TotalAccesses, total)))
	case uint64(len(got.Accesses)) < got.Count:
		b.Note("warning", "incomplete", historyTotal(got, total))
	}
	data, err := b.Marshal()
	if err != nil {
		return err
	}
	_, err = c.App.Writer.Write(append(data, '\n'))
	return err
}
