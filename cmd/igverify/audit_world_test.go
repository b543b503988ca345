package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/testlog"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// ledgerServer speaks the parts of the API that an auditor uses, for a test log: honestly, unless a test says otherwise.
type ledgerServer struct {
	testing.TB
	*httptest.Server
	dir      string // of the auditor: keys and state
	vkey     string // of the auditor's cosigner
	posted   chan proof.Checkpoint
	mu       sync.Mutex
	log      *testlog.Log
	files    map[string][]byte
	size     uint64 // of the checkpoint offered
	feed     func(at uint64, rec proof.FeedRecord) proof.FeedRecord
	refuse   map[string]int // status by path prefix
	asked    []string       // paths of the API, in order
	openings []uint64
	bulked   []uint64 // where pages of openings began
}

func newLedgerServer(t testing.TB, l *testlog.Log) *ledgerServer {
	t.Helper()
	s := &ledgerServer{TB: t, dir: t.TempDir(), posted: make(chan proof.Checkpoint, 1000), refuse: map[string]int{}}
	s.show(l, l.Size())
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	caller, err := testlog.Signer(wire.EdDSA).MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	testlog.WriteFiles(s.dir, map[string][]byte{"caller.jwk": caller})
	code, out, errOut := igverify("", "keygen", "--name", "audit.test/one", filepath.Join(s.dir, "audit.key"))
	if code != 0 {
		t.Fatalf("keygen: %d %s", code, errOut)
	}
	s.vkey = strings.TrimSpace(out)
	return s
}

// show makes the server show this log at this size from now on.
func (s *ledgerServer) show(l *testlog.Log, size uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.size, s.files = l, size, l.FilesAt(size)
}

// change changes what the server does.
func (s *ledgerServer) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *ledgerServer) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for prefix, status := range s.refuse {
		if strings.HasPrefix(r.URL.Path, prefix) {
			w.WriteHeader(status)
			return
		}
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if strings.HasPrefix(path, "v1/") {
		s.asked = append(s.asked, path)
	}
	number := func(prefix string) (uint64, bool) {
		n, ok := strings.CutPrefix(path, prefix)
		i, err := strconv.ParseUint(n, 10, 64)
		return i, ok && err == nil && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	if at, ok := number("v1/feed/"); ok {
		for i := at; i < min(s.log.Size(), at+proof.MaxFeedRecords); i++ {
			var rec proof.FeedRecord
			if o := s.log.Openings[i]; o != nil {
				rec = proof.FeedRecord{TagSalt: o.TagSalt, Tag: o.Tag}
			}
			if s.feed != nil {
				rec = s.feed(i, rec)
			}
			w.Write(rec.Append(nil))
		}
		return
	}
	if path == "v1/openings" && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		s.bulk(w, r.URL.Query().Get("from"))
		return
	}
	if at, ok := number("v1/openings/"); ok && s.log.Openings[at] != nil {
		s.openings = append(s.openings, at)
		json.NewEncoder(w).Encode(s.log.Openings[at])
		return
	}
	switch path {
	case "v1/log":
		json.NewEncoder(w).Encode(client.LogInfo{Origin: s.log.Origin, LogKey: s.log.Key, Size: s.size, Anchor: string(s.files["checkpoint"])})
	case "v1/cosignatures":
		s.cosigned(w, r)
	default:
		data, ok := s.files[path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(data)
	}
}

// bulk serves a few openings as JSON lines, without VRF proofs, and null for public leaves.
func (s *ledgerServer) bulk(w io.Writer, from string) {
	at, err := strconv.ParseUint(from, 10, 64)
	if err != nil {
		s.Error(err)
	}
	s.bulked = append(s.bulked, at)
	for i := at; i < min(s.log.Size(), at+7); i++ {
		o := s.log.Openings[i]
		if o != nil {
			bare := *o
			bare.VRFProof, o = nil, &bare
		}
		w.Write(append(testlog.JSON(o), '\n'))
	}
}

func (s *ledgerServer) cosigned(w http.ResponseWriter, r *http.Request) {
	note, _ := io.ReadAll(r.Body)
	log, err := verifier.LogKey(s.log.Key)
	if err != nil {
		s.Error(err)
	}
	head, err := proof.OpenCheckpoint(note, log)
	if err != nil {
		s.Errorf("a cosignature on %v", err)
	}
	who, err := cosign.New("one", s.vkey)
	if err != nil {
		s.Error(err)
	}
	if good, bad := cosign.Read(note, head, []*cosign.Cosigner{who}); len(good) != 1 || len(bad) != 0 {
		s.Errorf("%d good cosignatures, %d bad ones, want one", len(good), len(bad))
	}
	s.posted <- head
	json.NewEncoder(w).Encode(client.Cosigners{Cosigners: []string{"one"}})
}

// cosignedSizes gives, and forgets, what was cosigned.
func (s *ledgerServer) cosignedSizes() (sizes []uint64) {
	for {
		select {
		case head := <-s.posted:
			sizes = append(sizes, head.Size)
		default:
			return sizes
		}
	}
}

func (s *ledgerServer) args(more ...string) []string {
	in := func(name string) string { return filepath.Join(s.dir, name) }
	return append([]string{"audit", s.URL, "--log-key", s.log.Key, "--org", "AUD", "--caller-key", in("caller.jwk"), "--key", in("audit.key"), "--state", in("state"), "--interval", "1ms"}, more...)
}

// once runs one round and checks its exit code.
func (s *ledgerServer) once(want int, more ...string) (stdout, stderr string) {
	s.Helper()
	code, stdout, stderr := igverify("", s.args(append(more, "--once")...)...)
	if code != want {
		s.Fatalf("exit code %d, want %d\n%s%s", code, want, stdout, stderr)
	}
	return stdout, stderr
}

func (s *ledgerServer) evidence() []string {
	s.Helper()
	list, err := filepath.Glob(filepath.Join(s.dir, "state", "evidence", "*"))
	if err != nil {
		s.Fatal(err)
	}
	return list
}

func (s *ledgerServer) has(name string) bool {
	_, err := os.Stat(filepath.Join(s.dir, "state", name))
	return err == nil
}

// newAudit is an audit of the server without the command around it, that waits for nothing.
func newAudit(t testing.TB, s *ledgerServer) *audit {
	t.Helper()
	var a *audit
	spec := auditCommand
	spec.check = func(sess *session) error {
		a = &audit{session: sess, now: time.Now, metrics: &auditMetrics{values: map[string]float64{}}, interval: time.Millisecond,
			wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
		return a.begin()
	}
	app := &cli.App{Commands: []*cli.Command{spec.cli(func(int) {})}, Writer: io.Discard, ErrWriter: io.Discard}
	if err := app.RunContext(t.Context(), append([]string{"igverify"}, flagsFirst(app, s.args())...)); err != nil || a == nil || a.src == nil {
		t.Fatalf("beginning an audit: %v", err)
	}
	return a
}
