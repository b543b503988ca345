package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/auditd"
	"igledger/internal/command"
	"igledger/policies/readers"
	"igledger/policies/terminology"
	"igledger/verifier/auditor"
)

var auditCommand = spec{
	name:      "audit",
	usage:     "follow a live log as its auditor: recompute the subject index and cosign checkpoints that are right",
	argsUsage: "URL", args: 1, offline: true,
	description: "Reads every entry and the audit feed, which says under pseudonyms to whose history each entry " +
		"belongs. Reading the feed needs the audit key of an organisation with the role auditor. Checks that the log has " +
		"only grown, that every entry is well-formed and was made by a party that was allowed to make it, that every index " +
		"root is right for its entries, and that the newest index root is recent enough. If the checkpoint that the log " +
		"offers passes all checks, cosigns it and sends the cosignature to the log, which serves it in every statement. If the " +
		"log does not take it, the audit has passed and its exit code is 4; the next round sends it again.\n\n" +
		"With --policy, the first checkpoint that the auditor ever sees must be cosigned by the policy's group witnesses; all " +
		"later ones must contain it. The whole quorum is not asked for, because auditors are a part of it.\n\n" +
		"If something convicts the operator (a fork, a false index root, an entry that no one was allowed to make), the " +
		"audit ends with exit code 1. The evidence is kept in a file that anyone can check with igverify evidence. Nothing " +
		"is cosigned again until a person has looked at it and removed the file alarm from --state. Problems that may pass " +
		"(a late index, no network) are tried again.\n\n" +
		"With --openings, a sample of the entries is opened and checked: signature, key status, and that each is filed " +
		"under the person it is about. Each of these people sees in their list that the auditor read the entry.\n\n" +
		"With --verdicts, all entries are read, and the verdict of every access is computed again from the agreements, " +
		"consents and policies below it. A verdict that differs is reported (exit code 1 with --once). It is not signed, " +
		"so it convicts no one and the checkpoint is still cosigned. Everybody sees in their list that auditors read all " +
		"entries on that day. Entries that were read once are not read again; with another --state all are read. The state " +
		"then holds people's consents, encrypted with the caller key. An audit that has so far run without --verdicts " +
		"starts again from the beginning.\n\nExample:\n  igverify keygen --name audit.example.org/igledger audit.key\n" +
		"  igverify audit https://ledger.example.org --log-key \"$(cat log.vkey)\" --org AUD1 --caller-key aud1.jwk --key " +
		"audit.key --state /var/lib/igverify --listen 127.0.0.1:9464",
	flags: []cli.Flag{
		&cli.StringFlag{Name: "org", Usage: "`ID` of the organisation that audits, which has the role auditor"},
		&cli.StringFlag{Name: "caller-key", Usage: "`FILE` with its private JWK for audit, to read the feed" + command.KeyHelp},
		&cli.StringFlag{Name: "key", Usage: "`FILE` with the key that cosigns, see keygen" + command.KeyHelp +
			"; without it nothing is cosigned"},
		&cli.StringFlag{Name: "state",
			Usage: "`DIR` with the progress of the audit; anyone who can write to it can make the audit skip entries"},
		&cli.StringFlag{Name: "evidence", Usage: "`DIR` for evidence (default: evidence in --state)"},
		askWitnessesFlag,
		&cli.BoolFlag{Name: "once", Usage: "make one round and print a report"},
		&cli.DurationFlag{Name: "interval", Value: 2 * time.Second, Usage: "time between two rounds"},
		&cli.DurationFlag{Name: "patience", Value: auditd.DefaultPatience,
			Usage: "how long the log may offer an older anchor than before, or leave its anchor behind, until that is a failure"},
		&cli.StringFlag{Name: "listen", Usage: "`ADDRESS` for /metrics (Prometheus)"},
		&cli.IntFlag{Name: "openings", Usage: "how many new entries to open and check in each round"},
		&cli.StringFlag{Name: "seed",
			Usage: "`HEX` of 32 bytes by which they are chosen (default: random, and printed after each round)"},
		&cli.BoolFlag{Name: "verdicts", Usage: "read all openings and compute every verdict again"},
		&cli.StringSliceFlag{Name: "terminology",
			Usage: "`FILE` of code systems that a policy set of the log names by its SHA-256; join the files of one set by +, and " +
				"repeat for another set"},
		&cli.StringSliceFlag{Name: "purpose", Value: cli.NewStringSlice("HCOMPL"),
			Usage: "`CODE` of the purpose for which the auditor reads; people see it in their lists"},
	},
	check: checkAudit,
}

