package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"igledger/consent/fhir/mapping"
	"igledger/internal/command"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies"
)

func consentCommand() *cli.Command {
	return &cli.Command{
		Name:  "consent",
		Usage: "people's consents: record, withdraw, import and export",
		Subcommands: []*cli.Command{
			importConsentCommand(),
			{
				Name:  "record",
				Usage: "record what a person decided",
				Description: "Reads the person's id from standard input. Prints the id of the consent record; use that\n" +
					"id to amend, withdraw or export it. If the agreement does not rest on consent, a consent\n" +
					"is recorded but changes nothing, and the command says so; a refusal is then an\n" +
					"objection. To record a rule with exceptions, import it as a FHIR Consent.\n\n" +
					"Example: igledger consent record --org NHSL --key lothian-agreements.jwk --act refused " +
					"--scope research --purpose HRESCH --how written < id.txt",
				Flags: consentFlags(
					&cli.StringFlag{Name: "act", Value: "given",
						Usage: "given, refused, amended, reconfirmed or expired"},
					&cli.StringFlag{Name: "decision",
						Usage: "permit or deny, for amended and reconfirmed (given means permit, refused means deny)"},
					&cli.StringFlag{Name: "record", Usage: "id of the consent record (default: a new one)"},
					&cli.StringSliceFlag{Name: "agreement",
						Usage: "id of the agreement for which the person was asked; repeat for more"},
					&cli.StringFlag{Name: "from", Usage: "covers accesses from this day or RFC 3339 time"},
					&cli.StringFlag{Name: "until",
						Usage: "covers accesses to the end of this day, or before this RFC 3339 time"},
					&cli.StringSliceFlag{Name: "purpose", Action: checkPurposes,
						Usage: "PurposeOfUse code, including its child codes (default: all); repeat for more"},
					&cli.StringSliceFlag{Name: "data",
						Usage: "category of data, system|code (default: all); repeat for more"},
					&cli.StringSliceFlag{Name: "recipient",
						Usage: "recipient organisation (default: all); repeat for more"},
					&cli.StringSliceFlag{Name: "role", Usage: "role of the user (default: all); repeat for more"},
					&cli.StringSliceFlag{Name: "staff",
						Usage: "the user, by `SYSTEM|VALUE` or a value without system (default: all); repeat for more"},
					&cli.StringSliceFlag{Name: "unit",
						Usage: "unit or place where the user works, `SYSTEM|VALUE` (default: all); repeat for more"},
					&cli.BoolFlag{Name: "restrict",
						Usage: "the refusal stops care too, also by the holder's own staff; a refusal of care (TREAT), or of someone " +
							"named for whatever purpose, does so without this flag"},
					&cli.StringSliceFlag{Name: "action", Usage: "C, R, U, D or E (default: all); repeat for more"},
					&cli.StringFlag{Name: "notice-url", Usage: "address of the information that the person was given"},
					&cli.StringFlag{Name: "notice", Usage: "`FILE` with that information; its hash is recorded"},
					&cli.StringFlag{Name: "notice-version", Usage: "version of that information"},
				),
				Action: recordConsent,
			},
			{
				Name:      "withdraw",
				Usage:     "record that a person withdrew a consent or a refusal",
				ArgsUsage: "RECORD",
				Description: "Reads the person's id from standard input. If the agreement does not rest on consent,\n" +
					"the ledger refuses, and says what the agreement rests on and which right applies. Tell\n" +
					"the person that.\n\n" +
					"Example: igledger consent withdraw --org NHSL --key lothian-agreements.jwk --scope " +
					"research --how verbal 0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11 < id.txt",
				Flags: consentFlags(command.YesFlag()),
				Action: func(c *cli.Context) error {
					if c.NArg() != 1 {
						return usage("consent withdraw: give the id of the consent record")
					}
					if err := command.Confirm(c, "consent withdraw", c.Args().First()); err != nil {
						return err
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

// consentFlags returns the flags of every act, followed by more.
func consentFlags(more ...cli.Flag) []cli.Flag {
	return remoteFlags(append([]cli.Flag{idFlag(),
		&cli.StringFlag{Name: "scope", Value: "patient-privacy",
			Usage: "adr, patient-privacy, research or treatment (FHIR consentscope)"},
		&cli.StringFlag{Name: "decided", Usage: "day or RFC 3339 time when the person decided (default: now)"},
		&cli.StringFlag{Name: "how", Required: true,
			Usage: "implied, verbal, written, electronic or explicit-electronic"},
		&cli.StringFlag{Name: "verified", Usage: "day or RFC 3339 time when the decision was verified with the person"},
		&cli.StringFlag{Name: "language", Usage: "language in which the person was asked, such as en or gd"},
		&cli.StringFlag{Name: "delegation", Usage: "id of the delegation, if a delegate decided"},
		&cli.StringFlag{Name: "relation", Usage: "relation of the delegate to the person (v3-RoleCode)"},
		zoneFlag(), strictFlag(),
		&cli.StringFlag{Name: "evidence",
			Usage: "reference of the form or recording; only the person's own organisations see it"},
	}, more...)...)
}

func zoneFlag() cli.Flag {
	return &cli.StringFlag{Name: "zone", Value: mapping.DefaultZone, EnvVars: []string{"IGLEDGER_ZONE"},
		Usage: "time zone whose days are meant where a day is given"}
}

func recordConsent(c *cli.Context) error {
	x := &entry.Consent{Consent: c.String("record"), Act: c.String("act"), Agreements: c.StringSlice("agreement")}
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

// ruleFlags returns the rule of an act, or nil for expired.
func ruleFlags(c *cli.Context, act string) (*entry.ConsentRule, error) {
	r := &entry.ConsentRule{Decision: c.String("decision"), Purposes: c.StringSlice("purpose"),
		Data: c.StringSlice("data"), Recipients: c.StringSlice("recipient"),
		Roles: c.StringSlice("role"), Staff: c.StringSlice("staff"), Units: c.StringSlice("unit"),
		Actions: c.StringSlice("action"), Restricts: c.Bool("restrict")}
	for _, name := range []string{"staff", "unit", "data"} {
		for _, s := range c.StringSlice(name) {
			if system, value, ok := strings.Cut(s, "|"); ok && (system == "" || value == "") {
				return nil, usage("--%s must be SYSTEM|VALUE, with both parts", name)
			}
		}
	}
	meant := ""
	switch act {
	case "given":
		meant = "permit"
	case "refused":
		meant = "deny"
	}
	if meant != "" {
		if r.Decision != "" && r.Decision != meant {
			return nil, usage("--act %s means --decision %s", act, meant)
		}
		r.Decision = meant
	}
	if act == "expired" {
		return nil, nil
	}
	if r.Decision == "" {
		return nil, usage("--act %s needs --decision permit or deny, and the whole new rule", act)
	}
	if r.Restricts && r.Decision != "deny" {
		return nil, usage("--restrict is for a refusal: a permission restricts nothing")
	}
	r.Restricts = r.Restricts || policies.MeansRestriction(r, nil)
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

// instant formats a time, and returns "" for the zero time.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// noticeFlags returns the notice with the hash of what the person was told, or nil if no flag names
// it.
func noticeFlags(c *cli.Context) (*entry.Notice, error) {
	path, url := c.String("notice"), c.String("notice-url")
	if path == "" && url == "" && c.String("notice-version") == "" {
		return nil, nil
	}
	if path == "" || url == "" {
		return nil, usage("give --notice and --notice-url together: the hash shows later what was at the address")
	}
	h, err := fileHash(path)
	if err != nil {
		return nil, err
	}
	return &entry.Notice{URL: url, Hash: h, Version: c.String("notice-version"), Language: c.String("language")}, nil
}

// submitConsent adds the fields that every act has, and submits the act.
func submitConsent(c *cli.Context, x *entry.Consent) error {
	now := time.Now().UTC()
	decided, err := timeFlag(c, "decided", now)
	if err != nil {
		return err
	}
	if decided.After(now) {
		return usage("--decided is in the future: it must be when the person decided")
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
	// To the nanosecond: of two acts within one second the later one counts.
	x.Common, x.Scope, x.Decided = r.common(), c.String("scope"), decided.UTC().Format(time.RFC3339Nano)
	x.Expressed = entry.Expressed{How: c.String("how"), Verified: instant(verified), Language: c.String("language")}
	if _, err := uuid.Parse(c.String("delegation")); err != nil && c.IsSet("delegation") {
		return usage("--delegation must be the id that delegation grant printed")
	}
	if d, relation := c.String("delegation"), c.String("relation"); d != "" || relation != "" {
		x.By = &entry.ConsentBy{Delegation: d, Relation: relation}
	}
	if e := c.String("evidence"); e != "" {
		x.Text = &entry.ConsentText{Evidence: e}
	}
	if err := r.understood(c, x); err != nil {
		return err
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
