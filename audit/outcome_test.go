package audit

import (
	"testing"

	"igledger/ledger/entry"
)

// What a source writes as outcome or action is read as what it plainly means. What has no plain
// meaning is an access that succeeded: nothing becomes an attempt by a chance of words.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		outcome, desc, want string
		act                 entry.Act
		note                bool
	}{
		{`"0"`, "", "0", entry.ActAccess, false},
		{`"4"`, "in part", "4", entry.ActAttempt, false},
		{`"8"`, "", "8", entry.ActAttempt, false},
		{`8`, "", "8", entry.ActAttempt, false},
		{`"403"`, "", "8", entry.ActAttempt, false},
		{`"404"`, "", "4", entry.ActAttempt, false},
		{`200`, "", "0", entry.ActAccess, false},
		{`"Access Denied"`, "", "8", entry.ActAttempt, false},
		{`"Success"`, "403 Forbidden", "0", entry.ActAccess, false},
		{`"5"`, "", "0", entry.ActAccess, true},
		{`"perhaps"`, "", "0", entry.ActAccess, true},
		{`null`, "", "0", entry.ActAccess, true},
		{``, "", "0", entry.ActAccess, false},
		{``, "HTTP/1.1 403 Forbidden", "8", entry.ActAttempt, false},
		{``, "401", "8", entry.ActAttempt, false},
		{``, "Denied: no consent for this purpose", "8", entry.ActAttempt, false},
		{``, "500 observations", "0", entry.ActAccess, false},
		{``, "Refused treatment form viewed", "0", entry.ActAccess, false},
		{``, "5 resources", "0", entry.ActAccess, false},
	} {
		desc := ""
		if c.desc != "" {
			desc = `"` + c.desc + `"`
		}
		in := changed(map[string]string{"outcome": c.outcome, "outcomeDesc": desc})
		r := readAll(t, []byte(in))
		if a := r.accesses[0]; a.Outcome != c.want || a.Act() != c.act || r.said(UnknownValue) != c.note {
			t.Errorf("%s %q: %s, %s, %v", c.outcome, c.desc, a.Outcome, a.Act(), r.notes)
		}
		roundTrip(t, caseConversion, []byte(in))
	}
	for action, want := range map[string]string{`"R"`: "R", `"read"`: "R", `"u"`: "U", `"X"`: "E", ``: "E"} {
		in := changed(map[string]string{"action": action})
		r := readAll(t, []byte(in))
		if a := r.accesses[0]; a.Action != want || r.said(UnknownValue) != (action == `"X"`) {
			t.Errorf("%s: %s, %v", action, a.Action, r.notes)
		}
		roundTrip(t, caseConversion, []byte(in))
	}
}
