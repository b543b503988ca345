package api

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"igledger/internal/client"
)

// Whatever is posted, the answer is a documented one: results that account for every entry, or a problem; never a panic or a 500.
func FuzzSubmit(f *testing.F) {
	w := newWorld(f)
	good := w.entry("SRC", person)
	f.Add(submission(good))
	f.Add(submission(good, "junk", good[:len(good)-1]))
	f.Add(`{"entries":["a.b.c~d~"]}`)
	f.Add(`{"entries":[null]}`)
	f.Add(`{"entries":["\ud800"]}`)
	f.Add("\xef\xbb\xbf" + `{"entries":[]}`)
	f.Add(strings.Repeat("[", 200))
	h := w.handler()
	f.Fuzz(func(t *testing.T, body string) {
		req := httptest.NewRequest("POST", "/v1/entries", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		r := reply{rec.Result(), rec.Body.Bytes()}
		if r.Request = req; r.StatusCode != 200 {
			if code := r.problem(t); code == "internal" {
				t.Fatalf("%q: %s", body, r.body)
			}
			return
		}
		// The lenient decoder sees the same entries: ours never accepts what others read differently.
		var sent client.Submission
		var got client.Results
		if err := json.Unmarshal([]byte(body), &sent); err != nil {
			t.Fatalf("%q was taken: %v", body, err)
		}
		if err := json.Unmarshal(r.body, &got); err != nil || len(got.Results) != len(sent.Entries) {
			t.Fatalf("%q: %d results for %d entries: %v", body, len(got.Results), len(sent.Entries), err)
		}
	})
}
