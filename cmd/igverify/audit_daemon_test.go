package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"igledger/internal/testlines"
	"igledger/ledger/wire"
)

// The daemon rides out an outage, goes on with the log as it grows, tells by /metrics how it is,
// and ends with exit code 1 on what convicts.
func TestAuditDaemon(t *testing.T) {
	l := rooted()
	s := newLedgerServer(t, l.Log)
	s.Change(func() { s.Refuse["/v1/log"] = 500 })
	var out, errOut testlines.Buffer
	done := make(chan int, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { done <- run(ctx, s.args("--listen", "127.0.0.1:0"), strings.NewReader(""), &out, &errOut) }()
	until := func(what string, ok func() bool) {
		t.Helper()
		for !ok() {
			select {
			case code := <-done:
				t.Fatalf("%s: the daemon ended with %d\n%s%s", what, code, out.String(), errOut.String())
			default:
			}
		}
	}
	until("not reached", func() bool { return strings.Contains(out.String(), "not reached") })
	s.Change(func() { clear(s.Refuse) })
	if head := <-s.Posted; head.Size != l.Size() {
		t.Errorf("cosigned %d, want %d", head.Size, l.Size())
	}
	for range 3 {
		s.Change(func() {
			l.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[0])
			l.AddIndexRoot()
			s.Grow(l.Log, l.Size(), l.Size())
		})
		if head := <-s.Posted; head.Size != l.Size() {
			t.Errorf("cosigned %d, want %d", head.Size, l.Size())
		}
	}
	address := regexp.MustCompile(`http://\S+/metrics`).FindString(errOut.String())
	var metrics string
	// A round is counted after its cosignature was sent, so the count is what to wait for.
	until("metrics", func() bool {
		resp, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		metrics = string(b)
		return strings.Contains(metrics, `igverify_audit_rounds_total{result="cosigned"} 4`)
	})
	for _, want := range []string{"# TYPE igverify_audit_alarm gauge\nigverify_audit_alarm 0\n", "igverify_audit_size 18\n", "igverify_audit_index_lag 1\n", "igverify_audit_index_lag_allowed 20\n",
		"igverify_audit_cosigned_size 18\n", `igverify_audit_rounds_total{result="unreadable"} `, "igverify_audit_index_roots 4\n"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %q:\n%s", want, metrics)
		}
	}
	s.Change(func() {
		l.AddIndexRootOf(l.Size(), wire.Hash{9}, l.Operator)
		s.Grow(l.Log, l.Size(), l.Size())
	})
	if code := <-done; code != exitFailed || !strings.Contains(out.String(), "FAILED   index-root") {
		t.Errorf("ended with %d\n%s%s", code, out.String(), errOut.String())
	}
}

// A daemon that is told to stop keeps what it has, and its exit code says that nothing was wrong.
func TestAuditDaemonStops(t *testing.T) {
	s := newLedgerServer(t, rooted().Log)
	ctx, cancel := context.WithCancel(t.Context())
	var out testlines.Buffer
	done := make(chan int, 1)
	go func() { done <- run(ctx, s.args("--json"), strings.NewReader(""), &out, io.Discard) }()
	<-s.Posted
	cancel()
	if code := <-done; code != exitGood || !s.has("state") {
		t.Errorf("ended with %d\n%s", code, out.String())
	}
	for dec := json.NewDecoder(strings.NewReader(out.String())); ; {
		var v map[string]any
		if err := dec.Decode(&v); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("not JSON: %v\n%s", err, out.String())
		}
	}
}

// A daemon that is told to stop while it cannot reach the log does not say that it has verified it.
func TestAuditDaemonStopsUnreached(t *testing.T) {
	s := newLedgerServer(t, rooted().Log)
	s.Change(func() { s.Refuse["/v1/log"] = 500 })
	ctx, cancel := context.WithCancel(t.Context())
	out := &firstLine{written: make(chan struct{})}
	done := make(chan int, 1)
	go func() { done <- run(ctx, s.args(), strings.NewReader(""), out, io.Discard) }()
	<-out.written
	cancel()
	if code := <-done; code != exitPartial || !strings.Contains(out.String(), "partial: the last round found: not reached") {
		t.Errorf("ended with %d\n%s", code, out.String())
	}
}

// firstLine tells when something is written.
type firstLine struct {
	testlines.Buffer
	once    sync.Once
	written chan struct{}
}

func (f *firstLine) Write(p []byte) (int, error) {
	defer f.once.Do(func() { close(f.written) })
	return f.Buffer.Write(p)
}
