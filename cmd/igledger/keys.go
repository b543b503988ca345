package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

// keyRequest is the request of the holder of a new key to register it. It contains no secret.
type keyRequest struct {
	Organisation string          `json:"organisation"`
	Key          entry.PublicKey `json:"key"`
	Proof        string          `json:"proof"`
}

func purposeFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "purpose", Required: true, Action: checkKeyPurposes,
		Usage: "submit, agreements, audit, front-desk, guard or administer; repeat for more"}
}

func checkKeyPurposes(_ *cli.Context, list []string) error {
	return oneOf("--purpose", "purpose of a key", list, strs(entry.Purposes()))
}

// oneOf refuses the first of list that is not known, with what was meant.
func oneOf(flag, what string, list, known []string) error {
	for _, p := range list {
		if slices.Contains(known, p) {
			continue
		}
		text := fmt.Sprintf("%s: %q is no %s; those are %s", flag, p, what, strings.Join(known, ", "))
		if meant := purpose.Closest(p, known); meant != "" {
			text += ". Did you mean " + meant + "?"
		}
		return usage("%s", text)
	}
	return nil
}

func keyCommand() *cli.Command {
	return &cli.Command{
		Name:  "key",
		Usage: "keys in the log, and files of keys",
		Subcommands: []*cli.Command{
			tokenCommand(),
			requestKeyCommand(),
			countersignKeyCommand(),
			addKeyCommand(),
			revokeKeyCommand(),
			listKeysCommand(),
			showKeyCommand(),
			encryptKeyCommand(),
			decryptKeyCommand(),
		},
	}
}

func requestFlag() cli.Flag {
	return &cli.StringFlag{Name: "request", Required: true,
		Usage: "file that key request wrote, or - for standard input"}
}

func requestKeyCommand() *cli.Command {
	return &cli.Command{
		Name:  "request",
		Usage: "as the holder of a new key: request its registration and prove that you hold it",
		Description: "Prints JSON without secrets, for key countersign, key add and init. Needs no ledger.\n\n" +
			"Example: igledger key request --origin ledger.example.scot/2026 --org NHSL --key nhsl-admin.jwk " +
			"--purpose administer > nhsl-admin.json",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "origin", Required: true, Usage: "origin of the log"},
			&cli.StringFlag{Name: "org", Required: true, Usage: "id of the organisation",
				EnvVars: []string{"IGLEDGER_ORG"}},
			&cli.StringFlag{Name: "key", Required: true, Usage: "file with the new private JWK" + command.KeyHelp},
			purposeFlag(),
			&cli.Uint64Flag{Name: "valid-from",
				Usage: "first log index at which the key is valid (default: from its registration)"},
		},
		Action: requestKey,
	}
}

func requestKey(c *cli.Context) error {
	signer, err := command.Signer(c, "key")
	if err != nil {
		return err
	}
	req := keyRequest{Organisation: c.String("org"),
		Key: entry.PublicKey{JWK: signer.Public, ValidFrom: c.Uint64("valid-from")}}
	for _, p := range c.StringSlice("purpose") {
		req.Key.Purposes = append(req.Key.Purposes, entry.Purpose(p))
	}
	slices.Sort(req.Key.Purposes)
	req.Proof, err = entry.ProveKey(signer, c.String("origin"), req.Organisation)
	if err != nil {
		return err
	}
	return printJSON(c.App.Writer, req)
}

func countersignKeyCommand() *cli.Command {
	return &cli.Command{
		Name:  "countersign",
		Usage: "as an enroller: state that a key belongs to the organisation, so that the registrar can add it",
		Description: "Example: igledger key countersign --org REGULATOR --key regulator.jwk " +
			"--request nhsl-admin.json > nhsl-admin.jws",
		Flags: remoteFlags(requestFlag()),
		Action: func(c *cli.Context) error {
			req, err := readRequest(c)
			if err != nil {
				return err
			}
			r, err := newRemote(c, signingAway)
			if err != nil {
				return err
			}
			e, err := r.enrolment(c.Context, warner(c))
			if err != nil {
				return err
			}
			if err := e.signs(entry.RoleEnroller); err != nil {
				return err
			}
			if err := e.checkRequest(req); err != nil {
				return err
			}
			return countersign(c, r, entry.Countersignature{Org: req.Organisation, Key: &req.Key})
		},
	}
}

