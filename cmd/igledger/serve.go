package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v2"

	"igledger/audit/statement"
	"igledger/consent"
	"igledger/internal/api"
	"igledger/internal/command"
	"igledger/internal/web"
	"igledger/ledger"
	"igledger/ledger/keyfile"
	"igledger/ledger/record"
	"igledger/ledger/register"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
	"igledger/policies/terminology"
)

// logFlags returns the flags that name the database and the keys of a log that this process opens
// itself.
func logFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "database", Value: "sqlite:igledger-data/log.db", EnvVars: []string{"IGLEDGER_DATABASE"},
			Usage: "sqlite:FILE, postgres://… or cockroachdb://…"},
		&cli.StringFlag{Name: "keys", Value: "igledger-data/keys", EnvVars: []string{"IGLEDGER_KEYS"},
			Usage: "folder of the operator's keys (igledger keygen makes it)"},
		&cli.StringFlag{Name: "signing-record", EnvVars: []string{"IGLEDGER_SIGNING_RECORD"},
			Usage: "where it is kept what the log has signed, which a restored backup must not take back: file:PATH or " +
				"the URL of another database (default: the file signing-record in the folder of the keys)"},
		&cli.StringFlag{Name: "origin", EnvVars: []string{"IGLEDGER_ORIGIN"},
			Usage: "the log's C2SP origin (default: the name of the log key)"},
		&cli.IntFlag{Name: "max-streams", Value: ledger.MaxStreams, EnvVars: []string{"IGLEDGER_MAX_STREAMS"},
			Usage: "streams of one organisation that are kept apart; accesses of further ones are taken and flagged"},
		terminologyFlag(),
	}
}

func terminologyFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "terminology", EnvVars: []string{"IGLEDGER_TERMINOLOGY"},
		Usage: "`FILE` of code systems that a policy set of the log names by its SHA-256 (FHIR Bundle, or SNOMED CT as RF2); " +
			"join the files of one set by +, and repeat for another set"}
}

// codesOf loads what --terminology names.
func codesOf(c *cli.Context) ([]*terminology.Index, error) {
	var list []*terminology.Index
	for _, files := range c.StringSlice("terminology") {
		x, err := terminology.Open(strings.Split(files, "+")...)
		if err != nil {
			return nil, usage("--terminology: %w", err)
		}
		list = append(list, x)
	}
	return list, nil
}

// logConfig opens the database, the keys and the signing record that the flags name, all of which
// exist already. The caller closes it with closeLog.
func logConfig(c *cli.Context) (ledger.Config, error) {
	cfg, err := keysConfig(c)
	if err != nil {
		return cfg, err
	}
	cfg.Storage, err = storage.Open(c.Context, c.String("database"))
	if err != nil {
		return cfg, errors.Join(notOpened(c.Context, cfg.Record, err), cfg.Record.Close())
	}
	return cfg, nil
}

// haveSigned reports whether the record says that its keys have signed a log.
func haveSigned(ctx context.Context, r record.Record) bool {
	var have ledger.Signed
	state, err := r.Load(ctx)
	return err == nil && json.Unmarshal(state, &have) == nil && have.Checkpoint != ""
}

// notOpened says of a database that is none what makes one: init alone, and only for keys that have
// signed nothing.
func notOpened(ctx context.Context, signed record.Record, err error) error {
	if !errors.Is(err, storage.ErrNoDatabase) {
		return fmt.Errorf("opening the database: %w", err)
	}
	if haveSigned(ctx, signed) {
		return fmt.Errorf("--database: %w. These keys have signed a log, so there was one: is this the right name? If the database "+
			"is lost, restore a backup; a copy of an SQLite file is nothing without the -wal file beside it", err)
	}
	return fmt.Errorf("--database: %w. igledger init makes it, with the log", err)
}

// keysConfig is logConfig without the database.
func keysConfig(c *cli.Context) (ledger.Config, error) {
	if c.Int("max-streams") < 1 {
		return ledger.Config{}, usage("--max-streams must be above 0")
	}
	codes, err := codesOf(c)
	if err != nil {
		return ledger.Config{}, err
	}
	keys, err := ledger.LoadKeysBy(command.Keys(c), c.String("keys"))
	if err != nil {
		if _, none := os.Stat(filepath.Join(c.String("keys"), "log.key")); errors.Is(none, fs.ErrNotExist) {
			return ledger.Config{}, fmt.Errorf("%w (igledger keygen makes a folder of keys)", err)
		}
		return ledger.Config{}, fmt.Errorf("--keys: %w", err) // with new keys this log would be lost
	}
	origin := c.String("origin")
	if origin == "" {
		origin = keys.Log.Name()
	}
	place := c.String("signing-record")
	if place == "" {
		place = recordPlace(c.String("keys"))
	}
	if sameDatabase(place, c.String("database")) {
		return ledger.Config{}, usage("--signing-record must not be in the log's own database, with which it would be restored")
	}
	signed, err := record.Open(c.Context, place, keys.LogVerifierKey)
	if err != nil {
		return ledger.Config{}, fmt.Errorf("%w (--signing-record names another place)", err)
	}
	return ledger.Config{Keys: keys, Record: signed, Origin: origin, Rules: consent.New(codes...),
		Logger: logger(c.App.ErrWriter), MaxStreams: c.Int("max-streams")}, nil
}

