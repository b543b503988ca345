package officer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"igledger/internal/client"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// What was done about an access that stands out lies on a shelf, not in the ledger: it is the
// organisation's own note. The key of a follow-up is its organisation and the jti of the access.
const followUpShelf = "officer-follow-ups"

// status says how far an organisation is with an access.
type status string

// The statuses.
const (
	isNew     status = ""          // nobody has looked at it
	isOpen    status = "open"      // somebody is looking at it
	explained status = "explained" // it was right, and it is known why
	incident  status = "incident"  // it was wrong, and is dealt with as an incident
)

// statuses are those that an officer can record.
var statuses = []status{isOpen, explained, incident}

// todo reports whether somebody still has to do something.
func (s status) todo() bool { return s == isNew || s == isOpen }

// followUp is what was recorded about an access, the oldest first.
type followUp struct {
	Steps []step `json:"steps"`
}

// step is one record.
type step struct {
	Status status    `json:"status"`
	Note   string    `json:"note,omitempty"`
	At     time.Time `json:"at"`
	By     string    `json:"by"` // as the officer's organisation names them
	// Token is of the form that was sent, so that it counts once.
	Token string `json:"token"`
}

func (f *followUp) status() status {
	if f == nil || len(f.Steps) == 0 {
		return isNew
	}
	return f.Steps[len(f.Steps)-1].Status
}

func (f *followUp) last() step {
	if f == nil || len(f.Steps) == 0 {
		return step{}
	}
	return f.Steps[len(f.Steps)-1]
}

// Bounds of what is recorded.
const (
	maxNote  = 2000 // letters
	maxSteps = 100
)

// errChanged says that somebody else recorded something since the form was opened.
var errChanged = errors.New("somebody else recorded something first")

// errFull says that there are as many records about one access as there can be.
var errFull = errors.New("too many records about one access")

// checkStep returns the key of the words for what is wrong with a record, and with which field.
func checkStep(s step) (field, key string) {
	switch {
	case !slices.Contains(statuses, s.Status):
		return "status", "follow.choose"
	case s.Note == "" && s.Status != isOpen:
		return "note", "follow.say"
	case utf8.RuneCountInString(s.Note) > maxNote:
		return "note", "follow.long"
	case !wire.Plain(strings.NewReplacer("\n", "", "\t", "").Replace(s.Note), 4*maxNote):
		return "note", "follow.characters"
	case entry.ContainsPersonNumber(s.Note):
		return "note", "follow.number"
	}
	return "", ""
}

// record adds a step if there were so many before, and otherwise returns errChanged. A step whose
// form was already recorded is not added again.
func (w *work) record(ctx context.Context, org, jti string, before int, s step) error {
	return w.Shelf.Update(ctx, followUpShelf, org+"/"+jti, func(old []byte) ([]byte, time.Time, error) {
		var f followUp
		if old != nil {
			if err := json.Unmarshal(old, &f); err != nil {
				return nil, time.Time{}, err
			}
		}
		switch {
		case s.Token != "" && slices.ContainsFunc(f.Steps, func(x step) bool { return x.Token == s.Token }):
			return old, time.Time{}, nil
		case len(f.Steps) != before:
			return nil, time.Time{}, errChanged
		case len(f.Steps) >= maxSteps:
			return nil, time.Time{}, errFull
		}
		f.Steps = append(f.Steps, s)
		value, err := json.Marshal(f)
		return value, time.Time{}, err
	})
}

// recorded returns what the officer's organisation recorded about one access.
func (w *work) recorded(ctx context.Context, u *signin.User, jti string) (*followUp, error) {
	if err := w.Door.MayNote(ctx, reader(u)); err != nil {
		return nil, err
	}
	f := new(followUp)
	value, err := w.Shelf.Get(ctx, followUpShelf, u.Org+"/"+jti)
	if errors.Is(err, shelf.ErrNotFound) {
		return f, nil
	}
	if err == nil {
		err = json.Unmarshal(value, f)
	}
	return f, err
}

// recordedOf is what was recorded about one access.
type recordedOf struct {
	jti string
	*followUp
}

// listed returns what an organisation recorded, by jti: at most so many, of those after a jti.
func listed(ctx context.Context, s *shelf.Shelf, org, after string, most int) ([]recordedOf, error) {
	if after != "" {
		after = org + "/" + after
	}
	items, err := s.List(ctx, followUpShelf, org+"/", after, most)
	if err != nil {
		return nil, err
	}
	list := make([]recordedOf, len(items))
	for n, i := range items {
		list[n] = recordedOf{strings.TrimPrefix(i.Key, org+"/"), new(followUp)}
		if err := json.Unmarshal(i.Value, list[n].followUp); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Notes returns what an organisation recorded, for those who read it elsewhere than on the pages.
func Notes(ctx context.Context, s *shelf.Shelf, org, after string, most int) ([]client.Note, error) {
	list, err := listed(ctx, s, org, after, most)
	if err != nil {
		return nil, err
	}
	notes := make([]client.Note, len(list))
	for n, x := range list {
		notes[n] = client.Note{ID: x.jti, Status: string(x.status()), Steps: []client.NoteStep{}}
		for _, s := range x.Steps {
			notes[n].Steps = append(notes[n].Steps, client.NoteStep{Status: string(s.Status), Note: s.Note, By: s.By,
				At: s.At.UTC().Format(time.RFC3339)})
		}
	}
	return notes, nil
}

// allRecorded returns what the officer's organisation recorded, by jti.
func (w *work) allRecorded(ctx context.Context, u *signin.User) (map[string]*followUp, error) {
	if err := w.Door.MayNote(ctx, reader(u)); err != nil {
		return nil, err
	}
	const atOnce = 1000
	out := map[string]*followUp{}
	for after := ""; ; {
		list, err := listed(ctx, w.Shelf, u.Org, after, atOnce)
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			out[x.jti], after = x.followUp, x.jti
		}
		if len(list) < atOnce {
			return out, nil
		}
	}
}

// newToken returns the token of a form.
func newToken() string { return rand.Text() }

// tokenOf returns the token that a form was sent with, or "" if it is none of ours: then it counts
// each time, as far as nobody recorded anything since.
func tokenOf(text string) string {
	if len(text) != len(newToken()) {
		return ""
	}
	return text
}
