package edge

import (
	"log/slog"
	"net/http"
	"time"
)

// answerTime is how long an answer may take, from when the request has come.
const answerTime = 120 * time.Second

const (
	requestTime = 10 * time.Second // for a header, and for what nobody reads of a request
	maxHeader   = 16 << 10         // bytes
)

// Server returns the HTTP server of a handler, for what Listen accepts. The handler calls Begin for
// each request. Until it does, a request has 10 s: net/http answers some by itself, and would wait
// for their bodies for ever.
func (c *Conns) Server(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:                      h,
		ConnContext:                  c.Context,
		DisableGeneralOptionsHandler: true, // OPTIONS * is for the handler too
		ReadTimeout:                  requestTime,
		ReadHeaderTimeout:            requestTime,
		WriteTimeout:                 answerTime,
		IdleTimeout:                  answerTime,
		MaxHeaderBytes:               maxHeader,
		ErrorLog:                     slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// Deadline returns the function that Bodies.Open needs: it sets until when a read of the request's
// body may take. The time for the answer begins anew with each, because a body that keeps the
// minimum rate may take longer than an answer. Until the body has ended, its connection may be
// closed for a new one.
func Deadline(w http.ResponseWriter, r *http.Request) func(time.Time) error {
	c := http.NewResponseController(w)
	n, ok := r.Context().Value(connKey{}).(*conn)
	return func(until time.Time) error {
		if ok {
			n.set(true, !until.IsZero())
		}
		from := until
		if from.IsZero() {
			from = time.Now()
		}
		_ = c.SetWriteDeadline(from.Add(answerTime)) // if it fails, so does what follows
		return c.SetReadDeadline(until)
	}
}
