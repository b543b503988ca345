// Package auditd is the daemon of an auditor: it follows a live log, recomputes its subject index,
// and cosigns checkpoints that are right.
//
// It promises:
//
//   - It cosigns a checkpoint only if the log contains every earlier checkpoint that it saw,
//     unchanged, and only after it has read all entries and found that they are well-formed, were
//     made by parties that were allowed to make them, and have exactly the index roots that the log
//     states.
//   - If something convicts the operator (a fork, a false index root, an entry that no party may
//     make), it keeps evidence that anyone can check with the log's key, and writes an alarm.
//     Nothing is cosigned again, by this or a later process, until a person has removed the alarm.
//   - A process that is killed at any point continues from its last state. The largest checkpoint
//     seen is on disk before anything is done with it.
//   - It cosigns only an anchor, a checkpoint that ends in an index root, and renews its cosignature
//     only while the log has not grown beyond it.
//   - After a problem that may pass (a late index, an old answer of a cache, no network) it withholds
//     the cosignature and tries again.
//   - Neither state, evidence nor reports name a person.
//
// It does not promise that an audit is right if another party replaced the state file, that it
// notices accesses that were never reported, or that a wrong verdict convicts anyone, because
// verdicts are not signed. The auditor's cosignatures are made with the key in Config: keeping it
// secret is the caller's task.
package auditd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/mod/sumdb/note"

	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/policies/terminology"
	"igledger/verifier"
	"igledger/verifier/auditor"
	"igledger/verifier/fetch"
	"igledger/verifier/fetch/retry"
)

// DefaultInterval is how long Run waits between two rounds if Config.Interval is 0.
const DefaultInterval = 2 * time.Second

// Config is what a daemon needs. The fields down to State are required.
type Config struct {
	URL    string       // of the ledger
	LogKey string       // verifier key of its log, from a source other than the ledger
	Org    string       // id of the organisation that audits, which has the role auditor
	Caller *wire.Signer // its key for audit, which also encrypts the state of verdicts
	State  string       // directory; anyone who can write to it can make the audit skip entries

	// Policy says who must have cosigned the first checkpoint that the auditor ever sees: the group
	// witnesses. All later ones must contain it. Nil: the first one is trusted.
	Policy  *verifier.Policy
	Genesis *wire.Hash // hash of leaf 0, see verifier.GenesisHash; nil: the first one is trusted

	Purpose  []string         // why the auditor reads (PurposeOfUse codes); people see it in their lists
	Cosigner *cosign.Signer   // nil: nothing is cosigned
	Evidence string           // directory; "": the directory evidence in State
	Interval time.Duration    // between two rounds; 0: DefaultInterval
	Openings int              // how many of a round's new entries are opened
	Seed     []byte           // 32 bytes by which they are chosen; nil: random, so that the operator cannot predict them
	Verdicts bool             // read all openings and compute every verdict again
	Now      func() time.Time // nil: time.Now

	// Codes are the code systems that policy sets of the log name, for Verdicts: each from the
	// files of one set.
	Codes []*terminology.Index

	// Patience is how long the log may offer an older anchor than before, or leave its anchor behind;
	// 0: DefaultPatience.
	Patience time.Duration

	OnProgress func(at, of uint64) // called with how many entries of the log were read; may be nil
}

// Daemon is an audit under way. It is not safe for concurrent use; its Metrics are.
type Daemon struct {
	Config
	log     note.Verifier // of LogKey
	src     *fetch.Log
	api     *client.Client
	files   auditFiles
	wait    func(context.Context, time.Duration) error
	metrics *metrics
	sample  *auditor.Sample
	seed    [32]byte

	auditor  *auditor.Auditor // nil: to be loaded
	sources  *verifier.Sources
	feed     []proof.FeedRecord // a page, from
	feedAt   uint64
	verdicts *auditor.Verdicts // nil: without Config.Verdicts
	secret   []byte            // for its state
	page     []*bundle.Opening // of openings, from
	pageAt   uint64
	told     int       // doubts reported so far
	found    []located // findings about entries that no signed root has confirmed yet
	stopped  bool      // something convicts the operator: the state is not written, so that it is found again

	begun  bool   // leaf 0 is that of Config.Genesis
	latest []byte // largest checkpoint seen; never forgotten
	seen   proof.Checkpoint
	saved  uint64   // size of the log in the state file
	own    []byte   // what the file cosigned had at the start, until the first round
	last   cosigned // what was cosigned last
	late   late
}

