package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/consent/draft"
	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/ledger/entry"
)

func agreementCommand() *cli.Command {
	return &cli.Command{
		Name:  "agreement",
		Usage: "data-sharing agreements: write, propose, sign, change, look up, prove",
		Subcommands: append([]*cli.Command{
			newAgreementCommand(),
			checkAgreementCommand(),
			agreementSchemaCommand(),
			proposeAgreementCommand(),
			signCommand(),
			agreementActCommand(),
		}, agreementReading()...),
	}
}

func newAgreementCommand() *cli.Command {
	return &cli.Command{
		Name:      "new",
		Usage:     "write a template to fill in, or the next version of an agreement",
		ArgsUsage: "FILE or -",
		Description: "Never overwrites a file. The template is YAML with a comment on each field.\n" +
			"With --amend the file contains the newest version of an agreement in the log, numbered as the\n" +
			"version after it. Its start is the first day on which it can begin.\n\n" +
			"Example: igledger agreement new isa-2027-001.yaml\n" +
			"Example: igledger agreement new --amend isa-2027-001 isa-2027-001-v2.yaml",
		Flags:  remoteFlags(&cli.StringFlag{Name: "amend", Usage: "`ID` of the agreement to start from"}),
		Action: newAgreement,
	}
}

func checkAgreementCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "check an agreement in a file, without a ledger",
		ArgsUsage: "FILE or -",
		Description: "For each field that is missing or wrong, or still says what the template says, says what to\n" +
			"write there, and exits with 1.\n\n" +
			"Example: igledger agreement check isa-2027-001.yaml",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print the agreement as it would be signed, or the problems, as JSON"},
		},
		Action: checkAgreement,
	}
}

func checkAgreement(c *cli.Context) error {
	t, err := readAgreement(c, draft.Check)
	var wrong *draft.Error
	if c.Bool("json") && errors.As(err, &wrong) {
		n := len(wrong.Problems)
		return errors.Join(printJSON(c.App.Writer, wrong.Problems),
			refused("%s to correct", counted(n, "field", "fields")))
	}
	if err != nil {
		return err
	}
	if err := timely(c, t); err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, t)
	}
	if err := describeAgreement(command.ScreenOf(c), t); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.App.Writer,
		"\nThe agreement is well-formed. The ledger will also check that the parties are registered.")
	return err
}

// timely refuses an agreement that is over before it is proposed, as the ledger would, and says if
// its review is overdue already. Days are in UTC.
func timely(c *cli.Context, t *entry.AgreementText) error {
	today := time.Now().UTC().Format(time.DateOnly)
	if t.End < today { // days sort as texts
		return refused("%s: its last day, %s, is over", t.ID, t.End)
	}
	if t.ReviewDue < today {
		fmt.Fprintf(c.App.ErrWriter, "igledger: %s: its review was due on %s, so it is overdue from the first day\n", t.ID, t.ReviewDue)
	}
	return nil
}

func agreementSchemaCommand() *cli.Command {
	return &cli.Command{
		Name:        "schema",
		Usage:       "print the JSON Schema of agreements, for editors and other systems",
		Description: "Example: igledger agreement schema > agreement.schema.json",
		Action: func(c *cli.Context) error {
			_, err := c.App.Writer.Write(draft.Schema())
			return err
		},
	}
}

func proposeAgreementCommand() *cli.Command {
	return &cli.Command{
		Name:      "propose",
		Usage:     "as a controller: propose a version of an agreement, for all parties to sign",
		ArgsUsage: "FILE or -",
		Description: "Needs a key for agreements. A proposal is not your organisation's signature: use sign\n" +
			"for that. The proposal is public for ever, so it must not name a person.\n\n" +
			"Example: igledger agreement propose --org NHSL --key lothian-agreements.jwk " +
			"isa-2027-001.yaml",
		Flags:  remoteFlags(),
		Action: proposeAgreement,
	}
}

