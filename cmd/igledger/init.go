package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"igledger/internal/command"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
	"igledger/policies"
	"igledger/verifier"
)

func initCommand() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "create a log: its genesis names the registrar, the enroller and the operator",
		Description: "The registrar signs the genesis. The enroller, which must not be the operator, sends a\n" +
			"key request (igledger key request --purpose administer). Give each of the three as\n" +
			"ID=NAME. Publish the log key and the hash of the genesis, which it prints: with the hash,\n" +
			"igverify --genesis tells this log from any other, even one under a stolen log key.\n\n" +
			"Example: igledger init --keys igledger-data/keys --operator 'NSS=NHS National Services " +
			"Scotland' --registrar 'SG=Scottish Government' --registrar-key sg.jwk --enroller " +
			"'ICO=Information Commissioner' --enroller-request ico.json",
		Flags: append(logFlags(),
			&cli.StringFlag{Name: "operator", Required: true, Usage: "ID=NAME of the organisation that runs the log"},
			&cli.StringFlag{Name: "registrar", Required: true,
				Usage: "ID=NAME of the organisation that registers others"},
			&cli.StringFlag{Name: "registrar-key", Required: true, Usage: "file with the registrar's private JWK" + command.KeyHelp},
			&cli.StringFlag{Name: "enroller", Required: true,
				Usage: "ID=NAME of the organisation that countersigns first enrolments"},
			&cli.StringFlag{Name: "enroller-request", Required: true, Usage: "file with the enroller's key request"},
			&cli.Uint64Flag{Name: "index-lag", Value: 1 << 16,
				Usage: "most entries by which the subject index may lag behind the log"},
			&cli.StringFlag{Name: "predecessor",
				Usage: "`FILE` with the end of the log that this one follows (igledger recover --end writes it)"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
		),
		Action: initLog,
	}
}

func initLog(c *cli.Context) error {
	registrar, err := command.Signer(c, "registrar-key")
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
	cfg, err := keysConfig(c)
	if err != nil {
		return err
	}
	defer func() { closeLog(cfg) }()
	predecessor, err := readPredecessor(c, c.String("predecessor"))
	if err != nil {
		return err
	}
	g, err := newGenesis(cfg, parties[0], parties[1], parties[2], registrar, enroller, c.Uint64("index-lag"), predecessor)
	if err != nil {
		return err
	}
	if err := claimKeys(c, cfg); err != nil {
		return err
	}
	// Last, so that what was refused leaves no database behind.
	store, err := storage.Open(c.Context, c.String("database"))
	if errors.Is(err, storage.ErrNoDatabase) && haveSigned(c.Context, cfg.Record) {
		return refused("--database: %w, and %w: a second one would fork it. Restore its database, or make new keys with "+
			"igledger keygen", err, ledger.ErrSigned)
	}
	if err == nil {
		store.Close() //nolint:errcheck // it is opened again
	}
	cfg.Storage, err = storage.Create(c.Context, c.String("database"))
	if err != nil {
		return fmt.Errorf("making the database: %w", err)
	}
	log, err := createLog(c.Context, cfg, g, registrar)
	if errors.Is(err, ledger.ErrExists) {
		log, err = completeLog(c.Context, cfg, registrar)
	}
	if errors.Is(err, ledger.ErrExists) || errors.Is(err, ledger.ErrSigned) {
		return refused("%w", err)
	}
	if err != nil {
		return err
	}
	defer log.Close(c.Context)
	genesis, err := genesisHash(c.Context, log)
	if err != nil {
		return err
	}
	return output(c, map[string]string{"origin": log.Origin(), "logKey": log.VerifierKey(), "genesis": genesis},
		"log %s created\nlog key: %s\ngenesis: %s\n", log.Origin(), log.VerifierKey(), genesis)
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
	return putBuiltIn(ctx, log, registrar)
}

// genesisHash is the hash of entry 0, which is not the genesis of this run if an init that was
// interrupted made the log.
func genesisHash(ctx context.Context, log *ledger.Log) (string, error) {
	first, err := log.EntryBundle(ctx, 0, 1)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", verifier.GenesisHash(first[2:])), nil
}

// completeLog ends the work of an init that was interrupted after the genesis, by the same
// registrar, whatever a server has logged meanwhile. If nothing is missing, it returns
// ledger.ErrExists with the genesis, which the interrupted init may not have printed.
func completeLog(ctx context.Context, cfg ledger.Config, registrar *wire.Signer) (*ledger.Log, error) {
	log, err := ledger.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	_, err = log.LastPublic(ctx, entry.PoliciesHistory)
	missing := errors.Is(err, ledger.ErrNotFound)
	if missing && log.Genesis().Registrar.Key.JWK.Equal(registrar.Public) {
		return putBuiltIn(ctx, log, registrar)
	}
	genesis := ""
	if err == nil || missing {
		genesis, err = genesisHash(ctx, log)
	}
	switch {
	case err == nil && missing:
		err = fmt.Errorf("%w, without its policies: its own registrar adds them by the same init (genesis: %s)",
			ledger.ErrExists, genesis)
	case err == nil:
		err = fmt.Errorf("%w, and nothing of it is missing (genesis: %s)", ledger.ErrExists, genesis)
	}
	return nil, errors.Join(err, log.Close(ctx))
}

func putBuiltIn(ctx context.Context, log *ledger.Log, registrar *wire.Signer) (*ledger.Log, error) {
	text := policies.BuiltIn().Text()
	e, err := entry.Sign(registrar, &entry.PolicySet{
		Common:  entry.Common{Issuer: log.Genesis().Registrar.ID, Audience: log.Origin()},
		Version: 1, Schema: entry.SchemaV1, Text: text, Hash: sha256.Sum256([]byte(text)),
		Reason: "the policies that are built into igledger",
	})
	if err == nil {
		err = log.Append(ctx, e)[0].Err
	}
	if err != nil {
		err = fmt.Errorf("the log was created without its policies; run the same init again to add them: %w", err)
		return nil, errors.Join(err, log.Close(ctx))
	}
	return log, nil
}

// newGenesis makes and signs entry 0.
func newGenesis(
	cfg ledger.Config, operator, registrar, enroller entry.Member,
	registrarKey *wire.Signer, enrollerKey keyRequest, indexLag uint64, predecessor *entry.Predecessor,
) (*entry.Entry, error) {
	// a source too: it reports the reads of the ledger as accesses
	operator.Roles = []entry.Role{entry.RoleOperator, entry.RoleSource}
	registrar.Roles = []entry.Role{entry.RoleRegistrar}
	enroller.Roles = []entry.Role{entry.RoleEnroller}
	g := &entry.Genesis{
		Common:  entry.Common{Issuer: registrar.ID, Audience: cfg.Origin},
		Formats: entry.FormatsV1, VRFKey: cfg.Keys.VRF.Public(), LogKey: cfg.Keys.LogVerifierKey, IndexLag: indexLag,
		Predecessor: predecessor,
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
