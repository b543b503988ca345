package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"
)

// writing are commands with --json that change a log, a file or a database, run on, or ask no
// ledger: scripts have them each where they belong.
var writing = []string{"serve", "init", "keygen", "org countersign", "org register", "key token", "key countersign", "key add",
	"key revoke",
	"key encrypt", "key decrypt", "access import", "access outbox retry", "access outbox drop", "access settle", "heartbeat", "agreement new",
	"agreement propose",
	"agreement sign", "agreement act", "sharing request", "sharing decide", "consent import", "consent record", "consent withdraw",
	"delegation grant", "delegation revoke", "link", "unlink", "policy put", "paper", "bench pages", "bench stock", "rebuild", "recover",
	"access follow-up", "health", "unit", "container"}

// printsJSON runs every reading command with --json: jsons RECORD OTHER, of consents of $PERSON,
// of which OTHER names an agreement, in a script whose log has nhs-lothian, audit-scotland and
// the agreement isa-2026-2. Standard output is JSON and nothing else, also when the command
// fails.
func printsJSON(ts *testscript.TestScript, _ bool, args []string) {
	by := func(purpose string) []string {
		return []string{"--org", "nhs-lothian", "--key", "nhs-lothian-" + purpose + ".jwk"}
	}
	person := append(by("audit"), "--id", ts.Getenv("PERSON"))
	auditor := []string{"--org", "audit-scotland", "--key", "audit-scotland-audit.jwk"}
	table := map[string][]string{
		"org list": nil, "key list": nil, "sharing list": nil, "policy show": nil, "sources": by("submit"),
		"agreement list": nil, "agreement due": nil, "agreement show": {"isa-2026-2"}, "agreement history": {"isa-2026-2"},
		"agreement export": nil, "agreement verify": {"isa-2026-2"}, "agreement check": {"study.yaml"}, "policy check": {"set.cedar"},
		"key show": {"nhs-lothian-audit.jwk"}, "access notes": by("audit"),
		"who-accessed": person, "consent list": person, "statement": append(slices.Clone(auditor), "--id", ts.Getenv("PERSON")),
		"consent export": append(slices.Clone(person), args[0]), "consent receipt": append(slices.Clone(person), args[1]),
		"receipt": append(by("submit"), "0"), "access outbox list": {"--outbox", "portal.outbox"},
		"decide":           append(by("submit"), "--staff", "n-1", "--purpose", "TREAT", "--holder", "nhs-lothian", "--id", ts.Getenv("PERSON")),
		"report uncovered": auditor, "report attempts": auditor, "report break-glass": auditor, "report due": auditor, "report drift": auditor,
	}
	var missing []string
	var walk func(path string, list []*cli.Command)
	walk = func(path string, list []*cli.Command) {
		for _, c := range list {
			name := path + c.Name
			walk(name+" ", c.Subcommands)
			_, reads := table[name]
			if len(c.Subcommands) == 0 && !reads && !slices.Contains(writing, name) &&
				slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return f.Names()[0] == "json" }) {
				missing = append(missing, name)
			}
		}
	}
	walk("", commands())
	if len(missing) > 0 {
		ts.Fatalf("neither read here nor known to write: %v", missing)
	}
	for name, more := range table {
		err := ts.Exec("igledger", slices.Concat(strings.Fields(name), []string{"--json"}, more)...)
		out, errOut := ts.ReadFile("stdout"), ts.ReadFile("stderr")
		switch {
		case out == "" && err != nil:
			lines := strings.Split(strings.TrimSpace(errOut), "\n")
			if !json.Valid([]byte(lines[len(lines)-1])) {
				ts.Fatalf("%s: the error is no JSON: %s", name, errOut)
			}
			if !slices.Contains([]string{"receipt", "consent export", "sources", "access notes"}, name) {
				ts.Fatalf("%s: %v: %s", name, err, errOut)
			}
		case !json.Valid([]byte(out)):
			ts.Fatalf("%s: standard output is no JSON: %q", name, out)
		case strings.Contains(out+errOut, "\x1b"):
			ts.Fatalf("%s: escape sequences where there is no terminal", name)
		}
	}
}
