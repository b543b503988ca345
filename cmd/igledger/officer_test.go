package main

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies"
)

// Every command shows an example of its use, and every command with a result can print JSON.
func TestEveryCommandShowsAnExample(t *testing.T) {
	silent := []string{"agreement schema", "statement", "receipt", "demo", "bench", "agreement new",
		"org countersign", "key request", "key countersign", "policy check", "agreement check",
		"mapping example", "mapping schema", "mapping check", "access original"}
	var walk func(prefix string, list []*cli.Command)
	walk = func(prefix string, list []*cli.Command) {
		for _, c := range list {
			name := strings.TrimSpace(prefix + " " + c.Name)
			if len(c.Subcommands) > 0 {
				walk(name, c.Subcommands)
				continue
			}
			if !strings.Contains(c.Description, "Example: igledger "+name) &&
				!strings.Contains(c.Description, "| igledger "+name) {
				t.Errorf("%s shows no example of itself", name)
			}
			json := slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), "json") })
			if !json && !slices.Contains(silent, name) {
				t.Errorf("%s has no --json", name)
			}
			for _, f := range c.Flags {
				if d, ok := f.(cli.DocGenerationFlag); ok && d.GetUsage() == "" {
					t.Errorf("%s: --%s is not explained", name, f.Names()[0])
				}
			}
		}
	}
	walk("", commands())
}

// What another organisation wrote stays in its cell: no formula, no markup, no line or escape
// sequence of its own.
func TestTablesHoldHostileText(t *testing.T) {
	rows := [][]string{{"A", "B"}, {"=HYPERLINK(\"http://x\")", "a|b\n\x1b[2Jc\u202ed <script>"}}
	for form, want := range map[string]string{
		"text":     "A                       B\n=HYPERLINK(\"http://x\")  a|b [2Jc d <script>\n",
		"csv":      "A,B\r\n\"'=HYPERLINK(\"\"http://x\"\")\",a|b [2Jc d <script>\r\n",
		"markdown": "| A | B |\n|---|---|\n| =HYPERLINK(\"http://x\") | a\\|b \\[2Jc d &lt;script> |\n",
	} {
		var b bytes.Buffer
		if err := tableForms[form](command.Screen{Writer: &b}, rows); err != nil || b.String() != want {
			t.Errorf("%s: %v\n%q, want\n%q", form, err, b.String(), want)
		}
	}
}

// An officer sees every field in which the agreement in the log differs from the approved one.
func TestDiffering(t *testing.T) {
	a := &entry.AgreementText{ID: "isa-1", Version: 1, Roles: nil,
		Parties: []entry.AgreementParty{{Org: "A"}, {Org: "B"}}}
	same := *a
	same.Roles = []string{} // left out or empty is the same
	if got := differing(a, &same); len(got) != 0 {
		t.Errorf("the same differ in %q", got)
	}
	other := *a
	other.Parties = []entry.AgreementParty{{Org: "A"}, {Org: "C"}}
	other.Notice.URL, other.Document = "https://x", &wire.Hash{1}
	if got := differing(a, &other); !slices.Equal(got, []string{"parties", "privacyNotice", "document"}) {
		t.Errorf("they differ in %q", got)
	}
}

func TestPositions(t *testing.T) {
	var many []uint64
	for i := range uint64(12) {
		many = append(many, i)
	}
	for want, list := range map[string][]uint64{"7": {7}, "7, 9": {7, 9},
		"0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more": many} {
		if got := positions(list); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A scheduler can distinguish a ledger that refuses from one that it cannot reach.
func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		answer func(http.ResponseWriter)
		want   int
	}{
		{func(w http.ResponseWriter) { problem(w, 404, client.ProblemPrefix+"not-found") }, exitRefused},
		{func(w http.ResponseWriter) { problem(w, 403, client.ProblemPrefix+"forbidden") }, exitRefused},
		{func(w http.ResponseWriter) { problem(w, 401, "about:blank") }, exitRefused}, // a proxy that lets nobody in
		{func(w http.ResponseWriter) { problem(w, 403, "about:blank") }, exitRefused},
		{func(w http.ResponseWriter) { problem(w, 500, client.ProblemPrefix+"internal") }, exitUnreachable},
		{func(w http.ResponseWriter) { problem(w, 404, "about:blank") }, exitUnreachable},  // a proxy in between
		{func(w http.ResponseWriter) { w.Write([]byte(`{"id":"another"}`)) }, exitRefused}, //nolint:errcheck // a test
		{func(w http.ResponseWriter) {
			w.Write([]byte(`{"id":"isa-2","version":1,"versions":[{"version":1,"text":{}}]}`)) //nolint:errcheck // a test
		}, exitRefused},
		{func(w http.ResponseWriter) { // agreements that are not whole
			w.Write([]byte(`{"id":"isa-1","version":1,"versions":[{"version":1}]}`)) //nolint:errcheck // a test
		}, exitRefused},
		{func(w http.ResponseWriter) {
			w.Write([]byte(`{"id":"isa-1","version":2,"versions":[{"version":1,"text":{}}]}`)) //nolint:errcheck // a test
		}, exitRefused},
		{func(w http.ResponseWriter) { w.Write([]byte(`<html>`)) }, exitUnreachable}, //nolint:errcheck // a test
	} {
		l := testlog.New("exit.test/2026")
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/log" {
				w.Write(testlog.JSON(client.LogInfo{Origin: l.Origin, LogKey: l.Key})) //nolint:errcheck // a test
				return
			}
			c.answer(w)
		}))
		var out, errOut bytes.Buffer
		if got := run(t.Context(), []string{"agreement", "show", "isa-1", "--url", server.URL,
			"--log-key", l.Key}, nil, &out, &errOut); got != c.want || out.Len() > 0 {
			t.Errorf("exit %d, want %d: %s%s", got, c.want, out.String(), errOut.String())
		}
		server.Close()
	}
}

