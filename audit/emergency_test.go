package audit

import (
	"strings"
	"testing"
)

// Only an override makes an emergency. ETREAT alone is what an emergency department does all day:
// if it were one, every access there would owe a follow-up.
func TestEmergencyIsAnOverride(t *testing.T) {
	raw := string(patterns(t)["break-glass"])
	for name, c := range map[string]struct {
		purpose, event string
		want           bool
	}{
		"override started, to break the glass":  {"BTG", "110127", true},
		"to break the glass":                    {"BTG", "110112", true},
		"override started, emergency treatment": {"ETREAT", "110127", true},
		"emergency treatment":                   {"ETREAT", "110112", false},
	} {
		list, _, err := board.FromAuditEvent([]byte(strings.NewReplacer(`"BTG"`, `"`+c.purpose+`"`, `"110127"`, `"`+c.event+`"`,
			"Emergency Override Started", "Query", "break the glass", "why").Replace(raw)))
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %d accesses, %v", name, len(list), err)
		}
		if a := list[0]; a.Emergency != c.want || len(a.Purpose) == 0 || a.Purpose[0] != c.purpose {
			t.Errorf("%s: emergency %v with purpose %v, want %v", name, a.Emergency, a.Purpose, c.want)
		}
	}
}

// An override is read in words as people write it, and not where they say that there was none.
func TestOverrideInWords(t *testing.T) {
	for words, want := range map[string]bool{
		"Glass was broken: no time to ask": true, "BTG by user": true, "Emergency override": true,
		"No break-glass was used": false, "opened without breaking the glass": false, "not BTG": false, "no, break glass was used": true,
		"BreakTheGlassAccess": true, "an emergency": false,
	} {
		list, _, err := board.FromAuditEvent([]byte(event(byNurse, patientEntity, `"outcomeDesc":"`+words+`"`)))
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %d accesses, %v", words, len(list), err)
		}
		if list[0].Emergency != want {
			t.Errorf("%s: emergency %v", words, list[0].Emergency)
		}
	}
}
