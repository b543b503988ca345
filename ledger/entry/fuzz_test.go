package entry_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// Every decoder takes hostile bytes. The fuzz tests check that it does not panic, that what it
// accepts is written again unchanged or is accepted again, and that it refuses everything else with
// a *wire.Error whose message does not repeat what was read.

// refused checks that err is a *wire.Error with a code that does not repeat secrets with a digit in
// them. Secrets of letters only may be words of the message.
func refused(t *testing.T, err error, secrets ...string) {
	t.Helper()
	var own *wire.Error
	if !errors.As(err, &own) || own.Code == "" || own.What == "" {
		t.Fatalf("%v is not an *Error with a code and a structure", err)
	}
	for _, s := range secrets {
		if number.MatchString(s) && strings.Contains(err.Error(), s) {
			t.Fatalf("an error repeats what was read: %v", err)
		}
	}
}

// seeds adds one member of every vector of a structure, as text.
func seeds(f *testing.F, structure, memberName string) {
	f.Helper()
	for _, v := range readVectors(f, filepath.Join("testdata", "vectors", structure+".json")).Vectors {
		var in map[string]jsontext.Value
		if err := json.Unmarshal(v.In, &in); err != nil {
			f.Fatal(err)
		}
		var s string
		if raw, ok := in[memberName]; ok && len(raw) < 8192 {
			if err := json.Unmarshal(raw, &s); err != nil {
				f.Fatal(err)
			}
			f.Add(s)
		}
	}
}

var number = regexp.MustCompile(`\d{5}`)

func FuzzCheckID(f *testing.F) {
	seeds(f, "id", "id")
	f.Fuzz(func(t *testing.T, id string) {
		ok := entry.CheckDigitOK(id)
		if err := entry.CheckID(id); err != nil {
			refused(t, err, id)
			return
		}
		if len(id) > 200 || strings.ContainsAny(id, " \n\r\t\x00") {
			t.Fatalf("took %q", id)
		}
		if number, found := strings.CutPrefix(id, "nhs:"); found && ok != entry.ContainsPersonNumber(number) && ok {
			t.Fatalf("%q has a valid check digit but is not found as a person's number", id)
		}
	})
}

func FuzzContainsPersonNumber(f *testing.F) {
	seeds(f, "person-number", "text")
	f.Fuzz(func(t *testing.T, s string) {
		if entry.ContainsPersonNumber(s) != naivePersonNumber(s) {
			t.Fatalf("%q: got %v", s, entry.ContainsPersonNumber(s))
		}
	})
}

// naivePersonNumber does the same by trying every substring.
func naivePersonNumber(s string) bool {
	for i := range len(s) {
		for j := i + 10; j <= len(s) && j <= i+19; j++ {
			if i > 0 && isDigit(s[i-1]) || j < len(s) && isDigit(s[j]) || !isDigit(s[i]) || !isDigit(s[j-1]) {
				continue
			}
			n := s[i:j]
			grouped := strings.ContainsAny(n, " -")
			plain := strings.NewReplacer(" ", "", "-", "").Replace(n)
			if grouped && (strings.Contains(n, "  ") || strings.Contains(n, "--") || strings.Contains(n,
				" -") || strings.Contains(n, "- ")) {
				continue
			}
			if entry.ValidCHI(plain) || entry.ValidNHSNumber(plain) {
				return true
			}
		}
	}
	return false
}

func FuzzDecode64(f *testing.F) {
	seeds(f, "base64url", "text")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := wire.Decode64("text", s)
		if err != nil {
			refused(t, err, s)
		} else if wire.Encode64(b) != s {
			t.Fatalf("%q and %q are the same bytes", s, wire.Encode64(b))
		}
	})
}

func FuzzDecodeJSON(f *testing.F) {
	seeds(f, "jwk", "jwk")
	f.Add(`{"chi:0101011237":1}`)
	f.Add(`{"id":"a","name":null}`)
	f.Add(strings.Repeat("[", 20000))
	f.Fuzz(func(t *testing.T, s string) {
		for _, v := range []any{new(wire.JWK), new(entry.Staff), new([]entry.Party), new(entry.Text), new(entry.Access),
			new(entry.Genesis), new(bundle.Opening), new(uint64), new(string)} {
			if err := wire.DecodeJSON("text", []byte(s), v); err != nil {
				refused(t, err, s)
				continue
			}
			// Another decoder agrees that it is one value.
			if !jsontext.Value(s).IsValid() {
				t.Fatalf("took %q", s)
			}
			again, err := wire.EncodeJSON(v)
			if err != nil {
				t.Fatalf("took %q and cannot write it: %v", s, err)
			}
			if err := wire.DecodeJSON("text", again, v); err != nil {
				t.Fatalf("took %q, not %q: %v", s, again, err)
			}
		}
	})
}

