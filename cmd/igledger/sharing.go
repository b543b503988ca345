package main

import (
	"github.com/urfave/cli/v2"

	"igledger/ledger/entry"
)

func sharingCommand() *cli.Command {
	requestFlag := &cli.StringFlag{Name: "request", Required: true, Usage: "id of the request, of the asking organisation's choice: 1-64 of A-Z a-z 0-9 . _ -"}
	byFlag := &cli.StringFlag{Name: "by", Required: true, Usage: "post that asks or decides, never a person's name"}
	agreementFlag := &cli.StringFlag{Name: "agreement", Usage: "id of the agreement under which it is asked or agreed"}
	return &cli.Command{
		Name:  "sharing",
		Usage: "requests for data and their answers, as the ICO's forms have them",
		Subcommands: []*cli.Command{
			{
				Name:  "request",
				Usage: "ask another organisation for data",
				Description: "All texts are public for ever and name no person.\n\n" +
					"Example: igledger sharing request --org UOE --key uoe-agreements.jwk --request req-2027-003 --holder NHSL --data 'discharge summaries 2020-2026' \\\n" +
					"  --purpose 'study of readmissions' --code HRESCH --necessity 'no aggregate answers the question' --legal-power 'Article 6(1)(e)' --by 'Principal investigator'",
				Flags: remoteFlags(requestFlag, byFlag, agreementFlag,
					&cli.StringFlag{Name: "holder", Required: true, Usage: "organisation that is asked"},
					&cli.StringFlag{Name: "data", Required: true, Usage: "what is asked for"},
					&cli.StringFlag{Name: "purpose", Required: true, Usage: "what for, in words"},
					&cli.StringSliceFlag{Name: "code", Required: true, Usage: "PurposeOfUse code of it; may be given again"},
					&cli.StringFlag{Name: "necessity", Required: true, Usage: "why it cannot be done without"},
					&cli.StringFlag{Name: "legal-power", Required: true, Usage: "the law that lets it be shared"},
					&cli.StringFlag{Name: "needed", Usage: "day by which"},
				),
				Action: func(c *cli.Context) error {
					if c.Args().Present() {
						return usage("sharing request takes no arguments")
					}
					return submitPublic(c, func(common entry.Common) entry.Body {
						return &entry.SharingRequest{Common: common, Request: c.String("request"), Holder: c.String("holder"), Data: c.String("data"), Purpose: c.String("purpose"),
							Codes: sorted(c.StringSlice("code")), Necessity: c.String("necessity"), Power: c.String("legal-power"), Agreement: c.String("agreement"),
							By: c.String("by"), Needed: c.String("needed")}
					})
				},
			},
			{
				Name:  "decide",
				Usage: "as the organisation that is asked: answer a request, once",
				Description: "Example: igledger sharing decide --org NHSL --key lothian-agreements.jwk --request req-2027-003 --decision refused \\\n" +
					"  --reasons 'the PBPP has not approved the study' --dpia 'not reached' --by 'Caldicott Guardian'",
				Flags: remoteFlags(requestFlag, byFlag, agreementFlag,
					&cli.StringFlag{Name: "decision", Required: true, Usage: "agreed, agreed-in-part or refused"},
					&cli.StringFlag{Name: "reasons", Required: true, Usage: "why"},
					&cli.StringFlag{Name: "dpia", Required: true, Usage: "whether an impact assessment was considered, and with what outcome"},
					&cli.StringSliceFlag{Name: "article6", Usage: "if agreed: letter of UK GDPR Article 6(1); may be given again"},
					&cli.StringSliceFlag{Name: "article9", Usage: "letter of UK GDPR Article 9(2); may be given again"},
					&cli.StringFlag{Name: "dpa-condition", Usage: "Data Protection Act 2018 Schedule 1 condition"},
					&cli.StringFlag{Name: "dpo-opinion", Usage: "opinion of the data protection officer"},
					&cli.StringFlag{Name: "retention", Usage: "how long"},
					&cli.StringFlag{Name: "security", Usage: "how it is kept safe"},
					&cli.StringFlag{Name: "rights", Usage: "how people's rights are met"},
					&cli.StringFlag{Name: "interval", Usage: "once, or how often"},
				),
				Action: func(c *cli.Context) error {
					if c.Args().Present() {
						return usage("sharing decide takes no arguments")
					}
					return submitPublic(c, func(common entry.Common) entry.Body {
						return &entry.SharingDecision{Common: common, Request: c.String("request"), Decision: c.String("decision"), Reasons: c.String("reasons"),
							Article6: sorted(c.StringSlice("article6")), Article9: sorted(c.StringSlice("article9")), Condition: c.String("dpa-condition"), DPIA: c.String("dpia"),
							Opinion: c.String("dpo-opinion"), Retention: c.String("retention"), Security: c.String("security"), Rights: c.String("rights"),
							Interval: c.String("interval"), By: c.String("by"), Agreement: c.String("agreement")}
					})
				},
			},
			{
				Name:        "list",
				Usage:       "list the requests and their answers",
				Description: "Example: igledger sharing list --url https://ledger.example.scot",
				Flags:       remoteFlags(),
				Action:      listRequests,
			},
		},
	}
}
