package main

import (
	"bufio"
	"context"
	"database/sql"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"igledger/audit"
	"igledger/audit/demodata"
	"igledger/consent"
	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/keyfile"
	"igledger/ledger/storage"
)

// TestMain makes igledger a command of the scripts and of the documents. They also use igverify,
// which is built as a separate program.
func TestMain(m *testing.M) {
	testscript.Main(testdb.OnCockroach{M: m}, map[string]func(){
		"igledger": main,
	})
}

// TestScripts runs testdata/*.txt. The race detector, where tests run with it, watches every server
// and, in two scripts that do most of what there is, the other commands too. Elsewhere those are
// the programs that users have, which start in a third of the time.
func TestScripts(t *testing.T) {
	t.Parallel()
	bin := programs(t)
	self, err := exec.LookPath("igledger")
	if err != nil {
		t.Fatal(err)
	}
	watched, others := scripts(t, filepath.Dir(self)+string(filepath.ListSeparator)+bin), scripts(t, bin)
	watched.Files = []string{"testdata/story.txt"}
	if testing.Short() {
		testscript.Run(t, watched)
		return
	}
	watched.Files = append(watched.Files, "testdata/recover.txt")
	all, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		if !slices.Contains(watched.Files, filepath.ToSlash(file)) {
			others.Files = append(others.Files, file)
		}
	}
	testscript.Run(t, watched)
	testscript.Run(t, others)
}

// scripts returns how scripts run, with the commands of the folders in path.
func scripts(t *testing.T, path string) testscript.Params {
	onSQLite := strings.HasPrefix(testdb.One(t), "sqlite:")
	return testscript.Params{
		Condition: func(cond string) (bool, error) { return cond == "sqlite" && onSQLite, nil },
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", path+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("IGLEDGER_DATABASE", "sqlite:"+filepath.Join(env.WorkDir, "log.db"))
			if !onSQLite {
				env.Setenv("IGLEDGER_DATABASE", testdb.One(t))
			}
			// with -race each of some hundred commands would sleep a second at its end
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			env.Setenv("PERSON", demodata.People()[0].ID)
			return os.WriteFile(filepath.Join(env.WorkDir, "events.ndjson"), demodata.Events(), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve":     serveInBackground,
			"witness":   realWitnesses(t),
			"auditor":   auditorProcesses(),
			"await":     awaits,
			"server":    useServer(t),
			"cuts":      cutAfter,
			"member":    setFromJSON,
			"dayslater": daysLater,
			"loses":     losesNumbers,
			"newlog":    makeLog,
			"enrols":    enrolOrganisation,
			"tampers":   tamperWithVerdict,
			"finds":     findsEvents,
			"windows":   asWindowsSaves,
			"samewords": saysTheSame,
			"jsons":     printsJSON,
		},
	}
}

