package api

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"igledger/internal/readings"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// readingOf is a reading that readers.Table permits.
type readingOf struct {
	readers.Asked
	caller *caller
	extent readers.Extent
}

// owns reports whether the reader may see an entry.
func (rd *readingOf) owns(a *api, e *entry.Entry) bool {
	return rd.extent == readers.Whole || readers.Owns(rd.caller.Issuer, a.log.Genesis().Operator.ID, e)
}

// askedOf checks the form of what a caller states about a reading and returns it.
func askedOf(purpose []string, request string, identity entry.Identity) (readers.Asked, error) {
	bad := func(detail string) (readers.Asked, error) {
		return readers.Asked{}, &refusal{code: badRequest, detail: detail}
	}
	if len(purpose) > 8 {
		return bad("purpose has more than 8 codes")
	}
	for _, c := range purpose {
		if c == "" || len(c) > 128 || strings.ContainsFunc(c, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
			return bad("each code of purpose must be 1 to 128 printable ASCII characters")
		}
	}
	if err := readers.CheckUses(purpose); err != nil {
		return bad(err.Error())
	}
	if (request == "") != (identity == "") {
		return bad("request and identity belong together")
	}
	if entry.CheckRequest(request, identity) != nil {
		return bad("request must be a reference of 1 to " + strconv.Itoa(entry.MaxRequest) +
			" printable ASCII characters without a person's number, and identity a way to check an identity")
	}
	return readers.Asked{Purpose: purpose, Request: request, Identity: identity}, nil
}

// logReading logs a reading of id's history: see readings.Log. If it returns an error, nothing may be
// shown.
func (a *api) logReading(ctx context.Context, rd readingOf, id string) error {
	r := readings.Reading{Asked: rd.Asked, Extent: rd.extent, Org: rd.caller.Issuer, System: rd.caller.Subject}
	if err := readings.Log(ctx, a.log, a.now(), r, id); err != nil {
		return a.unlogged("a reading", "the reading could not be logged, so nothing is shown", err)
	}
	return nil
}

// unlogged returns the refusal of an answer that may not be sent because it could not be logged.
func (a *api) unlogged(what, detail string, err error) error {
	a.logger.Error(what+" could not be logged and was refused", "error", err)
	var b *ledger.BusyError
	r := &refusal{code: unavailable, detail: detail}
	if why := refusalOf(err); passing[why.code] {
		r.code = why.code
	} else if a.log.CanSign() != nil {
		r.code = keyMismatch
	}
	if errors.As(err, &b) {
		r.code, r.retryAfter = busy, b.RetryAfter
	}
	return r
}