func FuzzVerifyTag(f *testing.F) {
	w := newWorld(f)
	pub := w.vrf.Public()
	tag, proof := w.vrf.Tag(testOrigin, testSub)
	f.Add(pub[:], testOrigin, testSub, tag[:], proof)
	f.Add(make([]byte, 32), testOrigin, testSub, tag[:], proof)
	f.Add(pub[:], testOrigin, testSub, tag[:], proof[:79])
	f.Fuzz(func(t *testing.T, key []byte, origin, id string, tag, proof []byte) {
		if len(key) != 32 || len(tag) != 32 {
			return
		}
		if err := wire.VerifyTag(wire.Hash(key), origin, id, wire.Hash(tag), proof); err != nil {
			refused(t, err, id)
			return
		}
		// Under one key only one tag of an id verifies, whatever the proof.
		if wire.Hash(key) == pub {
			if want, _ := w.vrf.Tag(origin, id); want != wire.Hash(tag) {
				t.Fatal("two tags for one id")
			}
		}
	})
}

func FuzzParseLeaf(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x01a.b.c"))
	f.Add(append([]byte{2}, make([]byte, 64)...))
	f.Add(append([]byte{2}, make([]byte, 65)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := proof.ParseLeaf(b)
		if err != nil {
			refused(t, err, string(b))
			return
		}
		again := proof.SealedLeaf(l.TagCommit, l.BodyCommit)
		if l.Public {
			again = proof.PublicLeaf(l.JWS)
			if e, err := l.Entry(); err != nil {
				refused(t, err)
			} else if e.Type.Sealed() {
				t.Fatal("a sealed type in a public leaf")
			}
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

func FuzzParseJWS(f *testing.F) {
	seeds(f, "jws", "jws")
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, s string) {
		j, err := wire.ParseJWS("jws", s, wire.TypEntry)
		if err != nil {
			refused(t, err, s)
			return
		}
		parts := strings.Split(s, ".")
		if len(parts) != 3 || wire.Encode64(j.Payload) != parts[1] || j.Compact != s {
			t.Fatalf("%q is not what was read", s)
		}
		for _, key := range []wire.JWK{w.board.Public, w.boardEC.Public} {
			if err := j.Verify(key); err != nil {
				refused(t, err)
			}
		}
	})
}

func FuzzParseDisclosure(f *testing.F) {
	seeds(f, "disclosure", "disclosure")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := wire.ParseDisclosure(s)
		if err != nil {
			refused(t, err, s)
			return
		}
		raw, err := wire.Decode64("", s)
		if err != nil || d.Encoded != s || !bytes.Contains(raw, d.Value) {
			t.Fatalf("%q is not what was read", s)
		}
	})
}

// FuzzParse reads whole entries. The signature is not checked, so that claims can be mutated: see
// FuzzClaims.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"access", "organisation", "key", "key-revocation", "genesis", "index-root", "heartbeat",
		"source-count", "agreement", "consent", "delegation", "decision", "link", "policy-set"} {
		seeds(f, s, "entry")
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := entry.Parse(s)
		if err != nil {
			refused(t, err, s)
			return
		}
		takenEntry(t, e)
		if again := e.SDJWT(); again != s && again != s+"~" {
			t.Fatalf("%q became %q", s, again)
		}
	})
}

// FuzzClaims mutates payload and disclosures below base64 and digests, which a fuzzer cannot get
// past by itself.
func FuzzClaims(f *testing.F) {
	w := newWorld(f)
	for _, b := range []entry.Body{w.accessBody(), w.boardBody(), w.boardKeyBody(), w.genesisBody(),
		&entry.KeyRevocation{Common: w.common("north-board"), Org: "north-board", KID: w.board.KID, Reason: "retired"},
		&entry.IndexRoot{Common: w.common("operator"), Size: 3, Root: testHash("root")}} {
		e := w.sign(w.board, b)
		for _, d := range append(e.Disclosures, wire.Disclosure{Name: "sub", Value: []byte(`"chi:0101011237"`)}) {
			f.Add(string(e.Payload), d.Name, string(d.Value))
		}
	}
	f.Fuzz(func(t *testing.T, payload, name, value string) {
		quoted, err := json.Marshal(name)
		if err != nil {
			return
		}
		d := wire.Encode64([]byte(`["0123456789012345678901",` + string(quoted) + `,` + value + `]`))
		// Replace the first digest by that of the disclosure.
		if i := strings.Index(payload, `"_sd":["`); i >= 0 && len(payload) > i+51 {
			payload = payload[:i+8] + wire.Disclosure{Encoded: d}.Digest() + payload[i+51:]
		}
		compact := wire.Encode64([]byte(header(wire.EdDSA, w.board.KID,
			wire.TypEntry))) + "." + wire.Encode64([]byte(payload)) + "." + wire.Encode64(make([]byte, 64))
		for _, list := range [][]string{nil, {d}} {
			e, err := entry.ParseParts(compact, list)
			if err != nil {
				refused(t, err, payload, value)
				continue
			}
			takenEntry(t, e)
		}
	})
}

