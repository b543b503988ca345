package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/storage"
	"igledger/ledger/vault"
	"igledger/ledger/wire"
	"igledger/verifier"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:        "bench",
		Subcommands: []*cli.Command{benchPagesCommand(), benchStockCommand()},
		Usage:       "measure this build of the ledger: real HTTP, real database, one entry per request, integrated receipts",
		Description: "Creates its own log in the database, which must be empty, starts igledger serve as a\n" +
			"separate process, and posts entries that it signed beforehand. Without --rate each\n" +
			"client sends its next entry when the last one is answered. With --rate it offers entries\n" +
			"at that rate, and measures latency from the time an entry was due.\n\n" +
			"Example: igledger bench --clients 256 --entries 50000\n" +
			"Example: igledger bench --database postgres://localhost/bench --rate 1000 --entries 30000 " +
			"--json",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "database", Usage: "as for serve (default: SQLite in a temporary folder)",
				EnvVars: []string{"IGLEDGER_BENCH_DATABASE"}},
			&cli.IntFlag{Name: "clients", Value: 256,
				Usage: "concurrent connections, with one entry in flight on each"},
			&cli.IntFlag{Name: "entries", Value: 30000, Usage: "entries to measure"},
			&cli.IntFlag{Name: "people", Value: 5000, Usage: "number of people that the entries are about"},
			&cli.IntFlag{Name: "rate", Usage: "entries per second to offer; 0 means as fast as answers arrive"},
			&cli.IntFlag{Name: "preload", Usage: "entries to append before measuring"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
		},
		Action: func(c *cli.Context) error {
			b := &bench{clients: c.Int("clients"), entries: c.Int("entries"), people: c.Int("people"),
				rate: c.Int("rate"), preload: c.Int("preload"), errOut: c.App.ErrWriter}
			if b.clients < 1 || b.entries < b.clients || b.people < 1 || b.rate < 0 || b.preload < 0 {
				return usage("give at least one client, one person, and one entry per client")
			}
			dir, err := os.MkdirTemp("", "igledger-bench-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			b.dir = dir
			b.dsn = c.String("database")
			if b.dsn == "" {
				b.dsn = "sqlite:" + filepath.Join(dir, "log.db")
			}
			r, err := b.run(c.Context)
			if err != nil {
				return err
			}
			return output(c, r, "%s", r.text())
		},
	}
}

type bench struct {
	dir, dsn                                string
	clients, entries, people, rate, preload int
	errOut                                  io.Writer
	keys                                    *ledger.Keys
	source                                  *wire.Signer
	origin                                  string
	seqs                                    []uint64
	access                                  func(stream int, seq uint64) *entry.Access
}

// benchResult is the measurements of a run, with its conditions.
type benchResult struct {
	Engine        string   `json:"engine"`
	CPUs          int      `json:"cpus"`
	GoVersion     string   `json:"go"`
	Clients       int      `json:"clients"`
	Offered       int      `json:"offeredPerSecond,omitzero"`
	Preloaded     int      `json:"preloaded"`
	People        int      `json:"people"`
	Entries       int      `json:"entries"`
	EntryBytes    float64  `json:"sdjwtBytesPerEntry"`
	Seconds       float64  `json:"seconds"`
	Rate          float64  `json:"entriesPerSecond"`
	P50           float64  `json:"p50ms"`
	P95           float64  `json:"p95ms"`
	P99           float64  `json:"p99ms"`
	OpeningBytes  float64  `json:"openingBytesPerEntry"`
	BeyondOpening *float64 `json:"bytesBeyondOpeningPerEntry,omitempty"` // nil: not known
	ServerPeakMB  float64  `json:"serverPeakMB,omitzero"`
	Checked       int      `json:"receiptsChecked"`
}

func (r *benchResult) text() string {
	offered := "closed loop"
	if r.Offered > 0 {
		offered = fmt.Sprintf("%d/s offered", r.Offered)
	}
	beyond := "unknown"
	if r.BeyondOpening != nil {
		beyond = fmt.Sprintf("%.0f", *r.BeyondOpening)
	}
	return fmt.Sprintf(`%.0f entries/s   p50 %.1f ms   p95 %.1f ms   p99 %.1f ms
%s bytes per entry beyond the opening (%.0f), server's peak memory %.0f MB
conditions: %s, %d clients, 1 entry per request over HTTP, %s, %d entries of %.0f bytes about %d people, %d in the log before,
            receipts integrated (%d of them checked), client, server and database on one machine of %d CPUs, %s
`, r.Rate, r.P50, r.P95, r.P99, beyond, r.OpeningBytes, r.ServerPeakMB,
		r.Engine, r.Clients, offered, r.Entries, r.EntryBytes, r.People,
		r.Preloaded, r.Checked, r.CPUs, r.GoVersion)
}

