package readings

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"igledger/ledger"
	"igledger/ledger/entry"
)

// Bulk logs readings in bulk and of reports. It remembers which organisations have one of this day
// in the log, so that a page need not ask the database. Each replica has its own. The zero value is
// ready to use, and safe for concurrent use.
type Bulk struct {
	mu   sync.Mutex
	day  string
	orgs map[string]bool
}

// Log logs the first bulk reading of an organisation in a UTC day as an access entry about everyone.
// There is one entry a day, because an auditor's machine reads all day long and one entry for each
// page would bury the others. If it returns an error, nothing may be shown.
func (b *Bulk) Log(ctx context.Context, l *ledger.Log, now time.Time, r Reading) error {
	day := now.UTC().Format(time.DateOnly)
	if b.has(day, r.Org) {
		return nil
	}
	r.ID = bulkID(l.Origin(), r.Org, day)
	err := Log(ctx, l, now, r, entry.RegEveryone)
	if err == nil {
		b.add(day, r.Org)
	}
	return err
}

func (b *Bulk) has(day, org string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.day == day && b.orgs[org]
}

func (b *Bulk) add(day, org string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.day != day {
		b.day, b.orgs = day, map[string]bool{}
	}
	b.orgs[org] = true
}

// bulkID returns the jti of that entry. It is the same in every replica, so that the log takes only
// one: a UUID of version 5 (RFC 9562 section 5.5) in the URL namespace, of
// "igledger/feed/v1\n" ‖ origin ‖ "\n" ‖ organisation ‖ "\n" ‖ day.
func bulkID(origin, org, day string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("igledger/feed/v1\n"+origin+"\n"+org+"\n"+day)).String()
}
