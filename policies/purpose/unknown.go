package purpose

import (
	"fmt"
	"strings"
)

// UnknownError says that a code is no PurposeOfUse code. It does not repeat the code, which may be
// anything that somebody typed.
type UnknownError struct {
	At    int    // in the list, from 1
	Meant string // the code that it is nearly, or ""
}

func (e *UnknownError) Error() string {
	text := fmt.Sprintf("purpose %d is no PurposeOfUse code (HL7 v3-ActReason)", e.At)
	if e.Meant != "" {
		text += "; did you mean " + e.Meant + "?"
	}
	return text
}

// Check returns an *UnknownError for the first of list that is no PurposeOfUse code, in any of the
// spellings that Code reads.
func Check(list []string) error {
	for i, s := range list {
		if Known(Code(s)) {
			continue
		}
		var names []string
		for _, p := range tree {
			names = append(names, p.Code)
		}
		last := s[strings.LastIndexAny(s, "|#/:")+1:]
		return &UnknownError{i + 1, Closest(last, names)}
	}
	return nil
}

// CheckTyped is Check for what may also have codes of other systems, as system|code. Policies know
// nothing of those, so they cover nothing, but they are no slip of a person's fingers.
func CheckTyped(list []string) error {
	for i, s := range list {
		if system, code, ok := strings.Cut(s, "|"); ok && system != "" && code != "" && !IsSystem(system) {
			continue
		}
		if err := Check([]string{s}); err != nil {
			err.(*UnknownError).At = i + 1
			return err
		}
	}
	return nil
}

// Closest returns the name closest to what was written, which may differ in case, separators or two
// letters. If there is none, it returns "".
func Closest(written string, names []string) string {
	plain := func(s string) string {
		return strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(s))
	}
	best, least := "", 3
	for _, n := range names {
		if d := distance(plain(written), plain(n)); d < least && d < len(n)-1 {
			best, least = n, d
		}
	}
	return best
}

// distance is the number of bytes to insert, remove, replace, or exchange with the next, which turn
// a into b (optimal string alignment). For long texts it is the difference in length.
func distance(a, b string) int {
	if len(a) > 64 || len(a) > len(b)+3 {
		return max(len(a)-len(b), 3)
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
