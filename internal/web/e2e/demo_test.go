// Package e2e_test opens the demonstration in a real browser, as people do who have just typed
// README's first command, and does what each of them came for.
package e2e_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"igledger/internal/testneeds"
	"igledger/internal/web/webtest"
)

func TestMain(m *testing.M) {
	code := webtest.Main(m)
	if demo.stop != nil {
		demo.stop()
	}
	os.Exit(code)
}

// demo is the demonstration, run once for all tests: `igledger demo`, as it is built.
var demo struct {
	once sync.Once
	url  string
	log  string // what it printed until it invited people
	err  error
	stop func()
}

var invitation = regexp.MustCompile(`Open (http://\S+) in a browser`)

func start() error {
	dir, err := os.MkdirTemp("", "igledger-e2e-")
	if err != nil {
		return err
	}
	program := filepath.Join(dir, "igledger")
	if out, err := exec.Command("go", "build", "-o", program, "igledger/cmd/igledger").CombinedOutput(); err != nil {
		os.Stderr.Write(out)
		return err
	}
	cmd := exec.Command(program, "demo", "--examples", "none", "--dir", filepath.Join(dir, "demo"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	demo.stop = func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		cmd.Wait()                          //nolint:errcheck // how it ended does not matter now
		os.RemoveAll(dir)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		demo.log += lines.Text() + "\n"
		if found := invitation.FindStringSubmatch(lines.Text()); found != nil {
			demo.url = found[1]
			go io.Copy(io.Discard, out) //nolint:errcheck // so that it never waits for a reader
			return nil
		}
	}
	return io.ErrUnexpectedEOF
}

// visitor is somebody at a browser of their own.
type visitor struct{ *webtest.Tab }

func visit(t *testing.T, how webtest.How) *visitor {
	t.Helper()
	testneeds.Time(t, "what needs a browser") // before the demonstration is built and run
	demo.once.Do(func() { demo.err = start() })
	if demo.err != nil {
		t.Fatalf("the demonstration: %v\n%s", demo.err, demo.log)
	}
	return &visitor{webtest.New(t, how)}
}

// signIn signs in as somebody whom the demonstration's provider offers.
func (v *visitor) signIn(account, name string) {
	v.Helper()
	v.Open(demo.url + "/sign-in")
	v.Press(account)
	v.Press(name)
}

const (
	citizens = "Demonstration account"
	staff    = "Demonstration account for staff"
)

// says fails the test unless the page has all of these texts.
func (v *visitor) says(texts ...string) {
	v.Helper()
	page := strings.Join(strings.Fields(v.Text("body")), " ")
	for _, text := range texts {
		if !strings.Contains(page, text) {
			v.Errorf("%s does not say %q", v.URL(), text)
		}
	}
	if v.Failed() {
		v.Fatalf("it says:\n%s", v.Text("body"))
	}
}

// good checks what no page may lack, and takes its picture.
func (v *visitor) good(name string) {
	v.Helper()
	v.Accessible()
	v.Shot(name)
	if p := v.Problems(); len(p) > 0 {
		v.Errorf("%s: %v", v.URL(), p)
	}
}
