package storage

import (
	"context"
	"path/filepath"
	"testing"
)

// A caller may go away at any moment, as a client does whose connection breaks: here while their
// transaction waits for the lock and gets it. The connection that writes must stay usable for
// everybody else.
func TestWriteAfterACancelledOne(t *testing.T) {
	d, err := openSQLite(t.Context(), filepath.Join(t.TempDir(), "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	other, err := d.pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for i := range 200 {
		if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if x, err := d.begin(ctx); err == nil {
				x.rollback()
			}
		}()
		go cancel()
		if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		<-ended
		x, err := d.begin(t.Context())
		if err != nil {
			t.Fatalf("after %d writes that were cancelled: %v", i+1, err)
		}
		x.rollback()
	}
}
