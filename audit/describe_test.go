package audit

import (
	"strings"
	"testing"

	"igledger/ledger/entry"
)

// What a source writes goes to terminals and pages: it must not be able to look like another line, or like another name.
func TestDescribeIsOneLine(t *testing.T) {
	s := Describe(&entry.Access{Action: "R", Outcome: "0", Staff: &entry.Staff{Name: "A\x1b[2J\nName\u202e\u2028"}, Text: &entry.Text{Why: "a\tb", Justification: "x\r\ny"}})
	if all := s.Staff + s.Why + s.Justification; strings.ContainsAny(all, "\x1b\n\r\t\u202e\u2028") || s.Staff != "A [2J Name" {
		t.Errorf("%q", all)
	}
}

func TestDescribeWithholds(t *testing.T) {
	a := roundTrip(t, board, patterns(t)["break-glass"])
	if s := Describe(a); s.Staff != "Dr Ishbel Tarrant" || s.Role != "Physician" || !s.Emergency || s.Justification == "" || s.What != "read Observation" {
		t.Errorf("%+v", s)
	}
	a.Staff, a.Text, a.FHIR = nil, nil, nil // an extract that shows only the claims
	if s := Describe(a); s.Staff != "" || s.Justification != "" || s.Role != "309343006" || s.Why != "in an emergency, by overriding the usual limits" {
		t.Errorf("%+v", s)
	}
}
