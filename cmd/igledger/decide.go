package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/audit/plain"
	"igledger/internal/client"
)

func decideCommand() *cli.Command {
	return &cli.Command{
		Name:  "decide",
		Usage: "ask whether an access is allowed, before it is made",
		Description: "Reads the person's id from standard input. Asks over the OpenID AuthZEN API, as any\n" +
			"system does. Needs a key to submit or audit, or of a guard. The ledger logs a denial,\n" +
			"so that the person sees the attempt. With --log it logs a permit too, and the access can\n" +
			"name that decision. Exits with 0 if the access is allowed, with 1 if not. When the access\n" +
			"is reported, the ledger judges it again by the state of the log at that time.\n\n" +
			"Example: igledger decide --org NHSH --key highland-submit.jwk --staff n-1234 --role nurse " +
			"--purpose TREAT --holder NHSL --agreement isa-2027-001 < id.txt",
		Flags: remoteFlags(idFlag(),
			&cli.StringFlag{Name: "function", Value: "igledger",
				Usage: "function or system on whose behalf you ask, never a person"},
			&cli.StringFlag{Name: "staff", Required: true, Usage: "identifier of the user, or of the machine; SYSTEM|VALUE if a system gave it"},
			&cli.StringSliceFlag{Name: "unit", Usage: "unit or place where the user works, SYSTEM|VALUE; repeat for more"},
			&cli.BoolFlag{Name: "machine", Usage: "no person is involved in the access"},
			&cli.StringSliceFlag{Name: "role", Usage: "role of the user; repeat for more"},
			&cli.StringFlag{Name: "action", Value: "R", Usage: "C, R, U, D or E, or a FHIR interaction"},
			&cli.StringSliceFlag{Name: "purpose", Action: checkPurposes, Usage: "PurposeOfUse code of the access; repeat for more"},
			&cli.StringSliceFlag{Name: "data", Usage: "category of data, system|code; repeat for more"},
			&cli.StringFlag{Name: "holder", Usage: "organisation that holds the record (default: --org)"},
			&cli.StringFlag{Name: "agreement", Usage: "id of the agreement that permits the access"},
			&cli.StringFlag{Name: "delegation", Usage: "id of the delegation under which the user acts for the person"},
			&cli.BoolFlag{Name: "emergency", Usage: "break-glass access"},
			&cli.StringFlag{Name: "justification", Usage: "reason for the break-glass access, with --emergency"},
			&cli.BoolFlag{Name: "log", Usage: "log a permit too"},
			&cli.BoolFlag{Name: "fhir", Usage: "print the answer as a FHIR AuditEvent (IHE BALP AuthZconsent)"},
		),
		Action: func(c *cli.Context) error {
			if c.String("justification") != "" && !c.Bool("emergency") {
				return usage("--justification is of an emergency: give --emergency too")
			}
			r, err := newRemote(c, signing)
			if err != nil {
				return err
			}
			r.asCaller(c.String("function"))
			id, err := readID(c)
			if err != nil {
				return err
			}
			q := question(c, id)
			if c.Bool("fhir") {
				b, err := r.DecideFHIR(c.Context, q)
				if err != nil {
					return err
				}
				_, err = c.App.Writer.Write(append(b, '\n'))
				return err
			}
			d, err := r.Decide(c.Context, q)
			if err != nil {
				return err
			}
			if err := output(c, d, "%s", decisionText(d)); err != nil {
				return err
			}
			if !d.Decision {
				return refused("%s", said.Text(plain.DecisionNotAllowed))
			}
			return nil
		},
	}
}

func question(c *cli.Context, id string) client.Evaluation {
	kind := "staff"
	if c.Bool("machine") {
		kind = "machine"
	}
	system, staff, found := strings.Cut(c.String("staff"), "|")
	if !found {
		system, staff = "", system
	}
	return client.Evaluation{
		Subject: &client.Subject{Type: kind, ID: staff,
			Properties: &client.SubjectProperties{Role: c.StringSlice("role"), IDSystem: system, Units: c.StringSlice("unit")}},
		Action: &client.Action{Name: c.String("action")},
		Resource: &client.Resource{Type: "record", ID: id,
			Properties: &client.ResourceProperties{Holder: c.String("holder"), Data: c.StringSlice("data")}},
		Context: &client.RequestContext{Purpose: c.StringSlice("purpose"), Agreement: c.String("agreement"),
			Delegation: c.String("delegation"), Emergency: c.Bool("emergency"),
			Justification: c.String("justification"), Log: c.Bool("log")},
	}
}

func decisionText(d *client.Decision) string {
	var b strings.Builder
	answer := plain.DecisionNotAllowed
	if d.Decision {
		answer = plain.DecisionAllowed
	}
	fmt.Fprintln(&b, said.Text(answer))
	if d.Context == nil {
		return b.String()
	}
	for _, r := range d.Context.Reasons {
		fmt.Fprintf(&b, "  %s  %s\n", line(r.ID), line(r.Plain))
	}
	for _, o := range d.Context.Obligations {
		fmt.Fprintf(&b, "  %s\n", line(said.Obligation(o.ID, d.Decision, o.Properties.Codes)))
	}
	if d.Context.ID != "" {
		fmt.Fprintf(&b, "  logged in entry %d as decision %s\n", d.Context.Index, line(d.Context.ID))
	}
	return b.String()
}
