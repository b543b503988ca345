package officer

import (
	"net/url"
	"strings"
	"testing"

	"igledger/ledger/entry"
)

// A text that people read as another than it is, is not signed here: neither somebody's proposal
// nor an own reason.
func TestDisguisedIsNotSigned(t *testing.T) {
	w := newWorld(t)
	w.agree("isa-1", "LOT", "GGC", "TREAT", func(t *entry.AgreementText) { t.Retention = "not \u202eyad eno naht erom\u202c" })
	w.agree("isa-2", "LOT", "GGC", "TREAT")
	o := w.officer("LOT", "Officer")
	size := w.Size()
	for path, form := range map[string]url.Values{
		"/officer/agreements/isa-1/1/suspend": {"reason": {"an honest reason"}},
		"/officer/agreements/isa-2/1/suspend": {"reason": {"a \u2067hidden\u2069 reason"}},
	} {
		if a := o.do("POST", path, form); a.code != 422 || !strings.Contains(a.text(), "hidden characters") {
			t.Errorf("%s: %d %s", path, a.code, a.text())
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
