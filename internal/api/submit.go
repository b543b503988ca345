package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/internal/edge"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// submit is POST /v1/entries. It needs no caller's token, because the signature of each entry is
// its authority. The entries that parse go to the ledger in one call, in order, so that a bad entry
// does not affect the others.
func (a *api) submit(w http.ResponseWriter, r *request) error {
	var body client.Submission
	if err := a.decode(r, maxSubmit, "submission", &body); err != nil {
		return err
	}
	if n := len(body.Entries); n == 0 || n > maxEntries {
		return &refusal{code: badRequest, detail: fmt.Sprintf("entries must have 1 to %d members, not %d", maxEntries, n)}
	}
	results := make([]client.Result, len(body.Entries))
	good := make([]*entry.Entry, 0, len(body.Entries))
	at := make([]int, 0, len(body.Entries)) // the position in body of each good one
	var last error                          // the last refusal; the only one, if there is one entry
	screen := a.log.Screen()
	for i, s := range body.Entries {
		e, err := screen.Parse(r.Context(), s)
		if err != nil {
			last = refuse(err)
			results[i] = refused(last)
			continue
		}
		if last = a.knowsCodes(r.Context(), e); last != nil {
			results[i] = refused(last)
			continue
		}
		good, at = append(good, e), append(at, i)
	}
	if len(good) > 0 {
		began := time.Now()
		appended := a.log.Append(r.Context(), good...)
		a.metrics.append.Observe(time.Since(began).Seconds())
		rules, err := a.rules(r.Context())
		if err != nil { // what was taken is taken
			a.logger.Error("verdicts are not shown", "error", err)
		}
		for i, res := range appended {
			if res.Err == nil {
				results[at[i]] = taken(rules, res)
				continue
			}
			last = ownFault(res.Err)
			results[at[i]] = refused(last)
		}
		a.logInternal(appended)
	}
	a.metrics.batch.Observe(float64(len(results)))
	later := 0
	for _, res := range results {
		a.metrics.result(res)
		if res.Problem != nil && res.Problem.Status == http.StatusServiceUnavailable {
			later++
		}
	}
	if last != nil && (len(results) == 1 || later == len(results)) {
		return last
	}
	return answer(w, client.Results{Results: results})
}

// knowsCodes refuses a policy set that rests on code systems which this server was not given: from
// there on it could judge nothing, and take nothing.
func (a *api) knowsCodes(ctx context.Context, e *entry.Entry) error {
	set, ok := e.Body.(*entry.PolicySet)
	if !ok || len(set.Terminology) == 0 {
		return nil
	}
	rules, err := a.rules(ctx)
	if err == nil && !rules.Knows(set.Terminology) {
		err = &refusal{code: string(register.BadPolicySet), detail: "policy set: it names files of code systems that this server " +
			"was not given: the operator starts every server with them first (igledger serve --terminology)"}
	}
	return err
}

// ownFault returns the refusal for an entry that the ledger did not accept. Only an unwrapped
// *wire.Error is about the entry itself. A wrapped one is about what the ledger has stored, and so
// the server's fault; ownFault returns it as it is.
func ownFault(err error) error {
	if _, ok := err.(*wire.Error); ok {
		return refuse(err)
	}
	return err
}

// logInternal logs, once for each submission, that the ledger failed through the server's own
// fault.
func (a *api) logInternal(results []ledger.Result) {
	for _, r := range results {
		if r.Err != nil && refusalOf(ownFault(r.Err)).code == internal {
			a.logger.Error("append failed", "error", r.Err)
			return
		}
	}
}

// taken returns the result of an entry that is in the log. Its verdict is blind: who submitted it
// may not learn what the person chose. If rules is nil, it has none.
func taken(rules *consent.Rules, r ledger.Result) client.Result {
	status := client.Appended
	if r.Replayed {
		status = client.Replayed
	}
	out := client.Result{Status: status, Index: r.Index, Flags: r.Flags, Receipt: r.Receipt}
	if rules != nil {
		out.Verdict = rules.Blind(r.Verdict)
	}
	return out
}

func refused(err error) client.Result {
	return client.Result{Status: client.Refused, Problem: refusalOf(err).problem()}
}

// decode reads a JSON body strictly: one value, no duplicate or unknown members, valid UTF-8, at
// most limit bytes (which ServeHTTP enforces).
func (a *api) decode(r *request, limit int64, what string, into any) error {
	data, err := a.body(r, limit, "application/json")
	if err != nil {
		return err
	}
	if err := wire.DecodeJSON(what, data, into); err != nil {
		var e *wire.Error
		if errors.As(err, &e) {
			return &refusal{code: badRequest, detail: e.What + ": " + e.Detail}
		}
		return err
	}
	return nil
}

const firstRead = 4 << 10 // bytes of memory for a body of which nothing has arrived

// body reads the whole request body, which must have the media type want.
func (a *api) body(r *request, limit int64, want string) ([]byte, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || media != want || charset != "" && !strings.EqualFold(charset, "utf-8") ||
		r.Header.Get("Content-Encoding") != "" {
		return nil, &refusal{code: mediaType}
	}
	over := &refusal{code: tooLarge, detail: "the body is larger than " + strconv.FormatInt(limit, 10) + " bytes"}
	if r.ContentLength > limit {
		return nil, over
	}
	var buf bytes.Buffer
	// Not the whole claimed length, because a false claim would cost the sender nothing: enough for an
	// entry or two, and more as it arrives.
	buf.Grow(int(min(max(r.ContentLength, 0), firstRead)) + bytes.MinRead)
	_, err = buf.ReadFrom(r.body)
	var tooMuch *http.MaxBytesError
	switch {
	case err == nil:
	case errors.As(err, &tooMuch):
		return nil, over
	case errors.Is(err, edge.ErrFull):
		a.metrics.refused.WithLabelValues("full").Inc()
		return nil, &refusal{code: busy, detail: "too many bytes of request bodies at once"}
	case errors.Is(err, edge.ErrSlow):
		a.metrics.refused.WithLabelValues("slow").Inc()
		return nil, &refusal{code: slow}
	default:
		return nil, &refusal{code: badRequest, detail: "the body could not be read to its end"}
	}
	return buf.Bytes(), nil
}
