package public_test

import (
	"bytes"
	"flag"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/ledongthuc/pdf"

	"igledger/internal/api"
	"igledger/internal/web/public"
	"igledger/internal/web/ui"
	"igledger/internal/web/webtest"
)

var update = flag.Bool("update", false, "write docs/LEAFLET.md")

var (
	mainPart = regexp.MustCompile(`(?s)<main.*</main>`)
	element  = regexp.MustCompile(`(?s)<(h1|h2|li|p)[ >].*?</(?:h1|h2|li|p)>`)
	list     = regexp.MustCompile(`<(ol|ul)>`)
	tag      = regexp.MustCompile(`<[^>]*>`)
	sentence = regexp.MustCompile(`([.?!]) `)
)

// TestLeaflet holds docs/LEAFLET.md against the page /leaflet, of an operator who has yet to be
// named. -update writes it.
func TestLeaflet(t *testing.T) {
	const head = `<!-- The page /leaflet of every ledger, in which the operator's brand file fills what is in brackets: run
go test ./internal/web/public -run TestLeaflet -update after a change of its words. -->

`
	site, err := ui.New(ui.Config{Brand: ui.Brand{
		Name: "[The operator]", Service: "[The service]", Colours: ui.Colours{Main: "#00437e", Link: "#0065bd"},
		Contact: ui.Contact{Name: "[Whom to ask, with telephone, email and address]"}, ICO: "https://ico.org.uk/make-a-complaint/",
	}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	if err := public.Mount(mux, public.Deps{Site: site, OpenAPI: api.Document(), Public: "[the ledger's address]"}); err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/leaflet", nil))
	var b strings.Builder
	b.WriteString(head)
	page := mainPart.FindString(answer.Body.String())
	for _, at := range element.FindAllStringSubmatchIndex(page, -1) {
		text := strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(page[at[0]:at[1]], ""))), " ")
		text = sentence.ReplaceAllString(text, "$1\n")
		switch page[at[2]:at[3]] {
		case "h1":
			b.WriteString("# " + text + "\n")
		case "h2":
			b.WriteString("\n## " + text + "\n")
		case "p":
			b.WriteString("\n" + text + "\n")
		case "li":
			lists := list.FindAllStringSubmatch(page[:at[0]], -1)
			mark := map[string]string{"ul": "- ", "ol": "1. "}[lists[len(lists)-1][1]]
			if strings.HasSuffix(strings.TrimSpace(page[:at[0]]), "l>") {
				b.WriteString("\n") // the first of a list
			}
			b.WriteString(mark + strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", len(mark))) + "\n")
		}
	}
	const file = "../../../docs/LEAFLET.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != b.String() {
		t.Errorf("docs/LEAFLET.md is not the page /leaflet (%v): write it with -update", err)
	}
}

// TestLeafletIsOneSheet prints the leaflet in both languages: one sheet of A4.
func TestLeafletIsOneSheet(t *testing.T) {
	webtest.Needed(t)
	w := newWorld(t)
	tab := webtest.New(t, webtest.How{})
	for _, path := range []string{"/leaflet?lang=en", "/leaflet?lang=gd"} {
		tab.Open(w.url + path)
		data := tab.PDF("leaflet-" + strings.TrimPrefix(path, "/leaflet?lang="))
		if r, err := pdf.NewReader(bytes.NewReader(data), int64(len(data))); err != nil || r.NumPage() != 1 {
			t.Errorf("%s: it is not one sheet (%v)", path, err)
		}
	}
}
