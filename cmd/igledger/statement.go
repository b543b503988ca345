package main

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
)

func statementCommand() *cli.Command {
	return &cli.Command{
		Name:  "statement",
		Usage: "fetch a person's statement: every access to their record, with the proof that none is missing",
		Description: "Reads the person's id from standard input, so that it does not appear in a list of\n" +
			"processes. Prints the statement as JSON, unchecked; igverify statement checks it,\n" +
			"offline and even years later. With --extract it contains only the chosen entries, with\n" +
			"the proof that they are in the log: share that, because a statement reveals everything.\n" +
			whoMayRead + "\n" +
			"An organisation's own entries come as an extract, because a statement shows how many\n" +
			"entries there are.\n\n" +
			"Example: echo chi:0101011237 | igledger statement --org NHSL --key lothian-desk.jwk " +
			"--request SAR-2026-0042 --identity documents --out statement.json\n" +
			"Example: … --period 2026-01-01..2026-03-31\n" +
			"Example: … --extract 120034,120077",
		Flags: remoteFlags(personReading(
			&cli.StringFlag{Name: "period",
				Usage: "FROM..TO: show only entries that the ledger logged on these days (UTC, both included);\n" +
					"the others are hidden, but still proved. Give igverify statement the same --period"},
			&cli.StringSliceFlag{Name: "extract", Usage: "fetch an extract of the entries at these positions instead"},
			&cli.StringFlag{Name: "out",
				Usage: "file to write, which only its owner can read (default: standard output)"},
		)...),
		Action: func(c *cli.Context) error {
			q, err := statementRequest(c)
			if err != nil {
				return err
			}
			if out := c.String("out"); out != "" {
				if err := command.NewFile(out); err != nil { // before it is asked for, which the log keeps
					return err
				}
			}
			r, err := newRemote(c, signing)
			if err != nil {
				return err
			}
			if err := r.asReader(c); err != nil {
				return err
			}
			q.ID, err = readID(c)
			if err != nil {
				return err
			}
			data, err := r.fetchStatement(c, q)
			if err != nil {
				return err
			}
			if len(q.Extract) == 0 && !bytes.HasPrefix(data, []byte(`{"format":"`+bundle.FormatStatement+`"`)) {
				fmt.Fprintln(c.App.ErrWriter, "igledger: this is an extract of your organisation's own entries, not a complete statement")
			}
			data = append(data, '\n')
			if path := c.String("out"); path != "" {
				return command.WriteNew(path, data, false)
			}
			_, err = c.App.Writer.Write(data)
			return err
		},
	}
}

// fetchStatement fetches a statement, with a progress bar.
func (r *remote) fetchStatement(c *cli.Context, q client.StatementRequest) ([]byte, error) {
	bar := command.NewDownload(c, "fetching the statement")
	defer bar.Done()
	r.OnRead = bar.Add
	return r.Statement(c.Context, q)
}

// statementRequest returns the request that the flags describe, without the id.
func statementRequest(c *cli.Context) (client.StatementRequest, error) {
	q := client.StatementRequest{
		Purpose: statedPurpose(c), Request: c.String("request"), Identity: entry.Identity(c.String("identity")),
	}
	for _, text := range append(c.StringSlice("extract"), c.Args().Slice()...) {
		index, err := strconv.ParseUint(text, 10, 64)
		if err != nil || !c.IsSet("extract") {
			return q, usage("--extract must name positions of entries in the log")
		}
		q.Extract = append(q.Extract, index)
	}
	period := c.String("period")
	if period == "" {
		return q, nil
	}
	if len(q.Extract) > 0 {
		return q, usage("give --period or --extract, not both")
	}
	days, err := bundle.ParseDays(period)
	if err != nil {
		return q, usage("--period must be FROM..TO, two days such as 2026-01-31")
	}
	q.From, q.To = days.From, days.To
	return q, nil
}
