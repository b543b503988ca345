package consent

import (
	"fmt"
	"slices"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/policies"
)

// checkRule refuses a rule that cannot have been meant: it ended before it was decided, has a code
// that matches nothing, or never applies because an exception covers all of it. What another system
// reports may have ended, and a permission of which refusals in it leave nothing is then a refusal.
func checkRule(r *entry.ConsentRule, decided time.Time, reported bool) error {
	if end := r.Time(r.End); !end.IsZero() && !end.After(decided) && !reported {
		return refuse(register.PastPeriod, "rule", "its period ended before the decision")
	}
	return checkLevel(r, "rule", reported)
}

func checkLevel(r *entry.ConsentRule, at string, reported bool) error {
	for _, p := range r.Purposes {
		if !knownPurpose(p) {
			return refuse(wire.BadClaim, at+".purposes", "%s", wantPurpose)
		}
	}
	for i := range r.Except {
		x := &r.Except[i]
		path := fmt.Sprintf("%s.except[%d]", at, i)
		if x.Decision == r.Decision {
			return refuse(register.Contradiction, path, "it says the same as the rule that it is an exception to")
		}
		if len(x.Except) == 0 && covers(x, r) && !(reported && x.Decision == policies.Deny) {
			return refuse(register.Contradiction, path,
				"it covers everything in the rule that it is an exception to, so the rule would mean the opposite of what it says")
		}
		if err := checkLevel(x, path, reported); err != nil {
			return err
		}
	}
	for i := range r.Also {
		if err := checkLevel(&r.Also[i], fmt.Sprintf("%s.also[%d]", at, i), reported); err != nil {
			return err
		}
	}
	return nil
}

// covers reports whether x applies to every access to which r applies.
func covers(x, r *entry.ConsentRule) bool {
	same := func(a, b string) bool { return a == b }
	return within(r.Time(r.Start), r.Time(r.End), x.Time(x.Start), x.Time(x.End)) &&
		within(r.Time(r.DataStart), r.Time(r.DataEnd), x.Time(x.DataStart), x.Time(x.DataEnd)) &&
		listed(x.Purposes, r.Purposes, policies.Covers) &&
		policies.CoversAllData(x.Data, r.Data, x.Decision == "deny", r.Decision == "deny") &&
		listed(x.Recipients, r.Recipients, same) &&
		listed(x.Roles, r.Roles, same) &&
		listed(x.Staff, r.Staff, same) &&
		listed(x.Units, r.Units, same) &&
		listed(x.Actions, r.Actions, same)
}

// listed reports whether outer covers every member of inner. An empty list is everything.
func listed(outer, inner []string, covers func(outer, inner string) bool) bool {
	if len(outer) == 0 {
		return true
	}
	return len(inner) > 0 && !slices.ContainsFunc(inner, func(i string) bool {
		return !slices.ContainsFunc(outer, func(o string) bool { return covers(o, i) })
	})
}

// within reports whether the period [start, end) lies in [from, to). A zero time is open.
func within(start, end, from, to time.Time) bool {
	return (from.IsZero() || !start.IsZero() && !start.Before(from)) && (to.IsZero() || !end.IsZero() && !end.After(to))
}
