package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/verifier"
	"igledger/verifier/auditor"
	"igledger/verifier/fetch"
)

// refresh is after how long a checkpoint is cosigned again when the log stands still, so that it does not look stale.
const refresh = time.Hour

// round audits up to the checkpoint that the log offers, and cosigns it if all of it holds.
func (a *audit) round(ctx context.Context, rep *report) (ending, error) {
	a.src.Forget()
	signed, head, err := a.offered(ctx, rep)
	if err != nil {
		return failed, err
	}
	if end, err := a.grown(ctx, rep, signed, head); end != quiet || err != nil {
		return end, err
	}
	if err := a.load(); err != nil {
		return unreadable, err
	}
	from := a.auditor.Size()
	if head.Size > from {
		if err := a.replay(ctx, rep, head); err != nil || len(rep.Failures) > 0 {
			a.reset(err)
			return failed, err
		}
		a.metrics.add("igverify_audit_entries_total", float64(head.Size-from))
		if len(a.found) > 0 {
			return a.judge(ctx, rep, signed, head)
		}
	}
	if a.auditor.Size() != head.Size || a.auditor.Replay().Root() != head.Root { // whatever else went wrong: nothing is cosigned that was not recomputed
		rep.Fail(&verifier.Failure{Check: verifier.CheckRoot, Expected: fmt.Sprintf("root %x of size %d", head.Root, head.Size), Found: fmt.Sprintf("%x of %d from the entries", a.auditor.Replay().Root(), a.auditor.Size()),
			Meaning: "what was audited is not what the log signed"})
		a.reset(nil)
		return failed, nil
	}
	if behind := a.auditor.Behind(); behind != nil {
		rep.Fail(behind.Failure)
		return failed, nil
	}
	if a.wrongOpenings(rep) {
		return a.stop(rep)
	}
	a.conclude(rep)
	if wrong, err := a.openings(ctx, rep, head); wrong {
		return a.stop(rep)
	} else if err != nil || len(rep.Failures) > 0 {
		return failed, err
	}
	if a.auditor.Size() >= a.saved+saveEvery+uint64(a.auditor.Stats().Histories)/16 {
		if err := a.keep(); err != nil {
			return unreadable, err
		}
	}
	end, err := a.cosign(ctx, rep, signed, head)
	a.tellVerdicts(rep)
	return end, err
}

// saveEvery is after how many entries the state is written, more if it is large: what is not in it is read again after a restart.
const saveEvery = 1 << 16

// offered asks the log for the checkpoint that its cosigners are to meet on.
func (a *audit) offered(ctx context.Context, rep *report) ([]byte, proof.Checkpoint, error) {
	var none proof.Checkpoint
	calls, cancel := context.WithTimeout(ctx, callsTime)
	defer cancel()
	info, err := a.api.LogInfo(calls)
	if err != nil {
		return nil, none, err
	}
	signed := []byte(info.Anchor)
	if info.Anchor == "" { // an older server, or a log that has just begun
		if signed, err = a.api.Checkpoint(calls); err != nil {
			return nil, none, err
		}
	}
	head, err := verifier.OpenCheckpoint(signed, a.log)
	if err != nil {
		return nil, none, err
	}
	rep.Log.Origin, rep.Log.Size, rep.Log.Root = head.Origin, &head.Size, fmt.Sprintf("%x", head.Root)
	rep.Pass(verifier.CheckCheckpointSignature, nil, "%s offers size %d, root %x", head.Origin, head.Size, head.Root)
	a.metrics.set("igverify_audit_anchor_size", float64(head.Size))
	if head.Size == 0 {
		return nil, none, emptyLog()
	}
	return signed, head, nil
}

// asks is how often a log that shows less than it did is asked again: one may have met a replica or cache that lags.
const asks = 3

// grown holds the offered checkpoint against the largest one seen, and then remembers it, before anything else is done with it.
func (a *audit) grown(ctx context.Context, rep *report, signed []byte, head proof.Checkpoint) (ending, error) {
	if a.latest == nil {
		rep.Skip(verifier.CheckConsistent, nil, "first use: there is no earlier checkpoint to compare with")
	} else {
		err := verifier.CheckConsistency(a.seen, head, a.src.Tiles(ctx))
		for try := 1; errors.Is(err, verifier.ErrRewound) && try < asks; try++ {
			if err := a.wait(ctx, a.interval); err != nil {
				return unreadable, err
			}
			again, now, askErr := a.offered(ctx, &report{})
			if askErr != nil {
				return unreadable, askErr
			}
			signed, head = again, now
			if err = verifier.CheckConsistency(a.seen, head, a.src.Tiles(ctx)); err == nil {
				return failed, fmt.Errorf("%w: for a moment the log showed less than before", fetch.ErrUnreadable)
			}
		}
		var f *verifier.Failure
		if errors.As(err, &f) && (errors.Is(err, verifier.ErrForked) || errors.Is(err, verifier.ErrRewound)) {
			rep.Fail(f)
			rep.Evidence = []string{string(a.latest), string(signed)}
			if err := a.files.keepEvidence(rep, auditor.EvidenceOfFork(a.key, f, a.latest, signed, a.log, a.src.Tiles(ctx))); err != nil {
				return convicted, err
			}
			return a.stop(rep)
		}
		if err != nil {
			return failed, err
		}
		rep.Pass(verifier.CheckConsistent, nil, "the log of size %d contains all of size %d, unchanged", head.Size, a.seen.Size)
	}
	if a.latest == nil || head.Size > a.seen.Size {
		if err := a.files.writeLatest(signed); err != nil {
			return unreadable, err
		}
		a.latest, a.seen = signed, head
	}
	return quiet, nil
}

