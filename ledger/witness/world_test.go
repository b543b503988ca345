package witness

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
)

const origin = "ledger.test/2026"

// memory is a log in memory, with the tree of golang.org/x/mod.
type memory struct {
	t      testing.TB
	signer note.Signer
	vkey   string

	mu       sync.Mutex
	hashes   []tlog.Hash
	size     int64
	salt     string // of the leaves: another salt is another history
	away     error  // what Newest answers
	kept     map[string][]cosign.Cosignature
	keptAt   map[string]uint64
	newests  int
	contrary []error       // what Contradicted was called with
	changed  chan struct{} // told of each Keep
}

func newMemory(t testing.TB) *memory {
	skey, vkey, err := wire.NewLogKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return &memory{t: t, signer: signer, vkey: vkey, kept: map[string][]cosign.Cosignature{},
		keptAt: map[string]uint64{}, changed: make(chan struct{}, 1000)}
}

func (m *memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, m.hashes[i])
	}
	return out, nil
}

func (m *memory) grow(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range n {
		hs, err := tlog.StoredHashes(m.size, fmt.Appendf(nil, "leaf %s %d", m.salt, m.size), m)
		if err != nil {
			m.t.Error(err)
		}
		m.hashes = append(m.hashes, hs...)
		m.size++
	}
}

// restore goes back in time, as from a backup, and grows differently from there.
func (m *memory) restore(size int) {
	m.mu.Lock()
	m.hashes, m.size, m.salt = nil, 0, ""
	m.mu.Unlock()
	m.grow(size)
	m.mu.Lock()
	m.salt = "restored"
	m.mu.Unlock()
}

func (m *memory) head() Checkpoint {
	root, err := tlog.TreeHash(m.size, m)
	if err != nil {
		m.t.Error(err)
	}
	c := proof.Checkpoint{Origin: origin, Size: uint64(m.size), Root: wire.Hash(root)}
	signed, err := c.Sign(m.signer)
	if err != nil {
		m.t.Error(err)
	}
	return Checkpoint{c, signed}
}

func (m *memory) Newest(context.Context) (Checkpoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.newests++
	if m.away != nil {
		return Checkpoint{}, m.away
	}
	return m.head(), nil
}

func (m *memory) Size(context.Context) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return uint64(m.size), nil
}

func (m *memory) Cosigned(_ context.Context, vkey string) (uint64, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.kept[vkey]; len(k) > 0 {
		return m.keptAt[vkey], k[len(k)-1].Time, nil
	}
	return 0, time.Time{}, nil
}

func (m *memory) Prove(_ context.Context, old, size uint64) ([][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := tlog.ProveTree(int64(size), int64(old), m)
	var out [][]byte
	for _, h := range p {
		out = append(out, h[:])
	}
	return out, err
}

func (m *memory) Keep(_ context.Context, c Checkpoint, s cosign.Cosignature) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept[s.By.VKey] = append(m.kept[s.By.VKey], s)
	m.keptAt[s.By.VKey] = c.Size
	m.changed <- struct{}{}
	return nil
}

func (m *memory) Contradicted(_ context.Context, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.contrary = append(m.contrary, err)
}

// keptBy returns the size of the last checkpoint kept with w's cosignature, and how often one was
// kept.
func (m *memory) keptBy(w *fake) (size uint64, times int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keptAt[w.vkey()], len(m.kept[w.vkey()])
}

// fake is a witness written from the text of C2SP tlog-witness, as honest as its fields say.
type fake struct {
	name   string
	key    ed25519.PrivateKey
	logKey note.Verifier

	mu       sync.Mutex
	size     int64
	hash     tlog.Hash
	requests []string // "old <n> → <m>: <status>"
	under    int
	most     int                             // requests under way at once
	before   func(http.ResponseWriter) bool  // true: it has answered
	lines    func(proof.Checkpoint) string   // in place of its cosignature
	sizes    func(known int64) (body string) // in place of the size in a 409
	hang     bool
}

func newFake(t testing.TB, name string, m *memory) *fake {
	seed := sha256.Sum256([]byte(name))
	v, err := wire.NewLogVerifier(m.vkey)
	if err != nil {
		t.Fatal(err)
	}
	return &fake{name: name, key: ed25519.NewKeyFromSeed(seed[:]), logKey: v}
}

func (f *fake) id() []byte {
	h := sha256.Sum256(append([]byte(f.name+"\n\x04"), f.key.Public().(ed25519.PublicKey)...))
	return h[:4]
}