// ableToJudge refuses to serve a log whose policy set rests on code systems that were not given.
func ableToJudge(ctx context.Context, log *ledger.Log) error {
	r, err := log.Rules(ctx)
	if err != nil {
		return err
	}
	rules, err := consent.From(r)
	if err == nil {
		err = rules.Able()
	}
	if errors.Is(err, register.ErrUnable) {
		return usage("%v; give them with --terminology", err)
	}
	return err
}

// recordIn opens the signing record in a folder of keys.
func recordIn(ctx context.Context, dir string, keys *ledger.Keys) (record.Record, error) {
	return record.Open(ctx, recordPlace(dir), keys.LogVerifierKey)
}

func recordPlace(dir string) string { return "file:" + filepath.Join(dir, "signing-record") }

// closeLog closes what logConfig opened.
func closeLog(cfg ledger.Config) {
	cfg.Record.Close() //nolint:errcheck // what was written to it is durable
	if cfg.Storage != nil {
		cfg.Storage.Close()
	}
}

func logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, nil))
}

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "run the ledger's HTTP API; several processes may share one database",
		Description: "The log must exist: igledger init creates it. On SIGTERM the server goes on for --drain, then\n" +
			"completes what is queued, and stops.\n\n" +
			"Example: igledger serve --database postgres://igledger@db/igledger --keys " +
			"/etc/igledger/keys --policy /etc/igledger/policy.txt --listen :8080",
		Flags: append(append(append(logFlags(), policyFlag()),
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8080", EnvVars: []string{"IGLEDGER_LISTEN"},
				Usage: "address to listen on; put a TLS proxy in front, and name it by --trusted-proxy"},
			&cli.DurationFlag{Name: "index-interval", Value: statement.DefaultInterval,
				EnvVars: []string{"IGLEDGER_INDEX_INTERVAL"},
				Usage: "longest wait until an index root, and so the proofs of completeness, cover an entry; " +
					"as long, all witnesses and auditors are offered the same checkpoint"},
			&cli.StringFlag{Name: "pages", EnvVars: []string{"IGLEDGER_PAGES"},
				Usage: "`FILE` with the settings of the pages: who can sign in, the operator's name and colours " +
					"(default: public pages only; docs/WEB.md)"},
			&cli.StringFlag{Name: "access-log", Value: string(api.AccessErrors), EnvVars: []string{"IGLEDGER_ACCESS_LOG"},
				Usage: "which requests get a line in the log: off, errors (a status of 400 or above) or all"},
			&cli.StringFlag{Name: "pages-keys", EnvVars: []string{"IGLEDGER_PAGES_KEYS"},
				Usage: "folder of the pages' own key, web.key, which is made at the first start (default: that of --keys)"},
			drainFlag(),
			&cli.BoolFlag{Name: "json", Usage: "log as JSON lines"},
		), append(limitFlags(), mappingFlags()...)...),
		Action: func(c *cli.Context) error {
			access := api.AccessLog(c.String("access-log"))
			if access != api.AccessOff && access != api.AccessErrors && access != api.AccessAll {
				return usage("--access-log must be off, errors or all")
			}
			limits, err := limitsOf(c)
			if err != nil {
				return err
			}
			long, err := drainOf(c)
			if err != nil {
				return err
			}
			words, err := mappingOf(c)
			if err != nil {
				return err
			}
			if c.Duration("index-interval") <= 0 {
				return usage("--index-interval must be above 0")
			}
			var settings web.Settings
			if file := c.String("pages"); file != "" {
				if settings, err = web.ReadSettings(file); err != nil {
					return usage("--pages: %w", err)
				}
			}
			policy, policyText, err := readPolicy(c)
			if err != nil {
				return err
			}
			cfg, err := logConfig(c)
			if err != nil {
				return err
			}
			defer closeLog(cfg)
			if policy != nil {
				if err := policyKnows(policy, cfg.Keys.LogVerifierKey); err != nil {
					return err
				}
			}
			if c.Bool("json") {
				cfg.Logger = slog.New(slog.NewJSONHandler(c.App.ErrWriter, nil))
			}
			cfg.Policy = policy
			folders, reserve := foldersOf(c), uint64(c.Int64("min-free-disk"))<<20
			cfg.Room = func() error { return folders.Room(reserve) }
			registry := prometheus.NewRegistry()
			api.DiskMetrics(registry, folders)
			asked, err := witnesses(cfg.Policy, cfg.Logger, api.WitnessAttempts(registry, policy))
			if err != nil {
				return err
			}
			log, err := ledger.Open(c.Context, cfg)
			if errors.Is(err, ledger.ErrPolicy) {
				return usage("--policy: %w", err)
			}
			if errors.Is(err, ledger.ErrNoLog) && !errors.Is(err, ledger.ErrSigned) {
				return fmt.Errorf("%w. igledger init creates a new one; if there was one, this database is a copy that is "+
					"not complete (an SQLite file without its -wal file)", err)
			}
			if errors.Is(err, ledger.ErrNoRecord) {
				return fmt.Errorf("%w. Put it back, or let igledger recover make it anew", err)
			}
			if err != nil {
				return damagedRecord(err)
			}
			if err := ableToJudge(c.Context, log); err != nil {
				return errors.Join(err, log.Close(c.Context))
			}
			s, err := listen(log, serving{
				address: c.String("listen"), metrics: c.String("metrics-listen"), chosen: c.IsSet("metrics-listen"),
				public: c.String("public-url"), interval: c.Duration("index-interval"),
				registry: registry, logger: cfg.Logger, limits: limits, statements: c.Int64("statement-memory") << 20,
				words: words, settings: settings, store: cfg.Storage, keys: cmp.Or(c.String("pages-keys"), c.String("keys")),
				secrets: command.Keys(c), access: access, policy: policyText,
			})
			if err != nil {
				return err
			}
			cfg.Logger.Info("serving", "address", s.url, "metrics", s.metrics, "origin", log.Origin(), "engine", cfg.Storage.Engine(),
				"logKey", log.VerifierKey())
			defer keepWitnessed(c.Context, log, asked)()
			select {
			case <-c.Context.Done():
			case err := <-s.failed:
				return err
			case <-log.Outdated():
				return errors.Join(refused("%w: a newer igledger has changed the tables of the database. Start that one here too",
					storage.ErrNewerSchema), s.stop(log))
			}
			return errors.Join(s.drain(context.Cause(c.Context), long, cfg.Logger), s.stop(log))
		},
	}
}

