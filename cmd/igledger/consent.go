package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

func consentCommand() *cli.Command {
	return &cli.Command{
		Name:  "consent",
		Usage: "consents of people: record, withdraw, import and export",
		Subcommands: []*cli.Command{
			importConsentCommand(),
			{
				Name:  "record",
				Usage: "record what a person decided",
				Description: "The person's id is read from standard input. Prints the id of the consent record, by which it is amended, withdrawn and exported. Where the agreement does not\n" +
					"rest on consent this is recorded and changes nothing, and the command says so; a refusal then counts as an objection. A rule with exceptions\n" +
					"is imported as a FHIR Consent.\n\n" +
					"Example: igledger consent record --org NHSL --key lothian-agreements.jwk --act refused --scope research --purpose HRESCH --how written < id.txt",
				Flags: consentFlags(
					&cli.StringFlag{Name: "act", Value: "given", Usage: "given, refused, amended, reconfirmed or expired"},
					&cli.StringFlag{Name: "decision", Usage: "permit or deny, for amended and reconfirmed (given is permit, refused is deny)"},
					&cli.StringFlag{Name: "record", Usage: "id of the consent record (default: a new one)"},
					&cli.StringFlag{Name: "agreement", Usage: "id of the agreement that it was asked for"},
					&cli.StringFlag{Name: "from", Usage: "accesses from this day or RFC 3339 time on"},
					&cli.StringFlag{Name: "until", Usage: "accesses to the end of this day, or before this time"},
					&cli.StringSliceFlag{Name: "purpose", Usage: "PurposeOfUse code with all below it (default: every purpose); may be given again, as the following"},
					&cli.StringSliceFlag{Name: "data", Usage: "category of data, system|code (default: all)"},
					&cli.StringSliceFlag{Name: "recipient", Usage: "organisation (default: all)"},
					&cli.StringSliceFlag{Name: "role", Usage: "role of the user (default: all)"},
					&cli.StringSliceFlag{Name: "action", Usage: "C R U D E (default: all)"},
					&cli.StringFlag{Name: "notice-url", Usage: "where what the person was told stands"},
					&cli.StringFlag{Name: "notice", Usage: "`FILE` with it, whose hash is recorded"},
					&cli.StringFlag{Name: "notice-version", Usage: "its version"},
				),
				Action: recordConsent,
			},
			{
				Name:      "withdraw",
				Usage:     "record that a person withdrew a consent or took back a refusal",
				ArgsUsage: "RECORD",
				Description: "The person's id is read from standard input. Where the agreement does not rest on consent it is refused, and the ledger says what it does rest on and which\n" +
					"right applies: tell the person that.\n\n" +
					"Example: igledger consent withdraw --org NHSL --key lothian-agreements.jwk --scope research --how verbal 0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11 < id.txt",
				Flags: consentFlags(),
				Action: func(c *cli.Context) error {
					if c.NArg() != 1 {
						return usage("consent withdraw wants the id of the consent record")
					}
					return submitConsent(c, &entry.Consent{Consent: c.Args().First(), Act: "withdrawn"})
				},
			},
			listConsentsCommand(),
			exportConsentCommand(),
			receiptOfConsentCommand(),
		},
	}
}

// consentFlags are those of every act.
func consentFlags(more ...cli.Flag) []cli.Flag {
	return remoteFlags(append([]cli.Flag{idFlag(),
		&cli.StringFlag{Name: "scope", Value: "patient-privacy", Usage: "adr, patient-privacy, research or treatment (FHIR consentscope)"},
		&cli.StringFlag{Name: "decided", Usage: "day or RFC 3339 time on which the person decided (default: now)"},
		&cli.StringFlag{Name: "how", Required: true, Usage: "implied, verbal, written, electronic or explicit-electronic"},
		&cli.StringFlag{Name: "verified", Usage: "day or RFC 3339 time on which it was verified with the person"},
		&cli.StringFlag{Name: "language", Usage: "language that was spoken, as en or gd"},
		&cli.StringFlag{Name: "delegation", Usage: "id of the delegation under which somebody else decided"},
		&cli.StringFlag{Name: "relation", Usage: "what that one is to the person (v3-RoleCode)"},
		&cli.StringFlag{Name: "evidence", Usage: "reference of the form or recording; only the person's own organisations see it"},
	}, more...)...)
}

