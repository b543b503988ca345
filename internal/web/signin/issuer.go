package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"igledger/consent/fhir/tree"
	"igledger/internal/patients"
	"igledger/ledger/keyfile"
)

// errAway means that a provider, or the server of patients, did not answer.
var errAway = errors.New("away")

// algorithms are those with which a provider may sign. None of them is "none", and none is symmetric:
// whoever knew a client's secret could sign with it.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// skew is how far a provider's clock may be from ours.
const skew = time.Minute

// issuer is a provider. It is asked for its endpoints and keys when they are needed, so that a ledger
// starts, and its public pages work, while a provider is away.
type issuer struct {
	Issuer
	public   string
	secret   string
	key      *jose.JSONWebKey
	now      func() time.Time
	http     *http.Client
	failures atomic.Int64 // requests that were not answered
	patients *patients.Server
	stepUp   time.Duration // how old a proof of identity may be

	asking singleflight.Group
	mu     sync.Mutex
	at     *endpoints
}

// endpoints are what discovery says of a provider.
type endpoints struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	found    time.Time

	EndSession string   `json:"end_session_endpoint"`
	SaysIssuer bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
	Auth       []string `json:"token_endpoint_auth_methods_supported"`
}

func newIssuer(l *keyfile.Loader, c Issuer, public string, file func(string) string, now func() time.Time) (*issuer, error) {
	i := &issuer{Issuer: c, public: public, now: now}
	var err error
	if c.SecretFile != "" {
		i.secret, err = secret(l, file(c.SecretFile))
	} else {
		i.key, err = clientKey(l, file(c.KeyFile))
	}
	if err != nil {
		return nil, fmt.Errorf("signin: issuer %s: reading the client's secret: %w", c.Name, err)
	}
	if c.Number != nil && c.Number.Match != nil {
		i.patients = patients.New(c.Number.Match.Lookup, tree.Patients{})
	}
	i.http = &http.Client{Timeout: 10 * time.Second, Transport: &bounded{http.DefaultTransport, &i.failures},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return i, nil
}

// clientKey reads a private JWK that says with which algorithm it signs.
func clientKey(l *keyfile.Loader, path string) (*jose.JSONWebKey, error) {
	b, err := l.Read(path, keyfile.Private)
	if err != nil {
		return nil, err
	}
	k := new(jose.JSONWebKey)
	if err := k.UnmarshalJSON(b); err != nil || k.IsPublic() || !slices.Contains(algorithms, k.Algorithm) {
		return nil, fmt.Errorf("%s is not a private JWK with an alg of %v", path, algorithms)
	}
	return k, nil
}

// bounded limits what a provider can make us hold, and counts what went unanswered.
type bounded struct {
	http.RoundTripper
	failures *atomic.Int64
}

const maxAnswer = 1 << 20 // bytes

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err != nil || resp.StatusCode >= 500 {
		b.failures.Add(1)
	}
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// refresh is how old what is known of a provider may be.
const refresh = time.Hour

// find returns the provider's endpoints, or errAway. What was known before counts for as long as the
// provider cannot be asked.
func (i *issuer) find(ctx context.Context) (*endpoints, error) {
	i.mu.Lock()
	at := i.at
	i.mu.Unlock()
	if at != nil && i.now().Sub(at.found) < refresh {
		return at, nil
	}
	// One request for all who wait, which does not end with the first of them.
	found := i.asking.DoChan("", func() (any, error) {
		e, err := i.discover(context.WithoutCancel(ctx))
		i.mu.Lock()
		defer i.mu.Unlock()
		if err == nil {
			i.at = e
		} else if i.at != nil {
			return i.at, nil
		}
		return i.at, err
	})
	select {
	case r := <-found:
		e, _ := r.Val.(*endpoints)
		return e, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (i *issuer) discover(ctx context.Context) (*endpoints, error) {
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, i.http), i.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAway, err)
	}
	e := &endpoints{provider: p, found: i.now()}
	if err := p.Claims(e); err != nil {
		return nil, fmt.Errorf("%w: %w", errAway, err)
	}
	e.verifier = p.Verifier(&oidc.Config{ClientID: i.ClientID, SupportedSigningAlgs: algorithms, Now: i.now})
	return e, nil
}

// callback returns where the provider sends browsers back to.
func (i *issuer) callback() string { return i.public + "/sign-in/" + i.Name + "/callback" }

func (i *issuer) client(e *endpoints) *oauth2.Config {
	at := e.provider.Endpoint()
	at.AuthStyle = oauth2.AuthStyleInParams
	if i.secret != "" && (len(e.Auth) == 0 || slices.Contains(e.Auth, "client_secret_basic")) {
		at.AuthStyle = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{ClientID: i.ClientID, ClientSecret: i.secret, Endpoint: at, RedirectURL: i.callback(),
		Scopes: append([]string{oidc.ScopeOpenID}, i.Scopes...)}
}

// assertion returns what the client with a key signs to say who it is (RFC 7523).
func (i *issuer) assertion(audience string) ([]oauth2.AuthCodeOption, error) {
	if i.key == nil {
		return nil, nil
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(i.key.Algorithm), Key: i.key},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, err
	}
	now := i.now()
	signed, err := jwt.Signed(s).Claims(jwt.Claims{Issuer: i.ClientID, Subject: i.ClientID, Audience: jwt.Audience{audience},
		ID: random(), IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute))}).Serialize()
	if err != nil {
		return nil, err
	}
	return []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
		oauth2.SetAuthURLParam("client_assertion", signed),
	}, nil
}

