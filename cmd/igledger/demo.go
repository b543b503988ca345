package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v2"

	"igledger/audit"
	"igledger/audit/demodata"
	"igledger/consent"
	"igledger/internal/client"
	"igledger/internal/source"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
	"igledger/verifier"
	"igledger/verifier/fetch"
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "see igledger work: a log, some weeks of accesses, an agreement, and proof of who accessed a record",
		Description: "All data is synthetic. One process generates and holds all keys, which would never\n" +
			"happen with a real log.\n\n" +
			"Example: igledger demo --once",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "once", Usage: "exit when done, instead of running on for you to explore"},
			&cli.StringFlag{Name: "dir",
				Usage: "folder for database, keys and openings; it must not exist yet (default: a temporary folder)"},
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:0", Usage: "address to listen on"},
			&cli.StringFlag{Name: "examples", Value: "../shared/fhir-r4-examples",
				Usage: "folder with more AuditEvent-*.json files to import; need not exist"},
		},
		Action: func(c *cli.Context) error {
			dir := c.String("dir")
			if dir == "" {
				tmp, err := os.MkdirTemp("", "igledger-demo-")
				if err != nil {
					return err
				}
				defer os.RemoveAll(tmp)
				dir = filepath.Join(tmp, "demo")
			}
			if err := os.Mkdir(dir, 0o700); err != nil {
				return usage("--dir: %w", err)
			}
			return (&demo{c: c, dir: dir, out: c.App.Writer, keys: map[string]*wire.Signer{}}).run(c.Context)
		},
	}
}

