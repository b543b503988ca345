package policies

import (
	"testing"
	"time"
)

// A refusal by a reference to a Practitioner cannot tell who a PractitionerRole is.
func TestReferencesToTwoTypesDoNotCompare(t *testing.T) {
	for stated, unnamed := range map[string]bool{
		"Practitioner/8": false, "PractitionerRole/3": true, "https://x.example/PractitionerRole/3": true, "urn:gmc|1": true,
	} {
		r := Record{ID: "1", Holder: "NHSL", Rule: Rule{Deny: true, Staff: []string{"Practitioner/7"}}}
		got := Combine([]Record{r}, Request{Org: "NHSL", Holder: "NHSL", Action: "R", At: time.Now(), Staff: []string{stated}})
		if (got.Decision == Deny) != unnamed || got.Unnamed != unnamed {
			t.Errorf("%s: %+v, want held open %v", stated, got, unnamed)
		}
	}
}
