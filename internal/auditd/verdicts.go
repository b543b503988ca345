package auditd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/verifier"
	"igledger/verifier/auditor"
	"igledger/verifier/fetch"
)

// The replay of verdicts keeps its state in the same directory as the audit, encrypted with the
// caller's key:
//
//	verdicts-<size>   belongs to the state file of that size
//
// So whenever a run ended, the two files belong together, or both start from the beginning.

func (f auditFiles) verdictsPath(size uint64) string { return f.path(fmt.Sprintf("verdicts-%d", size)) }

// verdicts returns the replay of verdicts of size leaves, or nil if there is none.
func (f auditFiles) verdicts(size uint64, secret []byte, origin string) (*auditor.Verdicts, error) {
	file, err := os.Open(f.verdictsPath(size))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	v, err := auditor.ReadVerdicts(file, secret, origin, consent.New(f.codes...))
	if err == nil && v.Size() != size {
		err = fmt.Errorf("%w of verdicts: its size is not the one in its name", verifier.ErrState)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; remove %s to read all openings again", err, file.Name())
	}
	return v, nil
}

func (f auditFiles) writeVerdicts(v *auditor.Verdicts, secret []byte) error {
	return writePrivate(f.verdictsPath(v.Size()), func(w io.Writer) error { return v.WriteState(w, secret) })
}

// forgetVerdicts removes the files of other sizes.
func (f auditFiles) forgetVerdicts(size uint64) {
	old, err := filepath.Glob(f.path("verdicts-*"))
	if err != nil {
		return
	}
	for _, name := range old {
		if name != f.verdictsPath(size) {
			os.Remove(name) // if that fails, the next call removes it
		}
	}
}

// loadVerdicts loads the replay of verdicts that belongs to the saved audit. If there is none, it
// sets d.verdicts to nil and returns no error, and the audit must start from the beginning.
func (d *Daemon) loadVerdicts(size uint64) (err error) {
	d.page, d.told = nil, 0
	if size == 0 {
		d.verdicts = auditor.NewVerdicts(d.log.Name(), consent.New(d.Codes...))
		return nil
	}
	d.verdicts, err = d.files.verdicts(size, d.secret, d.log.Name())
	return err
}

// opening returns the opening of a leaf, or nil for a public leaf. It fetches a page at a time.
func (d *Daemon) opening(ctx context.Context, at uint64) (*bundle.Opening, error) {
	if d.verdicts == nil {
		return nil, nil
	}
	if at < d.pageAt || at-d.pageAt >= uint64(len(d.page)) {
		calls, cancel := context.WithTimeout(ctx, callsTime)
		defer cancel()
		page, err := d.api.Openings(calls, at)
		if err != nil {
			return nil, fmt.Errorf("reading the openings to compute verdicts: %w", err)
		}
		if len(page) == 0 {
			return nil, fmt.Errorf("the openings: %w: they end at %d, below the checkpoint", fetch.ErrUnreadable, at)
		}
		d.page, d.pageAt = page, at
	}
	return d.page[at-d.pageAt], nil
}

// public passes a public entry that passed the audit to the sources and the rules.
func (d *Daemon) public(index uint64, e *entry.Entry) {
	d.sources.Add(index, e)
	if d.verdicts == nil {
		return
	}
	if f := d.verdicts.Public(index, e); f != nil && len(d.found) < maxFailures {
		d.found = append(d.found, located{*f, proof.PublicLeaf(e.Compact)})
	}
}

// wrongOpenings reports openings for which the operator is to blame, now that a signed root covers
// their leaves.
func (d *Daemon) wrongOpenings(rep *Report) bool {
	if d.verdicts == nil {
		return false
	}
	for _, f := range d.verdicts.Wrong()[:min(len(d.verdicts.Wrong()), maxFailures)] {
		rep.Fail(f)
	}
	return len(d.verdicts.Wrong()) > 0
}

