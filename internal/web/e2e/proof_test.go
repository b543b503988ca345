package e2e_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"igledger/internal/web/webtest"
)

// check checks a file on the page for that, as somebody who does not sign in.
func (v *visitor) check(file []byte, number string) {
	v.Helper()
	path := filepath.Join(v.TempDir(), "statement.json")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		v.Fatal(err)
	}
	v.Do(chromedp.SetUploadFiles(chromedp.ID("file"), []string{path}))
	v.Fill("Number", number)
	v.Click("Check")
	v.Until(`!document.querySelector("[data-result]").hidden || document.querySelector("[aria-invalid]")`)
}

// Anybody checks a list in the browser: a complete and cosigned one is green, a changed one is not,
// and a wrong number is asked about first.
func TestProof(t *testing.T) {
	morag := visit(t, webtest.How{})
	morag.signIn(citizens, "Morag Example")
	file := []byte(webtest.Eval[string](morag.Tab, `fetch("/you/download/statement", {method: "POST"}).then((r) => r.text())`))
	v := visit(t, webtest.How{Width: webtest.Phone})
	v.Open(demo.url + "/check")
	v.says("Check a proof", "Neither the file nor the number leaves your device", "What it cannot prove")
	v.Asked()
	v.check(file, "290240 0015")
	v.says("The list is real, and nothing is missing from it.", "Covered")
	v.good("check-good-phone")
	v.Read(webtest.How{})
	v.good("check-good-desk")
	for _, asked := range v.Asked() {
		if !strings.Contains(asked, "/assets/") && !strings.HasPrefix(asked, "blob:") {
			t.Errorf("while it checked, the page asked for %s", asked)
		}
	}
	for _, send := range []string{`fetch("/trust").catch(() => {})`, `import("/assets/no.js").catch(() => {})`, `new Image().src = "/trust"`} {
		webtest.Eval[bool](v.Tab, `new Promise((refused) => {
			document.addEventListener("securitypolicyviolation", () => refused(true), {once: true});
			`+send+`;
		})`)
	}
	v.check(file, "290248 0082")
	v.says("Did you mistype the number?", "The list did not pass the checks.")
	v.good("check-mistyped")
	changed := bytes.Replace(file, []byte(`"openings"`), []byte(`"Openings"`), 1)
	if i := bytes.LastIndex(file, []byte(`"jws":"`)); bytes.Equal(changed, file) && i > 0 {
		changed = bytes.Clone(file)
		changed[i+200] ^= 1
	}
	v.check(changed, "290240 0015")
	v.says("The list did not pass the checks.")
	v.good("check-changed")
	v.check([]byte("no statement"), "290240 0015")
	v.says("This is not a file that can be checked.")
	v.good("check-no-statement")
	v.check(file, "12")
	v.says("A number has ten digits")
}
