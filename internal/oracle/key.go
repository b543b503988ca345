package oracle

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"
	"sync"
)

// Section 3: public keys.

// A key is a plain Ed25519 or P-256 key.
type key struct {
	alg  string // EdDSA or ES256
	x, y []byte
}

var jwkShape = object{"kty": aText, "crv": aText, "x": aText, "y": aText}

// readKey reads a JWK that fits jwkShape.
func readKey(v *value) key {
	kty, crv := v.str("kty"), v.str("crv")
	k := key{x: v.octets("x"), y: v.octets("y")}
	switch {
	case kty == "OKP" && crv == "Ed25519":
		k.alg = "EdDSA"
		must(len(k.x) == 32 && !v.has("y"), "bad-key")
		must(plainEd25519(k.x), "bad-key")
	case kty == "EC" && crv == "P-256":
		k.alg = "ES256"
		must(len(k.x) == 32 && len(k.y) == 32, "bad-key")
		_, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, k.x, k.y))
		must(err == nil, "bad-key")
	default:
		refuse("bad-key")
	}
	return k
}

func (k key) thumbprint() string {
	text := fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":"%s"}`, base64url(k.x))
	if k.alg == "ES256" {
		text = fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, base64url(k.x), base64url(k.y))
	}
	h := sha256.Sum256([]byte(text))
	return base64url(h[:])
}

// readPrivateKey returns the public half of a key file.
func readPrivateKey(text string) key {
	v := parseJSON(text)
	jwkShape.and(object{"d": aText}).fits(v)
	d := v.octets("d")
	must(len(d) == 32, "bad-length")
	k := readKey(v)
	if k.alg == "EdDSA" {
		own := ed25519.NewKeyFromSeed(d).Public().(ed25519.PublicKey)
		must(slices.Equal(own, k.x), "bad-key")
		return k
	}
	own, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	must(err == nil, "bad-key")
	public, err := own.PublicKey.Bytes()
	must(err == nil && slices.Equal(public[1:], slices.Concat(k.x, k.y)), "bad-key")
	return k
}

// judged remembers what costs time: signatures and VRF proofs that were judged before, by their
// input.
var judged sync.Map

// remember returns f's answer for this input.
func remember(f func() bool, input ...[]byte) bool {
	h := sha256.New()
	for _, b := range input {
		fmt.Fprintf(h, "%d:", len(b))
		h.Write(b)
	}
	id := [32]byte(h.Sum(nil))
	if known, ok := judged.Load(id); ok {
		return known.(bool)
	}
	answer := f()
	judged.Store(id, answer)
	return answer
}

// verifies says whether signature, of 64 bytes, is over message by k.
func (k key) verifies(message, signature []byte) bool {
	return remember(func() bool {
		if k.alg == "EdDSA" {
			return ed25519.Verify(k.x, message, signature)
		}
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, k.x, k.y))
		h := sha256.Sum256(message)
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return err == nil && ecdsa.Verify(public, h[:], r, s)
	}, []byte(k.alg), k.x, k.y, message, signature)
}

// The field and the curve of Ed25519: -x² + y² = 1 + d x² y² modulo 2^255 - 19.
var (
	edP = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	edD = edDiv(big.NewInt(-121665), big.NewInt(121666))
)

func edMul(a, b *big.Int) *big.Int { return edMod(new(big.Int).Mul(a, b)) }
func edMod(a *big.Int) *big.Int    { return a.Mod(a, edP) }
func edDiv(a, b *big.Int) *big.Int {
	return edMul(a, new(big.Int).ModInverse(edMod(new(big.Int).Set(b)), edP))
}

// plainEd25519 says whether b is the canonical encoding of a point whose eightfold is not the
// identity.
func plainEd25519(b []byte) bool {
	return remember(func() bool {
		le := slices.Clone(b)
		sign := le[31] >> 7
		le[31] &= 0x7f
		slices.Reverse(le)
		y := new(big.Int).SetBytes(le)
		if y.Cmp(edP) >= 0 {
			return false
		}
		one := big.NewInt(1)
		yy := edMul(y, y)
		xx := edDiv(new(big.Int).Sub(yy, one), new(big.Int).Add(edMul(edD, yy), one))
		x := new(big.Int).ModSqrt(xx, edP)
		if x == nil || x.Sign() == 0 && sign == 1 {
			return false
		}
		for range 3 {
			x, y = edAdd(x, y, x, y)
		}
		return x.Sign() != 0 || y.Cmp(one) != 0
	}, []byte("Ed25519 point"), b)
}

// edAdd adds two points of the curve.
func edAdd(x1, y1, x2, y2 *big.Int) (x, y *big.Int) {
	one := big.NewInt(1)
	t := edMul(edD, edMul(edMul(x1, x2), edMul(y1, y2)))
	x = edDiv(new(big.Int).Add(edMul(x1, y2), edMul(y1, x2)), new(big.Int).Add(one, t))
	y = edDiv(new(big.Int).Add(edMul(y1, y2), edMul(x1, x2)), edMod(new(big.Int).Sub(one, t)))
	return x, y
}
