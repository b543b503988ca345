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
		&cli.StringFlag{Name: "id", Required: true, Usage: "the organisation's id, such as its ODS code"},
		&cli.StringFlag{Name: "name", Required: true, Usage: "the organisation's name"},
		&cli.StringFlag{Name: "kind", Required: true,
			Usage: "kind of organisation, in lower case: health-board, gp-practice, supplier, university…"},
		&cli.StringSliceFlag{Name: "role", Required: true,
			Usage: "controller, processor, source, auditor, registrar, enroller or operator; repeat for more"},
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
			return submitPublic(c, func(common entry.Common) entry.Body {
				return &entry.Organisation{Common: common, Organisation: member(c), Counter: counter}
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
	data, err := fileOrStdin(c, path)
	if err != nil {
		return "", fmt.Errorf("reading --%s: %w", flag, err)
	}
	return strings.TrimSpace(string(data)), nil
}

// submitPublic signs and submits a public entry, checks its receipt, and prints its index.
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

// keyRequest is the request of the holder of a new key to register it. It contains no secret.
type keyRequest struct {
	Organisation string          `json:"organisation"`
	Key          entry.PublicKey `json:"key"`
	Proof        string          `json:"proof"`
}

func purposeFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "purpose", Required: true,
		Usage: "submit, agreements, audit or administer; repeat for more"}
}

func keyCommand() *cli.Command {
	return &cli.Command{
		Name:  "key",
		Usage: "keys in the log",
		Subcommands: []*cli.Command{
			tokenCommand(),
			requestKeyCommand(),
			countersignKeyCommand(),
			addKeyCommand(),
			revokeKeyCommand(),
			listKeysCommand(),
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
			&cli.StringFlag{Name: "key", Required: true, Usage: "file with the new private JWK"},
			purposeFlag(),
			&cli.Uint64Flag{Name: "valid-from",
				Usage: "first log index at which the key is valid (default: from its registration)"},
		},
		Action: requestKey,
	}
}

func requestKey(c *cli.Context) error {
	signer, err := readSigner(c.String("key"))
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
			return submitPublic(c, func(common entry.Common) entry.Body {
				return &entry.Key{Common: common, Org: req.Organisation, Key: req.Key, Proof: req.Proof,
					Counter: counter}
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
			&cli.StringFlag{Name: "kid", Required: true, Usage: "thumbprint of the key"},
			&cli.StringFlag{Name: "of", Usage: "organisation that holds the key (default: --org)"},
			&cli.StringFlag{Name: "reason", Required: true, Usage: "superseded, compromised, retired or other"},
			&cli.Uint64Flag{Name: "suspect-from", Usage: "first log index at which someone else may have had the key"},
		),
		Action: revokeKey,
	}
}

func revokeKey(c *cli.Context) error {
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
	keys := slices.DeleteFunc(reg.Keys, func(k client.Key) bool { return of != "" && k.Organisation != of })
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
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", k.KID, k.Organisation, k.JWK.Algorithm(), joined(k.Purposes),
			k.From, status)
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
		return req, fmt.Errorf("reading the key request: %w", err)
	}
	if err := json.Unmarshal(data, &req, json.RejectUnknownMembers(true)); err != nil {
		return req, usage("%s is not the output of key request", path)
	}
	return req, nil
}

func initCommand() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "create a log: its genesis names the registrar, the enroller and the operator",
		Description: "The registrar signs the genesis. The enroller, which must not be the operator, sends a\n" +
			"key request (igledger key request --purpose administer). Give each of the three as\n" +
			"ID=NAME.\n\n" +
			"Example: igledger init --keys igledger-data/keys --operator 'NSS=NHS National Services " +
			"Scotland' --registrar 'SG=Scottish Government' --registrar-key sg.jwk --enroller " +
			"'ICO=Information Commissioner' --enroller-request ico.json",
		Flags: append(logFlags(),
			&cli.StringFlag{Name: "operator", Required: true, Usage: "ID=NAME of the organisation that runs the log"},
			&cli.StringFlag{Name: "registrar", Required: true,
				Usage: "ID=NAME of the organisation that registers others"},
			&cli.StringFlag{Name: "registrar-key", Required: true, Usage: "file with the registrar's private JWK"},
			&cli.StringFlag{Name: "enroller", Required: true,
				Usage: "ID=NAME of the organisation that countersigns first enrolments"},
			&cli.StringFlag{Name: "enroller-request", Required: true, Usage: "file with the enroller's key request"},
			&cli.Uint64Flag{Name: "index-lag", Value: 1 << 18,
				Usage: "most entries by which the subject index may lag behind the log"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
		),
		Action: initLog,
	}
}

