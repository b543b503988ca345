package main

import (
	"bufio"
	"database/sql"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"igledger/audit/demodata"
	"igledger/internal/testdb"
)

// TestMain makes igledger a command of the scripts, and builds igverify, which shares no process with it, to be another.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"igledger": main,
	})
}

func TestScripts(t *testing.T) {
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin, "igledger/cmd/igverify")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building igverify: %v\n%s", err, out)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("IGLEDGER_DATABASE", "sqlite:"+filepath.Join(env.WorkDir, "log.db"))
			env.Setenv("PERSON", demodata.People()[0].ID)
			return os.WriteFile(filepath.Join(env.WorkDir, "events.ndjson"), demodata.Events(), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve":     serveInBackground,
			"witness":   realWitnesses(t),
			"auditor":   auditorProcesses(),
			"await":     awaits,
			"postgres":  usePostgres(t),
			"cuts":      cutAfter,
			"member":    setFromJSON,
			"dayslater": daysLater,
			"loses":     losesNumbers,
		},
	})
}

// serve starts igledger serve as a process of its own, sets $IGLEDGER_URL, and kills the process at the end of the script: "serve", or "serve stop" for a SIGTERM.
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
	cmd.Env = append(os.Environ(), "IGLEDGER_DATABASE="+ts.Getenv("IGLEDGER_DATABASE"))
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	address := make(chan string, 1)
	go func() {
		defer close(address)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if _, rest, ok := strings.Cut(lines.Text(), "address="); ok {
				address <- strings.Fields(rest)[0]
				io.Copy(io.Discard, stderr) //nolint:errcheck // it ends with the process
				return
			}
		}
	}()
	base, ok := <-address
	if !ok {
		ts.Fatalf("the server did not come up: %v", cmd.Wait())
	}
	ts.Defer(func() { cmd.Process.Kill(); cmd.Wait() }) //nolint:errcheck // it may have been stopped
	ts.Setenv("IGLEDGER_URL", base)
	servers.Store(ts, cmd)
}

// servers holds each script's *exec.Cmd.
var servers sync.Map

// cuts puts a proxy in front of the server that dies after N answers to submissions, one of them cut off on its way back, as a network would: "cuts N".
func cutAfter(ts *testscript.TestScript, _ bool, args []string) {
	target, err := url.Parse(ts.Getenv("IGLEDGER_URL"))
	ts.Check(err)
	limit := map[string]int32{"1": 1, "2": 2, "3": 3}[args[0]]
	proxy := httputil.NewSingleHostReverseProxy(target)
	var posts atomic.Int32
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method == http.MethodPost && posts.Add(1) >= limit {
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

// dayslater makes what an outbox holds older, as if days had gone by: "dayslater FILE N".
func daysLater(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	for _, table := range []string{"entry", "heartbeat"} {
		_, err = db.Exec("UPDATE "+table+" SET day = date(day, ?)", "-"+args[1]+" day")
		ts.Check(err)
	}
}

// loses makes an outbox give out its next number two too high: "loses FILE".
func losesNumbers(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec("INSERT INTO entry (event, part, seq, day, problem) SELECT x'00', 0, max(seq) + 2, max(day), 'lost' FROM entry")
	ts.Check(err)
}

// usePostgres gives the script a fresh PostgreSQL database.
func usePostgres(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, _ []string) {
		ts.Setenv("IGLEDGER_DATABASE", testdb.PostgreSQL(t))
	}
}
