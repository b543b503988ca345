package paper

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"igledger/audit/plain"
	"igledger/internal/testneeds"
	"igledger/internal/web/ui"
	"igledger/internal/web/webtest"
)

const proposedPolicy = "log log.example+11111111+AAAA\nquorum none"

// checkPage serves /check alone, as for a reader who does not sign in.
func checkPage(t *testing.T, policy string) string {
	t.Helper()
	site, err := ui.New(ui.Config{})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/assets/", site.Assets())
	if err := MountPublic(mux, Deps{Site: site, Policy: policy, Public: "https://ledger.example"}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// A code has the whole policy, or of a long one its digest and where it is.
func TestPolicyCode(t *testing.T) {
	if got, want := policyCode("\r\n"+strings.ReplaceAll(proposedPolicy, "\n", "\r\n")+"\n\n", "https://x"),
		"igledger-policy/1\n"+proposedPolicy+"\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	long := policyCode(strings.Repeat("a", 1000), "https://ledger.example/check/policy.txt")
	if want := "igledger-policy/1 LQ3_aZ2OCmkXmSLJ_4AgX5y8-ulZB5sn5MnD7zfHCXQ https://ledger.example/check/policy.txt"; long != want {
		t.Errorf("%q, want %q", long, want)
	}
}

// The page says whose policy it checks by, takes another by text, file or code, and a code of a
// long one confirms the policy or names where the right one is.
func TestWhosePolicy(t *testing.T) {
	if _, err := os.Stat("../ui/dist/proof.js"); err != nil {
		testneeds.It(t, "scripts: make pages builds them", err)
	}
	url := checkPage(t, proposedPolicy)
	tab := webtest.New(t, webtest.How{Width: webtest.Phone})
	open := func() {
		tab.Open(url + "/check")
		tab.Until(`!document.querySelector("[data-form]").hidden`)
		tab.Click("Trust somebody else")
	}
	policy := func() string {
		return strings.TrimSpace(webtest.Eval[string](tab, `document.querySelector("#policy").value`))
	}
	says := func(texts ...string) {
		t.Helper()
		got := tab.Text("main")
		for _, text := range texts {
			if !strings.Contains(got, text) {
				t.Errorf("no %q in\n%s", text, got)
			}
		}
	}
	open()
	says("this check is not independent of them", "This browser cannot read a square code")
	tab.Accessible()
	const other = "log auditor.example+22222222+BBBB\nquorum none"
	tab.Fill("Trust policy, or what its code says", "igledger-policy/1\n"+other+"\n")
	tab.Until(`document.querySelector("#policy").value.startsWith("log auditor")`)
	says("what you put in yourself")
	file := filepath.Join(t.TempDir(), "policy.txt")
	if err := os.WriteFile(file, []byte(proposedPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	tab.Do(chromedp.SetUploadFiles(chromedp.ID("policy-file"), []string{file}))
	tab.Until(`document.querySelector("#policy").value.startsWith("log log.example")`)
	says("this check is not independent of them")

	sum := webtest.Eval[string](tab, `crypto.subtle.digest("SHA-256", new TextEncoder().encode(`+"`"+proposedPolicy+"\n`"+`))
		.then((d) => btoa(String.fromCharCode(...new Uint8Array(d))).replaceAll("+", "-").replaceAll("/", "_").replace("=", ""))`)
	tab.Fill("Trust policy, or what its code says", "igledger-policy/1 "+sum+" https://auditor.example/policy.txt")
	tab.Until(`!document.querySelector("[data-same]").hidden`)
	says("The code is of this policy.")
	tab.Fill("Trust policy, or what its code says", "igledger-policy/1 "+strings.Repeat("A", 43)+" https://auditor.example/policy.txt")
	tab.Until(`!document.querySelector("#policy-error").hidden`)
	says("The code is of another policy than this one. Get it from https://auditor.example/policy.txt")
	if got := policy(); got != proposedPolicy {
		t.Errorf("the policy became %q", got)
	}
	tab.Accessible()
	tab.Shot("policy-other")

	// A browser that reads codes: what its camera program would say stands in for it here.
	reader := `globalThis.BarcodeDetector = class {
		static async getSupportedFormats() { return ["qr_code"]; }
		async detect(image) {
			return image.width === 2 ? [] : [{rawValue: "https://elsewhere.example"}, {rawValue: ` + "`igledger-policy/1\n" + other + "\n`" + `}];
		}
	};`
	tab.Do(webtest.Command(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: reader}))
	open()
	says("Or read its code from a picture")
	for _, c := range []struct {
		name string
		data []byte
		then string
	}{
		{"empty.png", picture(t, 2), `!document.querySelector("#policy-code-error").hidden`},
		{"code.png", picture(t, 3), `document.querySelector("#policy").value.startsWith("log auditor")`},
		{"no.png", []byte("no picture"), `!document.querySelector("#policy-code-error").hidden`},
	} {
		path := filepath.Join(t.TempDir(), c.name)
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		tab.Do(chromedp.SetUploadFiles(chromedp.ID("policy-code"), []string{path}))
		tab.Until(c.then)
	}
	says("There is no code of a trust policy in this picture.", "what you put in yourself")
	tab.Accessible()
	tab.Shot("policy-code")

	// The operator's own code can be scanned from a screen or paper.
	tab.Open(url + "/check/policy.svg")
	if got := tab.Scan(); got != "igledger-policy/1\n"+proposedPolicy+"\n" {
		t.Errorf("the code says %q", got)
	}
}

func picture(t *testing.T, width int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, width, 2))
	img.Set(0, 0, color.White)
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Citizens check in the language of their other pages: nothing on the page, nor in what its script
// puts together, is in English.
func TestCheckInGaelic(t *testing.T) {
	url := checkPage(t, proposedPolicy)
	for _, path := range []string{"/check?lang=gd", "/check/keep?lang=gd"} {
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusNotFound { // built without scripts: there is no file to keep
			continue
		}
		_, main, _ := strings.Cut(string(body), "<main")
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), `<html lang="gd"`) ||
			!strings.Contains(main, "Dearbh fianais") {
			t.Errorf("%s: %d, or not in Gaelic", path, resp.StatusCode)
		}
		for _, english := range regexp.MustCompile(`<span lang="en">[^<]*`).FindAllString(main, -1) {
			t.Errorf("%s: in English: %s", path, english)
		}
	}
	site, err := ui.New(ui.Config{})
	if err != nil {
		t.Fatal(err)
	}
	room, err := site.Room(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range room.Languages() {
		for _, key := range (checkData{}).Keys() {
			if !words.Own(plain.Key("word." + key)) {
				t.Errorf("%s: word.%s is in another language", words.Language(), key)
			}
		}
	}
	for check := range plain.In(plain.English).Checks() {
		if !plain.In(plain.Gaelic).Own(plain.Key("check." + check)) {
			t.Errorf("check.%s is in English only", check)
		}
	}
}
