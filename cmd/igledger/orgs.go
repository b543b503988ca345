package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/go-json-experiment/json"
	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies"
)

func memberFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "id", Required: true, Usage: "the organisation's id, e.g. its ODS code"},
		&cli.StringFlag{Name: "name", Required: true, Usage: "its name"},
		&cli.StringFlag{Name: "kind", Required: true, Usage: "lower-case word: health-board, gp-practice, supplier, regulator, university…"},
		&cli.StringSliceFlag{Name: "role", Required: true, Usage: "controller, processor, source, auditor, registrar, enroller or operator; may be given again"},
	}
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
			{
				Name:  "countersign",
				Usage: "as an enroller: state that an organisation is real, for the registrar to register",
				Description: "Prints a compact JWS. Check out of band first that the organisation is what it says.\n\n" +
					"Example: igledger org countersign --org REGULATOR --key regulator.jwk --id NHSL --name 'NHS Lothian' --kind health-board --role controller --role source > nhsl.jws",
				Flags: remoteFlags(memberFlags()...),
				Action: func(c *cli.Context) error {
					r, err := newRemote(c, signingAway)
					if err != nil {
						return err
					}
					m := member(c)
					return countersign(c, r, entry.Countersignature{Organisation: &m})
				},
			},
			{
				Name:  "register",
				Usage: "as a registrar: register an organisation, or change its registration",
				Description: "A first registration, and a change (same id again) by which the organisation gains a role, needs an enroller's countersignature.\n\n" +
					"Example: igledger org register --org REGISTRAR --key registrar.jwk --id NHSL --name 'NHS Lothian' --kind health-board --role controller --role source --countersignature nhsl.jws",
				Flags: remoteFlags(append(memberFlags(), &cli.StringFlag{Name: "countersignature", Usage: "file with the enroller's countersignature"})...),
				Action: func(c *cli.Context) error {
					counter, err := readToken(c, "countersignature")
					if err != nil {
						return err
					}
					return submitPublic(c, func(common entry.Common) entry.Body {
						return &entry.Organisation{Common: common, Organisation: member(c), Counter: counter}
					})
				},
			},
			{
				Name:        "list",
				Usage:       "list the organisations and their keys",
				Description: "Example: igledger org list --url https://ledger.example.scot",
				Flags:       remoteFlags(),
				Action: func(c *cli.Context) error {
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
					w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
					fmt.Fprintln(w, "ID\tNAME\tKIND\tROLES\tKEYS")
					for _, o := range reg.Organisations {
						keys := 0
						for _, k := range reg.Keys {
							if k.Organisation == o.ID && !k.Revoked {
								keys++
							}
						}
						fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n", o.ID, o.Name, o.Kind, joined(o.Roles), keys)
					}
					return w.Flush()
				},
			},
		},
	}
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

// readToken reads a compact JWS from the file a flag names, "" if it is not given.
func readToken(c *cli.Context, flag string) (string, error) {
	path := c.String(flag)
	if path == "" {
		return "", nil
	}
	data, err := fileOrStdin(c, path)
	if err != nil {
		return "", fmt.Errorf("reading --%s: %w", flag, err)
	}
	return strings.TrimSpace(string(data)), nil
}

// submitPublic signs, submits and checks a public entry and prints where it stands.
func submitPublic(c *cli.Context, body func(entry.Common) entry.Body) error {
	r, err := newRemote(c, signing)
	if err != nil {
		return err
	}
	res, err := r.submit(c.Context, body(r.common()))
	if err != nil {
		return err
	}
	return output(c, res, "entry %d: %s\n", res.Index, res.Status)
}

// keyRequest is how the holder of a new key asks for its registration: nothing in it is secret.
type keyRequest struct {
	Organisation string          `json:"organisation"`
	Key          entry.PublicKey `json:"key"`
	Proof        string          `json:"proof"`
}

func purposeFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "purpose", Required: true, Usage: "submit, agreements, audit or administer; may be given again"}
}

