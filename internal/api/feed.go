package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/policies/readers"
)

// feed is GET /v1/feed/{from}.
func (a *api) feed(w http.ResponseWriter, r *request) error {
	from, err := parseIndex(r.rest)
	if err != nil {
		return err
	}
	asked, err := askedOf(r.URL.Query()["purpose"], "", "")
	if err != nil {
		return err
	}
	rd, err := r.caller.reads(readers.Bulk, asked)
	if err != nil {
		return err
	}
	size, err := a.log.Size(r.Context())
	if err != nil {
		return err
	}
	var body []byte
	if from < size {
		records, err := a.log.Feed(r.Context(), from, min(size-from, proof.MaxFeedRecords))
		if err != nil {
			return err
		}
		body = make([]byte, 0, len(records)*proof.FeedRecordSize)
		for _, rec := range records {
			body = proof.FeedRecord{TagSalt: rec.TagSalt, Tag: rec.Tag}.Append(body)
		}
	}
	if err := a.logBulkRead(r.Context(), rd); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, http.StatusOK, "application/octet-stream", body)
	return nil
}

// bulkReads remembers which organisations have a reading of this day in the log, so that a page
// need not ask the database. Each replica has its own.
type bulkReads struct {
	mu   sync.Mutex
	day  string
	orgs map[string]bool
}

func (b *bulkReads) has(day, org string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.day == day && b.orgs[org]
}

func (b *bulkReads) add(day, org string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.day != day {
		b.day, b.orgs = day, map[string]bool{}
	}
	b.orgs[org] = true
}

// logBulkRead logs the first bulk read of an organisation in a UTC day as an access entry about
// everyone. There is one entry a day, because an auditor's machine reads all day long and one entry
// for each page would bury the others. If it returns an error, nothing may be shown.
func (a *api) logBulkRead(ctx context.Context, rd readingOf) error {
	day := a.now().UTC().Format(time.DateOnly)
	if a.bulk.has(day, rd.caller.Issuer) {
		return nil
	}
	err := a.logReadingAs(ctx, bulkReadID(a.log.Origin(), rd.caller.Issuer, day), rd, entry.RegEveryone)
	if err == nil {
		a.bulk.add(day, rd.caller.Issuer)
	}
	return err
}

// bulkReadID returns the jti of that entry. It is the same in every replica, so that the log takes
// only one: a UUID of version 5 (RFC 9562 section 5.5) in the URL namespace, of
// "igledger/feed/v1\n" ‖ origin ‖ "\n" ‖ organisation ‖ "\n" ‖ day.
func bulkReadID(origin, org, day string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("igledger/feed/v1\n"+origin+"\n"+org+"\n"+day)).String()
}
