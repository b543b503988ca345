// Package vault encrypts and packs what a ledger keeps at rest beside its leaves: the opening of
// each sealed leaf, and the state that governs each person's history. Its Vault stops an attacker
// who has the database and its backups, but not the epoch keys: such an attacker cannot link leaves
// to people, read openings, or move a ciphertext to another place unnoticed. It does not hide how
// many leaves and histories there are, or how long an opening is, and an attacker with the keys can
// write what they like.
//
// An encoder fails on a value that has no stored form, and a decoder on bytes that no encoder
// writes. Databases hold the stored form for as long as the ledger exists: testdata/stored.json
// pins it, and docs/FORMATS.md, section 17, describes it.
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
	"sync/atomic"
)

// Errors of this package, to be tested with errors.Is.
var (
	ErrKeys     = errors.New("the keys do not fit the log")
	ErrOtherKey = fmt.Errorf("%w", ErrKeys) // an epoch key is there, but is another one under the same number
	ErrErased   = errors.New("the content was erased")
	ErrCorrupt  = errors.New("stored data is damaged")
	ErrNoForm   = errors.New("a value has no stored form") // a mistake in the program, not in the entry
)

// errMoved is the error of a ciphertext that does not belong to its place.
var errMoved = fmt.Errorf("%w: it was altered or moved", ErrCorrupt)

// Store keeps wrapped data keys, in the database that they protect.
type Store interface {
	// PutDataKey stores a wrapped data key durably before it returns.
	PutDataKey(ctx context.Context, id [8]byte, wrapped []byte) error
	// DataKeys returns all wrapped data keys.
	DataKeys(ctx context.Context) (map[[8]byte][]byte, error)
}

// Vault encrypts with AES-256-GCM under data keys, each wrapped by an epoch key that never enters
// the database. Each process makes its own data keys, and reads those of all processes. A Vault is
// safe for concurrent use.
type Vault struct {
	store  Store
	origin string
	epochs map[uint32]cipher.AEAD
	epoch  uint32 // wraps new data keys

	mu   sync.Mutex // guards the fields below
	open map[[8]byte]cipher.AEAD
	cur  *Key
}

// Key is a pair of data keys: one encrypts links, the other contents and persons' states. So
// contents can be destroyed while every history and root still recomputes.
type Key struct {
	id            [7]byte
	link, content cipher.AEAD
	used          atomic.Uint64 // messages encrypted by content; link never encrypts more
}

const (
	// maxPerKey is the number of messages after which Prepare makes a new Key. With random 96-bit
	// nonces GCM is safe up to 2^32 (NIST SP 800-38D, section 8.3). The margin covers what Prepare
	// cannot count: the messages that a transaction encrypts again when the database makes it run
	// again.
	maxPerKey = 1 << 30

	formVersion = 1 // first byte of everything that a data key encrypts

	// Last byte of a data key's id.
	forLink    = 1
	forContent = 2

	keySize   = 32
	nonceSize = 12
	tagSize   = 16
	headSize  = 1 + 7 // version ‖ id of the Key
)

// New returns the vault of the log named origin. The epoch key with the highest number wraps new
// data keys; the others are for reading. If there is no epoch key, or one is not 32 bytes long, it
// returns ErrKeys.
func New(store Store, origin string, epochs map[uint32][]byte) (*Vault, error) {
	v := &Vault{store: store, origin: origin, epochs: map[uint32]cipher.AEAD{}, open: map[[8]byte]cipher.AEAD{}}
	for n, key := range epochs {
		aead, err := newGCM(key)
		if err != nil {
			return nil, fmt.Errorf("%w: epoch key %d: %w", ErrKeys, n, err)
		}
		v.epochs[n], v.epoch = aead, max(v.epoch, n)
	}
	if len(v.epochs) == 0 {
		return nil, fmt.Errorf("%w: no epoch key", ErrKeys)
	}
	return v, nil
}

