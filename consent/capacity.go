package consent

import (
	"strings"
	"time"

	"igledger/ledger/entry"
)

// oldest is the age in years above which nobody is taken to be alive when a CHI number is read.
const oldest = 110

// Born gives the birth date in a CHI number (chi:DDMMYY…). The century is not in it: false if at now people of both centuries may bear it, or if the id holds no date.
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

// PresumedCapable reports whether somebody born then is presumed to decide for herself at some moment before end: from the birthday of that age on. The age is a matter of law and so
// of configuration; in Scotland it is 12 for data protection (Data Protection Act 2018 section 208). From then on nobody acts for her by being her parent alone.
func PresumedCapable(born, end time.Time, age int) bool { return born.AddDate(age, 0, 0).Before(end) }
