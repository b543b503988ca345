package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"igledger/internal/client"
	"igledger/internal/source"
)

func accessCommand() *cli.Command {
	return &cli.Command{
		Name:  "access",
		Usage: "record accesses",
		Subcommands: []*cli.Command{{
			Name:      "import",
			Usage:     "report record accesses from FHIR R4 AuditEvents",
			ArgsUsage: "FILE… or - for standard input",
			Description: "Takes single AuditEvents, Bundles and NDJSON. Converts, signs with the source's own key on this side, keeps everything in a durable\n" +
				"outbox, posts in batches, checks every receipt before it forgets. Interrupted, it goes on where it stopped when run again:\n" +
				"nothing is lost or doubled. An event that cannot be converted is reported with its number and the rest goes on (exit 1).\n\n" +
				"Example: igledger access import --org NHSL --key lothian-submit.jwk --source trakcare --log-key \"$LOG_KEY\" events.ndjson",
			Flags: remoteFlags(
				&cli.StringFlag{Name: "source", Required: true, Usage: "name of the reporting system; sequence numbers count per source"},
				&cli.StringFlag{Name: "outbox", Usage: "SQLite file that remembers what was sent (default: <source>.outbox in the working folder)"},
				&cli.IntFlag{Name: "batch", Value: 256, Usage: "entries per request, 1 to 1000"},
			),
			Action: importAction,
		}},
	}
}

// agent is the source's agent that the flags describe, with a progress bar. The caller finishes the bar and closes the agent.
func (r *remote) agent(c *cli.Context, what string) (*source.Agent, *progressbar.ProgressBar, error) {
	path := c.String("outbox")
	if path == "" {
		path = c.String("source") + ".outbox"
	}
	bar, errOut := progress(c.App.ErrWriter, what), c.App.ErrWriter
	a, err := source.Open(c.Context, source.Config{Client: r.Client, LogKey: r.logKey, Org: r.org, Signer: r.signer,
		Source: c.String("source"), Outbox: path, Batch: c.Int("batch"),
		OnSent:   func(n int) { bar.Add(n) }, //nolint:errcheck // the bar is decoration
		OnReject: func(err error) { fmt.Fprintln(errOut, "igledger:", err) }})
	if other := new(source.StreamError); errors.As(err, &other) {
		err = usage("%w", err)
	}
	return a, bar, err
}

func importAction(c *cli.Context) error {
	if c.NArg() == 0 {
		return usage("access import wants files, or - for standard input")
	}
	if n := c.Int("batch"); n < 1 || n > client.MaxEntries {
		return usage("--batch wants 1 to %d", client.MaxEntries)
	}
	r, err := newRemote(c, signing)
	if err != nil {
		return err
	}
	a, bar, err := r.agent(c, "importing")
	if err != nil {
		return err
	}
	defer a.Close()
	sum, err := a.Import(c.Context, inputs(c.Args().Slice(), c.App.Reader)...)
	bar.Finish() //nolint:errcheck // the bar is decoration
	if err != nil {
		return fmt.Errorf("%w; run the same command again to go on", err)
	}
	if err := output(c, sum, "%d events: %d entries in the log, %d known from before, %d refused, %d not converted\n", sum.Events, sum.Logged, sum.Known, sum.Refused, sum.Unreadable); err != nil {
		return err
	}
	if sum.Refused+sum.Unreadable > 0 {
		return refused("%d events are not in the log, see above", sum.Refused+sum.Unreadable)
	}
	return nil
}

// inputs are the files of these names; "-" is standard input.
func inputs(names []string, stdin io.Reader) []source.Input {
	list := make([]source.Input, len(names))
	for i, name := range names {
		open := func() (io.ReadCloser, error) { return os.Open(name) }
		if name == "-" {
			open = func() (io.ReadCloser, error) { return io.NopCloser(stdin), nil }
		}
		list[i] = source.Input{Name: name, Open: open}
	}
	return list
}

// progress gives a bar that shows only on a terminal, once something takes more than a second.
func progress(w io.Writer, what string) *progressbar.ProgressBar {
	visible := false
	if f, ok := w.(*os.File); ok {
		visible = term.IsTerminal(int(f.Fd()))
	}
	return progressbar.NewOptions(-1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionSetVisibility(visible),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionThrottle(time.Second/2), progressbar.OptionClearOnFinish())
}
