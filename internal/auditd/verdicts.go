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

// The replay of verdicts keeps its state beside the audit's, encrypted by the caller's key:
//
//	verdicts-<size>   of the audit whose state file has that size
//
// So the two belong together or are begun anew, whenever a run ended.

func (f auditFiles) verdictsPath(size uint64) string { return f.path(fmt.Sprintf("verdicts-%d", size)) }

// verdicts gives the replay of verdicts of size leaves, or nil if there is none.
func (f auditFiles) verdicts(size uint64, secret []byte, origin string) (*auditor.Verdicts, error) {
	file, err := os.Open(f.verdictsPath(size))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	v, err := auditor.ReadVerdicts(file, secret, origin, consent.New())
	if err == nil && v.Size() != size {
		err = fmt.Errorf("%w of verdicts: of another size than its name", verifier.ErrState)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; remove %s to have all openings read again", err, file.Name())
	}
	return v, nil
}

func (f auditFiles) writeVerdicts(v *auditor.Verdicts, secret []byte) error {
	return fetch.WriteFileWith(f.verdictsPath(v.Size()), func(w io.Writer) error { return v.WriteState(w, secret) })
}

// forgetVerdicts removes the files of other sizes.
func (f auditFiles) forgetVerdicts(size uint64) {
	old, err := filepath.Glob(f.path("verdicts-*"))
	if err != nil {
		return
	}
	for _, name := range old {
		if name != f.verdictsPath(size) {
			os.Remove(name) // what is left over is removed the next time
		}
	}
}

// loadVerdicts takes up the replay of verdicts that belongs to the saved audit. nil and no error: there is none, and the audit is to begin anew.
func (d *Daemon) loadVerdicts(size uint64) (err error) {
	d.page, d.told = nil, 0
	if size == 0 {
		d.verdicts = auditor.NewVerdicts(d.log.Name(), consent.New())
		return nil
	}
	d.verdicts, err = d.files.verdicts(size, d.secret, d.log.Name())
	return err
}

// opening gives the opening of a leaf, a page at a time; nil of a public leaf.
func (d *Daemon) opening(ctx context.Context, at uint64) (*bundle.Opening, error) {
	if d.verdicts == nil {
		return nil, nil
	}
	if at < d.pageAt || at-d.pageAt >= uint64(len(d.page)) {
		calls, cancel := context.WithTimeout(ctx, callsTime)
		defer cancel()
		page, err := d.api.Openings(calls, at)
		if err != nil {
			return nil, fmt.Errorf("the openings, which the replay of verdicts reads: %w", err)
		}
		if len(page) == 0 {
			return nil, fmt.Errorf("the openings: %w: they end at %d, below the checkpoint", fetch.ErrUnreadable, at)
		}
		d.page, d.pageAt = page, at
	}
	return d.page[at-d.pageAt], nil
}

// public has the rules take a public entry that passed.
func (d *Daemon) public(index uint64, e *entry.Entry) {
	d.sources.Add(index, e)
	if d.verdicts == nil {
		return
	}
	if f := d.verdicts.Public(index, e); f != nil && len(d.found) < maxFailures {
		d.found = append(d.found, located{*f, proof.PublicLeaf(e.Compact)})
	}
}

// wrongOpenings reports openings that the operator is to blame for, now that a signed root covers their leaves.
func (d *Daemon) wrongOpenings(rep *Report) bool {
	if d.verdicts == nil {
		return false
	}
	for _, f := range d.verdicts.Wrong()[:min(len(d.verdicts.Wrong()), maxFailures)] {
		rep.Fail(f)
	}
	return len(d.verdicts.Wrong()) > 0
}

// tellVerdicts reports what the replay of verdicts found that was not told before. It comes after the cosignature, which says nothing of verdicts.
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
		rep.Notes = append(rep.Notes, fmt.Sprintf("%d more like these are not shown", more-maxFailures))
	}
	d.told = len(doubts)
	rep.Totals = append(rep.Totals, Total{"openings", s.Sealed}, Total{"verdicts", s.Verdicts}, Total{"  doubtful", s.Doubts})
	if s.Doubts == 0 {
		rep.Pass(verifier.CheckOpened, nil, "all %d sealed entries were opened: signed by keys that counted, each person under one tag", s.Sealed)
		rep.Pass(verifier.CheckVerdict, nil, "%d verdicts are those that follow from the entries below them", s.Verdicts)
	} else {
		rep.Notes = append(rep.Notes, "a verdict is not signed, so a wrong one convicts nobody; the operator has to explain it. It does not keep the checkpoint from being cosigned, which says nothing of verdicts. "+
			"What was read once is not read again: another state directory reads all anew and sees what was repaired, or changed since")
	}
	if s.Without > 0 {
		rep.Notes = append(rep.Notes, fmt.Sprintf("%d accesses before the log's first verdict have none: the ledger did not judge then", s.Without))
	}
	if s.Unsure > 0 {
		rep.Notes = append(rep.Notes, fmt.Sprintf("%d verdicts differ where some of the person's entries could not be opened: nothing follows", s.Unsure))
	}
	d.metrics.set("igverify_audit_verdicts", float64(s.Verdicts))
	d.metrics.set("igverify_audit_verdicts_doubtful", float64(s.Doubts))
	return nil
}

// said is the catalogue of words, in English.
var said = plain.In(plain.English)

// doubtful puts a doubt as a failed check, in words.
func doubtful(d auditor.Doubt, rules *consent.Rules) *verifier.Failure {
	at := verifier.At(d.Index)
	switch d.Kind {
	case auditor.EntryRefused:
		return &verifier.Failure{Check: verifier.CheckRules, Index: at, Expected: "an entry that the rules allow at this place", Found: d.Refused,
			Meaning: "the ledger took a consent, delegation or link that it has to refuse; it counts for nothing here"}
	case auditor.NotOpened:
		return &verifier.Failure{Check: verifier.CheckOpened, Index: at, Expected: "an opening with the content of the entry", Found: "none",
			Meaning: "the operator does not show an auditor what the entry says, so nothing that follows from it can be computed"}
	}
	return &verifier.Failure{Check: verifier.CheckVerdict, Index: at, Expected: verdictWords(d.Own, rules), Found: verdictWords(d.Stored, rules),
		Meaning: "the verdict that the ledger shows is not the one that follows from the entries below it: it was changed, or the ledger judges by other rules than those in the log"}
}

// verdictWords says a verdict in the words of its policy set, and what only an auditor wants to know. The consent record that decided is named by nothing but its being there: its id
// stands for a person.
func verdictWords(v *entry.Verdict, rules *consent.Rules) string {
	if v == nil {
		return "no verdict"
	}
	text := strings.Join(said.VerdictWithReasons(v, rules.Reasons(v)), " ") + fmt.Sprintf(" (%s; rules %s; policy set %d", v.Result, strings.Join(v.Rules, ", "), v.Policies)
	if v.Consent != "" {
		text += "; a consent decided"
	}
	return text + ")"
}
