// Command igledger runs a ledger. Officers, sources and operators use it. Auditors and citizens use
// igverify, which trusts no one and links neither the server, nor a database, nor Trillian.
package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/internal/source"
	"igledger/ledger/storage"
	"igledger/verifier"
	"igledger/verifier/fetch/retry"
)

// The exit codes, by the names of package command.
const (
	exitGood        = command.Good
	exitRefused     = command.Refused
	exitUsage       = command.Usage
	exitUnreachable = command.Unreachable
)

func main() {
	os.Exit(run(untilSignal(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

var program = command.Program{
	Name:  "igledger",
	Usage: "a ledger for information governance: proof of who accessed whose record",
	Description: "Exit codes: 0 good, 1 refused or failed, 2 wrong usage, 3 something could not be reached or\n" +
		"read, 4 true, but old or only a part of what was asked. Results go to standard output, all\n" +
		"other messages to standard error; with --json both are JSON.",
	Commands: commands,
	Settings: []command.Setting{
		{Name: "url", Flag: "url"}, {Name: "log-key", Flag: "log-key"}, {Name: "policy", Flag: "policy"},
		{Name: "org", Flag: "org"}, {Name: "key", Flag: "key"},
	},
	ExitCode: exitCode,
}

// run is main for tests. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return program.Run(ctx, args, stdin, stdout, stderr)
}

// exitCode returns the exit code for an error of a command.
func exitCode(err error) int {
	if e := new(command.Error); errors.As(err, &e) {
		return e.Code
	}
	if gone := new(retry.GaveUpError); errors.As(err, &gone) {
		return exitUnreachable // whatever it answered while it was busy
	}
	if p := new(client.Problem); errors.As(err, &p) && p.Code() != "" && p.Status < 500 || source.Stopped(err) {
		return exitRefused // the ledger was reached and refused
	}
	if errors.Is(err, storage.ErrURL) {
		return exitUsage
	}
	if errors.Is(err, storage.ErrNewerSchema) {
		return exitRefused // trying again does not help
	}
	f, r, l, n := new(verifier.Failure), new(source.ReceiptError), new(source.LogError), new(source.NoAccessError)
	if errors.As(err, &f) || errors.As(err, &r) || errors.As(err, &l) || errors.As(err, &n) {
		return exitRefused
	}
	return exitUnreachable
}

func commands() []*cli.Command {
	return []*cli.Command{
		demoCommand(), serveCommand(), initCommand(), keygenCommand(),
		orgCommand(), keyCommand(),
		accessCommand(), heartbeatCommand(), sourcesCommand(),
		agreementCommand(), sharingCommand(), mappingCommand(),
		consentCommand(), delegationCommand(), linkCommand(), unlinkCommand(),
		policyCommand(), decideCommand(), reportCommand(),
		whoAccessedCommand(), statementCommand(), paperCommand(), receiptCommand(),
		benchCommand(), rebuildCommand(), recoverCommand(), healthCommand(), unitCommand(), containerCommand(),
	}
}

func usage(format string, args ...any) error {
	return command.Errorf(command.Usage, format, args...)
}

func refused(format string, args ...any) error {
	return command.Errorf(command.Refused, format, args...)
}
