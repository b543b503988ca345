package paper

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/ledongthuc/pdf"

	"igledger/internal/testneeds"
	"igledger/internal/web/signin"
	"igledger/internal/web/signin/signintest"
	"igledger/internal/web/webtest"
)

// tab opens a browser of somebody, signed in or not.
func (w *pageWorld) tab(how webtest.How, user *signin.User) *webtest.Tab {
	w.t.Helper()
	if _, err := os.Stat("../ui/dist/seal.js"); err != nil {
		testneeds.It(w.t, "scripts: make pages builds them", err)
	}
	tab := webtest.New(w.t, how)
	if user != nil {
		c := signintest.Cookie(w.t, w.in.Manager, *user)
		tab.Do(webtest.Command(network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: w.url}))
	}
	return tab
}

// printed prints the page and returns how many sheets there are, and what can be read on them.
func printed(t *webtest.Tab, name string) (sheets int, text string) {
	t.Helper()
	return readPDF(t, t.PDF(name))
}

func readPDF(t testing.TB, data []byte) (sheets int, text string) {
	t.Helper()
	r, err := pdf.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := r.GetPlainText()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(plain); err != nil {
		t.Fatal(err)
	}
	return r.NumPage(), b.String()
}

var address = regexp.MustCompile(`^(http://127\.0\.0\.1:\d+/p/[A-Za-z0-9_-]{22})#[A-Za-z0-9_-]{43}$`)

// From paper to a stranger's check: a person seals and prints, and who has the paper scans the code
// and sees the list, checked, with the same words, until the person stops the code.
func TestFromPaperToStranger(t *testing.T) {
	webtest.Needed(t)
	w := newPageWorld(t)
	morag := w.tab(webtest.How{}, citizenUser(moragID))
	morag.Open(w.url + "/you/print")
	morag.Shot("print-before")
	morag.Accessible()
	morag.Click("Put a code on the paper")
	morag.Await(`!document.querySelector("[data-code]").hidden || !document.querySelector("[role=alert] [data-when=failed]").hidden`)
	morag.Shot("print")
	morag.Accessible()
	words := strings.Fields(strings.Join(strings.Split(morag.Text("[data-words]"), "\n"), " "))
	if len(words) != 6 {
		t.Fatalf("words: %q", words)
	}
	code := morag.Scan()
	m := address.FindStringSubmatch(code)
	if m == nil {
		t.Fatalf("the code says %q", code)
	}
	for _, asked := range morag.Asked() {
		if strings.Contains(asked, "#") || strings.Contains(asked, moragID[4:]) {
			t.Errorf("the browser asked for %s", asked)
		}
	}
	for _, name := range []string{"normal", "large"} {
		if name == "large" {
			morag.Open(w.url + "/you/print?size=large")
			morag.Click("Put a code on the paper")
			morag.Await(`!document.querySelector("[data-code]").hidden`)
			words = strings.Fields(strings.Join(strings.Split(morag.Text("[data-words]"), "\n"), " "))
			code = morag.Scan()
		}
		morag.Read(webtest.How{Width: 700, Media: "print"})
		morag.Shot("paper-" + name)
		morag.Read(webtest.How{})
		sheets, text := printed(morag, "print-"+name)
		if sheets < 1 || name == "large" && sheets < 2 {
			t.Errorf("%s: %d sheets", name, sheets)
		}
		flat := strings.Join(strings.Fields(text), "")
		for _, want := range append(words, "Anybodywhohasthispapercanseewhatisonit", "Notcovered", "Emergencyoverride") {
			if !strings.Contains(flat, want) {
				t.Errorf("%s: %q is not on the paper:\n%s", name, want, text)
			}
		}
		if strings.Contains(flat, "Putacodeonthepaper") || strings.Contains(flat, "Signout") {
			t.Errorf("%s: what is for the screen is on the paper", name)
		}
	}

	stranger := w.tab(webtest.How{Width: webtest.Phone}, nil)
	stranger.Open(code)
	stranger.Await(`document.querySelectorAll("[data-when]:not([hidden])").length === 0`)
	stranger.Shot("stranger")
	stranger.Accessible()
	if got := stranger.Text("[data-outcome=good]"); !strings.Contains(got, "nothing is missing") {
		t.Errorf("the stranger is told:\n%s", stranger.Text("main"))
	}
	seen := strings.Fields(strings.Join(strings.Split(stranger.Text("[data-words]"), "\n"), " "))
	if strings.Join(seen, " ") != strings.Join(words, " ") {
		t.Errorf("the stranger's words are %q, not %q", seen, words)
	}
	list := stranger.Text("[data-rows]")
	for _, want := range []string{"Organisation TST", "Dr <b>Ailsa</b> Test", "Read test results", "Not covered"} {
		if !strings.Contains(list, want) {
			t.Errorf("no %q in the stranger's list:\n%s", want, list)
		}
	}
	if got := stranger.URL(); strings.Contains(got, "#") {
		t.Errorf("the key stays in the address: %s", got)
	}
	if p := stranger.Problems(); len(p) > 0 {
		t.Error(p)
	}
	// The paper of one thing opens that thing alone, and says that it is not everything.
	one := w.tab(webtest.How{}, citizenUser(moragID))
	one.Open(w.url + "/you/print/12")
	one.Click("Put a code on the paper")
	one.Await(`!document.querySelector("[data-code]").hidden`)
	reader := w.tab(webtest.How{}, nil)
	reader.Open(one.Scan())
	reader.Await(`document.querySelectorAll("[data-when]:not([hidden])").length === 0`)
	reader.Shot("stranger-one")
	if got := reader.Text("main"); !strings.Contains(got, "What is here is real, but it is not everything") || !strings.Contains(got, "Things on the list: 1") ||
		strings.Contains(got, moragID[4:]) {
		t.Errorf("of one thing the stranger is told:\n%s", got)
	}

	base, key, _ := strings.Cut(code, "#")
	for _, c := range []struct{ url, says string }{
		{base, "The address has no key"},
		{base + "#" + key[:42], "The address has no key"},
		{base + "#" + strings.Repeat("A", 43), "does not open this list"},
	} {
		other := w.tab(webtest.How{Width: webtest.Phone}, nil)
		other.Open(c.url)
		other.Await(`document.querySelector("[data-when=working]").hidden`)
		if got := other.Text("[role=alert]"); !strings.Contains(got, c.says) {
			t.Errorf("%s: %q", c.url, got)
		}
	}

	morag.Open(w.url + "/you/papers")
	morag.Shot("papers")
	morag.Accessible()
	if got := w.as(nil).get(base[len(w.url):] + "/sealed"); got.status != 200 {
		t.Fatalf("before it is stopped: %d", got.status)
	}
	for range 3 {
		morag.Press("Stop this code")
	}
	for n, url := range []string{code, m[0]} {
		stranger.Open("about:blank")
		stranger.Open(url)
		if n == 0 {
			stranger.Shot("stopped")
			stranger.Accessible()
		}
		if got := stranger.Text("main"); !strings.Contains(got, "This code was stopped on") || !strings.Contains(got, "does not mean that the paper is false") {
			t.Errorf("a stopped code says:\n%s", got)
		}
	}
	ended := w.tab(webtest.How{}, citizenUser(moragID))
	ended.Open(w.url + "/you/print")
	ended.Click("Put a code on the paper")
	ended.Await(`!document.querySelector("[data-code]").hidden`)
	code = ended.Scan()
	w.pass(Life + time.Second)
	stranger.Open(code)
	if got := stranger.Text("main"); !strings.Contains(got, "This code ended on") {
		t.Errorf("an ended code says:\n%s", got)
	}
}

