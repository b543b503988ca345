package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/audit/plain"
	"igledger/internal/client"
	"igledger/internal/command"
	makes "igledger/internal/report"
)

// reports lists the kinds of report, and how to convert each into rows.
var reports = []struct {
	kind  client.ReportKind
	usage string
	rows  func(*client.Report) [][]string
}{
	{client.Uncovered, "accesses that no agreement, consent or law covers", accessRows},
	{client.Attempts, "attempts that failed or were refused, and decisions of other systems", attemptRows},
	{client.BreakGlass, "emergency overrides without a follow-up", glassRows},
	{client.Due, "agreements due for review or about to end", dueRows},
	{client.Drift, "purposes, data and roles of accesses that their agreement does not list", driftRows},
}

func reportCommand() *cli.Command {
	cmd := &cli.Command{
		Name:  "report",
		Usage: "reports for information governance: what is not covered, what is due",
		Description: "An auditor can report on all organisations; a controller on its own accesses and\n" +
			"records. Needs a key for audit. A report names no person and no member of staff. The\n" +
			"ledger logs the first reading of each day. Periods go by the time when the ledger took\n" +
			"an access, which the source cannot choose.",
	}
	for _, r := range reports {
		cmd.Subcommands = append(cmd.Subcommands, &cli.Command{
			Name:  string(r.kind),
			Usage: r.usage,
			Description: fmt.Sprintf("Example: igledger report %s --org NHSL --key lothian-audit.jwk "+
				"--from 2026-11-01 --to 2026-11-30 --format markdown", r.kind),
			Flags: remoteFlags(
				&cli.StringFlag{Name: "of", Usage: "only this organisation (default: all that you may see)"},
				&cli.StringFlag{Name: "from", Usage: "first day, or RFC 3339 time"},
				&cli.StringFlag{Name: "to", Usage: "last day, or the RFC 3339 time at which the period ends"},
				&cli.IntFlag{Name: "within", Usage: "for report due: days from now (default: 90)"},
				&cli.StringFlag{Name: "format", Value: "text", Usage: "text, json, csv or markdown"},
				&cli.StringFlag{Name: "function", Value: "igledger",
					Usage: "function or system on whose behalf you read, never a person"},
				readingPurpose(), zoneFlag(),
			),
			Action: func(c *cli.Context) error { return report(c, r.kind, r.rows) },
		})
	}
	return cmd
}

func report(c *cli.Context, kind client.ReportKind, rows func(*client.Report) [][]string) error {
	format := c.String("format")
	if c.Bool("json") {
		format = "json"
	}
	if tableForms[format] == nil && format != "json" {
		return usage("report %s: --format must be text, json, csv or markdown", kind)
	}
	q := client.ReportRequest{Kind: kind, Organisation: c.String("of"), Within: c.Int("within"),
		Purpose: statedPurpose(c)}
	if c.IsSet("within") && kind != client.Due {
		return usage("--within is only for report due")
	}
	if n := c.Int("within"); n < 0 || n > makes.MaxWithin {
		return usage("--within must be from 0 to %d days", makes.MaxWithin)
	}
	if c.String("from") != "" {
		t, err := timeFlag(c, "from", time.Time{})
		if err != nil {
			return err
		}
		q.From = t.UTC().Format(time.RFC3339)
	}
	if c.String("to") != "" {
		t, err := lastMoment(c, "to")
		if err != nil {
			return err
		}
		q.To = t.UTC().Format(time.RFC3339)
		if q.From >= q.To {
			return usage("--from must be before --to")
		}
	}
	r, err := newRemote(c, signing)
	if err != nil {
		return err
	}
	r.asCaller(c.String("function"))
	made, err := r.export(c.Context, c.String("zone"))
	if err != nil {
		return err
	}
	got, err := r.Report(c.Context, q)
	if err != nil {
		return err
	}
	table := rows(got)
	switch format {
	case "json":
		return printJSON(c.App.Writer, struct {
			exported
			*client.Report
		}{made, got})
	case "csv":
		return printCSV(command.ScreenOf(c), made.columns(table))
	}
	if err := printReport(command.ScreenOf(c), format, got, table); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.App.Writer, made)
	return err
}

