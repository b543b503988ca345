package officer

import (
	"fmt"
	"strings"
	"testing"

	"igledger/internal/web/webtest"
	"igledger/ledger/entry"
)

// Everybody sees who shares what with whom under agreements in force, and only these; an officer
// sees their own organisation's first.
func TestSharing(t *testing.T) {
	w := newWorld(t)
	w.agree("isa-1", "LOT", "GGC", "TREAT")
	w.agree("isa-2", "GGC", "HUB", "HRESCH", func(t *entry.AgreementText) { t.Title = "<script>alert(1)</script>" })
	w.agree("isa-3", "LOT", "HUB", "HRESCH", func(t *entry.AgreementText) { t.Start = w.day(20) })
	public := w.nobody().see("/register/sharing")
	if strings.Contains(public.body, "<script>alert") || strings.Contains(public.body, "isa-3") ||
		!strings.Contains(public.body, "/register/agreements/isa-1") || !strings.Contains(public.body, "/register/agreements/isa-2") {
		t.Errorf("%s", public.text())
	}
	if n := strings.Count(public.body, "<line"); n != 2+2 { // and two in the key
		t.Errorf("%d lines", n)
	}
	for query, want := range map[string]string{
		"?organisation=LOT": "isa-1", "?organisation=HUB": "isa-2", "?purpose=TREAT": "isa-1",
		"?organisation=LOT&purpose=HRESCH": "", "?organisation=x": "",
	} {
		page := w.nobody().see("/register/sharing" + query).body
		for _, id := range []string{"isa-1", "isa-2"} {
			if strings.Contains(page, "agreements/"+id) != (id == want) {
				t.Errorf("%s shows %s: %v", query, id, id != want)
			}
		}
	}
	own := w.officer("LOT", "Officer").see("/officer/sharing").body
	if !strings.Contains(own, "/officer/agreements/isa-1") || strings.Contains(own, "isa-2") {
		t.Error("an officer does not see their own first")
	}
}

// Forty agreements are a drawing that can be read, and more are a table.
func TestManyAgreements(t *testing.T) {
	w := newWorld(t)
	for i := range 14 {
		id := fmt.Sprintf("ORG%02d", i)
		w.keys[id] = w.Enrol(id, []entry.Role{entry.RoleController}, entry.PurposeAgreements)
	}
	codes := []string{"TREAT", "HRESCH", "PUBHLTH", "HOPERAT"}
	agree := func(from, to int) {
		for i := from; i < to; i++ {
			a, b := fmt.Sprintf("ORG%02d", i%14), fmt.Sprintf("ORG%02d", (i+1+i/14)%14)
			w.agree(fmt.Sprintf("isa-%d", i), a, b, codes[i%4])
		}
	}
	agree(0, 40)
	page := w.nobody().see("/register/sharing").body
	if n := strings.Count(page, "<line"); n != 40+4 || strings.Contains(page, "too many lines") {
		t.Errorf("%d lines", n)
	}
	tab := webtest.New(t, webtest.How{Width: webtest.Phone})
	for name, how := range map[string]webtest.How{"phone": {Width: webtest.Phone}, "desk": {}} {
		tab.Read(how)
		tab.Open(w.server.URL + "/register/sharing")
		tab.Accessible()
		tab.Shot("officer-sharing-forty-" + name)
		// No two names overlap, and none leaves the page.
		if bad := webtest.Eval[string](tab, `(() => {
			const boxes = [...document.querySelectorAll(".ig-figure__drawing text")].map((e) => [e.getBoundingClientRect(), e.textContent]);
			for (const [a, x] of boxes) {
				if (a.left < 0 || a.right > document.documentElement.clientWidth) return x + " leaves the page";
				for (const [b, y] of boxes)
					if (a !== b && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 &&
						b.top < a.bottom - 4) return x + " overlaps " + y;
			}
			return "";
		})()`); bad != "" {
			t.Errorf("%s: %s", name, bad)
		}
	}
	agree(40, 70)
	page = w.nobody().see("/register/sharing").body
	if strings.Contains(page, "<line") || !strings.Contains(page, "too many lines") || !strings.Contains(page, "Number of agreements") {
		t.Error("seventy agreements are no table")
	}
	tab.Read(webtest.How{Width: webtest.Phone})
	tab.Open(w.server.URL + "/register/sharing")
	tab.Accessible()
	tab.Shot("officer-sharing-matrix-phone")
}
