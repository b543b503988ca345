package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"igledger/ledger"
	"igledger/ledger/register"
	"igledger/ledger/storage"
)

// ready is GET /readyz: an append would succeed now, the operator's own entries would be taken, and
// the subject index is right and not far behind; if not, the problem says why. A replica is ready
// even if its index is still loading.
//
// With the parameter append, only the first counts. The others end statements and readings on every
// replica, and are an alarm for operators; but accesses must still be logged, so that what sends
// submissions to replicas asks for this.
func (a *api) ready(w http.ResponseWriter, r *request) error {
	err, question := a.takes(r.Context()), 1
	if !r.URL.Query().Has("append") {
		question = 0
		if err == nil {
			err = a.reads()
		}
	}
	a.sayReady(question, err)
	if err != nil {
		return notReady(err)
	}
	write(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
	return nil
}

// takes returns nil if an append would succeed, and be judged by the policy set in use, for longer
// than the process has left.
func (a *api) takes(ctx context.Context) error {
	if a.ending() {
		return ledger.ErrClosed
	}
	if err := a.log.Ready(ctx); err != nil {
		return err
	}
	rules, err := a.rules(ctx)
	if err != nil {
		return err
	}
	return rules.Able()
}

// reads returns nil if readings can be logged, and statements made of what the log holds.
func (a *api) reads() error {
	if err := a.log.CanSign(); err != nil {
		return err
	}
	if a.index == nil {
		return nil
	}
	s := a.index.Stats()
	switch behind, most := s.Behind(a.log.Stats().Size), a.log.Genesis().IndexLag; {
	case s.Broken:
		return &refusal{code: indexBroken, detail: "an index root in the log does not match its entries. Entries are taken, " +
			"but no statements are made"}
	case behind > most:
		return &refusal{code: indexBehind, detail: "the newest index root leaves out " + strconv.FormatUint(behind, 10) +
			" entries, more than the " +
			strconv.FormatUint(most, 10) + " that the genesis allows. Entries are taken, but statements do not show the newest"}
	}
	return nil
}

var asked = [...]string{"/readyz", "/readyz?append"}

// sayReady logs why the log is not ready, and that it is again, when that changes: anyone may ask,
// and probes ask for ever. The end of a process has a line of its own.
func (a *api) sayReady(question int, err error) {
	if errors.Is(err, ledger.ErrClosed) {
		return
	}
	code := ""
	if err != nil {
		code = notReady(err).code
	}
	before := a.unready[question].Swap(&code)
	switch {
	case before == nil && err == nil, before != nil && *before == code:
	case err == nil:
		a.logger.Info("ready again", "path", asked[question])
	default:
		a.logger.Error("not ready", "path", asked[question], "why", code, "error", err)
	}
}

// notReady returns the refusal that tells strangers why the log is not ready: nothing that a
// database says of itself.
func notReady(err error) *refusal {
	r := refusalOf(err)
	switch why := new(ledger.StoppedError); {
	case errors.As(err, &why):
		r.detail = why.Error()
	case !passing[r.code]:
		r = &refusal{code: databaseUnreachable} // an answer of the database that nobody foresaw
	}
	return r
}

// operatorsFault says what only an operator can mend, "" if err is not of that kind. It is the
// reason of every refusal for it, not only of /readyz.
func operatorsFault(err error) string {
	var why *ledger.StoppedError
	switch {
	case errors.As(err, &why):
		return why.Reason
	case errors.Is(err, ledger.ErrFull):
		return "there is no room on a disk of the server or of its database"
	case errors.Is(err, ledger.ErrKeys):
		return "a key in the operator's folder of keys does not fit the log"
	case errors.Is(err, ledger.ErrNoRecord):
		return "the signing record is missing"
	case errors.Is(err, ledger.ErrRecord):
		return "the signing record cannot be read or written"
	case errors.Is(err, storage.ErrFrozen):
		return "the log is frozen"
	case errors.Is(err, register.ErrUnable):
		return "this server was not given the code systems that the policy set in use rests on"
	}
	return ""
}
