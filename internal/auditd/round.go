package auditd

import (
	"context"
	"errors"
	"fmt"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/verifier"
	"igledger/verifier/auditor"
	"igledger/verifier/fetch"
)

// round audits up to the checkpoint that the log offers, and cosigns it if everything is right.
func (d *Daemon) round(ctx context.Context, rep *Report) (Ending, error) {
	d.src.Forget()
	signed, head, err := d.offered(ctx, rep)
	if err != nil || len(rep.Failures) > 0 {
		return Failed, err
	}
	if good, err := d.known(ctx, rep, signed, head); !good || err != nil {
		return Failed, err
	}
	if end, err := d.grown(ctx, rep, signed, head); end != Quiet || err != nil {
		return end, err
	}
	if end, err := d.moved(ctx, rep, signed, head); end != Quiet || err != nil {
		return end, err
	}
	if err := d.load(); err != nil {
		return Unreadable, err
	}
	from := d.auditor.Size()
	if head.Size > from {
		if err := d.replay(ctx, rep, head); err != nil || len(rep.Failures) > 0 {
			d.reset(err)
			return Failed, err
		}
		d.metrics.add("igverify_audit_entries_total", float64(head.Size-from))
		if len(d.found) > 0 {
			return d.judge(ctx, rep, signed, head)
		}
	}
	// Whatever else went wrong, nothing is cosigned that was not recomputed.
	if size, root := d.auditor.Size(), d.auditor.Replay().Root(); size != head.Size || root != head.Root {
		rep.Fail(&verifier.Failure{Check: verifier.CheckRoot,
			Expected: fmt.Sprintf("root %x of size %d", head.Root, head.Size),
			Found:    fmt.Sprintf("%x of size %d from the entries", root, size),
			Meaning:  "what was audited is not what the log signed"})
		d.reset(nil)
		return Failed, nil
	}
	if behind := d.auditor.Behind(); behind != nil {
		rep.Fail(behind.Failure)
		return Failed, nil
	}
	if f := d.auditor.Unanchored(); f != nil {
		rep.Fail(f.Failure)
		return Failed, nil
	}
	if d.wrongOpenings(rep) {
		return d.stop(rep)
	}
	d.conclude(rep)
	if wrong, err := d.openings(ctx, rep, head); wrong {
		return d.stop(rep)
	} else if err != nil || len(rep.Failures) > 0 {
		return Failed, err
	}
	if d.auditor.Size() >= d.saved+saveEvery+uint64(d.auditor.Stats().Histories)/16 {
		if err := d.Keep(); err != nil {
			return Unreadable, err
		}
	}
	if f := d.frozen(head); f != nil {
		rep.Fail(f)
		return Failed, d.tellVerdicts(rep)
	}
	end, err := d.cosign(ctx, rep, signed, head)
	return end, errors.Join(err, d.tellVerdicts(rep))
}

// saveEvery is the number of entries after which the state is written, more if it is large. Entries
// that are not in it are read again after a restart.
const saveEvery = 1 << 16

// offered asks the log for the checkpoint that it offers to its cosigners.
func (d *Daemon) offered(ctx context.Context, rep *Report) ([]byte, proof.Checkpoint, error) {
	var none proof.Checkpoint
	calls, cancel := context.WithTimeout(ctx, callsTime)
	defer cancel()
	info, err := d.api.LogInfo(calls)
	if err != nil {
		return nil, none, err
	}
	signed := []byte(info.Anchor)
	if info.Anchor == "" { // a log that has just begun, or that makes no index roots
		signed, err = d.api.Checkpoint(calls)
		if err != nil {
			return nil, none, err
		}
	}
	head, err := verifier.OpenCheckpoint(signed, d.log)
	if err != nil {
		return nil, none, err
	}
	rep.Offered = &head
	rep.Pass(verifier.CheckCheckpointSignature, nil, "%s offers size %d, root %x", head.Origin, head.Size, head.Root)
	d.metrics.set("igverify_audit_anchor_size", float64(head.Size))
	if head.Size == 0 {
		return nil, none, fetch.EmptyLog()
	}
	return signed, head, d.recall(rep, signed, []byte(info.Witnessed))
}

