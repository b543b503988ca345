package oracle

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

const vectorsFolder = "../../ledger/entry/testdata/vectors"

// A vector is one input with the output, or the code of the refusal, that every implementation has.
type vector struct {
	Name  string
	In    *value
	Out   any
	Error Refusal
}

// readVectors reads a file with the oracle's own JSON, so that a text inside stays as it is
// written.
func readVectors(t *testing.T, name string) []vector {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectorsFolder, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	for _, v := range parseJSON(string(text)).items("vectors") {
		out := vector{Name: v.str("name"), In: v.get("in"), Error: Refusal(v.str("error"))}
		if v.has("out") {
			if err := json.Unmarshal([]byte(v.get("out").raw), &out.Out); err != nil {
				t.Fatal(err)
			}
		}
		vectors = append(vectors, out)
	}
	return vectors
}

// An answer is the output for a vector, in a form that JSON can write.
type answer = map[string]any

// TestVectors runs each file in the order of docs/CLIENTS.md.
func TestVectors(t *testing.T) {
	run := map[string]func(in *value) any{
		"base64url": func(in *value) any { return answer{"bytes": hex.EncodeToString(unbase64url(in.str("text")))} },
		"jwk": func(in *value) any {
			v := parseJSON(in.str("jwk"))
			jwkShape.fits(v)
			return namedKey(readKey(v))
		},
		"private-key": func(in *value) any { return namedKey(readPrivateKey(in.str("jwk"))) },
		"jws": func(in *value) any {
			j := readJWS(in.str("jws"), in.str("typ"))
			j.verify(readKey(in.get("jwk")))
			return answer{"alg": j.alg, "kid": j.kid, "payload": j.payload, "identity": hexOf(j.identity())}
		},
		"id": func(in *value) any {
			must(isID(in.str("id")), "bad-id")
			return answer{"checkDigit": checkDigitRight(in.str("id"))}
		},
		"vrf":           vrfAnswer,
		"tag":           tagAnswer,
		"disclosure":    disclosureAnswer,
		"person-number": func(in *value) any { return answer{"found": holdsNumber(in.str("text"))} },
		"key-proof": func(in *value) any {
			k := readKey(in.get("jwk"))
			checkKeyProof(in.str("proof"), in.str("origin"), in.str("organisation"), k)
			return namedKey(k)
		},
		"countersignature": func(in *value) any {
			c := readCountersignature(in.str("countersignature"))
			c.verify(readKey(in.get("jwk")))
			return jsonOf(c.claims)
		},
		"leaf":        leafAnswer,
		"commitment":  commitmentAnswer,
		"chain":       chainAnswer,
		"checkpoint":  checkpointAnswer,
		"proof":       proofAnswer,
		"index":       indexAnswer,
		"multi-proof": multiAnswer,
		"opening":     openingAnswer,
		"receipt":     receiptAnswer,
		"caller":      callerAnswer,
		"feed":        feedAnswer,
		"statement":   bundleAnswer("statement", formatOwn),
		"extract":     bundleAnswer("extract", formatSome),
		"register":    registerAnswer,
	}
	for _, name := range []string{
		"access", "agreement", "agreement-act", "agreement-signature", "consent", "decision", "delegation", "genesis", "heartbeat",
		"index-root", "key", "key-revocation", "link", "organisation", "policy-set", "sharing-decision", "sharing-request",
		"source-count",
	} {
		run[name] = entryAnswer
	}
	for name, f := range run {
		t.Run(name, func(t *testing.T) {
			for _, v := range readVectors(t, name) {
				t.Run(v.Name, func(t *testing.T) { v.check(t, f) })
			}
		})
	}
}

func (v vector) check(t *testing.T, f func(in *value) any) {
	out, err := result(func() any { return f(v.In) })
	var code Refusal
	switch {
	case v.Error != "" && err == nil:
		t.Errorf("accepted; want %s", v.Error)
	case errors.As(err, &code) && code != v.Error:
		t.Errorf("refused: %s; want %q", code, v.Error)
	case v.Error == "":
		if got := plain(t, out); !reflect.DeepEqual(got, v.Out) {
			t.Errorf("got %v; want %v", got, v.Out)
		}
	}
}

// plain is v as JSON reads it again.
func plain(t *testing.T, v any) (out any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func hexOf(h hash) string { return hex.EncodeToString(h[:]) }

func jsonOf(v *value) json.RawMessage { return json.RawMessage(v.raw) }

// unhex reads a member in hexadecimal.
func unhex(in *value, name string) []byte {
	b, err := hex.DecodeString(in.str(name))
	if err != nil {
		panic(err)
	}
	return b
}

func hash32(in *value, name string) hash {
	b := unhex(in, name)
	must(len(b) == 32, "bad-length")
	return hash(b)
}

func namedKey(k key) any { return answer{"alg": k.alg, "thumbprint": k.thumbprint()} }
