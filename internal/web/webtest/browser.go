// Package webtest drives pages in a real headless Chromium, as people use them: by what they read
// and by the keyboard. It is for tests.
package webtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"igledger/internal/testneeds"
)

// chromium is one headless browser for all tests of a process. Each test has tabs of its own in it.
var chromium struct {
	start sync.Once
	ctx   context.Context
	stop  []func()
	err   error
}

// Main runs the tests and ends the browser. A package's TestMain calls it with os.Exit.
func Main(m *testing.M) int {
	defer func() {
		for i := len(chromium.stop) - 1; i >= 0; i-- {
			chromium.stop[i]()
		}
	}()
	return m.Run()
}

func startChromium() error {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "igledger-chromium-")
	if err != nil {
		return err
	}
	chromium.stop = append(chromium.stop, func() { os.RemoveAll(dir) })
	flags := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox,
		chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("password-store", "basic")}
	for _, f := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync",
		"disable-dev-shm-usage", "hide-scrollbars"} {
		flags = append(flags, chromedp.Flag(f, true))
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), flags...)
	chromium.stop = append(chromium.stop, cancel)
	// A Chromium newer than the protocol's description sends events that it does not know: no fault.
	browser, cancel := chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	chromium.stop = append(chromium.stop, cancel)
	chromium.ctx = browser
	return chromedp.Do(browser)
}

// Tab is a tab of a browser profile that shares no cookie and no storage with any other.
type Tab struct {
	testing.TB
	ctx context.Context
	how How

	mu       sync.Mutex
	asked    []string
	problems []string
}

// How people may read a page. The zero value is a desk with scripts.
type How struct {
	Width    int64 // CSS pixels; 0: 1280
	NoScript bool
	Media    string            // "print", or "" for a screen
	Prefers  map[string]string // media features, such as prefers-color-scheme: dark
}

// Phone is the width of a narrow phone.
const Phone = 390

// Needed skips a test without Chromium, or fails it where everything must be there. Tests that make
// a world for the browser call it first.
func Needed(t testing.TB) {
	t.Helper()
	testneeds.Time(t, "what needs a browser")
	chromium.start.Do(func() { chromium.err = startChromium() })
	testneeds.It(t, "Chromium", chromium.err)
}

// New opens a tab. It calls Needed.
func New(t testing.TB, how How) *Tab {
	t.Helper()
	Needed(t)
	ctx, cancel := chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &Tab{TB: t}
	p.ctx, cancel = context.WithTimeout(ctx, 10*time.Minute) // only so that a test which waits in vain ends
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatal(err)
	}
	p.Do(Command(network.Enable, network.EnableParams{}),
		Command(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/London"}))
	p.Read(how)
	return p
}

func (p *Tab) hear(ev any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		p.asked = append(p.asked, ev.Request.URL)
	case *cdpruntime.EventExceptionThrown:
		p.problems = append(p.problems, ev.ExceptionDetails.Text)
	case *cdpruntime.EventConsoleAPICalled:
		p.problems = append(p.problems, string(ev.Type)+" on the console")
	}
}

// Asked returns the URLs that the pages asked the browser for since the last call.
func (p *Tab) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.asked
	p.asked = nil
	return list
}

// Problems returns the exceptions of scripts and their messages on the console.
func (p *Tab) Problems() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.problems
}

// Read changes how the pages are read from now on.
func (p *Tab) Read(how How) {
	p.Helper()
	if how.Width == 0 {
		how.Width = 1280
	}
	p.how = how
	media := emulation.SetEmulatedMediaParams{Media: how.Media}
	for name, value := range how.Prefers {
		media.Features = append(media.Features, &emulation.MediaFeature{Name: name, Value: value})
	}
	p.Do(chromedp.EmulateViewport(how.Width, 900), Command(emulation.SetEmulatedMedia, media),
		noScript(how.NoScript))
}

func noScript(on bool) chromedp.Action[chromedp.Void] {
	return Command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: on})
}

// Command is a command of the browser's protocol as an action.
func Command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// Result returns a command of the browser's protocol as an action with its answer.
func Result[P, R any](c cdp.Command[P, R], params P) chromedp.Action[R] {
	return chromedp.Action[R](func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, c, params) })
}

// Do runs actions.
func (p *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.fail(err)
	}
}

