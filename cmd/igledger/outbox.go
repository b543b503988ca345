package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/internal/source"
)

func outboxCommand() *cli.Command {
	return &cli.Command{
		Name:  "outbox",
		Usage: "what waits in the outbox of access import: list it, sign it anew, or set it aside",
		Subcommands: []*cli.Command{{
			Name:  "list",
			Usage: "show what waits to be sent, why the ledger refused it, and what was set aside",
			Description: "Needs neither a key nor the ledger. Shows numbers of the source's stream, keys and times;\n" +
				"nothing names a person. Numbers in a row of which the same is true are one line.\n\n" +
				"Example: igledger access outbox list --source trakcare",
			Flags: []cli.Flag{outboxFlag(),
				&cli.StringFlag{Name: "source", Usage: "name of the reporting system, if --outbox is not given"},
				&cli.BoolFlag{Name: "json", Usage: "print as JSON"}},
			Action: listOutbox,
		}, {
			Name:      "retry",
			Usage:     "sign anew what the ledger refused because of its key, and send it",
			ArgsUsage: "[NUMBER…]",
			Description: "Sends what waits. What is refused because of the key that signed it (a wrong file, or a key\n" +
				"that was revoked) is signed with --key, under the same number and with nothing else changed,\n" +
				"and sent; heartbeats too. With numbers, these entries alone are signed anew. The log takes\n" +
				"one entry under a number, whatever became of the first signature. If it is interrupted, run\n" +
				"it again.\n\n" +
				"Example: igledger access outbox retry --org NHSL --key lothian-new.jwk --source trakcare",
			Flags:  remoteFlags(outboxFlags()...),
			Action: retryOutbox,
		}, {
			Name:      "drop",
			Usage:     "set aside one entry that waits, and send a mark in its place",
			ArgsUsage: "NUMBER",
			Description: "For an entry that must not be sent at all. Its number is not given to another: in its place the\n" +
				"log gets a mark, signed with --key, which says that an entry with this hash was set aside, of\n" +
				"nobody's record. So the stream has no gap, and auditors can ask for what was set aside. The\n" +
				"outbox keeps it: igledger access original --seq NUMBER prints it. This cannot be undone, and\n" +
				"the access is not in the person's history: sign it anew instead (access outbox retry) if you can.\n" +
				"Asks for the number on a terminal; elsewhere give --yes.\n\n" +
				"Example: igledger access outbox drop --org NHSL --key lothian-submit.jwk --source trakcare 4711",
			Flags:  remoteFlags(append(outboxFlags(), command.YesFlag())...),
			Action: dropOutbox,
		}},
	}
}

func outboxFlag() *cli.StringFlag {
	return &cli.StringFlag{Name: "outbox",
		Usage: "SQLite file that records what was sent, and keeps receipts (default: <source>.outbox in the current folder)"}
}

// existingOutbox returns the file of an outbox that a command does not make.
func existingOutbox(c *cli.Context) (string, error) {
	if c.String("outbox") == "" && c.String("source") == "" {
		return "", usage("give --source or --outbox; see igledger %s --help", c.Command.HelpName)
	}
	path := outboxOf(c)
	return path, begunOutbox(path)
}

func listOutbox(c *cli.Context) error {
	path, err := existingOutbox(c)
	if err != nil {
		return err
	}
	got, err := source.List(c.Context, path)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, got)
	}
	screen := command.ScreenOf(c)
	fmt.Fprintf(screen, "%s, source %s: numbers up to %d were given out; %s to be sent, %d of them refused; %d set aside\n",
		got.Org, got.Source, got.Last, counted(got.Waiting, "entry waits", "entries wait"), got.Refused, got.SetAside)
	if got.Uncosigned > 0 {
		fmt.Fprintf(screen, "%s in the log, kept until cosigners have seen it (igledger access settle)\n",
			counted(got.Uncosigned, "entry is", "entries are"))
	}
	if len(got.Items) == 0 {
		return nil
	}
	rows := [][]string{{"NUMBER", "STATE", "SINCE", "SIGNED BY", "REFUSED", "WHY", "PROBLEM"}}
	for _, i := range got.Items {
		state := string(i.State)
		if i.Index != nil {
			state += fmt.Sprintf(", mark in entry %d", *i.Index)
		}
		rows = append(rows, []string{numberOf(i), state, i.Since, i.KID[:min(8, len(i.KID))], i.At, i.Says,
			strings.TrimPrefix(i.Problem, client.ProblemPrefix)})
	}
	fmt.Fprintln(screen)
	return screen.Table(rows)
}

