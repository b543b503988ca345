package auditd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/verifier"
	"igledger/verifier/auditor"
	"igledger/verifier/fetch"
)

// A log can be late without a lie: a cache answers with an old anchor, or index roots are not made
// while entries are taken. Neither convicts anyone, but an auditor that went on cosigning would
// date an old state as of now. So nothing is cosigned meanwhile, and after Config.Patience it is a
// failure.

// DefaultPatience is how long the log may offer less than before, or leave its anchor behind.
const DefaultPatience = 10 * time.Minute

// late is what the log is late with. It is kept in the state directory, so that time passes between
// processes too.
type late struct {
	Behind int64  `json:"behind,omitempty"` // s since 1970: since when the log offers less than it did; 0: it does not
	Anchor uint64 `json:"anchor,omitempty"` // size of the anchor
	Newest uint64 `json:"newest,omitempty"` // largest size at /checkpoint while it was the anchor
	Ahead  int64  `json:"ahead,omitempty"`  // s since 1970: since when that is larger than the anchor; 0: it is not
}

func (f auditFiles) late() (l late, err error) {
	data, err := os.ReadFile(f.path("late"))
	if errors.Is(err, fs.ErrNotExist) {
		return late{}, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &l)
	}
	if err != nil {
		return late{}, fmt.Errorf("%w: %s: %w", verifier.ErrState, f.path("late"), err)
	}
	return l, nil
}

// keepLate writes what the log is late with, if that has changed.
func (d *Daemon) keepLate(l late) error {
	if l == d.late {
		return nil
	}
	data, err := json.Marshal(l)
	if err == nil {
		err = d.files.write(d.files.path("late"), data)
	}
	if err == nil {
		d.late = l
	}
	return err
}

// outOfPatience reports whether since, in s since 1970, is too long ago.
func (d *Daemon) outOfPatience(since int64) bool {
	return d.Now().Sub(time.Unix(since, 0)) > d.Patience
}

// behind is the end of a round in which the log offers a smaller checkpoint than it did. It is an
// old state of the same log, unless the tiles show that it is of another history.
func (d *Daemon) behind(ctx context.Context, rep *Report, signed []byte, head proof.Checkpoint) (Ending, error) {
	err := verifier.CheckConsistency(head, d.seen, d.src.Tiles(ctx))
	if errors.Is(err, verifier.ErrForked) {
		return d.forked(ctx, rep, err, signed, d.latest, d.seen)
	}
	if ctx.Err() != nil {
		return Unreadable, ctx.Err()
	}
	now := d.late
	if now.Behind == 0 {
		now.Behind = d.Now().Unix()
	}
	if err := d.keepLate(now); err != nil {
		return Unreadable, err
	}
	if !d.outOfPatience(now.Behind) {
		return Unreadable, fmt.Errorf("%w: the log offers size %d, and offered size %d before: an old answer, of a cache or a "+
			"replica that lags. Nothing is cosigned, and it is asked again", fetch.ErrUnreadable, head.Size, d.seen.Size)
	}
	d.metrics.set("igverify_audit_stale", 1)
	compared := "which may be an old state of it"
	if err == nil {
		compared = "which is an old state of it"
	}
	rep.Fail(&verifier.Failure{Check: verifier.CheckAnchor,
		Expected: fmt.Sprintf("a checkpoint of size %d or more, as the log has offered before", d.seen.Size),
		Found: fmt.Sprintf("size %d since %s, %s", head.Size, time.Unix(now.Behind, 0).UTC().Format(time.RFC3339),
			compared),
		Meaning: "a cache or a replica of the log lags, or it was set back to a backup: nothing is cosigned until it offers " +
			"what it has signed. This alone convicts no one. Ask the operator, and keep the file latest"})
	return Failed, nil
}

// moved compares the anchor with the newest checkpoint, which the log shows to everyone else. They
// must be of one history.
func (d *Daemon) moved(ctx context.Context, rep *Report, signed []byte, head proof.Checkpoint) (Ending, error) {
	calls, cancel := context.WithTimeout(ctx, callsTime)
	defer cancel()
	note, err := d.api.Checkpoint(calls)
	if err != nil {
		return Unreadable, err
	}
	newest, err := verifier.OpenCheckpoint(note, d.log)
	if err != nil {
		return Failed, err
	}
	if newest.Size >= head.Size {
		err := verifier.CheckConsistency(head, newest, d.src.Tiles(ctx))
		if errors.Is(err, verifier.ErrForked) {
			return d.forked(ctx, rep, err, signed, note, newest)
		}
		if err != nil {
			return Failed, err
		}
	} // else it is an old answer of a cache, and says nothing
	now := d.late
	now.Behind = 0
	if now.Anchor != head.Size {
		now = late{Anchor: head.Size}
	}
	now.Newest = max(now.Newest, newest.Size, head.Size)
	if now.Newest > head.Size && now.Ahead == 0 {
		now.Ahead = d.Now().Unix()
	}
	d.metrics.set("igverify_audit_stale", 0)
	d.metrics.set("igverify_audit_newest_size", float64(now.Newest))
	return Quiet, d.keepLate(now)
}