// checkAudit reads the files that the flags name and runs the daemon, with --once for one round.
func checkAudit(s *session) error {
	c, err := s.auditConfig()
	if err != nil {
		return err
	}
	asking, err := s.asks()
	if err != nil {
		return err
	}
	about := &s.policy.Logs[0]
	bars := &auditBars{session: s}
	c.OnProgress = bars.at
	d, err := auditd.New(c)
	if err != nil {
		return err
	}
	if rep, err := d.Alarm(); rep != nil || err != nil { // before /metrics is served
		s.report.audited(rep)
		return err
	}
	if err := s.serveMetrics(d.Metrics()); err != nil {
		return err
	}
	if s.c.Bool("once") {
		rep, err := d.Round(s.ctx)
		bars.done()
		s.report.audited(rep)
		if keepErr := d.Keep(); err == nil {
			err = keepErr
		}
		if err == nil && asking.witnesses != nil {
			err = asking.askAbout(s.ctx, c.URL, about)
			s.report.take(asking)
		}
		return err
	}
	said, last := "", ""
	rep, err := d.Run(s.ctx, func(rep *auditd.Report, err error) error {
		bars.done()
		news, forked := asking.again(s.ctx, c.URL, about)
		if news != "" {
			fmt.Fprintf(s.c.App.ErrWriter, "igverify: %s\n", command.Plain(news))
		}
		if forked != nil {
			return forked
		}
		text := summary(rep, err)
		last = ""
		if rep.Ending != auditd.Cosigned && rep.Ending != auditd.Quiet {
			last = "the last round found: " + text
		}
		if rep.Ending == auditd.Quiet && len(rep.Failures) == 0 || text == said && rep.Ending != auditd.Cosigned {
			return nil // print nothing if nothing changed
		}
		said = text
		return s.tell(d, rep, text)
	})
	bars.done()
	s.report.audited(rep)
	s.report.undecided = last // told to stop after a round without an answer, it has not verified the log of now
	if errors.Is(err, errForked) {
		s.report.take(asking)
		err = errReported
	}
	return err
}

// auditConfig returns the configuration that the flags state.
func (s *session) auditConfig() (auditd.Config, error) {
	c := s.c
	// here and not by the flag, whose default urfave/cli would not check
	if err := readers.CheckUses(c.StringSlice("purpose")); err != nil {
		return auditd.Config{}, usage("--purpose: %v", err)
	}
	config := auditd.Config{
		URL:      c.Args().First(),
		Org:      c.String("org"),
		Purpose:  c.StringSlice("purpose"),
		State:    c.String("state"),
		Evidence: c.String("evidence"),
		Interval: c.Duration("interval"),
		Patience: c.Duration("patience"),
		Openings: c.Int("openings"),
		Verdicts: c.Bool("verdicts"),
	}
	for _, name := range []string{"org", "caller-key", "state"} {
		if c.String(name) == "" {
			return config, usage("--%s is missing, see igverify audit --help", name)
		}
	}
	if config.Interval <= 0 || config.Patience <= 0 || config.Openings < 0 {
		return config, usage("--interval and --patience must be greater than 0, and --openings must not be negative")
	}
	if err := s.oneLog("an audit"); err != nil {
		return config, err
	}
	config.LogKey, config.Policy, config.Genesis = s.key, s.policy, s.pinned
	for _, files := range c.StringSlice("terminology") {
		codes, err := terminology.Open(strings.Split(files, "+")...)
		if err != nil {
			return config, usage("--terminology: %w", err)
		}
		config.Codes = append(config.Codes, codes)
	}
	var err error
	config.Caller, err = command.Signer(c, "caller-key")
	if err != nil {
		return config, err
	}
	if c.String("key") != "" {
		config.Cosigner, err = command.Cosigner(c, "key")
		if err != nil {
			return config, err
		}
	}
	if text := c.String("seed"); text != "" {
		config.Seed, err = hex.DecodeString(text)
		if err != nil || len(config.Seed) != 32 {
			return config, usage("--seed: give 64 hexadecimal digits")
		}
	}
	return config, nil
}

// auditBars shows a progress bar for each reading of the log.
type auditBars struct {
	*session
	shown *command.Progress
}

func (b *auditBars) at(at, of uint64) {
	if b.shown == nil {
		b.shown = command.NewProgress(b.c, "auditing "+b.policy.Logs[0].Origin, of)
	}
	b.shown.At(at)
}

func (b *auditBars) done() {
	if b.shown != nil {
		b.shown.Done()
		b.shown = nil
	}
}

