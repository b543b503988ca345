package vault

import (
	"context"
	"fmt"

	"igledger/ledger/wire"
)

// SealPerson encrypts the state of the person of history k: version ‖ key id ‖ nonce, ciphertext; associated data origin ‖ "person" ‖ K.
func (v *Vault) SealPerson(key Key, k wire.Hash, state []byte) []byte {
	return sealWith(key.content, append([]byte{vaultVersion}, key.id[:7]...), state, v.personAD(k))
}

func (v *Vault) UnsealPerson(ctx context.Context, k wire.Hash, sealed []byte) ([]byte, error) {
	if len(sealed) < sealedHead || sealed[0] != vaultVersion {
		return nil, fmt.Errorf("%w: what governs a history has an unknown form", ErrCorrupt)
	}
	key, err := v.key(ctx, [7]byte(sealed[1:8]), kindContent)
	if err != nil {
		return nil, fmt.Errorf("what governs a history: %w", err)
	}
	state, err := openWith(key, sealed[sealedHead:], v.personAD(k))
	if err != nil {
		return nil, fmt.Errorf("%w: what governs a history does not decrypt: it was altered or moved; rebuild it", ErrCorrupt)
	}
	return state, nil
}

func (v *Vault) personAD(k wire.Hash) []byte { return append([]byte(v.origin+"\nperson\n"), k[:]...) }
