package main

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// followUpSource is the source of accesses that follow up an override. They are no stream: an
// officer's, now and then, has no number that could be missing.
const followUpSource = "igledger-follow-up"

// patientRecord is DICOM's audit event "Patient Record" (PS3.16 CID 400).
const patientRecord = "http://dicom.nema.org/resources/ontology/DCM|110110"

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
			"Example: igledger access follow-up --org NHSL --key lothian-submit.jwk \\\n" +
			"  --note 'The ward confirmed that the patient was unconscious.' 0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11 < id.txt",
		Flags: remoteFlags(idFlag(),
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
	id, err := readID(c)
	if err != nil {
		return err
	}
	res, err := r.submit(c.Context, &entry.Access{
		Common: r.common(), Source: followUpSource, System: c.String("function"), Event: []string{patientRecord}, Action: "R",
		Purpose: []string{"HCOMPL"}, Outcome: "0", Recorded: time.Now().UTC().Format(time.RFC3339), Sub: id,
		Text: &entry.Text{Why: client.FollowUp + jti + ": " + note},
	})
	if err != nil {
		return err
	}
	follows := fmt.Sprintf("followed up: if %s is an override by %s in this person's record, it is on no list any more", jti, r.org)
	return output(c, acted{Result: res, Follows: follows}, "entry %d: %s\n%s\n", res.Index, res.Status, sentence(follows))
}
