package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/consent"
	"igledger/internal/command"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
	"igledger/verifier/fetch"
)

func verifyAgreementCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "prove the state of an agreement from the log, trusting only the log key or your policy",
		ArgsUsage: "ID",
		Description: "Reads every leaf of the log, from the ledger or, offline, from a copy of igverify log --save.\n" +
			"Checks that the leaves hash to the signed checkpoint and that each public entry is signed by a key that\n" +
			"was valid at its index, and replays all agreements. Because all leaves are read, no act on the agreement\n" +
			"can be missing. With --policy the checkpoint also carries the cosignatures that the policy asks for; with\n" +
			"--log-key nobody but the log vouches that everyone sees the same one.\n\n" +
			"Example: igledger agreement verify --log-key \"$LOG_KEY\" --from copy isa-2027-001",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "url", Value: "http://127.0.0.1:8080", EnvVars: []string{"IGLEDGER_URL"},
				Usage: "the ledger's address"},
			&cli.StringFlag{Name: "from", Usage: "folder with a copy of the log, instead of --url"},
			&cli.StringFlag{Name: "log-key", EnvVars: []string{"IGLEDGER_LOG_KEY"},
				Usage: "the log's verifier key"},
			&cli.StringFlag{Name: "policy",
				Usage: "instead of --log-key, `FILE` that says whom you trust (C2SP tlog-policy)"},
			&cli.StringFlag{Name: "genesis", Usage: "`HASH` of the log's first entry, as igledger init prints it"},
			&cli.StringFlag{Name: "at", Usage: "day or RFC 3339 time at which to show the state (default: now)"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage("agreement verify needs one ID")
			}
			at, err := timeFlag(c, "at", time.Now())
			if err != nil {
				return err
			}
			from := c.String("from")
			if from == "" {
				from = c.String("url")
			}
			policy, genesis, err := readerTrust(c)
			if err != nil {
				return err
			}
			bar := command.NewProgress(c, "replaying the log", 0)
			p, err := proveAgreement(c.Context, from, policy, genesis, c.Args().First(), at, bar.At)
			bar.Done()
			if err != nil {
				return err
			}
			if policy.AsksNobody() {
				fmt.Fprintln(c.App.ErrWriter, "igledger: signed by the log only; nobody else vouches")
			}
			if c.Bool("json") {
				return printJSON(c.App.Writer, p)
			}
			return p.print(command.ScreenOf(c))
		},
	}
}

// readerTrust returns whom the reader trusts about the log: --policy or, without it, --log-key.
func readerTrust(c *cli.Context) (*verifier.Policy, *wire.Hash, error) {
	genesis, err := genesisOf(c)
	if err != nil {
		return nil, nil, err
	}
	policy, err := policyOf(c)
	if err != nil || policy != nil {
		return policy, genesis, err
	}
	if c.String("log-key") == "" {
		return nil, nil, usage("give --policy or --log-key")
	}
	policy, err = verifier.PolicyForLog(c.String("log-key"))
	if err != nil {
		return nil, nil, usage("--log-key: %v", err)
	}
	return policy, genesis, nil
}

// timeFlag reads a day or a time. If the flag is not set, it returns otherwise.
func timeFlag(c *cli.Context, name string, otherwise time.Time) (time.Time, error) {
	zone, err := time.LoadLocation(c.String("zone"))
	if err != nil {
		return otherwise, usage("--zone must be the name of a time zone, such as Europe/London")
	}
	s := c.String(name)
	if s == "" {
		return otherwise, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, zone); err == nil {
		return t, nil
	}
	return otherwise, usage("--%s must be a day such as 2027-01-31, or an RFC 3339 time", name)
}

// agreementProof is what the log proves about an agreement.
type agreementProof struct {
	Agreement string               `json:"agreement"`
	Version   uint64               `json:"version"` // current
	State     consent.State        `json:"state"`
	At        string               `json:"at"` // RFC 3339, the time of State
	Entries   uint64               `json:"entries"`
	Root      string               `json:"root"` // hex
	Text      *entry.AgreementText `json:"text"` // of Version
	Missing   []string             `json:"unsigned,omitempty"`
	History   []agreementEvent     `json:"history"`
}

