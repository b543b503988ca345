package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/stock"
	"igledger/ledger/storage"
)

func benchStockCommand() *cli.Command {
	return &cli.Command{
		Name:  "stock",
		Usage: "compare the ledger with Trillian's stock storage provider, in one database and one run of under two minutes",
		Description: "In turns, the ledger takes entries as igledger bench does, over HTTP, signed, sealed and\n" +
			"answered with a receipt, and the stock provider takes the same leaves, sealed already, in\n" +
			"this process, without HTTP and without signing a checkpoint. It is measured three times:\n" +
			"  queued      its clients go on when a leaf is queued\n" +
			"  integrated  when it is in the tree\n" +
			"  proved      when they have its inclusion proof, as ours have by their receipt: like for like\n" +
			"Where the stock provider is slow both take fewer entries. It has none for SQLite. Its tables are a\n" +
			"file of Trillian's module, which must be at hand, as it is after a build from source.\n\n" +
			"Example: igledger bench stock --database postgres://localhost/bench",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "database", Required: true, Usage: "postgres://… or cockroachdb://… of an empty database",
				EnvVars: []string{"IGLEDGER_BENCH_DATABASE"}},
			&cli.IntFlag{Name: "clients", Value: 256, Usage: "concurrent clients, with one entry in flight each"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
		},
		Action: func(c *cli.Context) error {
			if c.Int("clients") < 1 {
				return usage("give at least one client")
			}
			r, err := compareWithStock(c)
			if err != nil {
				return err
			}
			return output(c, r, "%s", r.text())
		},
	}
}

// stockResult is the rates of one run, with its conditions.
type stockResult struct {
	Engine  string        `json:"engine"`
	CPUs    int           `json:"cpus"`
	Load    float64       `json:"loadBefore"` // one-minute load average before the run; 0: not known
	Go      string        `json:"go"`
	Clients int           `json:"clients"`
	Rounds  int           `json:"rounds"`
	Entries int           `json:"entriesPerRound"`
	Seconds float64       `json:"seconds"` // of the whole run
	Ours    stockRate     `json:"igledger"`
	Stock   [3]stockRatio `json:"stock"` // queued, integrated, proved
	Retries int64         `json:"stockRetries"`
}

type stockRate struct {
	Rate float64 `json:"entriesPerSecond"`
	P50  float64 `json:"p50ms"`
	P99  float64 `json:"p99ms"`
}

// stockRatio is the stock provider's rate when its clients wait as Wait says, and ours over it.
type stockRatio struct {
	Wait string `json:"clientsWaitUntil"`
	stockRate
	Ratio float64 `json:"ratio"`
}

func (r *stockResult) text() string {
	text := fmt.Sprintf("%-22s %10s %10s %10s %8s\n", "", "ENTRIES/S", "P50 MS", "P99 MS", "RATIO")
	text += fmt.Sprintf("%-22s %10.0f %10.1f %10.1f\n", "igledger", r.Ours.Rate, r.Ours.P50, r.Ours.P99)
	for _, s := range r.Stock {
		text += fmt.Sprintf("%-22s %10.0f %10.1f %10.1f %7.1f×\n", "stock, "+s.Wait, s.Rate, s.P50, s.P99, s.Ratio)
	}
	load := "unknown"
	if r.Load > 0 {
		load = fmt.Sprintf("%.1f", r.Load)
	}
	return text + fmt.Sprintf(`
Like for like is "proved". conditions: %s, %d clients, %d rounds of %d entries each in turns, %.0f s in all, %d stock retries;
igledger over HTTP with receipts, the stock provider in process with leaves that are sealed already; database, clients and
servers on one machine of %d CPUs, load before %s, %s
`, r.Engine, r.Clients, r.Rounds, r.Entries, r.Seconds, r.Retries, r.CPUs, load, r.Go)
}

