package vault

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Link is what ties a sealed leaf to a person's history.
type Link struct{ TagSalt, Tag wire.Hash }

// Content is what a sealed leaf states, with the ledger's own remarks.
type Content struct {
	BodySalt wire.Hash
	Received time.Time // millisecond precision
	Flags    []entry.Flag
	Verdict  *entry.Verdict
	SDJWT    string
}

// flagBits fixes the bit of each flag at rest: append only.
var flagBits = []entry.Flag{entry.FlagCheckDigit, entry.FlagUnknownAgreement, entry.FlagLate, entry.FlagSequenceGap, entry.FlagSequenceBack, entry.FlagNoSequence,
	entry.FlagConsentNotBasis}

// hasVerdict is the bit that says a verdict follows the flags.
const hasVerdict = 1 << 15

// Seal encrypts an opening for the leaf at index: version ‖ key id ‖ link nonce, ciphertext ‖ content nonce, ciphertext.
func (v *Vault) Seal(k Key, index uint64, leafHash wire.Hash, l Link, c Content) []byte {
	ad := v.ad(index, leafHash)
	out := make([]byte, 0, sealedHead+2*28+linkSize+contentHead+len(c.SDJWT))
	out = append(out, vaultVersion)
	out = append(out, k.id[:7]...)
	out = sealWith(k.link, out, append(append(make([]byte, 0, linkSize), l.TagSalt[:]...), l.Tag[:]...), ad)
	plain := make([]byte, 0, contentHead+len(c.SDJWT))
	plain = append(plain, c.BodySalt[:]...)
	plain = binary.BigEndian.AppendUint64(plain, uint64(c.Received.UnixMilli()))
	var bits uint16
	for i, f := range flagBits {
		for _, has := range c.Flags {
			if f == has {
				bits |= 1 << i
			}
		}
	}
	if c.Verdict != nil {
		bits |= hasVerdict
	}
	plain = binary.BigEndian.AppendUint16(plain, bits)
	if c.Verdict != nil {
		plain = packVerdict(plain, c.Verdict)
	}
	plain = packSDJWT(plain, c.SDJWT)
	return sealWith(k.content, out, plain, ad)
}

// Unseal reads what Seal wrote. withContent false reads the link only.
func (v *Vault) Unseal(ctx context.Context, index uint64, leafHash wire.Hash, sealed []byte, withContent bool) (Link, Content, error) {
	var l Link
	var c Content
	if len(sealed) < LinkEnd || sealed[0] != vaultVersion {
		return l, c, fmt.Errorf("opening of entry %d: unknown form", index)
	}
	ad := v.ad(index, leafHash)
	key, err := v.key(ctx, [7]byte(sealed[1:8]), kindLink)
	if err != nil {
		return l, c, fmt.Errorf("opening of entry %d: %w", index, err)
	}
	plain, err := openWith(key, sealed[sealedHead:LinkEnd], ad)
	if err != nil {
		return l, c, fmt.Errorf("opening of entry %d: the link does not decrypt: it was altered or moved", index)
	}
	l = Link{wire.Hash(plain[:32]), wire.Hash(plain[32:])}
	if !withContent {
		return l, c, nil
	}
	if len(sealed) == LinkEnd {
		return l, c, fmt.Errorf("opening of entry %d: %w", index, ErrErased)
	}
	if key, err = v.key(ctx, [7]byte(sealed[1:8]), kindContent); err != nil {
		return l, c, fmt.Errorf("opening of entry %d: %w", index, err)
	}
	plain, err = openWith(key, sealed[LinkEnd:], ad)
	if err != nil || len(plain) < contentHead {
		return l, c, fmt.Errorf("opening of entry %d: the content does not decrypt: it was altered or moved", index)
	}
	c.BodySalt = wire.Hash(plain[:32])
	c.Received = time.UnixMilli(int64(binary.BigEndian.Uint64(plain[32:40]))).UTC()
	bits := binary.BigEndian.Uint16(plain[40:42])
	for i, f := range flagBits {
		if bits&(1<<i) != 0 {
			c.Flags = append(c.Flags, f)
		}
	}
	rest := plain[contentHead:]
	if bits&hasVerdict != 0 {
		if c.Verdict, rest, err = unpackVerdict(rest); err != nil {
			return l, c, fmt.Errorf("opening of entry %d: %w", index, err)
		}
	}
	if c.SDJWT, err = unpackSDJWT(rest); err != nil {
		return l, c, fmt.Errorf("opening of entry %d: %w", index, err)
	}
	return l, c, nil
}

// ad binds a ciphertext to its place: origin ‖ u64 index ‖ leaf hash.
func (v *Vault) ad(index uint64, leafHash wire.Hash) []byte {
	ad := make([]byte, 0, len(v.origin)+8+32)
	ad = append(ad, v.origin...)
	ad = binary.BigEndian.AppendUint64(ad, index)
	return append(ad, leafHash[:]...)
}

// OpeningSize is the number of bytes that the opening of an entry takes at rest. For measuring what a log costs beyond it.
func OpeningSize(sdjwt string) int {
	return sealedHead + 2*(12+16) + linkSize + contentHead + len(packSDJWT(nil, sdjwt))
}
