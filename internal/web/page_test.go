package web_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
)

// now is an hour after everything in the log: the page's clock in tests.
var now = time.Unix(testlog.Now, 0).Add(time.Hour)

// clock sets what the page takes for the present.
func (p *tab) clock(t time.Time) {
	p.Helper()
	eval[bool](p, fmt.Sprintf(`(() => { const real = Date; window.Date = class extends real { constructor(...a) { a.length ? super(...a) : super(%d); } }; return true; })()`, t.UnixMilli()))
}

func TestHonestStatement(t *testing.T) {
	w := newWorld()
	w.access(t, func(a *entry.Access) {
		a.Emergency, a.Purpose, a.Data = true, []string{"BTG"}, []string{"http://hl7.org/fhir/resource-types|AllergyIntolerance"}
		a.Text = &entry.Text{Justification: "unconscious, no time to ask"}
	})
	w.AddSealed(w.Access("lothian", w.Second, entry.RegEveryone), entry.RegEveryone)
	p := open(t)
	p.clock(now)
	p.check(marshal(t, w.Statement(w.claim())), "chi:", " 010 101-1237 ", strings.ReplaceAll(w.policy, "\n", "\r\n"))
	if got := p.text("#headline"); got != "✓ The list is genuine and complete." {
		t.Errorf("headline %q\n%s", got, p.text("#report"))
	}
	if got := p.text("#summary"); !strings.Contains(got, "3 entries") {
		t.Errorf("summary %q", got)
	}
	findings := p.text("#findings")
	for _, want := range []string{"board.test/audit", "university.test/audit", "witness.one.test/w", "Auditors and witnesses", "Is it recent?\nYes"} {
		if !strings.Contains(findings, want) {
			t.Errorf("findings lack %q:\n%s", want, findings)
		}
	}
	rows := eval[[]string](p, `[...document.querySelectorAll("#list tbody tr")].map(r => r.innerText)`)
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, want := range []string{"Board lothian (lothian)", "Dr Morag Mackay", "doctor", "Read allergies", "by overriding the usual limits", "unconscious, no time to ask", "22 Nov 2026, 08:59"} {
		if !strings.Contains(rows[0], want) {
			t.Errorf("newest row lacks %q:\n%s", want, rows[0])
		}
	}
	if n := eval[int](p, `document.querySelectorAll("#everyone tbody tr").length`); n != 1 || !strings.Contains(p.text("#report"), "Reads of everyone's data") {
		t.Errorf("%d reads of everyone's data are shown", n)
	}
	if failed := eval[int](p, `document.querySelectorAll("#checks li:not(.ok)").length`); failed != 0 {
		t.Errorf("not all checks passed:\n%s", p.text("#checks"))
	}
	if strings.Contains(p.text("#report"), "0101011237") {
		t.Error("the report, which may be printed and shared, carries the number")
	}
	if len(p.problems) > 0 {
		t.Errorf("the page complained: %v", p.problems)
	}
	p.screenshot("honest-desktop", "screen", 1280)
	p.screenshot("honest-phone", "screen", 390)
	p.screenshot("honest-print", "print", 760)
}

// TestWhatIsLacking: what is true but less than complete is never shown as complete.
func TestWhatIsLacking(t *testing.T) {
	w := newWorld()
	statement := marshal(t, w.Statement(w.claim()))
	p := open(t)
	p.clock(now)
	p.check(statement, "chi:", "0101011237", w.Key)
	if got := p.text("#headline"); !strings.Contains(got, "the operator's word") {
		t.Errorf("with no cosigner asked for: %q", got)
	}
	if got := p.text("#findings"); !strings.Contains(got, "Only the operator") {
		t.Errorf("with no cosigner asked for:\n%s", got)
	}
	p.clock(now.Add(72 * time.Hour))
	p.check(statement, "chi:", "0101011237", w.policy)
	if got := p.text("#findings"); !strings.Contains(got, "No: it is old") {
		t.Errorf("after three days:\n%s", got)
	}
	nobody := w.claim()
	nobody.ID = "chi:1503881236"
	p.check(marshal(t, w.Statement(nobody)), "", nobody.ID, w.policy)
	if got := p.text("#summary") + p.text("#list-note"); !strings.Contains(got, "No access") || !strings.Contains(got, "shows no access") {
		t.Errorf("of a person at whose record no one looked: %q", got)
	}
	extract := w.Extract(w.claim(), w.Accesses[0])
	data, err := extract.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	p.check(data, "chi:", "0101011237", w.policy)
	if got := p.text("#headline"); !strings.Contains(got, "An extract does not show what else there is") {
		t.Errorf("extract: %q", got)
	}
}