// tellVerdicts reports what the replay of verdicts found since the last report. It comes after the
// cosignature, which says nothing about verdicts.
func (d *Daemon) tellVerdicts(rep *Report) error {
	if d.verdicts == nil {
		return nil
	}
	s, doubts := d.verdicts.Stats(), d.verdicts.Doubts()
	rules, err := consent.From(d.verdicts.Rules())
	if err != nil {
		return err
	}
	for _, d := range doubts[d.told:min(len(doubts), d.told+maxFailures)] {
		rep.Fail(doubtful(d, rules))
	}
	if more := len(doubts) - d.told; more > maxFailures {
		rep.Notes = append(rep.Notes, fmt.Sprintf("not shown: %d more like these", more-maxFailures))
	}
	d.told = len(doubts)
	rep.Totals = append(rep.Totals,
		Total{"openings", s.Sealed},
		Total{"verdicts", s.Verdicts},
		Total{"  doubtful", s.Doubts})
	if s.Doubts == 0 {
		rep.Pass(verifier.CheckOpened, nil, "every sealed entry (%d in all) was opened and was signed by a key that was "+
			"valid at that index; each person has one tag", s.Sealed)
		rep.Pass(verifier.CheckReading, nil, "every reading of the ledger on record was by an organisation that may make it")
		rep.Pass(verifier.CheckVerdict, nil, "every verdict (%d in all) follows from the entries below it", s.Verdicts)
	} else {
		rep.Notes = append(rep.Notes, "a verdict is not signed, and a forbidden reading could have been left out of the "+
			"log, so neither convicts the operator, but the operator must explain it. The checkpoint is cosigned all the "+
			"same, because a cosignature says nothing about verdicts and readers. Entries that were read once are not "+
			"read again: to see what was repaired or changed since, use another state directory")
	}
	if s.Without > 0 {
		rep.Notes = append(rep.Notes,
			fmt.Sprintf("accesses without a verdict, because the ledger did not judge accesses yet: %d", s.Without))
	}
	if s.Unsure > 0 {
		rep.Notes = append(rep.Notes, fmt.Sprintf("verdicts that differ, but nothing follows, because some of the person's "+
			"entries could not be opened: %d", s.Unsure))
	}
	d.metrics.set("igverify_audit_verdicts", float64(s.Verdicts))
	d.metrics.set("igverify_audit_verdicts_doubtful", float64(s.Doubts))
	return nil
}

// said is the catalogue of words in English.
var said = plain.In(plain.English)

// doubtful returns a doubt as a failed check, in words.
func doubtful(d auditor.Doubt, rules *consent.Rules) *verifier.Failure {
	at := verifier.At(d.Index)
	switch d.Kind {
	case auditor.EntryRefused:
		return &verifier.Failure{Check: verifier.CheckRules, Index: at,
			Expected: "an entry that the rules allow at this index", Found: d.Refused,
			Meaning: "the ledger accepted a consent, delegation or link that it should have refused; the audit ignores it"}
	case auditor.ReadingForbidden:
		return &verifier.Failure{Check: verifier.CheckReading, Index: at,
			Expected: "a reading of the ledger that its reader may make", Found: d.Refused,
			Meaning: "the operator let an organisation read what it may not read: docs/READING.md says who may read what"}
	case auditor.NotOpened:
		return &verifier.Failure{Check: verifier.CheckOpened, Index: at,
			Expected: "an opening with the content of the entry", Found: "no content",
			Meaning: "the operator does not show the auditor what the entry says, so verdicts that depend on it cannot be " +
				"computed"}
	case auditor.UserNotShown:
		return &verifier.Failure{Check: verifier.CheckOpened, Index: at,
			Expected: "an opening that shows the user (disclosure staff): the person's rules name users or places",
			Found:    "none, and a verdict that does not follow without it: " + verdictWords(d.Stored, rules),
			Meaning: "the operator withholds from the auditor who the user was, so the verdict cannot be computed. Ask for the " +
				"disclosure: if the access names nobody, the verdict is false"}
	}
	return &verifier.Failure{Check: verifier.CheckVerdict, Index: at,
		Expected: verdictWords(d.Own, rules), Found: verdictWords(d.Stored, rules),
		Meaning: "the verdict that the ledger shows does not follow from the entries below it: it was changed, or the " +
			"ledger uses rules that are not those in the log"}
}

// verdictWords returns a verdict in the words of its policy set, with details for auditors. If a
// consent decided, it says so but does not name the consent, because its id would identify a
// person.
func verdictWords(v *entry.Verdict, rules *consent.Rules) string {
	if v == nil {
		return "no verdict"
	}
	text := strings.Join(said.VerdictWithReasons(v, rules.Reasons(v)), " ")
	text += fmt.Sprintf(" (%s; rules %s; policy set %d", v.Result, strings.Join(v.Rules, ", "), v.Policies)
	if v.Consent != "" {
		text += "; a consent decided"
	}
	return text + ")"
}
