package vault

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Link ties a sealed leaf to a person's history.
type Link struct{ TagSalt, Tag wire.Hash }

// Content is the entry of a sealed leaf, with the ledger's own remarks.
type Content struct {
	BodySalt wire.Hash
	Received time.Time      // stored in milliseconds
	Flags    []entry.Flag   // set at append; their order and repetition are not kept
	Verdict  *entry.Verdict // nil if there is none
	SDJWT    string
}

const linkSize = 32 + 32 // tagSalt ‖ tag

// LinkEnd is the length of a sealed opening without its content. These bytes are what UnsealLink
// needs, and what is left after the content was erased.
const LinkEnd = headSize + nonceSize + linkSize + tagSize

// Seal encrypts the opening of the leaf at index. It returns ErrNoForm if c holds something that
// has no stored form.
func (v *Vault) Seal(k *Key, index uint64, leafHash wire.Hash, l Link, c Content) ([]byte, error) {
	return v.seal(k, newNonce(), newNonce(), index, leafHash, l, c)
}

// seal returns version ‖ id of the Key ‖ encrypted link ‖ encrypted content, each of these two as
// nonce ‖ ciphertext.
func (v *Vault) seal(
	k *Key, forLink, forContent nonce, index uint64, leafHash wire.Hash, l Link, c Content,
) ([]byte, error) {
	content, err := packContent(make([]byte, 0, contentHead+len(c.SDJWT)), c)
	if err != nil {
		return nil, fmt.Errorf("opening of entry %d: %w", index, err)
	}
	k.used.Add(1)
	ad := v.openingAD(index, leafHash)
	link := append(append(make([]byte, 0, linkSize), l.TagSalt[:]...), l.Tag[:]...)
	out := make([]byte, 0, LinkEnd+nonceSize+len(content)+tagSize)
	out = append(append(out, formVersion), k.id[:]...)
	out = encrypt(k.link, forLink, out, link, ad)
	return encrypt(k.content, forContent, out, content, ad), nil
}

// UnsealLink returns the link of a sealed opening. The first LinkEnd bytes of the opening are
// enough.
func (v *Vault) UnsealLink(ctx context.Context, index uint64, leafHash wire.Hash, sealed []byte) (Link, error) {
	if len(sealed) < LinkEnd || sealed[0] != formVersion {
		return Link{}, fmt.Errorf("opening of entry %d: %w: unknown form", index, ErrCorrupt)
	}
	key, err := v.dataKey(ctx, keyID([7]byte(sealed[1:headSize]), forLink))
	if err != nil {
		return Link{}, fmt.Errorf("opening of entry %d: %w", index, err)
	}
	plain, err := decrypt(key, sealed[headSize:LinkEnd], v.openingAD(index, leafHash))
	if err != nil {
		return Link{}, fmt.Errorf("opening of entry %d: the link does not decrypt: %w", index, errMoved)
	}
	return Link{wire.Hash(plain[:32]), wire.Hash(plain[32:])}, nil
}

// Unseal returns the link and content of a sealed opening. If only the link is left, it returns
// that and ErrErased.
func (v *Vault) Unseal(ctx context.Context, index uint64, leafHash wire.Hash, sealed []byte) (Link, Content, error) {
	l, err := v.UnsealLink(ctx, index, leafHash, sealed)
	if err != nil {
		return Link{}, Content{}, err
	}
	if len(sealed) == LinkEnd {
		return l, Content{}, fmt.Errorf("opening of entry %d: %w", index, ErrErased)
	}
	key, err := v.dataKey(ctx, keyID([7]byte(sealed[1:headSize]), forContent))
	if err != nil {
		return l, Content{}, fmt.Errorf("opening of entry %d: %w", index, err)
	}
	plain, err := decrypt(key, sealed[LinkEnd:], v.openingAD(index, leafHash))
	if err != nil {
		return l, Content{}, fmt.Errorf("opening of entry %d: the content does not decrypt: %w", index, errMoved)
	}
	c, err := unpackContent(plain)
	if err != nil {
		return l, Content{}, fmt.Errorf("opening of entry %d: %w", index, err)
	}
	return l, c, nil
}

// openingAD binds a ciphertext to its place: origin ‖ u64(index) ‖ leaf hash.
func (v *Vault) openingAD(index uint64, leafHash wire.Hash) []byte {
	ad := make([]byte, 0, len(v.origin)+8+len(leafHash))
	ad = binary.BigEndian.AppendUint64(append(ad, v.origin...), index)
	return append(ad, leafHash[:]...)
}

// OpeningSize returns the stored size in bytes of the opening of an entry without a verdict. It is
// for measuring the cost of a log.
func OpeningSize(sdjwt string) int {
	packed, _ := packSDJWT(nil, sdjwt)
	return LinkEnd + nonceSize + contentHead + len(packed) + tagSize
}
