package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
	"igledger/ledger/storage"
)

func benchPagesCommand() *cli.Command {
	return &cli.Command{
		Name:  "pages",
		Usage: "measure the pages of people who sign in: real HTTP, real database, a session of their own for each",
		Description: "Makes a log in which ten people have a tenth of all entries and many people have the\n" +
			"others, as few each as most people have, starts igledger serve as a separate process, and\n" +
			"asks it for the pages of these people. With --log the log is kept, and used again by the\n" +
			"next run; people whose list was never opened are then fewer each time.\n\n" +
			"Example: igledger bench pages --log bench-log --entries 1000000",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "log", Usage: "`FOLDER` of the log, made if it is not there (default: a temporary one)"},
			&cli.IntFlag{Name: "entries", Value: 100_000, Usage: "entries of a log that is made"},
			&cli.IntFlag{Name: "people", Value: 2_000, Usage: "people who look at their pages"},
			&cli.IntFlag{Name: "clients", Value: 16, Usage: "people at the same time"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
		},
		Action: func(c *cli.Context) error {
			b := &pagesBench{bench: bench{clients: 1, dir: c.String("log"), errOut: c.App.ErrWriter}, entries: c.Int("entries"),
				visitors: c.Int("people"), parallel: c.Int("clients")}
			if b.entries < 1000 || b.visitors < 1 || b.parallel < 1 {
				return usage("give at least 1000 entries, one person and one client")
			}
			if b.dir == "" {
				dir, err := os.MkdirTemp("", "igledger-bench-")
				if err != nil {
					return err
				}
				defer os.RemoveAll(dir)
				b.dir = dir
			}
			r, err := b.run(c.Context)
			if err != nil {
				return err
			}
			return output(c, r, "%s", r.text())
		},
	}
}

// Whose entries a log for measuring pages has: a tenth are of busyPeople, each as many, and the
// rest is spread over people of whom each has twice otherEntries at most.
const (
	busyPeople   = 10
	otherEntries = 22
	pagesOrigin  = "bench.invalid/pages"
)

type pagesBench struct {
	bench
	entries, visitors, parallel int

	store    *storage.Storage
	sessions *signin.Manager
	asked    int // sign-ins so far
}

// pagesResult is the measurements of a run, with its conditions.
type pagesResult struct {
	Engine      string `json:"engine"`
	CPUs        int    `json:"cpus"`
	GoVersion   string `json:"go"`
	LogEntries  uint64 `json:"logEntries"`
	BusyEntries int    `json:"entriesOfBusyPerson"`
	Clients     int    `json:"clients"`
	Steps       []step `json:"steps"`
}

// step is what was measured of one kind of visit. CPU is that of the server alone.
type step struct {
	Name   string  `json:"name"`
	Visits int     `json:"visits"`
	P50    float64 `json:"p50ms"`
	P99    float64 `json:"p99ms"`
	Rate   float64 `json:"visitsPerSecond"`
	CPU    float64 `json:"serverCPUmsPerVisit"`
	Bytes  float64 `json:"bytesPerVisit"`
	RSS    float64 `json:"serverMB"`
}

func (r *pagesResult) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-58s %7s %9s %9s %9s %9s %8s %7s\n", "", "visits", "p50 ms", "p99 ms", "a second", "CPU ms", "bytes", "MB")
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "%-58s %7d %9.1f %9.1f %9.0f %9.2f %8.0f %7.0f\n", s.Name, s.Visits, s.P50, s.P99, s.Rate, s.CPU, s.Bytes, s.RSS)
	}
	fmt.Fprintf(&b, "conditions: %s, a log of %d entries, about %d of them about each busy person, "+
		"client and server on one machine of %d CPUs, %s;\n"+
		"            CPU is that of the server for each visit, whatever else the machine did; MB its resident memory after the step\n",
		r.Engine, r.LogEntries, r.BusyEntries, r.CPUs, r.GoVersion)
	return b.String()
}

func (b *pagesBench) run(ctx context.Context) (*pagesResult, error) {
	b.origin, b.dsn = pagesOrigin, "sqlite:"+filepath.Join(b.dir, "log.db")
	if err := b.make(ctx); err != nil {
		return nil, err
	}
	var err error
	if b.store, err = storage.Open(ctx, b.dsn); err != nil {
		return nil, err
	}
	defer b.store.Close()
	if err := b.openSessions(ctx); err != nil {
		return nil, err
	}
	r := &pagesResult{Engine: string(b.store.Engine()), CPUs: runtime.NumCPU(), GoVersion: runtime.Version(), Clients: b.parallel}
	return r, b.measure(ctx, r)
}