// agreementEvent is one entry about an agreement.
type agreementEvent struct {
	Index   uint64 `json:"index"`
	Signed  string `json:"signed"` // RFC 3339, as the signer claims
	By      string `json:"by"`
	KID     string `json:"kid"`
	Version uint64 `json:"version"`
	What    string `json:"what"` // "proposed", "signed", or the act
	Reason  string `json:"reason,omitempty"`
}

// proveAgreement replays the log and returns what it proves about agreement id at the time.
func proveAgreement(
	ctx context.Context, from string, policy *verifier.Policy, genesis *wire.Hash, id string, at time.Time,
	progress func(uint64),
) (*agreementProof, error) {
	log, err := fetch.OpenUnder(ctx, new(verifier.Report), from, policy, genesis, time.Now(), 0)
	if err != nil {
		return nil, err
	}
	replay, err := verifier.NewGovernedReplay(log.Key.VKey, consent.New())
	if err != nil {
		return nil, err
	}
	p := &agreementProof{Agreement: id, At: at.UTC().Format(time.RFC3339)}
	add := func(b []byte) error {
		index := replay.Size()
		progress(index)
		if err := replay.Add(b); err != nil {
			return err
		}
		leaf, err := proof.ParseLeaf(b)
		if err != nil || !leaf.Public {
			return err
		}
		e, err := leaf.Entry()
		if err != nil {
			return err
		}
		if e.Name() == "agreement:"+id {
			p.History = append(p.History, eventOf(e, index))
		}
		return nil
	}
	failed := func(f *verifier.Failure) error { return refused("%w", f) }
	done := func() error { return nil }
	if err := log.Log.ReplayWith(ctx, replay, add, log.Head, failed, done); err != nil {
		return nil, err
	}
	governed, err := consent.From(replay.Rules())
	if err != nil {
		return nil, err
	}
	v, state := governed.Agreements().State(id, at)
	if v == nil {
		return nil, refused("the log has no agreement %s: all of its %d entries were read", id, replay.Size())
	}
	p.Version = v.Text.Version
	p.State = state
	p.Text = v.Text
	p.Missing = v.Missing()
	p.Entries = log.Head.Size
	p.Root = fmt.Sprintf("%x", log.Head.Root)
	return p, nil
}

func eventOf(e *entry.Entry, index uint64) agreementEvent {
	signed := time.Unix(e.IssuedAt, 0).UTC()
	ev := agreementEvent{Index: index, Signed: signed.Format(time.RFC3339), By: e.Issuer, KID: e.KID}
	switch b := e.Body.(type) {
	case *entry.Agreement:
		ev.Version, ev.What = b.Agreement.Version, "proposed"
	case *entry.AgreementSignature:
		ev.Version, ev.What = b.Version, "signed"
	case *entry.AgreementAct:
		ev.Version, ev.What, ev.Reason = b.Version, b.Act, b.Reason
	}
	return ev
}

func (p *agreementProof) print(w command.Screen) error {
	if err := describeAgreement(w, p.Text); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nstate as of %s: %s\n\n", p.At, p.State)
	if err := printHistory(w, p.History); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "\nproved from all %d entries of the log, root %s\n", p.Entries, p.Root); err != nil {
		return err
	}
	if len(p.Missing) > 0 && p.State == consent.Proposed {
		_, err := fmt.Fprintf(w, "not yet signed by %s\n", joined(p.Missing))
		return err
	}
	return nil
}

func printHistory(w command.Screen, list []agreementEvent) error {
	rows := [][]string{{"ENTRY", "SIGNED", "BY", "VERSION", "WHAT", "REASON"}}
	for _, e := range list {
		rows = append(rows, []string{fmt.Sprint(e.Index), e.Signed, e.By, fmt.Sprint(e.Version), e.What, e.Reason})
	}
	return w.Table(rows)
}
