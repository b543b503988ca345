package officer

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/input"

	"igledger/internal/web/signin"
	"igledger/internal/web/webtest"
)

// key presses a key of the keyboard.
func (s *seat) key(name string, code int64) {
	s.Helper()
	text := ""
	if name == "Enter" {
		text = "\r"
	}
	for _, kind := range []input.DispatchKeyEventType{"keyDown", "keyUp"} {
		s.Do(webtest.Command(input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: name, Code: name, Text: text,
			WindowsVirtualKeyCode: code}))
	}
}

// reach moves the focus by the keyboard until it is on what has this text, as people do who cannot
// use a mouse, and fails the test if it is not seen there.
func (s *seat) reach(text string) {
	s.Helper()
	is := fmt.Sprintf(`(() => {
		const e = document.activeElement;
		return (e.innerText || e.labels?.[0]?.innerText || "").replace(/\s+/g, " ").trim().startsWith(%q);
	})()`, text)
	for range 200 {
		s.key("Tab", 9)
		if webtest.Eval[bool](s.Tab, is) {
			if !webtest.Eval[bool](s.Tab, `(() => {
				const style = getComputedStyle(document.activeElement);
				return style.outlineStyle !== "none" || style.boxShadow !== "none" || style.filter !== "none";
			})()`) {
				s.Errorf("%s: the focus on %q is not seen", s.URL(), text)
			}
			s.Until(`(() => { // the page may still be scrolling there
				const r = document.activeElement.getBoundingClientRect();
				return r.height > 0 && r.top >= 0 && r.bottom <= innerHeight;
			})()`)
			return
		}
	}
	s.Fatalf("%s: the keyboard does not come to %q", s.URL(), text)
}

// follow goes by the keyboard to a link or a button, and on to the page to which it leads.
func (s *seat) follow(text, says string) {
	s.Helper()
	s.reach(text)
	s.key("Enter", 13)
	s.Wait(says)
}

// An officer signs what waits for them by the keyboard alone; and ends an agreement, told by the
// summary of errors, which has the focus, what they left out.
func TestByKeyboard(t *testing.T) {
	webtest.Needed(t)
	w := newWorld(t)
	w.officer("GGC", "Una Example").elsewhereAgree("isa-1")
	w.agree("isa-2", "LOT", "GGC", "TREAT")
	s := w.sit(t, "LOT", "Isobel Overseer", signin.Agreements)
	s.follow("Agreements to sign", "1 agreement to sign")
	s.follow("Read and sign", "You sign it for")
	s.follow("Sign with your organisation’s key", "Your organisation has signed")

	s.at("/officer/agreements/isa-2")
	s.follow("End", "To confirm, type isa-2")
	s.follow("End the agreement with your", "There is a problem")
	s.Until(`document.activeElement.id === "error-summary"`)
	s.reach("Give a reason")
	s.key("Enter", 13)
	s.Until(`document.activeElement.id === "reason"`)
	s.Do(webtest.Command(input.InsertText, input.InsertTextParams{Text: "no longer needed"}))
	s.reach("To confirm, type isa-2")
	s.Do(webtest.Command(input.InsertText, input.InsertTextParams{Text: "isa-2"}))
	s.follow("End the agreement with your", "Done. It is recorded")
	s.says("Ended early", "no longer needed")

	// In colours of the reader's own, and on paper.
	for name, how := range map[string]webtest.How{
		"forced": {Prefers: map[string]string{"forced-colors": "active"}}, "print": {Media: "print"}, "zoom": {Width: 320},
	} {
		s.Read(how)
		s.at("/officer/agreements/isa-2")
		s.Accessible()
		s.Shot("officer-agreement-" + name)
		if name == "print" && webtest.Eval[bool](s.Tab,
			`[...document.querySelectorAll("nav, .ig-actions, button")].some((e) => e.getBoundingClientRect().height > 0)`) {
			t.Error("what cannot be pressed on paper is printed")
		}
	}
}