// serveMetrics serves /metrics until the command ends.
func (s *session) serveMetrics(metrics http.Handler) error {
	address := s.c.String("listen")
	if address == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return usage("--listen must be an address and a port, such as 127.0.0.1:9464")
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	srv := &http.Server{
		Handler:           metrics,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	context.AfterFunc(s.ctx, func() { srv.Close() })
	go srv.Serve(l) //nolint:errcheck // ends with the command
	fmt.Fprintf(s.c.App.ErrWriter, "igverify: metrics at http://%s/metrics\n", l.Addr())
	return nil
}

// audited copies the daemon's report into the command's. rep may be nil.
func (r *report) audited(rep *auditd.Report) {
	if rep == nil {
		return
	}
	r.Report, r.Notes, r.Evidence = rep.Report, rep.Notes, rep.Evidence
	if rep.Offered != nil {
		r.Log.Origin, r.Log.Size = rep.Offered.Origin, &rep.Offered.Size
		r.Log.Root = fmt.Sprintf("%x", rep.Offered.Root)
	}
	for _, t := range rep.Totals {
		r.Totals = append(r.Totals, row{t.Name, fmt.Sprint(t.Value)})
	}
	switch {
	case rep.Ending == auditd.Failed, rep.Ending == auditd.Convicted, len(rep.Failures) > 0:
		r.Audit = "failed"
	case rep.Ending == auditd.Cosigned:
		r.Audit, r.Cosigned = "passed", "delivered"
	case rep.Ending == auditd.Quiet:
		r.Audit, r.Cosigned = "passed", "none"
	case rep.Ending == auditd.Undelivered:
		r.Audit, r.Cosigned = "passed", "undelivered"
		r.undecided = undelivered(rep)
	}
}

// undelivered says both what an audit has shown and what it could not do.
func undelivered(rep *auditd.Report) string {
	return fmt.Sprintf("the audit of size %d passed: everything is right, and it was cosigned; but the cosignature was not delivered: %v",
		rep.Offered.Size, rep.Undelivered)
}

// summary returns a round on one line.
func summary(rep *auditd.Report, err error) string {
	good := rep.Ending == auditd.Cosigned || rep.Ending == auditd.Quiet || rep.Ending == auditd.Undelivered
	switch {
	case len(rep.Failures) > 0 && good: // verdicts, about which a cosignature says nothing
		return fmt.Sprintf("DOUBTFUL %s (%d in all)", rep.Failures[0], len(rep.Failures))
	case len(rep.Failures) > 0:
		return fmt.Sprintf("FAILED %s (not cosigned)", rep.Failures[0])
	case command.Forbidden(err):
		return "refused: " + err.Error()
	case err != nil:
		return "not reached: " + err.Error()
	case rep.Ending == auditd.Undelivered:
		return undelivered(rep)
	}
	return fmt.Sprintf("ok, size %d", rep.Offered.Size)
}

// tell prints a line about a round.
func (s *session) tell(d *auditd.Daemon, rep *auditd.Report, text string) error {
	stats, w := d.Stats(), s.c.App.Writer
	at := time.Now().UTC().Format(time.RFC3339)
	if s.c.Bool("json") {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		whole := &report{}
		whole.audited(rep)
		line := map[string]any{
			"time":    at,
			"round":   rep.Ending,
			"text":    text,
			"log":     whole.Log,
			"audited": stats,
			"notes":   rep.Notes,
		}
		if verdicts, ok := d.VerdictStats(); ok {
			line["verdicts"], line["checks"] = verdicts, rep.Failed()
		}
		return enc.Encode(line)
	}
	if rep.Ending == auditd.Cosigned && len(rep.Failures) > 0 {
		if _, err := fmt.Fprintf(w, "%s %s\n", at, command.Plain(text)); err != nil {
			return err
		}
	}
	if rep.Ending == auditd.Cosigned {
		text = fmt.Sprintf("cosigned size %d: index roots %d, all right; the newest is %d behind, %d allowed",
			stats.Size, stats.Roots, stats.Lag, d.IndexLag())
	}
	_, err := fmt.Fprintf(w, "%s %s\n", at, command.Plain(text))
	return err
}

var evidenceCommand = spec{
	name: "evidence", usage: "check the evidence that an auditor kept", argsUsage: "FILE", args: 1, offline: true,
	description: "Says what a file from igverify audit proves against the operator, using only the log's key. Exit code 0: " +
		"the file convicts the operator on its own. Exit code 1: it proves nothing on its own; if it accuses the operator " +
		"of what only a replay of the log shows, the command says how to find out.\n\nExample:\n" +
		"  igverify evidence evidence/index-root-0a1b2c3d4e5f.json --log-key \"$(cat log.vkey)\"",
	check: func(s *session) error {
		data, err := s.readFile("evidence", s.c.Args().First(), maxFile)
		if err != nil {
			return err
		}
		if err := s.oneLog("evidence"); err != nil {
			return err
		}
		s.report.Log.Origin = s.log.Name()
		s.report.Add(auditor.CheckEvidenceUnder(data, s.policy, s.pinned, time.Now()))
		return nil
	},
}