func (p *Tab) fail(err error) {
	p.Helper()
	from := ""
	for depth := 2; depth < 8; depth++ { // the first caller outside this file
		if _, file, line, ok := runtime.Caller(depth); ok && !strings.HasSuffix(file, "webtest/browser.go") {
			from = fmt.Sprintf("%s:%d", filepath.Base(file), line)
			break
		}
	}
	p.Fatalf("browser, from %s: %v", from, err)
}

// Get runs an action that gives a value.
func Get[T any](p *Tab, a chromedp.Action[T]) T {
	p.Helper()
	v, err := chromedp.Run(p.ctx, a)
	if err != nil {
		p.fail(err)
	}
	return v
}

// Eval evaluates JavaScript, awaiting a promise, also where pages may run none.
func Eval[T any](p *Tab, js string) T {
	p.Helper()
	return Get(p, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
}

// Open loads a page.
func (p *Tab) Open(url string) {
	p.Helper()
	p.Do(chromedp.Navigate(url))
}

// Text is what of the first element that fits a CSS selector can be read.
func (p *Tab) Text(selector string) string {
	p.Helper()
	return Eval[string](p, fmt.Sprintf("(document.querySelector(%q) ?? {innerText: ''}).innerText", selector))
}

// URL is where the tab is.
func (p *Tab) URL() string {
	p.Helper()
	return Eval[string](p, "location.href")
}

// Press presses the link or button with this text, as a person would who reads it, and waits for
// the page that it loads.
func (p *Tab) Press(text string) {
	p.Helper()
	p.mark(text)
	Eval[bool](p, `document.documentElement.setAttribute("data-webtest-old", ""), document.querySelector("[data-webtest]").click(), true`)
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for {
		// Between two pages there may be nothing in which to evaluate.
		there, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](
			`document.readyState === "complete" && !document.documentElement.hasAttribute("data-webtest-old")`))
		if err == nil && there {
			return
		}
		select {
		case <-every.C:
		case <-p.ctx.Done():
			p.fail(fmt.Errorf("no page after %q: %w", text, p.ctx.Err()))
		}
	}
}

// Until waits until a JavaScript expression is true of the page, or of one to which it leads.
func (p *Tab) Until(js string) {
	p.Helper()
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for {
		// Between two pages there may be nothing in which to evaluate.
		if so, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("!!("+js+")")); err == nil && so {
			return
		}
		select {
		case <-every.C:
		case <-p.ctx.Done():
			p.fail(fmt.Errorf("never so: %s", js))
		}
	}
}

// Wait waits until the page, or one to which it leads, has this text.
func (p *Tab) Wait(text string) {
	p.Helper()
	p.Until(fmt.Sprintf(`document.readyState === "complete" && document.body.innerText.includes(%q)`, text))
}

// Click clicks the link or button with this text, which loads no page.
func (p *Tab) Click(text string) {
	p.Helper()
	p.mark(text)
	Eval[bool](p, `document.querySelector("[data-webtest]").click(), true`)
}

// mark marks the visible link or button whose text is text, or contains it if none is.
func (p *Tab) mark(text string) {
	p.Helper()
	found := Eval[bool](p, fmt.Sprintf(`(() => {
		document.querySelectorAll("[data-webtest]").forEach((e) => e.removeAttribute("data-webtest"));
		const list = [...document.querySelectorAll("a[href],button,summary,input[type=submit]")].filter((e) => e.getClientRects().length > 0);
		const read = (e) => (e.innerText || e.value || e.getAttribute("aria-label") || "").replace(/\s+/g, " ").trim();
		const e = list.find((e) => read(e) === %q) ?? list.find((e) => read(e).includes(%q));
		e?.setAttribute("data-webtest", "");
		return e !== undefined;
	})()`, text, text))
	if !found {
		p.fail(fmt.Errorf("%q is neither a link nor a button of %s:\n%s", text, p.URL(), p.Text("body")))
	}
}

// Fill fills the field with this label: text, a choice, a tick or a radio button.
func (p *Tab) Fill(label, value string) {
	p.Helper()
	found := Eval[bool](p, fmt.Sprintf(`(() => {
		const read = (e) => e.innerText.replace(/\s+/g, " ").trim();
		const labels = [...document.querySelectorAll("label")];
		const l = labels.find((e) => read(e) === %q) ?? labels.find((e) => read(e).includes(%q));
		const e = l?.control;
		if (!e) return false;
		if (e.type === "checkbox" || e.type === "radio") e.checked = true;
		else if (e.tagName === "SELECT") e.value = [...e.options].find((o) => o.text === %q || o.value === %q)?.value ?? %q;
		else e.value = %q;
		e.dispatchEvent(new Event("input", {bubbles: true}));
		e.dispatchEvent(new Event("change", {bubbles: true}));
		return true;
	})()`, label, label, value, value, value, value))
	if !found {
		p.fail(fmt.Errorf("no field with the label %q on %s:\n%s", label, p.URL(), p.Text("body")))
	}
}

