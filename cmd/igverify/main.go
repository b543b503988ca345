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
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/urfave/cli/v2"
)

// The exit codes.
const (
	exitGood       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitUnreadable = 3
	exitPartial    = 4
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// usageError is a mistake in the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

func usage(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

// run runs the command and returns its exit code. Only results go to stdout.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	code := exitGood
	app := &cli.App{
		Name:  "igverify",
		Usage: "verify a ledger without trusting it",
		Description: "Checks statements, receipts, entries and whole logs against the log's verifier key, which you must " +
			"get from a source other than the log. Reads the log from a URL or from a directory with a copy of it.\n\n" +
			"Every command takes --policy FILE in place of --log-key: every checkpoint then needs the cosignatures that the " +
			"policy asks for, so that a log which somebody made up with a stolen key is refused. --genesis HASH says how the " +
			"log must begin.\n\n" +
			"Exit codes: 0 good, 1 verification failed, 2 wrong usage, 3 something could not be reached or read, " +
			"4 true, but old or only a part of what was asked.",
		Version:        version(),
		Reader:         stdin,
		Writer:         stdout,
		ErrWriter:      stderr,
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return usageError(err.Error()) },
		CommandNotFound: func(_ *cli.Context, name string) {
			fmt.Fprintf(stderr, "igverify: no command %q; see igverify --help\n", clean(name))
			code = exitUsage
		},
	}
	for _, spec := range []command{
		statementCommand, receiptCommand, entryCommand, contradictCommand,
		consistencyCommand, logCommand, auditCommand, evidenceCommand,
	} {
		app.Commands = append(app.Commands, spec.cli(func(c int) { code = c }))
	}
	app.Commands = append(app.Commands, keygenCommand(func(c int) { code = c }))
	if err := app.RunContext(ctx, append([]string{"igverify"}, flagsFirst(app, args)...)); err != nil {
		fmt.Fprintf(stderr, "igverify: %s\n", clean(err.Error()))
		var u usageError
		if errors.As(err, &u) || code == exitGood { // for other errors the command has set the code
			code = exitUsage
		}
	}
	return code
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
