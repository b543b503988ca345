package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"igledger/ledger/witness"
)

// litewitnessModule is the witness these tests build: a program by others that shares no code with us.
const litewitnessModule = "module witness\n\ngo 1.26.0\n\nrequire filippo.io/torchwood v0.9.0\n"

// buildLitewitness builds it in a module of its own, so that its dependencies are not ours. Without the module the test is skipped, or with
// IGLEDGER_REQUIRE_ALL=1 fails.
func buildLitewitness(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(litewitnessModule), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "litewitness")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, "filippo.io/torchwood/cmd/litewitness")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		if os.Getenv("IGLEDGER_REQUIRE_ALL") == "1" {
			t.Fatalf("no litewitness, and IGLEDGER_REQUIRE_ALL=1: %v\n%s", err, out)
		}
		t.Skipf("no litewitness: %v", err)
	}
	return program
}

// litewitness is one such witness. Its requests go through a proxy of the test's, which sees them and outlives it.
type litewitness struct {
	t                         *testing.T
	program, name, dir, print string
	key                       ed25519.PrivateKey
	proxy                     *httptest.Server
	cmd                       *exec.Cmd
	ended                     chan struct{}

	mu       sync.Mutex
	target   *url.URL
	statuses []int
}

func newLitewitness(t *testing.T, program, name, logKey string) *litewitness {
	t.Helper()
	dir, err := os.MkdirTemp("", "igl") // not t.TempDir: the path of a socket may have 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	seed := sha256.Sum256([]byte(name))
	w := &litewitness{t: t, program: program, name: name, dir: dir, key: ed25519.NewKeyFromSeed(seed[:])}
	w.serveAgent()
	w.database("CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL)")
	w.database("CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin))")
	empty := sha256.Sum256(nil)
	w.database("INSERT INTO log VALUES (?, 0, ?)", origin, base64.StdEncoding.EncodeToString(empty[:]))
	w.database("INSERT INTO key VALUES (?, ?)", origin, logKey)
	w.proxy = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			w.mu.Lock()
			defer w.mu.Unlock()
			r.SetURL(w.target)
		},
		ErrorLog: log.New(io.Discard, "", 0), // it is expected to find nobody at times
		ModifyResponse: func(r *http.Response) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.statuses = append(w.statuses, r.StatusCode)
			return nil
		},
	})
	t.Cleanup(w.proxy.Close)
	return w
}

// serveAgent holds the witness's key as an ssh-agent would.
func (w *litewitness) serveAgent() {
	keys := agent.NewKeyring()
	if err := keys.Add(agent.AddedKey{PrivateKey: &w.key}); err != nil {
		w.t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(w.key.Public())
	if err != nil {
		w.t.Fatal(err)
	}
	w.print = ssh.FingerprintSHA256(public)
	l, err := net.Listen("unix", filepath.Join(w.dir, "agent"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(keys, c); c.Close() }()
		}
	}()
}

// database works on the witness's memory; it must not be running.
func (w *litewitness) database(query string, args ...any) {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "db"))
	if err == nil {
		_, err = db.Exec(query, args...)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *litewitness) start() {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close() // it cannot be given an open socket; until it listens itself, requests fail and are sent again
	w.mu.Lock()
	w.target = &url.URL{Scheme: "http", Host: address}
	w.mu.Unlock()
	var out bytes.Buffer
	w.cmd = exec.Command(w.program, "-name", w.name, "-db", filepath.Join(w.dir, "db"), "-ssh-agent", filepath.Join(w.dir, "agent"), "-key", w.print, "-listen", address)
	w.cmd.Stderr = &out
	if err := w.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	cmd, ended := w.cmd, make(chan struct{})
	w.ended = ended
	go func() {
		defer close(ended)
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() > 0 {
			w.t.Errorf("litewitness %s ended by itself: %v\n%s", w.name, err, out.String())
		}
	}()
	w.t.Cleanup(w.kill)
}

// kill ends it without warning.
func (w *litewitness) kill() {
	_ = w.cmd.Process.Kill()
	<-w.ended
}

func (w *litewitness) witness() witness.Witness {
	return witness.Witness{Name: w.name, VKey: cosignerKey(w.name, w.key.Public().(ed25519.PublicKey)), URL: w.proxy.URL}
}

// answered gives the statuses since it was last asked.
func (w *litewitness) answered() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.statuses
	w.statuses = nil
	return s
}

// cosignerKey writes a verifier key of C2SP tlog-cosignature.
func cosignerKey(name string, key ed25519.PublicKey) string {
	raw := append([]byte{4}, key...)
	id := sha256.Sum256(append([]byte(name+"\n"), raw...))
	return fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(raw))
}