// A policy set is shown only if it matches the hash that people compare.
func TestPolicyShowChecksTheHash(t *testing.T) {
	l := testlog.New("policy.test/2026")
	set := client.PolicySet{Text: policies.BuiltIn().Text()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any = client.Policies{Sets: []client.PolicySet{set}}
		if r.URL.Path == "/v1/log" {
			answer = client.LogInfo{Origin: l.Origin, LogKey: l.Key}
		}
		w.Write(testlog.JSON(answer)) //nolint:errcheck // a test
	}))
	defer server.Close()
	for want, hash := range map[int]wire.Hash{exitGood: sha256.Sum256([]byte(set.Text)), exitRefused: {1}} {
		set.Hash = hash
		var out, errOut bytes.Buffer
		if got := run(t.Context(), []string{"policy", "show", "--text", "--url", server.URL, "--log-key",
			l.Key}, nil, &out, &errOut); got != want {
			t.Errorf("exit %d, want %d: %s", got, want, errOut.String())
		}
		if shown := out.String() == set.Text; shown != (want == exitGood) {
			t.Errorf("exit %d: shown %v", want, shown)
		}
	}
}

func problem(w http.ResponseWriter, status int, kind string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	w.Write(testlog.JSON(client.Problem{Type: kind, Title: "No", Status: status})) //nolint:errcheck // a test
}

// Whatever command states a purpose, a mistyped one is refused before anything is read or signed:
// nothing listens at the address, and there is no key.
func TestMistypedPurposes(t *testing.T) {
	n := 0
	var walk func(path []string, list []*cli.Command)
	walk = func(path []string, list []*cli.Command) {
		for _, c := range list {
			path := append(path[:len(path):len(path)], c.Name)
			if len(c.Subcommands) > 0 {
				walk(path, c.Subcommands)
				continue
			}
			var args []string
			flag := ""
			for _, f := range c.Flags {
				name := f.Names()[0]
				if _, slice := f.(*cli.StringSliceFlag); slice && (name == "purpose" || name == "code") {
					flag = name
				} else if r, ok := f.(cli.RequiredFlag); ok && r.IsRequired() {
					args = append(args, "--"+name, "x")
				}
			}
			if flag == "" {
				continue
			}
			n++
			typed := map[string]string{"HCOPML": "did you mean HCOMPL"}
			if path[0] == "key" {
				typed = map[string]string{"agrements": "Did you mean agreements"}
			} else if path[0] != "sharing" && path[0] != "decide" && (path[0] != "consent" || path[1] != "record") {
				typed["TREAT"] = "nobody reads the ledger for TREAT"
			}
			for code, want := range typed {
				var out, errOut bytes.Buffer
				line := append(append(path[:len(path):len(path)], args...), "--url", "http://127.0.0.1:1", "--"+flag, code)
				if path[0] == "key" {
					line = append(append(path[:len(path):len(path)], args...), "--"+flag, code)
				}
				got := run(t.Context(), line, strings.NewReader("chi:0101011237\n"), &out, &errOut)
				if got != exitUsage || !strings.Contains(errOut.String(), want) || out.Len() > 0 {
					t.Errorf("%s: exit code %d, %s", strings.Join(line, " "), got, errOut.String())
				}
			}
		}
	}
	walk(nil, commands())
	if n < 14 {
		t.Errorf("only %d commands state purposes", n)
	}
}
