package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"igledger/consent"
	"igledger/internal/command"
	"igledger/ledger/entry"
)

func delegationCommand() *cli.Command {
	return &cli.Command{
		Name:  "delegation",
		Usage: "who may act for a person: a carer, parent, guardian, attorney",
		Subcommands: []*cli.Command{
			{
				Name:  "grant",
				Usage: "record that a delegate may act for a person, until a given day",
				Description: "Reads up to four lines from standard input, so that no id appears in a list of\n" +
					"processes:\n" +
					"  1  the person's id\n" +
					"  2  the delegate's id\n" +
					"  3  the delegate's name, if the log should keep it\n" +
					"  4  the person's birth date, such as 2020-01-31, if it is needed; it is not sent\n" +
					"Prints the id of the delegation. Every act of the delegate must name it. First look at\n" +
					"the deed or order, and give its reference with --evidence. Without --evidence the\n" +
					"delegate can only be the parent of a child, and only until the age from which the law presumes that\n" +
					"people decide for themselves. A CHI number does not show the century, and other ids show\n" +
					"no birth date: in these cases give the birth date.\n\n" +
					"Example: igledger delegation grant --org NHSL --key lothian-agreements.jwk --kind HPOWATT \\\n" +
					"  --scope access --scope consent --until 2029-12-31 --evidence OPG-2026-1234 \\\n" +
					"  --basis 'Adults with Incapacity (Scotland) Act 2000' \\\n" +
					"  --office 'Office of the Public Guardian (Scotland)' < two-ids.txt",
				Flags: remoteFlags(
					&cli.StringFlag{Name: "kind", Required: true,
						Usage: "kind of delegate: GUARD, RESPRSN, POWATT, HPOWATT, DPOWATT, SPOWATT, GUADLTM, NOK, AGNT " +
							"or DELEGATEE (v3-RoleCode)"},
					&cli.StringSliceFlag{Name: "scope", Required: true,
						Usage: "access, consent or question; repeat for more"},
					&cli.StringFlag{Name: "start", Usage: "day or RFC 3339 time (default: now)"},
					&cli.StringFlag{Name: "until", Required: true,
						Usage: "last day, or RFC 3339 time; every delegation must end"},
					zoneFlag(),
					&cli.StringFlag{Name: "basis", Usage: "law or deed on which the delegation rests"},
					&cli.StringFlag{Name: "evidence",
						Usage: "reference of the deed, order or certificate that you have seen"},
					&cli.StringFlag{Name: "office", Usage: "office where the evidence is registered"},
					&cli.IntFlag{Name: "capacity-age", Value: 12, EnvVars: []string{"IGLEDGER_CAPACITY_AGE"},
						Usage: "age from which people are presumed to decide for themselves (Scotland: 12)"},
				),
				Action: grantDelegation,
			},
			{
				Name:      "revoke",
				Usage:     "record that a delegation has ended",
				ArgsUsage: "DELEGATION",
				Description: "Reads the person's id from standard input.\n\n" +
					"Example: igledger delegation revoke --org NHSL --key lothian-agreements.jwk " +
					"0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11 < id.txt",
				Flags: remoteFlags(idFlag(), command.YesFlag()),
				Action: func(c *cli.Context) error {
					if c.NArg() != 1 {
						return usage("delegation revoke: give the id that delegation grant printed")
					}
					if err := command.Confirm(c, "delegation revoke", c.Args().First()); err != nil {
						return err
					}
					r, err := newRemote(c, signing)
					if err != nil {
						return err
					}
					id, err := readID(c)
					if err != nil {
						return err
					}
					return r.state(c, &entry.Delegation{Common: r.common(), Delegation: c.Args().First(),
						Act: "revoked", Sub: id}, c.Args().First())
				},
			},
		},
	}
}

func idFlag() cli.Flag {
	return &cli.StringFlag{Name: "id",
		Usage: "the person's id; other users of this machine may see it in the list of processes"}
}

