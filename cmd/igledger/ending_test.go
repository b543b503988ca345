package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"igledger/internal/testdb"
	"igledger/ledger/storage"
)

// ending is an igledger serve whose standard error is read line by line.
type ending struct {
	testing.TB
	cmd   *exec.Cmd
	lines *bufio.Scanner
	url   string
}

// said reads lines until one that has the text.
func (e *ending) said(text string) string {
	e.Helper()
	for e.lines.Scan() {
		if strings.Contains(e.lines.Text(), text) {
			return e.lines.Text()
		}
	}
	e.Fatalf("the server ends without %q", text)
	return ""
}

// gone reads on to the end, and asserts that the process ends well.
func (e *ending) gone() {
	e.Helper()
	for e.lines.Scan() {
		if strings.Contains(e.lines.Text(), "level=ERROR") {
			e.Error(e.lines.Text())
		}
	}
	if err := e.cmd.Wait(); err != nil {
		e.Error(err)
	}
}

func (e *ending) get(path string) (status int, body string) {
	e.Helper()
	r, err := http.Get(e.url + path)
	if err != nil {
		e.Fatal(err)
	}
	defer r.Body.Close()
	data, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(data)
}

func (e *ending) signal(s os.Signal) {
	e.Helper()
	if err := e.cmd.Process.Signal(s); err != nil {
		e.Fatal(err)
	}
}

// After SIGTERM a server is not ready, and serves; the next signal ends that. Ctrl-C does not wait.
func TestDrain(t *testing.T) {
	dir := t.TempDir()
	keys, registrar, request := filepath.Join(dir, "keys"), filepath.Join(dir, "registrar.jwk"), filepath.Join(dir, "request.json")
	enroller, database := filepath.Join(dir, "enroller.jwk"), testdb.One(t)
	run := func(args ...string) string {
		t.Helper()
		code, out, errOut := printed(t, args...)
		if code != exitGood {
			t.Fatalf("igledger %s: exit code %d: %s", strings.Join(args, " "), code, errOut)
		}
		return out
	}
	run("keygen", "--origin", "ledger.test/1", keys)
	run("keygen", registrar)
	run("keygen", enroller)
	asks := run("key", "request", "--origin", "ledger.test/1", "--org", "ENR", "--key", enroller, "--purpose", "administer")
	if err := os.WriteFile(request, []byte(asks), 0o600); err != nil {
		t.Fatal(err)
	}
	run("init", "--keys", keys, "--database", database, "--operator", "OPR=Operator", "--registrar", "REG=Registrar",
		"--registrar-key", registrar, "--enroller", "ENR=Enroller", "--enroller-request", request)

	start := func(args ...string) *ending {
		t.Helper()
		cmd := exec.Command("igledger", append([]string{"serve", "--keys", keys, "--database", database, "--listen", "127.0.0.1:0",
			"--metrics-listen", "off"}, args...)...)
		stderr, err := cmd.StderrPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill() }) //nolint:errcheck // it may have ended
		e := &ending{TB: t, cmd: cmd, lines: bufio.NewScanner(stderr)}
		_, address, _ := strings.Cut(e.said(" msg=serving "), " address=")
		e.url, _, _ = strings.Cut(address, " ")
		return e
	}

	e := start("--drain", "1h")
	if status, body := e.get("/readyz"); status != 200 {
		t.Fatalf("/readyz: %d %s", status, body)
	}
	e.signal(syscall.SIGTERM)
	e.said("msg=draining for=1h")
	for _, path := range []string{"/readyz", "/readyz?append"} {
		if status, body := e.get(path); status != 503 || !strings.Contains(body, "shutting-down") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, path := range []string{"/healthz", "/v1/log", "/checkpoint"} {
		if status, body := e.get(path); status != 200 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	e.signal(syscall.SIGTERM)
	e.gone()

	e = start("--drain", "1h")
	e.signal(os.Interrupt)
	e.said("msg=draining for=0s")
	e.gone()

	if strings.HasPrefix(database, "sqlite:") && !testing.Short() {
		// a newer program has changed the tables: this one ends, and is not to be started again
		e = start()
		store, err := storage.Open(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		err = store.Transact(t.Context(), func(context.Context, storage.Runner) ([]storage.Op, error) {
			return []storage.Op{{SQL: "INSERT INTO schema_version (version) VALUES (999)"}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		status, body := e.get("/readyz")
		for status == 200 { // an append of the last second is taken for proof of the next
			status, body = e.get("/readyz")
		}
		if status != 503 || !strings.Contains(body, "shutting-down") {
			t.Errorf("/readyz: %d %s", status, body)
		}
		e.said("a newer igledger has changed the tables")
		for e.lines.Scan() {
		}
		if err := e.cmd.Wait(); e.cmd.ProcessState.ExitCode() != exitRefused {
			t.Error(err)
		}
		err = store.Transact(t.Context(), func(context.Context, storage.Runner) ([]storage.Op, error) {
			return []storage.Op{{SQL: "DELETE FROM schema_version WHERE version = 999"}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	e = start("--drain", "0")
	e.signal(syscall.SIGTERM)
	e.said("msg=draining for=0s")
	e.gone()
}
