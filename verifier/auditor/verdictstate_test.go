package auditor_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"igledger/consent"
	"igledger/internal/testlog"
	"igledger/internal/testneeds"
	"igledger/ledger/entry"
	"igledger/verifier"
	"igledger/verifier/auditor"
)

var secret = []byte("of the caller")

func written(t testing.TB, v *auditor.Verdicts) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := v.WriteState(&b, secret); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tampered is a log with a doubt early and one late, and a person of whom some content is gone and
// a verdict differs. The last access is covered by a delegation of long before.
func tampered() (*testlog.Governed, []uint64) {
	g := governed()
	a := *g.SharedAccess(g.IDs[1]).Body.(*entry.Access)
	a.ID, a.SD, a.Org, a.Agreement, a.Purpose, a.Delegation = "", nil, "", "", []string{"PWATRNY"}, "7d444840-9dc0-11d1-b245-5ffdce74fad3"
	last := g.AddSealed(testlog.Sign(g.Second, &a), g.IDs[1])
	g.GiveVerdicts(consent.New())
	if g.Openings[last].Verdict.Result != entry.Covered {
		panic("the test log is not what it should be")
	}
	at := []uint64{g.Accesses[1], g.Shared[5]}
	for _, i := range append([]uint64{g.Shared[3]}, at...) {
		v := *g.Openings[i].Verdict
		v.Policies = 7
		g.Openings[i].Verdict = &v
	}
	gone := g.Consents[0] // of the person of Shared[3]
	g.Openings[gone].JWS, g.Openings[gone].Disclosures = "", nil
	return g, []uint64{at[0], gone, at[1]}
}

// From any leaf on, a replay that was written down and read again finds what one finds that was
// not.
func TestVerdictsGoOnFromTheirState(t *testing.T) {
	g, at := tampered()
	through := replay(t, g.Log).to(g.Size())
	var doubts []uint64
	for _, d := range through.verdicts.Doubts() {
		doubts = append(doubts, d.Index)
	}
	if !slices.Equal(doubts, at) || through.verdicts.Stats().Unsure != 1 {
		t.Fatalf("doubts at %v, want %v; %+v", doubts, at, through.verdicts.Stats())
	}
	for cut := range g.Size() {
		r := replay(t, g.Log).to(cut)
		file := written(t, r.verdicts)
		for _, id := range g.IDs {
			if _, number, _ := strings.Cut(id, ":"); bytes.Contains(file, []byte(number)) {
				t.Fatalf("cut at %d: the file names a person", cut)
			}
		}
		again, err := auditor.ReadVerdicts(bytes.NewReader(file), secret, origin, consent.New())
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if again.Size() != cut || again.Stats() != r.verdicts.Stats() {
			t.Fatalf("cut at %d: read as something else", cut)
		}
		r.verdicts = again
		r.to(g.Size())
		if len(r.found) > 0 || len(again.Wrong()) > 0 || !reflect.DeepEqual(again.Doubts(), through.verdicts.Doubts()) || again.Stats() != through.verdicts.Stats() {
			t.Errorf("cut at %d: found %v, wrong %v, doubts %+v, stats %+v", cut, r.found, again.Wrong(), again.Doubts(), again.Stats())
		}
	}
}

// Which id has which tag is not forgotten over a restart.
func TestFilingIsInTheState(t *testing.T) {
	for name, misfile := range map[string]func(g *testlog.Governed) uint64{
		"another's tag": func(g *testlog.Governed) uint64 { return g.AddSealed(g.SharedAccess("chi:0202021238"), g.IDs[1]) },
		"a second tag":  func(g *testlog.Governed) uint64 { return g.AddSealed(g.SharedAccess(g.IDs[0]), "chi:0202021238") },
	} {
		g := governed()
		r := replay(t, g.Log).to(g.Size())
		again, err := auditor.ReadVerdicts(bytes.NewReader(written(t, r.verdicts)), secret, origin, consent.New())
		if err != nil {
			t.Fatal(err)
		}
		r.verdicts = again
		at := misfile(g)
		r.to(g.Size())
		if w := again.Wrong(); len(w) != 1 || *w[0].Index != at || w[0].Check != verifier.CheckFiling {
			t.Errorf("%s: wrong %v", name, w)
		}
	}
}

