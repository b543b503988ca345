package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"igledger/internal/web"
)

// chromium is one headless browser for all tests, each in a tab of its own, and the directory of
// what make web builds.
var chromium struct {
	start sync.Once
	ctx   context.Context
	stop  []func()
	built string
	err   error
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, stop := range slices.Backward(chromium.stop) {
		stop()
	}
	os.Exit(code)
}

func startChromium() error {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "igledger-web-")
	if err != nil {
		return err
	}
	chromium.stop = append(chromium.stop, func() { os.RemoveAll(dir) })
	chromium.built = dir
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "igverify.wasm"), "igledger/cmd/igverify-wasm")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the program: %w\n%s", err, out)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	glue, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "wasm_exec.js"), glue, 0o644)
	}
	if err != nil {
		return err
	}
	flags := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Flag("password-store", "basic")}
	for _, f := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage", "hide-scrollbars"} {
		flags = append(flags, chromedp.Flag(f, true))
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), flags...)
	chromium.stop = append(chromium.stop, cancel)
	// A Chromium newer than the protocol's description sends events that it does not know: no
	// fault.
	browser, cancel := chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	chromium.stop = append(chromium.stop, cancel)
	chromium.ctx = browser
	return chromedp.Do(browser)
}

// tab is the page, loaded and ready, with what its server and its browser saw.
type tab struct {
	testing.TB
	ctx context.Context
	url string

	mu       sync.Mutex
	served   []string // method and URI of each request that reached the server
	asked    []string // each URL the page asked the browser for
	problems []string // exceptions and messages on the console
}

// open opens the page. Without Chromium the test is skipped, or fails where everything must be
// there.
func open(t testing.TB) *tab {
	t.Helper()
	chromium.start.Do(func() { chromium.err = startChromium() })
	if chromium.err != nil {
		if os.Getenv("IGLEDGER_REQUIRE_ALL") == "1" {
			t.Fatalf("no Chromium, and IGLEDGER_REQUIRE_ALL=1: %v", chromium.err)
		}
		t.Skipf("no Chromium: %v", chromium.err)
	}
	p := &tab{TB: t}
	pages, err := web.Handler(os.DirFS(chromium.built))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.served = append(p.served, r.Method+" "+r.RequestURI)
		p.mu.Unlock()
		pages.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	ctx, cancel := chromedp.NewContext(chromium.ctx)
	t.Cleanup(cancel)
	p.ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	err = chromedp.Listen(ctx, func(ev any) {
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
	})
	if err != nil {
		t.Fatal(err)
	}
	p.run(command(network.Enable, network.EnableParams{}), command(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/London"}),
		chromedp.Navigate(server.URL+"/"), chromedp.WaitEnabled(chromedp.ID("check")))
	return p
}

func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func (p *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		_, file, line, _ := runtime.Caller(1)
		p.Fatalf("browser, from %s:%d: %v", filepath.Base(file), line, err)
	}
}

// get runs an action that gives a value.
func get[T any](p *tab, a chromedp.Action[T]) T {
	p.Helper()
	v, err := chromedp.Run(p.ctx, a)
	if err != nil {
		p.Fatalf("browser: %v", err)
	}
	return v
}

// eval evaluates JavaScript, awaiting a promise.
func eval[T any](p *tab, js string) T {
	p.Helper()
	return get(p, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
}

// check does what a citizen does: chooses the file, enters number and policy, presses the button.
func (p *tab) check(statement []byte, scheme, number, policy string) {
	p.Helper()
	file := filepath.Join(p.TempDir(), "statement.json")
	if err := os.WriteFile(file, statement, 0o600); err != nil {
		p.Fatal(err)
	}
	eval[bool](p, fmt.Sprintf(`(() => {
		document.getElementById("report").hidden = true;
		statement = null;
		[["scheme", %q], ["number", %q], ["policy", %q]].forEach(([id, v]) => document.getElementById(id).value = v);
		return true;
	})()`, scheme, number, policy))
	p.run(chromedp.SetUploadFiles(chromedp.ID("file"), []string{file}))
	get(p, chromedp.Poll[bool](`statement !== null`))
	p.run(chromedp.Click(chromedp.ID("check")), chromedp.WaitVisible(chromedp.ID("report")))
}

// text is what of an element can be read on the screen.
func (p *tab) text(selector string) string {
	p.Helper()
	return eval[string](p, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

// screenshot writes the whole page as it looks on a screen of the given width, or in print, to
// $IGLEDGER_SCREENSHOTS, if that is set: for people to look at.
func (p *tab) screenshot(name, media string, width int64) {
	p.Helper()
	dir := os.Getenv("IGLEDGER_SCREENSHOTS")
	if dir == "" {
		return
	}
	p.run(chromedp.EmulateViewport(width, 900), command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media}))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), get(p, chromedp.FullScreenshot(100)), 0o644); err != nil {
		p.Fatal(err)
	}
}