func numberOf(i source.Item) string {
	switch {
	case i.Day != "":
		return "heartbeat " + i.Day
	case i.First == i.Last:
		return fmt.Sprint(i.First)
	}
	return fmt.Sprintf("%d-%d", i.First, i.Last)
}

// numbers returns the arguments of a command, which are numbers of a stream.
func numbers(c *cli.Context) (list []uint64, err error) {
	for _, arg := range c.Args().Slice() {
		n, err := strconv.ParseUint(arg, 10, 53)
		if err != nil || n == 0 {
			return nil, usage("give numbers of the source's stream, as igledger access outbox list shows them")
		}
		list = append(list, n)
	}
	return list, nil
}

// openOutbox opens the agent of an outbox that exists. The caller closes the agent.
func openOutbox(c *cli.Context, what string) (*source.Agent, error) {
	if _, err := existingOutbox(c); err != nil {
		return nil, err
	}
	r, err := sourceRemote(c)
	if err != nil {
		return nil, err
	}
	a, bar, err := r.agent(c, what)
	bar.Done()
	return a, err
}

func retryOutbox(c *cli.Context) error {
	list, err := numbers(c)
	if err != nil {
		return err
	}
	a, err := openOutbox(c, "sending")
	if err != nil {
		return err
	}
	defer a.Close()
	r, err := a.Retry(c.Context, list...)
	if no := new(source.NumberError); errors.As(err, &no) {
		return refused("%w", err)
	}
	if outErr := output(c, r, "%s signed anew, %d in the log now, %s; %d waiting\n", counted(r.Signed, "entry", "entries"),
		r.Logged, counted(r.Heartbeats, "heartbeat", "heartbeats"), r.Outbox); err == nil {
		err = outErr
	}
	return advised(c, err, r.Outbox)
}

func dropOutbox(c *cli.Context) error {
	list, err := numbers(c)
	if err != nil {
		return err
	}
	if len(list) != 1 {
		return usage("access outbox drop: give one NUMBER")
	}
	if _, err := existingOutbox(c); err != nil {
		return err
	}
	if err := command.Confirm(c, "access outbox drop", strconv.FormatUint(list[0], 10)); err != nil {
		return err
	}
	a, err := openOutbox(c, "sending")
	if err != nil {
		return err
	}
	defer a.Close()
	out, err := a.SetAside(c.Context, list[0])
	no := new(source.NumberError)
	switch {
	case errors.As(err, &no):
		return refused("%w", err)
	case out.Index != nil && out.Itself:
		return errors.Join(err, output(c, out, "number %d is in the log already, as entry %d; it was not set aside\n", out.Seq, *out.Index))
	case out.Index != nil:
		err = errors.Join(err, output(c, out, "number %d is set aside; its mark is entry %d, and igledger access original --seq %d "+
			"prints what was set aside\n", out.Seq, *out.Index, out.Seq))
	}
	return advised(c, err, out.Outbox)
}

// advised adds to an error of a source's agent what is left in the outbox, and the command that
// helps.
func advised(c *cli.Context, err error, waiting int) error {
	no, log := new(source.RefusedError), new(source.LogError)
	kept := ""
	if waiting > 0 {
		kept = fmt.Sprintf("; %s in the outbox %s", counted(waiting, "entry waits", "entries wait"), outboxOf(c))
	}
	switch {
	case err == nil:
		return nil
	case errors.As(err, &log):
		return err
	case source.Stopped(err):
		return fmt.Errorf("%w%s; nothing is lost: the outbox keeps what is not sent. Run the same command again when the "+
			"operator says that the log goes on; a successor needs the same events again, and an outbox of its own", err, kept)
	case errors.As(err, &no) && no.OfKey():
		return fmt.Errorf("%w%s. See what waits: igledger access outbox list --outbox %s. With a key of %s that the ledger takes, sign it "+
			"anew under the same number and send it: igledger access outbox retry --org %s --source %s --outbox %s --key FILE", err, kept,
			outboxOf(c), c.String("org"), c.String("org"), c.String("source"), outboxOf(c))
	}
	return fmt.Errorf("%w%s; run the same command again to continue", err, kept)
}
