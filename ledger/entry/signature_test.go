package entry

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// ES256 signatures have twins. The twin is the same entry: whoever compares entries by their bytes would log it twice.
func TestTwinSignatureIsTheSameEntry(t *testing.T) {
	w := newWorld(t)
	e := w.sign(w.boardEC, w.accessBody())
	i := strings.LastIndexByte(e.Compact, '.') + 1
	sig, err := Decode64("", e.Compact[i:])
	if err != nil {
		t.Fatal(err)
	}
	twin, err := Parse(strings.Replace(e.SDJWT(), e.Compact, e.Compact[:i]+Encode64(highS(sig)), 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := twin.JWS.Verify(w.boardEC.Public); err != nil {
		t.Error("the twin verifies by the standard:", err)
	}
	if twin.Compact == e.Compact || twin.Identity() != e.Identity() {
		t.Error("want other bytes and the same identity")
	}
	// The leaf commits to one of the two: a receipt for the other is refused, so a source keeps what it sent.
	leaf, o := w.seal(e, 0)
	r := Receipt{Leaf: leaf, TagSalt: &o.TagSalt, Tag: &o.Tag, VRFProof: o.VRFProof, BodySalt: &o.BodySalt, Proof: string(w.proof(0, [][]byte{leaf}).Marshal())}
	if _, _, err := r.Check(e, mustVerifier(w.logKey), w.vrf.Public()); err != nil {
		t.Error(err)
	}
	if _, _, err := r.Check(twin, mustVerifier(w.logKey), w.vrf.Public()); !errors.Is(err, BadCommitment) {
		t.Errorf("got %v, want %s", err, BadCommitment)
	}
}

// Any byte of an entry changed makes it another, or none.
func TestEveryByteOfAnEntryCounts(t *testing.T) {
	w := newWorld(t)
	for _, e := range []*Entry{w.sign(w.registrar, w.boardBody()), w.sign(w.board, w.accessBody())} {
		key := w.registrar.Public
		if e.Type == TypeAccess {
			key = w.board.Public
		}
		whole := e.SDJWT()
		for i := range whole {
			b := []byte(whole)
			b[i] ^= 1
			if got, err := Parse(string(b)); err == nil && got.JWS.Verify(key) == nil {
				t.Fatalf("%s: byte %d of %d can be changed", e.Type, i, len(whole))
			}
		}
	}
}

// Any byte of a receipt's parts changed makes it fail.
func TestEveryByteOfAReceiptCounts(t *testing.T) {
	w := newWorld(t)
	e := w.sign(w.board, w.accessBody())
	leaf, o := w.seal(e, 1)
	leaves := [][]byte{PublicLeaf("a.b.c"), leaf, PublicLeaf("d.e.f")}
	proof := w.proof(1, leaves).Marshal()
	check := func(leaf, salt, tag, vrfProof, body, proof []byte) error {
		ts, tg, bs := Hash(salt), Hash(tag), Hash(body)
		r := Receipt{Leaf: leaf, TagSalt: &ts, Tag: &tg, VRFProof: vrfProof, BodySalt: &bs, Proof: string(proof)}
		_, _, err := r.Check(e, mustVerifier(w.logKey), w.vrf.Public())
		return err
	}
	parts := [][]byte{leaf, o.TagSalt[:], o.Tag[:], o.VRFProof, o.BodySalt[:], proof}
	if err := check(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]); err != nil {
		t.Fatal(err)
	}
	for p := range parts {
		for i := range parts[p] {
			if p == 3 && i%5 != 0 { // VRF proofs cost: a fifth of the bytes
				continue
			}
			changed := make([][]byte, len(parts))
			for q := range parts {
				changed[q] = bytes.Clone(parts[q])
			}
			changed[p][i] ^= 1
			if err := check(changed[0], changed[1], changed[2], changed[3], changed[4], changed[5]); err == nil {
				t.Fatalf("byte %d of part %d can be changed", i, p)
			}
		}
	}
}

func TestKeyFiles(t *testing.T) {
	for _, alg := range []string{EdDSA, ES256} {
		s, err := GenerateSigner(alg)
		if err != nil {
			t.Fatal(err)
		}
		data, err := s.MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseSigner(data)
		if err != nil || again.KID != s.KID || again.Public.Algorithm() != alg {
			t.Errorf("%s: %v", alg, err)
		}
	}
	if _, err := GenerateSigner("RS256"); !errors.Is(err, UnknownAlgorithm) {
		t.Error(err)
	}
	k := NewVRFKey()
	if again, err := ParseVRFKey(k.Bytes()); err != nil || again.Public() != k.Public() {
		t.Error(err)
	}
	for name, b := range map[string][]byte{"zero": make([]byte, 32), "31 bytes": make([]byte, 31), "empty": nil, "not reduced": bytes.Repeat([]byte{0xff}, 32)} {
		if _, err := ParseVRFKey(b); !errors.Is(err, BadVRF) {
			t.Errorf("%s: got %v, want %s", name, err, BadVRF)
		}
	}
}

func TestLogKey(t *testing.T) {
	skey, vkey, err := NewLogKey(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	if derived, err := LogVerifierKey(skey); err != nil || derived != vkey {
		t.Errorf("derived %q (%v), want %q", derived, err, vkey)
	}
	if _, _, err := NewLogKey("log+x"); !errors.Is(err, BadClaim) {
		t.Error(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Checkpoint{Origin: "another.example", Size: 1}).Sign(s); !errors.Is(err, BadCheckpoint) {
		t.Error("a checkpoint of another origin was signed:", err)
	}
	signed, err := Checkpoint{Origin: testOrigin, Size: 1}.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := OpenCheckpoint(signed, mustVerifier(vkey)); err != nil || c.Size != 1 {
		t.Error(c, err)
	}
}

func TestSignCaller(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	token, err := SignCaller(w.board, testOrigin, "north-board", "ig-office", now)
	if err != nil {
		t.Fatal(err)
	}
	j, c, err := ParseCaller(token, testOrigin, now)
	if err != nil || c.Issuer != "north-board" || c.Subject != "ig-office" {
		t.Fatal(c, err)
	}
	if err := j.Verify(w.board.Public); err != nil {
		t.Error(err)
	}
	if _, err := Parse(token); !errors.Is(err, BadHeader) {
		t.Error("a token was taken for an entry:", err)
	}
}

// A public entry must fit the u16 length of a C2SP entry bundle.
func TestPublicEntryTooLarge(t *testing.T) {
	w := newWorld(t)
	e := w.sign(w.registrar, w.boardBody())
	fill := func(n int) string { return w.edit(e, w.registrar, `{`, `{`+strings.Repeat(" ", n)) }
	// Four characters of base64url hold three bytes: step up to the limit and over it.
	n := (MaxLeafSize - 1 - len(e.Compact)) / 4 * 3
	largest, err := Parse(fill(n))
	if err != nil || len(PublicLeaf(largest.Compact)) > MaxLeafSize {
		t.Fatalf("%d bytes: %v", len(fill(n)), err)
	}
	if _, err := ParseLeaf(PublicLeaf(largest.Compact)); err != nil {
		t.Error(err)
	}
	over := fill(n + 6)
	if len(over) < MaxLeafSize {
		t.Fatalf("%d bytes are not over the limit", len(over))
	}
	if _, err := Parse(over); !errors.Is(err, TooLarge) {
		t.Errorf("got %v, want %s", err, TooLarge)
	}
	for name, err := range map[string]error{
		"leaf":       func() error { _, err := ParseLeaf(make([]byte, MaxLeafSize+1)); return err }(),
		"JWS":        func() error { _, err := ParseJWS("x", strings.Repeat("A", maxJWS+1), TypEntry); return err }(),
		"disclosure": disclosureErr(strings.Repeat("A", 2*maxText+1)),
		"receipt":    func() error { _, err := ParseReceipt(make([]byte, 1<<18+1)); return err }(),
		"proof":      func() error { _, err := ParseProof(make([]byte, 1<<17+1)); return err }(),
		"opening":    func() error { _, err := ParseOpening(make([]byte, 4<<20)); return err }(),
		"checkpoint": func() error { _, err := OpenCheckpoint(make([]byte, 1<<16+1), mustVerifier(w.logKey)); return err }(),
	} {
		if !errors.Is(err, TooLarge) {
			t.Errorf("%s: got %v, want %s", name, err, TooLarge)
		}
	}
}

// Millions of separators take no memory before they are refused.
func TestManySeparatorsAreCheap(t *testing.T) {
	w := newWorld(t)
	e := w.sign(w.board, w.accessBody())
	hostile := []string{e.Compact + strings.Repeat("~", 8<<20), strings.Repeat(".", 1<<20)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, s := range hostile {
		if _, err := Parse(s); err == nil {
			t.Error("taken")
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}