func addKeyCommand() *cli.Command {
	return &cli.Command{
		Name:  "add",
		Usage: "register a key: with your organisation's administrative key, or as a registrar",
		Description: "Example: igledger key add --org NHSL --key nhsl-admin.jwk --request nhsl-submit.json\n" +
			"Example: igledger key add --org REGISTRAR --key registrar.jwk --request nhsl-admin.json " +
			"--countersignature nhsl-admin.jws",
		Flags: remoteFlags(requestFlag(), countersignatureFlag()),
		Action: func(c *cli.Context) error {
			req, err := readRequest(c)
			if err != nil {
				return err
			}
			counter, err := readToken(c, "countersignature")
			if err != nil {
				return err
			}
			return submitPublic(c, func(r *remote) error {
				e, err := r.enrolment(c.Context, warner(c))
				if err != nil {
					return err
				}
				role, needed := entry.Role(""), ""
				if r.org != req.Organisation {
					role, needed = entry.RoleRegistrar, fmt.Sprintf("%s adds a key for %s", r.org, req.Organisation)
				}
				if err := e.checkRequest(req); err != nil {
					return err
				}
				if err := e.signs(role); err != nil {
					return err
				}
				return e.checkCounter(counter, entry.Countersignature{Org: req.Organisation, Key: &req.Key}, needed)
			}, func(common entry.Common) entry.Body {
				return &entry.Key{Common: common, Org: req.Organisation, Key: req.Key, Proof: req.Proof,
					Counter: counter}
			}, func(r *remote, _ client.Result) string {
				return r.keyFollows(c.Context, req.Organisation, req.Key.JWK.Thumbprint())
			})
		},
	}
}

func revokeKeyCommand() *cli.Command {
	return &cli.Command{
		Name:  "revoke",
		Usage: "revoke a key: it is not valid for any later entry",
		Description: "Example: igledger key revoke --org NHSL --key nhsl-admin.jwk --of NHSL --kid 9f8… " +
			"--reason compromised --suspect-from 120034",
		Flags: remoteFlags(
			command.YesFlag(),
			&cli.StringFlag{Name: "kid", Required: true, Usage: "thumbprint of the key"},
			&cli.StringFlag{Name: "of", Usage: "organisation that holds the key (default: --org)"},
			&cli.StringFlag{Name: "reason", Required: true, Usage: "superseded, compromised, retired or other"},
			&cli.Uint64Flag{Name: "suspect-from", Usage: "first log index at which someone else may have had the key"},
		),
		Action: revokeKey,
	}
}

func revokeKey(c *cli.Context) error {
	if err := command.Confirm(c, "key revoke", c.String("kid")); err != nil {
		return err
	}
	return submitPublic(c, func(r *remote) error { return r.checkRevocation(c) }, func(common entry.Common) entry.Body {
		b := &entry.KeyRevocation{Common: common, Org: c.String("of"), KID: c.String("kid"), Reason: c.String("reason")}
		if b.Org == "" {
			b.Org = common.Issuer
		}
		if c.IsSet("suspect-from") {
			from := c.Uint64("suspect-from")
			b.SuspectFrom = &from
		}
		return b
	}, func(r *remote, _ client.Result) string {
		return r.keyFollows(c.Context, cmp.Or(c.String("of"), r.org), c.String("kid"))
	})
}

func listKeysCommand() *cli.Command {
	return &cli.Command{
		Name:        "list",
		Usage:       "list keys, including revoked ones",
		Description: "Example: igledger key list --of NHSL",
		Flags:       remoteFlags(&cli.StringFlag{Name: "of", Usage: "only keys of this organisation"}),
		Action:      listKeys,
	}
}

func listKeys(c *cli.Context) error {
	r, err := newRemote(c, anybody)
	if err != nil {
		return err
	}
	reg, err := r.Register(c.Context)
	if err != nil {
		return err
	}
	of := c.String("of")
	if of != "" && !slices.ContainsFunc(reg.Organisations, func(o *entry.Member) bool { return o.ID == of }) {
		return refused("no organisation %s is registered", of)
	}
	keys := slices.DeleteFunc(reg.Keys, func(k client.Key) bool { return of != "" && k.Organisation != of })
	if c.Bool("json") {
		return printJSON(c.App.Writer, keys)
	}
	rows := [][]string{{"KID", "ORGANISATION", "ALG", "PURPOSES", "FROM", "STATUS"}}
	for _, k := range keys {
		status := "active"
		if k.Revoked {
			status = fmt.Sprintf("revoked at %d (%s)", k.RevokedAt, k.Reason)
		}
		rows = append(rows, []string{k.KID, k.Organisation, k.JWK.Algorithm(), joined(k.Purposes), fmt.Sprint(k.From), status})
	}
	return command.ScreenOf(c).Table(rows)
}

func readRequest(c *cli.Context) (keyRequest, error) {
	return parseRequest(c, c.String("request"))
}

func parseRequest(c *cli.Context, path string) (keyRequest, error) {
	var req keyRequest
	data, err := readText(c, path)
	if err != nil {
		return req, fmt.Errorf("reading the key request: %w", err)
	}
	if err := json.Unmarshal(data, &req, json.RejectUnknownMembers(true)); err != nil {
		return req, usage("%s is not the output of key request", path)
	}
	return req, nil
}
