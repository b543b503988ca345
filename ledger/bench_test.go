package ledger_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	mrand "math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/storage"
	"igledger/ledger/vault"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// BenchmarkAppend is a closed loop of clients of the ledger: each sends its next entries as text
// when the last are answered with receipts. Timed are all checks and all of the cryptography
// (parsing, signature, key status, sealing, encryption, integration, signed checkpoint, inclusion
// proof); signing the entries is the sources' work and done before, as are the VRF proofs, which
// the ledger keeps in memory for people it has seen. One operation is one entry. After each run the
// log is replayed as an auditor would and receipts are checked.
func BenchmarkAppend(b *testing.B) {
	printConditions()
	for _, load := range []struct{ clients, batch int }{{256, 1}, {1, 1000}} {
		b.Run(fmt.Sprintf("%dx%d", load.clients, load.batch), func(b *testing.B) {
			testdb.EachB(b, func(b *testing.B, dsn string) {
				w := newWorld(b, dsn)
				c := newCrowd(w, load.clients, b.N)
				work := c.sign(b.N)
				size := w.logSize()
				before := w.bytes()
				b.ResetTimer()
				m := c.send(work, load.batch)
				b.StopTimer()
				after := w.bytes()
				c.check(m)
				if got := w.replay(); got != size+uint64(b.N) {
					b.Fatalf("%d entries in the log, want %d", got, size+uint64(b.N))
				}
				var openings, texts int
				for _, mine := range work {
					for _, t := range mine {
						openings += vault.OpeningSize(t)
						texts += len(t)
					}
				}
				n := float64(b.N)
				b.ReportMetric(m.rate(), "entries/s")
				b.ReportMetric(m.percentile(0.50), "p50-ms")
				b.ReportMetric(m.percentile(0.95), "p95-ms")
				b.ReportMetric(m.percentile(0.99), "p99-ms")
				b.ReportMetric(m.cpu.Seconds()*1e6/n, "cpu-µs/entry")
				if before > 0 { // as soon as CockroachDB has split its ranges
					b.ReportMetric((float64(after)-float64(before)-float64(openings))/n, "B/entry-beyond-opening")
				}
				b.ReportMetric(float64(texts)/n, "B/entry-sent")
			})
		})
	}
}

