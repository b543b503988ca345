package consent

import (
	"strings"
	"time"

	"igledger/ledger/entry"
)

// oldest is the age in years above which no one is assumed to be alive when a CHI number is read.
const oldest = 110

// Born returns the birth date in a CHI number (chi:DDMMYY…). The number does not hold the century.
// Born returns false if people of both centuries may have the number at now, or if the id holds no
// date.
func Born(id string, now time.Time) (time.Time, bool) {
	n, ok := strings.CutPrefix(id, "chi:")
	if !ok || !entry.ValidCHI(n) {
		return time.Time{}, false
	}
	var found []time.Time
	for _, century := range []string{"19", "20"} {
		t, err := time.Parse("02012006", n[:4]+century+n[4:6])
		if err == nil && !t.After(now) && t.AddDate(oldest, 0, 0).After(now) {
			found = append(found, t)
		}
	}
	if len(found) != 1 {
		return time.Time{}, false
	}
	return found[0], true
}

// PresumedCapable reports whether a person born then is presumed able to decide for themselves at
// some moment before end: from their birthday of that age on. The age is a matter of law, and so of
// configuration. In Scotland it is 12 for data protection (Data Protection Act 2018 section 208).
// From then on, no one may act for them only by being their parent.
func PresumedCapable(born, end time.Time, age int) bool { return born.AddDate(age, 0, 0).Before(end) }
