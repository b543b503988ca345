package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// tokenCommand is key token: what a caller of the API presents, for programs that cannot sign themselves yet.
func tokenCommand() *cli.Command {
	return &cli.Command{
		Name:  "token",
		Usage: "print a caller's token for the HTTP API",
		Description: "It lives for five minutes, at this log only, and is a bearer's token: who has it can use it. Made from the key alone if --log-key is given.\n\n" +
			"Example: igledger key token --org NHSL --key lothian-audit.jwk --log-key \"$LOG_KEY\"\n" +
			"  curl -H \"Authorization: Bearer $(igledger key token …)\" https://ledger.example.scot/v1/sources",
		Flags: remoteFlags(&cli.StringFlag{Name: "as", Value: "curl", Usage: "function or system on whose behalf, which stands in what is logged of the call; never a person"}),
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
			return output(c, map[string]string{"token": token, "expires": now.Add(register.MaxCallerLife).UTC().Format(time.RFC3339)}, "%s\n", token)
		},
	}
}
