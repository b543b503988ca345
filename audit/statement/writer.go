package statement

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// offer is an index root that this process wants to log. It stays the same until it, or another
// one, is in the log.
type offer struct {
	entry *entry.Entry
	size  uint64
	root  wire.Hash
}

// due reports whether an index root is wanted now: there are new entries and the last root is old
// enough; or the new entries use up half the lag that the genesis allows; or no root is logged for
// what was loaded at start. The process that logged the last root is a little quicker than the
// others, so that replicas do not race each time.
func (f *Follower) due() bool {
	wait := f.cfg.Interval
	if f.mine {
		wait = wait * 3 / 4
	}
	switch {
	case f.offer != nil, f.root == nil && len(f.waiting) == 0:
		return true
	case f.fresh == 0:
		return false
	}
	return f.cfg.Now().Sub(f.since) >= wait || f.next-f.covered >= f.cfg.Log.Genesis().IndexLag/2
}

// submit logs the index root over everything that was read. Its jti follows from the position of
// the root before it. So the log takes one of all replicas' offers, and a process that died or
// missed the answer does not log a second one.
func (f *Follower) submit(ctx context.Context) error {
	if f.offer == nil {
		if err := f.prepare(); err != nil {
			return err
		}
	}
	res := f.cfg.Log.Append(ctx, f.offer.entry)[0]
	if errors.Is(res.Err, ledger.ErrConflict) {
		f.offer, f.since = nil, f.cfg.Now() // another process's root is in the log: follow will meet it
		f.mu.Lock()
		f.stats.Conflicts++
		f.mu.Unlock()
		return nil
	}
	var refusal *wire.Error
	if errors.As(res.Err, &refusal) {
		// The log will not take this offer: the key is not registered yet, or only above what the
		// offer covers.
		f.offer = nil
	}
	if res.Err != nil {
		return fmt.Errorf("logging an index root: %w", res.Err)
	}
	return nil
}

func (f *Follower) prepare() error {
	o := &offer{size: f.next}
	updates := f.tree.Updates(f.below(o.size))
	o.root = rootWith(f.tree, updates)
	log := f.cfg.Log
	e, err := entry.Sign(log.Operator(), &entry.IndexRoot{
		Common: entry.Common{
			Issuer: log.Genesis().Operator.ID, Audience: log.Origin(),
			// Never before an earlier root, whatever the clocks of other replicas say: periods rest on it.
			IssuedAt: max(f.cfg.Now().Unix(), f.dated),
			ID:       rootID(log.Origin(), f.last),
		},
		Size: o.size, Root: o.root,
	})
	if err != nil {
		return fmt.Errorf("signing an index root: %w", err)
	}
	o.entry = e
	f.offer = o
	return nil
}

// rootID returns the jti of the index root after the one at position last (0: the first). It is a
// UUID of version 5 (RFC 9562 section 5.5) in the URL namespace, of "igledger/index-root/v1\n" ‖
// origin ‖ "\n" ‖ position in decimal.
func rootID(origin string, last uint64) string {
	name := "igledger/index-root/v1\n" + origin + "\n" + strconv.FormatUint(last, 10)
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)).String()
}
