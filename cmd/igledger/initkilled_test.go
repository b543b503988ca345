package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"igledger/consent"
	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
)

// killing is a proxy in front of PostgreSQL that lets a number of messages to the database pass and
// then kills the process that sends them (SIGKILL): each of its steps is one.
type killing struct {
	net.Listener
	socket string

	mu      sync.Mutex
	left    int // messages until it kills; < 0: never
	process *exec.Cmd
	killed  bool
}

func newKilling(t *testing.T, socket string) *killing {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &killing{Listener: l, socket: socket}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go k.pass(c)
		}
	}()
	return k
}

func (k *killing) pass(c net.Conn) {
	defer c.Close()
	s, err := net.Dial("unix", k.socket)
	if err != nil {
		return
	}
	defer s.Close()
	go func() {
		io.Copy(c, s) //nolint:errcheck // it ends with either side
		c.Close()
	}()
	for b := make([]byte, 1<<20); ; {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		// The database gets the message and does what it says; only its sender may be gone.
		if _, err := s.Write(b[:n]); err != nil {
			return
		}
		k.count()
	}
}

func (k *killing) count() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left--; k.left == 0 && k.process != nil {
		k.process.Process.Kill() //nolint:errcheck // it may have ended
		k.killed = true
	}
}

// init is killed after each of its messages to the database in turn. The next init ends its work:
// the log has its genesis and its policies, once.
func TestInitKilledAtEachStep(t *testing.T) {
	t.Parallel() // it waits for the database most of the time
	dir := t.TempDir()
	registrar, enroller := filepath.Join(dir, "registrar.jwk"), filepath.Join(dir, "enroller.jwk")
	request := filepath.Join(dir, "enroller.json")
	done := func(args ...string) string {
		t.Helper()
		code, out, errOut := printed(t, args...)
		if code != exitGood {
			t.Fatalf("igledger %s: exit code %d: %s", args[0], code, errOut)
		}
		return out
	}
	done("keygen", registrar)
	done("keygen", enroller)
	asks := done("key", "request", "--origin", "ledger.test/2026", "--key", enroller, "--org", "ENR", "--purpose", "administer")
	if err := os.WriteFile(request, []byte(asks), 0o600); err != nil {
		t.Fatal(err)
	}
	for step, ended := 1, false; !ended; step++ {
		dsn, socket := testdb.OnSocket(t)
		store, err := storage.Create(t.Context(), dsn) // the tables: TestKilledAtAnyPoint of ledger kills that
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(dsn)
		k := newKilling(t, socket)
		through := "postgres://postgres@" + k.Addr().String() + u.Path + "?sslmode=disable"
		keys := filepath.Join(t.TempDir(), "keys")
		done("keygen", "--origin", "ledger.test/2026", keys)
		founding := []string{"init", "--database", through, "--keys", keys, "--operator", "OPR=Operator", "--registrar", "REG=Registrar",
			"--registrar-key", registrar, "--enroller", "ENR=Enroller", "--enroller-request", request}
		cmd := exec.Command(filepath.Join(programs(t), "igledger"), founding...)
		var text bytes.Buffer
		cmd.Stdout, cmd.Stderr = &text, &text
		k.mu.Lock()
		k.left, k.process = step, cmd
		err = cmd.Start()
		k.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		err = cmd.Wait()
		k.mu.Lock()
		ended = !k.killed
		k.left, k.process = -1, nil
		k.mu.Unlock()
		if ended && err != nil {
			t.Fatalf("init by itself: %v\n%s", err, &text)
		}
		code, out, errOut := printed(t, founding...)
		second := out + errOut
		if code != exitGood && !strings.Contains(second, "nothing of it is missing") {
			t.Fatalf("init after one that was killed at message %d: exit code %d\n%s", step, code, second)
		}
		genesis := regexp.MustCompile(`genesis: [0-9a-f]{64}`)
		if !genesis.MatchString(second) {
			t.Errorf("after message %d the genesis is not printed: %s", step, second)
		}
		checkFounded(t, store, keys)
		store.Close()
	}
}

// checkFounded checks that a log has its genesis and its policies, and nothing else.
func checkFounded(t *testing.T, store *storage.Storage, dir string) {
	t.Helper()
	keys, err := ledger.LoadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := recordIn(t.Context(), dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	defer signed.Close()
	log, err := ledger.Open(t.Context(), ledger.Config{Storage: store, Keys: keys, Record: signed,
		Origin: keys.Log.Name(), Rules: consent.New()})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close(t.Context()) //nolint:errcheck // nothing was appended
	size, err := log.Size(t.Context())
	if err != nil || size != 2 {
		t.Fatalf("%d entries, %v", size, err)
	}
	if p, err := log.LastPublic(t.Context(), entry.PoliciesHistory); err != nil || p.Index != 1 {
		t.Fatalf("policies at %d, %v", p.Index, err)
	}
}

// A server ran on the log that a killed init had left, and logged something: init adds the policies
// nevertheless, but only that of the registrar who began it.
func TestInitEndsALogThatWasServed(t *testing.T) {
	store, err := storage.Create(t.Context(), testdb.One(t))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := ledger.GenerateKeys(dir, "ledger.test/2026"); err != nil {
		t.Fatal(err)
	}
	keys, err := ledger.LoadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	var pair [2]*wire.Signer
	for i := range pair {
		if pair[i], err = wire.GenerateSigner(wire.EdDSA); err != nil {
			t.Fatal(err)
		}
	}
	registrar, enroller := pair[0], pair[1]
	proof, err := entry.ProveKey(enroller, "ledger.test/2026", "ENR")
	if err != nil {
		t.Fatal(err)
	}
	cfg := ledger.Config{Storage: store, Keys: keys, Origin: "ledger.test/2026", Rules: consent.New()}
	g, err := newGenesis(cfg, entry.Member{ID: "OPR", Name: "Operator", Kind: "operator"},
		entry.Member{ID: "REG", Name: "Registrar", Kind: "registrar"},
		entry.Member{ID: "ENR", Name: "Enroller", Kind: "enroller"}, registrar,
		keyRequest{Key: entry.PublicKey{JWK: enroller.Public, Purposes: []entry.Purpose{entry.PurposeAdminister}},
			Proof: proof}, 1<<16, nil)
	if err != nil {
		t.Fatal(err)
	}
	log, err := ledger.Create(t.Context(), cfg, g)
	if err != nil {
		t.Fatal(err)
	}
	e, err := entry.Sign(keys.Operator, &entry.Access{Common: entry.Common{Issuer: "OPR", Audience: "ledger.test/2026"},
		Source: "s", Action: "R", Outcome: "0", Recorded: "2026-11-27T10:00:00Z", Sub: "temp:OPR:1"})
	if err == nil {
		err = log.Append(t.Context(), e)[0].Err
	}
	if err = errors.Join(err, log.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := completeLog(t.Context(), cfg, enroller); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("by another key: %v", err)
	}
	log, err = completeLog(t.Context(), cfg, registrar)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := log.LastPublic(t.Context(), entry.PoliciesHistory); err != nil || p.Index != 2 {
		t.Errorf("policies at %d, %v", p.Index, err)
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := completeLog(t.Context(), cfg, registrar); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("a log that has all: %v", err)
	}
}
