package entry_test

import (
	"testing"
	"time"

	"igledger/ledger/entry"
)

// Only what surely is no access is called something else: a source cannot hide a reading by saying
// that it also decided.
func TestActs(t *testing.T) {
	const alert, role = "http://dicom.nema.org/resources/ontology/DCM|110113", "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType|AuthZ-Role"
	const consent = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType|AuthZ-Consent"
	const read, override = "http://hl7.org/fhir/restful-interaction|read", "http://dicom.nema.org/resources/ontology/DCM|110127"
	for _, c := range []struct {
		name, action, outcome string
		event                 []string
		want                  entry.Act
	}{
		{"a reading", "R", "0", []string{read}, entry.ActAccess},
		{"a reading without codes", "R", "0", nil, entry.ActAccess},
		{"a reading that failed in part", "R", "4", []string{read}, entry.ActAttempt},
		{"a refused reading", "R", "8", []string{read}, entry.ActAttempt},
		{"a reading that met a fault", "E", "12", nil, entry.ActAttempt},
		{"a permit", "E", "0", []string{alert, consent}, entry.ActDecision},
		{"a denial", "E", "8", []string{alert, consent}, entry.ActDecision},
		{"a denial by roles", "E", "4", []string{alert, role, consent}, entry.ActDecision},
		{"a refusal that is an alert", "E", "8", []string{alert}, entry.ActAttempt},
		{"an alert", "E", "0", []string{alert}, entry.ActAccess},
		{"an override", "E", "0", []string{alert, override}, entry.ActAccess},
		{"a permit that also read", "E", "0", []string{alert, consent, read}, entry.ActAccess},
		{"a permit that overrode", "E", "0", []string{alert, override, consent}, entry.ActAccess},
		{"a permit whose action is a reading", "R", "0", []string{alert, consent}, entry.ActAccess},
		{"a reading with a decision's subtype", "E", "0", []string{read, consent}, entry.ActAccess},
		{"a decision's subtype as type", "E", "0", []string{consent, alert}, entry.ActAccess},
	} {
		a := entry.Access{Action: c.action, Outcome: c.outcome, Event: c.event}
		if got := a.Act(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// An access of which the day is known counts on that day, whatever the zone that the day was one
// of.
func TestTimeOfADay(t *testing.T) {
	for _, c := range []struct{ occurred, end, want string }{
		{"2026-06-01T00:00:00+01:00", "2026-06-01T23:59:59+01:00", "2026-06-01T00:00:00Z"},
		{"2026-06-01T00:00:00-05:00", "2026-06-01T23:59:59-05:00", "2026-06-01T05:00:00Z"},
		{"2026-06-01T00:00:00+14:00", "2026-06-30T23:59:59+14:00", "2026-06-01T00:00:00Z"},
		{"2026-12-01T00:00:00Z", "2026-12-01T23:59:59Z", "2026-12-01T00:00:00Z"},
		{"2026-06-01T00:00:00+01:00", "", "2026-05-31T23:00:00Z"},
		{"2026-06-01T00:00:00+01:00", "2026-06-01T00:05:00+01:00", "2026-05-31T23:00:00Z"},
		{"2026-06-01T08:00:00+01:00", "2026-06-01T23:59:59+01:00", "2026-06-01T07:00:00Z"},
		{"", "2026-06-01T23:59:59+01:00", "2026-06-02T09:00:00Z"},
	} {
		a := entry.Access{Occurred: c.occurred, OccurredEnd: c.end, Recorded: "2026-06-02T09:00:00Z"}
		if got := a.Time().UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s to %s: %s, want %s", c.occurred, c.end, got, c.want)
		}
	}
}