func (f *fake) vkey() string {
	return fmt.Sprintf("%s+%x+%s", f.name, f.id(), base64.StdEncoding.EncodeToString(append([]byte{4},
		f.key.Public().(ed25519.PublicKey)...)))
}

func (f *fake) witness() *cosign.Cosigner {
	c, err := cosign.New(f.name, f.vkey())
	if err != nil {
		panic(err)
	}
	c.URL = "https://" + f.name + "/prefix/"
	return c
}

func (f *fake) line(c proof.Checkpoint, at int64) string {
	b := binary.BigEndian.AppendUint64(f.id(), uint64(at))
	b = append(b, ed25519.Sign(f.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n%d\n%s\n", at, c.Origin,
		c.Size, base64.StdEncoding.EncodeToString(c.Root[:])))...)
	return "— " + f.name + " " + base64.StdEncoding.EncodeToString(b) + "\n"
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.requests...)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.under++
	f.most = max(f.most, f.under)
	hang := f.hang
	f.mu.Unlock()
	defer f.set(func() { f.under-- })
	if hang {
		<-r.Context().Done()
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	rec := httptest.NewRecorder()
	old, size := f.serve(rec, r, string(body))
	f.requests = append(f.requests, fmt.Sprintf("%d→%d: %d", old, size, rec.Code))
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request, body string) (old, size int64) {
	if f.before != nil && f.before(w) {
		return
	}
	status := func(code int) { http.Error(w, http.StatusText(code), code) }
	above, text, ok := strings.Cut(body, "\n\n")
	lines := strings.Split(above, "\n")
	if _, err := fmt.Sscanf(lines[0], "old %d", &old); !ok || err != nil || r.Method != http.MethodPost ||
		r.URL.Path != "/prefix/add-checkpoint" {
		status(http.StatusBadRequest)
		return
	}
	var path tlog.TreeProof
	for _, l := range lines[1:] {
		h, err := tlog.ParseHash(l)
		if err != nil {
			status(http.StatusBadRequest)
			return
		}
		path = append(path, h)
	}
	n, err := note.Open([]byte(text), note.VerifierList(f.logKey))
	if err != nil {
		status(http.StatusForbidden)
		return
	}
	c, err := proof.ParseCheckpointText(n.Text)
	size = int64(c.Size)
	switch {
	case err != nil || old > size || len(path) > 63 || old == 0 && len(path) > 0:
		status(http.StatusBadRequest)
		return
	case old != f.size || f.sizes != nil:
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(http.StatusConflict)
		if f.sizes != nil {
			_, _ = io.WriteString(w, f.sizes(f.size))
		} else {
			_, _ = fmt.Fprintf(w, "%d\n", f.size)
		}
		return
	case old == size && f.hash != tlog.Hash(c.Root):
		status(http.StatusConflict)
		return
	}
	if old > 0 && tlog.CheckTree(path, size, tlog.Hash(c.Root), old, f.hash) != nil {
		status(http.StatusUnprocessableEntity)
		return
	}
	f.size, f.hash = size, tlog.Hash(c.Root)
	if f.lines != nil {
		_, _ = io.WriteString(w, f.lines(c))
		return
	}
	_, _ = io.WriteString(w, f.line(c, time.Now().Unix()))
	return
}

// network leads to the fakes without sockets, so that synctest can stop time.
type network map[string]*fake

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	f := n[r.URL.Host]
	if f == nil {
		return nil, fmt.Errorf("connection refused")
	}
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}

// records collects what is logged.
type records struct {
	slog.Handler
	mu   *sync.Mutex
	list *[]string
}

func newRecords() records {
	return records{slog.DiscardHandler, &sync.Mutex{}, &[]string{}}
}

func (r records) Enabled(context.Context, slog.Level) bool { return true }
func (r records) WithAttrs(a []slog.Attr) slog.Handler     { return r }
func (r records) Handle(_ context.Context, rec slog.Record) error {
	s := rec.Level.String() + " " + rec.Message
	rec.Attrs(func(a slog.Attr) bool { s += " " + a.String(); return true })
	r.mu.Lock()
	defer r.mu.Unlock()
	*r.list = append(*r.list, s)
	return nil
}

func (r records) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), *r.list...)
}

// client returns a Client of these fakes, with Interval 1 s and Timeout 5 s.
func client(t testing.TB, logger *slog.Logger, fakes ...*fake) *Client {
	cfg := Config{Transport: network{}, Logger: logger}
	for _, f := range fakes {
		cfg.Cosigners = append(cfg.Cosigners, f.witness())
		cfg.Transport.(network)[f.name] = f
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
