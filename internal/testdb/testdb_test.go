package testdb

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestEachDatabaseIsFresh(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		Each(t, func(t *testing.T, dsn string) {
			if seen[dsn] {
				t.Errorf("%s was returned twice", dsn)
			}
			seen[dsn] = true
			if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
				if _, err := os.Stat(path); !os.IsNotExist(err) {
					t.Errorf("the file already exists: %v", err)
				}
				return
			}
			if err := admin(dsn, "CREATE TABLE t (x INT8)"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestKillAndStart(t *testing.T) {
	ctx := context.Background()
	server := StartPostgres(t)
	c, err := pgx.Connect(ctx, server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, "CREATE TABLE kept (x INT8)"); err != nil {
		t.Fatal(err)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if err := admin(server.URL("postgres"), "INSERT INTO kept VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if err := server.life.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(server.dir); !os.IsNotExist(err) {
		t.Errorf("the server's directory still exists: %v", err)
	}
}
