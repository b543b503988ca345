package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/ledger/entry"
)

// agreementReading returns the commands that show agreements. They need no key.
func agreementReading() []*cli.Command {
	formatFlag := &cli.StringFlag{Name: "format", Value: "csv", Usage: "csv or json"}
	listFlags := []cli.Flag{
		&cli.StringFlag{Name: "party", Usage: "only agreements to which this organisation is a party"},
		&cli.StringFlag{Name: "state",
			Usage: "only agreements in this state: proposed, approved, in-force, under-review, suspended, " +
				"withdrawn, terminated, superseded or expired"},
	}
	return []*cli.Command{
		{
			Name:        "list",
			Usage:       "list agreements and their states",
			Description: "Example: igledger agreement list --party NHSL --state in-force",
			Flags:       remoteFlags(listFlags...),
			Action:      func(c *cli.Context) error { return listAgreements(c, 0) },
		},
		{
			Name:  "due",
			Usage: "list agreements that are due for review or end soon",
			Description: "Exits with 1 if a review is overdue.\n\n" +
				"Example: igledger agreement due --within 90d --party NHSL",
			Flags: remoteFlags(append(listFlags,
				&cli.StringFlag{Name: "within", Value: "90d", Usage: "days from now, such as 90d"})...),
			Action: dueAgreements,
		},
		{
			Name:      "show",
			Usage:     "show an agreement: its text, state and signatures",
			ArgsUsage: "ID",
			Description: "Shows what the ledger says; agreement verify proves it. --json prints every field of\n" +
				"every version.\n\n" +
				"Example: igledger agreement show isa-2027-001",
			Flags:  remoteFlags(&cli.Uint64Flag{Name: "version", Usage: "version to show (default: the current one)"}),
			Action: showAgreement,
		},
		{
			Name:        "history",
			Usage:       "list every entry about an agreement",
			ArgsUsage:   "ID",
			Description: "Example: igledger agreement history isa-2027-001",
			Flags:       remoteFlags(),
			Action: func(c *cli.Context) error {
				a, err := oneAgreement(c)
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return printJSON(c.App.Writer, a.History)
				}
				var list []agreementEvent
				for _, e := range a.History {
					list = append(list, agreementEvent{Index: e.Index, Signed: e.At, By: e.Organisation, KID: e.KID,
						Version: e.Version, What: whatOf(e), Reason: e.Reason})
				}
				return printHistory(command.ScreenOf(c), list)
			},
		},
		{
			Name:  "export",
			Usage: "export agreements for a spreadsheet or another register",
			Description: "CSV has one line for each agreement, in its current version. JSON has every version with\n" +
				"its text, signatures and acts.\n\n" +
				"Example: igledger agreement export --format csv > agreements.csv",
			Flags:  remoteFlags(append(listFlags, formatFlag)...),
			Action: exportAgreements,
		},
		verifyAgreementCommand(),
	}
}

func whatOf(e client.AgreementEntry) string {
	switch entry.Type(e.Type) {
	case entry.TypeAgreement:
		return "proposed"
	case entry.TypeAgreementSignature:
		return "signed"
	}
	return e.Act
}

func oneAgreement(c *cli.Context) (*client.Agreement, error) {
	if c.NArg() != 1 {
		return nil, usage("%s: give one ID", c.Command.FullName())
	}
	r, err := newRemote(c, anybody)
	if err != nil {
		return nil, err
	}
	return r.agreement(c.Context, c.Args().First())
}