func proposeAgreement(c *cli.Context) error {
	t, err := readAgreement(c, draft.Check)
	if err != nil {
		return err
	}
	if err := timely(c, t); err != nil {
		return err
	}
	r, err := newRemote(c, signing)
	if err != nil {
		return err
	}
	res, err := r.submit(c.Context, &entry.Agreement{Common: r.common(), Agreement: *t})
	if err != nil {
		return err
	}
	return r.printActed(c, res, t.ID, t.Version, "is proposed; to sign: "+strings.Join(t.Organisations(), ", "))
}

func agreementActCommand() *cli.Command {
	return &cli.Command{
		Name:      "act",
		Usage:     "as a party: change the state of an agreement",
		ArgsUsage: "ID ACT",
		Description: "ACT is one of\n" +
			"  review     start a review; the agreement stays in force\n" +
			"  confirm    end the review; the agreement continues\n" +
			"  suspend    the agreement covers nothing until the organisation that suspended it resumes it\n" +
			"  resume     end your organisation's suspension\n" +
			"  terminate  end the agreement; a controller may do so at any time\n" +
			"  withdraw   take back a version that is not yet in force\n" +
			"The act applies to entries that the log takes after it.\n\n" +
			"Example: igledger agreement act --org NHSL --key lothian-agreements.jwk isa-2027-001 suspend " +
			"--reason 'breach under investigation'",
		Flags: remoteFlags(
			command.YesFlag(),
			&cli.StringFlag{Name: "reason", Required: true,
				Usage: "the reason in words; public, so it must not name a person"},
			&cli.Uint64Flag{Name: "version",
				Usage: "version to act on (default: the current one; for withdraw the newest)"},
		),
		Action: actOnAgreement,
	}
}

// readAgreement reads the file that is the only argument.
func readAgreement(c *cli.Context, read agreementReader) (*entry.AgreementText, error) {
	if c.NArg() != 1 {
		return nil, usage("%s: give one FILE, or - for standard input", c.Command.FullName())
	}
	return agreementFile(c, c.Args().First(), read)
}

// agreementReader is draft.Check for what is to be proposed, draft.Read for what was proposed
// before.
type agreementReader func([]byte) (*entry.AgreementText, error)

func agreementFile(c *cli.Context, path string, read agreementReader) (*entry.AgreementText, error) {
	data, err := fileOrStdin(c, path)
	if err != nil {
		return nil, fmt.Errorf("reading the agreement: %w", err)
	}
	t, err := read(data)
	if err != nil {
		return nil, refused("%s:\n%w", path, err)
	}
	return t, nil
}

func newAgreement(c *cli.Context) error {
	if c.NArg() != 1 {
		return usage("agreement new: give one FILE, or - for standard output")
	}
	text := draft.Template()
	if id := c.String("amend"); id != "" {
		r, err := newRemote(c, anybody)
		if err != nil {
			return err
		}
		a, err := r.agreement(c.Context, id)
		if err != nil {
			return err
		}
		text, err = nextVersion(a, time.Now())
		if err != nil {
			return err
		}
	}
	path := c.Args().First()
	if path == "-" {
		_, err := c.App.Writer.Write(text)
		return err
	}
	if err := command.WriteNew(path, text, true); err != nil {
		return err
	}
	return output(c, map[string]string{"file": path},
		"%s written. Fill it in, then run: igledger agreement check %s\n", path, path)
}

// nextVersion writes the newest version of an agreement as the start of the next, which says how
// its days were moved.
func nextVersion(a *client.Agreement, now time.Time) ([]byte, error) {
	var agreed []*entry.AgreementText
	for _, v := range a.Versions {
		if len(v.Missing) == 0 && v.State != "withdrawn" {
			agreed = append(agreed, v.Text)
		}
	}
	old := a.Versions[len(a.Versions)-1].Text
	t := draft.Amend(old, agreed, now)
	text, err := draft.YAML(t)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("# Version %d of %s. Change what is to change.\n", t.Version, t.ID)
	for _, day := range [][3]string{{"start", old.Start, t.Start}, {"end", old.End, t.End}, {"reviewDue", old.ReviewDue, t.ReviewDue}} {
		if day[1] != day[2] {
			head += fmt.Sprintf("# %s was %s, which a version that is signed from now on cannot have; it is now %s.\n", day[0], day[1], day[2])
		}
	}
	return append([]byte(head), text...), nil
}

