// Package command holds what igledger and igverify have in common as commands: exit codes, flags
// before and after arguments, values from the environment and a profile, errors, the version, the
// completion of shells, and manual pages.
package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/internal/build"
	"igledger/ledger/entry"
)

// The exit codes, of every command.
const (
	Good        = 0
	Refused     = 1 // the ledger refused, or a verification failed
	Usage       = 2 // the command line is wrong
	Unreachable = 3 // something could not be reached or read
	Partial     = 4 // true, but stale, or only a part of what was asked
)

// Error is an error with an exit code. With the code Good or without Err nothing is printed: the
// command has said already what there is to say.
type Error struct {
	Code int
	Err  error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an error with an exit code.
func Errorf(code int, format string, args ...any) error {
	return &Error{code, fmt.Errorf(format, args...)}
}

// Program is igledger or igverify.
type Program struct {
	Name, Usage, Description string

	Commands func() []*cli.Command // new ones each time: urfave/cli keeps values in flags
	Settings []Setting
	OneOf    [][]string      // names of settings that exclude each other
	ExitCode func(error) int // the exit code of an error that is no Error; nil: Unreachable
	Clean    func(string) string
}

// Run runs the program and returns its exit code. args do not have the program's name. Only results
// and help that was asked for go to out.
func (p *Program) Run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	app := p.app()
	app.Reader, app.Writer, app.ErrWriter = in, out, errOut
	if f, ok := in.(*os.File); ok {
		app.Reader = &stdin{f, ctx}
	}
	line := arrange(app.Commands, app.Flags, args)
	for _, c := range app.Commands {
		p.prepare(c, app.Name, line)
	}
	err := app.RunContext(ctx, append([]string{p.Name}, line.args...))
	code, said := p.code(err), new(Error)
	if err == nil || errors.As(err, &said) && said.Err == nil {
		return code
	}
	text := withheld(err.Error())
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		code, text = Interrupted, strings.ReplaceAll(text, context.Canceled.Error(), "interrupted")
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = Plain(lines[i])
	}
	text = strings.Join(lines, "\n")
	if code == Usage { // a library's list of mistakes too
		text = strings.Join(strings.Fields(text), " ")
	}
	if p.Clean != nil {
		text = p.Clean(text)
	}
	if !line.given["json"] {
		fmt.Fprintf(errOut, "%s: %s\n", p.Name, text)
		return code
	}
	e := json.NewEncoder(errOut)
	e.SetEscapeHTML(false)
	if err := e.Encode(report{text, code, names[code]}); err != nil && code == Good {
		return Unreachable
	}
	return code
}

// numberLike is a hash in hex, which is a word and no number, or digits as people group them.
var numberLike = regexp.MustCompile(`\b[0-9a-f]{64}\b|[0-9](?:[ -]?[0-9])*`)

// withheld returns text without the CHI and NHS numbers in it. Errors repeat what stands on the
// command line or in a file, and a terminal's lines end up in logs and tickets.
func withheld(text string) string {
	if !entry.ContainsPersonNumber(text) {
		return text
	}
	return numberLike.ReplaceAllStringFunc(text, func(s string) string {
		if len(s) != 64 && entry.ContainsPersonNumber(s) {
			return "(a person's number)"
		}
		return s
	})
}

// A report is an error as --json prints it.
type report struct {
	Error string `json:"error"`
	Exit  int    `json:"exit"`
	Kind  string `json:"kind"`
}

var names = map[int]string{
	Refused: "refused", Usage: "usage", Unreachable: "unreachable", Partial: "partial", Interrupted: "interrupted",
}

func (p *Program) code(err error) int {
	e := new(Error)
	switch {
	case err == nil:
		return Good
	case errors.As(err, &e):
		if e.Code == Usage && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
			return Unreachable // a file that a flag names
		}
		return e.Code
	case errors.Is(err, fs.ErrExist):
		return Refused // nothing is overwritten
	case Forbidden(err):
		return Refused
	case keyCode(err) != Good:
		return keyCode(err)
	case p.ExitCode != nil:
		return p.ExitCode(err)
	}
	return Unreachable
}

// Forbidden reports whether err is a server's answer that the caller may not do this (401 or 403),
// whether the ledger gave it or something before it. Trying again does not help.
func Forbidden(err error) bool {
	var s interface{ HTTPStatus() int }
	return errors.As(err, &s) && (s.HTTPStatus() == http.StatusUnauthorized || s.HTTPStatus() == http.StatusForbidden)
}

