// Package testdb provides tests with a fresh database of each engine.
//
// SQLite is always available. For PostgreSQL it uses the server at IGLEDGER_TEST_POSTGRES_URL, or
// starts one per test process if it finds initdb in PATH or where Debian installs it. For
// CockroachDB it uses the server at IGLEDGER_TEST_COCKROACH_URL, or starts one from
// COCKROACH_BINARY (three nodes if IGLEDGER_TEST_COCKROACH_NODES=3); otherwise those tests are
// skipped. If IGLEDGER_REQUIRE_ALL=1, a missing PostgreSQL is a failure.
//
// Servers end with the test process, however it ends: a shell that waits for the end of a pipe
// stops them and removes their files. Use this package only in tests.
package testdb

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/cockroach-go/v2/testserver"
	"github.com/jackc/pgx/v5"

	"igledger/internal/testneeds"
)

// Each runs f as a subtest per engine, with the URL of a fresh database.
func Each(t *testing.T, f func(t *testing.T, dsn string)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { f(t, e.fresh(t)) })
	}
}

// EachB is Each for benchmarks. The PostgreSQL server then writes through to the disk, as in
// production.
func EachB(b *testing.B, f func(b *testing.B, dsn string)) {
	b.Helper()
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) { f(b, e.fresh(b)) })
	}
}

var engines = []struct {
	name  string
	fresh func(testing.TB) string
}{{"sqlite", SQLite}, {"postgresql", PostgreSQL}, {"cockroachdb", CockroachDB}}

// SQLite returns the URL of a file that does not exist yet.
func SQLite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// PostgreSQL returns the URL of a fresh database on the shared server, or skips the test.
func PostgreSQL(t testing.TB) string {
	t.Helper()
	testneeds.Time(t, "all engines but SQLite")
	base := os.Getenv("IGLEDGER_TEST_POSTGRES_URL")
	if base == "" {
		_, bench := t.(*testing.B)
		s, err := shared(bench)
		testneeds.It(t, "PostgreSQL", err)
		base = s.URL("postgres")
	}
	return create(t, base)
}

// OnSocket returns the URL of a fresh database on the server that tests start, and the socket on
// which that server listens, for a test that puts something between itself and the server. It skips
// the test as PostgreSQL does.
func OnSocket(t testing.TB) (dsn, socket string) {
	t.Helper()
	testneeds.Time(t, "all engines but SQLite")
	s, err := shared(false)
	testneeds.It(t, "PostgreSQL", err)
	return create(t, s.URL("postgres")), filepath.Join(s.dir, ".s.PGSQL.5432")
}

// CockroachDB returns the URL of a fresh database, or skips the test.
func CockroachDB(t testing.TB) string {
	t.Helper()
	base := os.Getenv("IGLEDGER_TEST_COCKROACH_URL")
	if base == "" {
		binary := os.Getenv("COCKROACH_BINARY")
		if binary == "" {
			t.Skip("no CockroachDB: set IGLEDGER_TEST_COCKROACH_URL or COCKROACH_BINARY")
		}
		s, err := startCockroach(binary)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Stop)
		base = s.PGURL().String()
	}
	return create(t, base)
}

func startCockroach(binary string) (testserver.TestServer, error) {
	opts := []testserver.TestServerOpt{testserver.CockroachBinaryPathOpt(binary)}
	if os.Getenv("IGLEDGER_TEST_COCKROACH_NODES") == "3" {
		opts = append(opts, testserver.ThreeNodeOpt())
	}
	s, err := testserver.NewTestServer(opts...)
	if err != nil {
		return nil, fmt.Errorf("starting CockroachDB: %w", err)
	}
	return s, nil
}

var databases atomic.Int64

// create creates a database on the server at base. It is dropped when the test ends.
func create(t testing.TB, base string) string {
	t.Helper()
	name := fmt.Sprintf("igl_%d_%d", os.Getpid(), databases.Add(1))
	if err := admin(base, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("creating a database: %v", err)
	}
	t.Cleanup(func() {
		drop := "DROP DATABASE " + name + " WITH (FORCE)" // a failed test may have left connections open
		if err := admin(base, drop); err != nil {
			_ = admin(base, "DROP DATABASE "+name+" CASCADE") // CockroachDB's syntax; it need not succeed
		}
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatalf("parsing the server's URL: %v", err)
	}
	u.Path = "/" + name
	return u.String()
}

func admin(base, sql string) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, base)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, sql)
	return err
}
