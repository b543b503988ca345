package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"igledger/internal/testlog"
	"igledger/verifier"
)

// TestInterruptedReplayGoesOn interrupts a replay in its middle; the state then written, and the
// one written on the way, both lead to the same end.
func TestInterruptedReplayGoesOn(t *testing.T) {
	s := testlog.NewSample("ledger.test/2026")
	s.AddRandom(80_000 - int(s.Size()))
	files := s.Files()
	state := filepath.Join(t.TempDir(), "state")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var onTheWay []byte
	good := testlog.Handler("", files)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/entries/290") && onTheWay == nil { // 256 bundles have been replayed: no more than ahead are in between
			onTheWay, _ = os.ReadFile(state)
			cancel()
		}
		good.ServeHTTP(w, r)
	}))
	defer srv.Close()
	args := []string{"log", "--log-key", s.Key, "--from", srv.URL, "--state", state}
	var out, errOut bytes.Buffer
	if code := run(ctx, args, nil, &out, &errOut); code != exitUnreadable || !strings.Contains(errOut.String(), "run the same command to continue") {
		t.Fatalf("interrupted: exit code %d\n%s%s", code, &out, &errOut)
	}
	last, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"at the interruption": last, "on the way": onTheWay} {
		replay, _, err := verifier.ParseState(data, s.Key)
		if err != nil || replay.Size() < 65_536 || replay.Size() >= s.Size() {
			t.Fatalf("%s: state at %d: %v", name, replay.Size(), err)
		}
		os.WriteFile(state, data, 0o644)
		code, stdout, stderr := igverify("", args...)
		if code != 0 || !strings.Contains(stdout, fmt.Sprintf("entries %d to 79999 were read", replay.Size())) {
			t.Errorf("%s: exit code %d\n%s%s", name, code, stdout, stderr)
		}
	}
}

// BenchmarkLog is igverify log over HTTP from the same machine, tiles and all.
func BenchmarkLog(b *testing.B) {
	s := testlog.NewSample("ledger.test/2026")
	s.AddRandom(200_000 - int(s.Size()))
	srv := httptest.NewServer(testlog.Handler("", s.Files()))
	defer srv.Close()
	b.ResetTimer()
	for b.Loop() {
		if code, out, errOut := igverify("", "log", "--log-key", s.Key, "--from", srv.URL); code != 0 {
			b.Fatalf("exit code %d\n%s%s", code, out, errOut)
		}
	}
	b.ReportMetric(float64(b.N)*200_000/b.Elapsed().Seconds(), "entries/s")
}