func keygenCommand() *cli.Command {
	return &cli.Command{
		Name:      "keygen",
		Usage:     "generate keys: the operator's folder for a log, or an organisation's key",
		ArgsUsage: "PATH",
		Description: "With --origin, makes PATH a folder with the log key, the VRF key, the operator's key and\n" +
			"an epoch key. Keep it apart from the database and its backups. Without --origin, makes\n" +
			"PATH a file with an organisation's private JWK. Never overwrites a file.\n\n" +
			"With --pq the log also gets an ML-DSA-44 key, with which it signs its anchors besides. Quantum\n" +
			"computers do not break it. If PATH has the log's keys already, only this one is added; restart\n" +
			"the server. Readers put both verifier keys into their policies.\n\n" +
			"With --epoch PATH gets one more epoch key. Copy it to every replica, then restart them: what is\n" +
			"written from then on can be read with it alone. Older epoch keys are needed for what is older.\n\n" +
			"Example: igledger keygen --origin ledger.example.scot/2026 /etc/igledger/keys\n" +
			"Example: igledger keygen --alg ES256 lothian-submit.jwk",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "origin", Usage: "generate the operator's keys for a log with this origin"},
			&cli.BoolFlag{Name: "pq", Usage: "with --origin: also generate an ML-DSA-44 key of the log"},
			&cli.BoolFlag{Name: "epoch", Usage: "add an epoch key to the operator's folder PATH, when one may have been copied"},
			command.EncryptFlag,
			&cli.StringFlag{Name: "alg", Value: wire.EdDSA, Usage: "EdDSA (Ed25519) or ES256 (P-256)"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
		},
		Action: func(c *cli.Context) error {
			path := c.Args().First()
			if c.NArg() != 1 {
				return usage("keygen: give one PATH")
			}
			if c.Bool("epoch") {
				if c.IsSet("origin") || c.Bool("pq") || c.Bool("encrypt") {
					return usage("keygen: --epoch adds a key to a folder, and takes PATH alone")
				}
				n, err := ledger.GenerateEpochKey(path)
				if err != nil {
					return err
				}
				return output(c, map[string]any{"folder": path, "epoch": n}, "epoch key %d: restart every igledger serve\n", n)
			}
			if origin := c.String("origin"); origin != "" {
				if c.Bool("encrypt") {
					return usage("keygen: make the folder first, then encrypt all of it by igledger key encrypt %s", path)
				}
				if err := wire.CheckOrigin(origin); err != nil {
					return usage("--origin: %v", err)
				}
				return generateKeys(c, path, origin)
			}
			if c.Bool("pq") {
				return usage("keygen: --pq needs --origin")
			}
			signer, err := wire.GenerateSigner(c.String("alg"))
			if err != nil {
				return usage("%v", err)
			}
			data, err := signer.MarshalPrivate()
			if err != nil {
				return err
			}
			if data, err = command.Sealed(c, append(data, '\n')); err != nil {
				return err
			}
			if err := keyfile.Write(path, data); err != nil {
				return err
			}
			return output(c, map[string]any{"file": path, "kid": signer.KID, "jwk": signer.Public},
				"kid: %s\n", signer.KID)
		},
	}
}

