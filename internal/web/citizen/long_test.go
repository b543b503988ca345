package citizen_test

import (
	"strconv"
	"strings"
	"testing"

	"igledger/internal/web/webtest"
	"igledger/ledger/entry"
)

// TestLongNames: what sources call people, places and systems is as long as they like, without a
// space to break it at, and in any script. No page gets wider than a narrow phone by it.
func TestLongNames(t *testing.T) {
	webtest.Needed(t)
	w := newWorld(t)
	long := func(s string, n int) string { return strings.Repeat(s, n) }
	at := w.access(morag, 1, func(a *entry.Access) {
		a.Staff = &entry.Staff{ID: long("9", 100), System: "https://" + long("staff", 30) + ".example",
			Name: long("Wolfeschlegelstein", 10)}
		a.Role, a.Purpose = []string{long("Physiotherapieassistent", 4)}, []string{"TREAT"}
		a.Text = &entry.Text{Justification: long("dringend", 40), Query: "Observation?code=" + long("x", 400)}
		a.Agreement = "isa-" + long("a", 60)
	})
	foreign := w.access(morag, 2, func(a *entry.Access) {
		a.Foreign, a.Text = true, &entry.Text{Organisation: long("Llanfairpwllgwyngyll", 8), Why: long("אבג", 60)}
		a.Staff = &entry.Staff{Name: "שרה לוי 12"}
	})
	tab := webtest.New(t, webtest.How{Width: 320})
	w.open(t, tab, morag, long("Featherstonehaugh", 8), "/you")
	for name, path := range map[string]string{
		"large": "/you?size=large", "access": "/you/access/" + strconv.FormatUint(at, 10),
		"foreign": "/you/access/" + strconv.FormatUint(foreign, 10), "out": "/you/choices/out/person/" + strconv.FormatUint(at, 10),
	} {
		tab.Open(w.server.URL + path)
		tab.Accessible()
		tab.Shot("long-" + name)
	}
}
