package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"igledger/internal/command"
)

// Every final act is on the one list, refuses to be done without a terminal or --yes, and says in
// the words of the list what it does; and no other command has --yes but those that ask besides.
func TestFinalActs(t *testing.T) {
	const kid = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI"
	args := map[string]string{
		"agreement act suspend":   "agreement act isa-1 suspend --reason why --org A --key k",
		"agreement act terminate": "agreement act isa-1 terminate --reason why --org A --key k",
		"agreement act withdraw":  "agreement act isa-1 withdraw --reason why --org A --key k",
		"consent withdraw":        "consent withdraw 0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11 --how verbal --org A --key k",
		"delegation revoke":       "delegation revoke 0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11 --org A --key k",
		"key revoke":              "key revoke --kid " + kid + " --reason retired --org A --key k",
		"sharing decide":          "sharing decide --request r-1 --by x --decision refused --reasons x --dpia x --org A --key k",
	}
	scripted := map[string]string{ // they need an outbox first, or a log
		"access outbox drop": "outbox.txt", "recover --end": "recover.txt",
	}
	listed := map[string]bool{"agreement sign": true} // asks by --text too
	for _, f := range command.Finals() {
		name := f.Act
		for _, act := range []string{" suspend", " terminate", " withdraw"} {
			if strings.HasPrefix(name, "agreement act") {
				name = strings.TrimSuffix(name, act)
			}
		}
		listed[strings.TrimSuffix(name, " --end")] = true
		if scripted[f.Act] != "" {
			continue
		}
		if args[f.Act] == "" {
			t.Errorf("%s is not tested", f.Act)
			continue
		}
		line := append(strings.Fields(args[f.Act]), "--url", "http://127.0.0.1:1")
		var out, errOut bytes.Buffer
		got := run(t.Context(), line, strings.NewReader("chi:0101011237\n"), &out, &errOut)
		if got != exitUsage || !strings.Contains(errOut.String(), f.Act+": "+f.Does+". Without a terminal, give --yes") || out.Len() > 0 {
			t.Errorf("%s: exit code %d, %s", f.Act, got, errOut.String())
		}
		errOut.Reset()
		if got := run(t.Context(), append(line, "--yes"), strings.NewReader("chi:0101011237\n"), &out,
			&errOut); strings.Contains(errOut.String(), "--yes") {
			t.Errorf("%s --yes: exit code %d, %s", f.Act, got, errOut.String())
		}
	}
	var walk func(prefix string, list []*cli.Command)
	walk = func(prefix string, list []*cli.Command) {
		for _, c := range list {
			name := strings.TrimSpace(prefix + " " + c.Name)
			walk(name, c.Subcommands)
			for _, f := range c.Flags {
				if f.Names()[0] == "yes" && !listed[name] {
					t.Errorf("%s has --yes and is not on the list of final acts", name)
				}
			}
		}
	}
	walk("", commands())
}