// replay takes in the entries up to head. What it finds is for later: it counts only if the entries are those that the log signed. A failure in rep, or an error, means
// that they could not be read as they should.
func (a *audit) replay(ctx context.Context, rep *report, head proof.Checkpoint) error {
	bar := a.bar("auditing "+head.Origin, head.Size)
	defer bar.done()
	last := a.auditor.Size()
	add := func(leaf []byte) error {
		at := a.auditor.Size()
		rec, err := a.record(ctx, at)
		if err != nil {
			return err
		}
		o, err := a.opening(ctx, at)
		if err != nil {
			return err
		}
		list, err := a.auditor.Add(leaf, rec)
		if err != nil {
			a.feed = nil // to be asked for again
			return err
		}
		if a.verdicts != nil {
			a.verdicts.Add(leaf, rec, o)
		}
		if rec != (proof.FeedRecord{}) {
			a.sample.Offer(auditor.Sealed{Index: at, Leaf: leaf, Register: a.auditor.Register()})
		}
		for _, f := range list {
			if len(a.found) < maxFailures {
				a.found = append(a.found, located{f, leaf})
			}
		}
		return nil
	}
	err := a.src.ReplayWith(ctx, a.auditor.Replay(), add, head, func(f *verifier.Failure) error {
		rep.Fail(f)
		return errStopped
	}, func() error {
		if a.verdicts != nil {
			a.verdicts.Flush()
		}
		bar.at(a.auditor.Size())
		a.measure()
		if size := a.auditor.Size(); size >= last+16*saveEvery { // a first audit can take hours
			last = size
			return a.keep()
		}
		return nil
	})
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

// located is a finding and the leaf it is about.
type located struct {
	auditor.Finding
	leaf []byte
}

// record gives the feed's record of a leaf, a page at a time.
func (a *audit) record(ctx context.Context, at uint64) (proof.FeedRecord, error) {
	if at < a.feedAt || at-a.feedAt >= uint64(len(a.feed)) {
		calls, cancel := context.WithTimeout(ctx, callsTime)
		defer cancel()
		page, err := a.api.Feed(calls, at)
		if err != nil {
			return proof.FeedRecord{}, err
		}
		if len(page) == 0 {
			return proof.FeedRecord{}, fmt.Errorf("the audit feed: %w: it ends at %d, below the checkpoint", fetch.ErrUnreadable, at)
		}
		a.feed, a.feedAt = page, at
	}
	return a.feed[at-a.feedAt], nil
}

// judge takes what was found, now that a signed root covers it, into the report, with evidence of what convicts.
func (a *audit) judge(ctx context.Context, rep *report, signed []byte, head proof.Checkpoint) (ending, error) {
	end, found := failed, a.found
	a.found = nil
	for _, f := range found {
		rep.Fail(f.Failure)
		if !f.Convicts {
			continue
		}
		end = convicted
		path, err := verifier.InclusionPath(a.src.Tiles(ctx), *f.Index, head.Size)
		if err != nil {
			return end, err
		}
		if err := a.files.keepEvidence(rep, auditor.EvidenceOfLeaf(a.key, f.Finding, f.leaf, path, signed)); err != nil {
			return end, err
		}
	}
	if end == convicted {
		return a.stop(rep)
	}
	return end, nil
}

// stop ends the audit until somebody has looked.
func (a *audit) stop(rep *report) (ending, error) {
	a.stopped = true
	return convicted, a.files.writeAlarm(rep)
}

// reset forgets what was read and not confirmed by a signed root. An error of reading alone leaves the entries as good as they were.
func (a *audit) reset(err error) {
	if err == nil || a.auditor.Replay().Size() > 0 && !a.auditor.Replay().Agrees() {
		a.auditor, a.verdicts, a.feed, a.page, a.found = nil, nil, nil, nil, nil
		a.sample.Take()
	}
}

// openings has the chosen entries opened. wrong: one of them is not what the log has, or filed under somebody else.
func (a *audit) openings(ctx context.Context, rep *report, head proof.Checkpoint) (wrong bool, err error) {
	chosen, of := a.sample.Take()
	if len(chosen) == 0 {
		return false, nil
	}
	for _, s := range chosen {
		calls, cancel := context.WithTimeout(ctx, callsTime)
		o, err := a.api.Opening(calls, s.Index)
		cancel()
		var p *client.Problem
		if errors.As(err, &p) && p.Status >= 400 && p.Status < 500 && p.Status != 401 {
			rep.Fail(&verifier.Failure{Check: verifier.CheckOpened, Index: verifier.At(s.Index), Expected: "an opening of an entry of the auditor's choosing", Found: p.Error(),
				Meaning: "the operator does not show an auditor what it says it keeps; if the content was lawfully erased, the log must say so"})
			a.metrics.add(labelled("igverify_audit_openings_total", "result", "bad"), 1)
			continue
		}
		if err != nil {
			return wrong, err
		}
		path, err := verifier.InclusionPath(a.src.Tiles(ctx), s.Index, head.Size)
		if err != nil {
			return wrong, err
		}
		one := auditor.CheckOpening(s, o, path, head, a.log)
		result := "good"
		for _, f := range one.Failures {
			rep.Fail(f)
			wrong, result = true, "bad"
		}
		if e, err := entry.ParseParts(o.JWS, o.Disclosures); err == nil && result == "good" {
			a.sources.AddCount(e)
		}
		a.metrics.add(labelled("igverify_audit_openings_total", "result", result), 1)
	}
	if len(rep.Failures) == 0 {
		rep.Pass(verifier.CheckOpened, nil, "%d of %d new sealed entries were opened: signed by a key that counted, filed under whom they are about", len(chosen), of)
	}
	rep.Notes = append(rep.Notes, fmt.Sprintf("the entries were chosen by ChaCha8 from seed %x", a.seed))
	return wrong, nil
}

// conclude says what an audit without a finding has shown.
func (a *audit) conclude(rep *report) {
	if a.auditor == nil {
		return
	}
	s := a.auditor.Stats()
	if s.Size == 0 {
		return
	}
	rep.Pass(verifier.CheckRoot, nil, "entries 0 to %d hash to the signed root", s.Size-1)
	rep.Pass(verifier.CheckRegister, nil, "every public entry is signed, by a key that counted, and obeys the register's rules; every other is sealed, and the feed opens it")
	rep.Pass(verifier.CheckIndexRoot, nil, "%d index roots are those of their entries; the newest, at %d, covers all below %d", s.Roots, s.RootIndex, s.Covered)
	rep.Pass(verifier.CheckIndexLag, nil, "%d entries behind, %d allowed; %d at most so far", s.Lag, a.auditor.Replay().Register().Genesis.IndexLag, s.Longest)
	rep.Totals = append(rep.Totals, row{"entries", fmt.Sprint(s.Size)}, row{"  public", fmt.Sprint(a.auditor.Replay().Public())}, row{"histories", fmt.Sprint(s.Histories)}, row{"index roots", fmt.Sprint(s.Roots)})
	rep.Notes = append(rep.Notes, a.sourceFindings()...)
	a.measure()
}

func (a *audit) sourceFindings() []string {
	list := a.sources.Findings(a.now())
	a.metrics.set("igverify_audit_source_findings", float64(len(list)))
	return list
}

func (a *audit) measure() {
	s := a.auditor.Stats()
	for name, v := range map[string]uint64{"size": s.Size, "index_covered": s.Covered, "index_lag": s.Lag, "index_lag_longest": s.Longest, "index_roots": s.Roots, "histories": uint64(s.Histories)} {
		a.metrics.set("igverify_audit_"+name, float64(v))
	}
	if g := a.auditor.Replay().Register().Genesis; g != nil {
		a.metrics.set("igverify_audit_index_lag_allowed", float64(g.IndexLag))
	}
}

// cosign gives the auditor's word for head, once, and again when that is getting old.
func (a *audit) cosign(ctx context.Context, rep *report, signed []byte, head proof.Checkpoint) (ending, error) {
	now := a.now()
	if a.signer == nil {
		rep.Notes = append(rep.Notes, "not cosigned: no --key was given")
		return quiet, nil
	}
	if head.Size == a.cosigned && now.Sub(a.at) < refresh {
		return quiet, nil
	}
	note := append(ownLines(signed, head.Origin), cosign.Sign(a.signer.name, a.signer.key, head, now)...)
	if err := a.files.writeCosigned(note); err != nil {
		return unreadable, err
	}
	calls, cancel := context.WithTimeout(ctx, callsTime)
	defer cancel()
	if _, err := a.api.AddCosignatures(calls, note); err != nil {
		return unreadable, fmt.Errorf("the checkpoint of size %d was cosigned, but the log does not take it: %w", head.Size, err)
	}
	a.cosigned, a.at = head.Size, now
	a.metrics.set("igverify_audit_cosigned_size", float64(head.Size))
	a.metrics.set("igverify_audit_cosigned_time_seconds", float64(now.Unix()))
	rep.Notes = append(rep.Notes, fmt.Sprintf("cosigned size %d as %s", head.Size, a.signer.name))
	return cosigned, nil
}

// ownLines is a signed note with the log's own signature lines only: others' words are not the auditor's to pass on.
func ownLines(signed []byte, origin string) []byte {
	text, lines, _ := strings.Cut(string(signed), "\n\n")
	own := text + "\n\n"
	for line := range strings.Lines(lines) {
		if strings.HasPrefix(line, "— "+origin+" ") {
			own += line
		}
	}
	return []byte(own)
}