// make makes the log, unless an earlier run has.
func (b *pagesBench) make(ctx context.Context) error {
	done := filepath.Join(b.dir, "made")
	if data, err := os.ReadFile(done); err == nil {
		b.entries, err = strconv.Atoi(string(data))
		return err
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	store, err := storage.Create(ctx, b.dsn)
	if err != nil {
		return err
	}
	defer store.Close()
	b.seqs, b.access = make([]uint64, 1), b.pageAccess
	b.preload = b.entries
	if err := b.prepare(ctx, store); err != nil {
		return err
	}
	return os.WriteFile(done, strconv.AppendInt(nil, int64(b.entries), 10), 0o600)
}

// pageAccess returns the access with a number. Of what a person sees, some was an emergency, some
// is not covered, and some was done by programs.
func (b *pagesBench) pageAccess(_ int, seq uint64) *entry.Access {
	person := busyPeople + max(rand.IntN(b.entries/otherEntries), rand.IntN(b.entries/otherEntries))
	if seq%10 == 0 {
		person = int(seq / 10 % busyPeople)
	}
	a := benchAccess(b.origin, 0, seq, person)
	a.Staff.ID = "n" + strconv.FormatUint(seq%997, 10)
	ago := time.Duration(float64(2*365*24*time.Hour) * (1 - float64(seq)/float64(b.entries)))
	a.Recorded = time.Now().Add(-ago - time.Duration(rand.IntN(48))*time.Hour).UTC().Format(time.RFC3339)
	a.Data = []string{"http://hl7.org/fhir/resource-types|" + []string{"Observation", "Condition", "MedicationRequest"}[seq%3]}
	a.Machine, a.Emergency = seq%7 == 0, seq%211 == 0
	if seq%53 == 0 {
		a.Purpose = []string{"HMARKT"}
	}
	return a
}

// openSessions makes what signs people in here as a provider's answer does there: the server's own
// sessions, in its database, under its key.
func (b *pagesBench) openSessions(ctx context.Context) error {
	key, err := shelf.LoadKey(nil, filepath.Join(b.dir, "keys"))
	if err != nil {
		return err
	}
	s, err := shelf.New(ctx, b.store, key, nil)
	if err != nil {
		return err
	}
	site, err := ui.New(ui.Config{})
	if err != nil {
		return err
	}
	b.sessions, err = signin.New(signin.Deps{Public: "http://127.0.0.1", Shelf: s, Site: site})
	return err
}

// signIn returns the cookie of a new session of a person.
func (b *pagesBench) signIn(ctx context.Context, person int) (string, error) {
	b.asked++
	u := signin.User{Kind: signin.Citizen, ID: fmt.Sprintf("temp:SRC:%d", person), Name: "Somebody", Auth: time.Now(), Issuer: "bench",
		Session: fmt.Sprintf("%d %d %d", time.Now().UnixNano(), os.Getpid(), b.asked), Subject: strconv.Itoa(person)}
	answer := &headers{header: http.Header{}}
	var err error
	b.sessions.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { err = b.sessions.Begin(w, r, u) })).
		ServeHTTP(answer, (&http.Request{Method: "GET", Header: http.Header{}}).WithContext(ctx))
	if err != nil {
		return "", err
	}
	cookie, _, _ := strings.Cut(answer.header.Get("Set-Cookie"), ";")
	if cookie == "" {
		return "", errors.New("signing in: no cookie")
	}
	return cookie, nil
}

// headers is an answer of which only the header counts.
type headers struct{ header http.Header }

func (h *headers) Header() http.Header         { return h.header }
func (h *headers) Write(b []byte) (int, error) { return len(b), nil }
func (h *headers) WriteHeader(int)             {}

const benchPages = `signIn:
  issuers:
    - {name: bench, for: citizen, issuer: "http://127.0.0.1:9", clientId: bench, secretFile: secret, number: {chi: chi}}
  limits: {requestsPerSecond: 1000000}
`

