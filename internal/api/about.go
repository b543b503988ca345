package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"igledger/internal/build"
	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/register"
	"igledger/ledger/storage"
)

// register is GET /v1/register.
func (a *api) register(w http.ResponseWriter, r *request) error {
	reg, err := a.log.Register(r.Context())
	if err != nil {
		return err
	}
	out := client.Register{Origin: reg.Origin, Organisations: reg.Organisations()}
	for _, k := range reg.Keys("") {
		out.Keys = append(out.Keys, client.Key{
			KID: k.KID, Organisation: k.Org, JWK: k.Key.JWK, Purposes: k.Key.Purposes, Added: k.Added, From: k.From,
			Revoked: k.Revoked, RevokedAt: k.RevokedAt, SuspectFrom: k.SuspectFrom, Reason: k.Reason,
		})
	}
	return answer(w, out)
}

// info is GET /v1/log.
func (a *api) info(w http.ResponseWriter, r *request) error {
	size, err := a.log.Size(r.Context())
	if err != nil {
		return err
	}
	witnessed, err := a.log.WitnessedCheckpoint(r.Context())
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	anchor, err := a.log.Anchor(r.Context())
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	g := a.log.Genesis()
	return answer(w, client.LogInfo{
		Origin: a.log.Origin(), LogKey: a.log.VerifierKey(), VRFKey: g.VRFKey, Formats: g.Formats, IndexLag: g.IndexLag,
		Size: size, Software: build.Read(), Anchor: string(anchor), Witnessed: string(witnessed),
	})
}

// document is GET /openapi.json.
func (a *api) document(w http.ResponseWriter, _ *request) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	write(w, http.StatusOK, "application/json", a.openapi)
	return nil
}

// health is GET /healthz: the process answers. It does not check the database, so that a database
// outage does not cause replicas to be restarted.
func (a *api) health(w http.ResponseWriter, _ *request) error {
	write(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
	return nil
}

// ready is GET /readyz: an append would succeed now, and no index root is known to be wrong; if
// not, the problem says why. A replica is ready even if its index is still loading.
//
// With the parameter append, a wrong index root does not count. It ends statements on every
// replica, and is an alarm for operators; but accesses must still be logged, so that what sends
// submissions to replicas asks for this.
func (a *api) ready(w http.ResponseWriter, r *request) error {
	err := a.log.Ready(r.Context())
	if err == nil {
		err = a.able(r.Context())
	}
	if err != nil {
		a.logger.Error("not ready", "error", err)
		return notReady(err)
	}
	if !r.URL.Query().Has("append") && a.index != nil && a.index.Stats().Broken {
		return &refusal{code: unavailable, detail: "the subject index is broken: an index root in the log does not match " +
			"its entries. Entries are taken, but no statements are made"}
	}
	write(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
	return nil
}

// able returns nil if this server can judge by the policy set in use.
func (a *api) able(ctx context.Context) error {
	rules, err := a.rules(ctx)
	if err != nil {
		return err
	}
	return rules.Able()
}

// notReady returns the refusal that tells strangers why the log is not ready: nothing that a
// database says of itself.
func notReady(err error) *refusal {
	r := &refusal{code: unavailable, detail: "the database does not answer, or cannot be written to"}
	var why *ledger.StoppedError
	switch {
	case errors.As(err, &why):
		r.code, r.detail = stopped, why.Error()
	case errors.Is(err, ledger.ErrClosed):
		r.detail = "the process is shutting down"
	default:
		r.detail = cmp.Or(operatorsFault(err), r.detail)
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
