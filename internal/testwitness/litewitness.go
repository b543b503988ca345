// Package testwitness runs litewitness, a C2SP witness by other authors (filippo.io/torchwood), for
// tests. It is the real program in its own process, built in its own module, so that its
// dependencies are not ours.
package testwitness

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

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"igledger/internal/testneeds"
	"igledger/ledger/proof/cosign"
)

// litewitnessModule is the module of the witness that these tests build. The program shares no code
// with this repository.
const litewitnessModule = "module witness\n\ngo 1.26.0\n\nrequire filippo.io/torchwood v0.9.0\n"

// T has the methods of *testing.T that are needed here. A test script can provide them too.
type T interface {
	testneeds.T
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

// Build builds the program into dir and returns its path. If the module is not available, it skips
// the test, or with IGLEDGER_REQUIRE_ALL=1 fails it.
func Build(t T, dir string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(litewitnessModule), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "litewitness")
	cmd := exec.Command("go", "build", "-o", program, "filippo.io/torchwood/cmd/litewitness")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		testneeds.It(t, "litewitness", fmt.Errorf("%w\n%s", err, out))
	}
	return program
}

// Witness is a running or stopped litewitness. Its requests go through a proxy in the test, which
// sees them and outlives it.
type Witness struct {
	Name string

	t                   T
	program, dir, print string
	key                 ed25519.PrivateKey
	proxy               *httptest.Server
	cmd                 *exec.Cmd
	ended               chan struct{}

	mu       sync.Mutex
	target   *url.URL
	statuses []int
}

// New returns a witness that knows one log and is not running yet. Its key is derived from its
// name.
func New(t T, program, name, origin, logKey string) *Witness {
	t.Helper()
	dir, err := os.MkdirTemp("", "igl") // not t.TempDir: the path of a socket may have 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	seed := sha256.Sum256([]byte(name))
	w := &Witness{t: t, program: program, Name: name, dir: dir, key: ed25519.NewKeyFromSeed(seed[:])}
	w.serveAgent()
	w.Database("CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL)")
	w.Database("CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin))")
	empty := sha256.Sum256(nil)
	w.Database("INSERT INTO log VALUES (?, 0, ?)", origin, base64.StdEncoding.EncodeToString(empty[:]))
	w.Database("INSERT INTO key VALUES (?, ?)", origin, logKey)
	w.proxy = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			w.mu.Lock()
			defer w.mu.Unlock()
			r.SetURL(w.target)
		},
		ErrorLog: log.New(io.Discard, "", 0), // at times the witness is not running, which is expected
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
func (w *Witness) serveAgent() {
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

// Database changes the witness's database. The witness must not be running.
func (w *Witness) Database(query string, args ...any) {
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

// Start starts the witness.
func (w *Witness) Start() {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close() // the witness cannot inherit a socket; until it listens, requests fail and are sent again
	w.mu.Lock()
	w.target = &url.URL{Scheme: "http", Host: address}
	w.mu.Unlock()
	var out bytes.Buffer
	w.cmd = exec.Command(w.program, "-name", w.Name, "-db", filepath.Join(w.dir, "db"), "-ssh-agent", filepath.Join(w.dir, "agent"), "-key", w.print, "-listen", address)
	w.cmd.Stderr = &out
	if err := w.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	cmd, ended := w.cmd, make(chan struct{})
	w.ended = ended
	go func() {
		defer close(ended)
		err := cmd.Wait()
		if cmd.ProcessState.ExitCode() > 0 {
			w.t.Errorf("litewitness %s ended by itself: %v\n%s", w.Name, err, out.String())
		}
	}()
	w.t.Cleanup(w.Kill)
}

// Kill ends the witness without warning.
func (w *Witness) Kill() {
	_ = w.cmd.Process.Kill()
	<-w.ended
}

// Cosigner returns the witness as a cosigner of a policy.
func (w *Witness) Cosigner() *cosign.Cosigner {
	w.t.Helper()
	c, err := cosign.New(w.Name, cosign.Key(cosign.Ed25519, w.Name, w.key.Public().(ed25519.PublicKey)))
	if err != nil {
		w.t.Fatal(err)
	}
	c.URL = w.proxy.URL
	return c
}

// Answered returns the statuses of its answers since the last call.
func (w *Witness) Answered() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.statuses
	w.statuses = nil
	return s
}