// Report is what a round found. It does not repeat verdicts that an earlier round reported.
type Report struct {
	verifier.Report
	Ending      Ending
	Undelivered error             // with the ending of that name: why the cosignature did not reach the log
	Offered     *proof.Checkpoint // what the log offered for cosigning; nil: none that it signed
	Totals      []Total           // of the whole audit; none if the round did not reach the end
	Notes       []string          // what else a reader must know
	Evidence    []string          // signed notes that prove what failed
}

// Total is one number of a report, with its name for people.
type Total struct {
	Name  string
	Value uint64
}

// Failed returns the checks that failed.
func (r *Report) Failed() (list []verifier.Result) {
	for _, c := range r.Results {
		if c.Status == verifier.Failed {
			list = append(list, c)
		}
	}
	return list
}

// Ending is how a round ended.
type Ending string

// The endings.
const (
	Cosigned    Ending = "cosigned"
	Quiet       Ending = "quiet"       // nothing new, or no key to cosign with
	Undelivered Ending = "undelivered" // everything is right and was cosigned, but the cosignature did not reach the log
	Failed      Ending = "failed"      // something is wrong that may pass
	Convicted   Ending = "convicted"   // something is wrong that convicts the operator
	Unreadable  Ending = "unreadable"  // something could not be read or written; the error says what
)

// callTime bounds one attempt at a call of the API, and callsTime all attempts. A round that fails
// is tried again anyway.
const (
	attempts  = 4
	callTime  = time.Minute
	callsTime = 2 * time.Minute
)

// New returns a Daemon that continues from what earlier processes left in the state directory. It
// does not call the ledger.
func New(c Config) (*Daemon, error) {
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.OnProgress == nil {
		c.OnProgress = func(_, _ uint64) {}
	}
	d := &Daemon{Config: c, wait: retry.Sleep, metrics: &metrics{values: map[string]float64{}},
		files: auditFiles{dir: c.State, evidence: c.Evidence, codes: c.Codes}}
	var err error
	d.log, err = verifier.LogKey(c.LogKey)
	if err != nil {
		return nil, err
	}
	d.src, err = fetch.Open(c.URL)
	if err != nil {
		return nil, err
	}
	token := func() (string, error) {
		return register.SignCaller(c.Caller, d.log.Name(), c.Org, "auditor", time.Now())
	}
	d.api = &client.Client{
		Base:     c.URL,
		HTTP:     &http.Client{Timeout: callTime},
		Attempts: attempts,
		Purpose:  c.Purpose,
		Token:    token,
	}
	if c.Verdicts {
		d.secret, err = c.Caller.MarshalPrivate()
		if err != nil {
			return nil, fmt.Errorf("verdicts need a caller's key in a file: people's consents are encrypted with it in the state: %w", err)
		}
	}
	switch len(c.Seed) {
	case 0:
		if _, err := rand.Read(d.seed[:]); err != nil {
			return nil, err
		}
	case len(d.seed):
		d.seed = [32]byte(c.Seed)
	default:
		return nil, fmt.Errorf("the seed has %d bytes, want %d", len(c.Seed), len(d.seed))
	}
	d.sample = auditor.NewSample(c.Openings, d.seed)
	d.latest, d.seen, err = d.files.latest(d.log)
	if err != nil {
		return nil, err
	}
	d.late, err = d.files.late()
	if err != nil {
		return nil, err
	}
	d.own, err = d.files.cosigned()
	if c, ok := d.mine(d.own); ok && c.head.Size <= d.seen.Size {
		d.last = c
		d.last.sent = false // not known
	}
	d.metrics.set("igverify_audit_alarm", 0)
	return d, err
}

