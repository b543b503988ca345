package cosign_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/internal/testlog"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
)

var head = proof.Checkpoint{Origin: origin, Size: 7, Root: wire.Hash{7}}

// TestIsThatOfTheSpecification checks that this package writes the same as testlog, which was
// written separately from the same specification.
func TestIsThatOfTheSpecification(t *testing.T) {
	for _, c := range []*testlog.Cosigner{testlog.NewCosigner("witness.test/w"), testlog.NewPQCosigner("witness.test/pq")} {
		s := c.Signer()
		if s.VKey != c.VKey() {
			t.Errorf("%q and %q", s.VKey, c.VKey())
		}
		line, err := s.Sign(head, time.Unix(testlog.Now, 0))
		if err != nil {
			t.Fatal(err)
		}
		if c.PQ == nil && line != c.Line(head, testlog.Now) { // ML-DSA-44 signatures are randomised
			t.Errorf("%q and %q", line, c.Line(head, testlog.Now))
		}
		good, bad := cosign.ReadLines(line+c.Line(head, testlog.Now), head, []*cosign.Cosigner{must(t, c)})
		if len(good) != 2 || len(bad) != 0 || !good[0].Time.Equal(good[1].Time) {
			t.Errorf("%s: %v, %v", c.Name, good, bad)
		}
	}
}

