package entry_test

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// ES256 signatures have twins. The twin is the same entry: a log that compared entries by their
// bytes would log it twice.
func TestTwinSignatureIsTheSameEntry(t *testing.T) {
	w := newWorld(t)
	e := w.sign(w.boardEC, w.accessBody())
	i := strings.LastIndexByte(e.Compact, '.') + 1
	sig, err := wire.Decode64("", e.Compact[i:])
	if err != nil {
		t.Fatal(err)
	}
	twin, err := entry.Parse(strings.Replace(e.SDJWT(), e.Compact, e.Compact[:i]+wire.Encode64(highS(sig)), 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := twin.JWS.Verify(w.boardEC.Public); err != nil {
		t.Error("the twin must verify by the standard:", err)
	}
	if twin.Compact == e.Compact || twin.Identity() != e.Identity() {
		t.Error("want other bytes and the same identity")
	}
}

// If any byte of an entry is changed, it is another entry or none.
func TestEveryByteOfAnEntryCounts(t *testing.T) {
	w := newWorld(t)
	for _, e := range []*entry.Entry{w.sign(w.registrar, w.boardBody()), w.sign(w.board, w.accessBody())} {
		key := w.registrar.Public
		if e.Type == entry.TypeAccess {
			key = w.board.Public
		}
		whole := e.SDJWT()
		for i := range whole {
			b := []byte(whole)
			b[i] ^= 1
			if got, err := entry.Parse(string(b)); err == nil && got.JWS.Verify(key) == nil {
				t.Fatalf("%s: byte %d of %d can be changed", e.Type, i, len(whole))
			}
		}
	}
}

func TestKeyFiles(t *testing.T) {
	for _, alg := range []string{wire.EdDSA, wire.ES256} {
		s, err := wire.GenerateSigner(alg)
		if err != nil {
			t.Fatal(err)
		}
		data, err := s.MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		again, err := wire.ParseSigner(data)
		if err != nil || again.KID != s.KID || again.Public.Algorithm() != alg {
			t.Errorf("%s: %v", alg, err)
		}
	}
	if _, err := wire.GenerateSigner("RS256"); !errors.Is(err, wire.UnknownAlgorithm) {
		t.Error(err)
	}
	k := wire.NewVRFKey()
	if again, err := wire.ParseVRFKey(k.Bytes()); err != nil || again.Public() != k.Public() {
		t.Error(err)
	}
	for name, b := range map[string][]byte{"zero": make([]byte, 32), "31 bytes": make([]byte, 31), "empty": nil,
		"not reduced": bytes.Repeat([]byte{0xff}, 32)} {
		if _, err := wire.ParseVRFKey(b); !errors.Is(err, wire.BadVRF) {
			t.Errorf("%s: got %v, want %s", name, err, wire.BadVRF)
		}
	}
}

func TestLogKey(t *testing.T) {
	skey, vkey, err := wire.NewLogKey(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	if derived, err := wire.LogVerifierKey(skey); err != nil || derived != vkey {
		t.Errorf("derived %q (%v), want %q", derived, err, vkey)
	}
	if _, _, err := wire.NewLogKey("log+x"); !errors.Is(err, wire.BadClaim) {
		t.Error(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (proof.Checkpoint{Origin: "another.example", Size: 1}).Sign(s); !errors.Is(err, wire.BadCheckpoint) {
		t.Error("a checkpoint of another origin was signed:", err)
	}
	signed, err := proof.Checkpoint{Origin: testOrigin, Size: 1}.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := proof.OpenCheckpoint(signed, mustVerifier(vkey)); err != nil || c.Size != 1 {
		t.Error(c, err)
	}
}

func TestSignCaller(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	token, err := register.SignCaller(w.board, testOrigin, "north-board", "ig-office", now)
	if err != nil {
		t.Fatal(err)
	}
	j, c, err := register.ParseCaller(token, testOrigin, now)
	if err != nil || c.Issuer != "north-board" || c.Subject != "ig-office" {
		t.Fatal(c, err)
	}
	if err := j.Verify(w.board.Public); err != nil {
		t.Error(err)
	}
	if _, err := entry.Parse(token); !errors.Is(err, wire.BadHeader) {
		t.Error("a token was accepted as an entry:", err)
	}
}

// A public entry must fit the u16 length of a C2SP entry bundle.
func TestPublicEntryTooLarge(t *testing.T) {
	w := newWorld(t)
	e := w.sign(w.registrar, w.boardBody())
	fill := func(n int) string { return w.edit(e, w.registrar, `{`, `{`+strings.Repeat(" ", n)) }
	// Four characters of base64url hold three bytes: step up to the limit and over it.
	n := (entry.MaxLeafSize - 1 - len(e.Compact)) / 4 * 3
	largest, err := entry.Parse(fill(n))
	if err != nil || len(proof.PublicLeaf(largest.Compact)) > entry.MaxLeafSize {
		t.Fatalf("%d bytes: %v", len(fill(n)), err)
	}
	if _, err := proof.ParseLeaf(proof.PublicLeaf(largest.Compact)); err != nil {
		t.Error(err)
	}
	over := fill(n + 6)
	if len(over) < entry.MaxLeafSize {
		t.Fatalf("%d bytes are not over the limit", len(over))
	}
	if _, err := entry.Parse(over); !errors.Is(err, wire.TooLarge) {
		t.Errorf("got %v, want %s", err, wire.TooLarge)
	}
	for name, err := range map[string]error{
		"leaf": func() error { _, err := proof.ParseLeaf(make([]byte, entry.MaxLeafSize+1)); return err }(),
		"JWS": func() error {
			_, err := wire.ParseJWS("x", strings.Repeat("A", wire.MaxJWS+1), wire.TypEntry)
			return err
		}(),
		"disclosure": disclosureErr(strings.Repeat("A", 2*wire.MaxText+1)),
		"receipt":    func() error { _, err := bundle.ParseReceipt(make([]byte, 1<<20+1)); return err }(),
		"proof":      func() error { _, err := proof.ParseInclusion(make([]byte, proof.MaxCheckpoint+16<<10+1)); return err }(),
		"opening":    func() error { _, err := bundle.ParseOpening(make([]byte, 4<<20)); return err }(),
		"checkpoint": func() error {
			_, err := proof.OpenCheckpoint(make([]byte, proof.MaxCheckpoint+1), mustVerifier(w.logKey))
			return err
		}(),
	} {
		if !errors.Is(err, wire.TooLarge) {
			t.Errorf("%s: got %v, want %s", name, err, wire.TooLarge)
		}
	}
}

// Millions of separators are refused before they take memory.
func TestManySeparatorsAreCheap(t *testing.T) {
	w := newWorld(t)
	e := w.sign(w.board, w.accessBody())
	hostile := []string{e.Compact + strings.Repeat("~", 8<<20), strings.Repeat(".", 1<<20)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, s := range hostile {
		if _, err := entry.Parse(s); err == nil {
			t.Error("taken")
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}