// agreement asks the ledger for an agreement and checks that the answer is complete.
func (r *remote) agreement(ctx context.Context, id string) (*client.Agreement, error) {
	a, err := r.Agreement(ctx, id)
	var p *client.Problem
	if errors.As(err, &p) && p.Code() == "not-found" {
		return nil, r.noAgreement(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	whole := a.ID == id && a.Version > 0 && a.Version <= uint64(len(a.Versions))
	for i, v := range a.Versions {
		whole = whole && v.Version == uint64(i)+1 && v.Text != nil
	}
	if !whole {
		return nil, refused("the ledger's answer about agreement %s is incomplete", id)
	}
	return a, nil
}

// noAgreement says that the log has no agreement with an id, and which it has that are spelt nearly
// the same.
func (r *remote) noAgreement(ctx context.Context, id string) error {
	text := fmt.Sprintf("the log has no agreement %s", id)
	list, err := r.Agreements(ctx, client.AgreementQuery{})
	if err != nil {
		return refused("%s", text)
	}
	for _, a := range list.Agreements {
		if plainID(a.ID) == plainID(id) {
			return refused("%s; did you mean %s?", text, a.ID)
		}
	}
	return refused("%s; igledger agreement list shows all that it has", text)
}

var zeros = regexp.MustCompile(`(^|[^0-9])0+([0-9])`)

// plainID is an id without what people write in one way or another: capitals, separators, leading
// zeros.
func plainID(id string) string {
	return strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(zeros.ReplaceAllString(id, "$1$2")))
}

// queryAgreements asks for a list of agreements, after before, which may be nil.
func queryAgreements(c *cli.Context, days int, before func(*remote) error) (*remote, []client.AgreementSummary, error) {
	if s := consent.State(c.String("state")); s != "" && !slices.Contains(consent.States(), s) {
		return nil, nil, usage("--state must be one of the states that --help lists")
	}
	r, err := newRemote(c, anybody)
	if err != nil {
		return nil, nil, err
	}
	if before != nil {
		if err := before(r); err != nil {
			return nil, nil, err
		}
	}
	list, err := r.Agreements(c.Context, client.AgreementQuery{Party: c.String("party"),
		State: c.String("state"), Due: days})
	if err != nil {
		return nil, nil, err
	}
	if org := c.String("party"); org != "" && len(list.Agreements) == 0 {
		orgs, err := r.organisations(c)
		if err != nil {
			return nil, nil, err
		}
		if !slices.Contains(orgs, org) {
			return nil, nil, refused("--party: %s is no organisation of this log%s", org, command.Meant(org, orgs))
		}
	}
	return r, list.Agreements, nil
}

func listAgreements(c *cli.Context, days int) error {
	_, list, err := queryAgreements(c, days, nil)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, list)
	}
	rows := [][]string{{"ID", "VERSION", "STATE", "PARTIES", "PURPOSES", "START", "END", "REVIEW DUE", "TITLE"}}
	for _, a := range list {
		version := fmt.Sprint(a.Version)
		if a.Newest > a.Version {
			version += fmt.Sprintf(" (then %d)", a.Newest)
		}
		state := a.State
		if len(a.Missing) > 0 && state == "proposed" {
			state += ", to be signed by " + joined(a.Missing)
		}
		rows = append(rows, []string{a.ID, version, state, joined(a.Parties), joined(a.Purposes), a.Start, a.End,
			a.ReviewDue, a.Title})
	}
	return command.ScreenOf(c).Table(rows)
}

func dueAgreements(c *cli.Context) error {
	var days int
	within, _ := strings.CutSuffix(c.String("within"), "d")
	if _, err := fmt.Sscanf(within, "%d", &days); err != nil || fmt.Sprint(days) != within || days < 1 {
		return usage("--within: give a number of days, such as 90d")
	}
	_, list, err := queryAgreements(c, days, nil)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = printJSON(c.App.Writer, list)
	} else {
		rows := [][]string{{"ID", "STATE", "REVIEW DUE", "END", "PARTIES", "TITLE"}}
		for _, a := range list {
			rows = append(rows, []string{a.ID, a.State, a.ReviewDue, a.End, joined(a.Parties), a.Title})
		}
		err = command.ScreenOf(c).Table(rows)
	}
	if err != nil {
		return err
	}
	overdue := 0
	for _, a := range list {
		if a.ReviewDue < time.Now().UTC().Format(time.DateOnly) {
			overdue++
		}
	}
	if overdue > 0 {
		return refused("reviews overdue: %d of %s", overdue, counted(len(list), "agreement", "agreements"))
	}
	return nil
}