// Shot writes a picture of the whole page to the folder of $IGLEDGER_SCREENSHOTS, or else, with
// -artifacts, to the test's own output folder. With $IGLEDGER_PICTURES it writes the page's
// beginning there too, small enough to be shown in a document. Without any of them it takes no
// picture: that takes longer than to load the page.
func (p *Tab) Shot(name string) {
	p.Helper()
	dir := os.Getenv("IGLEDGER_SCREENSHOTS")
	if f := flag.Lookup("test.artifacts"); dir == "" && f != nil && f.Value.String() == "true" {
		dir = p.ArtifactDir()
	}
	if dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), Get(p, chromedp.FullScreenshot(100)), 0o644); err != nil {
			p.Fatal(err)
		}
	}
	if dir = os.Getenv("IGLEDGER_PICTURES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".jpg"), p.picture(), 0o644); err != nil {
			p.Fatal(err)
		}
	}
}

// PDF returns the page as it comes out of a printer, and writes it to the folder of
// $IGLEDGER_SCREENSHOTS if there is one.
func (p *Tab) PDF(name string) []byte {
	p.Helper()
	r := Get(p, Result(page.PrintToPDF, page.PrintToPDFParams{PreferCSSPageSize: new(true)}))
	if dir := os.Getenv("IGLEDGER_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".pdf"), r.Data, 0o644); err != nil {
			p.Fatal(err)
		}
	}
	return r.Data
}

// picture is a picture of at most the first 1,500 pixels of the page.
func (p *Tab) picture() []byte {
	p.Helper()
	width, height := float64(p.how.Width), min(Eval[float64](p, "document.documentElement.scrollHeight"), 1500)
	quality, beyond := int64(70), true
	return Get(p, chromedp.Action[[]byte](func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
		r, err := cdp.Call(ctx, t, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: "jpeg", Quality: &quality,
			CaptureBeyondViewport: &beyond, Clip: &page.Viewport{Width: width, Height: height, Scale: min(1, 800/width)}})
		return r.Data, err
	}))
}

// axe is where make pages puts the checker of accessibility, seen from a package of pages.
var axe = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		for _, modules := range []string{"node_modules", "internal/web/node_modules"} {
			if text, e := os.ReadFile(filepath.Join(dir, modules, "axe-core", "axe.min.js")); e == nil {
				return string(text), nil
			}
		}
		if filepath.Dir(dir) == dir {
			err = errors.New("make pages fetches it")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
})

// settled ends the fading from one colour to another, after a change of how the page is read. What
// inherits a colour begins to fade when its parent has ended.
const settled = `(() => {
	for (let depth = 0; depth < 100; depth++) {
		const fading = document.getAnimations().filter((a) => a instanceof CSSTransition);
		if (fading.length === 0) return true;
		fading.forEach((a) => a.finish());
	}
	return false;
})()`

// Accessible fails the test for each rule of WCAG 2.2 A and AA, and of good practice, that the page
// breaks by axe-core, and if the page must be scrolled sideways.
func (p *Tab) Accessible() {
	p.Helper()
	text, err := axe()
	testneeds.It(p, "axe-core", err)
	p.Do(noScript(false)) // the checker waits by timers
	defer p.Do(noScript(p.how.NoScript))
	if !Eval[bool](p, `typeof axe === "object"`) { // a page may be read in several ways
		Eval[bool](p, text+"; true")
	}
	Eval[bool](p, settled)
	type violation struct {
		ID, Help string
		Nodes    []string
	}
	found := Eval[[]violation](p, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
		resultTypes: ["violations"], selectors: false})
		.then((r) => r.violations.map((v) => ({ID: v.id, Help: v.help, Nodes: v.nodes.slice(0, 4).map((n) => n.html.slice(0, 200) + " — " +
			(n.failureSummary ?? "").slice(0, 300))})))`)
	for _, v := range found {
		p.Errorf("%s, read as %+v: %s (%s)\n  %s", p.URL(), p.how, v.ID, v.Help, strings.Join(v.Nodes, "\n  "))
	}
	if wide := Eval[int](p, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
		p.Errorf("%s, read as %+v: %d pixels wider than the window", p.URL(), p.how, wide)
	}
}
