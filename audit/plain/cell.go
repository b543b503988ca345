package plain

import (
	"strings"
	"unicode"
)

// Cell returns text as a cell of a CSV file: with an apostrophe before it if a spreadsheet would
// take it for a formula. Texts of a ledger are written by many organisations. Spreadsheets skip
// blanks, and take full-width signs, as keyboards of East Asia write them, for the narrow ones.
func Cell(text string) string {
	first := strings.TrimLeftFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
	if strings.TrimLeft(first, "=+-@＝＋－＠") == first {
		return text
	}
	return "'" + text
}
