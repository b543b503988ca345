package paper

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"igledger/internal/web/paper/sealed"
	"igledger/internal/web/shelf"
)

// Life is how long a code works unless the configuration says otherwise.
const Life = 30 * 24 * time.Hour

const (
	remembered = 90 * 24 * time.Hour // that a code has ended is known for so long
	maxLive    = 50                  // codes of one person that work at a time
)

// Names of shelves.
const (
	sealedShelf = "paper-sealed" // id → sealed bytes, until they end or are taken back
	recordShelf = "paper"        // id → record
	ownerShelf  = "paper-of"     // blinded owner/id → nothing: which codes are a person's
)

// Why there is no sealed statement.
var (
	// ErrNone says that no code has this id, or that it is another person's.
	ErrNone = errors.New("there is no such code")
	// ErrEnded and ErrTakenBack say why a code no longer works.
	ErrEnded     = errors.New("the code's time is over")
	ErrTakenBack = errors.New("the code was taken back")
)

// Store keeps sealed statements. It cannot open them, and it lists them to their owners only.
type Store struct {
	shelf *shelf.Shelf
	life  time.Duration
	now   func() time.Time
}

// NewStore returns a Store on a shelf. Zero values stand for Life and time.Now.
func NewStore(s *shelf.Shelf, life time.Duration, now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{s, cmp.Or(life, Life), now}
}

// KeepPaper keeps what a front desk sealed for a person elsewhere than in these pages, and returns
// the path to which the code leads.
func (s *Store) KeepPaper(ctx context.Context, id, desk string, data []byte) (string, time.Time, error) {
	p, err := s.Keep(ctx, []string{id}, desk, data)
	if errors.Is(err, ErrNone) {
		err = sealed.ErrForm // a copy of somebody else's
	}
	if err != nil {
		return "", time.Time{}, err
	}
	return "/p/" + p.ID, p.Ends, nil
}

// Paper is a code that somebody made.
type Paper struct {
	ID        string    `json:"id"`
	Made      time.Time `json:"made"`
	Ends      time.Time `json:"ends"`
	TakenBack time.Time `json:"takenBack,omitzero"`
	Desk      string    `json:"desk,omitempty"` // the organisation whose front desk made it; "": the person did
	Owners    []string  `json:"owners"`         // blinded
}

// Live reports whether the code works at a time.
func (p *Paper) Live(at time.Time) bool { return p.TakenBack.IsZero() && at.Before(p.Ends) }

// Keep stores sealed bytes for the person with these ids. Bytes that are there already are kept once.
func (s *Store) Keep(ctx context.Context, owners []string, desk string, data []byte) (*Paper, error) {
	id := sealed.ID(data)
	for _, o := range owners {
		list, err := s.Of(ctx, o)
		if err != nil {
			return nil, err
		}
		live := 0
		for _, p := range list {
			if p.ID == id {
				return p, nil
			}
			if p.Live(s.now()) {
				live++
			}
		}
		if live >= maxLive {
			return nil, sealed.ErrTooMany
		}
	}
	// A copy of somebody's bytes makes nobody else their owner, and does not bring back what was taken
	// back.
	if _, err := s.record(ctx, id); !errors.Is(err, ErrNone) {
		return nil, cmp.Or(err, ErrNone)
	}
	p := &Paper{ID: id, Made: s.now(), Ends: s.now().Add(s.life), Desk: desk}
	for _, o := range owners {
		p.Owners = append(p.Owners, s.blind(o))
	}
	record, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	// The record comes last: without it there is no code, so one that works is always on its owner's
	// list. Whoever adds it owns the code.
	for _, o := range p.Owners {
		if err := s.shelf.Put(ctx, ownerShelf, o+"/"+id, []byte{}, p.Ends.Add(remembered)); err != nil {
			return nil, err
		}
	}
	if err := s.shelf.Put(ctx, sealedShelf, id, data, p.Ends); err != nil {
		return nil, err
	}
	if err := s.shelf.Add(ctx, recordShelf, id, record, p.Ends.Add(remembered)); err != nil {
		if errors.Is(err, shelf.ErrExists) {
			return nil, ErrNone
		}
		return nil, err
	}
	return p, nil
}

// Find returns a code that works, or ErrNone, ErrEnded or ErrTakenBack.
func (s *Store) Find(ctx context.Context, id string) (*Paper, error) {
	p, err := s.record(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case !p.TakenBack.IsZero():
		return p, ErrTakenBack
	case !p.Live(s.now()):
		return p, ErrEnded
	}
	return p, nil
}

// Fetch returns the sealed bytes of a code that works, or an error of Find.
func (s *Store) Fetch(ctx context.Context, id string) ([]byte, *Paper, error) {
	p, err := s.Find(ctx, id)
	if err != nil {
		return nil, p, err
	}
	data, err := s.shelf.Get(ctx, sealedShelf, id)
	if errors.Is(err, shelf.ErrNotFound) {
		err = ErrEnded // in between
	}
	return data, p, err
}

// Of returns the codes of a person, the newest first, also those that ended not long ago.
func (s *Store) Of(ctx context.Context, owner string) ([]*Paper, error) {
	prefix := s.blind(owner) + "/"
	var list []*Paper
	for after := ""; ; {
		items, err := s.shelf.List(ctx, ownerShelf, prefix, after, 100)
		if err != nil {
			return nil, err
		}
		for _, i := range items {
			after = i.Key
			p, err := s.record(ctx, i.Key[len(prefix):])
			switch {
			case errors.Is(err, ErrNone):
				continue // its time was over in between, or it never became a code
			case err != nil:
				return nil, err
			case !slices.Contains(p.Owners, s.blind(owner)):
				continue // somebody else was first to keep the same bytes
			}
			list = append(list, p)
		}
		if len(items) < 100 {
			break
		}
	}
	slices.SortFunc(list, func(a, b *Paper) int { return cmp.Or(b.Made.Compare(a.Made), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// TakeBack destroys what a code opens. It returns ErrNone if the code is not the owner's.
func (s *Store) TakeBack(ctx context.Context, owner, id string) error {
	if !sealed.CheckID(id) {
		return ErrNone
	}
	err := s.shelf.Update(ctx, recordShelf, id, func(old []byte) ([]byte, time.Time, error) {
		var p Paper
		if old == nil || json.Unmarshal(old, &p) != nil || !slices.Contains(p.Owners, s.blind(owner)) {
			return nil, time.Time{}, ErrNone
		}
		if p.Live(s.now()) {
			p.TakenBack = s.now()
		}
		record, err := json.Marshal(p)
		return record, p.Ends.Add(remembered), err
	})
	if err != nil {
		return err
	}
	return s.shelf.Delete(ctx, sealedShelf, id)
}

func (s *Store) record(ctx context.Context, id string) (*Paper, error) {
	if !sealed.CheckID(id) {
		return nil, ErrNone
	}
	data, err := s.shelf.Get(ctx, recordShelf, id)
	if errors.Is(err, shelf.ErrNotFound) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	p := new(Paper)
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("a record of a code on paper: %w", err)
	}
	return p, nil
}

func (s *Store) blind(owner string) string { return s.shelf.Blind("paper owner", owner) }