func TestTamperedStatements(t *testing.T) {
	w := newWorld()
	c := w.claim()
	honest := marshal(t, w.Statement(c))
	omitted := c
	omitted.Omit = map[uint64]bool{w.Accesses[0]: true}
	alone := c
	alone.Cosigners = w.cosigners[:2]
	misspelt := w.Statement(c)
	misspelt.Entries[0].Disclosures[0] = "A" + misspelt.Entries[0].Disclosures[0][1:]
	deep := w.Statement(c)
	deep.Entries[0].Disclosures[0] = base64.RawURLEncoding.EncodeToString([]byte(`["c2FsdHNhbHRzYWx0c2FsdA","fhir",` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `]`))
	payload := w.Statement(c)
	parts := strings.Split(payload.Entries[0].JWS, ".")
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(`{"type":"access","data":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`))
	payload.Entries[0].JWS = strings.Join(parts, ".")
	p := open(t)
	p.clock(now)
	for name, c := range map[string]struct {
		statement     []byte
		id, policy    string
		class, failed string // failed is a check that fails
	}{
		"an access left out":         {marshal(t, w.Statement(omitted)), w.me(), w.policy, "refused", "history"},
		"another person's number":    {honest, w.IDs[1], w.policy, "refused", "tag"},
		"a log that is not known":    {honest, w.me(), string(testlog.Policy(testlog.New("other.test").Key, 2, w.cosigners[:2], w.cosigners[2:])), "refused", "origin"},
		"no auditors' cosignatures":  {marshal(t, w.Statement(alone)), w.me(), w.policy, "refused", "auditor-quorum"},
		"a disclosure altered":       {marshal(t, misspelt), w.me(), w.policy, "refused", ""},
		"cut short":                  {honest[:len(honest)/2], w.me(), w.policy, "refused", "statement-form"},
		"not a statement":            {[]byte("{}"), w.me(), w.policy, "unreadable", ""},
		"nothing at all":             {nil, w.me(), w.policy, "unreadable", ""},
		"no number":                  {honest, "", w.policy, "unreadable", ""},
		"a policy that is none":      {honest, w.me(), "trust everybody\n", "unreadable", ""},
		"bytes that are no text":     {bytes.Repeat([]byte{0xff, 0x00, 0x7b}, 1000), w.me(), w.policy, "unreadable", ""},
		"nested beyond all measure":  {[]byte(`{"format":"igledger-statement/1","origin":` + strings.Repeat("[", 1<<20)), w.me(), w.policy, "unreadable", ""},
		"a position no log can have": {bytes.Replace(honest, fmt.Appendf(nil, `"index":%d`, w.Accesses[0]), []byte(`"index":18446744073709551615`), 1), w.me(), w.policy, "refused", "statement-form"},
	} {
		p.check(c.statement, "", c.id, c.policy)
		class, headline := eval[string](p, `document.getElementById("banner").className`), p.text("#headline")
		failed := eval[[]string](p, `[...document.querySelectorAll("#checks li.failed")].map(e => e.dataset.check)`)
		if class != "banner "+c.class || headline == "" || c.failed != "" && !slices.Contains(failed, c.failed) {
			t.Errorf("%s: %s, %q, failed %q", name, class, headline, failed)
		}
		if c.class == "refused" && !strings.Contains(p.text("#list-title"), "NOT verified") {
			t.Errorf("%s: shown as %q", name, p.text("#list-title"))
		}
	}
	// What is nested inside an entry is out of sight until it is read: refused or given up, but
	// said.
	for name, s := range map[string]*bundle.Statement{"disclosure": deep, "payload": payload} {
		p.check(marshal(t, s), "", w.me(), w.policy)
		if class := eval[string](p, `document.getElementById("banner").className`); class != "banner refused" && class != "banner unreadable" {
			t.Errorf("a %s nested beyond all measure: %s", name, class)
		}
		t.Log(name, "nested: ", p.text("#summary"))
	}
	// Whatever exhausts the browser's stack costs the reader that one check.
	eval[bool](p, `(window.good = verifyStatement, window.verifyStatement = () => { (function f() { f(); })(); }, true)`)
	p.check(honest, "", w.me(), w.policy)
	if got := p.text("#summary"); !strings.Contains(got, "The checker gave up") {
		t.Errorf("after a stack overflow: %q", got)
	}
	p.check(honest, "", w.me(), w.policy)
	if got := p.text("#headline"); got != "✓ The list is genuine and complete." {
		t.Errorf("after the program was started anew: %q", got)
	}
	p.problems = nil // the overflow above
	p.check(marshal(t, misspelt), "", w.me(), w.policy)
	p.screenshot("tampered-desktop", "screen", 1280)
	p.screenshot("tampered-phone", "screen", 390)
	p.screenshot("tampered-print", "print", 760)
	if len(p.problems) > 0 {
		t.Errorf("the page complained: %v", p.problems)
	}
}