// A file that is torn or damaged anywhere, another caller's, or another log's, is refused.
func TestDamagedVerdictsAreRefused(t *testing.T) {
	g, _ := tampered()
	good := written(t, replay(t, g.Log).to(g.Size()).verdicts)
	refused := func(what string, data, secret []byte, origin string) {
		t.Helper()
		if v, err := auditor.ReadVerdicts(bytes.NewReader(data), secret, origin, consent.New()); !errors.Is(err, verifier.ErrState) || v != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := 0; i < len(good); i += testneeds.Part(13, 91) {
		b := bytes.Clone(good)
		b[i] ^= 1 << (i % 8)
		refused(fmt.Sprintf("flipped at %d", i), b, secret, origin)
		refused(fmt.Sprintf("cut at %d", i), good[:i], secret, origin)
	}
	refused("longer", append(bytes.Clone(good), 0), secret, origin)
	refused("another caller's", good, []byte("of another"), origin)
	refused("another log's", good, secret, "other.test/2026")
	if bytes.Equal(good[20:], written(t, replay(t, g.Log).to(g.Size()).verdicts)[20:]) {
		t.Error("two files are encrypted alike")
	}
}

// A doubt with a member of another case, twice or unknown is not one that WriteState wrote, though
// encoding/json would read it.
func TestDoubtsAreReadStrictly(t *testing.T) {
	g, _ := tampered()
	good := clear(t, written(t, replay(t, g.Log).to(g.Size()).verdicts))
	for name, c := range map[string]struct{ old, new string }{ // of equal length, since that is in the file, too
		"as written": {`"stored":`, `"stored":`},
		"other case": {`"stored":`, `"Stored":`},
		"unknown":    {`"stored":`, `"stowed":`},
		"twice":      {`"stored":`, `"own"   :`},
		"cut off":    {`"stored":`, `stored  :`},
	} {
		if bytes.Count(good, []byte(c.old)) == 0 || len(c.old) != len(c.new) {
			t.Fatalf("%s: %q is not in the file, or %q has another length", name, c.old, c.new)
		}
		_, err := auditor.ReadVerdicts(bytes.NewReader(sealed(t, bytes.ReplaceAll(good, []byte(c.old), []byte(c.new)))), secret, origin, consent.New())
		if (err == nil) != (c.old == c.new) || err != nil && !errors.Is(err, verifier.ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// cipherOf is the stream of a file by the definition.
func cipherOf(t testing.TB, salt []byte) cipher.Stream {
	t.Helper()
	key, err := hkdf.Key(sha256.New, secret, salt, "igverify verdicts", 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	return cipher.NewCTR(block, make([]byte, aes.BlockSize))
}

// clear is what a file holds, without its checksum.
func clear(t testing.TB, file []byte) []byte {
	t.Helper()
	salt := file[20:52]
	if bytes.Equal(salt, make([]byte, 32)) {
		t.Fatal("the file has no salt")
	}
	out := make([]byte, len(file)-52)
	cipherOf(t, salt).XORKeyStream(out, file[52:])
	return out[:len(out)-sha256.Size]
}

// sealed is the file of what clear gave, with a checksum that is right.
func sealed(t testing.TB, body []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(body)
	salt := make([]byte, 32)
	out := append(bytes.Clone(body), sum[:]...)
	cipherOf(t, salt).XORKeyStream(out, out)
	return slices.Concat([]byte("igverify-verdicts/1\n"), salt, out)
}

// FuzzReadVerdicts: whatever a file holds, reading it ends, without panic; what is taken is written
// again as it was.
func FuzzReadVerdicts(f *testing.F) {
	g, _ := tampered()
	f.Add(clear(f, written(f, replay(f, g.Log).to(g.Size()).verdicts)))
	f.Add([]byte("igverify-verdicts/1\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		// Its checksum is right: else the fuzzer sees one refusal only.
		v, err := auditor.ReadVerdicts(bytes.NewReader(sealed(t, body)), secret, origin, consent.New())
		if err != nil {
			if !errors.Is(err, verifier.ErrState) {
				t.Errorf("%v is not ErrState", err)
			}
			return
		}
		again, err := auditor.ReadVerdicts(bytes.NewReader(written(t, v)), secret, origin, consent.New())
		if err != nil || again.Stats() != v.Stats() || again.Size() != v.Size() || !reflect.DeepEqual(again.Doubts(), v.Doubts()) {
			t.Errorf("written again: %v", err)
		}
	})
}