// Prepare returns a Key with room for n more messages, openings and states of persons together. The
// Key is in the store when it returns, so it must not be called within a transaction of the store.
func (v *Vault) Prepare(ctx context.Context, n int) (*Key, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cur != nil && v.cur.used.Load()+uint64(n) <= maxPerKey {
		return v.cur, nil
	}
	k := new(Key)
	rand.Read(k.id[:])
	var err error
	k.link, err = v.newDataKey(ctx, keyID(k.id, forLink))
	if err != nil {
		return nil, err
	}
	k.content, err = v.newDataKey(ctx, keyID(k.id, forContent))
	if err != nil {
		return nil, err
	}
	v.cur = k
	return k, nil
}

// newDataKey makes and stores a data key. v.mu must be held.
func (v *Vault) newDataKey(ctx context.Context, id [8]byte) (cipher.AEAD, error) {
	raw := make([]byte, keySize)
	rand.Read(raw)
	aead, err := newGCM(raw)
	if err != nil {
		return nil, err
	}
	if err := v.store.PutDataKey(ctx, id, v.wrap(newNonce(), id, raw)); err != nil {
		return nil, fmt.Errorf("storing a data key: %w", err)
	}
	v.open[id] = aead
	return aead, nil
}

// wrap returns u32(epoch) ‖ nonce ‖ ciphertext.
func (v *Vault) wrap(n nonce, id [8]byte, raw []byte) []byte {
	return encrypt(v.epochs[v.epoch], n, binary.BigEndian.AppendUint32(nil, v.epoch), raw, wrapAD(id))
}

func (v *Vault) unwrap(id [8]byte, wrapped []byte) (cipher.AEAD, error) {
	if len(wrapped) < 4 {
		return nil, fmt.Errorf("%w: a wrapped data key is too short", ErrKeys)
	}
	n := binary.BigEndian.Uint32(wrapped)
	epoch, ok := v.epochs[n]
	if !ok {
		return nil, fmt.Errorf("%w: epoch key %d is missing", ErrKeys, n)
	}
	raw, err := decrypt(epoch, wrapped[4:], wrapAD(id))
	if err != nil {
		return nil, fmt.Errorf("%w: epoch key %d is another one than the one that wrapped a data key", ErrOtherKey, n)
	}
	aead, err := newGCM(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: a data key: %w", ErrKeys, err)
	}
	return aead, nil
}

// wrapAD binds a wrapped data key to its id, and so to what it is for.
func wrapAD(id [8]byte) []byte { return append([]byte("igledger/data-key/v1\n"), id[:]...) }

// dataKey returns a data key that this process or another one made.
func (v *Vault) dataKey(ctx context.Context, id [8]byte) (cipher.AEAD, error) {
	v.mu.Lock()
	k, ok := v.open[id]
	v.mu.Unlock()
	if ok {
		return k, nil
	}
	all, err := v.store.DataKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading data keys: %w", err)
	}
	wrapped, ok := all[id]
	if !ok {
		return nil, fmt.Errorf("%w: a data key is missing", ErrKeys)
	}
	k, err = v.unwrap(id, wrapped)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	v.open[id] = k
	v.mu.Unlock()
	return k, nil
}

func keyID(pair [7]byte, what byte) [8]byte { return [8]byte(append(pair[:7:7], what)) }

func newGCM(key []byte) (cipher.AEAD, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("%d bytes, want %d", len(key), keySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

type nonce [nonceSize]byte

func newNonce() (n nonce) {
	rand.Read(n[:]) // never fails
	return n
}

// encrypt appends nonce ‖ ciphertext to out.
func encrypt(k cipher.AEAD, n nonce, out, plain, ad []byte) []byte {
	return k.Seal(append(out, n[:]...), n[:], plain, ad)
}

func decrypt(k cipher.AEAD, sealed, ad []byte) ([]byte, error) {
	if len(sealed) < nonceSize {
		return nil, errors.New("too short")
	}
	return k.Open(nil, sealed[:nonceSize], sealed[nonceSize:], ad)
}
