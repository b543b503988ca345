package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"igledger/audit/statement"
	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// statement is POST /v1/statements: a POST, because an id never stands in a URL. It is made before the reading is logged, so that the reading itself is not
// in it, and given out only after.
func (a *api) statement(w http.ResponseWriter, r *request) error {
	var body client.StatementRequest
	if err := a.decode(r, maxBody, "statement request", &body); err != nil {
		return err
	}
	if err := entry.CheckID(body.ID); err != nil {
		return refuse(err)
	}
	if err := checkPurpose(body.Purpose); err != nil {
		return err
	}
	window, err := windowOf(body)
	if err != nil {
		return err
	}
	if err := r.caller.mayRead(body.ID); err != nil {
		return err
	}
	if a.index == nil {
		return &refusal{code: unavailable, detail: "this server keeps no subject index"}
	}
	data, ids, err := a.make(r.Context(), body, window)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := a.logReading(r.Context(), r.caller, id, body.Purpose); err != nil {
			return err
		}
	}
	write(w, http.StatusOK, "application/json", data)
	return nil
}

// make gives a statement or an extract as JSON, and the ids whose entries it shows: the one asked for and those linked with it.
func (a *api) make(ctx context.Context, body client.StatementRequest, window statement.Window) (data []byte, ids []string, err error) {
	var made interface{ Marshal() ([]byte, error) }
	ids = []string{body.ID}
	if len(body.Extract) > 0 {
		made, err = a.index.Extract(ctx, body.ID, body.Extract)
	} else {
		var s *bundle.Statement
		if s, err = a.index.Statement(ctx, body.ID, window); err == nil {
			for _, l := range s.Linked {
				ids = append(ids, l.ID)
			}
		}
		made = s
	}
	if err != nil {
		return nil, nil, err
	}
	data, err = made.Marshal()
	var e *wire.Error
	if errors.As(err, &e) && e.Code == wire.TooLarge {
		return nil, nil, &refusal{code: tooLarge, detail: "the statement is larger than " + strconv.Itoa(bundle.MaxSize>>20) + " MiB: ask for a period"}
	}
	return data, ids, err
}

func windowOf(b client.StatementRequest) (statement.Window, error) {
	w := statement.Window{From: b.From, To: b.To}
	for _, t := range []struct {
		text string
		into *time.Time
	}{{b.Since, &w.Since}, {b.Until, &w.Until}} {
		if t.text == "" {
			continue
		}
		var err error
		if *t.into, err = time.Parse(time.RFC3339, t.text); err != nil {
			return w, &refusal{code: badRequest, detail: "since or until is not an RFC 3339 time with zone"}
		}
	}
	times := b.Since != "" || b.Until != ""
	places := b.From != 0 || b.To != 0
	switch {
	case times && places, len(b.Extract) > 0 && (times || places):
		return w, &refusal{code: badRequest, detail: "want one of from and to, since and until, extract"}
	case b.To != 0 && b.From >= b.To, b.From > maxPlace, b.To > maxPlace:
		return w, &refusal{code: badRequest, detail: "from is not below to, or above 2^53-1"}
	case !w.Since.IsZero() && !w.Until.IsZero() && !w.Since.Before(w.Until):
		return w, &refusal{code: badRequest, detail: "since is not before until"}
	case len(b.Extract) > client.MaxExtract:
		return w, &refusal{code: badRequest, detail: "extract has more than " + strconv.Itoa(client.MaxExtract) + " members"}
	}
	return w, nil
}

// maxPlace is the largest position that a statement may name: 2^53-2, so that the one after it is still exact in every reader.
const maxPlace = 1<<53 - 2

// indexMetrics are numbers of the subject index.
func indexMetrics(reg prometheus.Registerer, f *statement.Follower) {
	gauge := func(name, help string, value func(statement.Stats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(f.Stats()) })
	}
	count := func(name, help string, value func(statement.Stats) uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value(f.Stats())) })
	}
	truth := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	reg.MustRegister(
		gauge("igledger_index_subjects", "Histories in the subject index, public names among them.", func(s statement.Stats) float64 { return float64(s.Subjects) }),
		gauge("igledger_index_size", "Entries below are covered by the index root that statements rest on.", func(s statement.Stats) float64 { return float64(s.Size) }),
		gauge("igledger_index_covered", "Entries below are covered by the newest index root in the log; above igledger_index_size while cosigners are waited for.", func(s statement.Stats) float64 { return float64(s.Covered) }),
		gauge("igledger_index_read", "Entries below have been read for the index.", func(s statement.Stats) float64 { return float64(s.Read) }),
		gauge("igledger_index_ready", "1 if statements can be served.", func(s statement.Stats) float64 { return truth(s.Ready) }),
		gauge("igledger_index_broken", "1 if an index root in the log is not that of its entries: an alarm. No statements are made; entries are taken.", func(s statement.Stats) float64 { return truth(s.Broken) }),
		count("igledger_index_roots_total", "Index roots met in the log.", func(s statement.Stats) uint64 { return s.Roots }),
		count("igledger_index_conflicts_total", "Index roots this process offered after another had logged one.", func(s statement.Stats) uint64 { return s.Conflicts }),
	)
}
