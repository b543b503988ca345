package api

import (
	"errors"
	"net/http"

	"igledger/internal/build"
	"igledger/internal/client"
	"igledger/ledger"
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
	write(w, http.StatusOK, "application/json", a.openapi())
	return nil
}

// health is GET /healthz: the process answers. It does not check the database, so that a database
// outage does not cause replicas to be restarted.
func (a *api) health(w http.ResponseWriter, _ *request) error {
	write(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
	return nil
}
