package oracle

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Section 1: names, times and texts.

var (
	organisationForm = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z`)
	originForm       = regexp.MustCompile(`\A[\x21-\x2A\x2C-\x7E]{1,255}\z`)
	sourceForm       = regexp.MustCompile(`\A[\x21-\x7E]{1,128}\z`)
	requestForm      = regexp.MustCompile(`\A[\x21-\x7E]{1,128}\z`)
	uuidForm         = regexp.MustCompile(`\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\z`)
	kindForm         = regexp.MustCompile(`\A[a-z-]{1,40}\z`)
	countryForm      = regexp.MustCompile(`\A[A-Z]{2}\z`)
	timeForm         = regexp.MustCompile(`\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\z`)
)

// instant reads a time.
func instant(text string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, err == nil && timeForm.MatchString(text)
}

func isTime(text string) bool {
	_, ok := instant(text)
	return ok
}

// day reads a day and returns its first second.
func day(text string) (time.Time, bool) {
	t, err := time.Parse(time.DateOnly, text)
	return t, err == nil && len(text) == len(time.DateOnly)
}

func isDay(text string) bool {
	_, ok := day(text)
	return ok
}

func isControl(text string) bool {
	return strings.ContainsFunc(text, unicode.IsControl)
}

var hiddenCharacter = regexp.MustCompile(`[\x{AD}\x{34F}\x{61C}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{200B}-\x{200F}` +
	`\x{2028}-\x{202E}\x{2060}-\x{206F}\x{3164}\x{FE00}-\x{FE0F}\x{FEFF}\x{FFA0}\x{FFF0}-\x{FFFB}\x{1D173}-\x{1D17A}` +
	`\x{E0000}-\x{E0FFF}]`)

// isSeen says whether people see every character of a text.
func isSeen(text string) bool { return !hiddenCharacter.MatchString(text) }

// isThumbprint says whether text is base64url of a SHA-256.
func isThumbprint(text string) bool {
	return len(text) == 43 && try(func() { unbase64url(text) }) == nil
}

// ascending says whether the texts are sorted by bytes and distinct.
func ascending(texts []string) bool {
	return slices.IsSorted(texts) && len(slices.Compact(slices.Clone(texts))) == len(texts)
}

// amongAll says whether every text is one of these.
func amongAll(texts []string, these ...string) bool {
	return !slices.ContainsFunc(texts, func(t string) bool { return !slices.Contains(these, t) })
}

func distinct(texts []string) bool {
	seen := map[string]bool{}
	for _, t := range texts {
		if seen[t] {
			return false
		}
		seen[t] = true
	}
	return true
}