// begin creates the log that is measured. The caller closes its storage.
func (b *bench) begin(ctx context.Context) (*storage.Storage, error) {
	b.origin = "bench.invalid/" + strconv.FormatInt(time.Now().UnixNano(), 36)
	b.seqs = make([]uint64, b.clients)
	b.access = func(stream int, seq uint64) *entry.Access {
		return benchAccess(b.origin, stream, seq, rand.IntN(b.people))
	}
	store, err := storage.Create(ctx, b.dsn)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	if err := b.prepare(ctx, store); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

func (b *bench) run(ctx context.Context) (*benchResult, error) {
	store, err := b.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	fmt.Fprintf(b.errOut, "igledger: signing %d entries\n", b.entries)
	texts, err := b.sign(b.entries)
	if err != nil {
		return nil, err
	}
	before, known, err := store.Size(ctx)
	if err != nil {
		return nil, err
	}
	server, err := b.serve(ctx)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	fmt.Fprintf(b.errOut, "igledger: measuring\n")
	r := &benchResult{Engine: string(store.Engine()), CPUs: runtime.NumCPU(), GoVersion: runtime.Version(),
		Clients: b.clients, Offered: b.rate, Preloaded: b.preload, People: b.people, Entries: b.entries}
	if err := b.load(ctx, server.base, texts, r); err != nil {
		return nil, err
	}
	r.ServerPeakMB = server.memory("VmHWM:")
	server.stop()
	after, _, err := store.Size(ctx)
	if err != nil {
		return nil, err
	}
	var bytes, openings int
	for _, t := range texts {
		bytes += len(t)
		openings += vault.OpeningSize(t)
	}
	n := float64(b.entries)
	r.EntryBytes, r.OpeningBytes = float64(bytes)/n, float64(openings)/n
	if known {
		beyond := (float64(after) - float64(before) - float64(openings)) / n
		r.BeyondOpening = &beyond
	}
	return r, nil
}

// prepare creates the log, enrols a source, and preloads entries.
func (b *bench) prepare(ctx context.Context, store *storage.Storage) error {
	dir := filepath.Join(b.dir, "keys")
	if err := ledger.GenerateKeys(dir, b.origin); err != nil {
		return err
	}
	var err error
	b.keys, err = ledger.LoadKeys(dir)
	if err != nil {
		return err
	}
	signed, err := recordIn(ctx, dir, b.keys)
	if err != nil {
		return err
	}
	defer signed.Close()
	p, err := newParties(ctx, ledger.Config{Storage: store, Keys: b.keys, Record: signed, Origin: b.origin,
		Rules: consent.New()})
	if err != nil {
		return err
	}
	defer p.log.Close(ctx)
	b.source, err = p.enrol(ctx, entry.Member{ID: "SRC", Name: "Bench source", Kind: "health-board",
		Roles: []entry.Role{entry.RoleSource}}, entry.PurposeSubmit)
	if err != nil {
		return err
	}
	const chunk = 10_000
	for done := 0; done < b.preload; done += chunk {
		fmt.Fprintf(b.errOut, "igledger: preloading %d of %d\n", done, b.preload)
		texts, err := b.sign(min(chunk, b.preload-done))
		if err != nil {
			return err
		}
		entries := make([]*entry.Entry, len(texts))
		for i, t := range texts {
			entries[i], err = entry.Parse(t)
			if err != nil {
				return err
			}
		}
		for _, r := range p.log.Append(ctx, entries...) {
			if r.Err != nil {
				return r.Err
			}
		}
	}
	return nil
}

// sign returns n signed entries. Entry i is in the stream of client i mod clients.
func (b *bench) sign(n int) ([]string, error) {
	texts := make([]string, n)
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	cpus := runtime.NumCPU()
	for w := range cpus {
		wg.Go(func() {
			for i := w; i < n; i += cpus {
				seq := b.seqs[i%b.clients] + uint64(i/b.clients) + 1
				e, err := entry.Sign(b.source, b.access(i%b.clients, seq))
				if err != nil {
					failed.Store(&err)
					return
				}
				texts[i] = e.SDJWT()
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	for c := range b.seqs {
		b.seqs[c] += uint64((n - c + b.clients - 1) / b.clients)
	}
	return texts, nil
}

// benchAccess returns an access of ordinary size.
func benchAccess(origin string, stream int, seq uint64, person int) *entry.Access {
	now := time.Now().UTC()
	return &entry.Access{
		Common: entry.Common{Issuer: "SRC", Audience: origin}, Source: "ehr-" + strconv.Itoa(stream), System: "TrakCare",
		Event: []string{"http://terminology.hl7.org/CodeSystem/audit-event-type|rest",
			"http://hl7.org/fhir/restful-interaction|read"},
		Action: "R", Data: []string{"http://hl7.org/fhir/resource-types|Observation"},
		Purpose: []string{"TREAT"}, Role: []string{"nurse"},
		Outcome: "0", Recorded: now.Format(time.RFC3339Nano), Sub: fmt.Sprintf("temp:SRC:%d", person), Seq: &seq,
		Staff: &entry.Staff{ID: "n" + strconv.Itoa(person%997), Name: "A. Nurse"},
		Text:  &entry.Text{Why: "Reviewing results before the ward round"},
	}
}

// serve starts this program as a server in its own process.
func (b *bench) serve(ctx context.Context, args ...string) (*served, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close()
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, exe, append([]string{"serve", "--database", b.dsn, "--keys", filepath.Join(b.dir, "keys"),
		"--origin", b.origin, "--listen", address, "--metrics-listen", "off"}, args...)...)
	logFile, err := os.Create(filepath.Join(b.dir, "serve.log"))
	if err != nil {
		return nil, err
	}
	cmd.Stderr = logFile
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	var once sync.Once
	s := &served{base: "http://" + address, pid: cmd.Process.Pid, stop: func() {
		once.Do(func() {
			cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
			cmd.Wait()                          //nolint:errcheck // its log says why
			logFile.Close()
		})
	}}
	for end := time.Now().Add(30 * time.Second); ; {
		resp, err := http.Get(s.base + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return s, nil
			}
		}
		if time.Now().After(end) {
			s.stop()
			text, _ := os.ReadFile(logFile.Name())
			return nil, fmt.Errorf("the server did not start: %s", text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// load posts texts and measures.
func (b *bench) load(ctx context.Context, base string, texts []string, r *benchResult) error {
	transport := &http.Transport{MaxIdleConnsPerHost: b.clients, MaxConnsPerHost: 0}
	h := &http.Client{Timeout: time.Minute, Transport: transport}
	took := make([]time.Duration, len(texts))
	answers := make([]client.Result, len(texts))
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	start := time.Now()
	for c := range b.clients {
		wg.Go(func() {
			cl := &client.Client{Base: base, HTTP: h}
			for i := c; i < len(texts) && failed.Load() == nil; i += b.clients {
				due := time.Now()
				if b.rate > 0 {
					due = start.Add(time.Duration(i) * time.Second / time.Duration(b.rate))
					time.Sleep(time.Until(due))
				}
				res, err := cl.Submit(ctx, texts[i:i+1])
				if err == nil && res[0].Problem != nil {
					err = res[0].Problem
				}
				if err != nil {
					failed.Store(&err)
					return
				}
				took[i] = time.Since(due)
				if i%100 == 0 {
					answers[i] = res[0]
				}
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	if err := failed.Load(); err != nil {
		return *err
	}
	slices.Sort(took)
	at := func(p float64) float64 { return float64(took[min(len(took)-1, int(p*float64(len(took))))]) / 1e6 }
	r.Seconds, r.Rate = elapsed.Seconds(), float64(len(texts))/elapsed.Seconds()
	r.P50, r.P95, r.P99 = at(.50), at(.95), at(.99)
	key, err := wire.NewLogVerifier(b.keys.LogVerifierKey)
	if err != nil {
		return err
	}
	for i := 0; i < len(texts); i += 100 {
		e, err := entry.Parse(texts[i])
		if err != nil {
			return err
		}
		if _, err := verifier.VerifyReceipt(answers[i].Receipt, e, key, b.keys.VRF.Public()); err != nil {
			return refused("receipt of measured entry %d: %w", i, err)
		}
		r.Checked++
	}
	return nil
}
