// Command igledger runs a ledger. Officers, sources and operators use it. Auditors and citizens use
// igverify, which trusts no one and links neither the server, nor a database, nor Trillian.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/source"
	"igledger/verifier"
)

// Exit codes, the same for every command.
const (
	exitGood        = 0
	exitRefused     = 1 // a verification failed, or the ledger refused an entry
	exitUsage       = 2
	exitUnreachable = 3 // cannot reach or read
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// run is main for tests. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	app := &cli.App{
		Name:  "igledger",
		Usage: "a ledger for information governance: proof of who accessed whose record",
		Description: "Exit codes: 0 success, 1 a verification failed or the ledger refused, 2 wrong usage, 3\n" +
			"cannot reach or read. Results go to standard output, all other messages to standard\n" +
			"error.",
		Reader: stdin, Writer: stdout, ErrWriter: stderr,
		HideVersion:            true,
		UseShortOptionHandling: true,
		ExitErrHandler:         func(*cli.Context, error) {}, // the code below handles the error
		OnUsageError:           func(_ *cli.Context, err error, _ bool) error { return usage("%v", err) },
		Commands:               commands(),
		CommandNotFound:        func(c *cli.Context, name string) {},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("no command %q; igledger help lists them", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
	}
	for _, c := range app.Commands {
		usageErrors(c)
	}
	err := app.RunContext(ctx, flagsFirst(app.Commands, args))
	if err == nil {
		return exitGood
	}
	fmt.Fprintln(stderr, "igledger:", err)
	return exitCode(err)
}

// exitCode returns the exit code for an error of a command.
func exitCode(err error) int {
	if e := new(exitError); errors.As(err, &e) {
		return e.code
	}
	if p := new(client.Problem); errors.As(err, &p) && p.Code() != "" && p.Status < 500 || source.Stopped(err) {
		return exitRefused // the ledger was reached and refused
	}
	f, r, l := new(verifier.Failure), new(source.ReceiptError), new(source.LogError)
	if errors.As(err, &f) || errors.As(err, &r) || errors.As(err, &l) {
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
		benchCommand(), rebuildCommand(), recoverCommand(),
	}
}

// flagsFirst moves the flags of a command before its arguments, because urfave/cli reads no flags
// after the first argument.
func flagsFirst(commands []*cli.Command, args []string) []string {
	var known []cli.Flag
	i := min(1, len(args))
	for ; i < len(args); i++ {
		next := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.Name == args[i] })
		if next < 0 {
			break
		}
		known, commands = commands[next].Flags, commands[next].Subcommands
	}
	head, flags, rest := slices.Clone(args[:i]), []string(nil), []string(nil)
	for ; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return slices.Concat(head, flags, []string{"--"}, rest, args[i+1:])
		}
		if len(a) < 2 || a[0] != '-' {
			rest = append(rest, a)
			continue
		}
		flags = append(flags, a)
		name := strings.TrimLeft(a, "-")
		// For --name=value it finds none.
		at := slices.IndexFunc(known, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
		if at < 0 || i+1 == len(args) {
			continue
		}
		if _, alone := known[at].(*cli.BoolFlag); !alone {
			i++
			flags = append(flags, args[i])
		}
	}
	return slices.Concat(head, flags, rest)
}

// usageErrors makes unknown flags of a command and its subcommands exit with code 2.
func usageErrors(c *cli.Command) {
	c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return usage("%v", err) }
	if c.Action == nil {
		name := c.Name
		c.Action = func(cc *cli.Context) error {
			if cc.Args().Present() {
				return usage("%s has no command %q", name, cc.Args().First())
			}
			return cli.ShowSubcommandHelp(cc)
		}
	}
	for _, s := range c.Subcommands {
		usageErrors(s)
	}
}

// exitError is an error with an exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func refused(format string, args ...any) error {
	return &exitError{exitRefused, fmt.Errorf(format, args...)}
}