func grantDelegation(c *cli.Context) error {
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
	lines, err := readLines(c, prompt{"the person's id", true}, prompt{"the delegate's id", true},
		prompt{"the delegate's name (optional)", false},
		prompt{"the person's birth date, if their id does not show it (optional)", false})
	if err != nil {
		return err
	}
	for i, id := range lines[:2] {
		id, err := command.PersonID(c, fmt.Sprintf("line %d", i+1), id)
		if err != nil {
			return err
		}
		lines[i] = id
	}
	d := &entry.Delegation{Common: r.common(), Delegation: uuid.NewString(), Act: "granted", Kind: c.String("kind"),
		Scope: sorted(c.StringSlice("scope")),
		Start: start.Format(time.RFC3339), End: end.Format(time.RFC3339), Basis: c.String("basis"), Sub: lines[0],
		Delegate: &entry.Delegate{ID: lines[1], Name: lines[2]}}
	if ref := c.String("evidence"); ref != "" {
		d.Evidence = &entry.DelegationEvidence{Reference: ref, Seen: now.Format(time.RFC3339),
			Office: c.String("office")}
	} else if c.String("office") != "" {
		return usage("--office needs --evidence")
	} else if err := parental(c, d.Sub, lines[3], now, end); err != nil {
		return err
	}
	return r.state(c, d, d.Delegation)
}

// parental refuses a parental delegation that the law does not allow: one for a person who is
// presumed to decide for themselves.
func parental(c *cli.Context, id, birthday string, now, end time.Time) error {
	born, ok := consent.Born(id, now)
	if birthday != "" {
		var err error
		born, err = time.Parse(time.DateOnly, birthday)
		if err != nil {
			return usage("the birth date must have the form 2020-01-31")
		}
		ok = true
	}
	age := c.Int("capacity-age")
	switch {
	case age <= 0:
		return usage("--capacity-age must be above 0")
	case !ok:
		return usage("without --evidence only a parent can act for a child, and the id does not show the birth date; " +
			"give --evidence, or the birth date on the fourth line")
	case consent.PresumedCapable(born, end, age):
		return usage("from the age of %d a person is presumed to decide for themselves; "+
			"choose an earlier --until, or give --evidence", age)
	}
	return nil
}

// sorted returns the set of a flag's values in the order that entries require.
func sorted(list []string) []string {
	list = slices.Sorted(slices.Values(list))
	return slices.Compact(list)
}

// lastMoment reads a flag that names a time, or a day, which it includes to its end.
func lastMoment(c *cli.Context, name string) (time.Time, error) {
	t, err := timeFlag(c, name, time.Time{})
	if err == nil && len(c.String(name)) == len(time.DateOnly) {
		t = t.AddDate(0, 0, 1)
	}
	return t, err
}

// prompt is what a command asks at a terminal.
type prompt struct {
	text   string
	hidden bool // the answer is a person's number, or shows one
}

// readLines asks questions at a terminal, or reads a line for each from standard input. Missing
// lines are empty.
func readLines(c *cli.Context, questions ...prompt) ([]string, error) {
	in := bufio.NewReader(io.LimitReader(c.App.Reader, 4096))
	lines := make([]string, len(questions))
	for i, q := range questions {
		if command.Asks(c) {
			ask := command.Ask
			if q.hidden {
				ask = command.AskHidden
			}
			var err error
			if lines[i], err = ask(c, q.text); err != nil {
				return nil, err
			}
			continue
		}
		text, err := in.ReadString('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("reading standard input: %w", err)
		}
		lines[i] = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
		if lines[i] == "" && i < 2 {
			return nil, usage("standard input has no line with %s", q.text)
		}
	}
	return lines, nil
}

// stated is the answer to a sealed entry about a person: its index, and the id by which later
// entries name its subject.
type stated struct {
	ID      string       `json:"id"`
	Index   uint64       `json:"index"`
	Flags   []entry.Flag `json:"flags,omitempty"`
	Follows string       `json:"follows"` // in words
}

// state signs and submits a sealed entry, and prints the id of its subject.
func (r *remote) state(c *cli.Context, body entry.Body, id string) error {
	res, err := r.submit(c.Context, body)
	if err != nil {
		return err
	}
	for _, f := range res.Flags {
		if f == entry.FlagCheckDigit {
			continue // said when the number was read: see command.PersonID
		}
		fmt.Fprintf(c.App.ErrWriter, "igledger: %s\n", line(said.FlagAdvice(f)))
	}
	follows := consentFollows(body, res.Index, res.Flags)
	return output(c, stated{id, res.Index, res.Flags, follows}, "%s\nentry %d: %s\n%s\n", id, res.Index, res.Status, sentence(follows))
}
