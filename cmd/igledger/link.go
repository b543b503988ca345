package main

import (
	"github.com/urfave/cli/v2"

	"igledger/ledger/entry"
)

func linkCommand() *cli.Command {
	return pairCommand("linked", &cli.Command{
		Name:  "link",
		Usage: "state that two numbers are one person's",
		Description: "From standard input come the two ids, one on a line. From then on a statement of either shows what is on record under both, so be sure that it is one person:\n" +
			"whoever may see the one may see the other. A registrar links any two numbers; another organisation only what has to do with a number that it gave (temp:ORG:…).\n" +
			"What the person refused under the one counts for accesses under the other, too; what she permitted does not, nor does who acts for her: record that under each number. who-accessed goes\n" +
			"by the single number. Two entries are made, one filed under each number. A number that fails its check digit is taken with --unchecked only.\n\n" +
			"Example: igledger link --org NHSL --key lothian-agreements.jwk --reason 'CHI number found after an emergency admission' < two-ids.txt",
	})
}

func unlinkCommand() *cli.Command {
	return pairCommand("unlinked", &cli.Command{
		Name:  "unlink",
		Usage: "state that two numbers are not one person's, or no longer held to be",
		Description: "From standard input come the two ids, one on a line. The link and its end stay on record under both. What was refused under the one no longer counts under the other. Who may is as with link.\n\n" +
			"Example: igledger unlink --org NHSL --key lothian-agreements.jwk --reason 'two persons of one name' < two-ids.txt",
	})
}

// pairStated is the answer to a link: where its two entries stand, in the order in which the ids were given.
type pairStated struct {
	Act     string       `json:"act"`
	Indices []uint64     `json:"indices"`
	Flags   []entry.Flag `json:"flags,omitempty"`
}

// pairCommand makes a command that states act of two ids, in both directions.
func pairCommand(act string, cmd *cli.Command) *cli.Command {
	cmd.Flags = remoteFlags(
		&cli.StringFlag{Name: "reason", Required: true, Usage: "why, in words for the person"},
		&cli.BoolFlag{Name: "unchecked", Usage: "take a number although its check digit fails, as of one that was mistyped when entries were filed under it"},
	)
	cmd.Action = func(c *cli.Context) error {
		if c.NArg() > 0 {
			return usage("%s takes no arguments; ids come from standard input", cmd.Name)
		}
		r, err := newRemote(c, signing)
		if err != nil {
			return err
		}
		ids, err := readLines(c, "the one id", "the other id")
		if err != nil {
			return err
		}
		for i, id := range ids {
			if err := entry.CheckID(id); err != nil {
				return usage("line %d: %v", i+1, err)
			}
			if !entry.CheckDigitOK(id) && !c.Bool("unchecked") {
				return usage("the number on line %d fails its check digit: is it misspelt? --unchecked takes it all the same", i+1)
			}
		}
		return r.statePair(c, act, ids[0], ids[1])
	}
	return cmd
}

// statePair submits both entries together. If one is refused the command can be repeated: what was stated before is stated again, which changes nothing.
func (r *remote) statePair(c *cli.Context, act, one, other string) error {
	var signed []*entry.Entry
	var travelling []string
	for _, ids := range [][2]string{{one, other}, {other, one}} {
		e, err := entry.Sign(r.signer, &entry.Link{Common: r.common(), Act: act, Reason: c.String("reason"), Sub: ids[0], Other: ids[1]})
		if err != nil {
			return usage("%v", err)
		}
		signed, travelling = append(signed, e), append(travelling, e.SDJWT())
	}
	results, err := r.Submit(c.Context, travelling)
	if err != nil {
		return err
	}
	answer := pairStated{Act: act}
	for i, res := range results {
		if res.Problem != nil {
			return refused("the ledger refused: %w", res.Problem)
		}
		index, err := r.receipts.Check(c.Context, signed[i], res.Receipt)
		if err != nil {
			return err
		}
		answer.Indices, answer.Flags = append(answer.Indices, index), append(answer.Flags, res.Flags...)
	}
	return output(c, answer, "%s: entries %d and %d\n", act, answer.Indices[0], answer.Indices[1])
}
