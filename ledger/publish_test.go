package ledger_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"igledger/internal/testdb"
	"igledger/internal/testneeds"
	"igledger/internal/testwitness"
	"igledger/ledger"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
	"igledger/ledger/witness"
)

// cosignatureVerifier is C2SP tlog-cosignature for golang.org/x/mod's notes, independent of the
// code under test.
type cosignatureVerifier struct {
	name string
	key  ed25519.PublicKey
}

func (v cosignatureVerifier) Name() string { return v.name }
func (v cosignatureVerifier) KeyHash() uint32 {
	h := sha256.Sum256(append([]byte(v.name+"\n\x04"), v.key...))
	return binary.BigEndian.Uint32(h[:])
}
func (v cosignatureVerifier) Verify(msg, sig []byte) bool {
	return len(sig) == 72 && ed25519.Verify(v.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg), sig[8:])
}

func signLine(name string, key ed25519.PrivateKey, c proof.Checkpoint, at int64) string {
	id := sha256.Sum256(append([]byte(name+"\n\x04"), key.Public().(ed25519.PublicKey)...))
	b := binary.BigEndian.AppendUint64(id[:4], uint64(at))
	b = append(b, ed25519.Sign(key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, c.Text()))...)
	return "— " + name + " " + base64.StdEncoding.EncodeToString(b) + "\n"
}

// watching keeps the log witnessed and receives every attempt.
type watching struct {
	*world
	events chan event
	stop   func()
}

type event struct {
	witness string
	size    uint64
	kept    bool
	err     error
}

// believe opens the log again with a policy of these cosigners. The quorum is written as in a
// policy's group line.
func (w *world) believe(quorum string, known ...*cosign.Cosigner) {
	w.t.Helper()
	text := "log " + w.log.VerifierKey() + "\n"
	for _, c := range known {
		text += "witness " + c.Name + " " + c.VKey + " " + c.URL + "\n"
	}
	var err error
	if w.policy, err = cosign.ParsePolicy([]byte(text + "group enough " + quorum + "\nquorum enough\n")); err != nil {
		w.t.Fatal(err)
	}
	w.reopen()
}

func (w *world) watch() *watching {
	w.t.Helper()
	x := &watching{world: w, events: make(chan event, 10000)}
	cfg := witness.Config{Cosigners: w.policy.Cosigners, Interval: 10 * time.Millisecond, Now: w.now}
	cfg.Observe = func(name string, size uint64, kept bool, err error) { x.events <- event{name, size, kept, err} }
	client, err := witness.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); w.log.Witness(ctx, client) }()
	x.stop = func() { cancel(); <-ended }
	w.t.Cleanup(x.stop)
	return x
}

// await waits until each of them has cosigned the log's present size.
func (x *watching) await(names ...string) uint64 {
	x.t.Helper()
	size, err := x.log.Size(x.ctx)
	if err != nil {
		x.t.Fatal(err)
	}
	for len(names) > 0 {
		e := <-x.events
		if i := slices.Index(names, e.witness); i >= 0 && e.err == nil && e.size == size {
			names = slices.Delete(names, i, i+1)
		}
	}
	return size
}

// signers returns the size of a checkpoint and the names of its signers, in alphabetical order. All
// signatures of the log and of known cosigners must be good.
func signers(t *testing.T, signed []byte, logKey string, known ...*cosign.Cosigner) (size uint64, names string) {
	t.Helper()
	v, err := wire.NewLogVerifier(logKey)
	if err != nil {
		t.Fatal(err)
	}
	list := []note.Verifier{v}
	for _, k := range known {
		raw, err := base64.StdEncoding.DecodeString(strings.SplitN(k.VKey, "+", 3)[2])
		if err != nil || len(raw) != 33 {
			t.Fatalf("key %q: %v", k.VKey, err)
		}
		list = append(list, cosignatureVerifier{k.Name, raw[1:]})
	}
	n, err := note.Open(signed, note.VerifierList(list...))
	if err != nil {
		t.Fatalf("the checkpoint does not verify: %v\n%s", err, signed)
	}
	c, err := proof.ParseCheckpointText(n.Text)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, s := range n.Sigs[1:] {
		all = append(all, s.Name)
	}
	slices.Sort(all)
	return c.Size, strings.Join(all, " ")
}

