package wire

import (
	"regexp"
	"strings"
	"time"
)

const secondsPerDay = 24 * 60 * 60

var dayForm = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)

// DayNumber returns the day YYYY-MM-DD as days since 1970-01-01. It returns BadClaim for anything
// else, and for earlier days.
func DayNumber(day string) (uint64, error) {
	if !dayForm.MatchString(day) {
		return 0, Errorf(BadClaim, "day", "want YYYY-MM-DD")
	}
	t, err := time.Parse(time.DateOnly, day)
	if err != nil || t.Unix() < 0 {
		return 0, Errorf(BadClaim, "day", "no such day, or before 1970")
	}
	return uint64(t.Unix() / secondsPerDay), nil
}

// FormatDay is the inverse of DayNumber.
func FormatDay(n uint64) string {
	return time.Unix(int64(n)*secondsPerDay, 0).UTC().Format(time.DateOnly)
}

// CheckOrgID returns BadClaim unless id can name an organisation: 1 to 64 of A-Z a-z 0-9 . _ -
// beginning with a letter or digit. A colon is not allowed, because temp ids use it as a separator.
func CheckOrgID(id string) error {
	if id == "" || len(id) > 64 || strings.ContainsRune("._-", rune(id[0])) ||
		strings.ContainsFunc(id, func(r rune) bool { return !TokenRune(r) }) {
		return Errorf(BadClaim, "organisation id", "want 1-64 of A-Z a-z 0-9 . _ - beginning with a letter or digit")
	}
	return nil
}

// CheckSystem returns BadClaim unless s can name a source system: 1 to 128 printable ASCII
// characters without space.
func CheckSystem(s string) error {
	if len(s) > 128 || !Printable(s) {
		return Errorf(BadClaim, "source", "want 1-128 printable ASCII characters")
	}
	return nil
}

// CheckOrigin returns BadClaim unless s can be a log's origin (C2SP tlog-checkpoint, signed-note):
// 1 to 255 printable ASCII characters without space and plus sign.
func CheckOrigin(s string) error {
	if s == "" || len(s) > 255 || !Printable(s) || strings.Contains(s, "+") {
		return Errorf(BadClaim, "origin", "want 1-255 printable ASCII characters without space and +")
	}
	return nil
}
