package door

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"sync"

	"github.com/google/uuid"

	"igledger/internal/readings"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// Reader is who reads.
type Reader struct {
	Person  bool   // a citizen who signed in; ID says who
	ID      string // of the citizen
	Session string // of the sign-in: a random id. A history that is read in one is logged once
	// Delegation is the id of the delegation under which the citizen reads the history of another.
	Delegation string

	Org      string         // whose member of staff reads, unless Person
	Staff    *entry.Staff   // who that is
	Purpose  []string       // of the reading. Person: always PATRQT
	Request  string         // at a front desk: reference of the person's request
	Identity entry.Identity // and how who asked was checked
}

// Why a history is not shown.
var (
	// ErrNotYours says that a citizen asked for the history of somebody for whom they may not act.
	// Pages answer as if there were nothing.
	ErrNotYours = errors.New("the history is another person's, and no delegation in force lets the reader see it")
	// ErrUnlogged says that the reading could not be logged, so that nothing may be shown.
	ErrUnlogged = errors.New("the reading could not be logged, so nothing is shown")
)

// readingOf returns the reading that Reader makes of the history of id, if readers.Table permits it.
func (d *Door) readingOf(ctx context.Context, r Reader, id string) (readings.Reading, error) {
	if r.Person {
		return d.personal(ctx, r, id)
	}
	out, err := d.official(ctx, r, readers.History)
	if r.Session != "" {
		out.ID = once(d.log.Origin(), r.Session, id, r.Request, r.Purpose...)
	}
	return out, err
}

// official returns the reading of a kind that a member of staff makes, if readers.Table permits it.
func (d *Door) official(ctx context.Context, r Reader, kind readers.Kind) (readings.Reading, error) {
	reg, err := d.log.Register(ctx)
	if err != nil {
		return readings.Reading{}, err
	}
	size, err := d.log.Size(ctx)
	if err != nil {
		return readings.Reading{}, err
	}
	// Staff sign in and have no key, so they read as far as the keys of their organisation would.
	var keys []entry.Purpose
	for _, k := range reg.Keys(r.Org) {
		if _, err := reg.Active(k.KID, size); err == nil {
			keys = append(keys, k.Key.Purposes...)
		}
	}
	var roles []entry.Role
	if org := reg.Organisation(r.Org); org != nil {
		roles = org.Roles
	}
	asked := readers.Asked{Purpose: r.Purpose, Request: r.Request, Identity: r.Identity}
	_, extent, err := readers.May(kind, keys, roles, asked)
	return readings.Reading{Asked: asked, Extent: extent, Org: r.Org, System: "pages", Staff: r.Staff}, err
}

func (d *Door) personal(ctx context.Context, r Reader, id string) (readings.Reading, error) {
	// The reference shows which readings were of one sign-in, and does not show the session's id.
	session := sha256.Sum256([]byte("igledger reading session\x00" + r.Session))
	asked := readers.Asked{
		Purpose: []string{"PATRQT"}, Request: "session-" + hex.EncodeToString(session[:5]), Identity: entry.BySignIn,
	}
	if entry.ContainsPersonNumber(asked.Request) { // by chance
		asked.Request = "session"
	}
	out := readings.Reading{
		Asked: asked, System: "pages", Role: []string{readers.AsPerson},
		ID: once(d.log.Origin(), r.Session, id, r.Delegation),
	}
	if r.ID == "" || r.Session == "" {
		return out, ErrNotYours
	}
	own := r.ID == id
	if !own && r.Delegation == "" {
		linked, err := d.linkedWith(ctx, r.ID)
		if err != nil {
			return out, err
		}
		own = slices.Contains(linked, id)
	}
	if !own {
		if err := d.mayRead(ctx, r, id); err != nil {
			return out, err
		}
		out.Role, out.Delegation = []string{readers.AsDelegate}, r.Delegation
	}
	var err error
	_, out.Extent, err = readers.May(readers.History, []entry.Purpose{readers.SignIn}, nil, asked)
	return out, err
}

// once returns the jti of the entry of a reading that is logged once.
func once(origin, session, id, more string, further ...string) string {
	h := sha256.New()
	for _, s := range append([]string{"igledger reading", origin, session, id, more}, further...) {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	u := uuid.UUID(h.Sum(nil)[:16])
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80 // RFC 9562 version 8
	return u.String()
}

// logged remembers which readings this process has logged, so that the log is not asked for each
// page. It forgets all when it is full; the log knows them anyway.
type logged struct {
	mu  sync.Mutex
	ids map[string]struct{}
}

const maxLogged = 1 << 17

func (l *logged) has(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.ids[id]
	return ok
}

func (l *logged) add(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ids == nil || len(l.ids) >= maxLogged {
		l.ids = map[string]struct{}{}
	}
	l.ids[id] = struct{}{}
}

// log logs a reading of the history of id, unless this session has done so.
func (d *Door) logReading(ctx context.Context, r readings.Reading, id string) error {
	if r.ID != "" && d.done.has(r.ID) {
		return nil
	}
	if err := readings.Log(ctx, d.log, d.cfg.Now(), r, id); err != nil {
		d.cfg.Logger.Error("a reading could not be logged and was refused", "error", err)
		return errors.Join(ErrUnlogged, err)
	}
	if r.ID != "" {
		d.done.add(r.ID)
	}
	return nil
}
