package witness

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"igledger/ledger/proof/cosign"
)

// Run sends log's newest anchor to the witnesses whenever it has changed, at most once an Interval, until ctx ends; then it returns, within a
// request's Timeout. Failures are logged and tried again for ever. It looks for the anchor in the database, not at what this process appends:
// so every replica may run it and none need.
//
// All get the same checkpoint, or none would ever have more than one cosignature while the log is busy; one who is slow gets the newest of those sent
// when it is done.
func (c *Client) Run(ctx context.Context, log Log) {
	var feeds sync.WaitGroup
	defer feeds.Wait()
	var boxes []chan Checkpoint
	for _, w := range c.list {
		box := make(chan Checkpoint, 1)
		boxes = append(boxes, box)
		feeds.Go(func() { c.feed(ctx, log, w, box) })
	}
	if len(boxes) == 0 {
		return
	}
	tick := time.NewTicker(c.cfg.Interval)
	defer tick.Stop()
	var sent uint64
	var when time.Time
	broken := false
	for {
		head, err := log.Newest(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !broken { // once an outage: it may be long
			c.cfg.Logger.Error("reading the checkpoint to be cosigned", "error", err)
		}
		broken = err != nil
		if now := c.cfg.Now(); err == nil && head.Size > 0 && (head.Size != sent || now.Sub(when) >= c.cfg.Refresh) {
			sent, when = head.Size, now
			for _, box := range boxes {
				put(box, head)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// put leaves head in the box, in place of an older one that nobody took. There is one who puts.
func put(box chan Checkpoint, head Checkpoint) {
	select {
	case <-box:
	default:
	}
	box <- head
}

// feed serves one witness.
func (c *Client) feed(ctx context.Context, log Log, w *cosign.Cosigner, box chan Checkpoint) {
	logger := c.cfg.Logger.With("witness", w.Name)
	for {
		var head Checkpoint
		select {
		case head = <-box:
		case <-ctx.Done():
			return
		}
		for wait, failed := c.cfg.Interval, 0; ; wait = min(2*wait, maxBackoff) {
			err := c.submit(ctx, log, w, head)
			if ctx.Err() != nil {
				return
			}
			c.cfg.Observe(w.Name, head.Size, err)
			if err == nil {
				if failed > 0 {
					logger.Info("the witness answers again", "size", head.Size, "failures", failed)
				}
				break
			}
			failed++
			logger.Log(ctx, severity(err), "no cosignature", "size", head.Size, "error", err, "again", wait)
			again := time.NewTimer(wait)
			select {
			case <-again.C:
			case <-ctx.Done():
				again.Stop()
				return
			}
			select {
			case head = <-box:
			default:
			}
		}
	}
}

// severity is Error for what no repetition mends: somebody has to look.
func severity(err error) slog.Level {
	for _, e := range []error{ErrInconsistent, ErrFork, ErrAhead, ErrBadCosignature, ErrUnknownLog, ErrUnknownKey} {
		if errors.Is(err, e) {
			return slog.LevelError
		}
	}
	return slog.LevelWarn
}
