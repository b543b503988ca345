package officer

import (
	"strings"
	"testing"

	"igledger/internal/web/signin"
	"igledger/internal/web/signin/signintest"
	"igledger/internal/web/webtest"
)

// An officer makes a key in the browser, has it registered, writes an agreement, is told while they
// type what is wrong, proposes and signs. The secret half of the key cannot be taken out.
func TestSignInBrowser(t *testing.T) {
	webtest.Needed(t)
	w := newWorld(t)
	tab := webtest.New(t, webtest.How{})
	user := signintest.Staff("HUB", "Hamish Officer", signin.Agreements, signin.Administer)
	w.enter(tab, user, "/officer/keys")
	tab.Until(`document.querySelector("#own li") !== null`)
	tab.Accessible()
	tab.Press("Make a key in this browser")
	if !strings.Contains(tab.Text("main"), "1 key to approve") || strings.Contains(tab.Text("main"), "The key could not be made") {
		t.Fatal(tab.Text("main"))
	}
	tab.Until(`document.querySelector("#own li")?.innerText.includes("Waits for an administrator")`)
	taken := webtest.Eval[string](tab, `(async () => {
		const open = indexedDB.open("igledger-keys", 1);
		await new Promise((done) => open.onsuccess = done);
		const all = open.result.transaction("keys").objectStore("keys").getAll();
		await new Promise((done) => all.onsuccess = done);
		const key = all.result[0].pair.privateKey;
		return crypto.subtle.exportKey("pkcs8", key).then(() => "exported", (e) => e.name);
	})()`)
	if taken != "InvalidAccessError" {
		t.Errorf("the key: %s", taken)
	}
	tab.Accessible()
	tab.Shot("officer-keys-desk")
	tab.Press("Look at it and register it")
	tab.Accessible()
	tab.Shot("officer-approve-desk")
	tab.Press("Register the key with your organisation’s key on this server")
	if !strings.Contains(tab.Text("main"), "The key is registered") {
		t.Fatal(tab.Text("main"))
	}

	tab.Open(w.server.URL + "/officer/draft")
	text := strings.NewReplacer("LOT", "HUB", "HUB", "LOT").Replace(w.written("isa-1"))
	tab.Fill("The agreement", strings.Replace(text, "tier: isa", "tier: treaty", 1))
	tab.Until(`document.querySelector("#checked li a")?.innerText.includes("Tier has a value that is not allowed here")`)
	tab.Click("Tier has a value")
	at := webtest.Eval[string](tab, `(() => {
		const e = document.querySelector("#text");
		return e.value.slice(e.selectionStart, e.selectionEnd);
	})()`)
	if !strings.HasPrefix(at, "tier: treaty") {
		t.Errorf("the line that is shown is %q", at)
	}
	tab.Until(`document.querySelector("[data-path=tier]").hasAttribute("data-here")`)
	tab.Accessible()
	tab.Shot("officer-editor-desk")
	tab.Fill("The agreement", text)
	tab.Until(`document.querySelector("#checked").innerText.includes("Nothing is wrong")`)
	tab.Press("Save, then propose")
	before := w.size()
	w.signHere(tab, "Propose with the key in this browser")
	tab.Shot("officer-agreement-desk")
	if !strings.Contains(tab.Text("main"), "The agreement is proposed") {
		t.Fatal(tab.Text("main"))
	}
	tab.Press("Read and sign")
	w.signHere(tab, "Sign with the key in this browser")
	if !strings.Contains(tab.Text("main"), "Your organisation has signed") || w.size() != before+2 {
		t.Fatal(tab.Text("main"))
	}
	if p := tab.Problems(); len(p) > 0 {
		t.Errorf("the console says %v", p)
	}

	// A page that shows another text than the one that is signed.
	w.officer("LOT", "Ailsa Example").propose("isa-2")
	for what, change := range map[string]string{
		"a value":  `document.querySelector("[data-text=retention]").textContent = "a day"`,
		"one less": `document.querySelector("[data-text=retention]").remove()`,
		"a hash":   `document.querySelector("[data-claim=proposal]").textContent = "x"`,
	} {
		t.Log(what)
		tab.Open(w.server.URL + "/officer/agreements/isa-2/1/sign")
		tab.Until(`!document.querySelector("#in-browser").hidden`)
		webtest.Eval[bool](tab, change+", true")
		tab.Click("Sign with the key in this browser")
		tab.Until(`document.querySelector("#sign-problem").innerText.includes("is not what this page shows")`)
	}
}