func (x *watching) published(size uint64, names string, known ...*cosign.Cosigner) {
	x.t.Helper()
	signed, err := x.log.PublishedCheckpoint(x.ctx)
	if err != nil {
		x.t.Fatal(err)
	}
	if s, n := signers(x.t.(*testing.T), signed, x.log.VerifierKey(), known...); s != size || n != names {
		x.t.Errorf("the checkpoint is of %d and cosigned by %q, want %d and %q", s, n, size, names)
	}
}

func (x *watching) witnessed(size uint64, names string, known ...*cosign.Cosigner) {
	x.t.Helper()
	signed, err := x.log.WitnessedCheckpoint(x.ctx)
	if err != nil {
		x.t.Fatal(err)
	}
	if s, n := signers(x.t.(*testing.T), signed, x.log.VerifierKey(), known...); s != size || n != names {
		x.t.Errorf("the witnessed checkpoint is of %d and cosigned by %q, want %d and %q", s, n, size, names)
	}
}

// Two witnesses, which run a third party's program, cosign. Killing one costs its line and nothing
// else. One that lost its memory catches up.
func TestLitewitness(t *testing.T) {
	testneeds.Time(t, "building a witness by other authors")
	program := testwitness.Build(t, t.TempDir())
	w := newWorld(t, testdb.SQLite(t))
	a := testwitness.New(t, program, "a.witness.test", origin, w.log.VerifierKey())
	b := testwitness.New(t, program, "b.witness.test", origin, w.log.VerifierKey())
	known := []*cosign.Cosigner{a.Cosigner(), b.Cosigner()}
	const both = "a.witness.test b.witness.test"
	if _, err := w.log.WitnessedCheckpoint(w.ctx); !errors.Is(err, ledger.ErrNotFound) {
		t.Fatalf("before any cosignature: %v", err)
	}
	a.Start()
	b.Start()
	w.believe("all "+both, known...)
	w.root()
	x := w.watch()
	first := x.await(a.Name, b.Name)
	firstRoot, err := w.log.Checkpoint(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	x.published(first, both, known...)
	x.witnessed(first, both, known...)

	for range 3 {
		w.must(w.access("chi:0101011237"))
	}
	w.root()
	second := x.await(a.Name, b.Name)
	x.published(second, both, known...)
	x.witnessed(second, both, known...)

	b.Kill()
	e := w.access("chi:0101011237")
	w.checkReceipt(e, w.must(e)) // no append waits for a dead witness
	w.root()
	third := x.await(a.Name)
	x.published(third, a.Name, known...)
	x.witnessed(second, both, known...)

	b.Answered()
	root := strings.Split(string(firstRoot), "\n")[2]
	b.Database("UPDATE log SET tree_size = ?, tree_hash = ?", first, root)
	b.Start()
	x.await(b.Name)
	x.published(third, both, known...)
	x.witnessed(third, both, known...)
	if s := slices.DeleteFunc(b.Answered(), func(s int) bool { return s == http.StatusBadGateway }); !slices.Equal(s, []int{409, 200}) {
		t.Errorf("the rewound witness answered %v, want 409 and 200", s)
	}

	// A ledger that restarts knows from its database what they have seen.
	x.stop()
	a.Answered()
	w.reopen()
	w.root()
	x = w.watch()
	fourth := x.await(a.Name, b.Name)
	x.published(fourth, both, known...)
	if s := append(a.Answered(), b.Answered()...); !slices.Equal(s, []int{200, 200}) {
		t.Errorf("after a restart they answered %v", s)
	}
}

// A witness that hangs, one that lies and one that is not there affect no other witness, on every
// database.
func TestBadWitnesses(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		key := func(name string) ed25519.PrivateKey {
			s := sha256.Sum256([]byte(name))
			return ed25519.NewKeyFromSeed(s[:])
		}
		serve := func(name string, answer func(c proof.Checkpoint) string) *cosign.Cosigner {
			s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				_, text, _ := strings.Cut(string(body), "\n\n")
				text, _, _ = strings.Cut(text, "\n\n")
				c, err2 := proof.ParseCheckpointText(text + "\n")
				if err != nil || err2 != nil {
					t.Errorf("the request: %v %v", err, err2)
				}
				if answer == nil {
					<-r.Context().Done()
					return
				}
				_, _ = io.WriteString(rw, answer(c))
			}))
			t.Cleanup(s.Close)
			return cosigner(t, name, key(name), s.URL)
		}
		good := serve("good", func(c proof.Checkpoint) string { return signLine("good", key("good"), c, w.now().Unix()) })
		liar := serve("liar", func(c proof.Checkpoint) string { return signLine("liar", key("good"), c, w.now().Unix()) })
		other := serve("other", func(c proof.Checkpoint) string { c.Size--; return signLine("other", key("other"), c, w.now().Unix()) })
		deaf := serve("deaf", nil)
		known := []*cosign.Cosigner{good, liar, other, deaf}
		w.believe("all good", known...)
		x := w.watch()
		var size uint64
		for range 3 {
			e := w.access("chi:0101011237")
			w.checkReceipt(e, w.must(e))
			w.root()
			size = x.await("good")
		}
		for wait := map[string]bool{"liar": true, "other": true}; len(wait) > 0; { // each has had its say
			e := <-x.events
			if e.witness != "good" && e.witness != "deaf" {
				if !errors.Is(e.err, witness.ErrBadCosignature) {
					t.Errorf("%s: %v", e.witness, e.err)
				}
				delete(wait, e.witness)
			}
		}
		x.published(size, "good", known...)
		x.witnessed(size, "good", known...)
		x.stop()
	})
}