// serve starts igledger serve as a separate process, sets $IGLEDGER_URL, and kills the process at
// the end of the script. "serve stop" stops it with an interrupt.
func serveInBackground(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 1 && args[0] == "stop" {
		cmd, ok := servers.Load(ts)
		if !ok {
			ts.Fatalf("no server")
		}
		ts.Check(cmd.(*exec.Cmd).Process.Signal(os.Interrupt))
		ts.Check(cmd.(*exec.Cmd).Wait())
		return
	}
	cmd := exec.Command("igledger", append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "IGLEDGER_DATABASE="+ts.Getenv("IGLEDGER_DATABASE"),
		"IGLEDGER_PASSPHRASE_FILE="+ts.Getenv("IGLEDGER_PASSPHRASE_FILE"))
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	log, err := os.OpenFile(ts.MkAbs("server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	started := make(chan string, 1)
	go func() {
		defer close(started)
		for lines := bufio.NewScanner(io.TeeReader(stderr, log)); lines.Scan(); {
			if strings.Contains(lines.Text(), " address=") {
				started <- lines.Text()
				io.Copy(log, stderr) //nolint:errcheck // it ends with the process
				return
			}
		}
	}()
	line, ok := <-started
	if !ok {
		ts.Fatalf("the server did not start: %v", cmd.Wait())
	}
	for name, variable := range map[string]string{"address": "IGLEDGER_URL", "metrics": "METRICS_URL"} {
		_, rest, _ := strings.Cut(line, " "+name+"=")
		value, _, _ := strings.Cut(rest, " ")
		ts.Setenv(variable, value)
	}
	ts.Defer(func() { cmd.Process.Kill(); cmd.Wait() }) //nolint:errcheck // it may have been stopped
	servers.Store(ts, cmd)
}

// servers holds each script's *exec.Cmd.
var servers sync.Map

// cuts starts a proxy in front of the server that fails at the Nth answer to a submission: it cuts
// off that answer, as a network would. Usage: "cuts N".
func cutAfter(ts *testscript.TestScript, _ bool, args []string) {
	target, err := url.Parse(ts.Getenv("IGLEDGER_URL"))
	ts.Check(err)
	limit, err := strconv.ParseInt(args[0], 10, 32)
	ts.Check(err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	var posts atomic.Int32
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method == http.MethodPost && posts.Add(1) >= int32(limit) {
			r.Body.Close()
			r.Body = io.NopCloser(strings.NewReader(`{"results":[`)) // the entries are in the log, the answer is lost
			r.ContentLength = -1
			r.Header.Del("Content-Length")
		}
		return nil
	}
	server := &http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	go server.Serve(l) //nolint:errcheck // closed below
	ts.Defer(func() { server.Close() })
	ts.Setenv("CUT_URL", "http://"+l.Addr().String())
}

// member sets an environment variable from a member of a JSON file: "member NAME FILE MEMBER".
func setFromJSON(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[1])
	_, rest, ok := strings.Cut(text, `"`+args[2]+`": "`)
	if !ok {
		ts.Fatalf("no member %s in %s", args[2], args[1])
	}
	value, _, _ := strings.Cut(rest, `"`)
	ts.Setenv(args[0], value)
}

// dayslater makes the contents of an outbox older, as if N days had passed: "dayslater FILE N".
func daysLater(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	for _, table := range []string{"entry", "heartbeat"} {
		_, err = db.Exec("UPDATE "+table+" SET day = date(day, ?)", "-"+args[1]+" day")
		ts.Check(err)
	}
}

// loses makes an outbox skip numbers, so that its next one is two too high: "loses FILE".
func losesNumbers(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(`INSERT INTO entry (event, part, seq, day, problem, reading, times)
		SELECT x'00', 0, max(seq) + 2, max(day), 'lost', max(reading), 1 FROM entry`)
	ts.Check(err)
}

// newlog creates a log with its three founders, as story.txt does command by command, and serves
// it. It sets $LOG_KEY and makes registrar.jwk and enroller.jwk.
func makeLog(ts *testscript.TestScript, _ bool, _ []string) {
	igledger(ts, "keygen", "--json", "--origin", "ledger.test/2026", "keys")
	_, rest, _ := strings.Cut(ts.ReadFile("stdout"), `"logKey": "`)
	key, _, _ := strings.Cut(rest, `"`)
	ts.Setenv("LOG_KEY", key)
	igledger(ts, "keygen", "registrar.jwk")
	igledger(ts, "keygen", "enroller.jwk")
	keep(ts, "enroller.json", "key", "request", "--origin", "ledger.test/2026", "--org", "ENR", "--key",
		"enroller.jwk", "--purpose", "administer")
	igledger(ts, "init", "--keys", "keys", "--operator", "OPR=Operator", "--registrar", "REG=Registrar",
		"--registrar-key", "registrar.jwk", "--enroller", "ENR=Enroller",
		"--enroller-request", "enroller.json")
	serveInBackground(ts, false, []string{"--keys", "keys"})
	ts.Setenv("IGLEDGER_LOG_KEY", key)
}

// enrols registers organisations as controllers, sources and, if called audit…, auditors: "enrols
// ID…". Each gets ID-admin.jwk, ID-submit.jwk, ID-agreements.jwk and ID-audit.jwk, for these
// purposes. One called desk… is a front desk too, with ID-front-desk.jwk.
func enrolOrganisation(ts *testscript.TestScript, _ bool, args []string) {
	for _, id := range args {
		member := []string{"--id", id, "--name", "The " + id, "--kind", "health-board", "--role", "controller",
			"--role", "source"}
		if strings.HasPrefix(id, "audit") {
			member = append(member, "--role", "auditor")
		}
		purposes := []string{"admin", "submit", "agreements", "audit"}
		if strings.HasPrefix(id, "desk") {
			member = append(member, "--role", "front-desk")
			purposes = append(purposes, "front-desk")
		}
		keep(ts, "org.jws", append([]string{"org", "countersign", "--org", "ENR", "--key", "enroller.jwk"},
			member...)...)
		igledger(ts, append([]string{"org", "register", "--org", "REG", "--key", "registrar.jwk",
			"--countersignature", "org.jws"}, member...)...)
		for _, purpose := range purposes {
			key := id + "-" + purpose + ".jwk"
			igledger(ts, "keygen", key)
			keep(ts, "request.json", "key", "request", "--origin", "ledger.test/2026", "--org", id, "--key", key,
				"--purpose", strings.ReplaceAll(purpose, "admin", "administer"))
			if purpose == "admin" {
				keep(ts, "key.jws", "key", "countersign", "--org", "ENR", "--key", "enroller.jwk", "--request",
					"request.json")
				igledger(ts, "key", "add", "--org", "REG", "--key", "registrar.jwk", "--request", "request.json",
					"--countersignature", "key.jws")
				continue
			}
			igledger(ts, "key", "add", "--org", id, "--key", id+"-admin.jwk", "--request", "request.json")
		}
	}
}

func igledger(ts *testscript.TestScript, args ...string) { ts.Check(ts.Exec("igledger", args...)) }

// keep writes the output of a command to a file.
func keep(ts *testscript.TestScript, file string, args ...string) {
	igledger(ts, args...)
	ts.Check(os.WriteFile(ts.MkAbs(file), []byte(ts.ReadFile("stdout")), 0o600))
}

// tampers logs the accesses in a file as a dishonest operator would, by rules that find everything
// covered: "tampers EVENTS". The server must be stopped.
func tamperWithVerdict(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	keys, err := ledger.LoadKeys(ts.MkAbs("keys"))
	ts.Check(err)
	store, err := storage.Create(ctx, ts.Getenv("IGLEDGER_DATABASE"))
	ts.Check(err)
	defer store.Close()
	log, err := ledger.Open(ctx, ledger.Config{Storage: store, Keys: keys, Origin: keys.Log.Name(),
		Rules: lenient{consent.New()}})
	ts.Check(err)
	defer log.Close(ctx) //nolint:errcheck // it was appended or it was not
	signer, err := new(keyfile.Loader).Signer(ts.MkAbs("nhs-lothian-submit.jwk"))
	ts.Check(err)
	ts.Check(audit.Events(strings.NewReader(ts.ReadFile(args[0])), func(ev audit.Event) error {
		list, _, err := audit.Conversion{Issuer: "nhs-lothian", Audience: log.Origin(),
			Source: "other"}.FromAuditEvent(ev.Raw)
		for _, a := range list {
			e, err := entry.Sign(signer, a)
			if err != nil {
				return err
			}
			if r := log.Append(ctx, e)[0]; r.Err != nil {
				return r.Err
			}
		}
		return err
	}, nil))
}

// windows writes files again as an editor on Windows does: with a byte-order mark and its line
// ends.
func asWindowsSaves(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := "\ufeff" + strings.ReplaceAll(ts.ReadFile(name), "\n", "\r\n")
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// useServer returns the command that gives the script a fresh database on a server: PostgreSQL,
// unless the scripts run on a server anyway.
func useServer(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, _ []string) {
		if strings.HasPrefix(ts.Getenv("IGLEDGER_DATABASE"), "sqlite:") {
			ts.Setenv("IGLEDGER_DATABASE", testdb.PostgreSQL(t))
		}
	}
}
