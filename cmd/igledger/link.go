package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"igledger/internal/command"
	"igledger/ledger/entry"
)

func linkCommand() *cli.Command {
	return pairCommand("linked", &cli.Command{
		Name:  "link",
		Usage: "record that two numbers belong to one person",
		Description: "Reads the two ids from standard input, one on each line. From then on a statement for\n" +
			"either number shows the entries under both, so be sure that it is one person: anyone who\n" +
			"may see one may see the other. A registrar can link any two numbers; another\n" +
			"organisation only if it issued one of them (temp:ORG:…). What the person refused under\n" +
			"one number applies to accesses under the other. What they permitted, and who may act for\n" +
			"them, does not: record that under each number. who-accessed covers only the number you\n" +
			"give. The command adds two entries, one under each number. A number with a\n" +
			"wrong check digit is taken, and flagged: it may have entries under it.\n\n" +
			"Example: igledger link --org NHSL --key lothian-agreements.jwk --reason 'CHI number found " +
			"after an emergency admission' < two-ids.txt",
	})
}

func unlinkCommand() *cli.Command {
	return pairCommand("unlinked", &cli.Command{
		Name:  "unlink",
		Usage: "record that two numbers do not, or no longer, belong to one person",
		Description: "Reads the two ids from standard input, one on each line. The link and its end stay in\n" +
			"the history of both numbers. What was refused under one number no longer applies under\n" +
			"the other. The organisations that may unlink are those that may link.\n\n" +
			"Example: igledger unlink --org NHSL --key lothian-agreements.jwk --reason 'two persons of " +
			"one name' < two-ids.txt",
	})
}

// pairStated is the answer to a link: the indices of its two entries, in the order of the ids.
type pairStated struct {
	Act     string       `json:"act"`
	Indices []uint64     `json:"indices"`
	Flags   []entry.Flag `json:"flags,omitempty"`
	Follows string       `json:"follows"` // in words
}

// pairCommand adds to cmd the action that records act for two ids, in both directions.
func pairCommand(act string, cmd *cli.Command) *cli.Command {
	cmd.Flags = remoteFlags(
		&cli.StringFlag{Name: "reason", Required: true, Usage: "reason, in words for the person"},
	)
	cmd.Action = func(c *cli.Context) error {
		r, err := newRemote(c, signing)
		if err != nil {
			return err
		}
		ids, err := readLines(c, prompt{"the first id", true}, prompt{"the second id", true})
		if err != nil {
			return err
		}
		for i, id := range ids {
			id, err := command.PersonID(c, fmt.Sprintf("line %d", i+1), id)
			if err != nil {
				return err
			}
			ids[i] = id
		}
		return r.statePair(c, act, ids[0], ids[1])
	}
	return cmd
}

// statePair submits both entries together. If one is refused, the command can be repeated:
// recording the other again changes nothing.
func (r *remote) statePair(c *cli.Context, act, one, other string) error {
	var signed []*entry.Entry
	var travelling []string
	for _, ids := range [][2]string{{one, other}, {other, one}} {
		e, err := entry.Sign(r.signer, &entry.Link{Common: r.common(), Act: act, Reason: c.String("reason"),
			Sub: ids[0], Other: ids[1]})
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
			return r.refusal(res.Problem)
		}
		index, err := r.receipts.Check(c.Context, signed[i], res.Receipt)
		if err != nil {
			return err
		}
		answer.Indices, answer.Flags = append(answer.Indices, index), append(answer.Flags, res.Flags...)
	}
	answer.Follows = linkFollows(act, max(answer.Indices[0], answer.Indices[1]))
	return output(c, answer, "%s: entries %d and %d\n%s\n", act, answer.Indices[0], answer.Indices[1], sentence(answer.Follows))
}