// TestHostileStatement: a source that signs what it likes can deface neither the page nor another's
// row.
func TestHostileStatement(t *testing.T) {
	w := newWorld()
	script := `<script>window.pwned=1</script><img src=x onerror="window.pwned=2"><svg onload=pwned=3>`
	tower := "Z" + strings.Repeat("\u0301", 500)
	seq := uint64(1<<53 - 1)
	w.access(t, func(a *entry.Access) {
		a.Staff = &entry.Staff{Name: script + "\u202egnp.exe\u2066\u200b\x00\x07\x1b[31m\nWHEN forged row", ID: "x"}
		a.Text = &entry.Text{Why: tower + strings.Repeat("W", 60000), Justification: "</td></tr></table><h1>All checks passed</h1>\u2028"}
		a.Occurred, a.OccurredEnd, a.Seq = "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", &seq
		a.Purpose, a.Role = []string{`"><b>`, "TREAT"}, []string{`javascript:alert(1)`}
		a.System, a.Agreement = script, strings.Repeat("شرح", 80)
	})
	p := open(t)
	p.clock(now)
	title := eval[string](p, "document.title")
	p.check(marshal(t, w.Statement(w.claim())), "chi:", "0101011237", w.policy)
	if got := p.text("#headline"); got != "✓ The list is genuine and complete." {
		t.Fatalf("headline %q:\n%s", got, p.text("#checks"))
	}
	if got := eval[string](p, "String(window.pwned)"); got != "undefined" {
		t.Errorf("a script from the statement ran: %s", got)
	}
	if n := eval[int](p, `document.querySelectorAll("#report script, #report img, #report svg, #report h1, #report b, #report a, #report style, #report iframe").length`); n != 0 {
		t.Errorf("%d elements from the statement", n)
	}
	if n := eval[int](p, `document.querySelectorAll("#list tr").length`); n != 4 {
		t.Errorf("%d rows, want a head and 3", n)
	}
	report := eval[string](p, `document.getElementById("report").textContent`)
	for _, r := range "\u202e\u2066\u200b\x00\x07\x1b\u2028" {
		if strings.ContainsRune(report, r) {
			t.Errorf("the page shows U+%04X", r)
		}
	}
	if strings.Contains(report, strings.Repeat("\u0301", 4)) || len(report) > 20000 {
		t.Errorf("the page is overrun: %d bytes", len(report))
	}
	if got := eval[string](p, "document.title"); got != title {
		t.Errorf("title %q", got)
	}
	p.run(chromedp.EmulateViewport(390, 844))
	if n := eval[int](p, "document.documentElement.scrollWidth"); n > 390 {
		t.Errorf("%d pixels wide on a phone", n)
	}
	p.screenshot("hostile-desktop", "screen", 1280)
	p.screenshot("hostile-phone", "screen", 390)
	p.screenshot("hostile-print", "print", 760)
}