// known reports whether the log is the one that the auditor means, and not one that somebody made
// up with its key. By Genesis it is told from the first round of each process on. By Policy it is
// told once, from the first checkpoint that the auditor ever sees: later ones must contain that
// one, so that a missing witness delays the first round and no other. The whole quorum cannot be
// asked for, because auditors are a part of it, who would wait for each other.
func (d *Daemon) known(ctx context.Context, rep *Report, signed []byte, head proof.Checkpoint) (bool, error) {
	if d.Genesis != nil && !d.begun {
		leaf, err := d.src.Leaf(ctx, 0, head.Size)
		if err != nil {
			return false, err
		}
		path, err := verifier.InclusionPath(d.src.Tiles(ctx), 0, head.Size)
		if err != nil {
			return false, err
		}
		err = verifier.CheckInclusionOf(proof.LeafHash(leaf), 0, path, head)
		if err == nil {
			err = verifier.CheckGenesisHash(leaf, *d.Genesis)
		}
		var f *verifier.Failure
		if errors.As(err, &f) {
			rep.Fail(f)
			return false, nil
		}
		d.begun = true
	}
	if d.latest != nil || d.Policy == nil || d.Policy.AsksNobody() {
		return true, nil
	}
	witnesses := d.Policy.Group(cosign.GroupWitnesses)
	if witnesses == nil {
		rep.Skip(verifier.CheckWitnesses, nil, "the policy has no group of the name witnesses, so the first checkpoint is "+
			"trusted, signed by the log only")
		return true, nil
	}
	sigs := verifier.OpenCosignatures(&rep.Report, signed, head, d.Policy.Cosigners, d.Now())
	if _, ok := witnesses.AsOf(sigs); !ok {
		rep.Fail(&verifier.Failure{Check: verifier.CheckWitnesses, Expected: "cosignatures of " + witnesses.Want(),
			Found: fmt.Sprintf("%d by cosigners of your policy", len(sigs)),
			Meaning: "an audit begins with a checkpoint that witnesses saw, and this one is signed by too few of them, or by " +
				"the log only: whoever has its key can show you a log that nobody else sees"})
		return false, nil
	}
	rep.Pass(verifier.CheckWitnesses, nil, "%s", witnesses.Want())
	return len(rep.Failures) == 0, nil
}

// asks is how often a log that shows less than before is asked: the answer may come from a replica
// or cache that lags.
const asks = 3

// maxFailures bounds the failures in one report; these describe even a log that is wrong
// everywhere.
const maxFailures = 100

var errStopped = errors.New("stopped")

// grown compares the offered checkpoint with the largest one seen, and then writes it to disk,
// before anything else is done with it.
func (d *Daemon) grown(ctx context.Context, rep *Report, signed []byte, head proof.Checkpoint) (Ending, error) {
	if d.latest == nil {
		rep.Skip(verifier.CheckConsistent, nil, "first use: there is no earlier checkpoint to compare with")
	} else {
		err := verifier.CheckConsistency(d.seen, head, d.src.Tiles(ctx))
		for try := 1; errors.Is(err, verifier.ErrRewound) && try < asks; try++ {
			if err := d.wait(ctx, d.Interval); err != nil {
				return Unreadable, err
			}
			again, now, askErr := d.offered(ctx, &Report{})
			if askErr != nil {
				return Unreadable, askErr
			}
			signed, head = again, now
			err = verifier.CheckConsistency(d.seen, head, d.src.Tiles(ctx))
			if err == nil {
				return Failed, fmt.Errorf("%w: for a moment the log showed less than before", fetch.ErrUnreadable)
			}
		}
		if errors.Is(err, verifier.ErrRewound) {
			return d.behind(ctx, rep, signed, head)
		}
		if errors.Is(err, verifier.ErrForked) {
			return d.forked(ctx, rep, err, d.latest, signed, head)
		}
		if err != nil {
			return Failed, err
		}
		rep.Pass(verifier.CheckConsistent, nil, "the log of size %d contains all of the log of size %d, unchanged",
			head.Size, d.seen.Size)
	}
	if d.latest == nil || head.Size > d.seen.Size {
		if err := d.files.writeLatest(signed); err != nil {
			return Unreadable, err
		}
		d.latest, d.seen = signed, head
	}
	return Quiet, nil
}

