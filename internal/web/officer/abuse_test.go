package officer

import (
	"html"
	"net/url"
	"strings"
	"testing"
)

// A text that people read as another than it is, is not signed here, and the page says where it is.
func TestDisguisedIsNotSigned(t *testing.T) {
	w := newWorld(t)
	w.agree("isa-2", "LOT", "GGC", "TREAT")
	o := w.officer("LOT", "Officer")
	size := w.Size()
	for reason, where := range map[string]string{"a \u2067hidden\u2069 reason": "character 3 is U+2067",
		"a hid\u200bden reason": "character 6 is U+200B", "one line\u2028another": "character 9 is U+2028",
		"an \x1b[2Jescape": "character 4 is the control character U+001B"} {
		a := o.do("POST", "/officer/agreements/isa-2/1/suspend", url.Values{"reason": {reason}})
		if a.code != 422 || !strings.Contains(html.UnescapeString(a.text()), where) {
			t.Errorf("%q: %d %s", reason, a.code, a.text())
		}
	}
	if w.Size() != size {
		t.Error("it was signed")
	}
	if a := o.do("POST", "/officer/agreements/isa-2/1/suspend", url.Values{"reason": {"an honest reason"}}); a.code != 303 {
		t.Errorf("%d %s", a.code, a.text())
	}
}

// A form without a token of ours is not taken for one that another form without one was.
func TestFollowUpToken(t *testing.T) {
	w := newWorld(t)
	index, _ := w.access("LOT", morag, 2, marketing)
	o := w.officer("LOT", "Officer One")
	for n, token := range []string{"", "", strings.Repeat("x", 1<<15)} {
		form := follow(o.see(at(index)), "open", "note number "+strings.Repeat("I", n+1))
		form.Set("token", token)
		if a := o.do("POST", at(index), form); a.code != 303 {
			t.Fatalf("%d %s", a.code, a.text())
		}
	}
	if n := strings.Count(o.see(at(index)).text(), "note number"); n != 3 {
		t.Errorf("%d of 3 records", n)
	}
}
