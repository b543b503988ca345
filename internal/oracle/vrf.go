package oracle

import (
	"crypto/sha512"
	"slices"

	"github.com/gtank/ristretto255"
)

// Section 4: tags. The VRF is ECVRF of RFC 9381 over ristretto255 with SHA-512, C2SP vrf-r255.

const vrfSuite = "\xffc2sp.org/vrf-r255"

// vrfPoint reads an element in its canonical encoding.
func vrfPoint(b []byte) *ristretto255.Element {
	must(len(b) == 32, "bad-vrf")
	e, err := ristretto255.NewIdentityElement().SetCanonicalBytes(b)
	must(err == nil, "bad-vrf")
	return e
}

func vrfKey(b []byte) *ristretto255.Element {
	e := vrfPoint(b)
	must(e.Equal(ristretto255.NewIdentityElement()) == 0, "bad-vrf")
	return e
}

// vrfHash is SHA-512 over the suite, a domain byte and the parts.
func vrfHash(domain byte, parts ...[]byte) []byte {
	h := sha512.Sum512(slices.Concat([]byte(vrfSuite), []byte{domain}, slices.Concat(parts...)))
	return h[:]
}

func vrfScalar(b []byte) *ristretto255.Scalar {
	s, err := ristretto255.NewScalar().SetCanonicalBytes(b)
	must(err == nil, "bad-vrf")
	return s
}

// vrfOutput returns the output that the proof shows for alpha under the public key.
func vrfOutput(public, alpha, proof []byte) []byte {
	y := vrfKey(public)
	must(len(proof) == 80, "bad-length")
	gamma := vrfPoint(proof[:32])
	c := vrfScalar(slices.Concat(proof[32:48], make([]byte, 16)))
	s := vrfScalar(proof[48:])
	h, err := ristretto255.NewIdentityElement().SetUniformBytes(vrfHash(0x82, public, alpha))
	must(err == nil, "bad-vrf")
	mul := func(k *ristretto255.Scalar, e *ristretto255.Element) *ristretto255.Element {
		return ristretto255.NewIdentityElement().ScalarMult(k, e)
	}
	u := ristretto255.NewIdentityElement().ScalarBaseMult(s)
	u.Subtract(u, mul(c, y))
	v := mul(s, h)
	v.Subtract(v, mul(c, gamma))
	challenge := vrfHash(2, public, h.Bytes(), proof[:32], u.Bytes(), v.Bytes(), []byte{0})
	must(slices.Equal(challenge[:16], proof[32:48]), "bad-vrf")
	return vrfHash(3, proof[:32], []byte{0})
}

func tagAlpha(origin, id string) []byte {
	return []byte("igledger/tag/v1\n" + origin + "\n" + id)
}

// checkTag refuses unless tag is the pseudonym of id in the log.
func checkTag(public []byte, origin, id string, tag, proof []byte) {
	must(len(proof) == 80, "bad-length")
	alpha := tagAlpha(origin, id)
	must(remember(func() bool {
		return try(func() { must(slices.Equal(vrfOutput(public, alpha, proof)[:32], tag), "bad-vrf") }) == nil
	}, []byte("tag"), public, alpha, tag, proof), "bad-vrf")
}
