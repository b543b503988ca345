package e2e_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"

	"igledger/internal/web/webtest"
)

// Somebody keeps the checker as a file, and years later checks a list with it, from their disk
// and with the network off.
func TestKeepThisChecker(t *testing.T) {
	morag := visit(t, webtest.How{})
	morag.signIn(citizens, "Morag Example")
	list := []byte(webtest.Eval[string](morag.Tab, `fetch("/you/download/statement", {method: "POST"}).then((r) => r.text())`))
	morag.Open(demo.url + "/check")
	kept := filepath.Join(t.TempDir(), "check-a-proof.html")
	keep(t, webtest.Eval[string](morag.Tab, `[...document.links].find((a) => a.innerText === "Keep this checker").href`), kept)

	v := visit(t, webtest.How{})
	off := []*network.Conditions{{Offline: true, DownloadThroughput: -1, UploadThroughput: -1}}
	v.Do(webtest.Command(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: off}))
	v.Open("file://" + kept)
	v.Until(`!document.querySelector("[data-form]").hidden`)
	v.says("You kept this page as a file.", "not independent of them")
	v.check(list, "290240 0015")
	v.says("The list is real, and nothing is missing from it.", "Covered")
	v.good("check-kept-desk")
	v.Read(webtest.How{Width: webtest.Phone})
	v.good("check-kept-phone")
	v.check(list, "290248 0082")
	v.says("about another number than the one you wrote", "The list did not pass the checks.")
	for _, asked := range v.Asked() {
		if !strings.HasPrefix(asked, "file://"+kept) && !strings.HasPrefix(asked, "blob:") && !strings.HasPrefix(asked, "data:") {
			t.Errorf("the file asked for %s", asked)
		}
	}
	for _, send := range []string{
		`fetch("` + demo.url + `/trust").catch(() => {})`, `new Image().src = "` + demo.url + `/trust"`,
		`document.body.append(Object.assign(document.createElement("script"), {text: "document.title = 'run'"}))`,
	} {
		webtest.Eval[bool](v.Tab, `new Promise((refused) => {
			document.addEventListener("securitypolicyviolation", () => refused(true), {once: true});
			`+send+`;
		})`)
	}
}

// keep saves what an address answers with as a file.
func keep(t *testing.T, url, name string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Disposition"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(got, "attachment;") {
		t.Fatalf("%s: %s, %q", url, resp.Status, got)
	}
	for _, other := range []string{`src="`, `href="/`, `url(/`} {
		if strings.Contains(string(data), other) {
			t.Errorf("the file refers to another by %s", other)
		}
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
