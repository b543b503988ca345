package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/verifier"
	"igledger/verifier/auditor"
	"igledger/verifier/fetch"
)

var auditCommand = command{
	name: "audit", usage: "follow a live log as its auditor: recompute the subject index and cosign what holds", argsUsage: "URL", args: 1, offline: true,
	description: "Reads every entry and, with the audit key of an organisation with the role auditor, the audit feed, which says whose history each entry belongs to under pseudonyms. Checks that the log " +
		"only grew, that every entry is well-formed and by who might make it, that every index root is the one its entries give, and that the newest is recent enough. If all of that holds " +
		"of the checkpoint that the log offers, cosigns it and sends the cosignature to the log, which serves it in every statement.\n\n" +
		"Something that convicts the operator (a fork, a false index root, an entry nobody might make) ends the audit with exit code 1: the evidence is kept in a file that igverify evidence checks in anybody's " +
		"hands, and nothing is cosigned again until somebody has looked and removed the file alarm from --state. What may pass (an index that is late, no network) is tried again.\n\n" +
		"With --openings the entries themselves are sampled: signatures, key status, and that each is filed under whom it is about. Each person concerned sees in their list that the auditor read the entry.\n\n" +
		"With --verdicts all of them are read, and the verdict of every access is computed again from the agreements, consents and policies below it. A verdict that differs is told (exit code 1 with --once), but it is " +
		"not signed, so it convicts nobody and withholds no cosignature. Everybody sees in their list that auditors read all entries on that day. What was read once is not read again: with another --state all of it is. The state then " +
		"holds people's consents, encrypted by the caller key; an audit that went on without --verdicts so far begins anew.\n\n" +
		"Example:\n  igverify keygen --name audit.example.org/igledger audit.key\n" +
		"  igverify audit https://ledger.example.org --log-key \"$(cat log.vkey)\" --org AUD1 --caller-key aud1.jwk --key audit.key --state /var/lib/igverify --listen 127.0.0.1:9464",
	flags: []cli.Flag{
		policyFlag,
		&cli.StringFlag{Name: "org", Usage: "`ID` of the organisation that audits, which has the role auditor"},
		&cli.StringFlag{Name: "caller-key", Usage: "`FILE` with its private JWK for audit, to read the feed"},
		&cli.StringFlag{Name: "key", Usage: "`FILE` with the key that cosigns, see keygen; without it nothing is cosigned"},
		&cli.StringFlag{Name: "state", Usage: "`DIR` in which to remember how far the audit came; whoever can write to it can make it skip entries"},
		&cli.StringFlag{Name: "evidence", Usage: "`DIR` for evidence (default: evidence in --state)"},
		&cli.BoolFlag{Name: "once", Usage: "one round, and a report"},
		&cli.DurationFlag{Name: "interval", Value: 2 * time.Second, Usage: "between two looks at the log"},
		&cli.StringFlag{Name: "listen", Usage: "`ADDRESS` for /metrics (Prometheus)"},
		&cli.IntFlag{Name: "openings", Usage: "how many of the new entries of each round to have opened"},
		&cli.StringFlag{Name: "seed", Usage: "`HEX` of 32 bytes by which they are chosen (default: random, and told when a round is over)"},
		&cli.BoolFlag{Name: "verdicts", Usage: "read all openings and compute every verdict again"},
		&cli.StringSliceFlag{Name: "purpose", Value: cli.NewStringSlice("HCOMPL"), Usage: "`CODE` of why the auditor reads; people see it in their lists"},
	},
	check: checkAudit,
}

// audit is an audit under way.
type audit struct {
	*session
	api      *client.Client
	signer   *cosignerKey // nil: nothing is cosigned
	files    auditFiles
	wait     func(context.Context, time.Duration) error
	now      func() time.Time
	metrics  *auditMetrics
	interval time.Duration
	sample   *auditor.Sample
	seed     [32]byte

	auditor  *auditor.Auditor // nil: to be loaded
	sources  *verifier.Sources
	feed     []proof.FeedRecord // a page, from
	feedAt   uint64
	verdicts *auditor.Verdicts // nil: without --verdicts
	secret   []byte            // for its state
	page     []*bundle.Opening // of openings, from
	pageAt   uint64
	told     int       // of its doubts
	found    []located // findings of entries that no signed root has confirmed yet
	stopped  bool      // by what convicts: the state stays as it was before, so that it is found again

	latest   []byte // largest checkpoint seen; never forgotten
	seen     proof.Checkpoint
	saved    uint64    // size of the state file
	cosigned uint64    // size of what was cosigned last, and when
	at       time.Time //
}

