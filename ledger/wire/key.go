package wire

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"slices"

	"filippo.io/edwards25519"
	jose "github.com/go-jose/go-jose/v4"
)

// JWK is an organisation's public key as the log holds it (RFC 7517, RFC 8037): exactly kty, crv, x
// and, for P-256, y. It has no kid (the kid is its thumbprint), no alg or use, no private part.
type JWK struct {
	Kty string `json:"kty"`         // OKP | EC
	Crv string `json:"crv"`         // Ed25519 | P-256
	X   Bytes  `json:"x"`           // 32 bytes
	Y   Bytes  `json:"y,omitempty"` // 32 bytes, P-256 only
}

// Algorithms of entries: the only two.
const (
	EdDSA = "EdDSA" // Ed25519 only (RFC 8037; RFC 9864 names it Ed25519)
	ES256 = "ES256" // ECDSA over P-256 with SHA-256
)

// Algorithm returns the only JWS algorithm that the key may be used with.
func (k JWK) Algorithm() string {
	if k.Kty == "EC" {
		return ES256
	}
	return EdDSA
}

// Public returns the ed25519.PublicKey or *ecdsa.PublicKey. If the key is of another kind, not on
// its curve or of small order, it returns BadKey.
func (k JWK) Public() (crypto.PublicKey, error) {
	switch {
	case k.Kty == "OKP" && k.Crv == "Ed25519" && len(k.X) == ed25519.PublicKeySize && k.Y == nil:
		if !validEd25519(k.X) {
			return nil, Errorf(BadKey, "JWK", "x is not the canonical encoding of an Ed25519 point of large order")
		}
		return ed25519.PublicKey(k.X), nil
	case k.Kty == "EC" && k.Crv == "P-256" && len(k.X) == 32 && len(k.Y) == 32:
		point := slices.Concat([]byte{4}, k.X, k.Y) // SEC 1 section 2.3.4
		pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil {
			return nil, Errorf(BadKey, "JWK", "point is not on P-256")
		}
		return pub, nil
	}
	return nil, Errorf(BadKey, "JWK",
		"want exactly kty OKP, crv Ed25519, x of 32 bytes, or kty EC, crv P-256, x and y of 32 bytes")
}

// validEd25519 refuses points off the curve, second encodings of a point (a second thumbprint for
// one key) and points of small order. Under a point of small order one signature fits every
// message, so its holder could deny everything that they signed.
func validEd25519(x []byte) bool {
	p, err := new(edwards25519.Point).SetBytes(x)
	return err == nil && bytes.Equal(p.Bytes(), x) &&
		new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 0
}

// Thumbprint returns the key's kid: base64url of its SHA-256 thumbprint (RFC 7638), 43 characters.
func (k JWK) Thumbprint() string {
	canonical := `{"crv":"` + k.Crv + `","kty":"` + k.Kty + `","x":"` + Encode64(k.X) + `"}`
	if k.Kty == "EC" {
		canonical = `{"crv":"` + k.Crv + `","kty":"EC","x":"` + Encode64(k.X) + `","y":"` + Encode64(k.Y) + `"}`
	}
	h := sha256.Sum256([]byte(canonical))
	return Encode64(h[:])
}

// Equal reports whether k and o are the same key.
func (k JWK) Equal(o JWK) bool { return k.Thumbprint() == o.Thumbprint() }

// Signer holds an organisation's private key. It is safe for concurrent use.
type Signer struct {
	Public JWK
	KID    string // Thumbprint of Public
	key    crypto.Signer
	jose   map[string]jose.Signer // by typ
	heads  map[string]string      // by typ, the encoded headers; empty for ES256
	sign   SignFunc               // of a key that is elsewhere: key and jose are nil
}

// SignFunc asks for a signature over message by a key that this process does not hold. good reports
// whether a signature is right; what SignFunc returns without error is.
type SignFunc func(message []byte, good func(signature []byte) bool) ([]byte, error)

// NewSignerElsewhere returns the signer of a key that sign reaches, such as one in a hardware
// module. sign is given the bytes to be signed, not a hash, and good takes signatures as JOSE
// writes them: 64 bytes, for P-256 r and s (RFC 7518 section 3.4).
func NewSignerElsewhere(public JWK, sign SignFunc) (*Signer, error) {
	if _, err := public.Public(); err != nil {
		return nil, err
	}
	return &Signer{Public: public, KID: public.Thumbprint(), sign: sign}, nil
}

