package provider_test

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"igledger/internal/web/webtest"
)

func TestMain(m *testing.M) { os.Exit(webtest.Main(m)) }

// TestInBrowser: a browser, also one without scripts, signs in, proves who is there before a change,
// has what was typed back, and signs out at both places; every page on the way can be read by
// everybody.
func TestInBrowser(t *testing.T) {
	for _, c := range []struct {
		name string
		how  webtest.How
	}{
		{"desk", webtest.How{}},
		{"phone", webtest.How{Width: webtest.Phone, NoScript: true}},
		{"dark", webtest.How{Width: 320, Prefers: map[string]string{"prefers-color-scheme": "dark"}}},
	} {
		w := newWorld(t)
		tab := webtest.New(t, c.how)
		seen := func(name, heading string) {
			t.Helper()
			if h := tab.Text("h1"); h != heading {
				t.Fatalf("%s, %s: the page says %q at %s, want %q", c.name, name, h, tab.URL(), heading)
			}
			tab.Accessible()
			tab.Shot("sign-in-" + c.name + "-" + name)
		}
		tab.Open(w.pages + "/sign-in")
		seen("choose", "Sign in")
		tab.Open(w.pages + "/sign-in/citizens/callback?state=old")
		seen("refused", "You could not be signed in")
		tab.Open(w.pages + "/you")
		seen("provider", "Choose who you are")
		tab.Press("Morag Example")
		tab.Press("Change")
		seen("prove", "Show that it is you")
		tab.Press("Show that it is you")
		seen("stronger", "Choose who you are")
		tab.Press("Morag Example")
		if text := tab.Text("body"); !strings.Contains(text, "kept[typed]") {
			t.Errorf("%s: after the proof: %s", c.name, text)
		}
		tab.Press("Change")
		if text := tab.Text("body"); !strings.Contains(text, "took[typed]") {
			t.Errorf("%s: after the change: %s", c.name, text)
		}
		tab.Press("Leave")
		// The page in between leads on by itself, to the provider and back.
		tab.Do(chromedp.WaitReady(`a.ds_button[href="/sign-in"]`))
		seen("signed-out", "You are signed out")
		if list := tab.Problems(); len(list) > 0 {
			t.Errorf("%s: %v", c.name, list)
		}
	}
}