func checkAudit(s *session) error {
	a := &audit{session: s, wait: client.Sleep, now: time.Now, metrics: &auditMetrics{values: map[string]float64{}}, interval: s.c.Duration("interval")}
	if err := a.begin(); err != nil {
		return err
	}
	if alarmed, err := a.files.alarm(s.report); alarmed || err != nil {
		return err
	}
	if err := a.listen(); err != nil {
		return err
	}
	a.metrics.set("igverify_audit_alarm", 0)
	if s.c.Bool("once") {
		_, err := a.once(s.ctx, s.report)
		if keepErr := a.keep(); err == nil {
			err = keepErr
		}
		return err
	}
	return a.run()
}

// begin reads what the flags name.
func (a *audit) begin() error {
	c := a.c
	for _, name := range []string{"org", "caller-key", "state"} {
		if c.String(name) == "" {
			return usage("--%s is missing, see igverify audit --help", name)
		}
	}
	if a.interval <= 0 || c.Int("openings") < 0 {
		return usage("--interval must be above 0, and --openings not below")
	}
	if len(a.policy.Logs) != 1 {
		return usage("--policy names %d logs; an audit is of one", len(a.policy.Logs))
	}
	a.key, a.log = a.policy.Logs[0].Key, a.policy.Logs[0].Verifier
	data, err := a.readFile("--caller-key", c.String("caller-key"), maxFile)
	if err != nil {
		return err
	}
	caller, err := wire.ParseSigner(data)
	if err != nil {
		return usage("--caller-key: %s", err)
	}
	if a.secret, err = caller.MarshalPrivate(); err != nil {
		return err
	}
	if file := c.String("key"); file != "" {
		if data, err = a.readFile("--key", file, maxFile); err != nil {
			return err
		}
		k, err := parseCosignerKey(data)
		if err != nil {
			return usage("--key: %s", err)
		}
		a.signer = &k
	}
	if err := a.seeded(c.String("seed")); err != nil {
		return err
	}
	a.sample = auditor.NewSample(c.Int("openings"), a.seed)
	a.src, err = fetch.Open(c.Args().First())
	if err != nil {
		return err
	}
	org := c.String("org")
	a.api = &client.Client{Base: c.Args().First(), HTTP: &http.Client{Timeout: callTime}, Attempts: attempts, Purpose: c.StringSlice("purpose"),
		Token: func() (string, error) { return register.SignCaller(caller, a.log.Name(), org, "auditor", time.Now()) }}
	a.files = auditFiles{dir: c.String("state"), evidence: c.String("evidence")}
	a.latest, a.seen, err = a.files.latest(a.log)
	return err
}