// TestOfOtherPrograms checks what other authors' programs signed: see testdata/README.md.
func TestOfOtherPrograms(t *testing.T) {
	for name, want := range map[string]struct {
		size, at uint64
	}{"torchwood": {1, 0}, "formats": {123, 1}} {
		policy, err := cosign.ParsePolicy(file(t, name+".policy"))
		if err != nil {
			t.Fatal(err)
		}
		signed := file(t, name+".note")
		head, err := proof.OpenCheckpoint(signed, policy.Logs[0].Verifiers...)
		if err != nil || head.Size != want.size {
			t.Errorf("%s: size %d, %v", name, head.Size, err)
		}
		good, bad := cosign.Read(signed, head, policy.Cosigners)
		if len(good) != len(policy.Cosigners) || len(bad) != 0 {
			t.Errorf("%s: good %v, bad %v", name, good, bad)
		}
		for at := 0; at < len(signed); at += 11 { // every bit counts
			altered := slices.Clone(signed)
			altered[at] ^= 1
			head, err := proof.OpenCheckpoint(altered, policy.Logs[0].Verifiers...)
			if err != nil {
				continue
			}
			if good, _ := cosign.Read(altered, head, policy.Cosigners); len(good) > 0 || len(policy.Cosigners) == 0 {
				t.Errorf("%s: byte %d can be another one", name, at)
			}
		}
	}
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestKeyFile checks that a key file is read back, and in no other spelling.
func TestKeyFile(t *testing.T) {
	for _, a := range []cosign.Algorithm{cosign.Ed25519, cosign.MLDSA44} {
		s, err := cosign.GenerateSigner(a, "w.test")
		if err != nil {
			t.Fatal(err)
		}
		again, err := cosign.ParseSigner(s.Private())
		if err != nil || again.VKey != s.VKey || again.Name != "w.test" {
			t.Fatalf("%v", err)
		}
		text := string(s.Private())
		for name, other := range map[string]string{
			"another name":      strings.Replace(text, "w.test", "v.test", 1),
			"another key id":    strings.Replace(text, "w.test+", "w.test+0", 1),
			"Windows":           strings.Replace(text, "\n", "\r\n", 1),
			"cut short":         text[:len(text)-8],
			"a verifier key":    s.VKey,
			"twice":             text + text,
			"another type":      strings.Replace(text, "+B", "+A", 1),
			"a byte-order mark": "\ufeff" + text,
		} {
			if _, err := cosign.ParseSigner([]byte(other)); !errors.Is(err, cosign.ErrSigner) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := cosign.GenerateSigner(cosign.MLDSA44, strings.Repeat("n", 256)); err == nil {
		t.Error("a name that no message can hold")
	}
	s := testlog.NewCosigner("w.test").Signer()
	if _, err := s.Sign(head, time.Time{}); err == nil {
		t.Error("signed before 1970")
	}
}

func TestNew(t *testing.T) {
	c := testlog.NewCosigner("w.test")
	vkey := c.VKey()
	weak := make([]byte, 32) // a point of small order, under which one signature fits every message
	weak[0] = 1
	for name, v := range map[string]string{
		"nothing":                    "",
		"no key":                     "w.test",
		"a log's key":                testlog.New(origin).Key,
		"another key id":             strings.Replace(vkey, "w.test+", "w.test+0", 1),
		"another key name":           "v" + vkey[1:],
		"a space":                    strings.Replace(vkey, "w.test", "w test", 1),
		"a line feed":                vkey + "\n",
		"a line break":               vkey[:len(vkey)-8] + "\r\n" + vkey[len(vkey)-8:],
		"half a key":                 vkey[:len(vkey)-4],
		"a weak key":                 cosign.Key(cosign.Ed25519, "w.test", weak),
		"half an ML-DSA-44 key":      cosign.Key(cosign.MLDSA44, "w.test", weak),
		"a long name":                cosign.Key(cosign.MLDSA44, strings.Repeat("n", 256), make([]byte, 1312)),
		"an unknown type, in part":   "w.test+00000000+CQ==",
		"an unknown type, short id":  "w.test+000000+CQEB",
		"an unknown type, other hex": "w.test+ABCDEF01+CQEB",
	} {
		if _, err := cosign.New("w", v); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for vkey, known := range map[string]bool{
		testlog.NewPQCosigner("w.test").VKey(): true,
		"w.test+00000000+CQEB":                 false, // a type without a meaning, whose key ids we cannot know
		"w.test+00000000+AgEB":                 false, // ECDSA
	} {
		w, err := cosign.New("w", vkey)
		if err != nil || w.Known() != known || w.VKey != vkey {
			t.Errorf("%.30s: known: %v, %v", vkey, w != nil && w.Known(), err)
		}
	}
	if w, err := cosign.New("w", vkey); err != nil || w.Name != "w" || w.KeyName != "w.test" || w.VKey != vkey {
		t.Errorf("%+v, %v", w, err)
	}
}

// TestRead checks that a line of a known cosigner is good or bad, never ignored, and that lines of
// others are ignored.
func TestRead(t *testing.T) {
	a := testlog.NewCosigner("a.test")
	b := testlog.NewCosigner("b.test")
	stranger := testlog.NewCosigner("s.test")
	namesake := testlog.NewCosigner("a.test")
	known := []*cosign.Cosigner{must(t, a), must(t, b)}
	l := testlog.New(origin)
	signed := string(l.Checkpoint(0))
	head := proof.Checkpoint{Origin: origin, Root: l.Root(0)}
	other := head
	other.Size++
	with := func(change func(sig []byte) []byte) string {
		encoded := strings.TrimSuffix(strings.TrimPrefix(a.Line(head, 8), "— a.test "), "\n")
		sig, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		return "— a.test " + base64.StdEncoding.EncodeToString(change(sig)) + "\n"
	}
	for name, c := range map[string]struct {
		lines string
		good  string
		bad   string
		err   error
	}{
		"none": {"", "", "", nil},
		"two":  {b.Line(head, 7) + a.Line(head, 8), "b.test 7 a.test 8", "", nil},
		"several of one": {a.Line(head, 8) + a.Line(head, 5) + a.Line(head, 9), "a.test 8 a.test 5 a.test 9", "",
			nil},
		"a stranger's beside": {stranger.Line(other, 7) + a.Line(head, 8), "a.test 8", "", nil},
		"a namesake's":        {namesake.Line(head, 7), "", "", nil},
		"a lie beside":        {b.Line(other, 7) + a.Line(head, 8), "a.test 8", "b.test", cosign.ErrSignature},
		"another origin": {a.Line(proof.Checkpoint{Origin: "x.test", Root: head.Root}, 8), "", "a.test",
			cosign.ErrSignature},
		"another root": {a.Line(proof.Checkpoint{Origin: origin, Root: wire.Hash{9}}, 8), "", "a.test",
			cosign.ErrSignature},
		"another time":      {with(func(s []byte) []byte { s[11]++; return s }), "", "a.test", cosign.ErrSignature},
		"another signature": {with(func(s []byte) []byte { s[40]++; return s }), "", "a.test", cosign.ErrSignature},
		"a byte too many":   {with(func(s []byte) []byte { return append(s, 0) }), "", "a.test", cosign.ErrSignature},
		"no time":           {a.Line(head, 0), "", "a.test", cosign.ErrSignature},
		"before 1970":       {a.Line(head, -1), "", "a.test", cosign.ErrSignature},
		"a log's signature": {with(func(s []byte) []byte {
			return append(s[:4], ed25519.Sign(a.Key, []byte(head.Text()))...)
		}), "", "a.test", cosign.ErrSignature},
		"prose":              {"thank you\n", "", "nobody", cosign.ErrNoLine},
		"cut short":          {strings.TrimSuffix(a.Line(head, 8), "\n"), "", "nobody", cosign.ErrNoLine},
		"a second spelling":  {strings.Replace(a.Line(head, 8), "\n", "\r\n", 1), "", "nobody", cosign.ErrNoLine},
		"bits without sense": {"— a.test AAAAAAB=\n", "", "nobody", cosign.ErrNoLine},
		"no signature":       {"— a.test AAAA\n", "", "nobody", cosign.ErrNoLine},
	} {
		good, bad := cosign.Read([]byte(signed+c.lines), head, known)
		var g []string
		for _, s := range good {
			g = append(g, fmt.Sprint(s.By.KeyName, " ", s.Time.Unix()))
			if !strings.Contains(c.lines, s.Line) {
				t.Errorf("%s: line %q is not of the note", name, s.Line)
			}
		}
		who := ""
		for _, s := range bad {
			who = "nobody"
			if s.By != nil {
				who = s.By.Name
			}
			if !errors.Is(s.Err, c.err) {
				t.Errorf("%s: %v", name, s.Err)
			}
		}
		if strings.Join(g, " ") != c.good || who != c.bad {
			t.Errorf("%s: good %q, bad %q", name, g, who)
		}
	}
}

func must(t testing.TB, c *testlog.Cosigner) *cosign.Cosigner {
	w, err := cosign.New(c.Name, c.VKey())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestLatest checks that the latest cosignature of each cosigner is counted, and that one in the
// future neither counts nor hides an older one.
func TestLatest(t *testing.T) {
	a, b := &cosign.Cosigner{Name: "a"}, &cosign.Cosigner{Name: "b"}
	at := func(c *cosign.Cosigner, s int64) cosign.Cosignature {
		return cosign.Cosignature{By: c, Time: time.Unix(s, 0)}
	}
	list := []cosign.Cosignature{at(a, 1000), at(b, 990), at(a, 5000), at(a, 1299), at(b, 980)}
	text := func(l []cosign.Cosignature) (s string) {
		for _, c := range l {
			s += fmt.Sprint(c.By.Name, c.Time.Unix(), " ")
		}
		return s
	}
	counted, early := cosign.Latest(list, time.Unix(1000, 0))
	if text(counted) != "a1299 b990 " || text(early) != "a5000 " {
		t.Errorf("counted %q, early %q", text(counted), text(early))
	}
	counted, early = cosign.Latest(list, time.Time{})
	if text(counted) != "a5000 b990 " || len(early) != 0 {
		t.Errorf("without a clock: counted %q, early %q", text(counted), text(early))
	}
}

// A time of which 64 bits of nanoseconds or of seconds since year 1 wrap round is in the future
// too, and is not counted, with and without a clock.
func TestTimesThatWrap(t *testing.T) {
	a := testlog.NewCosigner("a.test")
	known := []*cosign.Cosigner{must(t, a)}
	for _, at := range []int64{1 << 40, 1<<40 + 1, 1 << 62, math.MaxInt64 - 62135596800, math.MaxInt64 - 62135596799, math.MaxInt64} {
		good, bad := cosign.ReadLines(a.Line(head, at), head, known)
		if len(good) != 1 || len(bad) != 0 {
			t.Fatalf("time %d: %d good, %d bad", uint64(at), len(good), len(bad))
		}
		for _, now := range []time.Time{time.Unix(1_800_000_000, 0), {}} {
			if counted, early := cosign.Latest(good, now); len(counted) != 0 || len(early) != 1 {
				t.Errorf("time %d counts at %s", uint64(at), now)
			}
		}
	}
}

// FuzzRead checks that Read does not panic, and that a good line was signed by the one known key:
// Ed25519 is deterministic.
func FuzzRead(f *testing.F) {
	a := testlog.NewCosigner("a.test")
	known := []*cosign.Cosigner{must(f, a)}
	f.Add(a.Line(head, 7))
	f.Add("— a.test AAAAAAAAAA==\n" + a.Line(head, 7))
	f.Add("— \n— a.test \n")
	f.Fuzz(func(t *testing.T, lines string) {
		good, bad := cosign.ReadLines(lines, head, known)
		for _, s := range good {
			if s.Line != a.Line(head, s.Time.Unix()) || !strings.Contains(lines, s.Line) {
				t.Errorf("took %q", s.Line)
			}
		}
		for _, b := range bad {
			if b.By == nil != errors.Is(b.Err, cosign.ErrNoLine) {
				t.Errorf("%v of %v", b.Err, b.By)
			}
		}
	})
}

// The limit of five minutes is exact, whatever part of a second the clock shows, and holds for
// clocks before 1970 too.
func TestLeeway(t *testing.T) {
	for _, a := range []*testlog.Cosigner{testlog.NewCosigner("a.test"), testlog.NewPQCosigner("pq.test")} {
		for _, c := range []struct {
			now    time.Time
			at     int64
			counts bool
		}{
			{time.Unix(1000, 0), 1300, true},
			{time.Unix(1000, 0), 1301, false},
			{time.Unix(1000, 999_999_999), 1300, true},
			{time.Unix(1000, 999_999_999), 1301, false},
			{time.Unix(999, 999_999_999), 1300, false},
			{time.Unix(-1000, 0), 1, false},
			{time.Unix(0, 0), 300, true},
			{time.Unix(1<<41, 0), 1<<40 - 1, true},
			{time.Unix(1<<41, 0), 1 << 40, false}, // no clock of a cosigner shows it, whatever ours does
		} {
			good, bad := cosign.ReadLines(a.Line(head, c.at), head, []*cosign.Cosigner{must(t, a)})
			counted, others := cosign.Latest(good, c.now)
			if len(bad) > 0 || (len(counted) == 1) != c.counts || len(counted)+len(others) != 1 {
				t.Errorf("%s: at %d, when it is %s: counts %v", a.Name, c.at, c.now, len(counted) == 1)
			}
		}
	}
}