func printReport(w command.Screen, format string, got *client.Report, rows [][]string) error {
	if err := tableForms[format](w, rows); err != nil || format == "csv" {
		return err
	}
	n := uint64(len(rows) - 1)
	total := said.Count(plain.TotalReported, got.Seen, "n", fmt.Sprint(n), "of", fmt.Sprint(got.Seen))
	switch {
	case got.Kind == client.Due || got.Kind == client.Drift:
		total = said.Count(plain.TotalFindings, n)
	case got.Kind == client.Attempts:
		total = said.Count(plain.TotalAttempts, n)
	case got.Attempts > 0:
		total += " (" + said.Count(plain.TotalAttempts, got.Attempts) + ")"
	}
	_, err := fmt.Fprintf(w, "\n%s, %s, as of %s\n", total, got.Kind, got.At)
	return err
}

func accessRows(r *client.Report) [][]string {
	rows := [][]string{{"ENTRY", "RECEIVED", "BY", "HOLDER", "SYSTEM", "ROLE", "ACTION", "PURPOSE", "AGREEMENT",
		"RULES", "IN WORDS", "JTI"}}
	for _, a := range r.Accesses {
		rows = append(rows, []string{fmt.Sprint(a.Index), a.Received, accessor(a.Organisation), a.Holder, a.System, reportedRole(&a),
			a.Action, strings.Join(a.Purpose, " "), reportedAgreement(&a),
			strings.Join(a.Verdict.Rules, " "), verdictReasons(&a.Verdict), a.ID})
	}
	return rows
}

// glassRows are accessRows with why the usual limits were overridden.
func glassRows(r *client.Report) [][]string {
	rows := accessRows(r)
	for i := range rows {
		why := "JUSTIFICATION, IN THEIR WORDS"
		if i > 0 {
			why = r.Accesses[i-1].Justification
		}
		rows[i] = slices.Insert(rows[i], len(rows[i])-1, why) // before the jti, by which it is followed up
	}
	return rows
}

// accessor returns the id of an organisation that accessed, and words for one that the ledger does
// not know.
func accessor(id string) string { return cmp.Or(id, said.Text(plain.UnknownOrganisation)) }

func attemptRows(r *client.Report) [][]string {
	rows := [][]string{{"ENTRY", "RECEIVED", "BY", "HOLDER", "SYSTEM", "ROLE", "WHAT", "ACTION", "OUTCOME", "PURPOSE",
		"AGREEMENT", "JTI"}}
	for _, a := range r.Accesses {
		rows = append(rows, []string{fmt.Sprint(a.Index), a.Received, accessor(a.Organisation), a.Holder, a.System, reportedRole(&a),
			string(a.Act), a.Action, said.Outcome(a.Outcome), strings.Join(a.Purpose, " "), reportedAgreement(&a), a.ID})
	}
	return rows
}

func reportedRole(a *client.ReportedAccess) string {
	role := strings.Join(a.Role, " ")
	if a.Machine {
		role = strings.TrimSpace(role + " (machine)")
	}
	return role
}

func reportedAgreement(a *client.ReportedAccess) string {
	if a.Verdict.Agreement == "" {
		return ""
	}
	return fmt.Sprintf("%s version %d", a.Verdict.Agreement, a.Verdict.Version)
}

func dueRows(r *client.Report) [][]string {
	rows := [][]string{{"AGREEMENT", "VERSION", "STATE", "REVIEW DUE", "END", "OVERDUE", "PARTIES", "TITLE"}}
	for _, a := range r.Due {
		overdue := ""
		if a.Overdue {
			overdue = "OVERDUE"
		}
		rows = append(rows, []string{a.ID, fmt.Sprint(a.Version), a.State, a.ReviewDue, a.End, overdue,
			joined(a.Parties), a.Title})
	}
	return rows
}

func driftRows(r *client.Report) [][]string {
	rows := [][]string{{"AGREEMENT", "VERSION", "BY", "FIELD", "NOT IN IT", "ACCESSES", "FIRST", "LAST"}}
	for _, d := range r.Drift {
		code := d.Code
		if code == "" {
			code = "(none stated)"
		}
		rows = append(rows, []string{d.Agreement, fmt.Sprint(d.Version), accessor(d.Organisation), d.Field, code,
			fmt.Sprint(d.Count), fmt.Sprint(d.First), fmt.Sprint(d.Last)})
	}
	return rows
}

// verdictReasons returns the sentences of a verdict without the first, which states the result.
func verdictReasons(v *client.PlainVerdict) string {
	if len(v.Plain) == 0 {
		return ""
	}
	return strings.Join(v.Plain[1:], " ")
}
