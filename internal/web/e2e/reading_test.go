package e2e_test

import (
	"testing"

	"igledger/internal/web/webtest"
)

// readable are the pages that citizens, front desks and everybody read.
func readable(name string) []string {
	for _, who := range pagesOf { // the pages of officers are read with their scripts, at a desk
		if who.name == name {
			return who.paths
		}
	}
	return nil
}

// spaced is the text spacing that nothing may be cut by (WCAG 2.2, success criterion 1.4.12).
const spaced = `(() => {
	const rules = new CSSStyleSheet();
	rules.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }" +
		"p { margin-bottom: 2em !important }");
	document.adoptedStyleSheets = [...document.adoptedStyleSheets, rules];
	return true;
})()`

// cut are the texts that are cut off by the element in which they are.
const cut = `[...document.querySelectorAll("main *, header *, footer *")].filter((e) => {
	const s = getComputedStyle(e);
	return e.matches(":not(.visually-hidden, .visually-hidden *, svg *, .ig-scroll, textarea, select, option)") &&
		e.getClientRects().length > 0 &&
		["hidden", "clip"].includes(s.overflowX) && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1);
}).map((e) => e.tagName + "." + e.className + ": " + e.innerText.slice(0, 60)).join("; ")`

// tooWide is by how much a page must be scrolled sideways.
const tooWide = `document.documentElement.scrollWidth - document.documentElement.clientWidth`

// The pages are read enlarged fourfold (1280 pixels are then 320 wide), with wide spacing, in large
// print, in forced colours and on paper, and nothing is cut or has to be scrolled sideways.
func TestHowPeopleRead(t *testing.T) {
	for _, who := range []struct{ account, name string }{{"", ""}, {citizens, "Morag Example"}, {staff, "Aileen Counter"}} {
		t.Run(who.name, func(t *testing.T) {
			v := visit(t, webtest.How{Width: 320})
			if who.name != "" {
				v.signIn(who.account, who.name)
			}
			for _, path := range readable(who.name) {
				large := path + "?size=large"
				if path == "/you?covered=attention" {
					large = path + "&size=large"
				}
				for _, how := range []struct {
					name, path string
					how        webtest.How
					spaced     bool
				}{
					{"enlarged and spaced", path, webtest.How{Width: 320}, true},
					{"large print", large, webtest.How{Width: 320}, false},
					{"forced colours", path, webtest.How{Prefers: map[string]string{"forced-colors": "active"}}, false},
					{"paper", path, webtest.How{Width: 680, Media: "print"}, false}, // 180 mm
					{"large paper", large, webtest.How{Width: 680, Media: "print"}, false},
				} {
					v.Read(how.how)
					v.Open(demo.url + how.path)
					if how.spaced {
						webtest.Eval[bool](v.Tab, spaced)
					}
					if wide := webtest.Eval[int](v.Tab, tooWide); wide > 0 {
						t.Errorf("%s, %s: %d pixels wider than the window", how.path, how.name, wide)
					}
					if texts := webtest.Eval[string](v.Tab, cut); texts != "" {
						t.Errorf("%s, %s: cut off: %s", how.path, how.name, texts)
					}
					if how.name == "large paper" {
						if small := webtest.Eval[string](v.Tab, smallPrint); small != "" {
							t.Errorf("%s: not of 18 points: %s", how.path, small)
						}
					}
				}
			}
		})
	}
}

// smallPrint are texts below 18 points (24 pixels).
const smallPrint = `[...document.querySelectorAll("main *")].filter((e) =>
	e.getClientRects().length > 0 && !e.closest("svg, .visually-hidden") &&
	[...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && parseFloat(getComputedStyle(e).fontSize) < 23.9)
	.slice(0, 3).map((e) => e.tagName + "." + e.className + " " + getComputedStyle(e).fontSize + ": " + e.innerText.slice(0, 40)).join("; ")`

// Who sees forced colours alone still sees where the focus is.
func TestFocusInForcedColours(t *testing.T) {
	v := visit(t, webtest.How{Prefers: map[string]string{"forced-colors": "active"}})
	v.Open(demo.url)
	v.keyed("Sign in")
	v.keyed("Demonstration account")
	v.keyed("Morag Example")
	v.Reach("Read prescriptions")
	v.keyed("My choices")
	v.Reach("Say no to planning")
	v.Shot("choices-forced-colours")
}
