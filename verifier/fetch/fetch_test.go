package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"igledger/internal/testlog"
	"igledger/verifier"
)

var ctx = context.Background()

// serve opens a log served by h, without waiting between attempts; waits are recorded.
func serve(t *testing.T, h http.Handler) (*Log, *[]time.Duration) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	l, err := Open(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := newHTTP(srv.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	var waits []time.Duration
	reader.wait = func(ctx context.Context, d time.Duration) error {
		waits = append(waits, d)
		return ctx.Err()
	}
	l.read = reader.read
	return l, &waits
}

func sample(leaves int) (*testlog.Log, map[string][]byte) {
	l := testlog.New("ledger.test/2026")
	l.AddRandom(leaves - 1)
	return l, l.Files()
}

func TestReadsWhatIsServed(t *testing.T) {
	l, files := sample(700)
	dir := t.TempDir()
	testlog.WriteFiles(dir, files)
	local, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	remote, _ := serve(t, testlog.Handler("", files))
	for name, src := range map[string]*Log{"directory": local, "HTTP": remote} {
		if got, err := src.Checkpoint(ctx); err != nil || !bytes.Equal(got, files["checkpoint"]) {
			t.Errorf("%s: checkpoint: %v", name, err)
		}
		if got, err := src.Tile(ctx, 1, 0, 2); err != nil || !bytes.Equal(got, files["tile/1/000.p/2"]) {
			t.Errorf("%s: tile: %v", name, err)
		}
		for _, i := range []uint64{0, 255, 256, 699} {
			if got, err := src.Leaf(ctx, i, 700); err != nil || !bytes.Equal(got, l.Leaves[i]) {
				t.Errorf("%s: leaf %d: %v", name, i, err)
			}
		}
		// A log that has grown since no longer has the partial tile, only the full one.
		if got, err := src.Tile(ctx, 0, 1, 17); err != nil || !bytes.Equal(got, files["tile/0/001"][:32*17]) {
			t.Errorf("%s: partial tile from the full one: %v", name, err)
		}
		if got, err := src.Bundle(ctx, 1, 17); err != nil || len(got) != 17 || !bytes.Equal(got[16], l.Leaves[256+16]) {
			t.Errorf("%s: partial bundle from the full one: %v", name, err)
		}
		if _, err := src.Tile(ctx, 0, 5, 17); !errors.Is(err, ErrNotFound) || !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), "tile/0/005.p/17") {
			t.Errorf("%s: a tile that is not there: %v", name, err)
		}
	}
}

func TestTriesAgainWhatMayPass(t *testing.T) {
	_, files := sample(3)
	for name, fault := range map[string]func(http.ResponseWriter){
		"503":              func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"429":              func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) },
		"connection reset": func(w http.ResponseWriter) { hangUp(w, "") },
		"torn body":        func(w http.ResponseWriter) { hangUp(w, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nledger") },
	} {
		var asked atomic.Int32
		good := testlog.Handler("", files)
		src, waits := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) <= 3 {
				fault(w)
				return
			}
			good.ServeHTTP(w, r)
		}))
		if got, err := src.Checkpoint(ctx); err != nil || !bytes.Equal(got, files["checkpoint"]) {
			t.Errorf("%s: %v", name, err)
		}
		if len(*waits) != 3 || (*waits)[2] <= (*waits)[0]/2 {
			t.Errorf("%s: pauses %v, want three that grow", name, *waits)
		}
	}
}

func hangUp(w http.ResponseWriter, first string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Write([]byte(first))
		conn.Close()
	}
}

func TestGivesUp(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		asked   int32
		err     error
		wait    time.Duration // of the first pause at least
	}{
		"503 for ever": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, attempts, ErrUnreadable, 1},
		"500":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, 1, ErrUnreadable, 0},
		"404":          {http.NotFound, 1, ErrNotFound, 0},
		"403":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, 1, ErrUnreadable, 0},
		"redirect loop": {
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/checkpoint", http.StatusFound) }, 6,
			ErrUnreadable, 0,
		},
		"Retry-After": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(503)
		}, attempts, ErrUnreadable, 7 * time.Second},
		"Retry-After of years": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "99999999")
			w.WriteHeader(503)
		}, attempts, ErrUnreadable, backoff.Last},
		"endless body": {func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}, 1, ErrUnreadable, 0},
	} {
		var asked atomic.Int32
		src, waits := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); c.handler(w, r) }))
		_, err := src.Checkpoint(ctx)
		if !errors.Is(err, c.err) || !strings.Contains(err.Error(), "checkpoint") {
			t.Errorf("%s: %v, want %v that names the file", name, err, c.err)
		}
		if asked.Load() > c.asked {
			t.Errorf("%s: asked %d times, want at most %d", name, asked.Load(), c.asked)
		}
		if c.wait > 0 && (len(*waits) == 0 || (*waits)[0] < c.wait || (*waits)[0] > backoff.Last) {
			t.Errorf("%s: pauses %v, want %v or more", name, *waits, c.wait)
		}
	}
	dead := httptest.NewServer(http.NotFoundHandler())
	src, _ := serve(t, http.NotFoundHandler())
	gone, err := newHTTP(dead.URL)
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	tries := 0
	gone.wait = func(context.Context, time.Duration) error { tries++; return nil }
	src.read = gone.read
	if _, err := src.Checkpoint(ctx); !errors.Is(err, ErrUnreadable) || tries != attempts-1 {
		t.Errorf("nobody there: %v after %d pauses", err, tries)
	}
}

