package audit

import (
	"strings"
	"testing"

	"igledger/audit/plain"
)

// The words for a role come from the source's event, past what package plain has made safe to
// print.
func TestDescribeIsOneLine(t *testing.T) {
	a := roundTrip(t, board, []byte(strings.Replace(string(patterns(t)["break-glass"]), `"display": "Physician"`, `"display": "Phys\nician\u202e"`, 1)))
	if s := Describe(plain.In(plain.English), a); s.Role != "Phys ician" {
		t.Errorf("%q", s.Role)
	}
}

func TestDescribeWithholds(t *testing.T) {
	a := roundTrip(t, board, patterns(t)["break-glass"])
	if s := Describe(plain.In(plain.English), a); s.Staff != "Dr Ishbel Tarrant" || s.Role != "Physician" || !s.Emergency || s.Justification == "" || s.What != "read test results and measurements" {
		t.Errorf("%+v", s)
	}
	why, _ := plain.In(plain.English).Purpose("BTG")
	a.Staff, a.Text, a.FHIR = nil, nil, nil // an extract that shows only the claims
	if s := Describe(plain.In(plain.English), a); s.Staff != "" || s.Justification != "" || s.Role != "309343006" || s.Why != why {
		t.Errorf("%+v", s)
	}
}