// measure starts servers and visits them.
func (b *pagesBench) measure(ctx context.Context, r *pagesResult) error {
	for name, text := range map[string]string{"pages.yaml": benchPages, "secret": "secret"} {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	v := &visitor{bench: b, result: r}
	restart := func() (err error) {
		if v.server != nil {
			v.server.kill() // as a power cut would
			v.server.stop()
		}
		fmt.Fprintln(b.errOut, "igledger: starting the server")
		v.server, err = b.serve(ctx, "--pages", filepath.Join(b.dir, "pages.yaml"))
		if err != nil {
			return err
		}
		return v.settle(ctx)
	}
	if err := restart(); err != nil {
		return err
	}
	defer func() { v.server.stop() }()
	signed, err := (&client.Client{Base: v.server.base}).Checkpoint(ctx)
	if err != nil {
		return err
	}
	size, err := strconv.ParseUint(strings.Split(string(signed), "\n")[1], 10, 64)
	if err != nil {
		return err
	}
	r.LogEntries, r.BusyEntries = size, int(size)/10/busyPeople
	busy, sessions, people := make([]int, busyPeople), make([]string, busyPeople), make([]int, b.visitors)
	for i := range busy {
		busy[i] = i
	}
	for i := range people { // with most entries, so that more than their reading is read
		people[i] = busyPeople + b.entries/otherEntries - 1 - i%(b.entries/otherEntries)
	}
	first := func(name string) error {
		return v.visits(ctx, name, 1, busy, func(i int) error {
			cookie, err := b.signIn(ctx, busy[i])
			if err != nil {
				return err
			}
			sessions[i] = cookie
			_, err = v.timed(ctx, cookie, "/you")
			return err
		})
	}
	if err := first("busy person, list, first after this start"); err != nil {
		return err
	}
	if err := restart(); err != nil {
		return err
	}
	if err := first("busy person, list, after the next start (kill -9)"); err != nil {
		return err
	}
	for _, p := range []struct{ name, path string }{
		{"list", "/you"}, {"next page", "/you?page=2"}, {"filtered", "/you?why=TREAT&covered=yes"},
	} {
		err := v.visits(ctx, "busy person, "+p.name+", in memory", 1, slices.Repeat(busy, 10), func(i int) error {
			_, err := v.timed(ctx, sessions[i%busyPeople], p.path)
			return err
		})
		if err != nil {
			return err
		}
	}
	cookies := make([]string, len(people))
	for i, p := range people {
		if cookies[i], err = b.signIn(ctx, p); err != nil {
			return err
		}
	}
	look := func(name string) error {
		return v.visits(ctx, name, b.parallel, people, func(i int) error {
			page, err := v.timed(ctx, cookies[i], "/you")
			if err != nil {
				return err
			}
			_, rest, found := bytes.Cut(page, []byte("/you/access/"))
			if !found {
				return errors.New("a list without an access")
			}
			index, _, _ := bytes.Cut(rest, []byte(`"`))
			_, err = v.timed(ctx, cookies[i], "/you/access/"+string(index))
			return err
		})
	}
	if err := look("people who have just signed in, list and one access"); err != nil {
		return err
	}
	return look("people who come back, list and one access")
}

// visitor asks a server for pages.
type visitor struct {
	bench  *pagesBench
	result *pagesResult
	server *served
	client http.Client
	bytes  atomic.Int64

	mu   sync.Mutex
	took []time.Duration
}

// visits makes a visit of each of people, so many at a time, and notes what they cost.
func (v *visitor) visits(ctx context.Context, name string, parallel int, people []int, visit func(i int) error) error {
	fmt.Fprintln(v.bench.errOut, "igledger: measuring:", name)
	v.client.Transport = &http.Transport{MaxIdleConnsPerHost: parallel, DisableCompression: true}
	v.took = nil
	v.bytes.Store(0)
	next, failed := make(chan int, len(people)), atomic.Pointer[error]{}
	for i := range people {
		next <- i
	}
	close(next)
	began, cpu := time.Now(), v.server.cpu()
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for i := range next {
				if err := visit(i); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return fmt.Errorf("%s: %w", name, *err)
	}
	n := float64(len(people))
	s := step{Name: name, Visits: len(people), Rate: n / time.Since(began).Seconds(), CPU: (v.server.cpu() - cpu).Seconds() * 1000 / n,
		Bytes: float64(v.bytes.Load()) / n, RSS: v.server.memory("VmRSS:")}
	slices.Sort(v.took)
	at := func(p float64) float64 { return float64(v.took[min(len(v.took)-1, int(p*float64(len(v.took))))]) / 1e6 }
	s.P50, s.P99 = at(.50), at(.99)
	v.result.Steps = append(v.result.Steps, s)
	return nil
}

// settle waits until a server does nothing more after its start, and notes what that cost.
func (v *visitor) settle(ctx context.Context) error {
	for before := time.Duration(-1); ; {
		cpu := v.server.cpu()
		if cpu-before < 50*time.Millisecond {
			v.result.Steps = append(v.result.Steps, step{Name: "start of the server, until it has nothing left to do", Visits: 1,
				CPU: cpu.Seconds() * 1000, RSS: v.server.memory("VmRSS:")})
			return nil
		}
		before = cpu
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// timed asks for a page as a browser does, and notes how long the answer took.
func (v *visitor) timed(ctx context.Context, cookie, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, "GET", v.server.base+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header = http.Header{"Cookie": {cookie}, "Accept": {"text/html"}, "Accept-Encoding": {"gzip"}, "Sec-Fetch-Mode": {"navigate"}}
	began := time.Now()
	resp, err := v.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	packed, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the page answered with status %d", resp.StatusCode)
	}
	v.bytes.Add(int64(len(packed)))
	v.mu.Lock()
	v.took = append(v.took, took)
	v.mu.Unlock()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// served is a server in a process of its own.
type served struct {
	base string
	stop func()
	pid  int
}

func (s *served) kill() { syscall.Kill(s.pid, syscall.SIGKILL) } //nolint:errcheck // it may have ended

// memory returns a value of /proc/PID/status in MB, or 0 if that is not available.
func (s *served) memory(name string) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// cpu returns the processor time that the server has used, in hundredths of a second, or 0 if /proc
// is not available.
func (s *served) cpu() time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11]) // utime and stime of proc_pid_stat(5), in ticks of 10 ms
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
