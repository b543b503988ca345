package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"igledger/internal/testwitness"
)

// scriptT adapts a script for package testwitness.
type scriptT struct{ *testscript.TestScript }

func (t scriptT) Helper()          {}
func (t scriptT) Cleanup(f func()) { t.Defer(f) }

// called from a witness's goroutine, where Fatalf is not allowed
func (t scriptT) Errorf(format string, args ...any) { t.Logf(format, args...) }
func (t scriptT) Fatal(args ...any)                 { t.Fatalf("%s", fmt.Sprintln(args...)) }
func (t scriptT) Skipf(format string, args ...any)  { t.Fatalf(format, args...) }

// realWitnesses returns the command for real witnesses: "witness NAME ORIGIN LOGKEY" starts one and
// sets $WITNESS_NAME to the words of its line in a policy, "witness kill NAME" kills it, and
// "witness again NAME" restarts it.
func realWitnesses(t *testing.T) func(*testscript.TestScript, bool, []string) {
	program := testwitness.Build(t, t.TempDir())
	running := map[string]*testwitness.Witness{}
	return func(ts *testscript.TestScript, _ bool, args []string) {
		switch args[0] {
		case "kill":
			running[args[1]].Kill()
		case "again":
			running[args[1]].Start()
		default:
			w := testwitness.New(scriptT{ts}, program, args[0], args[1], args[2])
			w.Start()
			running[args[0]] = w
			c := w.Cosigner()
			name, _, _ := strings.Cut(args[0], ".")
			ts.Setenv("WITNESS_"+strings.ToUpper(name), c.Name+" "+c.VKey+" "+c.URL)
		}
	}
}

// auditorProcesses returns the command for auditors in the background: "auditor NAME ARGS…" runs
// igverify audit, and "auditor kill NAME" kills it.
func auditorProcesses() func(*testscript.TestScript, bool, []string) {
	running := map[string]*exec.Cmd{}
	return func(ts *testscript.TestScript, _ bool, args []string) {
		if args[0] == "kill" {
			cmd := running[args[1]]
			ts.Check(cmd.Process.Kill())
			_ = cmd.Wait() // killed
			return
		}
		var out bytes.Buffer
		cmd := exec.Command("igverify", append([]string{"audit"}, args[1:]...)...)
		for _, dir := range strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator)) {
			if _, err := os.Stat(dir + "/igverify"); err == nil {
				cmd.Path, cmd.Err = dir+"/igverify", nil
				break
			}
		}
		cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), io.Discard, &out
		ts.Check(cmd.Start())
		running[args[0]] = cmd
		ts.Defer(func() { cmd.Process.Kill(); cmd.Wait() }) //nolint:errcheck // it may have been killed
	}
}

// awaits repeats a command until its output matches, which depends on other processes: "await
// REGEXP COMMAND ARGS…". It fails after two minutes.
func awaits(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile("(?ms)" + args[0])
	deadline := time.Now().Add(2 * time.Minute)
	for {
		err := ts.Exec(args[1], args[2:]...)
		out := ts.ReadFile("stdout") + ts.ReadFile("stderr")
		if want.MatchString(out) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s never printed %s (%v):\n%s", args[1], args[0], err, out)
		}
	}
}
