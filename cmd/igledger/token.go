package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// tokenCommand returns key token. It prints what a caller of the API presents, for programs that
// cannot yet sign themselves.
func tokenCommand() *cli.Command {
	return &cli.Command{
		Name:  "token",
		Usage: "print a token for calling the HTTP API",
		Description: "The token is valid for five minutes, for this log only. It is a bearer token: anyone who\n" +
			"has it can use it. With --log-key the command does not contact the ledger.\n\n" +
			"Example: igledger key token --org NHSL --key lothian-audit.jwk --log-key \"$LOG_KEY\"\n" +
			"  curl -H \"Authorization: Bearer $(igledger key token …)\" " +
			"https://ledger.example.scot/v1/sources",
		Flags: remoteFlags(&cli.StringFlag{Name: "as", Value: "curl",
			Usage: "function or system on whose behalf you call, which the log records with the call; never a person"}),
		Action: func(c *cli.Context) error {
			if err := wire.CheckSystem(c.String("as")); err != nil {
				return usage("--as: %v", err)
			}
			r, err := newRemote(c, signingAway)
			if err != nil {
				return err
			}
			now := time.Now()
			token, err := register.SignCaller(r.signer, r.origin, r.org, c.String("as"), now)
			if err != nil {
				return err
			}
			return output(c, map[string]string{"token": token,
				"expires": now.Add(register.MaxCallerLife).UTC().Format(time.RFC3339)}, "%s\n", token)
		},
	}
}