func (p *Program) app() *cli.App {
	commands := append(p.Commands(), p.versionCommand(), p.completionCommand(), p.manCommand())
	app := &cli.App{
		Name: p.Name, Usage: p.Usage, Description: p.Description, Version: build.Read().Version,
		Commands:             commands,
		HideVersion:          true, // a flag -v would be one of one command only
		EnableBashCompletion: true,
		ExitErrHandler:       func(*cli.Context, error) {}, // Run handles the error
		OnUsageError:         usageError(p.Name),
		CommandNotFound:      func(*cli.Context, string) {}, // Action does
		Flags: []cli.Flag{&cli.BoolFlag{Name: "version", Usage: "print the version"}, &cli.BoolFlag{Name: wide,
			Usage: "show tables whole, also on a terminal that is narrower"}, &cli.StringFlag{
			Name: "profile", Usage: "take what the command line leaves out from this `PROFILE` of " +
				"~/.config/igledger/config.yaml (or $IGLEDGER_PROFILE, or the file's default)"}},
	}
	app.Action = func(c *cli.Context) error {
		switch name := c.Args().First(); {
		case c.Bool("version") && name == "":
			return p.printVersion(c)
		case name == "":
			cli.HelpPrinter(c.App.ErrWriter, cli.AppHelpTemplate, c.App)
			return &Error{Usage, nil} // no command is no success: of a script it is a mistake
		default:
			return noCommand(p.Name, name, app.Commands)
		}
	}
	return app
}

// prepare makes c and its subcommands treat what is missing and what is unknown as every command of
// both programs does.
func (p *Program) prepare(c *cli.Command, parent string, line arranged) {
	name := parent + " " + c.Name
	c.OnUsageError = usageError(name)
	var list []string
	for _, s := range c.Subcommands {
		p.prepare(s, name, line)
		list = append(list, s.Name)
	}
	if len(list) > 0 && c.Action == nil {
		c.Action = func(cc *cli.Context) error {
			if cc.Args().Present() {
				return noCommand(name, cc.Args().First(), c.Subcommands)
			}
			return Errorf(Usage, "%s needs one of its commands: %s; see %s --help", name, strings.Join(list, ", "), name)
		}
		return
	}
	required := optional(c)
	act := c.Action
	c.Action = func(cc *cli.Context) error {
		if err := p.settle(cc); err != nil {
			return err
		}
		var missing []string
		for _, n := range required {
			if !cc.IsSet(n) {
				missing = append(missing, "--"+n)
			}
		}
		if len(missing) > 0 {
			return Errorf(Usage, "give %s; see %s --help", strings.Join(missing, ", "), name)
		}
		for _, n := range line.empty {
			return Errorf(Usage, "--%s is empty: give a value, or leave it out", n)
		}
		for _, n := range line.twice {
			return Errorf(Usage, "--%s is given twice: give it once", n)
		}
		if len(list) > 0 && cc.Args().Present() {
			return noCommand(name, cc.Args().First(), c.Subcommands)
		}
		if c.ArgsUsage == "" && cc.Args().Present() {
			return Errorf(Usage, "%s takes no argument; see %s --help", name, name)
		}
		return act(cc)
	}
}

// optional makes the required flags of c optional for urfave/cli, which would print the whole help
// as if it were a result, and returns their names.
func optional(c *cli.Command) (names []string) {
	for i, f := range c.Flags {
		if r, ok := f.(cli.RequiredFlag); !ok || !r.IsRequired() {
			continue
		}
		names = append(names, f.Names()[0])
		switch f := f.(type) { // a copy: a flag may be shared by commands
		case *cli.StringFlag:
			own := *f
			own.Required, c.Flags[i] = false, &own
		case *cli.StringSliceFlag:
			own := *f
			own.Required, c.Flags[i] = false, &own
		default:
			panic(fmt.Sprintf("command: a required flag of type %T", f))
		}
	}
	return names
}

func noCommand(of, name string, list []*cli.Command) error {
	var known []string
	for _, c := range list {
		known = append(known, c.Names()...)
	}
	return Errorf(Usage, "%s has no command %q%s; see %s --help", of, name, meant(name, known), of)
}

