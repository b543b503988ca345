package public_test

import (
	"os"
	"strings"
	"testing"

	"igledger/internal/web/webtest"
)

func TestMain(m *testing.M) { os.Exit(webtest.Main(m)) }

// Every page can be read by everybody: on a phone and at a desk, in the dark, and without scripts.
func TestInBrowser(t *testing.T) {
	w := newWorld(t)
	w.Cosign(w.auditor)
	for name, how := range map[string]webtest.How{
		"desk": {}, "phone": {Width: webtest.Phone}, "small": {Width: 320, NoScript: true},
		"dark": {Width: webtest.Phone, Prefers: map[string]string{"prefers-color-scheme": "dark"}},
	} {
		tab := webtest.New(t, how)
		for _, path := range append(paths, "/nothing", "/?lang=gd", "/trust?lang=gd") {
			tab.Open(w.url + path)
			tab.Accessible()
			tab.Shot("public-" + name + strings.NewReplacer("/", "-", "?", "-", "=", "-", "&", "-").Replace(path))
		}
		if list := tab.Problems(); len(list) > 0 {
			t.Errorf("%s: %v", name, list)
		}
	}
}