// TestNothingIsSent: neither in use nor when the page itself is turned against its reader.
func TestNothingIsSent(t *testing.T) {
	w := newWorld()
	p := open(t)
	p.clock(now)
	p.check(marshal(t, w.Statement(w.claim())), "chi:", "0101011237", w.policy)
	got := eval[[]string](p, `(async () => {
		const sent = [], tried = (name, f) => f().then(() => sent.push(name), () => {});
		const event = (make) => new Promise((ok, no) => { const x = make(); x.onload = x.onopen = ok; x.onerror = no; });
		await tried("fetch", () => fetch("/leak?fetch"));
		await tried("the page's own file", () => fetch("/igverify.wasm?again"));
		await tried("XMLHttpRequest", () => event(() => { const x = new XMLHttpRequest(); x.open("GET", "/leak?xhr"); x.send(); return x; }));
		await tried("WebSocket", () => event(() => new WebSocket(location.origin.replace("http", "ws") + "/leak?ws")));
		await tried("EventSource", () => event(() => new EventSource("/leak?es")));
		await tried("beacon", async () => { navigator.sendBeacon("/leak?beacon", "x"); });
		await tried("image", () => event(() => { const i = new Image(); i.src = "/leak?image"; return i; }));
		await tried("frame", async () => { const f = document.createElement("iframe"); f.src = "/leak?frame"; document.body.append(f); });
		await tried("worker", () => event(() => new Worker("/leak?worker")));
		await tried("form", async () => { const f = document.createElement("form"); f.action = "/leak?form"; f.method = "post"; document.body.append(f); f.submit(); });
		return sent;
	})()`)
	for _, name := range got {
		if name != "beacon" && name != "frame" && name != "form" { // these do not tell: the server does
			t.Errorf("%s was not stopped", name)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	want := []string{"GET /", "GET /app.js", "GET /igverify.wasm", "GET /style.css", "GET /wasm_exec.js"}
	served := slices.Sorted(slices.Values(slices.DeleteFunc(p.served, func(s string) bool { return s == "GET /favicon.ico" }))) // Chromium's own
	if !slices.Equal(served, want) {
		t.Errorf("the server saw %q", served)
	}
	for _, u := range p.asked {
		if !strings.HasPrefix(u, p.url+"/") {
			t.Errorf("the page asked for %s", u)
		}
	}
	if len(p.asked) < len(want) {
		t.Errorf("the browser reported only %q: this test sees nothing", p.asked)
	}
}

// TestJavaScriptFace: docs/BROWSER.md's function, with what it promises to bear.
func TestJavaScriptFace(t *testing.T) {
	w := newWorld()
	w.access(t, func(*entry.Access) {})
	statement, _ := json.Marshal(string(marshal(t, w.Statement(w.claim()))))
	policy, _ := json.Marshal(w.policy)
	p := open(t)
	eval[bool](p, fmt.Sprintf(`(window.s = %s, window.pol = %s, window.at = new Date(%d), true)`, statement, policy, now.UnixMilli()))
	type report struct {
		Kind, Verdict, Problem, Fresh, AsOf string
		Authentic, Complete                 bool
		CompleteAsOf                        *uint64
		AuditedBy, WitnessedBy              []struct{ Name, At string }
		Checks                              []struct{ Name, Status string }
		Entries                             []struct{ Who, What, Why, When string }
	}
	good := `s, pol, "chi:0101011237", at`
	for _, call := range []string{good, `new TextEncoder().encode(s), pol, "chi:0101011237", at`} {
		r := eval[report](p, "verifyStatement("+call+")")
		if r.Kind != "statement" || r.Verdict != "complete" || !r.Authentic || !r.Complete || r.CompleteAsOf == nil || r.Fresh != "fresh" || len(r.AuditedBy) != 2 || len(r.WitnessedBy) != 2 || len(r.Entries) != 3 || r.Entries[0].Why != "to give you care; chest pain, seen in A&E" {
			t.Errorf("%s: %+v", call, r)
		}
	}
	if r := eval[report](p, `verifyStatement(s, pol, "chi:0101011237", new Date(8.64e15))`); r.Fresh != "stale" || !r.Complete {
		t.Errorf("at the end of time: %+v", r)
	}
	if !eval[bool](p, `(r => Object.getPrototypeOf(r) === Object.prototype && Array.isArray(r.checks) && Array.isArray(r.entries) && Array.isArray(r.entries[0].remarks) && Array.isArray(r.auditedBy))(verifyStatement(`+good+`))`) {
		t.Error("not a plain object")
	}
	for _, call := range []string{
		``, `null`, `s`, `s, pol`, `s, pol, null`, `s, null, "chi:0101011237"`, `5, pol, "chi:0101011237"`, `{}, pol, "x"`, `s, pol, "chi:0101011237", "yesterday"`, `s, pol, "chi:0101011237", new Date(NaN)`,
		`new Uint8Array(70 << 20), pol, "chi:0101011237", at`, `new Uint8Array(0), pol, "chi:0101011237", at`, `"\ud800", pol, "chi:0101011237", at`, `s, "\ud800".repeat(9), "chi:0101011237", at`, `s, pol, "\u0000", at`,
		`new Proxy(new Uint8Array(3), { get() { throw new Error("no") } }), pol, "chi:0101011237", at`, `Symbol("s"), pol, "x"`, `s, pol, "chi:0101011237", null`, `s, "x".repeat(2 << 20), "chi:0101011237", at`,
	} {
		r := eval[report](p, "verifyStatement("+call+")")
		if r.Verdict != "unreadable" || r.Problem == "" || r.Authentic || r.Complete || r.CompleteAsOf != nil || r.Checks == nil || r.Entries == nil {
			t.Errorf("(%.60s): %+v", call, r)
		}
	}
	if r := eval[report](p, "verifyStatement("+good+")"); !r.Complete {
		t.Errorf("after all that: %+v", r)
	}
}

// TestUsableByAll: every field has a label, the report takes the focus, the form works by keyboard,
// and nothing is wider than a phone.
func TestUsableByAll(t *testing.T) {
	w := newWorld()
	p := open(t)
	p.clock(now)
	if list := eval[[]string](p, `[...document.querySelectorAll("input, select, textarea")].filter(e => e.labels.length === 0).map(e => e.id)`); len(list) > 0 {
		t.Errorf("without label: %v", list)
	}
	p.check(marshal(t, w.Statement(w.claim())), "chi:", "0101011237", w.policy)
	if got := eval[string](p, "document.activeElement.id"); got != "headline" {
		t.Errorf("the focus is on %q", got)
	}
	for _, width := range []int64{320, 390, 768, 1280} {
		p.run(chromedp.EmulateViewport(width, 844))
		if n := eval[int64](p, "document.documentElement.scrollWidth"); n > width {
			t.Errorf("%d pixels wide on a screen of %d", n, width)
		}
	}
	p.run(chromedp.EmulateViewport(1280, 844))
	eval[bool](p, `document.getElementById("report").hidden = true`)
	p.run(chromedp.Focus(chromedp.ID("number")), chromedp.KeyEvent("\r"), chromedp.WaitVisible(chromedp.ID("report")))
}

func TestDroppedFile(t *testing.T) {
	w := newWorld()
	text, _ := json.Marshal(string(marshal(t, w.Statement(w.claim()))))
	p := open(t)
	p.clock(now)
	if eval[bool](p, fmt.Sprintf(`(async () => {
		const files = new DataTransfer();
		files.items.add(new File([%s], "dropped.json"));
		const stayed = !window.dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true })); // beside the field: the browser must not open it
		document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true, bubbles: true }));
		return !stayed;
	})()`, text)) {
		t.Error("a file dropped beside the field replaces the page")
	}
	get(p, chromedp.Poll[bool](`statement !== null`))
	if got := p.text("#file-name"); !strings.Contains(got, "dropped.json") {
		t.Errorf("%q", got)
	}
}

// TestLinkedNumbers: what is on record under another number of the person stands under a heading of
// its own.
func TestLinkedNumbers(t *testing.T) {
	w := newWorld()
	w.AddSealed(w.Link("lothian", w.Second, "linked", w.me(), w.IDs[2]), w.me())
	p := open(t)
	p.clock(now)
	p.check(marshal(t, w.Statement(w.claim())), "chi:", "0101011237", w.policy)
	if got := p.text("#headline"); got != "✓ The list is genuine and complete." {
		t.Errorf("headline %q\n%s", got, p.text("#report"))
	}
	if n := eval[int](p, `document.querySelectorAll("#list tbody tr").length`); n != 3 || !strings.Contains(p.text("#list"), "Said that another number belongs to the same person") {
		t.Errorf("%d rows in the person's own list:\n%s", n, p.text("#list"))
	}
	if n, text := eval[int](p, `document.querySelectorAll("#linked tbody tr").length`), p.text("#linked"); n != 2 || !strings.Contains(text, "Under the number temp:lothian:A-17") || !strings.Contains(text, "No link back is shown") {
		t.Errorf("%d rows:\n%s", n, text)
	}
	if len(p.problems) > 0 {
		t.Errorf("the page complained: %v", p.problems)
	}
	p.screenshot("linked-desktop", "screen", 1280)

	// The next file has none, and nothing of the last one's stays.
	p.check(marshal(t, w.Statement(testlog.Claim{ID: w.IDs[1], IndexRoot: w.AddIndexRoot(), Cosigners: w.cosigners})), "nhs:", "9434765919", w.policy)
	if text := p.text("#linked"); text != "" {
		t.Errorf("still shown: %s", text)
	}
}

// TestLongList: a long list is shown in parts and printed whole.
func TestLongList(t *testing.T) {
	p := open(t)
	rows := `document.querySelectorAll("#list tbody tr").length`
	eval[bool](p, `(document.getElementById("report").hidden = false, tables({ hidden: 0, everyone: [], linked: [], everyoneHidden: 0, entries: Array.from({ length: 1200 }, (_, i) => ({ entry: i, who: "w", what: "w", why: "w", remarks: [] })) }), true)`)
	if n, more := eval[int](p, rows), p.text("#more"); n != 500 || more != "Show 500 more of 1200" {
		t.Errorf("%d rows, %q", n, more)
	}
	p.run(chromedp.Click(chromedp.ID("more")))
	if n, more := eval[int](p, rows), p.text("#more"); n != 1000 || more != "Show 200 more of 1200" {
		t.Errorf("%d rows, %q", n, more)
	}
	if first, last := eval[string](p, `document.querySelector("#list tbody tr").innerText`), eval[int](p, `(window.dispatchEvent(new Event("beforeprint")), `+rows+`)`); last != 1200 || !strings.Contains(first, "entry 1199") {
		t.Errorf("%d rows are printed, the first is %q", last, first)
	}
}
