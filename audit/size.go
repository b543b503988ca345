package audit

import (
	"github.com/go-json-experiment/json"

	"igledger/ledger/entry"
)

// maxDisclosure is the most that entry takes in one disclosure, in bytes of JSON.
const maxDisclosure = 64 << 10

// checkSizes refuses disclosures that are larger than entry takes.
func checkSizes(a *entry.Access) error {
	for _, d := range []struct {
		name  string
		value any
	}{{"staff", a.Staff}, {"parties", a.Parties}, {"text", a.Text}, {"fhir", a.FHIR}} {
		b, err := json.Marshal(d.value)
		if err != nil {
			return fail(BadJSON, "AuditEvent", "disclosure %s cannot be written", d.name)
		}
		if len(b) > maxDisclosure {
			return fail(TooLarge, "AuditEvent",
				"disclosure %s would be %d bytes; the limit is %d", d.name, len(b), maxDisclosure)
		}
	}
	return nil
}

// short reports whether s is not empty and is at most max bytes of JSON. Longer text stays in the
// residue.
func short(s string, max int) bool {
	if s == "" || len(s) > max {
		return false
	}
	b, err := json.Marshal(s)
	return err == nil && len(b) <= max+2
}
