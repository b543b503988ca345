package cosign

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"filippo.io/mldsa"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// Algorithm is a signature type of C2SP signed-note: the first byte of the key inside a verifier
// key, and part of its key id.
type Algorithm byte

// The signature types of C2SP tlog-cosignature.
const (
	Ed25519 Algorithm = 0x04
	MLDSA44 Algorithm = 0x06
)

// algorithmNote is an Ed25519 signature over the text of a note alone: a log's, never a cosigner's.
const algorithmNote Algorithm = 0x01

// scheme is how cosignatures of one algorithm are made.
type scheme struct {
	name      string
	public    int // bytes of a public key
	signature int // bytes of a signature
	// undated says that the time 0 stands for no time. In other schemes no cosigner writes it.
	undated bool
	message func(keyName string, c proof.Checkpoint, at uint64) []byte
	open    func(public []byte) (verify func(message, sig []byte) bool, err error)
	signer  func(seed []byte) (public []byte, sign func(message []byte) ([]byte, error), err error)
}

// seedSize is the number of bytes of a private key, the same in all schemes.
const seedSize = 32

var schemes = map[Algorithm]scheme{
	Ed25519: {
		name: "Ed25519", public: ed25519.PublicKeySize, signature: ed25519.SignatureSize,
		message: func(_ string, c proof.Checkpoint, at uint64) []byte {
			return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, c.Text())
		},
		open: func(public []byte) (func(message, sig []byte) bool, error) {
			if _, err := (wire.JWK{Kty: "OKP", Crv: "Ed25519", X: wire.Bytes(public)}).Public(); err != nil {
				return nil, err
			}
			return func(message, sig []byte) bool { return ed25519.Verify(public, message, sig) }, nil
		},
		signer: func(seed []byte) ([]byte, func([]byte) ([]byte, error), error) {
			key := ed25519.NewKeyFromSeed(seed)
			sign := func(message []byte) ([]byte, error) { return ed25519.Sign(key, message), nil }
			return key.Public().(ed25519.PublicKey), sign, nil
		},
	},
	MLDSA44: {
		name: "ML-DSA-44", public: mldsa.MLDSA44PublicKeySize, signature: mldsa.MLDSA44SignatureSize, undated: true,
		message: subtreeMessage,
		open: func(public []byte) (func(message, sig []byte) bool, error) {
			key, err := mldsa.NewPublicKey(mldsa.MLDSA44(), public)
			if err != nil {
				return nil, err
			}
			return func(message, sig []byte) bool { return mldsa.Verify(key, message, sig, nil) == nil }, nil
		},
		signer: func(seed []byte) ([]byte, func([]byte) ([]byte, error), error) {
			key, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed)
			if err != nil {
				return nil, nil, err
			}
			sign := func(message []byte) ([]byte, error) { return key.Sign(rand.Reader, message, nil) }
			return key.PublicKey().Bytes(), sign, nil
		},
	},
}

// subtreeMessage returns what an ML-DSA-44 cosigner signs: the structure cosigned_message of C2SP
// tlog-cosignature, for the subtree that is the whole tree. Unlike the Ed25519 message it names the
// cosigner.
func subtreeMessage(keyName string, c proof.Checkpoint, at uint64) []byte {
	b := append([]byte("subtree/v1\n\x00"), byte(len(keyName)))
	b = binary.BigEndian.AppendUint64(append(b, keyName...), at)
	b = append(append(b, byte(len(c.Origin))), c.Origin...)
	b = binary.BigEndian.AppendUint64(b, 0) // the first leaf
	b = binary.BigEndian.AppendUint64(b, c.Size)
	return append(b, c.Root[:]...)
}

// maxKeyName is the longest name, in bytes, that an ML-DSA-44 message can hold.
const maxKeyName = 255

// verifierKey is a C2SP verifier key, "<key name>+<key id>+<base64 of algorithm ‖ public key>".
type verifierKey struct {
	text      string // in the only spelling that parseKey accepts
	name      string
	id        [4]byte
	algorithm Algorithm
	public    []byte
}

// Why a verifier key is refused. A key of an algorithm that we do not know is not refused.
var (
	errNoKey = errors.New("not a verifier key <name>+<key id>+<base64>")
	errKeyID = errors.New("the key id does not match the name and key: check for a typing error or a replaced key")
)

// parseKey reads a verifier key. If its algorithm is unknown, the key id cannot be checked, because
// not all of them derive it in the same way.
func parseKey(vkey string) (verifierKey, error) {
	name, rest, ok := strings.Cut(vkey, "+")
	id, encoded, ok2 := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	hash, err2 := hex.DecodeString(id)
	if !ok || !ok2 || !validKeyName(name) || err != nil || len(raw) < 2 || strings.ContainsAny(encoded, "\r\n") ||
		err2 != nil || len(hash) != 4 || id != strings.ToLower(id) {
		return verifierKey{}, errNoKey
	}
	k := verifierKey{vkey, name, [4]byte(hash), Algorithm(raw[0]), raw[1:]}
	s, known := schemes[k.algorithm]
	known = known || k.algorithm == algorithmNote
	switch {
	case known && k.id != keyID(k.algorithm, name, k.public):
		return verifierKey{}, errKeyID
	case known && k.algorithm != algorithmNote && len(k.public) != s.public:
		return verifierKey{}, fmt.Errorf("an %s key has %d bytes, this one has %d", s.name, s.public, len(k.public))
	case k.algorithm == MLDSA44 && len(name) > maxKeyName:
		return verifierKey{}, fmt.Errorf("an %s key has a name of at most %d bytes", s.name, maxKeyName)
	}
	return k, nil
}