// BenchmarkAtSize compares the rate of a new log with that of one that holds IGLEDGER_BENCH_PRELOAD
// entries already (default 200,000; the promise of at least 0.90 is about 1,000,000). Runs
// alternate, so that both see the same machine, and the medians are compared; ratio-cpu compares
// processor time an entry.
func BenchmarkAtSize(b *testing.B) {
	const rounds, entries, clients = 5, 10_000, 256
	preload := uint64(200_000)
	if s := os.Getenv("IGLEDGER_BENCH_PRELOAD"); s != "" {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil || n == 0 {
			b.Fatalf("IGLEDGER_BENCH_PRELOAD is not a number of entries: %q", s)
		}
		preload = n
	}
	printConditions()
	b.Run("sqlite", func(b *testing.B) {
		for range b.N { // one operation is the whole comparison
			large := newCrowd(newWorld(b, testdb.SQLite(b)), clients, entries)
			large.w.preload(preload, large.people)
			var rates, cpu [2][]float64
			for round := range rounds {
				logs := []*crowd{newCrowd(newWorld(b, testdb.SQLite(b)), clients, entries), large}
				for _, i := range [][]int{{0, 1}, {1, 0}}[round%2] {
					work := logs[i].sign(entries)
					runtime.GC() // what the set-up left behind is not the run's to clear
					m := logs[i].send(work, 1)
					rates[i], cpu[i] = append(rates[i], m.rate()), append(cpu[i], m.cpu.Seconds())
					logs[i].check(m)
				}
				logs[0].w.replay()
			}
			if got := large.w.replay(); got < preload+rounds*entries {
				b.Fatalf("%d entries in the large log, want at least %d", got, preload+rounds*entries)
			}
			b.ReportMetric(median(rates[0]), "entries/s-empty")
			b.ReportMetric(median(rates[1]), "entries/s-at-size")
			b.ReportMetric(median(rates[1])/median(rates[0]), "ratio")
			b.ReportMetric(median(cpu[0])/median(cpu[1]), "ratio-cpu")
			b.ReportMetric(float64(preload), "preloaded")
		}
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkReplay is an auditor's replay of a log of 100,000 entries on one core: fetch bundles and
// hash tiles (from SQLite, no HTTP between), check the form of every leaf and all public entries,
// recompute every tile and the root. One operation is the whole log.
func BenchmarkReplay(b *testing.B) {
	printConditions()
	b.Run("sqlite", func(b *testing.B) {
		w := newWorld(b, testdb.SQLite(b))
		c := newCrowd(w, 16, 1000)
		c.check(c.send(c.sign(1000), 1))
		w.preload(100_000, c.people)
		var n uint64
		var cpu time.Duration
		for b.Loop() {
			began := cpuTime()
			n += w.replay()
			cpu += cpuTime() - began
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
		b.ReportMetric(float64(n)/cpu.Seconds(), "entries/cpu-s")
	})
}

// printConditions prints the conditions, without which a rate means nothing, as a configuration
// line of Go's benchmark format. (b.Log of a benchmark with parts is not shown.)
func printConditions() {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		load = []byte("not known here")
	}
	fmt.Printf("conditions: %d CPUs (GOMAXPROCS %d), %s, clients and ledger in one process, database on the same machine with durable commits, "+
		"20 entries a person, one stream of sequence numbers a client, load average before %s\n",
		runtime.NumCPU(), runtime.GOMAXPROCS(0), runtime.Version(), strings.TrimSpace(string(load)))
}

// crowd is the clients of a load. Each is a system with its own stream of sequence numbers; all
// report about the same people.
type crowd struct {
	w      *world
	people []string
	last   []uint64 // by client: the last sequence number
}

// newCrowd prepares clients for a load of n entries, 20 a person. It shows the ledger every person
// once, as yesterday's accesses would have.
func newCrowd(w *world, clients, n int) *crowd {
	w.t.Helper()
	c := &crowd{w: w, last: make([]uint64, clients)}
	for i := range max(1, n/20) {
		id := fmt.Sprintf("temp:SRC:%d", i)
		c.people = append(c.people, id)
		if _, _, err := w.log.History(w.ctx, id, math.MaxUint64, 1); err != nil {
			w.t.Fatal(err)
		}
	}
	return c
}

// sign makes n entries as SD-JWT, by client.
func (c *crowd) sign(n int) [][]string {
	c.w.t.Helper()
	work := make([][]string, len(c.last))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range work {
		g.Go(func() error {
			for range (n + len(work) - 1 - i) / len(work) {
				c.last[i]++
				seq := c.last[i]
				e, err := entry.Sign(c.w.source, &entry.Access{
					Common: entry.Common{Issuer: "SRC", Audience: origin}, Source: "ehr-" + strconv.Itoa(i), System: "TrakCare",
					Event:  []string{"http://terminology.hl7.org/CodeSystem/audit-event-type|rest", "http://hl7.org/fhir/restful-interaction|read"},
					Action: "R", Data: []string{"http://hl7.org/fhir/resource-types|Observation"}, Purpose: []string{"TREAT"}, Role: []string{"nurse"},
					Outcome: "0", Recorded: c.w.now().UTC().Format(time.RFC3339Nano), Sub: c.people[mrand.IntN(len(c.people))], Seq: &seq,
					Staff: &entry.Staff{ID: "n" + strconv.Itoa(mrand.IntN(997)), Name: "A. Nurse"},
					Text:  &entry.Text{Why: "Reviewing results before the ward round"},
				})
				if err != nil {
					return err
				}
				work[i] = append(work[i], e.SDJWT())
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		c.w.t.Fatal(err)
	}
	return work
}

// measured is a load that was sent and answered.
type measured struct {
	took, cpu time.Duration
	entries   int
	calls     []time.Duration // sorted
	last      []answered      // the last answer to each client
}

type answered struct {
	text   string
	result ledger.Result
}

func (m measured) rate() float64 { return float64(m.entries) / m.took.Seconds() }

// percentile returns the time of a call, in ms.
func (m measured) percentile(p float64) float64 {
	return m.calls[int(math.Ceil(p*float64(len(m.calls))))-1].Seconds() * 1e3
}

// send makes every client send its work, batch entries a call, and wait for the receipts before the
// next call. Any answer but a first, unflagged receipt fails the benchmark, so that only complete
// work is measured.
func (c *crowd) send(work [][]string, batch int) measured {
	c.w.t.Helper()
	var m measured
	var mu sync.Mutex
	var g errgroup.Group
	start, cpu := time.Now(), cpuTime()
	for _, mine := range work {
		if len(mine) == 0 {
			continue
		}
		g.Go(func() error {
			calls := make([]time.Duration, 0, (len(mine)+batch-1)/batch)
			var last answered
			for texts := range slices.Chunk(mine, batch) {
				began := time.Now()
				results, err := c.call(texts)
				if err != nil {
					return err
				}
				calls = append(calls, time.Since(began))
				last = answered{texts[len(texts)-1], results[len(results)-1]}
			}
			mu.Lock()
			defer mu.Unlock()
			m.calls, m.last, m.entries = append(m.calls, calls...), append(m.last, last), m.entries+len(mine)
			return nil
		})
	}
	err := g.Wait()
	m.took, m.cpu = time.Since(start), cpuTime()-cpu
	if err != nil {
		c.w.t.Fatal(err)
	}
	slices.Sort(m.calls)
	return m
}

func (c *crowd) call(texts []string) ([]ledger.Result, error) {
	entries := make([]*entry.Entry, len(texts))
	for i, t := range texts {
		var err error
		if entries[i], err = entry.Parse(t); err != nil {
			return nil, err
		}
	}
	results := c.w.log.Append(c.w.ctx, entries...)
	for _, r := range results {
		if r.Err != nil || r.Replayed || len(r.Flags) > 0 || r.Receipt == nil {
			return nil, fmt.Errorf("entry %d: error %w, replayed %v, flags %v", r.Index, r.Err, r.Replayed, r.Flags)
		}
	}
	return results, nil
}

// check checks the last receipt of each client as its source would.
func (c *crowd) check(m measured) {
	c.w.t.Helper()
	for _, a := range m.last {
		e, err := entry.Parse(a.text)
		if err != nil {
			c.w.t.Fatal(err)
		}
		c.w.checkReceipt(e, a.result)
	}
}

func (w *world) logSize() uint64 {
	w.t.Helper()
	n, err := w.log.Size(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) bytes() uint64 {
	w.t.Helper()
	n, _, err := w.store.Size(w.ctx) // 0 if it is not known
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// replay checks the log as an auditor does, from what the log serves, and returns its size.
func (w *world) replay() uint64 {
	w.t.Helper()
	note, err := w.log.Checkpoint(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := wire.NewLogVerifier(w.log.VerifierKey())
	if err != nil {
		w.t.Fatal(err)
	}
	cp, err := proof.OpenCheckpoint(note, key)
	if err != nil {
		w.t.Fatal(err)
	}
	replay, err := verifier.NewLogReplay(w.log.VerifierKey())
	if err != nil {
		w.t.Fatal(err)
	}
	compare := func(own verifier.Tile) {
		served, err := w.log.Tile(w.ctx, own.Level, own.Index, len(own.Hashes))
		if err == nil {
			err = replay.Compare(own, served)
		}
		if err != nil {
			w.t.Fatalf("tile %d/%d: %v", own.Level, own.Index, err)
		}
	}
	replay.OnTile = compare
	for first := uint64(0); first < cp.Size; first += verifier.TileWidth {
		width := verifier.WidthAt(0, first/verifier.TileWidth, cp.Size)
		bundle, err := w.log.EntryBundle(w.ctx, first/verifier.TileWidth, width)
		if err != nil {
			w.t.Fatal(err)
		}
		leaves, err := verifier.ParseBundle(bundle, width, first)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, leaf := range leaves {
			if err := replay.Add(leaf); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	for _, own := range replay.Partials() {
		compare(own)
	}
	tiles := func(level int, index uint64, width int) ([]byte, error) {
		return w.log.Tile(w.ctx, level, index, width)
	}
	for _, f := range replay.Finish(cp, tiles) {
		w.t.Error(f)
	}
	if w.t.Failed() {
		w.t.FailNow()
	}
	return cp.Size
}

// preload makes the log size entries long through the ledger's own storage and log key, as another
// replica would, with leaves that no source signed, which does not show in sealed leaves. There are
// 20 entries a person, the given people among them. The openings are noise, so their histories
// cannot be read.
func (w *world) preload(size uint64, people []string) {
	w.t.Helper()
	tree, err := w.store.FindTree(w.ctx, origin)
	if err != nil {
		w.t.Fatal(err)
	}
	chains := make([][32]byte, max(int(size)/20, len(people)))
	for i := range chains {
		if rand.Read(chains[i][:]); i < len(people) {
			tag, _ := w.keys.VRF.Tag(origin, people[i])
			chains[i] = proof.TagKey(tag)
		}
	}
	for n := w.logSize(); n < size; {
		records := madeUp(int(min(512, size-n)))
		look := storage.Lookup{}
		for _, r := range records {
			look.Keys = append(look.Keys, [16]byte(r.Identity[:]))
			look.Chains = append(look.Chains, chains[mrand.IntN(len(chains))])
		}
		err := w.store.Append(w.ctx, tree, storage.Lookup{Keys: look.Keys, Chains: distinct(look.Chains)},
			func(ctx context.Context, tx *storage.AppendTx) error {
				for i, r := range records {
					k := look.Chains[i]
					index, err := tx.Add(storage.Leaf{Key: look.Keys[i], Identity: r.Identity, Chain: k, Value: r.Value, Extra: r.Extra})
					if err != nil {
						return err
					}
					c := tx.Chains[k]
					c = storage.Chain{Count: c.Count + 1, Head: proof.NextHead(c.Head, index, proof.LeafHash(r.Value)), Last: index}
					tx.Chains[k] = c
					tx.SetChain(k, c)
				}
				head, err := tx.Integrate(ctx)
				if err != nil {
					return err
				}
				note, err := (proof.Checkpoint{Origin: origin, Size: head.Size, Root: head.Root}).Sign(w.keys.Log)
				tx.SetCheckpoint(note)
				n = head.Size
				return err
			})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

func distinct(ks [][32]byte) [][32]byte {
	ks = slices.Clone(ks)
	slices.SortFunc(ks, func(a, b [32]byte) int { return strings.Compare(string(a[:]), string(b[:])) })
	return slices.Compact(ks)
}

// madeUpOpening is about the size at rest of an opening of crowd's entries.
const madeUpOpening = 1200

// madeUp makes n sealed leaves and openings of random bytes.
func madeUp(n int) []storage.Record {
	records := make([]storage.Record, n)
	for i := range records {
		var tagCommit, bodyCommit wire.Hash
		rand.Read(tagCommit[:])
		rand.Read(bodyCommit[:])
		records[i] = storage.Record{Value: proof.SealedLeaf(tagCommit, bodyCommit), Extra: make([]byte, madeUpOpening)}
		rand.Read(records[i].Extra)
		rand.Read(records[i].Identity[:])
	}
	return records
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// cpuTime returns the processor time of this process, which on a busy machine says more than the
// clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
