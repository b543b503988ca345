package auditd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"igledger/internal/client"
	"igledger/internal/testledger"
	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
	"igledger/verifier"
	"igledger/verifier/auditor"
)

// live is a real ledger with accesses and an index root that covers them, and an auditor of it.
type live struct {
	*testledger.Ledger
	testing.TB
	config Config
}

func newLive(t testing.TB) *live {
	t.Helper()
	one := testlog.NewCosigner("audit.test/one")
	l := &live{Ledger: testledger.New(t, one), TB: t}
	key := l.Enrol("AUD", []entry.Role{entry.RoleAuditor}, entry.PurposeAudit)
	source := l.Enrol("SRC", []entry.Role{entry.RoleController, entry.RoleSource}, entry.PurposeSubmit)
	for i := range uint64(5) {
		seq := i + 1
		l.Append(source, &entry.Access{Common: entry.Common{Issuer: "SRC", Audience: testledger.Origin}, Source: "ehr",
			Action: "R", Outcome: "0", Purpose: []string{"TREAT"}, Data: []string{"http://hl7.org/fhir/resource-types|Observation"},
			Recorded: "2026-11-01T10:00:00Z", Sub: fmt.Sprintf("temp:SRC:%d", i%2), Seq: &seq})
	}
	if err := l.Index.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.config = Config{URL: l.URL, LogKey: l.LogKey, Org: "AUD", Caller: key, Purpose: []string{"HCOMPL"},
		State: filepath.Join(t.TempDir(), "state"), Cosigner: one.Signer(), Openings: 2, Verdicts: true}
	return l
}

// round is one round of a daemon as a new process would run it.
func (l *live) round() *Report {
	l.Helper()
	d, err := New(l.config)
	if err != nil {
		l.Fatal(err)
	}
	rep, err := d.Round(l.Context())
	if err != nil {
		l.Fatal(err)
	}
	if err := d.Keep(); err != nil {
		l.Fatal(err)
	}
	return rep
}

// What a real ledger serves is read, recomputed and cosigned; and a root that its operator made up
// convicts it.
func TestLiveLedger(t *testing.T) {
	l := newLive(t)
	rep := l.round()
	if rep.Ending != Cosigned || len(rep.Failures) > 0 || rep.Offered == nil || rep.Offered.Size < 6 {
		t.Fatalf("%s: %s", rep.Ending, saidOf(rep))
	}
	api := &client.Client{Base: l.URL}
	info, err := api.LogInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	log, err := verifier.LogKey(l.LogKey)
	if err != nil {
		t.Fatal(err)
	}
	if head, err := verifier.OpenCheckpoint([]byte(info.Witnessed), log); err != nil || head.Size != rep.Offered.Size {
		t.Errorf("the ledger serves a cosignature of size %d, want %d: %v", head.Size, rep.Offered.Size, err)
	}

	before, err := os.ReadFile(filepath.Join(l.config.State, "cosigned"))
	if err != nil {
		t.Fatal(err)
	}
	invented := &entry.IndexRoot{Common: entry.Common{Issuer: "OPR", Audience: testledger.Origin}, Size: l.Size(), Root: wire.Hash{9}}
	at := l.AppendAsOperator(invented)
	rep = l.round()
	if rep.Ending != Convicted || len(rep.Failures) == 0 || rep.Failures[0].Check != verifier.CheckIndexRoot || *rep.Failures[0].Index != at {
		t.Fatalf("%s: %s", rep.Ending, saidOf(rep))
	}
	files, err := filepath.Glob(filepath.Join(l.config.State, "evidence", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("evidence %v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if rep := auditor.CheckEvidence(data, l.LogKey); !sound(rep) {
		t.Errorf("the evidence does not hold: %v", rep.Err())
	}
	if after, err := os.ReadFile(filepath.Join(l.config.State, "cosigned")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("cosigned after all: %v", err)
	}
	d, err := New(l.config)
	if err != nil {
		t.Fatal(err)
	}
	if alarm, err := d.Alarm(); err != nil || alarm == nil || alarm.Ending != Convicted || *alarm.Failures[0].Index != at {
		t.Errorf("a later process: %+v, %v", alarm, err)
	}
}

// The environment by which this test binary is a daemon to be killed: the varying part of its
// Config as JSON.
const childEnv = "IGLEDGER_TEST_AUDITD"

type child struct {
	URL, LogKey, State string
	Caller, Cosigner   []byte
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
	err := json.Unmarshal([]byte(text), &c)
	if err != nil {
		return err
	}
	caller, err := wire.ParseSigner(c.Caller)
	if err != nil {
		return err
	}
	who, err := cosign.ParseSigner(c.Cosigner)
	if err != nil {
		return err
	}
	d, err := New(Config{URL: c.URL, LogKey: c.LogKey, Org: "AUD", Caller: caller, Purpose: []string{"HCOMPL"}, State: c.State,
		Cosigner: who, Openings: 2, Verdicts: true})
	if err != nil {
		return err
	}
	if _, err := d.Round(context.Background()); err != nil {
		return err
	}
	return d.Keep()
}

// killed runs a round in a process of its own, which is killed (SIGKILL) at its nth request. It
// reports whether there was one.
func (l *live) killed(n int32) bool {
	l.Helper()
	private, err := l.config.Caller.MarshalPrivate()
	if err != nil {
		l.Fatal(err)
	}
	text, err := json.Marshal(child{l.URL, l.LogKey, l.config.State, private, l.config.Cosigner.Private()})
	if err != nil {
		l.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	var count atomic.Int32
	started := make(chan struct{})
	l.Through(func(ledger http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if count.Add(1) == n {
				<-started
				cmd.Process.Kill() //nolint:errcheck // Wait tells
			}
			ledger.ServeHTTP(w, r)
		})
	})
	if err := cmd.Start(); err != nil {
		l.Fatal(err)
	}
	close(started)
	err = cmd.Wait()
	l.Through(nil)
	if count.Load() < n && err != nil {
		l.Fatalf("the daemon failed: %v\n%s", err, &stderr)
	}
	return count.Load() >= n
}

// kill -9 at any request of two rounds: a later process goes on, accuses no one, and never went
// back behind what was seen.
func TestKilled(t *testing.T) {
	l := newLive(t)
	kills := 0
	for range 2 { // from nothing, and from a state
		for n := int32(1); l.killed(n); n++ {
			kills++
			d, err := New(l.config)
			if err != nil {
				t.Fatalf("killed at request %d: %v", n, err)
			}
			if alarm, err := d.Alarm(); alarm != nil || err != nil {
				t.Fatalf("killed at request %d: an alarm, %v", n, err)
			}
		}
		seen := l.seen()
		rep := l.round()
		if rep.Ending != Cosigned || len(rep.Failures) > 0 || rep.Offered.Size < seen {
			t.Errorf("%s of %d after %d was seen: %s", rep.Ending, rep.Offered.Size, seen, saidOf(rep))
		}
	}
	if kills < 10 {
		t.Errorf("killed %d times only", kills)
	}
}

// seen is the size of the largest checkpoint that a daemon kept.
func (l *live) seen() uint64 {
	l.Helper()
	d, err := New(l.config)
	if err != nil {
		l.Fatal(err)
	}
	return d.seen.Size
}
