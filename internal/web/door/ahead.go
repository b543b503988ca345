package door

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"igledger/internal/web/shelf"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// No visit decrypts a long history: its pieces are made when its entries come, whether or not
// anybody ever looks. What is left to a visit is what came after the last whole piece. The log is
// read on from where this, or another replica, last was, and from its beginning when pieces are
// made by other words, and before they have lain so long that they end.
//
// Of most entries only the link is decrypted. A piece is kept before the position moves on, so an
// end in between costs work and loses nothing; two replicas do the same work and keep the same
// pieces.

// ahead is how far the log was read for pieces.
type ahead struct {
	mu    sync.Mutex // guards the fields below; held while reading
	stamp string
	at    position
}

// position is what is kept of it.
type position struct {
	Read uint64    `json:"read"`
	Ends time.Time `json:"ends"` // then the log is read from its beginning
}

const aheadPage = 4096

// keepAhead keeps the pieces of the histories that have grown since it was last called.
func (d *Door) keepAhead(ctx context.Context) error {
	if d.cfg.Shelf == nil {
		return nil
	}
	d.ahead.mu.Lock()
	defer d.ahead.mu.Unlock()
	reg, err := d.log.Register(ctx)
	if err != nil {
		return err
	}
	size, err := d.log.Size(ctx)
	if err != nil {
		return err
	}
	a := &d.ahead
	if s := stamp(reg); a.stamp != s {
		a.at = position{}
		if err := d.shelved(ctx, shelfName, d.positionKey(s), &a.at); err != nil {
			return err
		}
		a.stamp = s
	}
	if a.at.Read > size || !d.cfg.Now().Before(a.at.Ends) {
		a.at = position{Ends: d.cfg.Now().Add(keptFor / 2)}
	}
	for a.at.Read < size {
		page, err := d.log.Feed(ctx, a.at.Read, min(aheadPage, size-a.at.Read))
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return errors.New("the log ends below its size")
		}
		if err := d.keepGrown(ctx, reg, page, size); err != nil {
			return err
		}
		a.at.Read += uint64(len(page))
		if err := d.putPosition(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *Door) positionKey(stamp string) string {
	return d.cfg.Shelf.Blind(shelfName, keptFormat, d.log.Origin(), stamp, "position")
}

func (d *Door) putPosition(ctx context.Context) error {
	b, err := json.Marshal(d.ahead.at)
	if err != nil {
		return err
	}
	return d.cfg.Shelf.Put(ctx, shelfName, d.positionKey(d.ahead.stamp), b, d.ahead.at.Ends)
}

// keepGrown keeps the pieces of the long histories to which the entries of a page belong.
func (d *Door) keepGrown(ctx context.Context, reg *register.Register, page []ledger.FeedRecord, size uint64) error {
	var tags []wire.Hash
	seen := map[wire.Hash]bool{}
	for _, r := range page {
		if r.Entry == nil && !seen[r.Tag] {
			seen[r.Tag], tags = true, append(tags, r.Tag)
		}
	}
	counts, err := d.log.HistoryCounts(ctx, tags)
	if err != nil {
		return err
	}
	for n, tag := range tags {
		if counts[n] < 2*piece {
			continue
		}
		err := d.keepHistory(ctx, reg, tag, int(min(counts[n], ledger.MaxHistory)/piece), size)
		if errors.Is(err, ledger.ErrTooMany) {
			continue // nor can a visit show it
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// piecesAtOnce bounds the entries in memory while pieces are made.
const piecesAtOnce = 16

// keepHistory keeps the first whole pieces of a history, as far as they are not kept, or end before
// the log is read from its beginning again.
func (d *Door) keepHistory(ctx context.Context, reg *register.Register, tag wire.Hash, whole int, size uint64) error {
	prefix := d.prefix(tag, d.ahead.stamp)
	first, err := d.piece(ctx, prefix, 0)
	if err != nil {
		return err
	}
	have, from := 0, uint64(0)
	if first != nil && first.Expires.After(d.ahead.at.Ends.Add(keptFor/4)) { // and none ends before the first
		for have = whole; have > 0; have-- {
			last, err := d.piece(ctx, prefix, have-1)
			if err != nil {
				return err
			}
			if last == nil {
				continue
			}
			if items, err := unpack(last.Value, d.maker(reg, false)); err == nil {
				from = items[piece-1].Index + 1
				break
			}
		}
	}
	if have == whole {
		return nil
	}
	everyone, _, err := d.log.Tag(entry.RegEveryone)
	if err != nil {
		return err
	}
	places, err := d.log.HistoryPlaces(ctx, tag, from, size)
	if err != nil {
		return err
	}
	m := d.maker(reg, tag == everyone)
	for have < whole && len(places) >= piece {
		n := min(piecesAtOnce, whole-have, len(places)/piece)
		items, err := d.load(ctx, m, places[:n*piece], 1)
		if err != nil {
			return err
		}
		for ; n > 0; n-- {
			if err := d.putPiece(ctx, prefix, have, items[:piece]); err != nil {
				return fmt.Errorf("keeping a piece of a history: %w", err)
			}
			have, items, places = have+1, items[piece:], places[piece:]
		}
	}
	return nil
}

// piece returns a piece of a history with its end, or nil.
func (d *Door) piece(ctx context.Context, prefix string, n int) (*shelf.Item, error) {
	list, err := d.cfg.Shelf.List(ctx, shelfName, pieceKey(prefix, n), "", 1)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}
