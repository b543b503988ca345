package officer

import (
	"fmt"
	"strings"
	"testing"

	"igledger/internal/web/signin"
	"igledger/internal/web/signin/signintest"
	"igledger/internal/web/webtest"
	"igledger/ledger/entry"
)

// forty brings forty agreements into force, half of them with LOT, of long and of short titles, for
// eight purposes.
func (w *world) forty() {
	w.t.Helper()
	purposes := []string{"TREAT", "HRESCH", "PUBHLTH", "HQUALIMP", "PATSFTY", "CAREMGT", "HOPERAT", "TRAIN"}
	ends := [][2]string{{"LOT", "GGC"}, {"GGC", "HUB"}, {"HUB", "LOT"}, {"GGC", "HUB"}}
	for i := range 40 {
		w.agree(fmt.Sprintf("isa-%02d", i), ends[i%4][0], ends[i%4][1], purposes[i%8], func(t *entry.AgreementText) {
			t.Title = fmt.Sprintf("%c sharing number %d", 'A'+(i*7)%26, i)
			if i%5 == 0 {
				t.Title += strings.Repeat(", and what follows from it for every hospital of the region", 2)
			}
			t.ReviewDue, t.End = w.day(200-i), w.day(300+i)
		})
	}
}

// ids are the agreements of a list, in its order.
func (a answer) ids() (list []string) {
	for _, part := range strings.Split(a.body, `<h3 class="ig-list__title"><a href="/officer/agreements/`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		list = append(list, id)
	}
	return list
}

// With forty agreements an officer finds one by words, by state, by order, and page by page.
func TestRegisterOfForty(t *testing.T) {
	w := newWorld(t)
	w.forty()
	w.officer("LOT", "Ailsa Example").propose("isa-new", "Medicines and allergies", "Zebra crossings and allergies")
	lot := w.officer("LOT", "Ailsa Example")
	one := lot.see("/officer/agreements")
	if n := len(one.ids()); n != 21 || !strings.Contains(one.text(), "21 agreements") {
		t.Errorf("%d of LOT", n)
	}
	all, next := lot.see("/officer/agreements?whose=all"), lot.see("/officer/agreements?whose=all&page=2")
	if len(all.ids()) != onPage || len(next.ids()) != 41-onPage || !strings.Contains(all.text(), "41 agreements") ||
		!strings.Contains(all.body, "/officer/agreements?page=2&amp;whose=all") {
		t.Errorf("%d and %d", len(all.ids()), len(next.ids()))
	}
	for _, id := range next.ids() {
		if strings.Contains(strings.Join(all.ids(), " "), id) {
			t.Errorf("%s is on both pages", id)
		}
	}
	for query, want := range map[string]string{
		"?words=zebra":                         "isa-new",
		"?words=ISA-06":                        "isa-06",
		"?words=zebra+hub":                     "isa-new",
		"?words=zebra+isa-06":                  "",
		"?words=%3Cscript%3E":                  "",
		"?state=proposed":                      "isa-new",
		"?sort=review&words=number":            "isa-38 isa-36 isa-34 isa-32",
		"?sort=end&words=number":               "isa-00 isa-02 isa-04 isa-06",
		"?sort=start&words=allergies+sharing+": "",
		"?sort=nonsense&words=zebra":           "isa-new",
	} {
		a := lot.see("/officer/agreements" + query)
		if got := strings.Join(a.ids()[:min(4, len(a.ids()))], " "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
		if strings.Contains(a.body, "<script>") {
			t.Errorf("%s: what was looked for is not escaped", query)
		}
	}
}

// With forty agreements nothing is wider than a narrow phone, no names of the drawing lie on each
// other, and its table says all.
func TestFortyInBrowser(t *testing.T) {
	webtest.Needed(t)
	w := newWorld(t)
	w.forty()
	user := signintest.Staff("LOT", "Mairi Officer", signin.Reports, signin.FollowUp, signin.Agreements)
	tab := webtest.New(t, webtest.How{})
	w.enter(tab, user, "/officer")
	for path, picture := range map[string]string{
		"/officer/agreements?whose=all": "register", "/officer/calendar": "calendar", "/officer/sharing": "sharing",
		"/officer/sharing?organisation=": "sharing-all", "/officer/inbox": "inbox",
	} {
		tab.Open(w.server.URL + path)
		for name, how := range map[string]webtest.How{"narrow": {Width: 320}, "phone": {Width: webtest.Phone}, "desk": {}} {
			tab.Read(how)
			tab.Accessible()
			tab.Shot("officer-forty-" + picture + "-" + name)
			if n := webtest.Eval[int](tab, overlaps); n > 0 {
				t.Errorf("%s, %s: %d texts of the drawing lie on another", path, name, n)
			}
		}
	}
}

// overlaps counts the texts of drawings that lie on another, or beyond the drawing's edge.
const overlaps = `(() => {
	let n = 0;
	for (const svg of document.querySelectorAll("svg.ig-figure__drawing")) {
		const edge = svg.getBoundingClientRect();
		const boxes = [...svg.querySelectorAll("text")].map((e) => e.getBoundingClientRect());
		boxes.forEach((a, i) => {
			if (a.left < edge.left - 1 || a.right > edge.right + 1 || a.bottom > edge.bottom + 1) n++;
			for (const b of boxes.slice(i + 1)) {
				if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3) n++;
			}
		});
	}
	return n;
})()`
