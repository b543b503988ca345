package wire

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
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

// Fault is what keeps data from being read as what it should be, for a reason that says nothing
// about who wrote it, and what to do about it. Without it a file that an editor saved is easily
// taken for one that an attacker altered.
type Fault struct{ Found, Do string }

// IsZero reports whether there is no fault.
func (f Fault) IsZero() bool { return f == Fault{} }

func (f Fault) String() string { return f.Found + ": " + f.Do }

// EditorFault returns the fault of text that an editor or shell has saved in another encoding.
func EditorFault(data []byte) Fault {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return Fault{"it begins with a byte-order mark", "save it as UTF-8 without one"}
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")), everySecondZero(data):
		return Fault{"it is UTF-16 text, as some editors and shells write it", "save it as UTF-8"}
	}
	return Fault{}
}

// everySecondZero reports whether data begins like UTF-16 of ASCII characters without a mark.
func everySecondZero(data []byte) bool {
	return len(data) >= 4 && (data[0] == 0) == (data[2] == 0) && (data[1] == 0) == (data[3] == 0) &&
		(data[0] == 0) != (data[1] == 0)
}

// LineFault is EditorFault for formats that are UTF-8 in lines that end in a line feed alone.
func LineFault(data []byte) Fault {
	switch f := EditorFault(data); {
	case !f.IsZero():
		return f
	case bytes.Contains(data, []byte("\r")):
		return Fault{"its lines end in carriage return and line feed, as Windows writes them", "save it with line feeds alone (LF)"}
	case !utf8.Valid(data):
		return Fault{"it is not UTF-8 text", "save it as UTF-8, or get it again"}
	}
	return Fault{}
}
