package witness

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"igledger/ledger/proof/cosign"
)

// Run sends the log's newest anchor to the witnesses whenever it has changed, at most once in each
// Interval. When ctx ends it returns, at the latest after the Timeout of a request. Failures are
// logged and tried again for ever. Run reads the anchor from the database, not from what this
// process appends, so any number of replicas may run it.
//
// All witnesses get the same checkpoint. Otherwise no checkpoint of a busy log would ever get more
// than one cosignature. A slow witness gets the newest checkpoint when it is done with the one
// before.
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
		if err != nil && !broken { // once for each outage, which may be long
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

// put leaves head in the box, in place of an older one that was not taken. Only one goroutine may
// put into a box.
func put(box chan Checkpoint, head Checkpoint) {
	select {
	case <-box:
	default:
	}
	box <- head
}

// feed sends the checkpoints that arrive in box to one witness, and tries again after failures.
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
			kept, err := c.submit(ctx, log, w, head)
			if ctx.Err() != nil {
				return
			}
			if isAny(err, ErrFork, ErrAhead, ErrInconsistent) {
				log.Contradicted(ctx, err)
			}
			c.cfg.Observe(w.Name, head.Size, kept, err)
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

// severity returns Error for failures that do not go away by trying again, so that an operator must
// act.
func severity(err error) slog.Level {
	if isAny(err, ErrInconsistent, ErrFork, ErrAhead, ErrBadCosignature, ErrUnknownLog, ErrUnknownKey) {
		return slog.LevelError
	}
	return slog.LevelWarn
}

func isAny(err error, kinds ...error) bool {
	return slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) })
}
