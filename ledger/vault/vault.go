package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

// Errors of this package, to be tested with errors.Is.
var (
	ErrKeys    = errors.New("the keys do not fit the log")
	ErrErased  = errors.New("the content was erased")
	ErrCorrupt = errors.New("what is stored is damaged")
)

// Store keeps wrapped data keys.
type Store interface {
	PutDataKey(ctx context.Context, id [8]byte, wrapped []byte) error
	DataKeys(ctx context.Context) (map[[8]byte][]byte, error)
}

// Vault encrypts openings at rest. Link (saltT, tag) and content (saltB, entry) are under separate data keys, so that content can be
// destroyed while every history and root still recomputes. A data key encrypts at most maxPerKey openings with random 96-bit nonces
// (AES-256-GCM), is wrapped by an epoch key that never enters the database, and is made anew by each process.
type Vault struct {
	store  Store
	epochs map[uint32][]byte // 32 bytes each
	origin string

	mu   sync.Mutex
	open map[[8]byte]cipher.AEAD // data keys unwrapped so far
	cur  Key
	used uint64
}

type Key struct {
	id            [8]byte // of the link key; the content key's differs in the last byte
	link, content cipher.AEAD
}

const (
	maxPerKey    = 1 << 30 // GCM with random nonces: far below 2^32
	kindLink     = 1
	kindContent  = 2
	vaultVersion = 1
	sealedHead   = 1 + 7 // version ‖ key id without its last byte
	linkSize     = 64    // saltT ‖ tag
	contentHead  = 32 + 8 + 2
	LinkEnd      = sealedHead + 12 + linkSize + 16 // where the content's nonce begins
)

func New(store Store, epochs map[uint32][]byte, origin string) *Vault {
	return &Vault{store: store, epochs: epochs, origin: origin, open: map[[8]byte]cipher.AEAD{}}
}

// Prepare makes sure a data key with room for n more openings exists. It runs outside the append transaction.
func (v *Vault) Prepare(ctx context.Context, n int) (Key, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cur.link != nil && v.used+uint64(n) <= maxPerKey {
		v.used += uint64(n)
		return v.cur, nil
	}
	var k Key
	rand.Read(k.id[:7])
	for _, part := range []struct {
		kind byte
		aead *cipher.AEAD
	}{{kindLink, &k.link}, {kindContent, &k.content}} {
		id := k.id
		id[7] = part.kind
		raw := make([]byte, 32)
		rand.Read(raw)
		wrapped, err := v.wrap(id, raw)
		if err != nil {
			return Key{}, err
		}
		if err := v.store.PutDataKey(ctx, id, wrapped); err != nil {
			return Key{}, fmt.Errorf("storing a data key: %w", err)
		}
		*part.aead = newGCM(raw)
		v.open[id] = *part.aead
	}
	v.cur, v.used = k, uint64(n)
	return k, nil
}

// currentEpoch is the one with the highest number: new data keys are wrapped by it.
func (v *Vault) currentEpoch() uint32 {
	var n uint32
	for e := range v.epochs {
		n = max(n, e)
	}
	return n
}

// wrap gives u32 epoch ‖ nonce ‖ ciphertext.
func (v *Vault) wrap(id [8]byte, raw []byte) ([]byte, error) {
	epoch := v.currentEpoch()
	out := binary.BigEndian.AppendUint32(nil, epoch)
	return sealWith(newGCM(v.epochs[epoch]), out, raw, wrapAD(id)), nil
}

func (v *Vault) unwrap(id [8]byte, wrapped []byte) (cipher.AEAD, error) {
	if len(wrapped) < 4 {
		return nil, fmt.Errorf("%w: a wrapped data key is too short", ErrKeys)
	}
	epoch, ok := v.epochs[binary.BigEndian.Uint32(wrapped)]
	if !ok {
		return nil, fmt.Errorf("%w: epoch key %d is not at hand", ErrKeys, binary.BigEndian.Uint32(wrapped))
	}
	raw, err := openWith(newGCM(epoch), wrapped[4:], wrapAD(id))
	if err != nil {
		return nil, fmt.Errorf("%w: a data key does not unwrap", ErrKeys)
	}
	return newGCM(raw), nil
}

func wrapAD(id [8]byte) []byte { return append([]byte("igledger/data-key/v1\n"), id[:]...) }

func (v *Vault) key(ctx context.Context, id7 [7]byte, kind byte) (cipher.AEAD, error) {
	var id [8]byte
	copy(id[:], id7[:])
	id[7] = kind
	v.mu.Lock()
	k, ok := v.open[id]
	v.mu.Unlock()
	if ok {
		return k, nil
	}
	all, err := v.store.DataKeys(ctx) // another replica made it
	if err != nil {
		return nil, fmt.Errorf("reading data keys: %w", err)
	}
	wrapped, ok := all[id]
	if !ok {
		return nil, fmt.Errorf("%w: a data key is missing", ErrKeys)
	}
	if k, err = v.unwrap(id, wrapped); err != nil {
		return nil, err
	}
	v.mu.Lock()
	v.open[id] = k
	v.mu.Unlock()
	return k, nil
}

func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for a key of another length than 32, which no caller passes
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm
}

// sealWith appends a random nonce and the ciphertext to out.
func sealWith(k cipher.AEAD, out, plain, ad []byte) []byte {
	var nonce [12]byte
	rand.Read(nonce[:])
	out = append(out, nonce[:]...)
	return k.Seal(out, nonce[:], plain, ad)
}

func openWith(k cipher.AEAD, sealed, ad []byte) ([]byte, error) {
	if len(sealed) < 12 {
		return nil, fmt.Errorf("too short")
	}
	return k.Open(nil, sealed[:12], sealed[12:], ad)
}
