package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// followUpSource is the source of accesses that follow up an override. They are no stream: an
// officer's, now and then, has no number that could be missing.
const followUpSource = "igledger-follow-up"

// patientRecord is DICOM's audit event "Patient Record" (PS3.16 CID 400).
const patientRecord = "http://dicom.nema.org/resources/ontology/DCM|110110"

// followUpPurpose is why an officer looks: to see that the rules are kept.
var followUpPurpose = []string{"HCOMPL"}

const maxFollowUpNote = 2000 // characters, as on the pages

func followUpCommand() *cli.Command {
	return &cli.Command{
		Name:      "follow-up",
		Usage:     "record that an emergency override was looked into, and what was found",
		ArgsUsage: "JTI",
		Description: "JTI is that of the override, as igledger report break-glass shows it. Reads the person's id from\n" +
			"standard input. Records an access by your organisation, which made the override, to the same\n" +
			"record: to follow it up is to look at the record. The override is then on no list any more, of\n" +
			"the report and of the pages. The person sees the follow-up and its --note, so it names no one.\n\n" +
			"With --audit-key it first reads your organisation's accesses to this record, and refuses a JTI that\n" +
			"is not an override of yours in it; the person sees this reading too. Otherwise it says that this\n" +
			"was not checked. A --key that is for audit too needs no second one.\n\n" +
			"Example: igledger access follow-up --org NHSL --key lothian-submit.jwk \\\n" +
			"  --audit-key lothian-audit.jwk --note 'The ward confirmed that the patient was unconscious.' \\\n" +
			"  0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11 < id.txt",
		Flags: remoteFlags(idFlag(),
			&cli.StringFlag{Name: "audit-key",
				Usage: "file with your organisation's private JWK for audit, to check what JTI is" + command.KeyHelp},
			&cli.StringFlag{Name: "note", Required: true, Usage: "what was found, in words for the person"},
			&cli.StringFlag{Name: "function", Value: "information governance",
				Usage: "function on whose behalf you looked, never a person"},
		),
		Action: followUp,
	}
}

func followUp(c *cli.Context) error {
	if c.NArg() != 1 {
		return usage("access follow-up: give the JTI of the override, which igledger report break-glass shows")
	}
	jti, note := c.Args().First(), c.String("note")
	if u, err := uuid.Parse(jti); err != nil || u.String() != jti {
		return usage("access follow-up: the JTI is a UUID in lower case, as igledger report break-glass shows it")
	}
	switch hidden := wire.Hidden(note); {
	case hidden != "":
		return usage("--note: %s", hidden)
	case len([]rune(note)) > maxFollowUpNote:
		return usage("--note is longer than %d characters", maxFollowUpNote)
	case entry.ContainsPersonNumber(note):
		return usage("--note has a CHI or NHS number: leave it out, the entry is in the person's record")
	}
	r, err := newRemote(c, signing)
	if err != nil {
		return err
	}
	by, err := r.overrideReader(c)
	if err != nil {
		return err
	}
	id, err := readID(c)
	if err != nil {
		return err
	}
	out := followedUp{}
	if by != nil {
		if out.Override, err = by.override(c, id, jti); err != nil {
			return err
		}
	}
	out.Result, err = r.submit(c.Context, &entry.Access{
		Common: r.common(), Source: followUpSource, System: c.String("function"), Event: []string{patientRecord}, Action: "R",
		Purpose: followUpPurpose, Outcome: "0", Recorded: time.Now().UTC().Format(time.RFC3339), Sub: id,
		Text: &entry.Text{Why: client.FollowUp + jti + ": " + note},
	})
	if err != nil {
		return err
	}
	if by != nil {
		out.Follows = fmt.Sprintf("followed up: the override of entry %d is on no list any more", *out.Override)
	} else {
		out.Follows = fmt.Sprintf("followed up: if %s is an override by %s in this person's record, it is on no list any more. "+
			"Whether it is was not checked: that takes --audit-key", jti, r.org)
	}
	return output(c, out, "entry %d: %s\n%s\n", out.Index, out.Status, sentence(out.Follows))
}

// followedUp is the answer to a follow-up.
type followedUp struct {
	acted
	Override *uint64 `json:"override,omitempty"` // index of what was followed up; absent: it was not checked
}

// overrideReader returns r with a key by which its organisation reads its own accesses, nil if the
// flags name none.
func (r *remote) overrideReader(c *cli.Context) (*remote, error) {
	by := *r
	calls := *r.Client
	by.Client = &calls
	if c.String("audit-key") != "" {
		var err error
		if by.signer, err = command.Signer(c, "audit-key"); err != nil {
			return nil, err
		}
	} else {
		reg, err := r.Register(c.Context)
		if err != nil {
			return nil, err
		}
		reads := func(k client.Key) bool {
			return k.KID == r.signer.KID && slices.Contains(k.Purposes, entry.PurposeAudit)
		}
		if !slices.ContainsFunc(reg.Keys, reads) {
			return nil, nil
		}
	}
	by.asCaller("follow-up") // a token has no room for --function, which is in words
	by.Purpose = followUpPurpose
	return &by, nil
}

// override returns the index of an override of r's organisation in a person's record. It refuses a
// jti that is certainly none.
func (r *remote) override(c *cli.Context, id, jti string) (*uint64, error) {
	why := fmt.Sprintf("no access by %s with this jti is on record under this number: check both, and the other numbers of the person, "+
		"if any. Nothing was recorded", r.org)
	for before := uint64(0); ; {
		page, err := r.Search(c.Context, id, before, 0)
		if err != nil {
			return nil, fmt.Errorf("checking that %s is an override: %w", jti, err)
		}
		for _, a := range page.Accesses {
			e, err := entry.ParseParts(a.Opening.JWS, a.Opening.Disclosures)
			if err != nil {
				return nil, refused("entry %d from the ledger is not valid: %w", a.Index, err)
			}
			if e.ID != jti {
				continue
			}
			x, ok := e.Body.(*entry.Access)
			switch {
			case !ok:
				why = fmt.Sprintf("entry %d is no access, so no override. Nothing was recorded", a.Index)
			case x.Accessor() != r.org:
				why = fmt.Sprintf("the access of entry %d was made by %s, which has to follow it up. Nothing was recorded", a.Index,
					accessor(x.Accessor()))
			case a.Verdict == nil || a.Verdict.Result != entry.BreakGlass:
				why = fmt.Sprintf("the access of entry %d is no override in an emergency. Nothing was recorded", a.Index)
			default:
				return &a.Index, nil
			}
		}
		if before = page.Next; before == 0 {
			return nil, refused("%s: %s", jti, why)
		}
	}
}