// signHere presses the button of a deed, reads what is about to be signed, and signs.
func (w *world) signHere(tab *webtest.Tab, button string) {
	w.t.Helper()
	tab.Until(`!document.querySelector("#in-browser").hidden`)
	tab.Click(button)
	tab.Until(`!document.querySelector("#signing").hidden || document.querySelector("#sign-problem").innerText !== ""`)
	if said := tab.Text("#sign-problem"); said != "" {
		w.t.Fatal(said)
	}
	tab.Accessible()
	tab.Press("Sign now")
}

// Every page of agreements is accessible on a phone and a desk, in the dark and without script.
func TestDeedsInBrowser(t *testing.T) {
	webtest.Needed(t)
	w := newWorld(t)
	w.busy()
	for i := range 30 {
		w.access("LOT", morag, 9*i, under("isa-study"))
	}
	lot := w.officer("LOT", "Second Officer")
	a := lot.post("/officer/draft", map[string][]string{"text": {strings.Replace(w.written("isa-9"), "tier: isa", "tier: treaty", 1)}})
	draft := regexpDraft.FindStringSubmatch(a.body)[1]
	amend := lot.see("/officer/draft?amend=isa-study")
	text := strings.Replace(areaOf(amend.body), "a year", "two years, then a review of what is still needed", 1)
	if x := lot.post("/officer/draft", map[string][]string{"text": {strings.Replace(text, "portal", "safe haven", 1)},
		"next": {"propose"}}); x.code != 303 {
		t.Fatal(x.text())
	} else if y := lot.post(x.location, nil); y.code != 303 {
		t.Fatal(y.text())
	}
	w.officer("GGC", "Una Example").elsewhereAgree("isa-ggc")
	user := signintest.Staff("LOT", "Mairi Officer", signin.Reports, signin.Agreements, signin.Administer)
	tab := webtest.New(t, webtest.How{})
	w.enter(tab, user, "/officer/agreements")
	for _, page := range []struct{ path, picture string }{
		{"/officer/agreements", "register"},
		{"/officer/agreements/isa-study", "agreement"},
		{"/officer/agreements/isa-study/compare?from=1&to=2", "compare"},
		{"/officer/agreements/isa-study/2/sign", "sign"},
		{"/officer/agreements/isa-care/1/terminate", "terminate"},
		{"/officer/drafts", "drafts"},
		{draft, "draft-wrong"},
		{"/officer/draft", "editor"},
		{"/officer/inbox", "inbox"},
		{"/officer/keys", "keys"},
	} {
		tab.Read(webtest.How{})
		w.looks(tab, page.path)
		for name, how := range map[string]webtest.How{
			"phone": {Width: webtest.Phone}, "narrow": {Width: 320}, "desk": {},
			"dark": {Prefers: map[string]string{"prefers-color-scheme": "dark"}},
		} {
			tab.Read(how)
			tab.Accessible()
			tab.Shot("officer-" + page.picture + "-" + name)
		}
		tab.Read(webtest.How{NoScript: true, Width: webtest.Phone})
		w.looks(tab, page.path)
		tab.Accessible()
		tab.Shot("officer-" + page.picture + "-script-off")
	}
	if p := tab.Problems(); len(p) > 0 {
		t.Errorf("the console says %v", p)
	}
}
