package api

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// ServeHTTP finds the route, authorises the caller unless the route is open, and calls the handler.
// It logs pattern, method, status and duration, never path, query or body.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	rec := &recorder{ResponseWriter: w}
	rt, rest, err := a.find(r)
	// Both come from closed sets, so that nothing a stranger sends becomes a label or a log line.
	pattern, method := "none", "other"
	if rt != nil {
		pattern, method = rt.pattern, rt.method
	}
	defer func() {
		if p := recover(); p != nil {
			// The value of a panic may quote the data that was being handled; the stack does not.
			a.logger.Error("panic", "route", pattern, "stack", string(debug.Stack()))
			err = &refusal{code: internal}
		}
		switch {
		case err != nil && rec.status != 0:
			// A part of the answer is out, so close the connection instead of completing it.
			a.logger.Error("an answer was broken off", "route", pattern, "error", err)
			defer panic(http.ErrAbortHandler)
		case err != nil:
			a.fail(rec, pattern, err)
		}
		took := time.Since(began)
		a.metrics.request(pattern, rec.status, took)
		a.logger.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("method", method),
			slog.String("route", pattern), slog.Int("status", rec.status), slog.Duration("took", took))
	}()
	secure(rec.Header(), r)
	if err == nil {
		if rt.cors {
			rec.Header().Set("Access-Control-Allow-Origin", "*")
		}
		if rt.echo {
			echoRequestID(rec, r)
		}
		if rt.body > 0 {
			r.Body = http.MaxBytesReader(w, r.Body, rt.body)
		}
		req := &request{Request: r, rest: rest}
		if !rt.open {
			req.caller, err = a.authorise(r, rt.may)
		}
		if err == nil {
			err = rt.serve(a, rec, req)
		}
	}
}

// secure sets the headers that protect browsers. No answer is ever a page. Routes that may be
// cached overwrite Cache-Control.
func secure(h http.Header, r *http.Request) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