func keyCommand() *cli.Command {
	requestFlag := &cli.StringFlag{Name: "request", Required: true, Usage: "file that key request made, or -"}
	return &cli.Command{
		Name:  "key",
		Usage: "keys in the log",
		Subcommands: []*cli.Command{
			tokenCommand(),
			{
				Name:  "request",
				Usage: "as the holder of a new key: ask for its registration and prove that it is yours",
				Description: "Prints JSON without secrets, for key countersign, key add and init. Works without a ledger.\n\n" +
					"Example: igledger key request --origin ledger.example.scot/2026 --org NHSL --key nhsl-admin.jwk --purpose administer > nhsl-admin.json",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "origin", Required: true, Usage: "origin of the log"},
					&cli.StringFlag{Name: "org", Required: true, Usage: "id of the organisation", EnvVars: []string{"IGLEDGER_ORG"}},
					&cli.StringFlag{Name: "key", Required: true, Usage: "file with the new private JWK"},
					purposeFlag(),
					&cli.Uint64Flag{Name: "valid-from", Usage: "first log index at which the key counts (default: from its registration)"},
				},
				Action: func(c *cli.Context) error {
					signer, err := readSigner(c.String("key"))
					if err != nil {
						return err
					}
					req := keyRequest{Organisation: c.String("org"), Key: entry.PublicKey{JWK: signer.Public, ValidFrom: c.Uint64("valid-from")}}
					for _, p := range c.StringSlice("purpose") {
						req.Key.Purposes = append(req.Key.Purposes, entry.Purpose(p))
					}
					slices.Sort(req.Key.Purposes)
					req.Proof, err = entry.ProveKey(signer, c.String("origin"), req.Organisation)
					if err != nil {
						return err
					}
					return printJSON(c.App.Writer, req)
				},
			},
			{
				Name:        "countersign",
				Usage:       "as an enroller: state that a key is the organisation's, for the registrar to add",
				Description: "Example: igledger key countersign --org REGULATOR --key regulator.jwk --request nhsl-admin.json > nhsl-admin.jws",
				Flags:       remoteFlags(requestFlag),
				Action: func(c *cli.Context) error {
					req, err := readRequest(c)
					if err != nil {
						return err
					}
					r, err := newRemote(c, signingAway)
					if err != nil {
						return err
					}
					return countersign(c, r, entry.Countersignature{Org: req.Organisation, Key: &req.Key})
				},
			},
			{
				Name:  "add",
				Usage: "register a key: with the organisation's own administrative key, or as a registrar with a countersignature",
				Description: "Example: igledger key add --org NHSL --key nhsl-admin.jwk --request nhsl-submit.json\n" +
					"Example: igledger key add --org REGISTRAR --key registrar.jwk --request nhsl-admin.json --countersignature nhsl-admin.jws",
				Flags: remoteFlags(requestFlag, &cli.StringFlag{Name: "countersignature", Usage: "file with the enroller's countersignature"}),
				Action: func(c *cli.Context) error {
					req, err := readRequest(c)
					if err != nil {
						return err
					}
					counter, err := readToken(c, "countersignature")
					if err != nil {
						return err
					}
					return submitPublic(c, func(common entry.Common) entry.Body {
						return &entry.Key{Common: common, Org: req.Organisation, Key: req.Key, Proof: req.Proof, Counter: counter}
					})
				},
			},
			{
				Name:        "revoke",
				Usage:       "end a key: it does not count for any later entry",
				Description: "Example: igledger key revoke --org NHSL --key nhsl-admin.jwk --of NHSL --kid 9f8… --reason compromised --suspect-from 120034",
				Flags: remoteFlags(
					&cli.StringFlag{Name: "kid", Required: true, Usage: "thumbprint of the key"},
					&cli.StringFlag{Name: "of", Usage: "organisation that holds it (default: --org)"},
					&cli.StringFlag{Name: "reason", Required: true, Usage: "superseded, compromised, retired or other"},
					&cli.Uint64Flag{Name: "suspect-from", Usage: "first log index at which the key may have been in other hands"},
				),
				Action: func(c *cli.Context) error {
					return submitPublic(c, func(common entry.Common) entry.Body {
						b := &entry.KeyRevocation{Common: common, Org: c.String("of"), KID: c.String("kid"), Reason: c.String("reason")}
						if b.Org == "" {
							b.Org = common.Issuer
						}
						if c.IsSet("suspect-from") {
							from := c.Uint64("suspect-from")
							b.SuspectFrom = &from
						}
						return b
					})
				},
			},
			{
				Name:        "list",
				Usage:       "list keys, revoked ones too",
				Description: "Example: igledger key list --of NHSL",
				Flags:       remoteFlags(&cli.StringFlag{Name: "of", Usage: "only of this organisation"}),
				Action:      listKeys,
			},
		},
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
	keys := slices.DeleteFunc(reg.Keys, func(k client.Key) bool { return c.String("of") != "" && k.Organisation != c.String("of") })
	if c.Bool("json") {
		return printJSON(c.App.Writer, keys)
	}
	w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KID\tORGANISATION\tALG\tPURPOSES\tFROM\tSTATUS")
	for _, k := range keys {
		status := "active"
		if k.Revoked {
			status = fmt.Sprintf("revoked at %d (%s)", k.RevokedAt, k.Reason)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", k.KID, k.Organisation, k.JWK.Algorithm(), joined(k.Purposes), k.From, status)
	}
	return w.Flush()
}

