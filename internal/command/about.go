package command

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"

	"igledger/internal/build"
)

func (p *Program) versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "say which build this is",
		Description: "Prints the version, the commit from which it was built, the version of Go and of the formats.\n\n" +
			"Example: " + p.Name + " version --json",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print as JSON"}},
		Action: p.printVersion,
	}
}

func (p *Program) printVersion(c *cli.Context) error {
	b := build.Read()
	if c.Bool("json") {
		return json.NewEncoder(c.App.Writer).Encode(b)
	}
	commit := ""
	if b.Commit != "" {
		commit = ", commit " + b.Commit
	}
	if b.Modified {
		commit += " with changes"
	}
	_, err := fmt.Fprintf(c.App.Writer, "%s %s%s, %s, formats %s\n", p.Name, b.Version, commit, b.Go, b.Formats)
	return err
}

// The scripts ask the program itself, so they never tell of a flag that it does not have.
var (
	//go:embed completion.bash
	bash string
	//go:embed completion.zsh
	zsh string
)

func (p *Program) completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print what makes a shell complete this program's commands and flags", ArgsUsage: "bash|zsh|fish",
		Description: "Example: " + p.Name + " completion bash > ~/.local/share/bash-completion/completions/" + p.Name,
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return Errorf(Usage, "give one shell: bash, zsh or fish")
			}
			var err error
			switch c.Args().First() {
			case "bash":
				_, err = fmt.Fprintf(c.App.Writer, bash, p.Name)
			case "zsh":
				_, err = fmt.Fprintf(c.App.Writer, zsh, p.Name)
			case "fish":
				var script string
				if script, err = c.App.ToFishCompletion(); err == nil {
					_, err = fmt.Fprint(c.App.Writer, script)
				}
			default:
				return Errorf(Usage, "there is completion for bash, zsh and fish, not for %q", c.Args().First())
			}
			return err
		},
	}
}

func (p *Program) manCommand() *cli.Command {
	return &cli.Command{
		Name: "man", Usage: "print this program's manual page",
		Description: "Example: " + p.Name + " man > ~/.local/share/man/man1/" + p.Name + ".1",
		Action: func(c *cli.Context) error {
			page, err := c.App.ToMan()
			if err == nil {
				_, err = fmt.Fprint(c.App.Writer, page)
			}
			return err
		},
	}
}

// Meant returns a question for whoever mistyped one of some words, "" if none is near.
func Meant(word string, known []string) string { return meant(word, known) }

// meant returns a question for whoever mistyped one of some words, "" if none is near.
func meant(word string, known []string) string { return near(word, known, "") }

func meantFlag(word string, known []string) string { return near(word, known, "--") }

func near(word string, known []string, before string) string {
	const likely = 0.85 // of Jaro and Winkler: a letter or two, or an ending, is wrong
	best, at := "", likely
	for _, k := range known {
		d := smetrics.JaroWinkler(word, k, 0.7, 4)
		if letters(word) == letters(k) { // two of a short word were exchanged
			d = 1
		}
		if d > at && len(k) > 1 {
			best, at = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s%s?)", before, best)
}

func letters(word string) string {
	l := []byte(word)
	slices.Sort(l)
	return string(l)
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
