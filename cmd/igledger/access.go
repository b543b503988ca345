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
			Usage:     "report accesses to records from FHIR R4 AuditEvents",
			ArgsUsage: "FILE… or - for standard input",
			Description: "Reads single AuditEvents, Bundles and NDJSON. Signs each entry on this machine with the\n" +
				"source's key, keeps it in a durable outbox, sends it in batches, and deletes its content\n" +
				"only after checking the receipt. If it is interrupted, run the same command again: it\n" +
				"continues, and nothing is lost or duplicated. An event that cannot be converted is\n" +
				"reported with its number; the others are imported (exit 1).\n\n" +
				"Example: igledger access import --org NHSL --key lothian-submit.jwk --source trakcare " +
				"--log-key \"$LOG_KEY\" events.ndjson",
			Flags: remoteFlags(
				&cli.StringFlag{Name: "source", Required: true,
					Usage: "name of the reporting system; each source has its own sequence numbers"},
				&cli.StringFlag{Name: "outbox",
					Usage: "SQLite file that records what was sent (default: <source>.outbox in the current folder)"},
				&cli.IntFlag{Name: "batch", Value: 256, Usage: "entries per request, from 1 to 1000"},
			),
			Action: importAction,
		}},
	}
}

// agent opens the source's agent that the flags describe, with a progress bar. The caller finishes
// the bar and closes the agent.
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
		return usage("access import: give one or more files, or - for standard input")
	}
	if n := c.Int("batch"); n < 1 || n > client.MaxEntries {
		return usage("--batch must be from 1 to %d", client.MaxEntries)
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
		return fmt.Errorf("%w; run the same command again to continue", err)
	}
	err = output(c, sum, "%s: %s added to the log, %d imported before, %d refused, %d not converted\n",
		counted(sum.Events, "event", "events"), counted(sum.Logged, "entry", "entries"),
		sum.Known, sum.Refused, sum.Unreadable)
	if err != nil {
		return err
	}
	if n := sum.Refused + sum.Unreadable; n > 0 {
		return refused("%s not in the log, see above", counted(n, "event or entry is", "events or entries are"))
	}
	return nil
}

// inputs returns the files with these names as inputs; "-" is standard input.
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

// progress returns a bar that appears only on a terminal, and only if the work takes more than a
// second.
func progress(w io.Writer, what string) *progressbar.ProgressBar {
	visible := false
	if f, ok := w.(*os.File); ok {
		visible = term.IsTerminal(int(f.Fd()))
	}
	return progressbar.NewOptions(-1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionSetVisibility(visible),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionThrottle(time.Second/2), progressbar.OptionClearOnFinish())
}
