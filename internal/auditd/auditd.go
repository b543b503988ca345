// Package auditd is the daemon of an auditor: it follows a live log, recomputes its subject index, and cosigns what holds.
//
// Promised: a checkpoint is cosigned only if the log contains every earlier checkpoint seen, unchanged, and its entries,
// all of them read, are well-formed, by parties that may make them, and give exactly the index roots that the log states.
// What convicts the operator (a fork, a false index root, an entry that no party may make) is kept as evidence that anyone
// can check with the log's key; then an alarm is written, and nothing is cosigned again, by this or a later process, until
// a person has removed it. A process that is killed at any point goes on from its last state, and the largest checkpoint
// seen is on disk before anything is done with it. What may pass (an index that is late, no network) withholds the
// cosignature and is tried again. Neither state, evidence nor reports name a person.
//
// Not promised: that what was audited before a state file was replaced by another party holds; that accesses which were
// never reported are noticed; that a wrong verdict convicts anyone, as verdicts are not signed. What the auditor says is
// said with the key given: keeping it is the caller's.
package auditd

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/mod/sumdb/note"

	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/verifier"
	"igledger/verifier/auditor"
	"igledger/verifier/fetch"
	"igledger/verifier/fetch/retry"
)

// DefaultInterval is how long Run waits between two rounds if Config does not say.
const DefaultInterval = 2 * time.Second

// Config is what a daemon needs. The fields down to State are required.
type Config struct {
	URL    string       // of the ledger
	LogKey string       // verifier key of its log, from elsewhere than the ledger
	Org    string       // id of the organisation that audits, which has the role auditor
	Caller *wire.Signer // its key for audit, which also encrypts the state of verdicts
	State  string       // directory; a party that can write to it can make the audit skip entries

	Purpose  []string         // why the auditor reads (PurposeOfUse codes); people see it in their lists
	Cosigner *Cosigner        // nil: nothing is cosigned
	Evidence string           // directory; "": evidence in State
	Interval time.Duration    // between two rounds; 0: DefaultInterval
	Openings int              // how many of a round's new entries are opened
	Seed     []byte           // 32 bytes by which they are chosen; nil: random, so that the operator cannot know them
	Verdicts bool             // read all openings and compute every verdict again
	Now      func() time.Time // nil: time.Now

	OnProgress func(at, of uint64) // told how many entries of a log were read; may be nil
}

// Cosigner is the auditor's name on signature lines, and its key.
type Cosigner struct {
	Name string
	Key  ed25519.PrivateKey
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
	told     int       // of its doubts
	found    []located // findings of entries that no signed root has confirmed yet
	stopped  bool      // by what convicts: the state stays as it was before, so that it is found again

	latest   []byte // largest checkpoint seen; never forgotten
	seen     proof.Checkpoint
	saved    uint64    // size of the state file
	cosigned uint64    // size of what was cosigned last, and when
	at       time.Time //
}

// Report is what a round found. It says nothing of verdicts that were told of in an earlier round.
type Report struct {
	verifier.Report
	Ending   Ending
	Offered  *proof.Checkpoint // what the log offered for cosigning; nil: none that it signed
	Totals   []Total           // of the whole audit; none if it did not come to an end
	Notes    []string          // what a reader must know besides
	Evidence []string          // signed notes that prove what failed
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
	Cosigned   Ending = "cosigned"
	Quiet      Ending = "quiet"      // nothing new, or no key to cosign with
	Failed     Ending = "failed"     // something is wrong that may pass
	Convicted  Ending = "convicted"  // something is wrong for ever
	Unreadable Ending = "unreadable" // the error says what
)

// callTime bounds one attempt at a call of the API, and callsTime all of them. Rounds are tried again anyway.
const (
	attempts  = 4
	callTime  = time.Minute
	callsTime = 2 * time.Minute
)

