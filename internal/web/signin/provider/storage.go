package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// request is somebody's way through the provider, from the question of a client to its token.
type request struct {
	*oidc.AuthRequest
	id      string
	began   time.Time
	subject string // "": nobody has been chosen yet
	sid     string
	at      time.Time // of the choice
}

func (r *request) GetID() string                      { return r.id }
func (r *request) GetAMR() []string                   { return nil }
func (r *request) GetAudience() []string              { return []string{r.ClientID} }
func (r *request) GetAuthTime() time.Time             { return r.at }
func (r *request) GetClientID() string                { return r.ClientID }
func (r *request) GetNonce() string                   { return r.Nonce }
func (r *request) GetRedirectURI() string             { return r.RedirectURI }
func (r *request) GetResponseType() oidc.ResponseType { return r.ResponseType }
func (r *request) GetResponseMode() oidc.ResponseMode { return r.ResponseMode }
func (r *request) GetScopes() []string                { return r.Scopes }
func (r *request) GetState() string                   { return r.State }
func (r *request) GetSubject() string                 { return r.subject }
func (r *request) Done() bool                         { return r.subject != "" }

// GetACR returns how sure the provider is: as sure as it was asked to be.
func (r *request) GetACR() string {
	if slices.Contains(r.ACRValues, Strong) {
		return Strong
	}
	return Usual
}

func (r *request) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}

// storage is what the library asks. All is in memory.
type storage struct{ p *Provider }

var errUnknown = errors.New("unknown")

// life is how long somebody may take to choose; most is how many may be choosing at once.
const (
	life = time.Hour
	most = 10_000
)

func (s *storage) CreateAuthRequest(_ context.Context, asked *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if asked.CodeChallenge == "" || asked.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE with S256 is required")
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	maps.DeleteFunc(s.p.requests, func(_ string, r *request) bool { return time.Since(r.began) > life })
	if len(s.p.requests) >= most {
		return nil, oidc.ErrServerError().WithDescription("too many people are signing in")
	}
	r := &request{AuthRequest: asked, id: rand.Text(), began: time.Now()}
	s.p.requests[r.id] = r
	return r, nil
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if r := s.p.requests[id]; r != nil {
		return r, nil
	}
	return nil, errUnknown
}

// AuthRequestByCode returns the request of a code, once.
func (s *storage) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	r := s.p.requests[s.p.codes[code]]
	delete(s.p.codes, code)
	if r == nil {
		return nil, errUnknown
	}
	return r, nil
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.codes[code] = id
	return nil
}

func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	delete(s.p.requests, id)
	return nil
}

func (s *storage) CreateAccessToken(_ context.Context, asked op.TokenRequest) (string, time.Time, error) {
	r, ok := asked.(*request)
	if !ok {
		return "", time.Time{}, errUnknown
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	id := rand.Text()
	maps.DeleteFunc(s.p.tokens, func(_ string, r *request) bool { return time.Since(r.at) > life })
	s.p.tokens[id] = r
	return id, time.Now().Add(5 * time.Minute), nil
}

// TerminateSessionFromRequest ends the session of the browser that asks.
func (s *storage) TerminateSessionFromRequest(ctx context.Context, r *op.EndSessionRequest) (string, error) {
	sid, _ := ctx.Value(cookieKey{}).(string)
	if err := s.p.end(ctx, sid); err != nil {
		s.p.logger.Warn("a client was not told that a session ended", "error", err)
	}
	return r.RedirectURI, nil
}

func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

// signingKey is the key of tokens, and keySetKey its public half.
type signingKey struct{ *ecdsa.PrivateKey }

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k signingKey) Key() any                                    { return k.PrivateKey }
func (k signingKey) ID() string                                  { return "demo" }

type keySetKey struct{ *ecdsa.PublicKey }

func (k keySetKey) ID() string                         { return "demo" }
func (k keySetKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k keySetKey) Use() string                        { return "sig" }
func (k keySetKey) Key() any                           { return k.PublicKey }

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return signingKey{s.p.key}, nil }

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{keySetKey{&s.p.key.PublicKey}}, nil
}

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if c := s.p.clients[id]; c != nil {
		return client{c}, nil
	}
	return nil, errUnknown
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if c := s.p.clients[id]; c != nil && subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) == 1 {
		return nil
	}
	return errUnknown
}

// SetUserinfoFromRequest puts what is known of a person into their ID token.
func (s *storage) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, asked op.IDTokenRequest, _ []string) error {
	r, ok := asked.(*request)
	if !ok {
		return errUnknown
	}
	return s.describe(info, r)
}

func (s *storage) describe(info *oidc.UserInfo, r *request) error {
	person := s.p.person(r.subject, "")
	if person == nil {
		return errUnknown
	}
	info.Subject = r.subject
	for name, v := range person.Claims {
		info.AppendClaims(name, v)
	}
	info.AppendClaims("sid", r.sid)
	return nil
}

func (s *storage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, token, _, _ string) error {
	s.p.mu.Lock()
	r := s.p.tokens[token]
	s.p.mu.Unlock()
	if r == nil {
		return errUnknown
	}
	return s.describe(info, r)
}

func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// What this provider does not do.

func (s *storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errUnknown
}

func (s *storage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, op.ErrInvalidRefreshToken
}

func (s *storage) RevokeToken(context.Context, string, string, string) *oidc.Error { return nil }

func (s *storage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (s *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errUnknown
}

func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return map[string]any{}, nil
}

func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errUnknown
}

func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errUnknown
}

func (s *storage) Health(context.Context) error { return nil }

// client is a Client as the library sees it.
type client struct{ c *Client }

func (c client) GetID() string                       { return c.c.ID }
func (c client) RedirectURIs() []string              { return []string{c.c.Callback} }
func (c client) PostLogoutRedirectURIs() []string    { return []string{c.c.SignedOut} }
func (c client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c client) GrantTypes() []oidc.GrantType         { return []oidc.GrantType{oidc.GrantTypeCode} }
func (c client) LoginURL(id string) string            { return "/choose?id=" + id }
func (c client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (c client) IDTokenLifetime() time.Duration       { return 5 * time.Minute }
func (c client) DevMode() bool                        { return true } // http on the loopback
func (c client) IsScopeAllowed(string) bool           { return false }
func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c client) ClockSkew() time.Duration             { return 0 }

func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string     { return all }
func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string { return all }

func all(scopes []string) []string { return scopes }
