package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/internal/source"
	"igledger/ledger/entry"
)

func heartbeatCommand() *cli.Command {
	return &cli.Command{
		Name:  "heartbeat",
		Usage: "report, for each past day, whether a stream was complete",
		Description: "Run it once a day, soon after midnight UTC, with the outbox that access import keeps.\n" +
			"First sends what is still waiting there. Then, for every day since the last heartbeat\n" +
			"(at first: since the first import), sends the public heartbeat and the sealed numbers\n" +
			"behind it, and checks their receipts. If it is interrupted, run it again: it continues.\n" +
			"Each day has one heartbeat, which cannot be changed.\n\n" +
			"Example: igledger heartbeat --org NHSL --key lothian-submit.jwk --source trakcare " +
			"--interval 1h --log-key \"$LOG_KEY\"",
		Flags: remoteFlags(append(outboxFlags(),
			&cli.DurationFlag{Name: "interval", Value: 24 * time.Hour,
				Usage: "silence longer than this is a fault; from 1m to 744h"},
		)...),
		Action: heartbeatAction,
	}
}

func heartbeatAction(c *cli.Context) error {
	interval := uint64(max(0, c.Duration("interval")) / time.Second)
	if interval < entry.MinInterval || interval > entry.MaxInterval {
		return usage("--interval must be from %s to %s", entry.MinInterval*time.Second, entry.MaxInterval*time.Second)
	}
	if err := begunOutbox(outboxOf(c)); err != nil {
		return neverSubmitted(c, err)
	}
	r, err := sourceRemote(c)
	if err != nil {
		return err
	}
	a, bar, err := r.agent(c, "sending")
	if err != nil {
		return err
	}
	defer a.Close()
	done, err := a.Heartbeats(c.Context, c.Duration("interval"))
	bar.Done()
	none, unknown := new(source.NoAccessError), new(client.Problem)
	if errors.As(err, &none) || errors.As(err, &unknown) && unknown.Code() == "unknown-source" {
		return neverSubmitted(c, err)
	}
	if err != nil {
		return advised(c, err, 0)
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, map[string]any{"heartbeats": done})
	}
	for _, d := range done {
		gaps := "no gaps"
		if d.Gaps {
			gaps = "gaps"
		}
		fmt.Fprintf(c.App.Writer, "%s: entry %d, numbers in entry %d: %s, %s, %s\n", d.Day, d.Index, d.NumbersIndex,
			counted(d.Count, "entry", "entries"), counted(d.Receipts, "receipt", "receipts"), gaps)
	}
	if len(done) == 0 {
		fmt.Fprintln(c.App.Writer, "no heartbeat is due")
	}
	return nil
}

// neverSubmitted adds to an error the sources that the organisation does have, and the one that may
// be meant.
func neverSubmitted(c *cli.Context, err error) error {
	names, unknown := ownSources(c)
	if unknown != nil {
		return err
	}
	if slices.Contains(names, c.String("source")) {
		return refused("%w; the ledger has source %s of %s: is its outbox elsewhere?", err, c.String("source"), c.String("org"))
	}
	has := "no source"
	if len(names) > 0 {
		const most = 10
		has = strings.Join(names[:min(most, len(names))], ", ")
		if more := len(names) - most; more > 0 {
			has += fmt.Sprintf(" and %d more", more)
		}
	}
	return refused("nothing was submitted as source %s%s: %w. The ledger has of %s: %s", c.String("source"),
		command.Meant(c.String("source"), names), err, c.String("org"), has)
}

// ownSources asks once, and does not wait, for the names of the organisation's sources.
func ownSources(c *cli.Context) (names []string, err error) {
	signer, err := command.Signer(c, "key")
	if err != nil {
		return nil, err
	}
	once := &client.Client{Base: c.String("url"), HTTP: &http.Client{Timeout: 10 * time.Second}, Attempts: 1}
	info, err := once.LogInfo(c.Context)
	if err != nil {
		return nil, err
	}
	if key := c.String("log-key"); key != "" && key != info.LogKey {
		return nil, errors.New("another log")
	}
	r := &remote{Client: once, org: c.String("org"), signer: signer, origin: info.Origin}
	r.asCaller("igledger")
	list, err := r.Sources(c.Context)
	if err != nil {
		return nil, err
	}
	for _, s := range list.Sources {
		if s.Organisation == r.org && s.Source != "" {
			names = append(names, s.Source)
		}
	}
	return names, nil
}