// At the desk: the number is typed, the list is shown, printed and put in the post.
func TestDeskInBrowser(t *testing.T) {
	webtest.Needed(t)
	w := newPageWorld(t)
	desk := w.tab(webtest.How{}, deskUser("TST", "Desk One"))
	desk.Open(w.url + "/desk")
	desk.Shot("desk")
	desk.Accessible()
	desk.Fill("The number", "0101010000")
	desk.Press("Show the list")
	desk.Shot("desk-errors")
	desk.Accessible()
	desk.Fill("The number", "010101 0001")
	desk.Fill("They showed documents", "")
	desk.Fill("Reference of the person", "SAR-2026-7")
	desk.Press("Show the list")
	desk.Click("Put a code on the paper")
	desk.Await(`!document.querySelector("[data-code]").hidden`)
	desk.Shot("visit")
	desk.Accessible()
	if !address.MatchString(desk.Scan()) {
		t.Error("the code is not readable")
	}
	if sheets, text := printed(desk, "visit"); sheets < 1 || strings.Contains(text, "0101010001") {
		t.Errorf("%d sheets, or the number is on the paper:\n%s", sheets, text)
	}
	desk.Fill("Address for the label", "Morag Test\n1 Test Street\nTesttown")
	desk.Press("Add to the post")
	desk.Press("Done: close the list")
	desk.Press("Post")
	desk.Shot("post")
	desk.Accessible()
	desk.Press("Print the label")
	desk.Shot("label")
	desk.Accessible()
	for _, asked := range desk.Asked() {
		if strings.Contains(asked, "010101") {
			t.Errorf("the number is in %s", asked)
		}
	}
	phone := w.tab(webtest.How{Width: 320}, citizenUser(moragID))
	for name, path := range map[string]string{"list": "/you/print", "large": "/you/print?size=large", "access": "/you/print/12"} {
		phone.Open(w.url + path)
		phone.Shot("phone-" + name)
		phone.Accessible()
	}
}
