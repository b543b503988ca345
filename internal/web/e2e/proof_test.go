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
	v.Until(`!document.querySelector("[data-result]").hidden || document.querySelector("[aria-invalid]") ||
		!document.querySelector("[data-doubt]").hidden`)
}

// doubted writes a number with a slip in it: the page asks before it checks anything.
func (v *visitor) doubted(file []byte) {
	v.Helper()
	v.check(file, "290240 0016")
	v.says("Did you mistype the number?", "You wrote 2902400016", "Nothing was checked yet.")
	v.good("check-doubt")
	if webtest.Eval[bool](v.Tab, `!document.querySelector("[data-result]").hidden`) {
		v.Error("it checked before it asked")
	}
	v.Click("It is right: check")
	v.Until(`!document.querySelector("[data-result]").hidden`)
	v.says("about another number than the one you wrote", "The list did not pass the checks.")
	v.check(file, "290240 0016")
	v.Click("Correct the number")
	if at := webtest.Eval[string](v.Tab, `document.activeElement.id`); at != "number" {
		v.Errorf("to correct the number one is led to %q", at)
	}
}

// Morag checks her list by one button: it goes from page to page within her browser, once.
func TestCheckThisListNow(t *testing.T) {
	v := visit(t, webtest.How{})
	v.signIn(citizens, "Morag Example")
	v.Open(demo.url + "/you/download")
	v.good("download-desk")
	v.Asked()
	v.Press("Check this list now")
	v.Until(`!document.querySelector("[data-result]").hidden`)
	v.says("Your list is here", "The list is real, and nothing is missing from it.", "2902400015",
		"not independent of it", "Covered")
	v.good("check-now-desk")
	v.Read(webtest.How{Width: webtest.Phone})
	v.good("check-now-phone")
	for _, asked := range v.Asked() {
		if strings.Contains(asked, "2902400015") || strings.Contains(asked, "/check?") || strings.Contains(asked, "#") {
			t.Errorf("the browser asked for %s", asked)
		}
	}
	const left = `indexedDB.databases().then((all) => all.length + sessionStorage.length + localStorage.length)`
	if left := webtest.Eval[int](v.Tab, left); left != 0 {
		t.Errorf("%d things are left in the browser", left)
	}
	// Who opens the page again does not find it there.
	v.Open(demo.url + "/check")
	v.Until(`!document.querySelector("[data-form]").hidden`)
	if got := v.Text("main"); strings.Contains(got, "Your list is here") ||
		webtest.Eval[string](v.Tab, `document.querySelector("#number").value`) != "" {
		t.Errorf("the list is there a second time:\n%s", got)
	}
	phone := visit(t, webtest.How{Width: webtest.Phone, NoScript: true})
	phone.signIn(citizens, "Morag Example")
	phone.Open(demo.url + "/you/download")
	phone.says("Check a list that you have as a file")
	if strings.Contains(phone.Text("main"), "Check this list now") {
		t.Error("a button is offered that does nothing without script")
	}
	phone.good("download-phone")
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
	v.says("Did you mistype the number?", "about another number than the one you wrote", "The list did not pass the checks.")
	v.good("check-mistyped")
	v.doubted(file)
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
