package audit

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"igledger/consent/fhir/tree"
)

// takingCases are about events that other systems drop.
var takingCases = []faultCase{
	{
		file: "compressed.ndjson.gz", input: gzipped(with(`"language":"en"`)), want: "chi:2902640017", wantShared: "",
		check: func(t *testing.T, r read, want string) {
			if len(r.accesses) != 1 || want != "" && r.accesses[0].Sub != want {
				t.Errorf("%d accesses", len(r.accesses))
			}
		},
	},
	{
		file: "no-patient.json", input: ev("nobody"),
		check: func(t *testing.T, r read, _ string) {
			if len(r.accesses) != 1 || !slices.Contains(r.notes, Note{"AuditEvent.entity", NoPatient}) {
				t.Errorf("%d accesses, %v", len(r.accesses), r.notes)
			}
		},
	},
	{
		file: "long-query.json",
		input: strings.Replace(with(`"language":"en"`), `"entity":[`,
			`"entity":[{"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"24"},"query":"`+
				base64.StdEncoding.EncodeToString([]byte("GET /Observation?code="+strings.Repeat("8867-4,", 9000)))+`"},`, 1),
		check: func(t *testing.T, r read, _ string) {
			if len(r.accesses) != 1 {
				t.Fatalf("%d accesses", len(r.accesses))
			}
			a := r.accesses[0]
			if !slices.Contains(r.notes, Note{"AuditEvent", SizeCut}) || len(tree.Cuts(a.FHIR)) != 2 ||
				!slices.Contains(a.Data, resourceTypes+"|Observation") {
				t.Errorf("%v, %v, %v", r.notes, tree.Cuts(a.FHIR), a.Data)
			}
			_, back := signed(t, a)
			if _, err := ToAuditEvent(back); err != nil {
				t.Error(err)
			}
		},
	},
	{
		file:  "one-broken-line.ndjson",
		input: ev("a") + "\n" + `{"resourceType":"AuditEvent",,` + "\n" + ev("c"),
		check: func(t *testing.T, r read, _ string) {
			if len(r.accesses) != 2 || len(r.broken) != 1 || r.broken[0].Line != 2 {
				t.Errorf("%d accesses, broken: %v", len(r.accesses), r.broken)
			}
		},
	},
}

func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s)) //nolint:errcheck // a Buffer takes all
	z.Close()          //nolint:errcheck // as above
	return b.String()
}
