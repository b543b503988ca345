package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/verifier"
	"igledger/verifier/auditor"
	"igledger/verifier/fetch"
)

// auditFiles is the directory that an audit remembers in:
//
//	latest     the largest checkpoint seen, a signed note; never goes back
//	state      how far the entries were audited, see package auditor; may lag behind latest
//	cosigned   the last checkpoint cosigned, with the auditor's line
//	alarm      what was found that ends cosigning: a report as JSON. Somebody looks, and removes it
//	evidence/  files for igverify evidence
//
// and with --verdicts what auditverdicts.go has.
type auditFiles struct{ dir, evidence string }

func (f auditFiles) path(name string) string { return filepath.Join(f.dir, name) }

func (f auditFiles) latest(log note.Verifier) ([]byte, proof.Checkpoint, error) {
	signed, err := os.ReadFile(f.path("latest"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, proof.Checkpoint{}, nil
	} else if err != nil {
		return nil, proof.Checkpoint{}, err
	}
	head, err := verifier.OpenCheckpoint(signed, log)
	if err != nil {
		return nil, head, fmt.Errorf("%w: latest in --state is no checkpoint signed by this log key; it is damaged or of another log, and was left as it is", verifier.ErrState)
	}
	return signed, head, nil
}

func (f auditFiles) writeLatest(signed []byte) error {
	return fetch.WriteFile(f.path("latest"), signed)
}

func (f auditFiles) writeCosigned(signed []byte) error {
	return fetch.WriteFile(f.path("cosigned"), signed)
}

// alarm fills in what an earlier run found that nobody has looked at yet.
func (f auditFiles) alarm(rep *report) (bool, error) {
	data, err := os.ReadFile(f.path("alarm"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	var list []verifier.Result
	if err := json.Unmarshal(data, &list); err != nil || len(list) == 0 {
		list = []verifier.Result{{Check: verifier.CheckConsistent, Expected: "no alarm", Found: "one that cannot be read", Meaning: "an earlier run stopped for a reason that is lost"}}
	}
	for _, r := range list {
		rep.Fail(&verifier.Failure{Check: r.Check, Index: r.Index, Expected: r.Expected, Found: r.Found, Meaning: r.Meaning})
	}
	rep.Notes = append(rep.Notes, "an earlier run found this, and nothing is read or cosigned until somebody has looked and removed "+f.path("alarm"))
	return true, nil
}

// writeAlarm keeps what failed.
func (f auditFiles) writeAlarm(rep *report) error {
	data, err := json.MarshalIndent(rep.failed(), "", "  ")
	if err == nil {
		err = fetch.WriteFile(f.path("alarm"), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keeping the alarm: %w", err)
	}
	rep.Notes = append(rep.Notes, "nothing is cosigned until somebody has looked and removed "+f.path("alarm"))
	return nil
}

// keepEvidence writes a file named by what it holds.
func (f auditFiles) keepEvidence(rep *report, ev auditor.Evidence) error {
	data, err := ev.Marshal()
	if err != nil {
		return err
	}
	dir := f.evidence
	if dir == "" {
		dir = f.path("evidence")
	}
	sum := sha256.Sum256(data)
	name := filepath.Join(dir, fmt.Sprintf("%s-%x.json", ev.Check, sum[:6]))
	if err := fetch.WriteFile(name, data); err != nil {
		return fmt.Errorf("keeping the evidence: %w", err)
	}
	rep.Notes = append(rep.Notes, "evidence kept in "+name+"; igverify evidence checks it with the log's key alone")
	return nil
}

// load takes up the audit where the state file says, or begins it.
func (a *audit) load() error {
	if a.auditor != nil {
		return nil
	}
	a.sources = verifier.NewSources()
	fresh, err := auditor.New(a.key)
	if err != nil {
		return err
	}
	f, err := os.Open(a.files.path("state"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.auditor = fresh
	case err != nil:
		return err
	default:
		defer f.Close()
		saved, checkpoint, extra, err := auditor.ReadState(f, a.key)
		if err != nil {
			return fmt.Errorf("%w; remove state in --state to begin anew", err)
		}
		if a.auditor, err = a.confirmed(saved, checkpoint, fresh); err != nil {
			return err
		}
		if a.auditor == saved && a.c.Bool("verdicts") {
			if err := a.loadVerdicts(saved.Size()); err != nil {
				return err
			}
			if a.verdicts == nil { // none so far: all is read again, with openings
				a.auditor = fresh
			}
		}
		if a.auditor == saved {
			if err := json.Unmarshal(extra, a.sources); err != nil {
				return fmt.Errorf("%w: what it says of sources cannot be read; remove state in --state to begin anew", verifier.ErrState)
			}
		}
	}
	a.saved = a.auditor.Size()
	if a.auditor == fresh && a.c.Bool("verdicts") {
		if err := a.loadVerdicts(0); err != nil {
			return err
		}
	}
	a.auditor.OnPublic = a.public
	if a.verdicts != nil {
		a.verdicts.OnSealed = func(_ uint64, e *entry.Entry) { a.sources.AddCount(e) }
	}
	return nil
}

// confirmed gives saved if it may be gone on from. One that was written on the way to a checkpoint, and so is not yet confirmed by a signed root, is dropped if the way
// turned out to be wrong: that is when it is loaded again by the process that wrote it.
func (a *audit) confirmed(saved *auditor.Auditor, checkpoint []byte, fresh *auditor.Auditor) (*auditor.Auditor, error) {
	head, err := verifier.OpenCheckpoint(checkpoint, a.log)
	if err != nil || head.Size < saved.Size() || head.Size > a.seen.Size {
		return nil, fmt.Errorf("%w: it does not belong to latest beside it; remove state in --state to begin anew", verifier.ErrState)
	}
	if saved.Size() < head.Size && a.saved > 0 {
		return fresh, nil
	}
	return saved, nil
}

// keep writes the state file, if there is anything new and nothing wrong with it.
func (a *audit) keep() error {
	if a.auditor == nil || a.stopped || a.auditor.Size() == a.saved || len(a.found) > 0 || !a.auditor.Replay().Agrees() {
		return nil
	}
	extra, err := json.Marshal(a.sources)
	if err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	if a.verdicts != nil {
		if err := a.files.writeVerdicts(a.verdicts, a.secret); err != nil {
			return err
		}
	}
	if err := fetch.WriteFileWith(a.files.path("state"), func(w io.Writer) error { return a.auditor.WriteState(w, a.latest, extra) }); err != nil {
		return err
	}
	a.saved = a.auditor.Size()
	a.files.forgetVerdicts(a.saved)
	return nil
}

var evidenceCommand = command{
	name: "evidence", usage: "check the evidence that an auditor's alarm left, as anybody can", argsUsage: "FILE", args: 1, offline: true,
	description: "Says what a file of igverify audit proves against the operator, with the log's key alone, and what remains to be recomputed by somebody who replays the log or holds the audit feed. " +
		"Exit code 1: the file proves nothing.\n\nExample:\n  igverify evidence evidence/index-root-0a1b2c3d4e5f.json --log-key \"$(cat log.vkey)\"",
	flags: []cli.Flag{policyFlag},
	check: func(s *session) error {
		data, err := s.readFile("evidence", s.c.Args().First(), maxFile)
		if err != nil {
			return err
		}
		if len(s.policy.Logs) != 1 {
			return usage("--policy names %d logs; evidence is about one", len(s.policy.Logs))
		}
		s.report.Log.Origin = s.policy.Logs[0].Verifier.Name()
		s.report.Add(auditor.CheckEvidence(data, s.policy.Logs[0].Key))
		return nil
	},
}
