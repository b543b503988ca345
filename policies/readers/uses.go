package readers

import (
	"fmt"
	"slices"
	"strings"

	"igledger/policies/purpose"
)

// Uses returns every purpose of use for which somebody may read, in the order of package purpose.
// It is the code system of docs/READING.md: a reading is in the person's record for ever, so one
// with a mistyped purpose is refused and not recorded.
func Uses() (list []string) {
	for _, p := range purpose.All() {
		if slices.ContainsFunc(Table, func(r Reader) bool {
			return slices.ContainsFunc(r.Uses, func(u string) bool { return u == p.Code || !r.OnRequest && purpose.Subsumes(u, p.Code) })
		}) {
			list = append(list, p.Code)
		}
	}
	return list
}

// CheckUses returns what is wrong with the purposes that somebody states for a reading, before it
// is known who they are: one is no PurposeOfUse code. Whether they may read for those, May says.
// The error does not repeat what was typed.
func CheckUses(list []string) error {
	if err := purpose.Check(list); err != nil {
		return fmt.Errorf("%w A reading is for one of %s", err, strings.Join(Uses(), ", "))
	}
	return nil
}
