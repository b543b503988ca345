package webtest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// mostTabs is how often somebody presses the tab key before they give up.
const mostTabs = 150

// Reach goes on with the tab key until the link, button or field with this text, or that begins
// with it if none is so, has the focus, as
// somebody does who has no mouse. It fails the test if a place on the way does not show that it has
// the focus.
func (p *Tab) Reach(text string) {
	p.Helper()
	var seen []string
	exact := Eval[bool](p, fmt.Sprintf(`[...document.querySelectorAll("a[href],button,summary,label")].some((e) =>
		e.innerText.replace(/\s+/g, " ").trim() === %q)`, text))
	for range mostTabs {
		p.Do(chromedp.KeyEvent("\t"))
		at := Eval[struct{ Text, Hidden string }](p, focused)
		if at.Hidden != "" {
			p.Errorf("%s: %q has the focus, and nobody sees it: %s", p.URL(), at.Text, at.Hidden)
		}
		if at.Text == text || !exact && strings.HasPrefix(at.Text, text) {
			return
		}
		seen = append(seen, at.Text)
	}
	p.fail(fmt.Errorf("the tab key does not lead to %q on %s, but to %q", text, p.URL(), seen))
}

// focused is what has the focus, by what is read aloud, and why nobody sees that.
const focused = `(async () => {
	const e = document.activeElement;
	if (!e || e === document.body) return {Text: "", Hidden: ""};
	const text = (e.labels?.[0]?.innerText || e.innerText || e.value || e.getAttribute("aria-label") || e.id || "").replace(/\s+/g,
		" ").trim();
	const s = getComputedStyle(e), outside = () => {
		const r = e.getBoundingClientRect();
		return r.bottom < 0 || r.top > innerHeight || r.right < 0 || r.left > innerWidth;
	};
	// The page may still be scrolling there.
	for (let frame = 0; outside() && frame < 300; frame++) await new Promise(requestAnimationFrame);
	const r = e.getBoundingClientRect();
	let shown = s;
	// A radio button or tick box of the design system is drawn beside it, by its label.
	if ((e.type === "radio" || e.type === "checkbox") && e.labels?.[0]) shown = getComputedStyle(e.labels[0], "::before");
	const ring = [s, shown].some((s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== "none") ||
		!matchMedia("(forced-colors: active)").matches && s.backgroundColor === "rgb(253, 213, 34)";
	let hidden = "";
	if (r.width < 2 || r.height < 2) hidden = "it has no size";
	else if (outside()) hidden = "it is outside the window";
	else if (!ring) hidden = "nothing marks it";
	return {Text: text, Hidden: hidden};
})()`

// Enter presses Enter on what has the focus, and waits for the page that it loads.
func (p *Tab) Enter() {
	p.Helper()
	Eval[bool](p, `document.documentElement.setAttribute("data-webtest-old", ""), true`)
	p.Do(chromedp.KeyEvent("\r"))
	p.Until(`document.readyState === "complete" && !document.documentElement.hasAttribute("data-webtest-old")`)
}

// Key presses a key, or types a text, where the focus is.
func (p *Tab) Key(keys string) {
	p.Helper()
	p.Do(chromedp.KeyEvent(keys))
}

// Cookies are those that the browser would send to the page where the tab is.
func (p *Tab) Cookies() (list []*http.Cookie) {
	p.Helper()
	for _, c := range Get(p, Result(network.GetCookies, network.GetCookiesParams{})).Cookies {
		list = append(list, &http.Cookie{Name: c.Name, Value: c.Value})
	}
	return list
}
