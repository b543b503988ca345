package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// A page is parsed in full or refused: never a part of a record, never more than a page.
func TestFeed(t *testing.T) {
	want := proof.FeedRecord{TagSalt: wire.Hash{1}, Tag: wire.Hash{2}}
	for name, c := range map[string]struct {
		body []byte
		n    int
		err  error
	}{
		"empty":           {nil, 0, nil},
		"two records":     {want.Append(want.Append(nil)), 2, nil},
		"half a record":   {want.Append(nil)[:32], 0, wire.BadLength},
		"more than asked": {make([]byte, (proof.MaxFeedRecords+1)*proof.FeedRecordSize), 0, wire.TooLarge},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.String() != "/v1/feed/7?purpose=HCOMPL" || r.Header.Get("Authorization") != "Bearer t" {
				t.Errorf("asked for %s", r.URL)
			}
			w.Write(c.body)
		}))
		client := &Client{Base: srv.URL, Purpose: []string{"HCOMPL"}, Token: func() (string, error) { return "t", nil }}
		got, err := client.Feed(t.Context(), 7)
		if !errors.Is(err, c.err) || len(got) != c.n || c.n > 0 && got[1] != want {
			t.Errorf("%s: %d records, %v", name, len(got), err)
		}
		srv.Close()
	}
}

// A client with a limit on attempts gives up, with the reason.
func TestAttempts(t *testing.T) {
	for _, attempts := range []int{1, 3} {
		asked, waits := 0, 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++; w.WriteHeader(503) }))
		client := &Client{Base: srv.URL, Attempts: attempts,
			wait: func(context.Context, time.Duration) error { waits++; return nil }}
		_, err := client.LogInfo(t.Context())
		var p *Problem
		if !errors.As(err, &p) || p.Status != 503 || asked != attempts || waits != attempts-1 {
			t.Errorf("%d attempts: asked %d times, waited %d times: %v", attempts, asked, waits, err)
		}
		srv.Close()
	}
}
