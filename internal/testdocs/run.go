package testdocs

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"igledger/internal/testneeds"
)

// Run types the blocks of a page that are marked sh, in their order, in the folder dir. Each must
// end well. Programs are looked for in dir/bin first. A block marked "sh until=TEXT" is one
// command that goes on in a terminal of its own; the next block waits until it says TEXT. The
// addresses in later blocks become the one that it says. A block marked text must be what the
// block before it prints, as Shows reads it.
//
// Variables last from one block to the next if they are exported, and so does the folder.
func Run(t *testing.T, p Page, dir string) {
	t.Helper()
	bash := testneeds.Program(t, "bash")
	state := filepath.Join(t.TempDir(), "state")
	write(t, state, "")
	env := []string{"HOME=" + dir, "GORACE=atexit_sleep_ms=0",
		"PATH=" + filepath.Join(dir, "bin") + string(filepath.ListSeparator) + os.Getenv("PATH")}
	printed, address := "", ""
	for _, b := range p.Blocks() {
		kind, until, _ := strings.Cut(b.Info, " until=")
		script := strings.Join(b.Lines, "\n")
		if address != "" {
			script = local.ReplaceAllString(script, address)
		}
		switch {
		case kind == "text":
			if why := Shows(b.Lines, printed); why != "" {
				t.Errorf("%s:%d: %s\nIt printed\n%s", p.Name, b.Line, why, printed)
			}
		case kind == "sh" && until != "":
			// of the ledger itself, which a reader would have at the address that it shows
			env := append(env, "IGLEDGER_LISTEN=127.0.0.1:0", "IGLEDGER_METRICS_LISTEN=off")
			cmd := exec.Command(bash, "-e", "-c", ". "+state+"\nexec "+script)
			cmd.Dir, cmd.Env = dir, env
			printed = start(t, p, b, cmd, until)
			address = local.FindString(printed)
		case kind == "sh":
			cmd := exec.Command(bash, "-e", "-o", "pipefail", "-c",
				". "+state+"\n"+script+"\n{ export -p; printf 'cd %q\\n' \"$PWD\"; } > "+state)
			cmd.Dir, cmd.Env = dir, env
			out, err := cmd.CombinedOutput()
			if printed = string(out); err != nil {
				t.Fatalf("%s:%d: %v\n%s\n%s", p.Name, b.Line, err, script, out)
			}
		}
	}
}

var local = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)

// start starts cmd, and returns what it has printed when it has said until.
func start(t *testing.T, p Page, b Block, cmd *exec.Cmd, until string) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended; make ends what it began
		cmd.Wait()                          //nolint:errcheck // how it ended does not matter now
		r.Close()
	})
	w.Close()
	var printed strings.Builder
	for lines := bufio.NewScanner(r); lines.Scan(); {
		printed.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), until) {
			go io.Copy(io.Discard, r) //nolint:errcheck // it ends with the process
			return printed.String()
		}
	}
	t.Fatalf("%s:%d: it ended before it said %q\n%s", p.Name, b.Line, until, printed.String())
	return ""
}

var number = regexp.MustCompile(`[0-9]+`)

// Shows reports in words how a document's excerpt differs from what was printed, and "" if it is
// true: each line of it follows the one before, in any number of columns and with any numbers. A
// line "…" stands for any lines, and … in a line for any text.
func Shows(excerpt []string, printed string) string {
	var lines []string
	for _, l := range strings.Split(printed, "\n") {
		if strings.TrimSpace(l) != "" {
			lines = append(lines, l)
		}
	}
	at, gap := 0, true // the excerpt may begin anywhere
	for _, want := range excerpt {
		want = strings.Join(strings.Fields(want), " ")
		if want == "" {
			continue
		}
		if want == "…" {
			gap = true
			continue
		}
		pattern := number.ReplaceAllString(regexp.QuoteMeta(want), "[0-9]+")
		pattern = strings.ReplaceAll(strings.ReplaceAll(pattern, "…", ".*"), " ", `\s+`)
		re := regexp.MustCompile(`^\s*` + pattern + `\s*$`)
		found := at
		for gap && found < len(lines) && !re.MatchString(lines[found]) {
			found++
		}
		if found >= len(lines) || !re.MatchString(lines[found]) {
			return "it does not print, at this place: " + want
		}
		at, gap = found+1, false
	}
	return ""
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
