package command

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"
)

// Final is an act that no command takes back, or that has an effect at once.
type Final struct {
	Act  string // the command, with what it is told to do: "agreement act terminate"
	Does string // a sentence without its full stop
}

// Finals returns all of them. Each asks for the id of what it is about on a terminal, and needs
// --yes where there is none: see Confirm.
func Finals() []Final { return slices.Clone(finals) }

var finals = []Final{
	{"agreement act suspend", "The agreement covers no access from now until your organisation resumes it"},
	{"agreement act terminate", "The agreement ends now and covers no later access"},
	{"agreement act withdraw", "The version is taken back and never comes into force"},
	{"consent withdraw", "What the person decided no longer counts"},
	{"delegation revoke", "The delegate may no longer act for the person"},
	{"key revoke", "The key signs nothing more, and cannot be used again"},
	{"sharing decide", "The answer is published and cannot be changed"},
	{"recover --end", "The log ends for good, and its keys never sign again"},
	{"access outbox drop", "The access is set aside for good and will not be in the person's history"},
}

// YesFlag is the flag of a command with a final act.
func YesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "yes", Usage: "do not ask; needed where there is no terminal"}
}

// Confirm asks whoever is at the terminal to type id, what a final act is about. Where there is no
// terminal, the act needs --yes.
func Confirm(c *cli.Context, act, id string) error {
	i := slices.IndexFunc(finals, func(f Final) bool { return f.Act == act })
	if i < 0 {
		return fmt.Errorf("command: %s is not among the final acts", act)
	}
	if c.Bool("yes") {
		return nil
	}
	if !Asks(c) {
		return Errorf(Usage, "%s: %s. Without a terminal, give --yes", act, finals[i].Does)
	}
	typed, err := Ask(c, fmt.Sprintf("%s. To do it, type %s", finals[i].Does, id))
	if err != nil {
		return err
	}
	if typed != id {
		return Errorf(Refused, "nothing was done: that is not %s", id)
	}
	return nil
}