// Alarm returns what an earlier round, of this or another process, found that stopped cosigning, or
// nil.
func (d *Daemon) Alarm() (*Report, error) { return d.files.alarm() }

// Metrics serves /metrics in the text format of Prometheus.
func (d *Daemon) Metrics() http.Handler { return d.metrics }

// Stats returns how far the audit of the entries has come.
func (d *Daemon) Stats() auditor.Stats {
	if d.auditor == nil {
		return auditor.Stats{}
	}
	return d.auditor.Stats()
}

// IndexLag returns how many entries the log's genesis lets the index stay behind, 0 before it was
// read.
func (d *Daemon) IndexLag() uint64 {
	if d.auditor == nil || d.auditor.Replay().Register().Genesis == nil {
		return 0
	}
	return d.auditor.Replay().Register().Genesis.IndexLag
}

// VerdictStats returns how far verdicts have been computed again. It returns false without
// Config.Verdicts, and before the first round.
func (d *Daemon) VerdictStats() (auditor.VerdictStats, bool) {
	if d.verdicts == nil {
		return auditor.VerdictStats{}, false
	}
	return d.verdicts.Stats(), true
}

// Run makes rounds until something convicts the operator or ctx ends. It returns the report of the
// last round. If ctx ended, it writes the state and returns the report of the whole audit. It calls
// tell with the report and error of every other round, and ends if tell returns an error.
func (d *Daemon) Run(ctx context.Context, tell func(*Report, error) error) (*Report, error) {
	pause := d.Interval
	for {
		rep, err := d.Round(ctx)
		if ctx.Err() != nil {
			rep = &Report{Notes: []string{"stopped; run the same command to continue"}}
			d.conclude(rep)
			d.told = 0
			return rep, errors.Join(d.tellVerdicts(rep), d.Keep())
		}
		if rep.Ending == Convicted {
			return rep, err
		}
		if rep.Ending == Unreadable || rep.Ending == Failed || rep.Ending == Undelivered {
			pause = min(2*pause, max(d.Interval, maxPause))
		} else {
			pause = d.Interval
		}
		if err := tell(rep, err); err != nil {
			return rep, err
		}
		if err := d.wait(ctx, pause); err != nil {
			continue // the context ended, which the next round reports
		}
	}
}

// maxPause is the longest wait after rounds that failed.
const maxPause = time.Minute

// Round audits up to the checkpoint that the log offers, and cosigns it if everything is right.
// While there is an alarm, it reads nothing and returns the alarm's report. The error says what
// could not be read or written; checks that failed are only in the report.
func (d *Daemon) Round(ctx context.Context) (*Report, error) {
	rep, err := d.Alarm()
	if rep == nil {
		rep = &Report{}
	}
	if rep.Ending != Convicted && err == nil {
		rep.Ending, err = d.round(ctx, rep)
	}
	var f *verifier.Failure
	if errors.As(err, &f) {
		rep.Fail(f)
		rep.Ending, err = Failed, nil
	}
	if err != nil {
		rep.Ending = Unreadable
	}
	if rep.Ending == Convicted {
		d.metrics.set("igverify_audit_alarm", 1)
	}
	for _, f := range rep.Failures {
		d.metrics.add(labelled("igverify_audit_findings_total", "check", string(f.Check)), 1)
	}
	d.metrics.add(labelled("igverify_audit_rounds_total", "result", string(rep.Ending)), 1)
	d.metrics.set("igverify_audit_round_time_seconds", float64(d.Now().Unix()))
	return rep, err
}