func readRequest(c *cli.Context) (keyRequest, error) {
	return parseRequest(c, c.String("request"))
}

func parseRequest(c *cli.Context, path string) (keyRequest, error) {
	var req keyRequest
	data, err := fileOrStdin(c, path)
	if err != nil {
		return req, fmt.Errorf("reading a key request: %w", err)
	}
	if err := json.Unmarshal(data, &req, json.RejectUnknownMembers(true)); err != nil {
		return req, usage("%s is not what key request prints", path)
	}
	return req, nil
}

func initCommand() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "make a log: its genesis names the registrar, the enroller and the operator",
		Description: "The registrar signs the genesis; the enroller, who is not the operator, sends a key request (igledger key request --purpose administer).\n" +
			"Names of the three are given as ID=NAME.\n\n" +
			"Example: igledger init --keys igledger-data/keys --operator 'NSS=NHS National Services Scotland' --registrar 'SG=Scottish Government' --registrar-key sg.jwk --enroller 'ICO=Information Commissioner' --enroller-request ico.json",
		Flags: append(logFlags(),
			&cli.StringFlag{Name: "operator", Required: true, Usage: "ID=NAME of the organisation that runs the log"},
			&cli.StringFlag{Name: "registrar", Required: true, Usage: "ID=NAME of the organisation that registers others"},
			&cli.StringFlag{Name: "registrar-key", Required: true, Usage: "file with the registrar's private JWK"},
			&cli.StringFlag{Name: "enroller", Required: true, Usage: "ID=NAME of the organisation that countersigns first enrolments"},
			&cli.StringFlag{Name: "enroller-request", Required: true, Usage: "file with the enroller's key request"},
			&cli.Uint64Flag{Name: "index-lag", Value: 1 << 18, Usage: "longest lag of the subject index behind the log, in entries"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
		),
		Action: func(c *cli.Context) error {
			registrar, err := readSigner(c.String("registrar-key"))
			if err != nil {
				return err
			}
			enroller, err := parseRequest(c, c.String("enroller-request"))
			if err != nil {
				return err
			}
			var parties [3]entry.Member
			for i, p := range []struct{ flag, kind string }{{"operator", "operator"}, {"registrar", "registrar"}, {"enroller", "enroller"}} {
				id, name, ok := strings.Cut(c.String(p.flag), "=")
				if !ok {
					return usage("--%s wants ID=NAME", p.flag)
				}
				parties[i] = entry.Member{ID: id, Name: name, Kind: p.kind}
			}
			if enroller.Organisation != parties[2].ID {
				return usage("the enroller's request is of %s, --enroller says %s", enroller.Organisation, parties[2].ID)
			}
			cfg, err := logConfig(c)
			if err != nil {
				return err
			}
			defer cfg.Storage.Close()
			g, err := newGenesis(cfg, parties[0], parties[1], parties[2], registrar, enroller, c.Uint64("index-lag"))
			if err != nil {
				return err
			}
			log, err := createLog(c.Context, cfg, g, registrar)
			if errors.Is(err, ledger.ErrExists) {
				return refused("%w", err)
			}
			if err != nil {
				return err
			}
			defer log.Close(c.Context)
			return output(c, map[string]string{"origin": log.Origin(), "logKey": log.VerifierKey()}, "log %s made\nlog key: %s\n", log.Origin(), log.VerifierKey())
		},
	}
}

