package audit

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"igledger/internal/testshared"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

var board = Conversion{Issuer: "NHS-EXAMPLE", Audience: "ledger.example.org/2026"}

func testSigner(t testing.TB) *wire.Signer {
	t.Helper()
	s, err := wire.NewSigner(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sameJSON compares up to the order of members; numbers by their spelling.
func sameJSON(t testing.TB, got, want []byte) {
	t.Helper()
	for _, v := range []*[]byte{&got, &want} {
		if err := (*jsontext.Value)(v).Format(jsontext.ReorderRawObjects(true), jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false), jsontext.Multiline(true)); err != nil {
			t.Fatal(err)
		}
	}
	if string(got) != string(want) {
		g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
		for i := range min(len(g), len(w)) {
			if g[i] != w[i] {
				t.Fatalf("line %d of the event came back as\n%s\nwant\n%s", i+1, g[i], w[i])
			}
		}
		t.Fatalf("%d lines came back, want %d", len(g), len(w))
	}
}

// signed signs an access and reads it as a ledger and then a citizen would.
func signed(t testing.TB, a *entry.Access) (*entry.Entry, *entry.Access) {
	t.Helper()
	e, err := entry.Sign(testSigner(t), a)
	if err != nil {
		t.Fatalf("entry.Sign refuses a converted access: %v", err)
	}
	back, err := entry.Parse(e.SDJWT())
	if err != nil {
		t.Fatal(err)
	}
	return back, back.Body.(*entry.Access)
}

// roundTrip converts an event about at most one patient there, through a signature, and back.
func roundTrip(t testing.TB, c Conversion, event []byte) *entry.Access {
	t.Helper()
	list, _, err := c.FromAuditEvent(event)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 {
		t.Fatalf("%d accesses, want 1", len(list))
	}
	_, a := signed(t, list[0])
	back, err := ToAuditEvent(a)
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, back, slices.Clone(event))
	return a
}

// TestHL7Examples reads HL7's own examples of AuditEvent, where they are at hand. They are not
// ours to publish, so they are not in the repository.
func TestHL7Examples(t *testing.T) {
	subjects := map[string]string{
		"AuditEvent-example-disclosure.json": "temp:NHS-EXAMPLE:Watcher/Patient/example",
		"AuditEvent-example-rest.json":       "temp:NHS-EXAMPLE:hl7connect.healthintersections.com.au/Patient/example",
		"AuditEvent-example-media.json":      "temp:NHS-EXAMPLE:urn:oid:2.16.840.1.113883.4.2|e3cdfc81a0d24bd",
		"AuditEvent-example-pixQuery.json":   "temp:NHS-EXAMPLE:urn:oid:2.16.840.1.113883.4.2|e3cdfc81a0d24bd",
	}
	for _, path := range testshared.Files(t, "fhir-r4-examples/AuditEvent-*.json") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			a := roundTrip(t, board, raw)
			want := subjects[filepath.Base(path)]
			if want == "" {
				want = entry.RegSources
			}
			if a.Sub != want {
				t.Errorf("filed under %s, want %s", a.Sub, want)
			}
		})
	}
}