// replay reads and audits the entries up to head. It keeps what it finds in d.found, because that
// is valid only if the entries are those that the log signed. A failure in rep, or an error, means
// that the entries could not be read properly.
func (d *Daemon) replay(ctx context.Context, rep *Report, head proof.Checkpoint) error {
	last := d.auditor.Size()
	add := func(leaf []byte) error {
		at := d.auditor.Size()
		rec, err := d.record(ctx, at)
		if err != nil {
			return err
		}
		o, err := d.opening(ctx, at)
		if err != nil {
			return err
		}
		list, err := d.auditor.Add(leaf, rec)
		if err != nil {
			d.feed = nil // fetch it again
			return err
		}
		if d.verdicts != nil {
			d.verdicts.Add(leaf, rec, o)
		}
		if rec != (proof.FeedRecord{}) {
			d.sample.Offer(auditor.Sealed{Index: at, Leaf: leaf, Register: d.auditor.Register()})
		}
		for _, f := range list {
			if len(d.found) < maxFailures {
				d.found = append(d.found, located{f, leaf})
			}
		}
		return nil
	}
	err := d.src.ReplayWith(ctx, d.auditor.Replay(), add, head, func(f *verifier.Failure) error {
		rep.Fail(f)
		return errStopped
	}, func() error {
		if d.verdicts != nil {
			d.verdicts.Flush()
			if err := d.verdicts.Unable(); err != nil {
				return err
			}
		}
		d.OnProgress(d.auditor.Size(), head.Size)
		d.measure()
		if size := d.auditor.Size(); size >= last+16*saveEvery { // a first audit can take hours
			last = size
			return d.Keep()
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

// record returns the feed's record of a leaf. It fetches a page at a time.
func (d *Daemon) record(ctx context.Context, at uint64) (proof.FeedRecord, error) {
	if at < d.feedAt || at-d.feedAt >= uint64(len(d.feed)) {
		calls, cancel := context.WithTimeout(ctx, callsTime)
		defer cancel()
		page, err := d.api.Feed(calls, at)
		if err != nil {
			return proof.FeedRecord{}, err
		}
		if len(page) == 0 {
			return proof.FeedRecord{}, fmt.Errorf("the audit feed: %w: it ends at %d, below the checkpoint",
				fetch.ErrUnreadable, at)
		}
		d.feed, d.feedAt = page, at
	}
	return d.feed[at-d.feedAt], nil
}

// judge adds what was found to the report, now that a signed root covers it, and keeps evidence of
// what convicts.
func (d *Daemon) judge(ctx context.Context, rep *Report, signed []byte, head proof.Checkpoint) (Ending, error) {
	end, found := Failed, d.found
	d.found = nil
	for _, f := range found {
		rep.Fail(f.Failure)
		if !f.Convicts {
			continue
		}
		end = Convicted
		path, err := verifier.InclusionPath(d.src.Tiles(ctx), *f.Index, head.Size)
		if err != nil {
			return end, err
		}
		ev := auditor.EvidenceOfLeaf(d.LogKey, f.Finding, f.leaf, path, signed)
		if err := d.files.keepEvidence(rep, d.withGenesis(ctx, ev, signed, head)); err != nil {
			return end, err
		}
	}
	if end == Convicted {
		return d.stop(rep)
	}
	return end, nil
}

// withGenesis adds leaf 0 to evidence, for readers who know the log by it. If the log does not
// serve it any more, the evidence is kept without.
func (d *Daemon) withGenesis(ctx context.Context, ev auditor.Evidence, signed []byte, head proof.Checkpoint) auditor.Evidence {
	leaf, err := d.src.Leaf(ctx, 0, head.Size)
	if err != nil {
		return ev
	}
	path, err := verifier.InclusionPath(d.src.Tiles(ctx), 0, head.Size)
	if err != nil {
		return ev
	}
	return ev.WithGenesis(leaf, path, signed)
}

// stop ends the audit until a person has looked.
func (d *Daemon) stop(rep *Report) (Ending, error) {
	d.stopped = true
	return Convicted, d.files.writeAlarm(rep)
}

// reset forgets what was read but not confirmed by a signed root. If err is only a reading error,
// the entries read so far are kept.
func (d *Daemon) reset(err error) {
	if err == nil || d.auditor.Replay().Size() > 0 && !d.auditor.Replay().Agrees() {
		d.auditor, d.verdicts, d.feed, d.page, d.found = nil, nil, nil, nil, nil
		d.sample.Take()
	}
}

// openings fetches and checks the openings of the chosen entries. wrong reports whether one of them
// is not what is in the log, or is filed under another person.
func (d *Daemon) openings(ctx context.Context, rep *Report, head proof.Checkpoint) (wrong bool, err error) {
	chosen, of := d.sample.Take()
	if len(chosen) == 0 {
		return false, nil
	}
	for _, s := range chosen {
		calls, cancel := context.WithTimeout(ctx, callsTime)
		o, err := d.api.Opening(calls, s.Index)
		cancel()
		var p *client.Problem
		if errors.As(err, &p) && p.Status >= 400 && p.Status < 500 && p.Status != 401 {
			rep.Fail(&verifier.Failure{Check: verifier.CheckOpened, Index: verifier.At(s.Index),
				Expected: "an opening of an entry that the auditor chose", Found: p.Error(),
				Meaning: "the operator does not show the auditor what it says it keeps. If the content was lawfully erased, the " +
					"log must say so"})
			d.metrics.add(labelled("igverify_audit_openings_total", "result", "bad"), 1)
			continue
		}
		if err != nil {
			return wrong, err
		}
		path, err := verifier.InclusionPath(d.src.Tiles(ctx), s.Index, head.Size)
		if err != nil {
			return wrong, err
		}
		one := auditor.CheckOpening(s, o, path, head, d.log)
		result := "good"
		for _, f := range one.Failures {
			rep.Fail(f)
			wrong, result = true, "bad"
		}
		if e, err := entry.ParseParts(o.JWS, o.Disclosures); err == nil && result == "good" {
			d.sources.AddCount(e)
		}
		d.metrics.add(labelled("igverify_audit_openings_total", "result", result), 1)
	}
	if len(rep.Failures) == 0 {
		rep.Pass(verifier.CheckOpened, nil, "%d of %d new sealed entries were opened: each was signed by a key that was "+
			"valid at that index, and is filed under the person it is about", len(chosen), of)
	}
	rep.Notes = append(rep.Notes, fmt.Sprintf("the entries to open were chosen by ChaCha8 from seed %x", d.seed))
	return wrong, nil
}

// conclude reports what an audit without a finding has shown.
func (d *Daemon) conclude(rep *Report) {
	if d.auditor == nil {
		return
	}
	s := d.auditor.Stats()
	if s.Size == 0 {
		return
	}
	rep.Pass(verifier.CheckRoot, nil, "entries 0 to %d hash to the signed root", s.Size-1)
	rep.Pass(verifier.CheckRegister, nil, "every public entry is signed by a key that was valid at its index, and obeys "+
		"the register's rules; every other entry is sealed, and the feed opens it")
	rep.Pass(verifier.CheckIndexRoot, nil, "every index root (%d in all) is right for its entries; the newest, at entry "+
		"%d, covers all entries below %d", s.Roots, s.RootIndex, s.Covered)
	rep.Pass(verifier.CheckIndexLag, nil, "the index is %d behind, %d allowed; %d at most so far",
		s.Lag, d.auditor.Replay().Register().Genesis.IndexLag, s.Longest)
	rep.Totals = append(rep.Totals,
		Total{"entries", s.Size},
		Total{"  public", d.auditor.Replay().Public()},
		Total{"histories", uint64(s.Histories)},
		Total{"index roots", s.Roots})
	rep.Notes = append(rep.Notes, d.sourceFindings()...)
	d.measure()
}

func (d *Daemon) sourceFindings() []string {
	list := d.sources.Findings(d.Now())
	d.metrics.set("igverify_audit_source_findings", float64(len(list)))
	return list
}

func (d *Daemon) measure() {
	s := d.auditor.Stats()
	for name, v := range map[string]uint64{
		"size":              s.Size,
		"index_covered":     s.Covered,
		"index_lag":         s.Lag,
		"index_lag_longest": s.Longest,
		"index_roots":       s.Roots,
		"histories":         uint64(s.Histories),
	} {
		d.metrics.set("igverify_audit_"+name, float64(v))
	}
	if g := d.auditor.Replay().Register().Genesis; g != nil {
		d.metrics.set("igverify_audit_index_lag_allowed", float64(g.IndexLag))
	}
}
