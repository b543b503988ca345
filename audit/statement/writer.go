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

// offer is an index root that this process wants in the log: the same until it is in or another one is.
type offer struct {
	entry *entry.Entry
	size  uint64
	root  wire.Hash
}

// due reports whether an index root is wanted now: entries came and the last root is old enough, or so many came that half the lag that the genesis allows
// is used up, or none is logged for what was loaded at start. Whoever logged the last root is a little quicker than the others, so that
// replicas do not race each time.
func (f *Follower) due() bool {
	wait := f.cfg.Interval
	if f.mine {
		wait = wait * 3 / 4
	}
	switch {
	case f.offer != nil, f.root == nil:
		return true
	case f.fresh == 0:
		return false
	}
	return f.cfg.Now().Sub(f.since) >= wait || f.next-f.covered >= f.cfg.Log.Genesis().IndexLag/2
}

// submit logs the index root over all that was read. Its jti follows from the position of the root before it, so that of all replicas' offers the
// log takes one, and a process that died on the way or did not hear the answer logs none twice.
func (f *Follower) submit(ctx context.Context) error {
	if f.offer == nil {
		if err := f.prepare(); err != nil {
			return err
		}
	}
	res := f.cfg.Log.Append(ctx, f.offer.entry)[0]
	if errors.Is(res.Err, ledger.ErrConflict) {
		f.offer, f.since = nil, f.cfg.Now() // another's is in: follow meets it
		f.mu.Lock()
		f.stats.Conflicts++
		f.mu.Unlock()
		return nil
	}
	var refusal *wire.Error
	if errors.As(res.Err, &refusal) {
		f.offer = nil // as it is it will not be taken: by a key that is not registered yet, or only above what the offer covers
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
		Common: entry.Common{Issuer: log.Genesis().Operator.ID, Audience: log.Origin(), IssuedAt: f.cfg.Now().Unix(), ID: rootID(log.Origin(), f.last)},
		Size:   o.size, Root: o.root,
	})
	if err != nil {
		return fmt.Errorf("signing an index root: %w", err)
	}
	o.entry = e
	f.offer = o
	return nil
}

// rootID is the jti of the index root after the one at position last (0: the first): a UUID of version 5 (RFC 9562 section 5.5) in the URL namespace, of
// "igledger/index-root/v1\n" ‖ origin ‖ "\n" ‖ position in decimal.
func rootID(origin string, last uint64) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("igledger/index-root/v1\n"+origin+"\n"+strconv.FormatUint(last, 10))).String()
}
