package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"igledger/consent"
	"igledger/ledger/entry"
)

func delegationCommand() *cli.Command {
	return &cli.Command{
		Name:  "delegation",
		Usage: "who may act for a person: a carer, parent, guardian, attorney",
		Subcommands: []*cli.Command{
			{
				Name:  "grant",
				Usage: "state that somebody may act for a person, until a day",
				Description: "From standard input comes the person's id, on a second line the id of who acts for her, on a third, if it is to be kept, that one's name, and on a fourth the person's\n" +
					"birth date, where it is needed: so they stand in no list of processes. Prints the id of the delegation, which acts through it name. Look at the deed or order first and give its reference.\n" +
					"Without --evidence it can only be for a child, as a parent acts for it, and only until the age at which the law presumes that people decide for themselves. A CHI number does\n" +
					"not say the century and other ids no birth date: then the fourth line, as 2020-01-31, does. It is not sent.\n\n" +
					"Example: igledger delegation grant --org NHSL --key lothian-agreements.jwk --kind HPOWATT --scope access --scope consent --until 2029-12-31 \\\n" +
					"  --basis 'Adults with Incapacity (Scotland) Act 2000' --evidence OPG-2026-1234 --office 'Office of the Public Guardian (Scotland)' < two-ids.txt",
				Flags: remoteFlags(
					&cli.StringFlag{Name: "kind", Required: true, Usage: "what the delegate is: GUARD, RESPRSN, POWATT, HPOWATT, DPOWATT, SPOWATT, GUADLTM, NOK, AGNT or DELEGATEE (v3-RoleCode)"},
					&cli.StringSliceFlag{Name: "scope", Required: true, Usage: "access, consent or question; may be given again"},
					&cli.StringFlag{Name: "start", Usage: "day or RFC 3339 time (default: now)"},
					&cli.StringFlag{Name: "until", Required: true, Usage: "last day, or RFC 3339 time: authority to act for somebody always ends"},
					&cli.StringFlag{Name: "basis", Usage: "the law or deed it rests on"},
					&cli.StringFlag{Name: "evidence", Usage: "reference of the deed, order or certificate that was seen"},
					&cli.StringFlag{Name: "office", Usage: "where it is registered"},
					&cli.IntFlag{Name: "capacity-age", Value: 12, EnvVars: []string{"IGLEDGER_CAPACITY_AGE"}, Usage: "from which birthday on a person is presumed to decide for herself (Scotland: 12)"},
				),
				Action: grantDelegation,
			},
			{
				Name:        "revoke",
				Usage:       "state that a delegation has ended",
				ArgsUsage:   "DELEGATION",
				Description: "The person's id is read from standard input.\n\nExample: igledger delegation revoke --org NHSL --key lothian-agreements.jwk 0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11 < id.txt",
				Flags:       remoteFlags(idFlag()),
				Action: func(c *cli.Context) error {
					if c.NArg() != 1 {
						return usage("delegation revoke wants the id that grant printed")
					}
					r, err := newRemote(c, signing)
					if err != nil {
						return err
					}
					id, err := readID(c)
					if err != nil {
						return err
					}
					return r.state(c, &entry.Delegation{Common: r.common(), Delegation: c.Args().First(), Act: "revoked", Sub: id}, c.Args().First())
				},
			},
		},
	}
}

func idFlag() cli.Flag {
	return &cli.StringFlag{Name: "id", Usage: "the person's id; other users of this machine may see it in the list of processes"}
}

