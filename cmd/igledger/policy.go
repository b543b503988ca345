package main

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"igledger/internal/command"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies"
)

func policyCommand() *cli.Command {
	return &cli.Command{
		Name:  "policy",
		Usage: "the rules by which every access is judged",
		Subcommands: []*cli.Command{
			{
				Name:  "show",
				Usage: "list the policy sets of a log, and the rules of one set in plain words",
				Description: "--text prints the Cedar text, as the start of a new set. --built-in needs no ledger.\n\n" +
					"Example: igledger policy show --text > set-1.cedar",
				Flags: remoteFlags(
					&cli.Uint64Flag{Name: "version", Usage: "set to show (default: the one in use)"},
					&cli.BoolFlag{Name: "text", Usage: "print only the Cedar text"},
					&cli.BoolFlag{Name: "built-in", Usage: "show the set that is built into this command"},
				),
				Action: showPolicies,
			},
			{
				Name:      "check",
				Usage:     "check a policy set in a file, without a ledger",
				ArgsUsage: "FILE or -",
				Description: "Exits with 1 if the ledger would refuse the set, and shows the wrong line.\n" +
					"docs/POLICIES.md explains how to write a set.\n\n" +
					"Example: igledger policy check set-1.cedar",
				Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print as JSON"}},
				Action: func(c *cli.Context) error {
					set, err := policyFile(c, 1)
					if err != nil {
						return err
					}
					return printSet(c, set)
				},
			},
			{
				Name:      "put",
				Usage:     "as a registrar: start using a policy set for all later entries",
				ArgsUsage: "FILE or -",
				Description: "The set replaces the whole set in use. Earlier verdicts do not change.\n\n" +
					"Example: igledger policy put --org SG --key sg.jwk --reason 'no research by machines' set-1.cedar",
				Flags: remoteFlags(
					&cli.StringFlag{Name: "reason", Required: true, Usage: "reason in words; public"},
					&cli.Uint64Flag{Name: "version",
						Usage: "version of the set; the ledger refuses it if another set took that version first " +
							"(default: the next)"},
					&cli.StringSliceFlag{Name: "terminology",
						Usage: "`FILE` of code systems on which verdicts are to rest; every server and every auditor needs it; " +
							"join several by +"},
				),
				Action: putPolicies,
			},
		},
	}
}

func policyFile(c *cli.Context, version uint64) (*policies.Set, error) {
	if c.NArg() != 1 {
		return nil, usage("%s: give one FILE, or - for standard input", c.Command.FullName())
	}
	path := c.Args().First()
	data, err := readText(c, path)
	if err != nil {
		return nil, fmt.Errorf("reading the policies: %w", err)
	}
	set, err := policies.Compile(version, string(data))
	var wrong *policies.PolicyError
	if errors.As(err, &wrong) {
		return nil, refused("%s: %w", path, err)
	}
	return set, err
}

// ruleWords is a rule in plain words.
type ruleWords struct {
	ID    string `json:"id"`
	Plain string `json:"plain"`
}

func printSet(c *cli.Context, set *policies.Set) error {
	var list []ruleWords
	rows := [][]string{{"RULE", "IN WORDS"}}
	for _, id := range set.IDs() {
		list = append(list, ruleWords{id, set.Plain(id)})
		rows = append(rows, []string{id, set.Plain(id)})
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, list)
	}
	return command.ScreenOf(c).Table(rows)
}

func showPolicies(c *cli.Context) error {
	if c.Bool("built-in") {
		if c.Bool("text") {
			_, err := fmt.Fprint(c.App.Writer, policies.BuiltIn().Text())
			return err
		}
		return printSet(c, policies.BuiltIn())
	}
	r, err := newRemote(c, anybody)
	if err != nil {
		return err
	}
	p, err := r.Policies(c.Context)
	if err != nil {
		return err
	}
	version := p.InUse
	if c.IsSet("version") {
		version = c.Uint64("version")
	}
	if version >= uint64(len(p.Sets)) {
		return refused("there is no policy set %d; the newest is %d", version, p.InUse)
	}
	s := p.Sets[version]
	if sha256.Sum256([]byte(s.Text)) != s.Hash {
		return refused("policy set %d from the ledger does not match its hash", version)
	}
	if c.Bool("text") {
		_, err := fmt.Fprint(c.App.Writer, s.Text)
		return err
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, p)
	}
	rows := [][]string{{"VERSION", "ENTRY", "BY", "AT", "SHA-256", "REASON"}}
	for _, s := range p.Sets {
		row := []string{fmt.Sprint(s.Version), "built in", s.Organisation, s.At, fmt.Sprintf("%x", s.Hash), s.Reason}
		if s.Version > 0 {
			row[1] = fmt.Sprint(s.Index)
		}
		if s.Version == p.InUse {
			row[0] += ", in use"
		}
		rows = append(rows, row)
	}
	if err := command.ScreenOf(c).Table(rows); err != nil {
		return err
	}
	set, err := policies.Compile(version, s.Text)
	if err != nil {
		return refused("policy set %d: %w", version, err)
	}
	for _, file := range s.Terminology {
		fmt.Fprintf(c.App.Writer, "\nVersion %d rests on the code systems in the file with SHA-256 %x.\n", version, file[:])
	}
	fmt.Fprintf(c.App.Writer, "\nThe rules of version %d:\n", version)
	return printSet(c, set)
}

func putPolicies(c *cli.Context) error {
	version := max(c.Uint64("version"), 1)
	set, err := policyFile(c, version)
	if err != nil {
		return err
	}
	r, err := newRemote(c, signing)
	if err != nil {
		return err
	}
	if !c.IsSet("version") {
		p, err := r.Policies(c.Context)
		if err != nil {
			return err
		}
		version = p.InUse + 1
	}
	codes, err := codesOf(c)
	if err != nil {
		return err
	}
	if len(codes) > 1 {
		return usage("--terminology: join the files of one set by +")
	}
	var files []wire.Hash
	for _, x := range codes {
		files = x.Files()
	}
	text := set.Text()
	res, err := r.submit(c.Context, &entry.PolicySet{Common: r.common(), Version: version, Schema: entry.SchemaV1,
		Text: text, Hash: sha256.Sum256([]byte(text)), Reason: c.String("reason"),
		Terminology: files})
	if err != nil {
		return err
	}
	return printFollows(c, res, fmt.Sprintf("in use: policy set %d judges accesses after entry %d; earlier verdicts do not change", version,
		res.Index))
}