// GenerateSigner makes a random key for alg, EdDSA or ES256.
func GenerateSigner(alg string) (*Signer, error) {
	switch alg {
	case EdDSA:
		_, priv, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return NewSigner(priv)
	case ES256:
		priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		return NewSigner(priv)
	}
	return nil, Errorf(UnknownAlgorithm, "key", "want EdDSA or ES256")
}

// NewJWK returns an ed25519.PublicKey or a P-256 *ecdsa.PublicKey as a JWK. If key is of another
// kind, it returns BadKey.
func NewJWK(key crypto.PublicKey) (k JWK, err error) {
	switch pub := key.(type) {
	case ed25519.PublicKey:
		k = JWK{Kty: "OKP", Crv: "Ed25519", X: Bytes(pub)}
	case *ecdsa.PublicKey:
		if pub.Curve != elliptic.P256() {
			return k, Errorf(BadKey, "key", "want P-256")
		}
		point, err := pub.Bytes() // 0x04 ‖ x ‖ y
		if err != nil {
			return k, Errorf(BadKey, "key", "point is not on P-256")
		}
		k = JWK{Kty: "EC", Crv: "P-256", X: point[1:33], Y: point[33:]}
	default:
		return k, Errorf(BadKey, "key", "want Ed25519 or P-256")
	}
	_, err = k.Public()
	return k, err
}

// NewSigner wraps an ed25519.PrivateKey or a P-256 *ecdsa.PrivateKey. If key is of another kind, it
// returns BadKey.
func NewSigner(key crypto.Signer) (*Signer, error) {
	s := &Signer{key: key, jose: map[string]jose.Signer{}, heads: map[string]string{}}
	var err error
	if s.Public, err = NewJWK(key.Public()); err != nil {
		return nil, err
	}
	s.KID = s.Public.Thumbprint()
	for _, typ := range []string{TypEntry, TypCountersignature, TypKeyProof, TypCaller} {
		opts := (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", s.KID)
		signingKey := jose.SigningKey{Algorithm: jose.SignatureAlgorithm(s.Public.Algorithm()), Key: key}
		js, err := jose.NewSigner(signingKey, opts)
		if err != nil {
			return nil, Errorf(BadKey, "private key", "not usable for %s", s.Public.Algorithm())
		}
		s.jose[typ] = js
		if s.Public.Algorithm() != EdDSA {
			continue
		}
		head, err := header(s.Public, typ)
		if err != nil {
			return nil, err
		}
		s.heads[typ] = head
	}
	return s, nil
}

// privateJWK is the key file: the public members and d (RFC 8037 section 2, RFC 7518 section
// 6.2.2).
type privateJWK struct {
	JWK
	D Bytes `json:"d"`
}

// ParseSigner reads a private key file: a JWK with exactly kty, crv, x, (y,) d. If the private and
// the public part are not of one key, it returns BadKey.
func ParseSigner(data []byte) (*Signer, error) {
	var p privateJWK
	if err := DecodeJSON("private JWK", data, &p); err != nil {
		return nil, err
	}
	if _, err := p.Public(); err != nil {
		return nil, err
	}
	if len(p.D) != 32 {
		return nil, Errorf(BadLength, "private JWK", "d has %d bytes, want 32", len(p.D))
	}
	var key crypto.Signer = ed25519.NewKeyFromSeed(p.D)
	if p.Kty == "EC" {
		var err error
		key, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), p.D)
		if err != nil {
			return nil, Errorf(BadKey, "private JWK", "d is out of range")
		}
	}
	s, err := NewSigner(key)
	if err != nil {
		return nil, err
	}
	if !s.Public.Equal(p.JWK) { // computed from d
		return nil, Errorf(BadKey, "private JWK", "the private and the public part are not of one key")
	}
	return s, nil
}

// MarshalPrivate returns the key file that ParseSigner reads. The caller must keep it secret.
func (s *Signer) MarshalPrivate() ([]byte, error) {
	p := privateJWK{JWK: s.Public}
	switch k := s.key.(type) {
	case ed25519.PrivateKey:
		p.D = Bytes(k.Seed())
	case *ecdsa.PrivateKey:
		d, err := k.Bytes()
		if err != nil {
			return nil, Errorf(BadKey, "private key", "cannot be exported")
		}
		p.D = d
	default:
		return nil, Errorf(BadKey, "private key", "cannot be exported")
	}
	return EncodeJSON(p)
}