func keyID(a Algorithm, keyName string, public []byte) [4]byte {
	h := sha256.Sum256(append(append([]byte(keyName+"\n"), byte(a)), public...))
	return [4]byte(h[:4])
}

func validKeyName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r == '+' || unicode.IsSpace(r) || r == unicode.ReplacementChar
	})
}

// Key returns the verifier key of a public key.
func Key(a Algorithm, keyName string, public []byte) string {
	id := keyID(a, keyName, public)
	return keyName + "+" + hex.EncodeToString(id[:]) + "+" +
		base64.StdEncoding.EncodeToString(append([]byte{byte(a)}, public...))
}

// Signer is a key that cosigns. It is safe for concurrent use.
type Signer struct {
	Name string // on its signature lines
	VKey string // verifier key

	algorithm Algorithm
	seed      []byte // nil if the key is elsewhere
	id        [4]byte
	sign      func(message []byte) ([]byte, error)
}

// ErrSigner says no more, because a private key is secret.
var ErrSigner = errors.New("not the private key of a cosigner")

// NewSigner returns the signer with this private key of 32 bytes: an Ed25519 seed (RFC 8032) or an
// ML-DSA seed (FIPS 204). If the name cannot be one, it returns ErrSigner.
func NewSigner(a Algorithm, keyName string, seed []byte) (*Signer, error) {
	s, ok := schemes[a]
	if !ok || len(seed) != seedSize {
		return nil, ErrSigner
	}
	public, sign, err := s.signer(seed)
	if err != nil {
		return nil, ErrSigner
	}
	vkey := Key(a, keyName, public)
	if _, err := New("", vkey); err != nil {
		return nil, ErrSigner
	}
	return &Signer{Name: keyName, VKey: vkey, algorithm: a, seed: seed, id: keyID(a, keyName, public), sign: sign}, nil
}

// NewSignerElsewhere returns the signer of a key that sign reaches. vkey is its verifier key.
func NewSignerElsewhere(vkey string, sign wire.SignFunc) (*Signer, error) {
	k, err := parseKey(vkey)
	if err != nil {
		return nil, err
	}
	s, ok := schemes[k.algorithm]
	if !ok {
		return nil, errors.New("not the verifier key of a cosigner")
	}
	verify, err := s.open(k.public)
	if err != nil {
		return nil, err
	}
	return &Signer{Name: k.name, VKey: vkey, algorithm: k.algorithm, id: k.id, sign: func(message []byte) ([]byte, error) {
		return sign(message, func(signature []byte) bool { return verify(message, signature) })
	}}, nil
}

// GenerateSigner returns a new key.
func GenerateSigner(a Algorithm, keyName string) (*Signer, error) {
	seed := make([]byte, seedSize)
	rand.Read(seed)
	return NewSigner(a, keyName, seed)
}

// privatePrefix begins a key file, as in golang.org/x/mod/sumdb/note.
const privatePrefix = "PRIVATE+KEY+"

// Private returns the content of a key file: "PRIVATE+KEY+<key name>+<key id>+<base64 of algorithm
// ‖ seed>" and a line feed. So name and key cannot be mixed up, and no program takes it for the key
// with which a log signs notes (0x01).
func (s *Signer) Private() []byte {
	seed := base64.StdEncoding.EncodeToString(append([]byte{byte(s.algorithm)}, s.seed...))
	return fmt.Appendf(nil, "%s%s+%x+%s\n", privatePrefix, s.Name, s.id, seed)
}

// ParseSigner reads a key file in the spelling of Private; the line feed may be missing.
func ParseSigner(file []byte) (*Signer, error) {
	if f := wire.LineFault(file); !f.IsZero() {
		return nil, fmt.Errorf("%w: %s", ErrSigner, f)
	}
	rest, ok := strings.CutPrefix(strings.TrimSuffix(string(file), "\n"), privatePrefix)
	parts := strings.SplitN(rest, "+", 3) // the base64 at the end may contain a + too
	if !ok || len(parts) != 3 {
		return nil, ErrSigner
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(raw) != 1+seedSize {
		return nil, ErrSigner
	}
	s, err := NewSigner(Algorithm(raw[0]), parts[0], raw[1:])
	if err != nil || string(s.Private()) != strings.TrimSuffix(string(file), "\n")+"\n" {
		return nil, ErrSigner // another spelling, or the key id of another name
	}
	return s, nil
}

// PQ reports whether the signatures withstand quantum computers as far as is known.
func (s *Signer) PQ() bool { return s.algorithm == MLDSA44 }

// Sign returns the signature line, line feed included, that the signer adds to a checkpoint. It
// checks only that the time is after 1970. A witness must cosign only after a consistency proof, an
// auditor only after it has recomputed what its cosignature states.
func (s *Signer) Sign(c proof.Checkpoint, at time.Time) (string, error) {
	if at.Unix() <= 0 {
		return "", fmt.Errorf("cosigning as %s: the clock is before 1970", s.Name)
	}
	when := uint64(at.Unix())
	sig, err := s.sign(schemes[s.algorithm].message(s.Name, c, when))
	if err != nil {
		return "", fmt.Errorf("cosigning as %s: %w", s.Name, err)
	}
	b := append(binary.BigEndian.AppendUint64(s.id[:], when), sig...)
	return "— " + s.Name + " " + base64.StdEncoding.EncodeToString(b) + "\n", nil
}