func actOnAgreement(c *cli.Context) error {
	if c.NArg() != 2 {
		return usage("agreement act: give an ID and an ACT, one of %s", strings.Join(entry.AgreementActs, ", "))
	}
	id, act := c.Args().Get(0), c.Args().Get(1)
	if !slices.Contains(entry.AgreementActs, act) {
		return usage("agreement act: the ACT must be one of %s", strings.Join(entry.AgreementActs, ", "))
	}
	if act == "suspend" || act == "terminate" || act == "withdraw" {
		if err := command.Confirm(c, "agreement act "+act, id); err != nil {
			return err
		}
	}
	r, err := newRemote(c, signing)
	if err != nil {
		return err
	}
	version := c.Uint64("version")
	if version == 0 {
		a, err := r.agreement(c.Context, id)
		if err != nil {
			return err
		}
		version = a.Version
		if act == "withdraw" {
			version = uint64(len(a.Versions))
		}
	}
	res, err := r.submit(c.Context, &entry.AgreementAct{Common: r.common(), Agreement: id, Version: version, Act: act,
		Reason: c.String("reason")})
	if err != nil {
		return err
	}
	return r.printActed(c, res, id, version, "("+act+")")
}

// describeAgreement prints what an officer reads before signing. It contains every field of the
// text that decides whether an access is covered; show --json prints all fields.
func describeAgreement(w command.Screen, t *entry.AgreementText) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s version %d (%s): %s\n", t.ID, t.Version, t.Tier, line(t.Title))
	var pairs [][2]string
	row := func(name, format string, args ...any) {
		pairs = append(pairs, [2]string{name, fmt.Sprintf(format, args...)})
	}
	for i, p := range t.Parties {
		row(first(i, "Parties"), "%s, %s", p.Org, p.Role)
	}
	for i, p := range t.Purposes {
		row(first(i, "Purposes"), "%s: %s", p.Code, p.Text)
	}
	row("Legal basis", "UK GDPR %s; %s", basis(t.Article6, t.Article9), t.Power)
	for i, d := range t.Data {
		codes := "not limited to codes"
		if len(d.Codes) > 0 {
			codes = strings.Join(d.Codes, " ")
		}
		row(first(i, "Data"), "%s (%s)", d.Text, codes)
	}
	row("People", "%s", t.Subjects)
	for i, f := range t.Flows {
		row(first(i, "Flows"), "%s to %s: %s", f.From, f.To, f.How)
	}
	if len(t.Roles) > 0 {
		row("Roles", "%s", strings.Join(t.Roles, " "))
	} else {
		row("Roles", "every role")
	}
	if len(t.Transfers) > 0 {
		row("Outside the UK", "%s", strings.Join(t.Transfers, " "))
	}
	row("Impact assessment", "%s of %s", t.DPIA.Reference, t.DPIA.Date)
	for i, a := range t.Approvals {
		row(first(i, "Approvals"), "%s %s of %s", a.Body, a.Reference, a.Date)
	}
	row("Privacy notice", "%s, SHA-256 %x", t.Notice.URL, t.Notice.Hash)
	if t.Under != "" {
		row("Implements", "%s", t.Under)
	}
	if len(t.Supersedes) > 0 {
		row("Replaces", "%s, when it comes into force", strings.Join(t.Supersedes, ", "))
	}
	row("In force", "%s to %s, review due %s", t.Start, t.End, t.ReviewDue)
	if err := (command.Screen{Writer: &b, Width: w.Width, Colour: w.Colour}).Pairs("  ", pairs); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

func first(i int, name string) string {
	if i == 0 {
		return name
	}
	return ""
}

func basis(article6, article9 []string) string {
	var parts []string
	for _, a := range article6 {
		parts = append(parts, "Article 6(1)("+a+")")
	}
	for _, a := range article9 {
		parts = append(parts, "Article 9(2)("+a+")")
	}
	return strings.Join(parts, ", ")
}

// line puts a text from another organisation on one line and removes control characters, so that it
// cannot imitate other output in a table or on a terminal.
func line(s string) string { return command.Line(s) }
