package citizen_test

import (
	"strconv"
	"strings"
	"testing"

	"igledger/internal/testledger"
	"igledger/internal/web/webtest"
	"igledger/ledger/entry"
)

// The pages of choices, people, numbers, what was told and downloads are accessible to everybody,
// and a no is said and taken back by pressing what the pages offer, also without script.
func TestChoicesInBrowser(t *testing.T) {
	for name, how := range map[string]webtest.How{
		"phone": {Width: webtest.Phone, NoScript: true}, "desk": {},
		"narrow-dark": {Width: 320, Prefers: map[string]string{"prefers-color-scheme": "dark"}},
		"print":       {Media: "print"},
	} {
		t.Run(name, func(t *testing.T) {
			tab := webtest.New(t, how)
			w := newWorld(t)
			care := strconv.FormatUint(w.some()["care"], 10)
			w.agree(t, "isa-1", "http://hl7.org/fhir/resource-types|Condition")
			for _, ids := range [][2]string{{morag, "temp:TST:A-1"}, {"temp:TST:A-1", morag}} {
				w.Append(w.key, &entry.Link{Common: entry.Common{Issuer: "TST", Audience: testledger.Origin}, Act: "linked",
					Reason: "one person", Sub: ids[0], Other: ids[1]})
			}
			at := w.mandate("AGNT")
			w.mandate("GUARD")
			if w.delegate(t, "chi:0303030009", morag, "access"); how.Media == "" {
				w.get(t, w.client(t, iain, "Iain Example"), "/you/for/"+strconv.FormatUint(at, 10))
			}
			look := func(picture string) {
				t.Helper()
				tab.Accessible()
				tab.Shot(picture + "-" + name)
			}
			reads := func(texts ...string) {
				t.Helper()
				for _, text := range texts {
					if !strings.Contains(tab.Text("main"), text) {
						t.Errorf("%s lacks %q:\n%s", tab.URL(), text, tab.Text("main"))
					}
				}
			}
			w.open(t, tab, morag, "Morag Example", "/you/choices")
			look("choices")
			for _, path := range []string{"people", "told", "numbers", "download", "download?org=OTH"} {
				tab.Open(w.server.URL + "/you/" + path)
				look(strings.NewReplacer("?", "-", "=", "-").Replace(path))
			}
			if how.Media == "print" {
				return // buttons are not printed
			}
			tab.Open(w.server.URL + "/you/choices")
			tab.Press("Say no to research")
			look("choose-no")
			tab.Press("Yes, say no to research")
			look("said-no")
			tab.Open(w.server.URL + "/you/told")
			look("told-no")
			tab.Open(w.server.URL + "/you/access/" + care)
			tab.Press("Keep out: Nurse Ailsa Invent")
			look("choose-out")
			tab.Press("Yes, keep this person out")
			look("kept-out")
			tab.Press("Take this back")
			reads("You have taken it back.")
			tab.Open(w.server.URL + "/you/choices")
			reads("You said no.")
			tab.Press("Take back my no to research")
			reads("You have not said no.")
			if p := tab.Problems(); len(p) > 0 {
				t.Errorf("the console says %v", p)
			}
		})
	}
}