// createLog makes a log whose first entries are its genesis and the policies that are built into this program, as version 1 by the registrar: so the log itself says by which
// rules it judges, and a later program with others built in changes nothing.
func createLog(ctx context.Context, cfg ledger.Config, genesis *entry.Entry, registrar *wire.Signer) (*ledger.Log, error) {
	log, err := ledger.Create(ctx, cfg, genesis)
	if err != nil {
		return nil, err
	}
	text := policies.BuiltIn().Text()
	e, err := entry.Sign(registrar, &entry.PolicySet{
		Common:  entry.Common{Issuer: genesis.Issuer, Audience: cfg.Origin},
		Version: 1, Schema: entry.SchemaV1, Text: text, Hash: sha256.Sum256([]byte(text)), Reason: "the policies that igledger comes with",
	})
	if err == nil {
		err = log.Append(ctx, e)[0].Err
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the log was made, and its policies could not be put into it (igledger policy put does it later): %w", err), log.Close(ctx))
	}
	return log, nil
}

// newGenesis makes and signs entry 0.
func newGenesis(cfg ledger.Config, operator, registrar, enroller entry.Member, registrarKey *wire.Signer, enrollerKey keyRequest, indexLag uint64) (*entry.Entry, error) {
	operator.Roles = []entry.Role{entry.RoleOperator, entry.RoleSource} // a source too: reads of the ledger are accesses that it reports
	registrar.Roles = []entry.Role{entry.RoleRegistrar}
	enroller.Roles = []entry.Role{entry.RoleEnroller}
	g := &entry.Genesis{
		Common:  entry.Common{Issuer: registrar.ID, Audience: cfg.Origin},
		Formats: entry.FormatsV1, VRFKey: cfg.Keys.VRF.Public(), LogKey: cfg.Keys.LogVerifierKey, IndexLag: indexLag,
		Registrar: entry.GenesisParty{Member: registrar, Key: entry.PublicKey{JWK: registrarKey.Public, Purposes: []entry.Purpose{entry.PurposeAdminister}}},
		Enroller:  entry.GenesisParty{Member: enroller, Key: enrollerKey.Key},
		Operator:  entry.GenesisParty{Member: operator, Key: entry.PublicKey{JWK: cfg.Keys.Operator.Public, Purposes: []entry.Purpose{entry.PurposeSubmit}}},
	}
	byRegistrar, err := entry.ProveKey(registrarKey, cfg.Origin, registrar.ID)
	if err != nil {
		return nil, err
	}
	byOperator, err := entry.ProveKey(cfg.Keys.Operator, cfg.Origin, operator.ID)
	if err != nil {
		return nil, err
	}
	g.Proofs = []string{byRegistrar, enrollerKey.Proof, byOperator}
	e, err := entry.Sign(registrarKey, g)
	if err != nil {
		return nil, usage("the genesis would not be well-formed: %v", err)
	}
	return e, nil
}