func showAgreement(c *cli.Context) error {
	a, err := oneAgreement(c)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, a)
	}
	version := a.Version
	if c.IsSet("version") {
		version = c.Uint64("version")
	}
	w := c.App.Writer
	newest := uint64(len(a.Versions))
	if version == 0 || version > newest {
		return refused("%s has no version %d; the newest is %d", a.ID, version, newest)
	}
	v := a.Versions[version-1]
	if err := describeAgreement(command.ScreenOf(c), v.Text); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nstate: %s\nproposed by %s in entry %d\n", v.State, v.By, v.Index)
	for _, s := range v.Signatures {
		fmt.Fprintf(w, "signed by %s in entry %d (%s), key %s\n", s.Organisation, s.Index, s.At, s.KID)
	}
	if len(v.Missing) > 0 {
		fmt.Fprintf(w, "not yet signed by %s\n", joined(v.Missing))
	}
	if len(v.Suspended) > 0 {
		fmt.Fprintf(w, "suspended by %s\n", joined(v.Suspended))
	}
	if version < newest {
		fmt.Fprintf(w, "version %d exists; to show it: igledger agreement show --version %d %s\n", newest, newest, a.ID)
	}
	return nil
}

func exportAgreements(c *cli.Context) error {
	format := c.String("format")
	if c.Bool("json") {
		format = "json"
	}
	if format != "csv" && format != "json" {
		return usage("--format must be csv or json")
	}
	var made exported
	r, list, err := queryAgreements(c, 0, func(r *remote) (err error) {
		made, err = r.export(c.Context, "UTC") // days of agreements are UTC
		return err
	})
	if err != nil {
		return err
	}
	whole := make([]*client.Agreement, len(list))
	for i, s := range list {
		whole[i], err = r.agreement(c.Context, s.ID)
		if err != nil {
			return err
		}
	}
	if format == "json" {
		return printJSON(c.App.Writer, struct {
			exported
			Agreements []*client.Agreement `json:"agreements"`
		}{made, whole})
	}
	rows := [][]string{{"id", "version", "state", "tier", "title", "parties", "controllers", "purposes", "legalBasis",
		"legalPower", "data", "roles", "start", "end", "reviewDue",
		"dpia", "dpiaDate", "approvals", "privacyNotice", "rightsContact", "breachContact", "proposedAt", "signedAt"}}
	for _, a := range whole {
		rows = append(rows, agreementRow(a, &a.Versions[a.Version-1]))
	}
	return printCSV(command.ScreenOf(c), made.columns(rows))
}

func agreementRow(a *client.Agreement, v *client.AgreementVersion) []string {
	t := v.Text
	var controllers, purposes, data, approvals, signed []string
	for _, p := range t.Parties {
		if strings.Contains(p.Role, "controller") {
			controllers = append(controllers, p.Org)
		}
	}
	for _, p := range t.Purposes {
		purposes = append(purposes, p.Code)
	}
	for _, d := range t.Data {
		data = append(data, d.Codes...)
	}
	for _, x := range t.Approvals {
		approvals = append(approvals, x.Body+" "+x.Reference)
	}
	for _, s := range v.Signatures {
		signed = append(signed, fmt.Sprintf("%s:%d", s.Organisation, s.Index))
	}
	words := func(list []string) string { return strings.Join(list, " ") }
	return []string{a.ID, fmt.Sprint(a.Version), a.State, t.Tier, t.Title, words(t.Organisations()),
		words(controllers), words(purposes), basis(t.Article6, t.Article9), t.Power,
		words(data), words(t.Roles), t.Start, t.End, t.ReviewDue, t.DPIA.Reference, t.DPIA.Date,
		strings.Join(approvals, "; "), t.Notice.URL, t.Rights, t.Breach,
		fmt.Sprint(v.Index), words(signed)}
}

func listRequests(c *cli.Context) error {
	r, err := newRemote(c, anybody)
	if err != nil {
		return err
	}
	list, err := r.SharingRequests(c.Context)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, list)
	}
	rows := [][]string{{"ID", "BY", "OF", "ASKED", "CODES", "DATA", "PURPOSE", "NEEDED", "ANSWER", "REASONS"}}
	for _, q := range list {
		answer, reasons := "open", ""
		if q.Answer != nil {
			answer, reasons = fmt.Sprintf("%s in entry %d", q.Answer.Decision, q.Answer.Index), q.Answer.Reasons
		}
		rows = append(rows, []string{q.ID, q.Organisation, q.Holder, fmt.Sprintf("entry %d, %s", q.Index, q.At),
			joined(q.Codes), q.Data, q.Purpose, q.Needed, answer, reasons})
	}
	return command.ScreenOf(c).Table(rows)
}
