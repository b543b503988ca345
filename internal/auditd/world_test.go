package auditd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"igledger/internal/testlog"
	"igledger/internal/testserver"
	"igledger/verifier"
)

// world serves a test log to an auditor.
type world struct {
	*testserver.Server
	testing.TB
	config Config
}

func newWorld(t testing.TB, l *testlog.Log) *world {
	t.Helper()
	auditor := testlog.NewCosigner("audit.test/one")
	w := &world{TB: t, Server: testserver.New(t, l, auditor.VKey())}
	w.config = Config{URL: w.URL, LogKey: l.Key, Org: "AUD", Caller: testlog.Signer("EdDSA"), Purpose: []string{"HCOMPL"},
		State: filepath.Join(t.TempDir(), "state"), Cosigner: auditor.Signer(), Interval: time.Millisecond}
	return w
}

// daemon is what a new process would run, which waits for nothing.
func (w *world) daemon(change ...func(*Config)) (*Daemon, error) {
	c := w.config
	for _, f := range change {
		f(&c)
	}
	d, err := New(c)
	if err == nil {
		d.wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	return d, err
}

func (w *world) newDaemon(change ...func(*Config)) *Daemon {
	w.Helper()
	d, err := w.daemon(change...)
	if err != nil {
		w.Fatal(err)
	}
	return d
}

// outcome is what a process that makes one round comes to.
type outcome string

const (
	good        outcome = "good"
	wrong       outcome = "wrong" // a check failed
	unreadable  outcome = "unreadable"
	undelivered outcome = "undelivered" // all is right, and the log did not take the cosignature
)

// once is one process that makes one round. It returns all that was said.
func (w *world) once(want outcome, change ...func(*Config)) string {
	w.Helper()
	got, said := w.process(change)
	if got != want {
		w.Fatalf("%s, want %s\n%s", got, want, said)
	}
	return said
}

func (w *world) process(change []func(*Config)) (outcome, string) {
	d, err := w.daemon(change...)
	if err != nil {
		return unreadable, err.Error()
	}
	rep, err := d.Round(w.Context())
	if keepErr := d.Keep(); err == nil {
		err = keepErr
	}
	said, got := saidOf(rep), good
	if rep.Ending == Undelivered {
		said, got = said+"undelivered: "+rep.Undelivered.Error(), undelivered
	}
	if err != nil {
		said += "error: " + err.Error()
		got = unreadable
	}
	if len(rep.Failures) > 0 {
		got = wrong
	}
	return got, said
}

// said is a report as text.
func saidOf(rep *Report) string {
	var b strings.Builder
	for _, r := range rep.Results {
		if r.Status != verifier.Failed {
			fmt.Fprintf(&b, "%s %s: %s\n", r.Status, r.Check, r.Note)
		}
	}
	for _, f := range rep.Failures {
		fmt.Fprintf(&b, "FAILED %s\n", f)
	}
	for _, n := range rep.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return b.String()
}

func (w *world) path(name string) string { return filepath.Join(w.config.State, name) }

func (w *world) evidence() []string {
	w.Helper()
	list, err := filepath.Glob(w.path("evidence/*"))
	if err != nil {
		w.Fatal(err)
	}
	return list
}

func (w *world) has(name string) bool {
	_, err := os.Stat(w.path(name))
	return err == nil
}

func (w *world) read(path string) []byte {
	w.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		w.Fatal(err)
	}
	return data
}

func (w *world) write(path string, data []byte) {
	w.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		w.Fatal(err)
	}
}

// noID fails if any of these ids, or the number in it, is in text.
func (w *world) noID(what string, ids []string, text string) {
	w.Helper()
	for _, id := range ids {
		_, number, _ := strings.Cut(id, ":")
		if strings.Contains(text, number) {
			w.Errorf("%s names a person", what)
		}
	}
}

func withVerdicts(c *Config) { c.Verdicts = true }

// sound reports whether a file of evidence either convicts on its own, or accuses the operator of
// what a replay of the log shows: it is not damaged, and is about this log.
func sound(rep verifier.Report) bool {
	for _, f := range rep.Failures {
		switch f.Check {
		case verifier.CheckEvidenceForm, verifier.CheckInclusion, verifier.CheckCheckpointSignature:
			return false
		}
	}
	return len(rep.Results) > 0
}