func recordConsent(c *cli.Context) error {
	if c.Args().Present() {
		return usage("consent record takes no arguments; the id comes from standard input")
	}
	x := &entry.Consent{Consent: c.String("record"), Act: c.String("act"), Agreement: c.String("agreement")}
	if x.Consent == "" {
		x.Consent = uuid.NewString()
	}
	var err error
	x.Rule, err = ruleFlags(c, x.Act)
	if err != nil {
		return err
	}
	x.Notice, err = noticeFlags(c)
	if err != nil {
		return err
	}
	return submitConsent(c, x)
}

// ruleFlags makes the rule of an act; nil for expired.
func ruleFlags(c *cli.Context, act string) (*entry.ConsentRule, error) {
	r := &entry.ConsentRule{Decision: c.String("decision"), Purposes: c.StringSlice("purpose"), Data: c.StringSlice("data"), Recipients: c.StringSlice("recipient"),
		Roles: c.StringSlice("role"), Actions: c.StringSlice("action")}
	if meant := map[string]string{"given": "permit", "refused": "deny"}[act]; meant != "" {
		if r.Decision != "" && r.Decision != meant {
			return nil, usage("--act %s is a %s", act, meant)
		}
		r.Decision = meant
	}
	if act == "expired" {
		return nil, nil
	}
	if r.Decision == "" {
		return nil, usage("--act %s wants --decision permit or deny, and the whole rule as it is from now on", act)
	}
	start, err := timeFlag(c, "from", time.Time{})
	if err != nil {
		return nil, err
	}
	end, err := lastMoment(c, "until")
	if err != nil {
		return nil, err
	}
	r.Start, r.End = instant(start), instant(end)
	return r, nil
}

// instant writes a time, "" for none.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// noticeFlags hashes what the person was told; nil if it is not named.
func noticeFlags(c *cli.Context) (*entry.Notice, error) {
	path, url := c.String("notice"), c.String("notice-url")
	if path == "" && url == "" && c.String("notice-version") == "" {
		return nil, nil
	}
	if path == "" || url == "" {
		return nil, usage("--notice and --notice-url go together: the file's hash shows later what stood at the address")
	}
	h, err := fileHash(path)
	if err != nil {
		return nil, err
	}
	return &entry.Notice{URL: url, Hash: h, Version: c.String("notice-version"), Language: c.String("language")}, nil
}

// submitConsent fills in what every act has, and states it.
func submitConsent(c *cli.Context, x *entry.Consent) error {
	now := time.Now().UTC()
	decided, err := timeFlag(c, "decided", now)
	if err != nil {
		return err
	}
	verified, err := timeFlag(c, "verified", time.Time{})
	if err != nil {
		return err
	}
	r, err := newRemote(c, signing)
	if err != nil {
		return err
	}
	x.Sub, err = readID(c)
	if err != nil {
		return err
	}
	x.Common, x.Scope, x.Decided = r.common(), c.String("scope"), instant(decided)
	x.Expressed = entry.Expressed{How: c.String("how"), Verified: instant(verified), Language: c.String("language")}
	if d, relation := c.String("delegation"), c.String("relation"); d != "" || relation != "" {
		x.By = &entry.ConsentBy{Delegation: d, Relation: relation}
	}
	if e := c.String("evidence"); e != "" {
		x.Text = &entry.ConsentText{Evidence: e}
	}
	return r.state(c, x, x.Consent)
}

func fileHash(path string) (wire.Hash, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return wire.Hash{}, fmt.Errorf("reading --notice: %w", err)
	}
	return sha256.Sum256(data), nil
}