func grantDelegation(c *cli.Context) error {
	if c.NArg() > 0 {
		return usage("delegation grant takes no arguments; ids come from standard input")
	}
	now := time.Now().UTC()
	start, err := timeFlag(c, "start", now)
	if err != nil {
		return err
	}
	end, err := lastMoment(c, "until")
	if err != nil {
		return err
	}
	r, err := newRemote(c, signing)
	if err != nil {
		return err
	}
	lines, err := readLines(c, "the person's id", "the id of who acts", "name of who acts (may be left empty)", "the person's birth date, if her id does not say it (may be left empty)")
	if err != nil {
		return err
	}
	for _, id := range lines[:2] {
		if err := entry.CheckID(id); err != nil {
			return usage("%v", err)
		}
	}
	d := &entry.Delegation{Common: r.common(), Delegation: uuid.NewString(), Act: "granted", Kind: c.String("kind"), Scope: sorted(c.StringSlice("scope")),
		Start: start.Format(time.RFC3339), End: end.Format(time.RFC3339), Basis: c.String("basis"), Sub: lines[0], Delegate: &entry.Delegate{ID: lines[1], Name: lines[2]}}
	if ref := c.String("evidence"); ref != "" {
		d.Evidence = &entry.DelegationEvidence{Reference: ref, Seen: now.Format(time.RFC3339), Office: c.String("office")}
	} else if c.String("office") != "" {
		return usage("--office goes with --evidence")
	} else if err := parental(c, d.Sub, lines[3], now, end); err != nil {
		return err
	}
	return r.state(c, d, d.Delegation)
}

// parental refuses what a parent may not do: act for somebody who is presumed to decide for herself.
func parental(c *cli.Context, id, birthday string, now, end time.Time) error {
	born, ok := consent.Born(id, now)
	if birthday != "" {
		var err error
		born, err = time.Parse(time.DateOnly, birthday)
		if err != nil {
			return usage("the birth date wants the form 2020-01-31")
		}
		ok = true
	}
	age := c.Int("capacity-age")
	switch {
	case age <= 0:
		return usage("--capacity-age must be above 0")
	case !ok:
		return usage("without --evidence of an authority it can only be a child's parent who acts, and the id does not say when the person was born: give --evidence, or the birth date on the fourth line")
	case consent.PresumedCapable(born, end, age):
		return usage("from the age of %d on a person is presumed to decide for herself: end it by that birthday with --until, or give the --evidence of an authority", age)
	}
	return nil
}

// sorted gives the set of a flag's values as entries want it.
func sorted(list []string) []string {
	list = slices.Sorted(slices.Values(list))
	return slices.Compact(list)
}

// lastMoment reads a flag that names a day, to its end, or a time.
func lastMoment(c *cli.Context, name string) (time.Time, error) {
	t, err := timeFlag(c, name, time.Time{})
	if err == nil && len(c.String(name)) == len(time.DateOnly) {
		t = t.AddDate(0, 0, 1)
	}
	return t, err
}

// readLines reads a line for each prompt from standard input; lines that are not there are empty.
func readLines(c *cli.Context, prompts ...string) ([]string, error) {
	f, ok := c.App.Reader.(*os.File)
	ask := ok && term.IsTerminal(int(f.Fd()))
	in := bufio.NewReader(io.LimitReader(c.App.Reader, 4096))
	lines := make([]string, len(prompts))
	for i, p := range prompts {
		if ask {
			fmt.Fprintf(c.App.ErrWriter, "%s: ", p)
		}
		text, err := in.ReadString('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("reading standard input: %w", err)
		}
		lines[i] = strings.TrimSpace(text)
	}
	return lines, nil
}

// stated is the answer to a sealed entry about a person: where it stands, and the id by which later entries name what it began.
type stated struct {
	ID    string       `json:"id"`
	Index uint64       `json:"index"`
	Flags []entry.Flag `json:"flags,omitempty"`
}

// state signs and submits a sealed entry and prints the id of what it is about.
func (r *remote) state(c *cli.Context, body entry.Body, id string) error {
	res, err := r.submit(c.Context, body)
	if err != nil {
		return err
	}
	for _, f := range res.Flags {
		fmt.Fprintf(c.App.ErrWriter, "igledger: %s\n", line(said.FlagAdvice(f)))
	}
	return output(c, stated{id, res.Index, res.Flags}, "%s\nentry %d: %s\n", id, res.Index, res.Status)
}
