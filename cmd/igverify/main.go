// Command igverify verifies a ledger for auditors and citizens. It is small and needs no trust in
// the operator. It reads a log's checkpoint, tiles and entry bundles from a URL or a directory
// (C2SP tlog-tiles), and recomputes everything. It trusts only the log's verifier key, which must
// come from a source other than the log.
//
// Exit codes: 0 good, 1 verification failed, 2 wrong usage, 3 something could not be reached or
// read, 4 true, but old or only a part of what was asked.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"igledger/internal/command"
)

// The exit codes, by the names of package command.
const (
	exitGood       = command.Good
	exitFailed     = command.Refused
	exitUsage      = command.Usage
	exitUnreadable = command.Unreachable
	exitPartial    = command.Partial
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func usage(format string, args ...any) error { return command.Errorf(command.Usage, format, args...) }

var program = command.Program{
	Name:  "igverify",
	Usage: "verify a ledger without trusting it",
	Description: "Checks statements, receipts, entries and whole logs against the log's verifier key, which you must " +
		"get from a source other than the log. Reads the log from a URL or from a directory with a copy of it.\n\n" +
		"Every command takes --policy FILE in place of --log-key: every checkpoint then needs the cosignatures that the " +
		"policy asks for, so that a log which somebody made up with a stolen key is refused. --genesis HASH says how the " +
		"log must begin.\n\n" +
		"Exit codes: 0 good, 1 verification failed, 2 wrong usage, 3 something could not be reached or read, " +
		"4 true, but old or only a part of what was asked.",
	Commands: func() []*cli.Command {
		list := []*cli.Command{}
		for _, spec := range []spec{
			statementCommand, receiptCommand, entryCommand, contradictCommand,
			consistencyCommand, logCommand, auditCommand, evidenceCommand,
		} {
			list = append(list, spec.cli())
		}
		return append(list, keygenCommand())
	},
	Settings: []command.Setting{
		{Name: "log-key", Flag: "log-key"}, {Name: "policy", Flag: "policy"},
		{Name: "url", Flag: "from", Not: []string{"receipt"}}, // which is checked offline without it
	},
	OneOf: [][]string{{"log-key", "policy"}},
	Clean: command.Plain,
}

// run runs the command and returns its exit code. Only results go to stdout.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return program.Run(ctx, args, stdin, stdout, stderr)
}
