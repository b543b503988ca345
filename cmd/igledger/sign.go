package main

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/consent/draft"
	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/verifier/fetch"
)

func signCommand() *cli.Command {
	return &cli.Command{
		Name:      "sign",
		Usage:     "as a party: sign the proposed version of an agreement",
		ArgsUsage: "ID",
		Description: "Reads the proposal from the log, with the proof that it is in the log, and shows it. The\n" +
			"signature covers exactly that text, not what the ledger says about it. --text compares\n" +
			"the proposal with the file that your organisation approved. Without a terminal you must\n" +
			"give --yes or --text. The agreement is in force once every party has signed and its\n" +
			"start date has come.\n\n" +
			"Example: igledger agreement sign --org NHSH --key highland-agreements.jwk --text " +
			"approved.yaml isa-2027-001",
		Flags: remoteFlags(
			&cli.Uint64Flag{Name: "version", Usage: "version to sign (default: the newest)"},
			&cli.StringFlag{Name: "text",
				Usage: "`FILE` with the agreement that your organisation approved; if the proposal " +
					"differs, it is not signed"},
			&cli.BoolFlag{Name: "yes", Usage: "sign without asking"},
		),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return usage("agreement sign: give one ID")
			}
			r, err := newRemote(c, signing)
			if err != nil {
				return err
			}
			proposal, index, err := r.proposal(c.Context, c.Args().First(), c.Uint64("version"))
			if err != nil {
				return err
			}
			t := &proposal.Body.(*entry.Agreement).Agreement
			if err := agreed(c, r.org, t); err != nil {
				return err
			}
			res, err := r.submit(c.Context, &entry.AgreementSignature{Common: r.common(), Agreement: t.ID,
				Version: t.Version, Proposal: proposal.Identity()})
			if err != nil {
				return err
			}
			return r.printActed(c, res, t.ID, t.Version, fmt.Sprintf("(proposed in entry %d) is signed by %s", index, r.org))
		},
	}
}

// proposal returns the entry that proposes a version of an agreement, and its index; version 0
// means the newest. It reads the entry from the log: the ledger only says where to look.
func (r *remote) proposal(ctx context.Context, id string, version uint64) (*entry.Entry, uint64, error) {
	a, err := r.agreement(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	v := a.Versions[len(a.Versions)-1]
	if version != 0 {
		at := slices.IndexFunc(a.Versions, func(v client.AgreementVersion) bool { return v.Version == version })
		if at < 0 {
			return nil, 0, refused("%s has no version %d; the newest is %d", id, version, v.Version)
		}
		v = a.Versions[at]
	}
	log, err := fetch.OpenSigned(ctx, r.Base, r.logKey)
	if err != nil {
		return nil, 0, err
	}
	e, err := publicEntry(ctx, log, v.Index)
	if err != nil {
		return nil, 0, err
	}
	p, ok := e.Body.(*entry.Agreement)
	if !ok || p.Agreement.ID != id || p.Agreement.Version != v.Version {
		return nil, 0, refused("the ledger says that entry %d proposes %s version %d, but it does not", v.Index,
			id, v.Version)
	}
	return e, v.Index, nil
}

// publicEntry returns a public entry. It does not check the entry's signature: the ledger did that.
func publicEntry(ctx context.Context, log *fetch.Signed, index uint64) (*entry.Entry, error) {
	b, err := log.Leaf(ctx, index)
	if err != nil {
		return nil, err
	}
	leaf, err := proof.ParseLeaf(b)
	if err != nil {
		return nil, refused("entry %d: %w", index, err)
	}
	if !leaf.Public {
		return nil, refused("entry %d is sealed, not public", index)
	}
	e, err := leaf.Entry()
	if err != nil {
		return nil, refused("entry %d: %w", index, err)
	}
	return e, nil
}

// agreed returns nil if the officer confirms that they want to sign this text.
func agreed(c *cli.Context, org string, t *entry.AgreementText) error {
	if !slices.Contains(t.Organisations(), org) {
		return refused("%s is not a party to %s version %d", org, t.ID, t.Version)
	}
	if path := c.String("text"); path != "" {
		own, err := agreementFile(c, path, draft.Read)
		if err != nil {
			return err
		}
		if fields := differing(own, t); len(fields) > 0 {
			return refused("the agreement in the log differs from %s in: %s", path, strings.Join(fields, ", "))
		}
	}
	if err := describeAgreement(command.ScreenOn(c, c.App.ErrWriter), t); err != nil {
		return err
	}
	if c.Bool("yes") || c.String("text") != "" {
		return nil
	}
	if !command.Asks(c) {
		return usage("without a terminal, give --text FILE or --yes")
	}
	fmt.Fprintln(c.App.ErrWriter)
	typed, err := command.Ask(c, fmt.Sprintf("To sign this agreement for %s, type %s", org, t.ID))
	if err != nil {
		return err
	}
	if typed != t.ID {
		return refused("not signed")
	}
	return nil
}

// differing returns the names of the fields in which two agreements differ, as they are named in a
// file.
func differing(a, b *entry.AgreementText) []string {
	var names []string
	x, y := reflect.ValueOf(*a), reflect.ValueOf(*b)
	for i := range x.NumField() {
		if p, q := x.Field(i), y.Field(i); p.Kind() == reflect.Slice && p.Len()+q.Len() == 0 ||
			reflect.DeepEqual(p.Interface(), q.Interface()) {
			continue
		}
		name, _, _ := strings.Cut(x.Type().Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