// takenEntry checks what must hold for every entry that Parse accepts.
func takenEntry(t *testing.T, e *entry.Entry) {
	t.Helper()
	again, err := entry.Parse(e.SDJWT())
	if err != nil || again.Identity() != e.Identity() || again.ShownSub() != e.ShownSub() {
		t.Fatalf("accepted once but not again: %v", err)
	}
	if id := e.ShownSub(); id != "" && entry.CheckID(id) != nil {
		t.Fatal("a malformed sub was accepted")
	}
	if e.Type.Sealed() == (e.Name() != "") {
		t.Fatalf("type %s has the public history %q", e.Type, e.Name())
	}
	if !e.Type.Sealed() && (len(e.Compact) >= entry.MaxLeafSize || len(e.Disclosures) > 0) {
		t.Fatal("a public entry that no leaf can carry")
	}
	if a, ok := e.Body.(*entry.Access); ok && a.Time().IsZero() {
		// The year 1 is a time too; only a missing time is a defect.
		if _, err := entry.ParseTime(a.Recorded); err != nil {
			t.Fatal("an access without a time")
		}
	}
	// The claims are schema, not extra members: written again, they are accepted again.
	payload, err := wire.EncodeJSON(e.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := wire.DecodeJSON("payload", payload, entry.NewBody(e.Type)); err != nil {
		t.Fatal(err)
	}
}

func FuzzParseOpening(f *testing.F) {
	seeds(f, "opening", "opening")
	fuzzJSON(f, func(b []byte) (any, error) { return bundle.ParseOpening(b) })
}

func FuzzParseReceipt(f *testing.F) {
	seeds(f, "receipt", "receipt")
	fuzzJSON(f, func(b []byte) (any, error) { return bundle.ParseReceipt(b) })
}

// fuzzJSON checks that what is accepted is accepted again as it is written.
func fuzzJSON(f *testing.F, parse func([]byte) (any, error)) {
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parse([]byte(s))
		if err != nil {
			refused(t, err, s)
			return
		}
		b, err := wire.EncodeJSON(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := wire.EncodeJSON(again); err != nil || !bytes.Equal(b, c) {
			t.Fatalf("%s became %s (%v)", b, c, err)
		}
	})
}

func FuzzParseProof(f *testing.F) {
	seeds(f, "proof", "proof")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := proof.ParseInclusion([]byte(s))
		if err != nil {
			refused(t, err, s)
			return
		}
		if string(p.Marshal()) != s {
			t.Fatalf("%q became %q", s, p.Marshal())
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	seeds(f, "checkpoint", "note")
	w := newWorld(f)
	v := mustVerifier(w.logKey)
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := proof.OpenCheckpoint([]byte(s), v); err != nil {
			refused(t, err, s)
		} else if !strings.HasPrefix(s, c.Text()+"\n") {
			t.Fatalf("%q is not the note of %q", s, c.Text())
		}
		text, _, _ := strings.Cut(s, "\n\n")
		if c, err := proof.ParseCheckpointText(text + "\n"); err != nil {
			refused(t, err, s)
		} else if c.Text() != text+"\n" {
			t.Fatalf("%q became %q", text, c.Text())
		}
	})
}

func FuzzLogKey(f *testing.F) {
	seeds(f, "checkpoint", "verifierKey")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := wire.NewLogVerifier(s)
		if err != nil {
			refused(t, err, s)
		} else if !strings.HasPrefix(s, v.Name()+"+") || wire.CheckOrigin(v.Name()) != nil {
			t.Fatalf("took %q", s)
		}
		if _, err := wire.LogVerifierKey(s); err != nil {
			refused(t, err, s)
		}
	})
}

func FuzzParseSigner(f *testing.F) {
	seeds(f, "private-key", "jwk")
	f.Fuzz(func(t *testing.T, s string) {
		k, err := wire.ParseSigner([]byte(s))
		if err != nil {
			refused(t, err, s)
			return
		}
		b, err := k.MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		again, err := wire.ParseSigner(b)
		if err != nil || again.KID != k.KID {
			t.Fatalf("a key that cannot be read again: %v", err)
		}
	})
}

func FuzzParseCaller(f *testing.F) {
	seeds(f, "caller", "token")
	w := newWorld(f)
	f.Add(`{"iss":"north-board","sub":"x","aud":"log.igledger.example/2026","iat":1795305600,"exp":1795305601,"jti":"1"}`)
	f.Fuzz(func(t *testing.T, s string) {
		unsigned := wire.Encode64([]byte(header(wire.EdDSA, w.board.KID,
			wire.TypCaller))) + "." + wire.Encode64([]byte(s)) + "." + wire.Encode64(make([]byte, 64))
		for _, token := range []string{s, unsigned} {
			_, c, err := register.ParseCaller(token, testOrigin, testTime())
			if err != nil {
				refused(t, err, s)
				continue
			}
			now := testTime().Unix()
			if c.Audience != testOrigin || c.Expires < now-60 || c.IssuedAt > now+60 || c.Expires > now+60+300 || c.Expires <= c.IssuedAt {
				t.Fatalf("took %+v", c)
			}
		}
	})
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
