package audit

import (
	"strings"
	"testing"
)

// subject checks that there is one access, filed under want.
func subject(t *testing.T, r read, want string) {
	t.Helper()
	if len(r.accesses) != 1 || r.accesses[0].Sub != want {
		var got []string
		for _, a := range r.accesses {
			got = append(got, a.Sub)
		}
		t.Errorf("filed under %q, want %s", got, want)
	}
}

// event returns an event with these members besides those that every event has.
func event(members ...string) string {
	return `{"resourceType":"AuditEvent","type":{"system":"http://terminology.hl7.org/CodeSystem/audit-event-type","code":"rest"},` +
		`"recorded":"2026-11-20T09:00:00Z","source":{"observer":{"identifier":{"value":"ehr1"}}},` + strings.Join(members, ",") + `}`
}

const (
	nurse     = `{"who":{"identifier":{"system":"https://board.scot/staff","value":"N-12"}},"requestor":true}`
	byNurse   = `"agent":[` + nurse + `]`
	chiSystem = "urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53"
	aCHI      = "0101500017"
)

func about(what string) string {
	return `"entity":[{"what":` + what + `,"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"1"}}]`
}

// inBundle returns a Bundle of entries, which are fullUrl and resource in turn.
func inBundle(entries ...string) string {
	var list []string
	for i := 0; i < len(entries); i += 2 {
		url := ""
		if entries[i] != "" {
			url = `"fullUrl":"` + entries[i] + `",`
		}
		list = append(list, "{"+url+`"resource":`+entries[i+1]+"}")
	}
	return `{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join(list, ",") + `]}`
}

func patientResource(members string) string {
	return `{"resourceType":"Patient",` + members + `}`
}

const chiOf = `"identifier":[{"system":"` + chiSystem + `","value":"` + aCHI + `"}]`

var personCases = []faultCase{{
	file: "bundle-urn-uuid.json",
	input: inBundle("urn:uuid:0d1b3f57-52c1-4c19-8d7e-0d1e7e7f5a01", event(byNurse, about(`{"reference":"urn:uuid:0D1B3F57-52C1-4C19-8D7E-0D1E7E7F5A02"}`)),
		"urn:uuid:0d1b3f57-52c1-4c19-8d7e-0d1e7e7f5a02", patientResource(chiOf)),
	check: subject, want: "chi:" + aCHI, wantShared: "chi:0702740926",
}}
