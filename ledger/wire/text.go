package wire

import (
	"strings"
	"unicode"
)

// MaxInt bounds the integers in JSON. Above 2^53-1 readers in other languages round them (RFC 7493
// section 2.2) and would judge the same entry differently.
const MaxInt = 1<<53 - 1

// TokenRune reports whether r is one of A-Z a-z 0-9 . _ -, the characters of ids and base64url.
func TokenRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
}

// Printable reports whether s is not empty and consists of ASCII without space and control
// characters.
func Printable(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= 0x20 || r > 0x7e })
}

// Plain reports whether s has at most limit bytes and no control characters, which would reach a
// reader's terminal.
func Plain(s string, limit int) bool {
	return len(s) <= limit && !strings.ContainsFunc(s, unicode.IsControl)
}