// frozen returns a failure if the log has left its anchor behind, by more entries or for longer
// than it may.
func (d *Daemon) frozen(head proof.Checkpoint) *verifier.Failure {
	by, allowed := d.late.Newest-head.Size, d.IndexLag()
	long := d.late.Ahead != 0 && d.outOfPatience(d.late.Ahead)
	if by <= allowed && !long {
		d.metrics.set("igverify_audit_anchor_frozen", 0)
		return nil
	}
	d.metrics.set("igverify_audit_anchor_frozen", 1)
	return &verifier.Failure{Check: verifier.CheckAnchor,
		Expected: fmt.Sprintf("an anchor that follows the log, at most %d entries and %s behind it", allowed, d.Patience),
		Found: fmt.Sprintf("an anchor of size %d, while the log has had more entries since %s, %d by now", head.Size,
			time.Unix(d.late.Ahead, 0).UTC().Format(time.RFC3339), d.late.Newest),
		Meaning: "the log takes entries and makes no index root over them: under this anchor no statement shows them. It is " +
			"not cosigned, so that no one takes it for the state of now. This alone convicts no one. Ask the operator"}
}

// forked keeps evidence that two signed notes contradict each other. later is of the larger size.
func (d *Daemon) forked(
	ctx context.Context, rep *Report, err error, earlier, later []byte, head proof.Checkpoint,
) (Ending, error) {
	var f *verifier.Failure
	if !errors.As(err, &f) {
		return Failed, err
	}
	rep.Fail(f)
	rep.Evidence = []string{string(earlier), string(later)}
	ev := auditor.EvidenceOfFork(d.LogKey, f, earlier, later, d.log, d.src.Tiles(ctx))
	if err := d.files.keepEvidence(rep, d.withGenesis(ctx, ev, later, head)); err != nil {
		return Convicted, err
	}
	return d.stop(rep)
}

// cosigned is a cosignature of this auditor.
type cosigned struct {
	note []byte // the checkpoint with the log's line and ours
	head proof.Checkpoint
	at   time.Time
	sent bool // the log has it
}

// mine returns this auditor's own cosignature on a signed note, or false.
func (d *Daemon) mine(signed []byte) (cosigned, bool) {
	if d.Cosigner == nil || len(signed) == 0 {
		return cosigned{}, false
	}
	head, err := verifier.OpenCheckpoint(signed, d.log)
	if err != nil {
		return cosigned{}, false
	}
	own, err := cosign.New("own", d.Cosigner.VKey)
	if err != nil {
		return cosigned{}, false
	}
	good, _ := cosign.Read(signed, head, []*cosign.Cosigner{own})
	latest, _ := cosign.Latest(good, time.Time{})
	if len(latest) == 0 {
		return cosigned{}, false
	}
	return cosigned{append(ownLines(signed, head.Origin), latest[0].Line...), head, latest[0].Time, true}, true
}

// recall compares what this auditor remembers with its own cosignatures: the one in the state
// directory, and those that the log shows. If one is on a larger checkpoint than any that was seen,
// the directory was set back, or another process uses the key. The checkpoint then counts as seen,
// and the round fails once, so that a person learns of it. With an empty directory all entries are
// audited again, and it is only noted.
func (d *Daemon) recall(rep *Report, shown ...[]byte) error {
	own := d.own
	d.own = nil
	for i, signed := range append([][]byte{own}, shown...) {
		c, ok := d.mine(signed)
		if !ok || c.head.Size <= d.seen.Size {
			continue
		}
		where := "the log shows"
		if i == 0 {
			where = "the file cosigned has"
		}
		if err := d.adopt(rep, c, where); err != nil {
			return err
		}
	}
	return nil
}

// adopt takes a cosignature of this auditor that its state does not know as what was seen last.
func (d *Daemon) adopt(rep *Report, c cosigned, shows string) error {
	found := fmt.Sprintf("%s one on size %d, of %s", shows, c.head.Size, c.at.Format(time.RFC3339))
	if d.latest == nil {
		rep.Notes = append(rep.Notes, "the state directory is empty, but this auditor has cosigned before: "+found+
			". The log must contain that checkpoint, and all entries are audited again")
	} else {
		rep.Fail(&verifier.Failure{Check: verifier.CheckState, Found: found,
			Expected: fmt.Sprintf("cosignatures of this auditor's on checkpoints up to size %d, the largest that it has seen",
				d.seen.Size),
			Meaning: "the state directory was set back to an earlier copy, or another process uses this key. From now on the " +
				"log must contain that checkpoint too. Nothing is cosigned in this round"})
	}
	err := errors.Join(d.files.writeLatest(c.note), d.files.writeCosigned(c.note))
	if err == nil {
		d.latest, d.seen, d.last = c.note, c.head, c
	}
	return err
}