// An auditor's cosignature is kept if this log signed the checkpoint and its tree is that of the
// database.
func TestAddCosignatures(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		seed := sha256.Sum256([]byte("auditor"))
		key := ed25519.NewKeyFromSeed(seed[:])
		auditor := cosigner(t, "auditor", key, "")
		signed, err := w.log.Checkpoint(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.log.AddCosignatures(w.ctx, signed); !errors.Is(err, ledger.ErrNoCosigner) {
			t.Errorf("a log without a policy: %v", err)
		}
		w.believe("all auditor", auditor)
		x := &watching{world: w}
		v, err := wire.NewLogVerifier(w.log.VerifierKey())
		if err != nil {
			t.Fatal(err)
		}
		checkpoint := func() (proof.Checkpoint, string) {
			signed, err := w.log.Checkpoint(w.ctx)
			if err != nil {
				t.Fatal(err)
			}
			c, err := proof.OpenCheckpoint(signed, v)
			if err != nil {
				t.Fatal(err)
			}
			return c, string(signed)
		}
		w.root()
		old, oldNote := checkpoint()
		w.must(w.access("chi:0101011237"))
		head, headNote := checkpoint()
		add := func(signed string) ([]string, error) { return w.log.AddCosignatures(w.ctx, []byte(signed)) }

		stranger := "— stranger AAAAAAAAAA==\n"
		if names, err := add(oldNote + stranger); !errors.Is(err, ledger.ErrNoCosigner) || len(names) != 0 {
			t.Errorf("a stranger's line: %q, %v", names, err)
		}
		for range 2 {
			if names, err := add(oldNote + stranger + signLine("auditor", key, old, 1700000000)); err != nil ||
				!slices.Equal(names, []string{"auditor"}) {
				t.Fatalf("an older checkpoint: %q, %v", names, err)
			}
		}
		x.published(head.Size, "", auditor)
		x.witnessed(old.Size, "auditor", auditor)
		if signed, err := w.log.WitnessedCheckpoint(w.ctx); err != nil || string(signed) != oldNote+signLine("auditor", key, old, 1700000000) {
			t.Errorf("served %q, %v", signed, err)
		}

		if _, err := add(headNote + signLine("auditor", key, old, 1700000000)); !errors.Is(err, ledger.ErrBadCosignature) {
			t.Errorf("a line for another checkpoint: %v", err)
		}
		if _, err := add(headNote + signLine("auditor", key, head, w.now().Unix()+3600)); !errors.Is(err, ledger.ErrBadCosignature) {
			t.Errorf("a line with a time in the future: %v", err)
		}
		if _, err := add(headNote + strings.Repeat(stranger, 4000)); !errors.Is(err, ledger.ErrForeign) {
			t.Errorf("a note of %d bytes: %v", len(headNote)+4000*len(stranger), err)
		}
		if _, err := add(strings.Replace(headNote, "\n", "x\n", 1)); !errors.Is(err, ledger.ErrForeign) {
			t.Errorf("not signed by this log: %v", err)
		}
		x.published(head.Size, "", auditor)
		if names, err := add(headNote + signLine("auditor", key, head, 1700000000)); err != nil || len(names) != 1 {
			t.Errorf("the newest: %q, %v", names, err)
		}
		x.published(head.Size, "auditor", auditor)
		x.witnessed(old.Size, "auditor", auditor) // the newest is no anchor
		w.root()
		anchor, note := checkpoint()
		if _, err := add(note + signLine("auditor", key, anchor, 1700000000)); err != nil {
			t.Fatal(err)
		}
		x.witnessed(anchor.Size, "auditor", auditor)
		// The last act: what the log's key has signed beside this tree stops it, now and after a restart.
		for _, f := range []struct {
			name string
			c    proof.Checkpoint
		}{
			{"the empty log", proof.Checkpoint{Origin: origin, Size: 0, Root: sha256.Sum256(nil)}},
			{"a fork", proof.Checkpoint{Origin: origin, Size: head.Size, Root: old.Root}},
			{"a fork of an older size", proof.Checkpoint{Origin: origin, Size: old.Size, Root: head.Root}},
			{"a size yet to come", proof.Checkpoint{Origin: origin, Size: anchor.Size + 1, Root: head.Root}},
		} {
			signed, err := f.c.Sign(w.keys.Log)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := add(string(signed) + signLine("auditor", key, f.c, 1700000000)); !errors.Is(err, ledger.ErrFork) {
				t.Errorf("%s: %v", f.name, err)
			}
			if err := w.log.Ready(w.ctx); (err == nil) != (f.c.Size == 0) {
				t.Errorf("%s: ready: %v", f.name, err)
			}
		}
		w.mustBeStopped("signed by the log's key")
		w.reopen()
		w.mustBeStopped("signed by the log's key")
	})
}

