package auditd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"igledger/ledger/proof"
)

// refresh is the time after which an anchor is cosigned again if the log has not grown, so that it
// does not look stale.
const refresh = time.Hour

// cosign cosigns head once, and again when the cosignature is getting old, as long as the log has
// not grown since. A cosignature that may not have reached the log is sent again as it is.
func (d *Daemon) cosign(ctx context.Context, rep *Report, signed []byte, head proof.Checkpoint) (Ending, error) {
	if d.Cosigner == nil {
		rep.Notes = append(rep.Notes, "not cosigned: no key was given")
		return Quiet, nil
	}
	next := d.last
	now := d.Now()
	if old := now.Sub(next.at) >= refresh; next.head != head || old && d.late.Newest == head.Size {
		line, err := d.Cosigner.Sign(head, now)
		if err != nil {
			return Unreadable, err
		}
		next = cosigned{note: append(ownLines(signed, head.Origin), line...), head: head, at: now}
		if err := d.files.writeCosigned(next.note); err != nil {
			return Unreadable, err
		}
		d.last = next
	}
	if next.sent {
		return Quiet, nil
	}
	calls, cancel := context.WithTimeout(ctx, callsTime)
	defer cancel()
	if _, err := d.api.AddCosignatures(calls, next.note); err != nil {
		rep.Undelivered = fmt.Errorf("sending the cosignature of size %d to the log: %w", head.Size, err)
		return Undelivered, nil
	}
	d.last.sent = true
	d.metrics.set("igverify_audit_cosigned_size", float64(head.Size))
	d.metrics.set("igverify_audit_cosigned_time_seconds", float64(next.at.Unix()))
	rep.Notes = append(rep.Notes, fmt.Sprintf("cosigned size %d as %s", head.Size, d.Cosigner.Name))
	return Cosigned, nil
}

// ownLines returns a signed note with only the log's own signature lines: the auditor does not pass
// on what others signed.
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
