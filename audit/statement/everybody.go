package statement

import (
	"context"
	"sync"

	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// everybody is the history of reads of everyone's data, which every statement shows. It is read once
// for all statements, and then what is new.
type everybody struct {
	mu       sync.Mutex // guards the fields below; held while reading
	entries  []placed   // all below read; statements share them, so they are never changed, only appended to
	read     uint64
	stored   uint64 // bytes at rest of those whose content is kept
	suspects int    // keys that are known to be suspect: remarks on entries follow from them
}

// keptEverybody is how many bytes at rest of entries have their content kept. If there are more, the
// content of the oldest half is read again by each statement that opens it.
const keptEverybody = 8 << 20

// below returns the entries below size.
func (s *everybody) below(ctx context.Context, log *ledger.Log, tag wire.Hash, size uint64) ([]placed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	suspects, err := suspectKeys(ctx, log)
	if err != nil {
		return nil, err
	}
	if suspects != s.suspects {
		s.entries, s.read, s.stored, s.suspects = nil, 0, 0, suspects
	}
	if s.read < size {
		places, err := log.HistoryPlaces(ctx, tag, s.read, size)
		if err != nil {
			return nil, err
		}
		fresh := make([]placed, 0, len(places))
		err = log.EachEntry(ctx, places, func(h ledger.HistoryEntry) error {
			fresh = append(fresh, placed{Place: places[len(fresh)], leafHash: h.LeafHash, kid: h.KID, content: h.Opening})
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, e := range fresh {
			s.stored += e.Stored
		}
		s.entries, s.read = append(s.entries, fresh...), size
		s.forget()
	}
	n := below(s.entries, size, func(e placed) uint64 { return e.Index })
	return s.entries[:n:n], nil
}

// forget drops the content of the oldest entries if there is too much of it.
func (s *everybody) forget() {
	if s.stored <= keptEverybody {
		return
	}
	entries := append([]placed(nil), s.entries...)
	for i := range entries {
		if s.stored <= keptEverybody/2 {
			break
		}
		if e := &entries[i]; e.content != nil {
			e.content = nil
			s.stored -= e.Stored
		}
	}
	s.entries = entries
}

// suspectKeys returns how many keys are known to have been used by somebody else.
func suspectKeys(ctx context.Context, log *ledger.Log) (n int, err error) {
	reg, err := log.Register(ctx)
	if err != nil {
		return 0, err
	}
	for _, org := range reg.Organisations() {
		for _, k := range reg.Keys(org.ID) {
			if k.SuspectFrom != nil {
				n++
			}
		}
	}
	return n, nil
}

// readEverybody is readOn for the history of reads of everyone's data, beside somebody's own. What
// it contains is kept for all statements, so it is not counted as this one's.
func (f *Follower) readEverybody(ctx context.Context, g *gathered, p *past, size uint64) error {
	if p.read >= size {
		return nil
	}
	all, err := f.everybody.below(ctx, f.cfg.Log, p.tag, size)
	if err != nil {
		return err
	}
	places := make([]ledger.Place, 0, len(all)-len(p.entries))
	for _, e := range all[len(p.entries):] {
		places = append(places, e.Place)
	}
	p.entries, p.read = all, size
	return g.take(places)
}

// shared reports whether a history is that of reads of everyone's data, beside somebody's own.
func (g *gathered) shared(p *past) bool { return p != g.pasts[0] && p.id == entry.RegEveryone }