func TestEndlessTileAndBundle(t *testing.T) {
	src, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}))
	if _, err := src.Tile(ctx, 0, 0, 256); !errors.Is(err, ErrUnreadable) {
		t.Errorf("tile: %v", err)
	}
	if _, err := src.Bundle(ctx, 0, 256); !errors.Is(err, ErrUnreadable) {
		t.Errorf("bundle: %v", err)
	}
}

func TestDirectoryOfOddThings(t *testing.T) {
	dir := t.TempDir()
	src, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "checkpoint")
	for what, make := range map[string]func() error{
		"a directory": func() error { return os.Mkdir(name, 0o755) },
		"a pipe":      func() error { return syscall.Mkfifo(name, 0o644) },
		"too long":    func() error { return os.WriteFile(name, make([]byte, maxCheckpoint+1), 0o644) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if _, err := src.Checkpoint(ctx); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v", what, err)
		}
		os.RemoveAll(name)
	}
}

func TestOpenRefusesOddURLs(t *testing.T) {
	for _, from := range []string{"", "http://", "https:///x", "http://h/?q=1", "http://h/#f", "http://[::1"} {
		if _, err := Open(from); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%q: %v", from, err)
		}
	}
}

func TestPiecesComeInOrder(t *testing.T) {
	l, files := sample(1500)
	src, _ := serve(t, testlog.Handler("", files))
	for _, r := range [][2]uint64{{0, 1500}, {300, 1500}, {0, 1}, {0, 256}, {0, 257}, {512, 700}, {1500, 1500}, {7, 3}} {
		next := r[0] >> 8
		err := src.Pieces(ctx, r[0], r[1], 1500, true, func(p Piece) error {
			if p.Index != next {
				return fmt.Errorf("piece %d, want %d", p.Index, next)
			}
			if !bytes.Equal(p.Leaves[0], l.Leaves[p.Index<<8]) || (p.Tile != nil) != (len(p.Leaves) == 256) {
				return fmt.Errorf("piece %d holds something else", p.Index)
			}
			next++
			return nil
		})
		want := r[0] >> 8
		if r[1] > r[0] {
			want = (r[1]-1)>>8 + 1
		}
		if err != nil || next != want {
			t.Errorf("%v: ended at %d: %v", r, next, err)
		}
	}
	stop := errors.New("stop")
	if err := src.Pieces(ctx, 0, 1500, 1500, true, func(Piece) error { return stop }); err != stop {
		t.Errorf("each's error: %v", err)
	}
	// The server may still be reading files for a request that was given up, so each fault has its
	// own.
	faulty := maps.Clone(files)
	delete(faulty, "tile/entries/003")
	src, _ = serve(t, testlog.Handler("", faulty))
	if err := src.Pieces(ctx, 0, 1500, 1500, false, func(Piece) error { return nil }); !errors.Is(err, ErrNotFound) {
		t.Errorf("a bundle that is not there: %v", err)
	}
	faulty = maps.Clone(files)
	faulty["tile/entries/003"] = []byte{0, 9}
	src, _ = serve(t, testlog.Handler("", faulty))
	var f *verifier.Failure
	if err := src.Pieces(ctx, 0, 1500, 1500, false, func(Piece) error { return nil }); !errors.As(err, &f) || *f.Index != 768 {
		t.Errorf("a truncated bundle: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := src.Pieces(gone, 0, 1500, 1500, false, func(Piece) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Who has given up may change or remove what was read, so nobody reads it any more.
func TestPiecesLeaveNoReader(t *testing.T) {
	_, files := sample(3000)
	src, _ := serve(t, testlog.Handler("", files))
	var reading atomic.Int32
	read := src.read
	src.read = func(ctx context.Context, path string, limit int) ([]byte, error) {
		reading.Add(1)
		defer reading.Add(-1)
		if !strings.HasSuffix(path, "/000") {
			<-ctx.Done()
		}
		return read(ctx, path, limit)
	}
	stop := errors.New("stop")
	if err := src.Pieces(ctx, 0, 3000, 3000, false, func(Piece) error { return stop }); err != stop {
		t.Error(err)
	}
	if n := reading.Load(); n != 0 {
		t.Errorf("%d pieces are still being read", n)
	}
}

func TestCopyServesAsLog(t *testing.T) {
	_, files := sample(700)
	src, _ := serve(t, testlog.Handler("", files))
	dir := filepath.Join(t.TempDir(), "new", "copy")
	src.SaveTo(dir)
	if err := src.Pieces(ctx, 0, 700, 700, true, func(Piece) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if HasCopy(dir, 700) == false || HasCopy(dir, 70000) || HasCopy(t.TempDir(), 256) {
		t.Error("HasCopy does not see what there is")
	}
	for _, path := range []string{"tile/entries/000", "tile/entries/002.p/188", "tile/0/001"} {
		if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || !bytes.Equal(got, files[path]) {
			t.Errorf("copy of %s: %v", path, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "checkpoint")); err == nil {
		t.Error("an unfinished copy has a checkpoint")
	}
}

func TestWriteFileLeavesNothingBeside(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "state")
	for _, content := range []string{"one", "two"} {
		if err := WriteFile(name, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(name); string(got) != content {
			t.Errorf("%q, want %q", got, content)
		}
	}
	if err := WriteFile(filepath.Join(name, "below-a-file"), nil); err == nil {
		t.Error("wrote below a file")
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("%d files left, want 1", len(list))
	}
}