// A witness that has seen a larger tree than the log has, or another one, stops the log, now and
// after a restart: the database has lost entries that were published.
func TestWitnessKnowsMore(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		media  string
		body   string
		want   error
	}{
		"a larger tree": {http.StatusConflict, "text/x.tlog.size", "999\n", witness.ErrAhead},
		"another tree":  {http.StatusUnprocessableEntity, "text/plain", "", witness.ErrInconsistent},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, testdb.SQLite(t))
			s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", answer.media)
				rw.WriteHeader(answer.status)
				_, _ = io.WriteString(rw, answer.body)
			}))
			t.Cleanup(s.Close)
			seed := sha256.Sum256([]byte(name))
			w.believe("all far", cosigner(t, "far", ed25519.NewKeyFromSeed(seed[:]), s.URL))
			w.root()
			x := w.watch()
			if e := <-x.events; !errors.Is(e.err, answer.want) {
				t.Fatalf("the witness: %v", e.err)
			}
			w.mustBeStopped("witness far")
			x.stop()
			w.reopen()
			w.mustBeStopped("witness far")
		})
	}
}

// cosigner is a cosigner in a policy, with a verifier key of C2SP tlog-cosignature that this test
// encodes itself.
func cosigner(t *testing.T, name string, key ed25519.PrivateKey, url string) *cosign.Cosigner {
	t.Helper()
	raw := append([]byte{4}, key.Public().(ed25519.PublicKey)...)
	id := sha256.Sum256(append([]byte(name+"\n"), raw...))
	c, err := cosign.New(name, fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(raw)))
	if err != nil {
		t.Fatal(err)
	}
	c.URL = url
	return c
}