func (a *audit) seeded(text string) error {
	if text == "" {
		_, err := rand.Read(a.seed[:])
		return err
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(a.seed) {
		return usage("--seed: want 64 hexadecimal digits")
	}
	a.seed = [32]byte(raw)
	return nil
}

// callTime bounds one attempt at a call of the API, and callsTime all of them. Rounds are tried again anyway.
const (
	attempts  = 4
	callTime  = time.Minute
	callsTime = 2 * time.Minute
)

// listen serves /metrics until the command ends.
func (a *audit) listen() error {
	address := a.c.String("listen")
	if address == "" {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	srv := &http.Server{Handler: a.metrics, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	context.AfterFunc(a.ctx, func() { srv.Close() })
	go srv.Serve(l) //nolint:errcheck // ends with the command
	fmt.Fprintf(a.c.App.ErrWriter, "igverify: metrics at http://%s/metrics\n", l.Addr())
	return nil
}

// run makes rounds until something convicts the operator or the user has enough.
func (a *audit) run() error {
	pause := a.interval
	said := ""
	for {
		rep := &report{Command: a.report.Command}
		end, err := a.once(a.ctx, rep)
		if a.ctx.Err() != nil {
			a.report.Notes = append(a.report.Notes, "stopped; the same command goes on from there")
			a.conclude(a.report)
			a.told = 0
			a.tellVerdicts(a.report)
			return a.keep()
		}
		if end == convicted {
			*a.report = *rep
			return err
		}
		if end == unreadable || end == failed {
			pause = min(2*pause, max(a.interval, maxPause))
		} else {
			pause = a.interval
		}
		if text := summary(end, rep, err); (end != quiet || len(rep.Failures) > 0) && (text != said || end == cosigned) { // not each time that nothing changed
			said = text
			if err := a.tell(end, rep, text); err != nil {
				return err
			}
		}
		if err := a.wait(a.ctx, pause); err != nil {
			continue // the context ended; the next round says so
		}
	}
}

// maxPause is the longest wait after rounds that came to nothing.
const maxPause = time.Minute

// summary is one round on one line.
func summary(end ending, rep *report, err error) string {
	switch {
	case len(rep.Failures) > 0 && (end == cosigned || end == quiet): // verdicts, of which a cosignature says nothing
		return fmt.Sprintf("DOUBTFUL %s (%d in all)", rep.Failures[0], len(rep.Failures))
	case len(rep.Failures) > 0:
		return fmt.Sprintf("FAILED %s (not cosigned)", rep.Failures[0])
	case err != nil:
		return "not reached: " + err.Error()
	}
	return fmt.Sprintf("ok, size %d", *rep.Log.Size)
}

// tell prints a line about a round.
func (a *audit) tell(end ending, rep *report, text string) error {
	s := auditor.Stats{}
	if a.auditor != nil {
		s = a.auditor.Stats()
	}
	at := a.now().UTC().Format(time.RFC3339)
	if a.c.Bool("json") {
		enc := json.NewEncoder(a.c.App.Writer)
		enc.SetEscapeHTML(false)
		line := map[string]any{"time": at, "round": end, "text": text, "log": rep.Log, "audited": s, "notes": rep.Notes}
		if a.verdicts != nil {
			line["verdicts"], line["checks"] = a.verdicts.Stats(), rep.failed()
		}
		return enc.Encode(line)
	}
	if end == cosigned && len(rep.Failures) > 0 {
		if _, err := fmt.Fprintf(a.c.App.Writer, "%s %s\n", at, clean(text)); err != nil {
			return err
		}
	}
	if end == cosigned {
		text = fmt.Sprintf("cosigned size %d: %d index roots right, the newest %d behind of %d allowed", s.Size, s.Roots, s.Lag, a.auditor.Replay().Register().Genesis.IndexLag)
	}
	_, err := fmt.Fprintf(a.c.App.Writer, "%s %s\n", at, clean(text))
	return err
}

// ending is how a round ended.
type ending string

const (
	cosigned   ending = "cosigned"
	quiet      ending = "quiet"      // nothing new, or no key to cosign with
	failed     ending = "failed"     // something is wrong that may pass
	convicted  ending = "convicted"  // something is wrong for ever
	unreadable ending = "unreadable" // the error says what
)

// once makes a round and counts it.
func (a *audit) once(ctx context.Context, rep *report) (ending, error) {
	end, err := a.round(ctx, rep)
	var f *verifier.Failure
	if errors.As(err, &f) {
		rep.Fail(f)
		end, err = failed, nil
	}
	if err != nil {
		end = unreadable
	}
	if end == convicted {
		a.metrics.set("igverify_audit_alarm", 1)
	}
	for _, f := range rep.Failures {
		a.metrics.add(labelled("igverify_audit_findings_total", "check", string(f.Check)), 1)
	}
	a.metrics.add(labelled("igverify_audit_rounds_total", "result", string(end)), 1)
	a.metrics.set("igverify_audit_round_time_seconds", float64(a.now().Unix()))
	return end, err
}