// New reads what earlier processes left in the state directory. It does not call the ledger.
func New(c Config) (*Daemon, error) {
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.OnProgress == nil {
		c.OnProgress = func(_, _ uint64) {}
	}
	d := &Daemon{Config: c, wait: retry.Sleep, metrics: &metrics{values: map[string]float64{}},
		files: auditFiles{dir: c.State, evidence: c.Evidence}}
	var err error
	if d.log, err = verifier.LogKey(c.LogKey); err != nil {
		return nil, err
	}
	if d.src, err = fetch.Open(c.URL); err != nil {
		return nil, err
	}
	token := func() (string, error) {
		return register.SignCaller(c.Caller, d.log.Name(), c.Org, "auditor", time.Now())
	}
	d.api = &client.Client{Base: c.URL, HTTP: &http.Client{Timeout: callTime}, Attempts: attempts, Purpose: c.Purpose, Token: token}
	if d.secret, err = c.Caller.MarshalPrivate(); err != nil {
		return nil, err
	}
	switch len(c.Seed) {
	case 0:
		if _, err := rand.Read(d.seed[:]); err != nil {
			return nil, err
		}
	case len(d.seed):
		d.seed = [32]byte(c.Seed)
	default:
		return nil, fmt.Errorf("a seed of %d bytes, want %d", len(c.Seed), len(d.seed))
	}
	d.sample = auditor.NewSample(c.Openings, d.seed)
	d.latest, d.seen, err = d.files.latest(d.log)
	d.metrics.set("igverify_audit_alarm", 0)
	return d, err
}

// Alarm returns what an earlier round, of this or another process, found that ended cosigning, or nil.
func (d *Daemon) Alarm() (*Report, error) { return d.files.alarm() }

// Metrics serves /metrics in the text format of Prometheus.
func (d *Daemon) Metrics() http.Handler { return d.metrics }

// Stats returns how far the entries are audited.
func (d *Daemon) Stats() auditor.Stats {
	if d.auditor == nil {
		return auditor.Stats{}
	}
	return d.auditor.Stats()
}

// IndexLag returns how many entries the log's genesis lets the index stay behind, 0 before it was read.
func (d *Daemon) IndexLag() uint64 {
	if d.auditor == nil || d.auditor.Replay().Register().Genesis == nil {
		return 0
	}
	return d.auditor.Replay().Register().Genesis.IndexLag
}

// VerdictStats returns how far verdicts were computed again; false without Config.Verdicts, and before the first round.
func (d *Daemon) VerdictStats() (auditor.VerdictStats, bool) {
	if d.verdicts == nil {
		return auditor.VerdictStats{}, false
	}
	return d.verdicts.Stats(), true
}

// Run makes rounds until something convicts the operator or ctx ends, and returns the report of the last round, or, when
// ctx ended, of the whole audit, which it keeps. It hands every other round to tell, with the round's error, and ends if
// tell fails.
func (d *Daemon) Run(ctx context.Context, tell func(*Report, error) error) (*Report, error) {
	pause := d.Interval
	for {
		rep, err := d.Round(ctx)
		if ctx.Err() != nil {
			rep = &Report{Notes: []string{"stopped; the same command goes on from there"}}
			d.conclude(rep)
			d.told = 0
			return rep, errors.Join(d.tellVerdicts(rep), d.Keep())
		}
		if rep.Ending == Convicted {
			return rep, err
		}
		if rep.Ending == Unreadable || rep.Ending == Failed {
			pause = min(2*pause, max(d.Interval, maxPause))
		} else {
			pause = d.Interval
		}
		if err := tell(rep, err); err != nil {
			return rep, err
		}
		if err := d.wait(ctx, pause); err != nil {
			continue // the context ended; the next round says so
		}
	}
}

// maxPause is the longest wait after rounds that came to nothing.
const maxPause = time.Minute

// Round audits up to the checkpoint that the log offers, and cosigns it if all of it holds. While there is an alarm it
// reads nothing and returns that. The error says what could not be read or written; checks that failed are in the report
// only.
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
