package api

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"igledger/audit/statement"
	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// statement is POST /v1/statements. It is a POST because a person's id never appears in a URL. The
// statement is made before the reading is logged, so that it does not include the reading itself,
// and is sent only afterwards.
func (a *api) statement(w http.ResponseWriter, r *request) error {
	var body client.StatementRequest
	if err := a.decode(r, maxBody, "statement request", &body); err != nil {
		return err
	}
	if err := entry.CheckID(body.ID); err != nil {
		return refuse(err)
	}
	asked, err := askedOf(body.Purpose, body.Request, body.Identity)
	if err != nil {
		return err
	}
	days, err := daysOf(body)
	if err != nil {
		return err
	}
	rd, err := r.caller.readsOf(body.ID, asked)
	if err != nil {
		return err
	}
	if a.index == nil {
		return &refusal{code: unavailable, detail: "this server keeps no subject index"}
	}
	if len(body.Extract) > 0 || rd.extent == readers.Own {
		return a.extract(w, r, rd, body, days)
	}
	s, err := a.index.Statement(r.Context(), body.ID, days)
	if err != nil {
		return a.withheld(r.Context(), rd, body.ID, err)
	}
	defer s.Close()
	for _, id := range s.IDs {
		if err := a.logReading(r.Context(), rd, id); err != nil {
			return err
		}
	}
	w.Header().Set("Content-Type", "application/json")
	out := bufio.NewWriterSize(w, 32<<10) // a statement without entries still has a length
	if err := s.Write(r.Context(), out); err != nil {
		return err
	}
	_ = out.Flush() // it fails only if the caller went away
	return nil
}

// extract answers with an extract. A reader who may see only its own entries gets one of these
// instead of a statement, which shows how many entries there are, and where.
func (a *api) extract(
	w http.ResponseWriter, r *request, rd readingOf, body client.StatementRequest, days *bundle.Days,
) error {
	var x *bundle.Extract
	var done func()
	var err error
	if rd.extent == readers.Own {
		owns := func(e *entry.Entry) bool { return rd.owns(a, e) }
		x, done, err = a.index.ExtractOwn(r.Context(), body.ID, days, body.Extract, owns)
	} else {
		x, done, err = a.index.Extract(r.Context(), body.ID, body.Extract)
	}
	if err != nil {
		return a.withheld(r.Context(), rd, body.ID, err)
	}
	defer done()
	if rd.extent == readers.Own {
		rules, err := a.rules(r.Context())
		if err != nil {
			return err
		}
		for i := range x.Entries {
			x.Entries[i].Verdict = rules.Blind(x.Entries[i].Verdict)
		}
	}
	data, err := x.Marshal()
	if err != nil {
		return err
	}
	if err := a.logReading(r.Context(), rd, body.ID); err != nil {
		return err
	}
	write(w, http.StatusOK, "application/json", data)
	return nil
}

// withheld returns err, because of which the history of id was not shown. That there is nothing, or
// too much, or something that was erased, is an answer about the person too, and is logged.
func (a *api) withheld(ctx context.Context, rd readingOf, id string, err error) error {
	for _, told := range []error{statement.ErrNotFound, ledger.ErrTooMany, ledger.ErrErased} {
		if errors.Is(err, told) {
			return cmp.Or(a.logReading(ctx, rd, id), tooLong(err))
		}
	}
	return err
}

// tooLong says what to do about a statement that does not fit into one file.
func tooLong(err error) error {
	if errors.Is(err, ledger.ErrTooMany) {
		detail := "the statement would have more than " + strconv.Itoa(bundle.MaxSize>>20) + " MiB: ask for several, each for " +
			"a shorter period, which together show everything"
		return &refusal{code: tooLarge, detail: detail}
	}
	return err
}

// daysOf checks what a request chooses and returns its days; nil for all.
func daysOf(b client.StatementRequest) (*bundle.Days, error) {
	switch {
	case len(b.Extract) > client.MaxExtract:
		detail := "extract has more than " + strconv.Itoa(client.MaxExtract) + " members"
		return nil, &refusal{code: badRequest, detail: detail}
	case b.From == "" && b.To == "":
		return nil, nil
	case len(b.Extract) > 0:
		return nil, &refusal{code: badRequest, detail: "choose by from and to, or by extract, but only by one of them"}
	}
	days := &bundle.Days{From: b.From, To: b.To}
	if days.Check() != nil {
		detail := "from and to must be days such as 2026-01-31, and from not after to"
		return nil, &refusal{code: badRequest, detail: detail}
	}
	return days, nil
}

// indexMetrics registers the metrics of the subject index.
func indexMetrics(reg prometheus.Registerer, f *statement.Follower, log *ledger.Log) {
	gauge := func(name, help string, value func(statement.Stats) float64) prometheus.Collector {
		get := func() float64 { return value(f.Stats()) }
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, get)
	}
	count := func(name, help string, value func(statement.Stats) uint64) prometheus.Collector {
		get := func() float64 { return float64(value(f.Stats())) }
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, get)
	}
	truth := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	reg.MustRegister(
		gauge("igledger_index_subjects", "Histories in the subject index, including public names.",
			func(s statement.Stats) float64 { return float64(s.Subjects) }),
		gauge("igledger_index_size", "Number of entries covered by the index root that statements are based on.",
			func(s statement.Stats) float64 { return float64(s.Size) }),
		gauge("igledger_index_covered", "Number of entries covered by the newest index root in the log. "+
			"Larger than igledger_index_size while that root waits for cosigners.",
			func(s statement.Stats) float64 { return float64(s.Covered) }),
		gauge("igledger_index_lag_entries", "Entries that no index root in the log covers yet, index roots left out.",
			func(s statement.Stats) float64 { return float64(s.Behind(log.Stats().Size)) }),
		gauge("igledger_index_age_seconds", "How long ago an index root in the log covered all entries. Small on a log that nothing is "+
			"submitted to; 0 while the index is being loaded.",
			func(s statement.Stats) float64 { return s.Age.Seconds() }),
		gauge("igledger_index_read", "Number of entries read into the index.",
			func(s statement.Stats) float64 { return float64(s.Read) }),
		gauge("igledger_index_ready", "1 if statements can be served.",
			func(s statement.Stats) float64 { return truth(s.Ready) }),
		gauge("igledger_index_broken", "1 if an index root in the log does not match its entries: an alarm. "+
			"The server makes no statements, but still accepts entries.",
			func(s statement.Stats) float64 { return truth(s.Broken) }),
		count("igledger_index_roots_total", "Index roots found in the log.",
			func(s statement.Stats) uint64 { return s.Roots }),
		count("igledger_index_conflicts_total", "Index roots that this process offered after another had logged one.",
			func(s statement.Stats) uint64 { return s.Conflicts }),
	)
}