func initLog(c *cli.Context) error {
	registrar, err := readSigner(c.String("registrar-key"))
	if err != nil {
		return err
	}
	enroller, err := parseRequest(c, c.String("enroller-request"))
	if err != nil {
		return err
	}
	var parties [3]entry.Member
	for i, role := range []string{"operator", "registrar", "enroller"} {
		id, name, ok := strings.Cut(c.String(role), "=")
		if !ok {
			return usage("--%s must have the form ID=NAME", role)
		}
		parties[i] = entry.Member{ID: id, Name: name, Kind: role}
	}
	if enroller.Organisation != parties[2].ID {
		return usage("the enroller's request is from %s, but --enroller says %s", enroller.Organisation, parties[2].ID)
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
	return output(c, map[string]string{"origin": log.Origin(), "logKey": log.VerifierKey()},
		"log %s created\nlog key: %s\n", log.Origin(), log.VerifierKey())
}

// createLog creates a log. Its first entries are the genesis and version 1 of the policies, which
// the registrar signs: the set that is built into this program. So the log itself states the rules
// by which it judges, and a later program with another set built in changes nothing.
func createLog(
	ctx context.Context, cfg ledger.Config, genesis *entry.Entry, registrar *wire.Signer,
) (*ledger.Log, error) {
	log, err := ledger.Create(ctx, cfg, genesis)
	if err != nil {
		return nil, err
	}
	text := policies.BuiltIn().Text()
	e, err := entry.Sign(registrar, &entry.PolicySet{
		Common:  entry.Common{Issuer: genesis.Issuer, Audience: cfg.Origin},
		Version: 1, Schema: entry.SchemaV1, Text: text, Hash: sha256.Sum256([]byte(text)),
		Reason: "the policies that are built into igledger",
	})
	if err == nil {
		err = log.Append(ctx, e)[0].Err
	}
	if err != nil {
		err = fmt.Errorf("the log was created without its policies; add them with igledger policy put: %w", err)
		return nil, errors.Join(err, log.Close(ctx))
	}
	return log, nil
}

// newGenesis makes and signs entry 0.
func newGenesis(
	cfg ledger.Config, operator, registrar, enroller entry.Member,
	registrarKey *wire.Signer, enrollerKey keyRequest, indexLag uint64,
) (*entry.Entry, error) {
	// a source too: it reports the reads of the ledger as accesses
	operator.Roles = []entry.Role{entry.RoleOperator, entry.RoleSource}
	registrar.Roles = []entry.Role{entry.RoleRegistrar}
	enroller.Roles = []entry.Role{entry.RoleEnroller}
	g := &entry.Genesis{
		Common:  entry.Common{Issuer: registrar.ID, Audience: cfg.Origin},
		Formats: entry.FormatsV1, VRFKey: cfg.Keys.VRF.Public(), LogKey: cfg.Keys.LogVerifierKey, IndexLag: indexLag,
		Registrar: entry.GenesisParty{Member: registrar,
			Key: entry.PublicKey{JWK: registrarKey.Public, Purposes: []entry.Purpose{entry.PurposeAdminister}}},
		Enroller: entry.GenesisParty{Member: enroller, Key: enrollerKey.Key},
		Operator: entry.GenesisParty{Member: operator,
			Key: entry.PublicKey{JWK: cfg.Keys.Operator.Public, Purposes: []entry.Purpose{entry.PurposeSubmit}}},
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
		return nil, usage("the genesis is not valid: %v", err)
	}
	return e, nil
}