type demo struct {
	c       *cli.Context
	dir     string
	out     io.Writer
	log     *ledger.Log
	parties *parties
	server  *server
	proof   []byte // the person's statement
	cfg     ledger.Config
	auditor *remote
	keys    map[string]*wire.Signer // by organisation id

	cosigner  *cosign.Signer
	policy    string // by which the demonstration's proofs are checked
	stopAudit func()
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

func (d *demo) run(ctx context.Context) error {
	stop, err := d.start(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if err := d.appointAuditor(ctx); err != nil {
		return err
	}
	if err := d.importAll(ctx); err != nil {
		return err
	}
	person := demodata.People()[0]
	if err := d.govern(ctx, person); err != nil {
		return err
	}
	openings, err := d.whoAccessed(ctx, person)
	if err != nil {
		return err
	}
	if err := d.reportUncovered(ctx); err != nil {
		return err
	}
	cp, err := d.verify(ctx, person, openings)
	if err != nil {
		return err
	}
	if d.c.Bool("once") {
		err = d.findForged(ctx, d.cfg, demodata.People()[1])
	} else {
		err = d.stay(ctx, person)
	}
	if err != nil {
		return err
	}
	d.say("verified: %d entries, root %x", cp.Size, cp.Root)
	return nil
}

// stay goes on serving the log, and auditing it, for people to explore.
func (d *demo) stay(ctx context.Context, person demodata.Person) error {
	if err := d.furnish(ctx); err != nil {
		return err
	}
	shut, err := d.open()
	if err != nil {
		return err
	}
	defer shut()
	if err := d.profile(); err != nil {
		return err
	}
	d.invite(person)
	select {
	case <-ctx.Done():
		return nil
	case err := <-d.server.failed:
		return err
	}
}

// profile writes the auditor's profile, so that nobody has to copy an address and a key.
func (d *demo) profile() error {
	text := fmt.Sprintf("default: demo\nprofiles:\n  demo: {url: '%s', log-key: '%s', org: %s, key: auditor.jwk}\n",
		d.server.url, d.log.VerifierKey(), auditorID)
	return os.WriteFile(filepath.Join(d.dir, "config.yaml"), []byte(text), 0o600)
}

// start creates the log and serves it.
func (d *demo) start(ctx context.Context) (stop func(), err error) {
	const origin = "demo.igledger.invalid/2026"
	keyDir := filepath.Join(d.dir, "keys")
	if err := ledger.GenerateKeys(keyDir, origin); err != nil {
		return nil, err
	}
	keys, err := ledger.LoadKeys(keyDir)
	if err != nil {
		return nil, err
	}
	signed, err := recordIn(ctx, keyDir, keys)
	if err != nil {
		return nil, err
	}
	store, err := storage.Create(ctx, "sqlite:"+filepath.Join(d.dir, "log.db"))
	if err != nil {
		return nil, err
	}
	d.cfg = ledger.Config{Storage: store, Keys: keys, Record: signed, Origin: origin, Rules: consent.New()}
	if err := d.appoint(keys.LogVerifierKey); err != nil {
		store.Close()
		return nil, err
	}
	d.parties, err = newParties(ctx, d.cfg)
	if err != nil {
		store.Close()
		return nil, err
	}
	d.log = d.parties.log
	quiet := logger(io.Discard)
	d.server, err = listen(d.log, serving{
		address: d.c.String("listen"), metrics: "off", interval: time.Second,
		registry: prometheus.NewRegistry(), logger: quiet, store: store, keys: keyDir, policy: []byte(d.policy),
	})
	if err != nil {
		store.Close()
		return nil, err
	}
	d.say("Created a log: %s", origin)
	d.say("  log key  %s", d.log.VerifierKey())
	d.say("  serving  %s", d.server.url)
	d.stopAudit = func() {}
	return func() {
		d.stopAudit()
		d.server.stop(d.log) //nolint:errcheck // the demonstration is over
		closeLog(d.cfg)
	}, nil
}

// remote returns the remote by which organisation org calls the demonstration's own server over
// HTTP.
func (d *demo) remote(org string, key *wire.Signer) (*remote, error) {
	receipts, err := source.NewReceipts(d.server.url, d.log.VerifierKey())
	if err != nil {
		return nil, err
	}
	return &remote{Client: &client.Client{Base: d.server.url, HTTP: http.DefaultClient}, origin: receipts.Origin(),
		org: org, signer: key, logKey: d.log.VerifierKey(), receipts: receipts}, nil
}

// importAll enrols the organisations and imports, for each, the accesses by its own users.
func (d *demo) importAll(ctx context.Context) error {
	d.say("\nOrganisations are registered, with an enroller's countersignature, and report accesses as FHIR AuditEvents:")
	events, err := byOrganisation(demodata.EventsUntil(time.Now()))
	if err != nil {
		return err
	}
	for i, m := range demodata.Organisations() {
		key, err := d.parties.enrol(ctx, m, entry.PurposeAgreements, entry.PurposeAudit, entry.PurposeSubmit)
		if err != nil {
			return err
		}
		d.keys[m.ID] = key
		if len(events[m.ID]) == 0 {
			continue // it only receives data
		}
		sum, err := d.importAs(ctx, m.ID, key, "record-store", bytes.NewReader(events[m.ID]))
		if err != nil {
			return err
		}
		d.say("  %-20s %3d events, %3d entries, every receipt checked", m.ID, sum.Events, sum.Logged)
		files, _ := filepath.Glob(filepath.Join(d.c.String("examples"), "AuditEvent-*.json"))
		if i == 0 && len(files) > 0 {
			sum, err := d.importAs(ctx, m.ID, key, "hl7-examples", nil, files...)
			if err != nil {
				return err
			}
			d.say("  %-20s %3d of HL7's own examples, %d entries", "", sum.Events, sum.Logged)
		}
	}
	return nil
}

func (d *demo) importAs(
	ctx context.Context, org string, key *wire.Signer, name string, in io.Reader, files ...string,
) (source.Summary, error) {
	r, err := d.remote(org, key)
	if err != nil {
		return source.Summary{}, err
	}
	errOut := d.c.App.ErrWriter
	a, err := source.Open(ctx, source.Config{Client: r.Client, LogKey: r.logKey, Org: org, Signer: key, Source: name,
		Outbox:   filepath.Join(d.dir, org+"-"+name+".outbox"),
		OnReject: func(err error) { fmt.Fprintln(errOut, "igledger:", err) }})
	if err != nil {
		return source.Summary{}, err
	}
	defer a.Close()
	if in != nil {
		files = []string{"-"}
	}
	sum, err := a.Import(ctx, inputs(files, in)...)
	if err == nil && sum.Refused+sum.Unreadable+sum.Waiting > 0 {
		err = refused("%s: %d events are not in the log", org, sum.Refused+sum.Unreadable+sum.Waiting)
	}
	return sum, err
}

// byOrganisation groups events by the organisation whose user acted. The first organisation reports
// those of an organisation that reports nothing itself.
func byOrganisation(ndjson []byte) (map[string][]byte, error) {
	known := map[string]bool{}
	for _, m := range demodata.Organisations() {
		known[m.ID] = m.Kind != "police"
	}
	first := demodata.Organisations()[0].ID
	split := map[string][]byte{}
	err := audit.Events(bytes.NewReader(ndjson), func(ev audit.Event) error {
		list, _, err := audit.Conversion{Issuer: first, Audience: "demo.invalid", Source: "demo"}.FromAuditEvent(ev.Raw)
		if err != nil {
			return err
		}
		org := first
		if len(list) > 0 {
			list[0].Issuer = first
			if by := list[0].Accessor(); known[by] {
				org = by
			}
		}
		split[org] = append(append(split[org], ev.Raw...), '\n')
		return nil
	}, nil)
	return split, err
}

// verify replays the whole log over HTTP, as anyone could, and checks each of the person's accesses
// against it.
func (d *demo) verify(
	ctx context.Context, person demodata.Person, accesses []client.RecordedAccess,
) (proof.Checkpoint, error) {
	var none proof.Checkpoint
	vkey := d.log.VerifierKey()
	key, err := verifier.LogKey(vkey)
	if err != nil {
		return none, err
	}
	src, err := fetch.Open(d.server.url)
	if err != nil {
		return none, err
	}
	note, err := src.Checkpoint(ctx)
	if err != nil {
		return none, err
	}
	cp, err := verifier.OpenCheckpoint(note, key)
	if err != nil {
		return none, refused("%w", err)
	}
	replay, err := verifier.NewLogReplay(vkey)
	if err != nil {
		return none, err
	}
	err = src.Replay(ctx, replay, cp, func(f *verifier.Failure) error { return refused("%w", f) },
		func() error { return nil })
	if err != nil {
		return none, err
	}
	d.say("\nVerified over HTTP, trusting only the log's key:")
	d.say("  the log's %d entries hash to the signed root; the %d public entries are signed by valid keys",
		replay.Size(), replay.Public())
	for _, a := range accesses {
		leaf, err := src.Leaf(ctx, a.Index, cp.Size)
		if err != nil {
			return none, err
		}
		path, err := verifier.InclusionPath(src.Tiles(ctx), a.Index, cp.Size)
		if err != nil {
			return none, err
		}
		_, report := verifier.CheckEntry(verifier.EntryEvidence{Opening: a.Opening, Leaf: leaf, Path: path,
			Checkpoint: cp, Log: key,
			Genesis: replay.Register().Genesis, Register: replay.Register(), ID: person.ID})
		if err := report.Err(); err != nil {
			return none, refused("%w", err)
		}
	}
	d.say("  all %d accesses above are in the log as their sources signed them, filed under this person", len(accesses))
	policy, err := verifier.ParsePolicy([]byte(d.policy))
	if err != nil {
		return none, err
	}
	s := verifier.CheckStatement(verifier.StatementEvidence{Statement: d.proof, Policy: policy, ID: person.ID,
		Now: time.Now()})
	if err := s.Err(); err != nil {
		return none, refused("%w", err)
	}
	d.say("  the statement lists %d entries and proves that it omits none about this person below entry %d",
		len(s.Entries), s.Below)
	d.say("  an auditor has read the whole log and cosigned that its index is right")
	d.say("  not proved here: that everyone sees this same log; that needs witnesses, see docs/THREATS.md")
	return cp, nil
}

// invite prints commands to try while the demonstration is running.
func (d *demo) invite(person demodata.Person) {
	d.say("\nOpen %s in a browser. Choose to be %s: see who looked, and why. Check the proof. Say no to research.", d.server.url,
		person.Name)
	d.say("Or be an officer, the front desk or an auditor. Everybody is invented, and nobody needs a password.")
	d.say("\nThe log runs until you press Ctrl-C. In another terminal, try:\n")
	d.say("  export IGLEDGER_CONFIG=%s/config.yaml    # the address, the log's key, and the key of the auditor", d.dir)
	d.say("  bin/igverify log")
	d.say("  echo %s | bin/igledger who-accessed", person.ID)
	d.say("  bin/igledger org list")
	d.say("  bin/igledger agreement verify isa-demo-1")
	d.say("  bin/igledger report uncovered --format markdown")
	d.say("  curl %s/checkpoint", d.server.url)
	d.say("\n  the complete statement of who accessed the record: %s/statement.json  (bin/igverify statement --help)", d.dir)
	d.say("  to check it in the browser: %s/check  (the number is %s)", d.server.url, person.ID)
	d.say("  openings of the accesses above: %s/openings  (bin/igverify entry --help)\n", d.dir)
}
