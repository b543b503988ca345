package wire

import (
	"bytes"
	"fmt"
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

// hidden are the characters that people do not see: those that turn the direction of a text, have
// no width, end a line or change how their neighbour looks. With them a text reads as another
// than the one that is signed. docs/FORMATS.md section 15 has the same list.
var hidden = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00ad, 0x00ad, 1}, {0x034f, 0x034f, 1}, {0x061c, 0x061c, 1}, {0x115f, 0x1160, 1}, {0x17b4, 0x17b5, 1},
		{0x180b, 0x180f, 1}, {0x200b, 0x200f, 1}, {0x2028, 0x202e, 1}, {0x2060, 0x206f, 1}, {0x3164, 0x3164, 1},
		{0xfe00, 0xfe0f, 1}, {0xfeff, 0xfeff, 1}, {0xffa0, 0xffa0, 1}, {0xfff0, 0xfffb, 1},
	},
	R32:         []unicode.Range32{{0x1d173, 0x1d17a, 1}, {0xe0000, 0xe0fff, 1}},
	LatinOffset: 1,
}

// Hidden describes the first hidden or control character of a text that is to be signed, and where
// it is, or returns "". Line feeds and tabs are shown, so they are not hidden.
func Hidden(s string) string {
	at := 0
	for _, r := range s {
		at++
		switch {
		case r == '\n' || r == '\t':
		case unicode.Is(hidden, r):
			return fmt.Sprintf("character %d is U+%04X, which nobody sees; delete it", at, r)
		case unicode.IsControl(r):
			return fmt.Sprintf("character %d is the control character U+%04X; delete it", at, r)
		}
	}
	return ""
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
	}
	return utf16Fault(data)
}

func utf16Fault(data []byte) Fault {
	order := ""
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), everySecondZero(data) && data[1] == 0:
		order = "little-endian"
	case bytes.HasPrefix(data, []byte("\xfe\xff")), everySecondZero(data):
		order = "big-endian"
	default:
		return Fault{}
	}
	return Fault{"it is UTF-16 text (" + order + "), as some editors and shells write it", "save it as UTF-8"}
}

// Text returns text that people write, as an editor on any system saves it: without a byte-order
// mark, and with line feeds where Windows writes two characters. It is not for what is hashed or
// signed as it stands.
func Text(data []byte) ([]byte, Fault) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if f := utf16Fault(data); !f.IsZero() {
		return nil, f
	}
	if !utf8.Valid(data) {
		line := 1
		for rest := data; ; line++ {
			one, after, _ := bytes.Cut(rest, []byte("\n"))
			if !utf8.Valid(one) {
				break
			}
			rest = after
		}
		return nil, Fault{fmt.Sprintf("it is not UTF-8 text: line %d has bytes of another encoding, such as Windows-1252", line),
			"save it as UTF-8"}
	}
	if bytes.Contains(data, []byte("\r\n")) {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	}
	return data, Fault{}
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
