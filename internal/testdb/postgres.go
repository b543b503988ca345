package testdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"igledger/internal/testneeds"
)

// Postgres is a private PostgreSQL server on a Unix socket.
type Postgres struct {
	dir  string // holds data/, log and the socket
	bin  string
	opts string
	cred *syscall.Credential // nil: run as the current user
	life io.Closer           // closing it ends the server: see guard
}

var (
	sharedMu  sync.Mutex
	sharedAll = map[bool]*Postgres{} // by durability: whether the server writes through to disk
)

// shared returns the server that the tests of this process share. Benchmarks use a durable one;
// tests need not.
func shared(durable bool) (*Postgres, error) {
	sharedMu.Lock()
	defer sharedMu.Unlock()
	if s := sharedAll[durable]; s != nil {
		return s, nil
	}
	s, err := start(durable)
	if err == nil {
		sharedAll[durable] = s
	}
	return s, err
}

// StartPostgres starts a server for this test alone, which the test may kill. If PostgreSQL is not
// installed, it skips the test.
func StartPostgres(t testing.TB) *Postgres {
	t.Helper()
	testneeds.Time(t, "all engines but SQLite")
	s, err := start(true)
	testneeds.It(t, "PostgreSQL", err)
	t.Cleanup(func() { _ = s.life.Close() })
	return s
}

// Database creates a fresh database on this server and returns its URL.
func (p *Postgres) Database(t testing.TB) string { return create(t, p.URL("postgres")) }

// URL returns the URL of a database on this server.
func (p *Postgres) URL(database string) string {
	return "postgres://postgres@/" + database + "?host=" + p.dir
}

// Kill kills the server (SIGKILL), so that its connections end without notice.
func (p *Postgres) Kill() error {
	pid, err := p.pid()
	if err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

// Start starts the server, and waits until it has recovered and accepts connections.
func (p *Postgres) Start() error {
	// After a kill the old child processes need a moment to notice. Until then the data directory
	// is in use, and pg_ctl fails.
	var err error
	for range 100 {
		err = p.run("pg_ctl", "-D", filepath.Join(p.dir, "data"), "-l", filepath.Join(p.dir, "log"),
			"-w", "-t", "60", "-o", p.opts, "start")
		if err == nil {
			return nil
		}
	}
	return err
}

func (p *Postgres) pid() (int, error) {
	b, err := os.ReadFile(filepath.Join(p.dir, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strconv.Atoi(strings.TrimSpace(line))
}

func start(durable bool) (*Postgres, error) {
	bin, err := findBin()
	if err != nil {
		return nil, err
	}
	// Not t.TempDir: the unprivileged user cannot enter its parents.
	dir, err := os.MkdirTemp("/tmp", "igledger-pg-")
	if err != nil {
		return nil, err
	}
	p := &Postgres{dir: dir, bin: bin}
	p.opts = "-c listen_addresses='' -c max_connections=200 -c unix_socket_directories=" + dir
	if !durable {
		p.opts += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
	}
	p.life, err = guard(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := p.setUp(); err != nil {
		return nil, errors.Join(err, p.life.Close())
	}
	return p, nil
}

func (p *Postgres) setUp() error {
	if os.Geteuid() == 0 { // root may not run PostgreSQL
		u, err := user.Lookup("postgres")
		if err != nil {
			u, err = user.Lookup("nobody")
			if err != nil {
				return err
			}
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		p.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(p.dir, uid, gid); err != nil {
			return err
		}
	}
	err := p.run("initdb", "-D", filepath.Join(p.dir, "data"), "-U", "postgres", "-A", "trust",
		"-E", "UTF8", "--locale=C", "--no-sync")
	if err != nil {
		return err
	}
	return p.Start()
}

func (p *Postgres) run(name string, args ...string) error {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.cred, Setsid: true}
	// A file, not a pipe: the server inherits it, and Run would wait for the end of a pipe.
	out, err := os.CreateTemp("", "igledger-pg-out-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(text))
	}
	return nil
}

// guard starts a shell that outlives this process. When this process's end of its pipe closes,
// which the kernel ensures, the shell stops the server and removes the directory.
func guard(dir string) (io.Closer, error) {
	const script = `cat
pid=$(head -n 1 "$0/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
	kill -QUIT "$pid" 2>/dev/null
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
fi
rm -rf "$0"`
	cmd := exec.Command("sh", "-c", script, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return closer{in, cmd}, nil
}

type closer struct {
	in  io.Closer
	cmd *exec.Cmd
}

func (c closer) Close() error { return errors.Join(c.in.Close(), c.cmd.Wait()) }

func findBin() (string, error) {
	places := []string{}
	if p, err := exec.LookPath("initdb"); err == nil {
		p, err = filepath.EvalSymlinks(p)
		if err == nil {
			places = append(places, filepath.Dir(p))
		}
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for i := len(debian) - 1; i >= 0; i-- {
		places = append(places, debian[i])
	}
	for _, p := range places {
		if _, err := os.Stat(filepath.Join(p, "pg_ctl")); err == nil {
			return p, nil
		}
	}
	return "", errors.New("initdb and pg_ctl were not found")
}
