package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"igledger/internal/command"
	"igledger/internal/testneeds"
)

// printed runs a command in process and returns what it prints.
func printed(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

// systemd itself takes the unit, and finds that it has few rights.
func TestUnit(t *testing.T) {
	keys := t.TempDir()
	for _, name := range []string{"log.key", "log-pq.key", "epoch-2.key", "operator.jwk", "web.key", "signing-record"} {
		if err := os.WriteFile(filepath.Join(keys, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	code, unit, errOut := printed(t, "unit", "--keys", keys, "--binary", self, "--data", "/var/lib/igledger/two", "--listen", "127.0.0.1:9999",
		"--database", "postgres://igledger@db/ledger%20one?application_name=$x", "--public-url", "https://ledger.example.scot",
		"--trusted-proxy", "127.0.0.1", "--trusted-proxy", "::1", "--policy", "/nowhere/my policy.txt", "--drain", "20s")
	if code != exitGood || errOut != "" {
		t.Fatalf("exit code %d: %s", code, errOut)
	}
	for _, want := range []string{
		"ExecStart=" + self + " serve --keys %d --database postgres://igledger@db/ledger%%20one?application_name=$$x ",
		" --signing-record file:/var/lib/igledger/two/signing-record ", ` --policy "/nowhere/my policy.txt"`,
		" --trusted-proxy 127.0.0.1 --trusted-proxy ::1 --drain 20s\n", "\nTimeoutStopSec=60\n",
		"After=network-online.target postgresql.service\n", "StateDirectory=igledger/two\n",
		"LoadCredential=epoch-2.key:" + keys + "/epoch-2.key\n", "LoadCredential=log-pq.key:", "LoadCredential=operator.jwk:",
		"DynamicUser=yes\n",
	} {
		if !strings.Contains(unit, want) {
			t.Errorf("the unit has no %q:\n%s", want, unit)
		}
	}
	if strings.Contains(unit, "web.key") || strings.Contains(unit, "LoadCredential=signing-record") {
		t.Error("what the server writes is no credential")
	}
	analyze := testneeds.Program(t, "systemd-analyze")
	file := filepath.Join(t.TempDir(), "igledger.service")
	if err := os.WriteFile(file, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", file}, {"security", "--offline=true", "--threshold=20", "--no-pager", file}} {
		if out, err := exec.Command(analyze, args...).CombinedOutput(); err != nil {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
	}
}

// The command lines of both files are ones that serve takes, with nothing that it asks for missing.
func TestDeployedCommandLines(t *testing.T) {
	for _, args := range [][]string{{"unit"}, {"container"}, {"container", "--data", "/srv/x", "--keys", "/k", "--metrics-listen", "off"}} {
		code, out, errOut := printed(t, append(args, "--json")...)
		var got struct {
			File    string   `json:"file"`
			Command []string `json:"command"`
		}
		if err := json.Unmarshal([]byte(out), &got); code != exitGood || err != nil {
			t.Fatalf("%v: exit code %d, %v: %s", args, code, err, errOut)
		}
		if !strings.Contains(got.File, "serve") || got.Command[1] != "serve" {
			t.Errorf("%v: %v", args, got.Command)
		}
		if code, _, errOut := printed(t, got.Command[1:]...); code != command.Unreachable { // there are no such keys
			t.Errorf("%v: exit code %d: %s", got.Command, code, errOut)
		}
	}
}

// The unit is printed with a warning if the service's user cannot read what it names.
func TestUnitNamesWhatItCannotRead(t *testing.T) {
	dir, err := os.MkdirTemp("", "unit") // not within t.TempDir, which is its owner's alone
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "policy.txt")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   string
		mode os.FileMode
		warn bool
	}{{dir, 0o755, true}, {file, 0o644, false}, {file, 0o600, true}, {file, 0o644, false}, {dir, 0o700, true}} {
		if err := os.Chmod(c.at, c.mode); err != nil {
			t.Fatal(err)
		}
		if code, out, errOut := printed(t, "unit", "--policy", file); code != exitGood || out == "" ||
			strings.Contains(errOut, "cannot read "+file) != c.warn {
			t.Errorf("%s is %v: exit code %d, %q", c.at, c.mode, code, errOut)
		}
	}
}

func TestDeployRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"unit --data /srv/igledger", "--data must be below /var/lib"},
		{"unit --data /var/lib/../x", "--data must be"},
		{"container --data data", "--data must be an absolute path"},
		{"unit --keys keys", "--keys must be an absolute path"},
		{"unit --listen 8080", "--listen must be"},
		{"unit --database postgres://igledger:secret@db/igledger", "without a password"},
		{"container --database postgres://db/igledger?user=x&password=secret", "without a password"},
		{"unit --public-url ledger.example.scot", "--public-url"},
		{"unit --signing-record sqlite:/var/lib/igledger/log.db", "must not be in the log's own database"},
		{"unit --listen :http", "--listen must be"},
		{"serve --listen 127.0.0.1:99999", "--listen must be"},
		{"container --metrics-listen 8081", "--metrics-listen must be"},
		{"health --url localhost:8080", "--url must be a URL"},
		{"unit --drain -1s", "--drain must be"},
		{"serve --drain 2h", "--drain must be"},
		{"container --policy /etc/x\ny", "control character"},
		{"health --live --append", "give one of"},
	} {
		code, out, errOut := printed(t, strings.Split(c.args, " ")...)
		if code != exitUsage || out != "" || !strings.Contains(errOut, c.want) || strings.Contains(errOut, "secret") {
			t.Errorf("%s: exit code %d, %q, %q", c.args, code, out, errOut)
		}
	}
}

// The container file builds both programs by the line that TestContainerBuilds tries.
func TestContainerBuildsBoth(t *testing.T) {
	_, file, _ := printed(t, "container")
	if !strings.Contains(file, "\nRUN "+buildLine+" -o /out/ ./cmd/igledger ./cmd/igverify\n") {
		t.Fatalf("the file does not build the programs:\n%s", file)
	}
}