func usageError(of string) cli.OnUsageErrorFunc {
	return func(c *cli.Context, err error, _ bool) error {
		text := err.Error()
		if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
			var known []string
			for _, f := range c.Command.Flags {
				known = append(known, f.Names()...)
			}
			name = strings.TrimLeft(name, "-")
			text = fmt.Sprintf("%s has no flag --%s%s", of, name, meantFlag(name, known))
		} else if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
			text = fmt.Sprintf("--%s needs a value", strings.TrimLeft(name, "-"))
		} else if m := badValue.FindStringSubmatch(text); m != nil {
			text = fmt.Sprintf("--%s cannot be %s: give %s", m[2], m[1], wanted(c.Command.Flags, m[2]))
		} else if m := badVariable.FindStringSubmatch(text); m != nil {
			text = fmt.Sprintf("%s cannot be %s: give %s", m[2], m[1], wanted(c.Command.Flags, m[3]))
		}
		return Errorf(Usage, "%s; see %s --help", text, of)
	}
}

// flagLike reports whether a word is a flag, and not the value of the flag before it, whose value
// was forgotten. A value that begins as a flag does is given as --flag=value; -5s is a value, of
// which the flag then says what is wrong.
func flagLike(word string) bool {
	return strings.HasPrefix(word, "--") || word == "-h"
}

// badValue is how package flag says that a value is none of its flag.
var badValue = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([a-z0-9-]+): `)

// badVariable is how urfave/cli says that of a variable of the environment.
var badVariable = regexp.MustCompile(`^could not parse (".*") as \S+ value from environment variable "([^"]*)" for flag ([a-z0-9-]+): `)

// wanted says what the values of a flag are.
func wanted(flags []cli.Flag, name string) string {
	i := slices.IndexFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return "another value"
	}
	switch flags[i].(type) {
	case *cli.DurationFlag:
		return "a length of time with its unit, such as 90s, 15m or 36h"
	case *cli.BoolFlag:
		return "true or false, or leave it out"
	case *cli.UintFlag, *cli.Uint64Flag:
		return "a whole number that is not negative"
	case *cli.IntFlag, *cli.Int64Flag:
		return "a whole number"
	}
	return "another value"
}

// arranged is a command line with flags before arguments.
type arranged struct {
	args  []string
	given map[string]bool // names of the flags on it
	empty []string        // those with an empty value, as of a shell's variable that is not set
	twice []string        // those given twice of which only one value counts
}

// arrange moves the flags of a command before its arguments, and the program's flags before the
// command: urfave/cli reads no flags after the first argument.
func arrange(commands []*cli.Command, global []cli.Flag, args []string) arranged {
	line := arranged{given: map[string]bool{}}
	if len(args) > 0 && args[len(args)-1] == "--generate-bash-completion" {
		line.args = args
		return line
	}
	known := func(flags []cli.Flag, name string) cli.Flag {
		for _, f := range flags {
			if slices.Contains(f.Names(), name) {
				return f
			}
		}
		return nil
	}
	var head, path, flags, rest []string
	var own []cli.Flag
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' {
			next := slices.IndexFunc(commands, func(c *cli.Command) bool { return slices.Contains(c.Names(), a) })
			if next < 0 || len(rest) > 0 || len(flags) > 0 {
				commands, rest = nil, append(rest, a)
				continue
			}
			path, own, commands = append(path, a), commands[next].Flags, commands[next].Subcommands
			continue
		}
		name, value, given := strings.Cut(strings.TrimLeft(a, "-"), "=")
		f, to := known(own, name), &flags
		if f == nil {
			if f = known(global, name); f != nil {
				to = &head
			}
		}
		*to = append(*to, a)
		if f != nil {
			name = f.Names()[0]
		}
		again := line.given[name]
		line.given[name] = true
		if f == nil {
			continue
		}
		_, alone := f.(*cli.BoolFlag)
		if _, many := f.(cli.DocGenerationSliceFlag); again && !alone && !many {
			line.twice = append(line.twice, name)
		}
		if !alone && !given {
			if i+1 == len(args) || flagLike(args[i+1]) || known(own, strings.TrimPrefix(args[i+1], "-")) != nil && args[i+1][0] == '-' {
				line.given["json"] = line.given["json"] || slices.Contains(args[i+1:], "--json")
				line.args = []string{a} // which says that it needs a value
				if to == &flags {
					line.args = append(path, a)
				}
				return line
			}
			i++
			value, given = args[i], true
			*to = append(*to, value)
		}
		if _, text := f.(*cli.StringFlag); text && given && strings.TrimSpace(value) == "" {
			line.empty = append(line.empty, name)
		}
	}
	line.args = slices.Concat(head, path, flags)
	if len(rest) > 0 {
		if len(path) > 0 {
			line.args = append(line.args, "--")
		}
		line.args = append(line.args, rest...)
	}
	return line
}
