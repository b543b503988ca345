package wire_test

import (
	"strings"
	"testing"

	"igledger/ledger/wire"
)

func TestHidden(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Cèilidh\n\tخصوصية 健康 naïve – “quoted” £5": "",
		"a\u202eb": "character 2 is U+202E", "\u2067a": "character 1 is U+2067", "è\u200f": "character 2 is U+200F",
		"a\u061c": "U+061C", "zero\u200bwidth": "character 5 is U+200B", "soft\u00adhyphen": "U+00AD", "\ufeffa": "U+FEFF",
		"a\u2028b": "U+2028", "tag\U000e0041": "U+E0041", "\x1b[2J": "control character U+001B", "a\r\nb": "control character U+000D",
		"a\u0085": "control character U+0085",
	} {
		if got := wire.Hidden(text); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct{ name, in, want, fault string }{
		{"as it is", "a\nè\n", "a\nè\n", ""},
		{"Windows", "\ufeffa\r\nb\r\n", "a\nb\n", ""},
		{"little-endian", "\xff\xfea\x00\n\x00", "", "UTF-16 text (little-endian)"},
		{"big-endian", "\xfe\xff\x00a\x00\n", "", "UTF-16 text (big-endian)"},
		{"little-endian without a mark", "a\x00b\x00", "", "UTF-16 text (little-endian)"},
		{"big-endian without a mark", "\x00a\x00b", "", "UTF-16 text (big-endian)"},
		{"Windows-1252", "title: x\nwhere: C\xe8ilidh\n", "", "line 2"},
		{"an old Macintosh", "a\rb", "a\rb", ""},
	} {
		got, f := wire.Text([]byte(c.in))
		if string(got) != c.want || f.IsZero() != (c.fault == "") || !strings.Contains(f.Found, c.fault) {
			t.Errorf("%s: %q, %v", c.name, got, f)
		}
	}
}