// generateKeys makes the operator's key folder, or adds the key that --pq asks for.
func generateKeys(c *cli.Context, path, origin string) error {
	have, err := ledger.LoadKeysBy(command.Keys(c), path)
	fresh := !c.Bool("pq") || err != nil || have.Log.Name() != origin
	if fresh {
		if err := ledger.GenerateKeys(path, origin); err != nil {
			return err
		}
	}
	if c.Bool("pq") {
		if err := ledger.GeneratePQKey(path, origin); err != nil {
			return err
		}
	}
	keys, err := ledger.LoadKeysBy(command.Keys(c), path)
	if err != nil {
		return err
	}
	if fresh {
		if err := newRecord(c, path, keys); err != nil {
			return err
		}
	}
	out := map[string]string{"folder": path, "logKey": keys.LogVerifierKey, "operator": keys.Operator.KID}
	text := fmt.Sprintf("log key: %s\noperator kid: %s\n", keys.LogVerifierKey, keys.Operator.KID)
	if keys.LogPQ != nil {
		out["logKeyPQ"] = keys.LogPQ.VKey
		text += fmt.Sprintf("log key (ML-DSA-44): %s\n", keys.LogPQ.VKey)
	}
	return output(c, out, "%s", text)
}

func rebuildCommand() *cli.Command {
	return &cli.Command{
		Name:  "rebuild",
		Usage: "rebuild every projection of the log from its entries, and check that roots and verdicts are the same",
		Description: "Stop every igledger serve on the database first: the command refuses to run beside one. It\n" +
			"works beside the tables in use and replaces them at the end, so it can be interrupted and\n" +
			"run again. With --check it only computes, changes nothing, and may run beside a server.\n\n" +
			"Example: igledger rebuild --database sqlite:igledger-data/log.db --keys igledger-data/keys",
		Flags: append(logFlags(),
			&cli.BoolFlag{Name: "check", Usage: "change nothing"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"}),
		Action: func(c *cli.Context) error {
			cfg, err := logConfig(c)
			if err != nil {
				return err
			}
			defer closeLog(cfg)
			run := ledger.Rebuild
			if c.Bool("check") {
				run = ledger.Recompute
			}
			bar := command.NewProgress(c, "reading the log", 0)
			r, err := run(c.Context, cfg, bar.At)
			bar.Done()
			var used *storage.InUseError
			if errors.Is(err, ledger.ErrDiffers) || errors.Is(err, storage.ErrOvertaken) || errors.As(err, &used) {
				return refused("%w", err)
			}
			if err != nil {
				return err
			}
			log, err := ledger.Open(c.Context, cfg)
			if err != nil {
				return err
			}
			defer log.Close(c.Context) //nolint:errcheck // nothing was appended
			x, err := statement.Recheck(c.Context, log)
			if errors.Is(err, statement.ErrDiffers) {
				return refused("%w", err)
			}
			if err != nil {
				return err
			}
			result := struct {
				*ledger.Rebuilt
				Index statement.Rechecked `json:"index"`
			}{r, x}
			err = output(c, result, "rebuilt: %s, %s, root %x\n"+
				"subject index: root %x, agrees with %s in the log\n"+
				"verdicts: %d computed again, %d different from the database\n",
				counted(r.Entries, "entry", "entries"), counted(r.Histories, "history", "histories"), r.Root,
				x.Root, counted(x.Roots, "index root", "index roots"), r.Verdicts, len(r.Differing))
			if err != nil {
				return err
			}
			if len(r.Differing) > 0 {
				return refused("the database was changed: verdicts differ from those that follow from the log, for the entries at %s",
					positions(r.Differing))
			}
			return nil
		},
	}
}

// positions returns the first ten indices of list as text.
func positions(list []uint64) string {
	var b strings.Builder
	for i, at := range list[:min(len(list), 10)] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, at)
	}
	if more := len(list) - 10; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}

// fileOrStdin reads the file, or standard input for "-".
