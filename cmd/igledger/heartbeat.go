package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/ledger/entry"
)

func heartbeatCommand() *cli.Command {
	return &cli.Command{
		Name:  "heartbeat",
		Usage: "say for each day that is over that a stream was alive and whole",
		Description: "For the source's outbox that access import keeps, once a day, soon after midnight UTC. First sends what still waits there. Then makes, for\n" +
			"every day since the last heartbeat (at first: since the first import), the public heartbeat and the sealed numbers behind it, posts both\n" +
			"and checks their receipts. Interrupted, it goes on where it stopped. A day is said once: nothing can be taken back.\n\n" +
			"Example: igledger heartbeat --org NHSL --key lothian-submit.jwk --source trakcare --interval 1h --log-key \"$LOG_KEY\"",
		Flags: remoteFlags(
			&cli.StringFlag{Name: "source", Required: true, Usage: "name of the reporting system"},
			&cli.StringFlag{Name: "outbox", Usage: "the file that access import keeps (default: <source>.outbox in the working folder)"},
			&cli.DurationFlag{Name: "interval", Value: 24 * time.Hour, Usage: "that the stream is silent for longer is a fault, 1m to 744h"},
		),
		Action: heartbeatAction,
	}
}

func heartbeatAction(c *cli.Context) error {
	if c.Args().Present() {
		return usage("heartbeat takes no arguments")
	}
	interval := uint64(max(0, c.Duration("interval")) / time.Second)
	if interval < entry.MinInterval || interval > entry.MaxInterval {
		return usage("--interval wants %s to %s", entry.MinInterval*time.Second, entry.MaxInterval*time.Second)
	}
	r, err := newRemote(c, signing)
	if err != nil {
		return err
	}
	a, bar, err := r.agent(c, "sending")
	if err != nil {
		return err
	}
	defer a.Close()
	done, err := a.Heartbeats(c.Context, c.Duration("interval"))
	bar.Finish() //nolint:errcheck // the bar is decoration
	if err != nil {
		return fmt.Errorf("%w; run the same command again to go on", err)
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, map[string]any{"heartbeats": done})
	}
	for _, d := range done {
		fmt.Fprintf(c.App.Writer, "%s: entry %d, numbers in entry %d: %d entries, %d receipts, gaps %v\n", d.Day, d.Index, d.NumbersIndex, d.Count, d.Receipts, d.Gaps)
	}
	if len(done) == 0 {
		fmt.Fprintln(c.App.Writer, "nothing due")
	}
	return nil
}
