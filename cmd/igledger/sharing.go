package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/ledger/entry"
)

// sharingRequestFlags returns the flags of commands about one request, followed by more.
func sharingRequestFlags(more ...cli.Flag) []cli.Flag {
	return remoteFlags(append([]cli.Flag{
		&cli.StringFlag{Name: "request", Required: true,
			Usage: "id of the request, which the asking organisation chooses: 1 to 64 of A-Z a-z 0-9 . _ -"},
		&cli.StringFlag{Name: "by", Required: true, Usage: "post of the person who asks or decides, never their name"},
		&cli.StringFlag{Name: "agreement", Usage: "id of the agreement under which the data is requested or shared"},
	}, more...)...)
}

func sharingCommand() *cli.Command {
	return &cli.Command{
		Name:  "sharing",
		Usage: "requests for data and their answers, as in the ICO's forms",
		Subcommands: []*cli.Command{
			requestSharingCommand(),
			decideSharingCommand(),
			{
				Name:        "list",
				Usage:       "list requests and their answers",
				Description: "Example: igledger sharing list --url https://ledger.example.scot",
				Flags:       remoteFlags(),
				Action:      listRequests,
			},
		},
	}
}

func requestSharingCommand() *cli.Command {
	return &cli.Command{
		Name:  "request",
		Usage: "ask another organisation for data",
		Description: "All texts are public for ever and must not name a person.\n\n" +
			"Example: igledger sharing request --org UOE --key uoe-agreements.jwk --request " +
			"req-2027-003 --holder NHSL \\\n" +
			"  --data 'discharge summaries 2020-2026' --purpose 'study of readmissions' --code HRESCH \\\n" +
			"  --necessity 'no aggregate answers the question' --legal-power 'Article 6(1)(e)' --by " +
			"'Principal investigator'",
		Flags: sharingRequestFlags(
			&cli.StringFlag{Name: "holder", Required: true, Usage: "organisation that holds the data"},
			&cli.StringFlag{Name: "data", Required: true, Usage: "data that is requested"},
			&cli.StringFlag{Name: "purpose", Required: true, Usage: "purpose, in words"},
			&cli.StringSliceFlag{Name: "code", Required: true, Action: checkPurposes,
				Usage: "PurposeOfUse code of the purpose; repeat for more"},
			&cli.StringFlag{Name: "necessity", Required: true, Usage: "why the data is necessary"},
			&cli.StringFlag{Name: "legal-power", Required: true, Usage: "law that permits the sharing"},
			&cli.StringFlag{Name: "needed", Usage: "day by which the data is needed"},
		),
		Action: requestSharing,
	}
}

func requestSharing(c *cli.Context) error {
	if late := (&entry.SharingRequest{Needed: c.String("needed")}); late.Late(time.Now()) {
		return usage("--needed: %s is over", late.Needed)
	}
	return submitPublic(c, nil, func(common entry.Common) entry.Body {
		return &entry.SharingRequest{Common: common,
			Request:   c.String("request"),
			Holder:    c.String("holder"),
			Data:      c.String("data"),
			Purpose:   c.String("purpose"),
			Codes:     sorted(c.StringSlice("code")),
			Necessity: c.String("necessity"),
			Power:     c.String("legal-power"),
			Agreement: c.String("agreement"),
			By:        c.String("by"),
			Needed:    c.String("needed"),
		}
	}, func(*remote, client.Result) string { return "waits for the answer of " + c.String("holder") })
}

func decideSharingCommand() *cli.Command {
	return &cli.Command{
		Name:  "decide",
		Usage: "as the organisation that was asked: answer a request, once",
		Description: "All texts are public for ever and must not name a person.\n\n" +
			"Example: igledger sharing decide --org NHSL --key lothian-agreements.jwk --request req-2027-003 \\\n" +
			"  --decision refused --reasons 'the PBPP has not approved the study' --dpia 'not reached' " +
			"--by 'Caldicott Guardian'",
		Flags: sharingRequestFlags(
			command.YesFlag(),
			&cli.StringFlag{Name: "decision", Required: true, Usage: "agreed, agreed-in-part or refused"},
			&cli.StringFlag{Name: "reasons", Required: true, Usage: "reasons for the decision"},
			&cli.StringFlag{Name: "dpia", Required: true,
				Usage: "whether an impact assessment was considered, and its outcome"},
			&cli.StringSliceFlag{Name: "article6", Usage: "if agreed: letter of UK GDPR Article 6(1); repeat for more"},
			&cli.StringSliceFlag{Name: "article9", Usage: "letter of UK GDPR Article 9(2); repeat for more"},
			&cli.StringFlag{Name: "dpa-condition", Usage: "condition in Schedule 1 of the Data Protection Act 2018"},
			&cli.StringFlag{Name: "dpo-opinion", Usage: "opinion of the data protection officer"},
			&cli.StringFlag{Name: "retention", Usage: "how long the data is kept"},
			&cli.StringFlag{Name: "security", Usage: "how the data is kept safe"},
			&cli.StringFlag{Name: "rights", Usage: "how people can use their rights"},
			&cli.StringFlag{Name: "interval", Usage: "whether the data is shared once, or how often"},
		),
		Action: decideSharing,
	}
}

func decideSharing(c *cli.Context) error {
	if err := command.Confirm(c, "sharing decide", c.String("request")); err != nil {
		return err
	}
	return submitPublic(c, nil, func(common entry.Common) entry.Body {
		return &entry.SharingDecision{Common: common,
			Request:   c.String("request"),
			Decision:  c.String("decision"),
			Reasons:   c.String("reasons"),
			Article6:  sorted(c.StringSlice("article6")),
			Article9:  sorted(c.StringSlice("article9")),
			Condition: c.String("dpa-condition"),
			DPIA:      c.String("dpia"),
			Opinion:   c.String("dpo-opinion"),
			Retention: c.String("retention"),
			Security:  c.String("security"),
			Rights:    c.String("rights"),
			Interval:  c.String("interval"),
			By:        c.String("by"),
			Agreement: c.String("agreement"),
		}
	}, func(*remote, client.Result) string {
		text := "answered: " + c.String("decision") + ". The request is closed"
		if c.String("decision") != "refused" {
			text += "; data that is shared repeatedly needs an agreement"
		}
		return text
	})
}
