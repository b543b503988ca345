package shelf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"igledger/internal/testdb"
	"igledger/ledger/storage"
)

func openShelf(t *testing.T, dsn string, key []byte, now func() time.Time) (*Shelf, *storage.Storage) {
	t.Helper()
	store, err := storage.Create(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s, err := New(t.Context(), store, key, now)
	if err != nil {
		t.Fatal(err)
	}
	return s, store
}

var testKey = bytes.Repeat([]byte{7}, 32)

func TestShelf(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		ctx := t.Context()
		now := time.UnixMilli(1_796_000_000_000)
		s, _ := openShelf(t, dsn, testKey, func() time.Time { return now })
		put := func(shelf, key, value string, expires time.Time) {
			t.Helper()
			if err := s.Put(ctx, shelf, key, []byte(value), expires); err != nil {
				t.Fatal(err)
			}
		}
		want := func(shelf, key, value string) {
			t.Helper()
			if got, err := s.Get(ctx, shelf, key); err != nil || string(got) != value {
				t.Errorf("Get %s %s: %q, %v, want %q", shelf, key, got, err, value)
			}
		}
		put("drafts", "NHSL/1", "one", time.Time{})
		put("drafts", "NHSL/2", "", now.Add(time.Hour))
		put("drafts", "NHSL/3", "three", now.Add(2*time.Hour))
		put("drafts", "NHSX/1", "other", time.Time{})
		put("draft", "s\x00NHSL/9", "another shelf", time.Time{})
		put("drafts", "NHSL/1", "one again", time.Time{})
		want("drafts", "NHSL/1", "one again")
		want("drafts", "NHSL/2", "")

		keys := func(prefix, after string, limit int) string {
			t.Helper()
			items, err := s.List(ctx, "drafts", prefix, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, i := range items {
				out = append(out, i.Key+"="+string(i.Value))
			}
			return fmt.Sprint(out)
		}
		for _, c := range []struct {
			prefix, after string
			limit         int
			want          string
		}{
			{"", "", 10, "[NHSL/1=one again NHSL/2= NHSL/3=three NHSX/1=other]"},
			{"NHSL/", "", 2, "[NHSL/1=one again NHSL/2=]"},
			{"NHSL/", "NHSL/2", 2, "[NHSL/3=three]"},
			{"NHSL/", "A", 1, "[NHSL/1=one again]"},
			{"NHSZ", "", 5, "[]"},
		} {
			if got := keys(c.prefix, c.after, c.limit); got != c.want {
				t.Errorf("List %q after %q: %s, want %s", c.prefix, c.after, got, c.want)
			}
		}

		now = now.Add(time.Hour) // the end of NHSL/2
		if _, err := s.Get(ctx, "drafts", "NHSL/2"); !errors.Is(err, ErrNotFound) {
			t.Errorf("after its end: %v", err)
		}
		if got := keys("NHSL/", "", 9); got != "[NHSL/1=one again NHSL/3=three]" {
			t.Errorf("listed after an end: %s", got)
		}
		if err := s.Add(ctx, "drafts", "NHSL/2", []byte("new"), time.Time{}); err != nil {
			t.Errorf("adding where one has ended: %v", err)
		}
		if err := s.Add(ctx, "drafts", "NHSL/2", []byte("newer"), time.Time{}); !errors.Is(err, ErrExists) {
			t.Errorf("adding twice: %v", err)
		}
		want("drafts", "NHSL/2", "new")
		if got, err := s.Take(ctx, "drafts", "NHSL/2"); err != nil || string(got) != "new" {
			t.Errorf("Take: %q, %v", got, err)
		}
		if _, err := s.Take(ctx, "drafts", "NHSL/2"); !errors.Is(err, ErrNotFound) {
			t.Errorf("taking twice: %v", err)
		}
		if err := s.Delete(ctx, "drafts", "NHSL/1"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(ctx, "drafts", "NHSL/1"); !errors.Is(err, ErrNotFound) {
			t.Errorf("after Delete: %v", err)
		}
		refused := errors.New("refused")
		if err := s.Update(ctx, "drafts", "NHSL/3", func(old []byte) ([]byte, time.Time, error) {
			return nil, time.Time{}, refused
		}); !errors.Is(err, refused) {
			t.Errorf("Update that refuses: %v", err)
		}
		want("drafts", "NHSL/3", "three")
	})
}

// TestOnce: of many that take or add one value at the same time, on two replicas, exactly one does.
func TestOnce(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		ctx := t.Context()
		one, _ := openShelf(t, dsn, testKey, nil)
		two, _ := openShelf(t, dsn, testKey, nil)
		end := time.Now().Add(time.Hour)
		if err := one.Put(ctx, "codes", "c", []byte("x"), end); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		count := map[string]int{}
		for i := range 16 {
			wg.Go(func() {
				s := []*Shelf{one, two}[i%2]
				_, taken := s.Take(ctx, "codes", "c")
				added := s.Add(ctx, "jti", "j", nil, end)
				counted := s.Update(ctx, "numbers", "n", func(old []byte) ([]byte, time.Time, error) {
					return append(old, 'x'), end, nil
				})
				mu.Lock()
				defer mu.Unlock()
				for name, err := range map[string]error{"taken": taken, "added": added, "counted": counted} {
					switch {
					case err == nil:
						count[name]++
					case !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrExists):
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		}
		wg.Wait()
		n, err := two.Get(ctx, "numbers", "n")
		if err != nil || len(n) != 16 || count["taken"] != 1 || count["added"] != 1 || count["counted"] != 16 {
			t.Errorf("%v, %d counted (%v)", count, len(n), err)
		}
	})
}

// TestSealed: the database holds nothing of a value in clear, and a value that is altered, moved to
// another key or sealed with another key is not returned.
func TestSealed(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		ctx := t.Context()
		s, store := openShelf(t, dsn, testKey, nil)
		secret := []byte("the secret of chi:0101701234")
		if err := s.Put(ctx, "a", "1", secret, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(ctx, "a", "2", []byte("other"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		stored := func(key string) []byte {
			var r row
			if err := store.Read(ctx, r.op(rowKey("a", key))); err != nil {
				t.Fatal(err)
			}
			return r.value
		}
		set := func(key string, value []byte) {
			err := store.Transact(ctx, func(context.Context, storage.Runner) ([]storage.Op, error) {
				return []storage.Op{{SQL: "UPDATE shelf SET value = $1 WHERE k = $2", Args: []any{value, rowKey("a", key)}}}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		was := stored("1")
		if bytes.Contains(was, []byte("secret")) || bytes.Contains(was, []byte("0101701234")) {
			t.Error("the value is stored in clear")
		}
		other, _ := openShelf(t, dsn, bytes.Repeat([]byte{8}, 32), nil)
		if _, err := other.Get(ctx, "a", "1"); err == nil {
			t.Error("read with another key")
		}
		if s.Blind("a", "b") == other.Blind("a", "b") || s.Blind("a", "b") == s.Blind("ab") {
			t.Error("a blinded key does not depend on the key and each part")
		}
		set("2", was)
		if _, err := s.Get(ctx, "a", "2"); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("a value moved to another key: %v", err)
		}
		for i := range was {
			altered := bytes.Clone(was)
			altered[i] ^= 1
			set("1", altered)
			if _, err := s.Get(ctx, "a", "1"); err == nil {
				t.Fatalf("byte %d altered and nobody noticed", i)
			}
		}
		for _, short := range [][]byte{{}, was[:5], was[:saltSize], was[:len(was)-1]} {
			set("1", short)
			if _, err := s.Get(ctx, "a", "1"); err == nil {
				t.Fatalf("cut to %d bytes and nobody noticed", len(short))
			}
		}
		set("1", was)
		if got, err := s.Get(ctx, "a", "1"); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("put back: %q, %v", got, err)
		}
	})
}

// TestSeal: what was sealed for one use is read for that use, unaltered, and for no other.
func TestSeal(t *testing.T) {
	s, _ := openShelf(t, testdb.SQLite(t), testKey, nil)
	text, err := s.Seal("return", []byte("/you"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Open("return", text); err != nil || string(got) != "/you" {
		t.Errorf("%q, %v", got, err)
	}
	for use, bad := range map[string]string{"other": text, "return": text[:len(text)-2] + "AA", "return ": "", " return": "%"} {
		if _, err := s.Open(strings.TrimSpace(use), bad); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q for %q: %v", bad, use, err)
		}
	}
}

// TestSwept: values whose time is over leave the database.
func TestSwept(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		ctx := t.Context()
		now := time.UnixMilli(1_796_000_000_000)
		s, store := openShelf(t, dsn, testKey, func() time.Time { return now })
		for i := range 20 {
			if err := s.Put(ctx, "a", fmt.Sprint(i), nil, now.Add(time.Duration(i)*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Put(ctx, "a", "for good", nil, time.Time{}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
		if err := s.Put(ctx, "a", "later", nil, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		var n int64
		if err := store.Read(ctx, storage.Op{SQL: "SELECT count(*) FROM shelf",
			Scan: func(scan func(...any) error) error { return scan(&n) }}); err != nil || n != 2 {
			t.Errorf("%d rows are left (%v)", n, err)
		}
	})
}

func TestKey(t *testing.T) {
	dir := t.TempDir()
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = LoadKey(nil, dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if len(k) != 32 || !bytes.Equal(k, keys[0]) {
			t.Errorf("two keys: %x, %x", k, keys[0])
		}
	}
	info, err := os.Stat(filepath.Join(dir, KeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("files left behind: %v", files)
	}
	for _, bad := range []string{"", "zz", "0011", string(keys[0])} {
		if err := os.WriteFile(filepath.Join(dir, KeyFile), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(nil, dir); err == nil {
			t.Errorf("taken: %q", bad)
		}
	}
}
