package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
)

func notesCommand() *cli.Command {
	return &cli.Command{
		Name:  "notes",
		Usage: "list what officers or auditors of your organisation noted on the pages about accesses that stand out",
		Description: "JTI is the access, as the reports have it. What is noted is your organisation's own: nobody\n" +
			"else reads it, and it is not in the log. Needs a key for audit of a controller or an auditor. The\n" +
			"table has the newest step of each; --json has all. The ledger logs the first reading of each day.\n\n" +
			"Example: igledger access notes --org NHSL --key lothian-audit.jwk",
		Flags: remoteFlags(
			&cli.StringFlag{Name: "function", Value: "igledger",
				Usage: "function or system on whose behalf you read, never a person"},
			readingPurpose(),
		),
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usage("access notes takes no arguments")
			}
			r, err := newRemote(c, signing)
			if err != nil {
				return err
			}
			if err := r.asReader(c); err != nil {
				return err
			}
			list, err := r.Notes(c.Context)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(c.App.Writer, client.Notes{Notes: list})
			}
			rows := [][]string{{"JTI", "STATUS", "AT", "BY", "NOTE, IN THEIR WORDS"}}
			for _, n := range list {
				var last client.NoteStep
				if len(n.Steps) > 0 {
					last = n.Steps[len(n.Steps)-1]
				}
				rows = append(rows, []string{n.ID, n.Status, last.At, last.By, line(last.Note)})
			}
			if err := command.ScreenOf(c).Table(rows); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.App.Writer, "\n%s\n", counted(len(list), "access", "accesses"))
			return err
		},
	}
}
