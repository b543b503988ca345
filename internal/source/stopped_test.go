package source_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"igledger/internal/client"
	"igledger/internal/source"
)

// A log that has stopped is not waited for, at whichever call it says so. All inputs reach the
// outbox, and the next run sends them once.
func TestLogThatStopped(t *testing.T) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		json.NewEncoder(w).Encode(client.Problem{
			Type: client.ProblemPrefix + "stopped", Status: 503, Title: "The log has stopped", Detail: "the log went back"})
	})
	everything := func(http.Handler) http.Handler { return answer }
	entries := submissions(func(w http.ResponseWriter, r *http.Request, _ http.Handler) { answer(w, r) })
	for name, wrap := range map[string]func(http.Handler) http.Handler{"everything": everything, "entries": entries} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.config.Client.OnRetry = func(err error, _ time.Duration) { t.Errorf("waits for a log that stopped: %v", err) }
			w.config.Batch = 2
			w.Through(wrap)
			first, second := events(5), text("second", event("x", "2026-11-02T10:00:00Z"))
			for range 2 {
				sum, err := w.open().Import(t.Context(), first, second)
				if !source.Stopped(err) || !strings.Contains(err.Error(), "went back") || sum.Events != 6 || sum.Logged > 0 {
					t.Fatalf("%+v, %v", sum, err)
				}
			}
			if _, err := w.open().Heartbeats(t.Context(), time.Hour); !source.Stopped(err) {
				t.Errorf("heartbeats: %v", err)
			}
			w.Through(nil)
			if sum := w.imports(); sum.Logged != 6 { // without the inputs
				t.Errorf("afterwards %+v", sum)
			}
			w.logged(6)
			w.Through(wrap)
			if _, err := w.open().Import(t.Context()); source.Stopped(err) != (name == "everything") {
				t.Errorf("with nothing to send: %v", err)
			}
		})
	}
}