// compareWithStock has both take the same entries in turns.
func compareWithStock(c *cli.Context) (*stockResult, error) {
	const rounds, most, each = 3, 5_000, 5 // seconds that a load of the stock provider takes, about
	ctx, began := c.Context, time.Now()
	clients := c.Int("clients")
	r := &stockResult{CPUs: runtime.NumCPU(), Go: runtime.Version(), Load: loadAverage(), Clients: clients, Rounds: rounds}
	theirs, err := stock.Open(ctx, c.String("database"))
	if errors.Is(err, stock.ErrNoEngine) {
		return nil, usage("--database: %v", err)
	}
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	dir, err := os.MkdirTemp("", "igledger-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, dsn: c.String("database"), clients: clients, people: 5000, errOut: c.App.ErrWriter}
	store, err := b.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	r.Engine = string(store.Engine())
	server, err := b.serve(ctx)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	trial, err := b.compare(ctx, store, server, theirs, 2*clients, []stock.Wait{stock.Proved})
	if err != nil {
		return nil, err
	}
	r.Entries = min(most, max(2*clients, int(trial[1].Rate*each)))
	var took [4]float64 // seconds an entry
	for round := range rounds {
		fmt.Fprintf(b.errOut, "igledger: round %d of %d, %d entries each\n", round+1, rounds, r.Entries)
		rates, err := b.compare(ctx, store, server, theirs, r.Entries, []stock.Wait{stock.Queued, stock.Integrated, stock.Proved})
		if err != nil {
			return nil, err
		}
		for i, m := range rates {
			took[i] += 1 / m.Rate
			at := &r.Ours
			if i > 0 {
				at = &r.Stock[i-1].stockRate
			}
			at.P50, at.P99 = at.P50+m.P50/rounds, max(at.P99, m.P99)
		}
	}
	r.Ours.Rate = rounds / took[0]
	for i, wait := range []string{"queued", "integrated", "proved"} {
		s := &r.Stock[i]
		s.Wait, s.Rate = wait, rounds/took[i+1]
		s.Ratio = r.Ours.Rate / s.Rate
	}
	r.Retries, r.Seconds = theirs.Retries(), time.Since(began).Seconds()
	return r, nil
}

// compare has the ledger take n entries, and then one new stock log for each of waits the leaves
// that these became. It returns our rate, then theirs.
func (b *bench) compare(ctx context.Context, store *storage.Storage, server *served, theirs *stock.Server, n int,
	waits []stock.Wait) ([]stockRate, error) {
	tree, err := store.FindTree(ctx, b.origin)
	if err != nil {
		return nil, err
	}
	head, err := store.Head(ctx, tree)
	if err != nil {
		return nil, err
	}
	first := head.Size
	texts, err := b.sign(n)
	if err != nil {
		return nil, err
	}
	var ours benchResult
	if err := b.load(ctx, server.base, texts, &ours); err != nil {
		return nil, err
	}
	list := []stockRate{{ours.Rate, ours.P50, ours.P99}}
	var leaves []storage.Record
	for len(leaves) < n {
		got, err := store.Records(ctx, tree, first+uint64(len(leaves)), uint64(min(1000, n-len(leaves))))
		if err != nil || len(got) == 0 {
			return nil, fmt.Errorf("reading the entries back: %d, then %w", len(leaves), err)
		}
		leaves = append(leaves, got...)
	}
	for _, wait := range waits {
		l, err := theirs.NewLog(ctx)
		if err != nil {
			return nil, fmt.Errorf("the stock provider: %w", err)
		}
		m, err := l.Run(ctx, leaves, b.clients, wait)
		if err == nil {
			err = l.Check(ctx, n)
		}
		if err != nil {
			return nil, fmt.Errorf("the stock provider: %w", err)
		}
		ms := func(p float64) float64 { return float64(m.Calls[min(n-1, int(p*float64(n)))]) / 1e6 }
		list = append(list, stockRate{float64(n) / m.Took.Seconds(), ms(.50), ms(.99)})
	}
	return list, nil
}

// loadAverage returns the machine's load of the last minute, 0 where it cannot be read.
func loadAverage() float64 {
	var load float64
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Sscan(string(text), &load) //nolint:errcheck // then it is not known
	}
	return load
}
