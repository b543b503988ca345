package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	gojson "github.com/go-json-experiment/json"

	"igledger/internal/client"
	"igledger/internal/testdb"
)

// BenchmarkSubmitDecoding measures what one request with one entry costs before and after the
// ledger, with a plain handler and with a huma operation of the same message types. It is the
// reason why this package has plain handlers.
func BenchmarkSubmitDecoding(b *testing.B) {
	w := newWorld(b)
	body := submission(w.entry("SRC", person))
	r := w.log.Append(b.Context(), w.sign(w.submit["SRC"], w.access("SRC", person)))[0]
	w.ok(r.Err)
	results := client.Results{Results: []client.Result{taken(nil, r)}}

	plain := New(Config{Log: w.log}).(*api)
	plain.add(&route{method: "POST", pattern: "/bench", open: true, body: maxSubmit,
		serve: func(a *api, w http.ResponseWriter, r *request) error {
			var sub client.Submission
			if err := a.decode(r, maxSubmit, "submission", &sub); err != nil {
				return err
			}
			return answer(w, results)
		}})

	type input struct{ Body client.Submission }
	type output struct{ Body client.Results }
	operation := func(format huma.Format, skip bool) http.Handler {
		mux := http.NewServeMux()
		cfg := huma.DefaultConfig("bench", "1")
		cfg.Formats = map[string]huma.Format{"application/json": format, "json": format}
		cfg.CreateHooks = nil // no $schema links
		huma.Register(humago.New(mux, cfg), huma.Operation{OperationID: "bench", Method: "POST", Path: "/bench",
			MaxBodyBytes: maxSubmit, SkipValidateBody: skip},
			func(context.Context, *input) (*output, error) { return &output{results}, nil })
		return mux
	}
	strict := huma.Format{
		Marshal:   func(w io.Writer, v any) error { return gojson.MarshalWrite(w, v) },
		Unmarshal: func(data []byte, v any) error { return gojson.Unmarshal(data, v) },
	}
	for _, c := range []struct {
		name    string
		handler http.Handler
	}{
		{"plain", plain},
		{"huma", operation(huma.DefaultJSONFormat, false)},
		{"huma strict", operation(strict, false)},
		{"huma strict, unvalidated", operation(strict, true)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req := httptest.NewRequest("POST", "/bench", strings.NewReader(body))
				req.Header.Set("Content-Type", "application/json")
				rec := httptest.NewRecorder()
				c.handler.ServeHTTP(rec, req)
				if rec.Code != 200 || !bytes.Contains(rec.Body.Bytes(), []byte("tlog-proof")) {
					b.Fatalf("%d %s", rec.Code, rec.Body)
				}
			}
		})
	}
}

// BenchmarkSubmit measures POST /v1/entries as sources use it: one entry a request, real HTTP over
// loopback with clients in the same process, every check, the database on the same machine.
func BenchmarkSubmit(b *testing.B) {
	for _, clients := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			testdb.EachB(b, func(b *testing.B, dsn string) { benchmarkSubmit(b, dsn, clients) })
		})
	}
}

func benchmarkSubmit(b *testing.B, dsn string, clients int) {
	w := newWorldOn(b, dsn)
	w.server.Close()
	w.server = httptest.NewServer(New(Config{Log: w.log, Logger: slog.New(slog.NewJSONHandler(io.Discard, nil))}))
	b.Cleanup(w.server.Close)
	bodies := make([]string, b.N)
	for i := range bodies {
		bodies[i] = submission(w.entry("SRC", fmt.Sprintf("chi:%010d", i%5000)))
	}
	h := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				began := time.Now()
				resp, err := h.Post(w.server.URL+"/v1/entries", "application/json", strings.NewReader(bodies[i]))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 200 {
					b.Errorf("status %d", resp.StatusCode)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(float64(took[b.N/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[b.N*99/100].Microseconds())/1000, "p99-ms")
}
