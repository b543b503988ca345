package auditd

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/policies/terminology"
	"igledger/verifier"
	"igledger/verifier/auditor"
	"igledger/verifier/fetch"
)

// auditFiles is the directory in which an audit keeps its state:
//
//	latest     the largest checkpoint seen, a signed note; never goes back
//	state      how far the entries were audited, see package auditor; may lag behind latest
//	cosigned   the last checkpoint cosigned, with the auditor's line; never larger than latest
//	late       what the log is late with, see anchor.go
//	alarm      what was found that stops cosigning: a report as JSON. A person looks at it and removes it
//	evidence/  files for igverify evidence
//
// With Config.Verdicts it also has the files that verdicts.go describes.
type auditFiles struct {
	dir, evidence string
	codes         []*terminology.Index // for verdicts
}

func (f auditFiles) path(name string) string { return filepath.Join(f.dir, name) }

// writePrivate writes a file into a folder that, if it has to be made, is for its owner only:
// what an auditor has seen is about people.
func writePrivate(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return fetch.WriteFileWith(path, write)
}

func (auditFiles) write(path string, data []byte) error {
	return writePrivate(path, func(w io.Writer) error { _, err := w.Write(data); return err })
}

func (f auditFiles) latest(log note.Verifier) ([]byte, proof.Checkpoint, error) {
	signed, err := os.ReadFile(f.path("latest"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, proof.Checkpoint{}, nil
	} else if err != nil {
		return nil, proof.Checkpoint{}, err
	}
	head, err := verifier.OpenCheckpoint(signed, log)
	if err != nil {
		return nil, head, fmt.Errorf("%w: %s is not a checkpoint signed by this log key. It is damaged or from another log, "+
			"and was not changed", verifier.ErrState, f.path("latest"))
	}
	return signed, head, nil
}

func (f auditFiles) writeLatest(signed []byte) error {
	return f.write(f.path("latest"), signed)
}

// cosigned returns what writeCosigned wrote, nil if nothing was cosigned.
func (f auditFiles) cosigned() ([]byte, error) {
	signed, err := os.ReadFile(f.path("cosigned"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return signed, err
}

func (f auditFiles) writeCosigned(signed []byte) error {
	return f.write(f.path("cosigned"), signed)
}

// alarm returns what an earlier run found, if no one has removed the alarm yet, or nil.
func (f auditFiles) alarm() (*Report, error) {
	data, err := os.ReadFile(f.path("alarm"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var list []verifier.Result
	if err := json.Unmarshal(data, &list); err != nil || len(list) == 0 {
		list = []verifier.Result{{Check: verifier.CheckConsistent,
			Expected: "no alarm", Found: "an alarm that cannot be read",
			Meaning: "an earlier run stopped, and the reason is lost"}}
	}
	rep := &Report{Ending: Convicted}
	for _, r := range list {
		rep.Fail(&verifier.Failure{Check: r.Check, Index: r.Index, Expected: r.Expected, Found: r.Found, Meaning: r.Meaning})
	}
	rep.Notes = append(rep.Notes, "an earlier run found this. Nothing is read or cosigned until a person has looked at it and "+
		"removed "+
		f.path("alarm"))
	return rep, nil
}

// writeAlarm writes what failed to the alarm.
func (f auditFiles) writeAlarm(rep *Report) error {
	data, err := json.MarshalIndent(rep.Failed(), "", "  ")
	if err == nil {
		err = f.write(f.path("alarm"), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keeping the alarm: %w", err)
	}
	rep.Notes = append(rep.Notes, "nothing is cosigned until a person has looked at this and removed "+f.path("alarm"))
	return nil
}

// keepEvidence writes evidence to a file whose name contains the hash of its content.
func (f auditFiles) keepEvidence(rep *Report, ev auditor.Evidence) error {
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
	if err := f.write(name, data); err != nil {
		return fmt.Errorf("keeping the evidence: %w", err)
	}
	rep.Notes = append(rep.Notes, "evidence is in "+name+"; igverify evidence checks it with only the log's key")
	return nil
}

// load continues the audit from the state file, or begins it.
func (d *Daemon) load() error {
	if d.auditor != nil {
		return nil
	}
	d.sources = verifier.NewSources()
	fresh, err := auditor.New(d.LogKey)
	if err != nil {
		return err
	}
	f, err := os.Open(d.files.path("state"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.auditor = fresh
	case err != nil:
		return err
	default:
		defer f.Close()
		saved, checkpoint, extra, err := auditor.ReadState(f, d.LogKey)
		if err != nil {
			return fmt.Errorf("%w; remove %s to start from the beginning", err, f.Name())
		}
		d.auditor, err = d.confirmed(saved, checkpoint, fresh)
		if err != nil {
			return err
		}
		if d.auditor == saved && d.Verdicts {
			if err := d.loadVerdicts(saved.Size()); err != nil {
				return err
			}
			if d.verdicts == nil { // no verdicts so far: all entries are read again, with openings
				d.auditor = fresh
			}
		}
		if d.auditor == saved {
			if err := json.Unmarshal(extra, d.sources); err != nil {
				return fmt.Errorf("%w: its part about sources cannot be read; remove %s to start from the beginning",
					verifier.ErrState, f.Name())
			}
		}
	}
	d.saved = d.auditor.Size()
	if d.auditor == fresh && d.Verdicts {
		if err := d.loadVerdicts(0); err != nil {
			return err
		}
	}
	d.auditor.OnPublic = d.public
	if d.verdicts != nil {
		d.verdicts.OnSealed = func(_ uint64, e *entry.Entry) { d.sources.AddCount(e) }
	}
	return nil
}

// confirmed returns saved if the audit may continue from it, and otherwise fresh. A state that was
// written before the checkpoint was reached is not yet confirmed by a signed root. If the process
// that wrote it loads it again, the entries turned out to be wrong, and the state is dropped.
func (d *Daemon) confirmed(
	saved *auditor.Auditor, checkpoint []byte, fresh *auditor.Auditor,
) (*auditor.Auditor, error) {
	head, err := verifier.OpenCheckpoint(checkpoint, d.log)
	if err != nil || head.Size < saved.Size() || head.Size > d.seen.Size {
		return nil, fmt.Errorf("%w: it does not belong to the file latest; remove %s to start from the beginning",
			verifier.ErrState, d.files.path("state"))
	}
	if saved.Size() < head.Size && d.saved > 0 {
		return fresh, nil
	}
	return saved, nil
}

// Keep writes the state file if there is something new and nothing wrong with it. Run calls it;
// after a single Round the caller must call it.
func (d *Daemon) Keep() error {
	if d.auditor == nil || d.auditor.Size() == d.saved {
		return nil
	}
	if d.stopped || len(d.found) > 0 || !d.auditor.Replay().Agrees() {
		return nil
	}
	extra, err := json.Marshal(d.sources)
	if err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	if d.verdicts != nil {
		if err := d.files.writeVerdicts(d.verdicts, d.secret); err != nil {
			return err
		}
	}
	write := func(w io.Writer) error { return d.auditor.WriteState(w, d.latest, extra) }
	if err := writePrivate(d.files.path("state"), write); err != nil {
		return err
	}
	d.saved = d.auditor.Size()
	d.files.forgetVerdicts(d.saved)
	return nil
}
