package api

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"igledger/internal/edge"
)

// ServeHTTP finds the route, authorises the caller unless the route is open, and calls the handler.
// It logs pattern, method, status and duration, never path, query or body.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	defer edge.Begin(r.Context())()
	rec := &recorder{ResponseWriter: w}
	rt, rest, err := a.find(r)
	if fault := malformed(r); fault != "" {
		err = &refusal{code: badRequest, detail: fault}
		rec.Header().Set("Connection", "close") // what follows may be a part of it
	}
	// Both come from closed sets, so that nothing a stranger sends becomes a label or a log line.
	pattern, method := "none", "other"
	var body *edge.Body
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
			if body == nil || !body.Ended() {
				edge.Leave(rec, r)
			}
			if rt == nil && !inFHIR(r) && a.paged(rec, r, err) {
				break
			}
			a.fail(rec, pattern, err, inFHIR(r))
		}
		if body != nil {
			body.Release()
		}
		took := time.Since(began)
		a.metrics.request(pattern, rec.status, took)
		if a.access.wants(rec.status) {
			a.logger.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("method", method),
				slog.String("route", pattern), slog.Int("status", rec.status), slog.Duration("took", took))
		}
	}()
	secure(rec.Header(), r)
	if err == nil {
		if rt.cors {
			rec.Header().Set("Access-Control-Allow-Origin", "*")
		}
		if rt.echo {
			echoRequestID(rec, r)
		}
		req := &request{Request: r, rest: rest}
		if rt.body > 0 {
			body = a.open(rec, req, rt.body)
			req.body = body
		} else {
			edge.Leave(rec, r)
		}
		if !rt.open {
			req.caller, err = a.authorise(r, rt.may)
		}
		if err == nil {
			err = rt.serve(a, rec, req)
		}
	}
}

// paged answers a request for what is in no route with a page, if it comes from a person.
func (a *api) paged(w http.ResponseWriter, r *http.Request, err error) bool {
	if a.page == nil {
		return false
	}
	why := refusalOf(err)
	if why.allow != "" {
		w.Header().Set("Allow", why.allow)
	}
	return a.page(w, r, why.problem().Status)
}

// AccessLog says which requests get a line in the log.
type AccessLog string

// The values of AccessLog. The zero value is AccessErrors.
const (
	AccessOff    AccessLog = "off"
	AccessErrors AccessLog = "errors" // those with a status of 400 or above
	AccessAll    AccessLog = "all"    // also each probe that finds the server well
)

func (l AccessLog) wants(status int) bool {
	return l == AccessAll || l != AccessOff && status >= 400
}

// malformed returns what no request may be like, or "".
func malformed(r *http.Request) string {
	switch {
	case edge.Ambiguous(r.Context()):
		return "a request must not have both Content-Length and Transfer-Encoding, nor the latter on HTTP/1.0"
	case len(r.URL.RawQuery) > maxQuery:
		return "the query is longer than " + strconv.Itoa(maxQuery) + " bytes"
	}
	return ""
}

// open returns the body of a request, at most limit bytes. What has arrived of it counts, until it
// is released, among what all callers may make the server hold.
func (a *api) open(rec *recorder, r *request, limit int64) *edge.Body {
	who := func() string {
		if r.caller == nil && r.Header.Get("Authorization") != "" {
			c, err := a.authorise(r.Request, anyKey) // a token that is not valid is as good as none here
			if err != nil {
				return ""
			}
			r.caller = c
		}
		if r.caller == nil {
			return ""
		}
		return r.caller.Issuer
	}
	peer := a.limits.Edge.Peer(r.RemoteAddr, r.Header.Values("X-Forwarded-For"))
	return a.bodies.Open(http.MaxBytesReader(rec.ResponseWriter, r.Body, limit), peer, who, edge.Deadline(rec.ResponseWriter, r.Request))
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
