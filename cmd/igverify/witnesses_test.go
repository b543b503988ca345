package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/internal/testlog"
)

// TestAskWitnesses asks witnesses that have seen what the reader was shown, more, another tree, or
// do not answer: for a statement, a log and an audit.
func TestAskWitnesses(t *testing.T) {
	s := rooted()
	w := testlog.NewCosigner("w.test")
	hour := func(ago time.Duration) int64 { return time.Now().Add(-ago * time.Hour).Unix() }
	claim := testlog.Claim{ID: s.IDs[0], IndexRoot: s.Size() - 1, Cosigners: []*testlog.Cosigner{w}, CosignedAt: hour(1)}
	statement := testlog.StatementJSON(s.Statement(claim))
	size := s.Size()
	short := s.Fork(size)
	grown, fork := s.Fork(size), s.Fork(size-1)
	grown.AddRandom(9)
	fork.AddRandom(10)
	files := map[string][]byte{}
	for name, note := range map[string][]byte{
		"same":   short.Cosigned(size, hour(2), w),
		"later":  grown.Cosigned(size+9, hour(0), w),
		"before": grown.Cosigned(size+9, hour(30), w),
		"fork":   fork.Cosigned(size, hour(2), w),
		"larger": fork.Cosigned(size+9, hour(2), w),
		"place":  short.Checkpoint(size),
		"portal": []byte("<html>please sign in"),
	} {
		files[fmt.Sprintf("%s/%x/checkpoint", name, sha256.Sum256([]byte(s.Origin)))] = note
	}
	for dir, l := range map[string]*testlog.Log{"log": grown, "old": short} {
		for name, data := range l.Files() {
			files[dir+"/"+name] = data
		}
	}
	srv := httptest.NewServer(testlog.Handler("", files))
	t.Cleanup(srv.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	dir := t.TempDir()
	policy := func(name string, urls ...string) string {
		text := "log " + s.Key + " " + srv.URL + "/log\nwitness w " + w.VKey()
		names := ""
		for i, url := range urls {
			if i > 0 {
				text += fmt.Sprintf("\nwitness w%d %s", i, testlog.NewPQCosigner("pq.test").VKey())
			}
			if url != "" && !strings.HasPrefix(url, "http") {
				url = srv.URL + "/" + url
			}
			text += " " + url
			names += " " + url
		}
		testlog.WriteFiles(
			dir,
			map[string][]byte{name: []byte(text + "\nquorum none\n"), "statement.json": statement, "id": []byte(s.IDs[0] + "\n")},
		)
		return filepath.Join(dir, name)
	}
	check := func(what string, want int, contains []string, code int, out, errOut string) {
		t.Helper()
		if code != want {
			t.Errorf("%s: exit code %d, want %d\n%s%s", what, code, want, out, errOut)
		}
		for _, c := range contains {
			if !strings.Contains(out+errOut, c) {
				t.Errorf("%s: does not say %q\n%s%s", what, c, out, errOut)
			}
		}
	}
	for name, c := range map[string]struct {
		urls      []string
		statement int      // exit code
		log       int      // of the log as it is
		old       int      // of the log when it was as small as the statement says
		says      []string // of the statement
	}{
		"the same":           {[]string{"same"}, 0, 0, 0, []string{"exactly this tree"}},
		"it went on":         {[]string{"later"}, 0, 0, 0, []string{"are of one log", "goes on meanwhile"}},
		"it had gone on":     {[]string{"before"}, 4, 0, 4, []string{"already", "STALE"}},
		"another tree":       {[]string{"fork"}, 1, 1, 1, []string{"evidence 2:", "FAILED   witness-view"}},
		"a larger one":       {[]string{"larger"}, 1, 1, 4, []string{"FAILED   witness-view"}},
		"nobody there":       {[]string{gone.URL}, 0, 0, 0, []string{"note: the witness w could not be asked"}},
		"a portal":           {[]string{"portal"}, 0, 0, 0, []string{"proves nothing", "note: the witness w showed nothing"}},
		"in its place":       {[]string{"place"}, 0, 0, 0, []string{"not cosigned by it", "note: the witness w showed nothing"}},
		"it knows no log":    {[]string{"none"}, 0, 0, 0, []string{"note: the witness w could not be asked", "404"}},
		"one of two is gone": {[]string{"fork", gone.URL}, 1, 1, 1, []string{"evidence 2:", "w1 could not be asked"}},
		"no URL":             {[]string{""}, 2, 2, 2, []string{"no witness in your policy has a URL"}},
	} {
		file := policy("policy.txt", c.urls...)
		args := []string{
			"statement", filepath.Join(dir, "statement.json"), "--policy", file, "--id-file", filepath.Join(dir, "id"),
			"--ask-witnesses",
		}
		code, out, errOut := igverify("", args...)
		check("statement: "+name, c.statement, c.says, code, out, errOut)
		for from, want := range map[string]int{"log": c.log, "old": c.old} {
			code, out, errOut := igverify("", "log", "--from", srv.URL+"/"+from, "--policy", file, "--ask-witnesses")
			check(from+": "+name, want, nil, code, out, errOut)
		}
	}
	// A statement of a log that forked is not complete, and is not what the next one is held against.
	file, state := policy("policy.txt", "fork"), filepath.Join(dir, "seen")
	args := []string{
		"statement", filepath.Join(dir, "statement.json"), "--policy", file, "--id-file", filepath.Join(dir, "id"),
		"--state", state,
	}
	code, out, errOut := igverify("", append(args, "--ask-witnesses", "--json")...)
	check("a fork, as JSON", 1, []string{`"complete": false`, `"complete": "NO: witness-view`}, code, out, errOut)
	code, out, errOut = igverify("", args...)
	check("after a fork", 0, []string{"this is the first look"}, code, out, errOut)

	// Whoever takes old statements takes them although witnesses have seen more since.
	claim.CosignedAt = hour(60)
	statement = testlog.StatementJSON(s.Statement(claim))
	policy("policy.txt", "later")
	code, out, errOut = igverify("", append(args[:len(args)-2], "--ask-witnesses", "--max-age", "100h")...)
	check("older than two days, as asked", 0, []string{"goes on meanwhile"}, code, out, errOut)
	code, out, errOut = igverify("", append(args[:len(args)-2], "--ask-witnesses")...)
	check("older than two days", 4, []string{"STALE"}, code, out, errOut)

	code, out, errOut = igverify("", "log", "--from", srv.URL+"/log", "--log-key", s.Key, "--ask-witnesses")
	check("with --log-key", 2, []string{"no witness in your policy has a URL"}, code, out, errOut)

	a := newLedgerServer(t, s.Log)
	asked := func(url string, more ...string) (int, string, string) {
		args := slices.DeleteFunc(a.args(append(more, "--ask-witnesses", "--policy", policy("audit.txt", url))...), func(arg string) bool {
			return arg == "--log-key" || arg == s.Key
		})
		return igverify("", args...)
	}
	code, out, errOut = asked("same", "--once")
	check("audit", 0, []string{"exactly this tree"}, code, out, errOut)
	code, out, errOut = asked("fork", "--once", "--json")
	var rep report
	if err := json.Unmarshal([]byte(out), &rep); err != nil || code != 1 || rep.Result != "failed" || len(rep.Evidence) != 2 {
		t.Errorf("an audit of a forked log: %d %v\n%s%s", code, err, out, errOut)
	}
	code, out, errOut = asked("fork") // goes on, but for this
	check("an audit that goes on", 1, []string{"witness-view", "evidence 2:"}, code, out, errOut)
}
