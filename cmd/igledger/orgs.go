package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/ledger/entry"
)

func memberFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "id", Required: true, Usage: "the organisation's id, such as its ODS code"},
		&cli.StringFlag{Name: "name", Required: true, Usage: "the organisation's name"},
		&cli.StringFlag{Name: "kind", Required: true,
			Usage: "kind of organisation, in lower case: health-board, gp-practice, supplier, university…"},
		&cli.StringSliceFlag{Name: "role", Required: true, Action: checkRoles,
			Usage: "controller, processor, source, auditor, front-desk, registrar, enroller or operator; repeat for more"},
	}
}

func checkRoles(_ *cli.Context, list []string) error {
	return oneOf("--role", "role of an organisation", list, strs(entry.Roles()))
}

// warner says on standard error what a command did not do.
func warner(c *cli.Context) func(string) {
	return func(text string) { fmt.Fprintln(c.App.ErrWriter, "igledger:", text) }
}

func member(c *cli.Context) entry.Member {
	m := entry.Member{ID: c.String("id"), Name: c.String("name"), Kind: c.String("kind")}
	for _, r := range c.StringSlice("role") {
		m.Roles = append(m.Roles, entry.Role(r))
	}
	slices.Sort(m.Roles)
	return m
}

func orgCommand() *cli.Command {
	return &cli.Command{
		Name:  "org",
		Usage: "organisations in the log",
		Subcommands: []*cli.Command{
			countersignOrgCommand(),
			registerOrgCommand(),
			listOrgsCommand(),
		},
	}
}

func countersignOrgCommand() *cli.Command {
	return &cli.Command{
		Name:  "countersign",
		Usage: "as an enroller: state that an organisation is genuine, so that the registrar can register it",
		Description: "Prints a compact JWS. First check by other means that the organisation is what it claims\n" +
			"to be.\n\n" +
			"Example: igledger org countersign --org REGULATOR --key regulator.jwk --id NHSL --name " +
			"'NHS Lothian' --kind health-board --role controller --role source > nhsl.jws",
		Flags: remoteFlags(memberFlags()...),
		Action: func(c *cli.Context) error {
			r, err := newRemote(c, signingAway)
			if err != nil {
				return err
			}
			m := member(c)
			e, err := r.enrolment(c.Context, warner(c))
			if err != nil {
				return err
			}
			if err := e.signs(entry.RoleEnroller); err != nil {
				return err
			}
			if err := e.checkMember(m); err != nil {
				return err
			}
			if e.reg != nil && e.needsCounter(m) == "" {
				return refused("%s has these roles in this log already: there is nothing to countersign", m.ID)
			}
			return countersign(c, r, entry.Countersignature{Organisation: &m})
		},
	}
}

func registerOrgCommand() *cli.Command {
	return &cli.Command{
		Name:  "register",
		Usage: "as a registrar: register an organisation, or change its registration",
		Description: "Needs an enroller's countersignature for a first registration, and for a change (same\n" +
			"id) that adds a role.\n\n" +
			"Example: igledger org register --org REGISTRAR --key registrar.jwk --id NHSL --name 'NHS " +
			"Lothian' --kind health-board --role controller --role source --countersignature nhsl.jws",
		Flags: remoteFlags(append(memberFlags(), countersignatureFlag())...),
		Action: func(c *cli.Context) error {
			counter, err := readToken(c, "countersignature")
			if err != nil {
				return err
			}
			return submitPublic(c, func(r *remote) error {
				e, err := r.enrolment(c.Context, warner(c))
				if err != nil {
					return err
				}
				if err := e.signs(entry.RoleRegistrar); err != nil {
					return err
				}
				m := member(c)
				return e.checkCounter(counter, entry.Countersignature{Organisation: &m}, e.needsCounter(m))
			}, func(common entry.Common) entry.Body {
				return &entry.Organisation{Common: common, Organisation: member(c), Counter: counter}
			}, func(_ *remote, res client.Result) string {
				m := member(c)
				return fmt.Sprintf("%s is registered from entry %d, as %s", m.ID, res.Index, joined(m.Roles))
			})
		},
	}
}

func countersignatureFlag() cli.Flag {
	return &cli.StringFlag{Name: "countersignature", Usage: "file with the enroller's countersignature"}
}

func listOrgsCommand() *cli.Command {
	return &cli.Command{
		Name:        "list",
		Usage:       "list organisations and the number of their active keys",
		Description: "Example: igledger org list --url https://ledger.example.scot",
		Flags:       remoteFlags(),
		Action:      listOrgs,
	}
}

func listOrgs(c *cli.Context) error {
	r, err := newRemote(c, anybody)
	if err != nil {
		return err
	}
	reg, err := r.Register(c.Context)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, reg)
	}
	rows := [][]string{{"ID", "NAME", "KIND", "ROLES", "KEYS"}}
	for _, o := range reg.Organisations {
		keys := 0
		for _, k := range reg.Keys {
			if k.Organisation == o.ID && !k.Revoked {
				keys++
			}
		}
		rows = append(rows, []string{o.ID, o.Name, o.Kind, joined(o.Roles), fmt.Sprint(keys)})
	}
	return command.ScreenOf(c).Table(rows)
}

func joined[T ~string](list []T) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = string(v)
	}
	return strings.Join(parts, ",")
}

func countersign(c *cli.Context, r *remote, cs entry.Countersignature) error {
	cs.Issuer, cs.Audience = r.org, r.origin
	jws, err := entry.Countersign(r.signer, cs)
	if err != nil {
		return usage("%v", err)
	}
	return output(c, map[string]string{"countersignature": jws}, "%s\n", jws)
}

// readToken reads a compact JWS from the file that the flag names. It returns "" if the flag is not
// set.
func readToken(c *cli.Context, flag string) (string, error) {
	path := c.String(flag)
	if path == "" {
		return "", nil
	}
	data, err := readText(c, path)
	if err != nil {
		return "", fmt.Errorf("reading --%s: %w", flag, err)
	}
	return strings.TrimSpace(string(data)), nil
}

// submitPublic signs and submits a public entry after a check, which may be nil, checks its
// receipt, and prints its index and what follows from it.
func submitPublic(
	c *cli.Context, check func(*remote) error, body func(entry.Common) entry.Body, follows func(*remote, client.Result) string,
) error {
	r, err := newRemote(c, signing)
	if err != nil {
		return err
	}
	if check != nil {
		if err := check(r); err != nil {
			return err
		}
	}
	res, err := r.submit(c.Context, body(r.common()))
	if err != nil {
		return err
	}
	return printFollows(c, res, follows(r, res))
}
