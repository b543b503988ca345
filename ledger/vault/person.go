package vault

import (
	"context"
	"fmt"

	"igledger/ledger/wire"
)

// SealPerson encrypts the state that governs the history k.
func (v *Vault) SealPerson(key *Key, k wire.Hash, state []byte) []byte {
	return v.sealPerson(key, newNonce(), k, state)
}

// sealPerson returns version ‖ id of the Key ‖ nonce ‖ ciphertext.
func (v *Vault) sealPerson(key *Key, n nonce, k wire.Hash, state []byte) []byte {
	key.used.Add(1)
	return encrypt(key.content, n, append([]byte{formVersion}, key.id[:]...), state, v.personAD(k))
}

// UnsealPerson returns the state that SealPerson encrypted for k.
func (v *Vault) UnsealPerson(ctx context.Context, k wire.Hash, sealed []byte) ([]byte, error) {
	if len(sealed) < headSize || sealed[0] != formVersion {
		return nil, fmt.Errorf("state of a person: %w: unknown form", ErrCorrupt)
	}
	key, err := v.dataKey(ctx, keyID([7]byte(sealed[1:headSize]), forContent))
	if err != nil {
		return nil, fmt.Errorf("state of a person: %w", err)
	}
	state, err := decrypt(key, sealed[headSize:], v.personAD(k))
	if err != nil {
		return nil, fmt.Errorf("state of a person: it does not decrypt, rebuild it: %w", errMoved)
	}
	return state, nil
}

// personAD binds a ciphertext to its history: origin ‖ LF ‖ "person" ‖ LF ‖ K.
func (v *Vault) personAD(k wire.Hash) []byte { return append([]byte(v.origin+"\nperson\n"), k[:]...) }
