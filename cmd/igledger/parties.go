package main

import (
	"context"
	"fmt"

	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// parties is a new log together with the keys of all its founders. Only demo and bench use it: no
// process holds all keys of a real log.
type parties struct {
	log                 *ledger.Log
	registrar, enroller *wire.Signer
	admins              map[string]*wire.Signer // administrative keys by organisation
}

const (
	registrarID = "SCOTGOV"
	enrollerID  = "REGULATOR"
	operatorID  = "NSS"
)

// newParties generates keys for the registrar and the enroller, and creates the log.
func newParties(ctx context.Context, cfg ledger.Config) (*parties, error) {
	p := &parties{admins: map[string]*wire.Signer{}}
	var err error
	p.registrar, err = wire.GenerateSigner(wire.EdDSA)
	if err != nil {
		return nil, err
	}
	p.enroller, err = wire.GenerateSigner(wire.ES256)
	if err != nil {
		return nil, err
	}
	proof, err := entry.ProveKey(p.enroller, cfg.Origin, enrollerID)
	if err != nil {
		return nil, err
	}
	request := keyRequest{Organisation: enrollerID, Proof: proof,
		Key: entry.PublicKey{JWK: p.enroller.Public, Purposes: []entry.Purpose{entry.PurposeAdminister}}}
	g, err := newGenesis(cfg,
		entry.Member{ID: operatorID, Name: "Ledger operator (demonstration)", Kind: "operator"},
		entry.Member{ID: registrarID, Name: "Registrar (demonstration)", Kind: "government"},
		entry.Member{ID: enrollerID, Name: "Enroller (demonstration)", Kind: "regulator"},
		p.registrar, request, 1<<18, nil)
	if err != nil {
		return nil, err
	}
	p.log, err = createLog(ctx, cfg, g, p.registrar)
	return p, err
}

// enrol registers m with an administrative key, which then adds a key for purposes. It returns that
// second key.
func (p *parties) enrol(ctx context.Context, m entry.Member, purposes ...entry.Purpose) (*wire.Signer, error) {
	admin, err := wire.GenerateSigner(wire.ES256)
	if err != nil {
		return nil, err
	}
	key, err := wire.GenerateSigner(wire.EdDSA)
	if err != nil {
		return nil, err
	}
	counter := func(c entry.Countersignature) string {
		c.Issuer, c.Audience = enrollerID, p.log.Origin()
		jws, e := entry.Countersign(p.enroller, c)
		err = e
		return jws
	}
	by := func(org string) entry.Common { return entry.Common{Issuer: org, Audience: p.log.Origin()} }
	adminKey := entry.PublicKey{JWK: admin.Public, Purposes: []entry.Purpose{entry.PurposeAdminister}}
	for _, step := range []struct {
		signer *wire.Signer
		body   func() entry.Body
	}{
		{p.registrar, func() entry.Body {
			return &entry.Organisation{Common: by(registrarID), Organisation: m,
				Counter: counter(entry.Countersignature{Organisation: &m})}
		}},
		{p.registrar, func() entry.Body {
			return &entry.Key{Common: by(registrarID), Org: m.ID, Key: adminKey,
				Proof:   prove(admin, p.log.Origin(), m.ID, &err),
				Counter: counter(entry.Countersignature{Org: m.ID, Key: &adminKey})}
		}},
		{admin, func() entry.Body {
			return &entry.Key{Common: by(m.ID), Org: m.ID, Key: entry.PublicKey{JWK: key.Public, Purposes: purposes},
				Proof: prove(key, p.log.Origin(), m.ID, &err)}
		}},
	} {
		body := step.body()
		if err != nil {
			return nil, err
		}
		e, err := entry.Sign(step.signer, body)
		if err != nil {
			return nil, err
		}
		if r := p.log.Append(ctx, e)[0]; r.Err != nil {
			return nil, fmt.Errorf("enrolling %s: %w", m.ID, r.Err)
		}
	}
	p.admins[m.ID] = admin
	return key, nil
}

func prove(s *wire.Signer, origin, org string, err *error) string {
	proof, e := entry.ProveKey(s, origin, org)
	if e != nil {
		*err = e
	}
	return proof
}
