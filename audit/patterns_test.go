package audit

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"igledger/audit/plain"
	"igledger/ledger/entry"
)

var update = flag.Bool("update", false, "rewrite testdata/patterns/*.golden")

// shown is an access with its disclosures, for golden files.
type shown struct {
	Open    *entry.Access  `json:"open"`
	Sub     string         `json:"sub"`
	Staff   *entry.Staff   `json:"staff,omitempty"`
	Parties []entry.Party  `json:"parties,omitempty"`
	Text    *entry.Text    `json:"text,omitempty"`
	FHIR    jsontext.Value `json:"fhir"`
	Words   plain.Summary  `json:"words"`
}

func patterns(t testing.TB) map[string][]byte {
	t.Helper()
	files, _ := filepath.Glob("testdata/patterns/*.json")
	if len(files) < 15 {
		t.Fatalf("%d patterns in testdata", len(files))
	}
	m := map[string][]byte{}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m[strings.TrimSuffix(filepath.Base(f), ".json")] = raw
	}
	return m
}

// The golden files are the contract for sources: what each BALP pattern becomes, claim by claim.
func TestPatterns(t *testing.T) {
	for name, raw := range patterns(t) {
		t.Run(name, func(t *testing.T) {
			if name != "multi-patient" {
				roundTrip(t, board, raw)
			}
			list, _, err := board.FromAuditEvent(raw)
			if err != nil {
				t.Fatal(err)
			}
			var out []shown
			for _, a := range list {
				out = append(out, shown{a, a.Sub, a.Staff, a.Parties, a.Text, a.FHIR, Describe(plain.In(plain.English), a)})
			}
			got, err := json.Marshal(out, json.Deterministic(true), jsontext.WithIndent(" "))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata/patterns", name+".golden")
			if *update {
				if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(string(want)) != string(got) {
				t.Errorf("conversion changed; see the difference with -update\n%s", got)
			}
		})
	}
}
