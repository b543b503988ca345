package public_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"igledger/internal/web/webtest"
)

func TestMain(m *testing.M) { os.Exit(webtest.Main(m)) }

// Every page can be read by everybody: on a phone and at a desk, in the dark, and without scripts.
func TestInBrowser(t *testing.T) {
	webtest.Needed(t)
	w := newWorld(t)
	w.Cosign(w.auditor)
	some := []string{"/", "/leaflet", "/register/agreements", "/register/agreements/isa-1", "/trust"} // with every kind of part
	for _, c := range []struct {
		name  string
		how   webtest.How
		paths []string
	}{
		{"desk", webtest.How{}, slices.Concat(some, []string{"/register/policies", "/help"})},
		{"phone", webtest.How{Width: webtest.Phone}, append(paths, "/nothing", "/?lang=gd", "/trust?lang=gd")},
		{"small", webtest.How{Width: 320, NoScript: true}, some},
		{"dark", webtest.How{Width: webtest.Phone, Prefers: map[string]string{"prefers-color-scheme": "dark"}}, some},
		{"print", webtest.How{Media: "print"}, some},
	} {
		tab := webtest.New(t, c.how)
		for _, path := range c.paths {
			tab.Open(w.url + path)
			tab.Accessible()
			tab.Shot("public-" + c.name + strings.NewReplacer("/", "-", "?", "-", "=", "-", "&", "-").Replace(path))
		}
		if list := tab.Problems(); len(list) > 0 {
			t.Errorf("%s: %v", c.name, list)
		}
	}
}
