package wire_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"igledger/ledger/wire"
)

// What is not one of the two algorithms, or has no thumbprint for a kid, is refused before a key is
// looked for.
func TestParseJWSHeader(t *testing.T) {
	kid := wire.Encode64(make([]byte, 32))
	for _, c := range []struct {
		alg, kid, typ string
		want          wire.Code
	}{
		{wire.EdDSA, kid, wire.TypEntry, ""},
		{wire.ES256, kid, wire.TypEntry, ""},
		{"none", kid, wire.TypEntry, wire.UnknownAlgorithm},
		{"HS256", kid, wire.TypEntry, wire.UnknownAlgorithm},
		{"RS256", kid, wire.TypEntry, wire.UnknownAlgorithm},
		{wire.EdDSA, wire.Encode64(make([]byte, 31)), wire.TypEntry, wire.BadHeader},
		{wire.EdDSA, wire.Encode64(make([]byte, 33)), wire.TypEntry, wire.BadHeader},
		{wire.EdDSA, "", wire.TypEntry, wire.BadHeader},
		{wire.EdDSA, kid, wire.TypCaller, wire.BadHeader},
	} {
		header := fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":%q}`, c.alg, c.kid, c.typ)
		compact := strings.Join([]string{wire.Encode64([]byte(header)), wire.Encode64([]byte("{}")), wire.Encode64(make([]byte, 64))}, ".")
		if _, err := wire.ParseJWS("test", compact, wire.TypEntry); c.want == "" && err != nil || c.want != "" && !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %q", header, err, c.want)
		}
	}
}

// Brackets in a string do not nest, wherever its quotes are escaped; those after it do.
func TestDepth(t *testing.T) {
	for text, want := range map[string]int{
		`1`: 0, `{}`: 1, `{"a":[{}]}`: 3, `[[],[[]]]`: 3,
		`"[[["`: 0, `"\"[[["`: 0, `["\\",[[]]]`: 3, `["\\\"[[[["]`: 1, `["\"",[[]]]`: 3, `{"[":"]","a":{}}`: 2,
	} {
		if got := wire.Depth([]byte(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

// JSON nests 64 levels and no more, so that every reader can follow.
func TestNesting(t *testing.T) {
	for levels, want := range map[int]wire.Code{64: "", 65: wire.BadJSON} {
		var v jsontext.Value
		if err := wire.DecodeJSON("test", []byte(strings.Repeat("[", levels)+strings.Repeat("]", levels)), &v); want == "" && err != nil || want != "" && !errors.Is(err, want) {
			t.Errorf("%d levels: got %v, want %q", levels, err, want)
		}
	}
}
