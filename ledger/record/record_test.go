package record_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"igledger/internal/testdb"
	"igledger/ledger/record"
)

// each runs f with a place for a record of each kind.
func each(t *testing.T, f func(t *testing.T, place string)) {
	t.Run("file", func(t *testing.T) { f(t, "file:"+filepath.Join(t.TempDir(), "signing-record")) })
	t.Run("table", func(t *testing.T) { testdb.Each(t, f) })
}

func open(t *testing.T, place, name string) record.Record {
	t.Helper()
	r, err := record.Open(context.Background(), place, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestSwap(t *testing.T) {
	each(t, func(t *testing.T, place string) {
		ctx := t.Context()
		a, b := open(t, place, "log"), open(t, place, "log")
		if state, err := a.Load(ctx); state != nil || err != nil {
			t.Fatalf("at first: %q, %v", state, err)
		}
		if err := a.Swap(ctx, []byte("what is not there"), []byte("1")); !errors.Is(err, record.ErrMoved) {
			t.Fatalf("replacing what is not there: %v", err)
		}
		for _, step := range []struct {
			r         record.Record
			old, next []byte
			moved     bool
		}{
			{a, nil, []byte("1"), false},
			{b, nil, []byte("2"), true},
			{b, []byte("1"), []byte("2"), false},
			{a, []byte("1"), []byte("3"), true},
			{a, []byte("2"), []byte("2"), false},
			{b, []byte("2"), []byte("3"), false},
		} {
			err := step.r.Swap(ctx, step.old, step.next)
			if errors.Is(err, record.ErrMoved) != step.moved || err != nil && !step.moved {
				t.Fatalf("%q to %q: %v", step.old, step.next, err)
			}
		}
		for _, r := range []record.Record{a, b, open(t, place, "log")} {
			if state, err := r.Load(ctx); err != nil || !bytes.Equal(state, []byte("3")) {
				t.Fatalf("at last: %q, %v", state, err)
			}
		}
	})
}

// Many writers count to the same number: no step is lost and none is taken twice.
func TestSwapAtOnce(t *testing.T) {
	const writers, each1 = 4, 10
	each(t, func(t *testing.T, place string) {
		ctx := t.Context()
		var work sync.WaitGroup
		for range writers {
			r := open(t, place, "log")
			work.Go(func() {
				for done := 0; done < each1; {
					old, err := r.Load(ctx)
					n, _ := strconv.Atoi(string(old))
					if err == nil {
						err = r.Swap(ctx, old, []byte(strconv.Itoa(n+1)))
					}
					switch {
					case err == nil:
						done++
					case !errors.Is(err, record.ErrMoved):
						t.Error(err)
						return
					}
				}
			})
		}
		work.Wait()
		if got, err := open(t, place, "log").Load(ctx); string(got) != fmt.Sprint(writers*each1) || err != nil {
			t.Errorf("counted to %s, %v", got, err)
		}
	})
}

// The records of two logs in one database are two.
func TestTwoLogs(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		a, b := open(t, dsn, "a"), open(t, dsn, "b")
		if err := a.Swap(t.Context(), nil, []byte("of a")); err != nil {
			t.Fatal(err)
		}
		if state, err := b.Load(t.Context()); state != nil || err != nil {
			t.Errorf("b has %q, %v", state, err)
		}
	})
}

func TestFileFaults(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "signing-record")
	r := open(t, "file:"+path, "log")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Load(t.Context()); err == nil {
		t.Error("an empty file was taken for a record that does not exist")
	}
	// What a crash left of a change that was not made is overwritten.
	if err := errors.Join(os.Remove(path), os.WriteFile(path+".new", bytes.Repeat([]byte("x"), 99), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := r.Swap(t.Context(), nil, []byte("1")); err != nil {
		t.Fatal(err)
	}
	if state, err := r.Load(t.Context()); string(state) != "1" || err != nil {
		t.Errorf("got %q, %v", state, err)
	}
	// A change that a crash has half written was not made.
	if err := r.Swap(t.Context(), []byte("1"), []byte("2")); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		if at%(16<<10) > 200 && at%1000 > 0 {
			continue
		}
		torn := bytes.Clone(whole)
		torn[at] ^= 1
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		want := "2" // the second change is in the first slot
		if at < 16<<10 {
			want = "1"
		}
		if state, err := r.Load(t.Context()); string(state) != want || err != nil {
			t.Errorf("byte %d is torn: %q, %v, want %q", at, state, err, want)
		}
	}
	for _, bad := range [][]byte{whole[:len(whole)-1], append(bytes.Clone(whole), 0), make([]byte, len(whole))} {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if state, err := r.Load(t.Context()); err == nil {
			t.Errorf("%d bytes were read as %q", len(bad), state)
		}
	}
	for _, place := range []string{"file:", "ftp://host/record"} {
		if _, err := record.Open(t.Context(), place, "log"); err == nil {
			t.Errorf("%s was opened", place)
		}
	}
}

// A record that does not exist holds nothing, and whoever looks leaves nothing behind: a folder
// that was mistyped stays what it was. The first change makes it, for its owner only.
func TestLookingMakesNoRecord(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "folder")
	for _, place := range []string{"file:" + filepath.Join(folder, "record"), "sqlite:" + filepath.Join(folder, "record.db")} {
		r := open(t, place, "log")
		if state, err := r.Load(t.Context()); state != nil || err != nil {
			t.Errorf("%s: %q, %v", place, state, err)
		}
		if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: looking made %s", place, folder)
		}
		if err := r.Swap(t.Context(), nil, []byte("1")); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", place, info, err)
		}
		if err := errors.Join(r.Close(), os.RemoveAll(folder)); err != nil {
			t.Fatal(err)
		}
	}
}
