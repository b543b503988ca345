package source_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"igledger/internal/client"
	"igledger/internal/source"
	"igledger/internal/testneeds"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// If this environment variable is set, the test binary runs as a source that will be killed. It
// holds the varying part of the source's Config as JSON.
const childEnv = "IGLEDGER_TEST_SOURCE"

type child struct {
	URL, LogKey, Outbox string
	Key, Policy         []byte
	Heartbeat           bool
	Drop                uint64 // number to set aside
	Retry               bool
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		if err := beChild(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func beChild(text string) error {
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	key, err := wire.ParseSigner(c.Key)
	if err != nil {
		return err
	}
	config := source.Config{Client: &client.Client{Base: c.URL}, LogKey: c.LogKey, Org: "SRC", Signer: key, Source: "ehr",
		Outbox: c.Outbox, Batch: 3}
	if c.Policy != nil {
		if config.Policy, err = verifier.ParsePolicy(c.Policy); err != nil {
			return err
		}
	}
	a, err := source.Open(context.Background(), config)
	if err != nil {
		return err
	}
	if c.Drop > 0 {
		_, err = a.SetAside(context.Background(), c.Drop)
	} else if c.Retry {
		_, err = a.Retry(context.Background())
	} else if c.Heartbeat {
		_, err = a.Heartbeats(context.Background(), time.Hour)
	} else {
		_, err = a.Import(context.Background(), events(7))
	}
	return err
}

// killed runs a source in its own process and kills it (SIGKILL) during its nth submission: before
// the submission reaches the ledger, or after, so that the answer is lost. It reports whether there
// was an nth submission.
func (w *world) killed(n int32, after, heartbeat bool) bool {
	w.Helper()
	return w.killedAt(func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == "/v1/entries" }, n, after, heartbeat)
}

// killedAt is killed at the nth request that counts.
func (w *world) killedAt(counts func(*http.Request) bool, n int32, after, heartbeat bool) bool {
	w.Helper()
	private, err := w.config.Signer.MarshalPrivate()
	if err != nil {
		w.Fatal(err)
	}
	return w.killedAs(child{Key: private, Heartbeat: heartbeat}, counts, n, after)
}

// killedAs is killedAt for what the child does.
func (w *world) killedAs(c child, counts func(*http.Request) bool, n int32, after bool) bool {
	w.Helper()
	c.URL, c.LogKey, c.Outbox = w.URL, w.LogKey, w.config.Outbox
	if w.config.Policy != nil {
		c.Policy = w.policyText
	}
	text, err := json.Marshal(c)
	if err != nil {
		w.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	var count atomic.Int32
	started := make(chan struct{})
	w.Through(func(ledger http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !counts(r) || count.Add(1) != n {
				ledger.ServeHTTP(rw, r)
				return
			}
			if after {
				ledger.ServeHTTP(httptest.NewRecorder(), r)
			}
			<-started
			cmd.Process.Kill() //nolint:errcheck // Wait tells
			panic(http.ErrAbortHandler)
		})
	})
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	close(started)
	err = cmd.Wait()
	w.Through(nil)
	if count.Load() < n && err != nil {
		w.Fatalf("the source failed: %v\n%s", err, &stderr)
	}
	if count.Load() >= n && err == nil {
		w.Fatal("the source was not killed")
	}
	return count.Load() >= n
}

// SIGKILL at any submission loses nothing and duplicates nothing.
func TestImportIsKilled(t *testing.T) {
	testneeds.Time(t, "processes that are killed")
	for _, after := range []bool{false, true} {
		killed := int32(0)
		for n := int32(1); ; n++ {
			w := newWorld(t)
			if !w.killed(n, after, false) {
				break
			}
			killed = n
			sum := w.imports(events(7))
			if sum.Known+sum.Logged < 7 || sum.Refused+sum.Unreadable > 0 {
				t.Errorf("killed at submission %d, after %v: %+v", n, after, sum)
			}
			w.logged(7)
			if sum := w.imports(events(7)); sum.Known != 7 || sum.Logged != 0 {
				t.Errorf("then: %+v", sum)
			}
		}
		if killed != 3 {
			t.Errorf("killed at up to %d submissions, want 3 of 7 events in batches of 3", killed)
		}
	}
}

// A day has one heartbeat, wherever the source is killed.
func TestHeartbeats(t *testing.T) {
	for _, after := range []bool{false, true} {
		w := newWorld(t)
		w.config.Now = func() time.Time { return time.Now().AddDate(0, 0, -3) }
		w.imports(events(5))
		w.config.Now = nil
		if !w.killed(2, after, true) {
			t.Fatal("no second heartbeat")
		}
		list, err := w.open().Heartbeats(t.Context(), time.Hour)
		if err != nil || len(list) != 2 {
			t.Fatalf("%d heartbeats: %v", len(list), err)
		}
		for _, h := range list {
			if h.First != 6 || h.Last != 5 || h.Count != 0 || h.Gaps || h.Index >= w.Size() || h.NumbersIndex != h.Index+1 {
				t.Errorf("%+v", h)
			}
		}
		w.logged(5 + 3*2)
		if list, err := w.open().Heartbeats(t.Context(), time.Hour); err != nil || len(list) > 0 {
			t.Errorf("again: %v, %v", list, err)
		}
	}
}

// SIGKILL while entries are signed anew, or while one is set aside, loses nothing and duplicates
// nothing: the same command again goes on.
func TestRetryAndDropAreKilled(t *testing.T) {
	testneeds.Time(t, "processes that are killed")
	entries := func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == "/v1/entries" }
	for name, do := range map[string]child{"retry": {Retry: true}, "drop": {Drop: 2}} {
		for _, after := range []bool{false, true} {
			killed := int32(0)
			for n := int32(1); ; n++ {
				w := newWorld(t)
				good := w.config.Signer
				var err error
				if do.Key, err = good.MarshalPrivate(); err != nil {
					t.Fatal(err)
				}
				w.config.Signer = newKey(t)
				if _, err := w.open().Import(t.Context(), events(4)); err == nil {
					t.Fatal("nothing was refused")
				}
				w.config.Signer = good
				if do.Drop > 0 { // the others are good, so that the child ends well
					w.reSign(1, 3, 4)
				}
				if !w.killedAs(do, entries, n, after) {
					break
				}
				killed = n
				if do.Drop > 0 {
					var none *source.NumberError // it was set aside before the end came
					if _, err := w.open().SetAside(t.Context(), 2); err != nil && !errors.As(err, &none) {
						t.Error(err)
					}
				}
				if r, err := w.open().Retry(t.Context()); err != nil || r.Outbox != 0 {
					t.Errorf("%s, killed at submission %d, after %v: %+v, %v", name, n, after, r, err)
				}
				w.logged(4)
				w.noGaps(4)
				if c := w.list(); c.Waiting != 0 || c.SetAside != int(min(do.Drop, 1)) {
					t.Errorf("%s: %+v", name, c)
				}
			}
			if killed < 2 {
				t.Errorf("%s was killed at up to %d submissions", name, killed)
			}
		}
	}
}

// reSign signs entries that wait with the world's key, and sends nothing.
func (w *world) reSign(numbers ...uint64) {
	w.Helper()
	client := *w.config.Client
	w.config.Client.Base, w.config.Client.MaxWait = "http://127.0.0.1:1", time.Nanosecond
	if _, err := w.open().Retry(w.Context(), numbers...); !source.Away(err) {
		w.Error(err)
	}
	*w.config.Client = client
}
