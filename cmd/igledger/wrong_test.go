package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"igledger/internal/testneeds"
)

// secrets are what wrong.txt gives to the commands and no output, log or metric may give back: the
// numbers of its people, however they are spelled, and names.
var secrets = []string{"2902400015", "290 240 0015", "0101011237", "010101 1237", "9434765919", "Ailsa"}

// wrongInput runs a command that is wrong and checks its answer: "wrong EXIT PATTERN COMMAND…". The
// last argument may be <FILE, for standard input. Whatever the command: it ends with EXIT; PATTERN
// matches its standard error, which is short and has no person's number; wrong usage and what could
// not be reached leave standard output empty; and no file of the script is changed, made or left.
func wrongInput(bin string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		if len(args) < 3 {
			ts.Fatalf("usage: wrong EXIT PATTERN COMMAND…")
		}
		want, err := strconv.Atoi(args[0])
		ts.Check(err)
		pattern, words := args[1], args[2:]
		var stdin []byte
		if last := words[len(words)-1]; strings.HasPrefix(last, "<") {
			stdin, words = []byte(ts.ReadFile(last[1:])), words[:len(words)-1]
		}
		before := files(ts)
		cmd := exec.Command(filepath.Join(bin, words[0]), words[1:]...)
		cmd.Dir, cmd.Stdin = ts.MkAbs("."), bytes.NewReader(stdin)
		for _, name := range []string{"PATH", "IGLEDGER_URL", "IGLEDGER_LOG_KEY", "IGLEDGER_DATABASE", "XDG_CONFIG_HOME"} {
			cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
		}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		code := 0
		if err := cmd.Run(); err != nil {
			exit := new(exec.ExitError)
			if !errors.As(err, &exit) {
				ts.Fatalf("%v", err)
			}
			code = exit.ExitCode()
		}
		list := faults(want, code, pattern, stdout.String(), stderr.String())
		if after := files(ts); after != before {
			list = append(list, "changed "+changed(before, after))
		}
		if len(list) == 0 {
			return
		}
		say := ts.Fatalf
		if os.Getenv("IGLEDGER_WRONG_ALL") != "" { // to see all at once
			say = ts.Logf
		}
		say("WRONG %s\n  %s\n  stdout: %.200s\n  stderr: %.500s", strings.Join(words, " "), strings.Join(list, "; "), &stdout, &stderr)
	}
}

// changed returns the lines that are in one text only.
func changed(before, after string) string {
	count := make(map[string]int)
	for line := range strings.Lines(before) {
		count[line]--
	}
	for line := range strings.Lines(after) {
		count[line]++
	}
	maps.DeleteFunc(count, func(_ string, n int) bool { return n == 0 })
	return strings.Join(slices.Sorted(maps.Keys(count)), "")
}

func faults(want, code int, pattern, stdout, stderr string) (list []string) {
	if code != want {
		list = append(list, fmt.Sprintf("exit code %d, want %d", code, want))
	}
	if ok, err := regexp.MatchString(pattern, stderr); err != nil || !ok {
		list = append(list, fmt.Sprintf("standard error has no %q (%v)", pattern, err))
	}
	if stdout != "" && want == exitUsage {
		list = append(list, "standard output is not empty")
	}
	if want == exitUsage && strings.Count(stderr, "\n") > 1 {
		list = append(list, "more than one line on standard error")
	}
	for _, s := range append([]string{"panic:", "goroutine ", "%!", "<nil>", "\"d\":"}, secrets...) {
		if strings.Contains(stdout+stderr, s) {
			list = append(list, "says "+s)
		}
	}
	return list
}

// ofServer matches the files that a server goes on to write, and those that SQLite keeps beside a
// database that is read.
var ofServer = regexp.MustCompile(`^/(log\.db|server\.log|\.tmp|keys/signing-record)|-(wal|shm)$`)

// files describes all files of a script but the log's own database, which goes on.
func files(ts *testscript.TestScript) string {
	var out strings.Builder
	root := ts.MkAbs(".")
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, root)
		if err != nil || ofServer.MatchString(name) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		sum := ""
		if d.Type().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil && !errors.Is(err, fs.ErrPermission) {
				return err
			}
			hash := sha256.Sum256(text)
			sum = hex.EncodeToString(hash[:8])
		}
		fmt.Fprintf(&out, "%s %s %s\n", name, info.Mode(), sum)
		return nil
	}))
	return out.String()
}

// unharmed checks the server after all that was wrong: its log and its metrics name nobody, nothing
// failed inside it, and it still answers.
func unharmed(ts *testscript.TestScript, _ bool, _ []string) {
	log, metrics := ts.ReadFile("server.log"), ""
	for _, url := range []string{ts.Getenv("METRICS_URL"), ts.Getenv("IGLEDGER_URL") + "/readyz"} {
		resp, err := http.Get(url)
		ts.Check(err)
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		ts.Check(err)
		if resp.StatusCode != http.StatusOK {
			ts.Fatalf("%s: %s", url, resp.Status)
		}
		metrics += string(text)
	}
	for _, s := range append([]string{"panic", "level=ERROR", "status=500"}, secrets...) {
		if strings.Contains(log, s) {
			ts.Fatalf("the server's log says %s:\n%s", s, log)
		}
		if strings.Contains(metrics, s) {
			ts.Fatalf("the metrics say %s", s)
		}
	}
}

// TestWrongInputs is a table of wrong inputs for all commands, in testdata/wrong.
func TestWrongInputs(t *testing.T) {
	testneeds.Time(t, "the table of wrong inputs")
	t.Parallel()
	bin := programs(t)
	p := scripts(t, bin)
	p.Dir = "testdata/wrong"
	p.Cmds["wrong"], p.Cmds["unharmed"] = wrongInput(bin), unharmed
	testscript.Run(t, p)
}