// proof is what a provider's tokens prove of who came back.
type proof struct {
	hint    string // the ID token, if it may be one: see hint
	subject string
	sid     string
	acr     string
	auth    time.Time
	claims  claims
}

// Why a token is not taken.
const (
	badCode  refusal = "code"       // the provider does not know the code, or gave it to another
	noToken  refusal = "no-token"   // an answer without an ID token
	badToken refusal = "token"      // not signed by the provider, not for us, expired
	badNonce refusal = "nonce"      // not the answer to what this browser asked
	badParty refusal = "party"      // issued to another client (azp)
	badTime  refusal = "time"       // from the past or the future
	badHash  refusal = "token-hash" // beside another access token
	badInfo  refusal = "user-info"  // UserInfo about another subject
	tooWeak  refusal = "too-weak"   // signed in, but not in the way or as lately as was asked
)

// exchange gives the provider a code and returns what its tokens prove.
func (i *issuer) exchange(ctx context.Context, code string, l *login) (*proof, error) {
	e, err := i.find(ctx)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, i.http) // oauth2 takes its client from the same key
	client := i.client(e)
	options, err := i.assertion(client.Endpoint.TokenURL)
	if err != nil {
		return nil, err
	}
	before := i.failures.Load()
	token, err := client.Exchange(ctx, code, append(options, oauth2.VerifierOption(l.Verifier))...)
	if err != nil {
		return nil, i.unanswered(before, badCode, err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, noToken
	}
	id, err := e.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, i.unanswered(before, badToken, err)
	}
	p := &proof{subject: id.Subject}
	if err := i.check(id, token, l, p); err != nil {
		return nil, err
	}
	p.hint = hint(raw, p.claims)
	if i.UserInfo {
		if err := i.info(ctx, e, token, p); err != nil {
			return nil, i.unanswered(before, badInfo, err)
		}
	}
	return p, nil
}

// unanswered returns errAway if a request went unanswered since there were before failures, and else
// why with err, which says more in the log.
func (i *issuer) unanswered(before int64, why refusal, err error) error {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) {
		err = errors.New(answer.ErrorCode) // its text holds the provider's whole answer
	}
	if i.failures.Load() > before {
		return fmt.Errorf("%w: %w", errAway, err)
	}
	return errors.Join(why, err)
}

// check makes the checks of an ID token that the library leaves to us (OpenID Connect Core, section
// 3.1.3.7), and reads into p what it says beside.
func (i *issuer) check(id *oidc.IDToken, token *oauth2.Token, l *login, p *proof) error {
	if err := id.Claims(&p.claims); err != nil {
		return errors.Join(badToken, errClaim)
	}
	var more struct {
		Party string `json:"azp"`
		ACR   string `json:"acr"`
		SID   string `json:"sid"`
		Auth  int64  `json:"auth_time"`
	}
	if err := id.Claims(&more); err != nil {
		return errors.Join(badToken, errClaim)
	}
	now := i.now()
	switch {
	case id.Nonce == "" || id.Nonce != l.Nonce:
		return badNonce
	case id.Subject == "" || len(id.Subject) > 255 || len(more.SID) > 255:
		return badToken
	case more.Party != "" && more.Party != i.ClientID || more.Party == "" && len(id.Audience) > 1:
		return badParty
	case id.IssuedAt.After(now.Add(skew)) || id.IssuedAt.Before(l.Began.Add(-skew)):
		return badTime
	case id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil:
		return badHash
	}
	p.acr, p.sid, p.auth = more.ACR, more.SID, id.IssuedAt
	if more.Auth != 0 {
		p.auth = time.Unix(more.Auth, 0)
	}
	if p.auth.After(now) {
		p.auth = now
	}
	return l.satisfied(i, p, more.Auth != 0, now)
}

// info adds the claims of the provider's UserInfo.
func (i *issuer) info(ctx context.Context, e *endpoints, token *oauth2.Token, p *proof) error {
	info, err := e.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return errors.New("not to be had") // the library's error holds the provider's whole answer
	}
	if info.Subject != p.subject { // else an answer about somebody else would do (Core, section 5.3.2)
		return errors.New("of another subject")
	}
	var more claims
	if err := info.Claims(&more); err != nil {
		return errClaim
	}
	for name, v := range more {
		if _, ok := p.claims[name]; !ok {
			p.claims[name] = v
		}
	}
	return nil
}

// hint returns an ID token that may stand in an address when its user signs out at the provider: one
// that says nothing of them but how they signed in. For others it returns "".
func hint(raw string, c claims) string {
	for name := range c {
		if !slices.Contains(protocolClaims, name) {
			return ""
		}
	}
	if len(raw) > 4<<10 {
		return ""
	}
	return raw
}

var protocolClaims = []string{
	"iss", "sub", "aud", "exp", "iat", "nbf", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "sid", "jti",
	"vot", "vtm", "client_id",
}
