package verifier

import (
	"crypto/sha256"
	"sync"

	"igledger/ledger/wire"
)

// Filings remembers which VRF proofs held, so that who checks many receipts of one person checks
// each proof once. The same key, origin, id, tag and proof have the same result, whenever they are
// checked; a proof that differs in one bit is checked anew. It is safe for concurrent use. The zero
// value is empty.
type Filings struct {
	mu   sync.Mutex
	held map[wire.Hash]bool
}

// maxFilings bounds what is remembered, 32 bytes each.
const maxFilings = 1 << 16

func (f *Filings) verify(c filing) error {
	if f == nil {
		return wire.VerifyTag(c.key, c.origin, c.id, c.tag, c.proof)
	}
	h := sha256.New()
	for _, part := range [][]byte{c.key[:], []byte(c.origin), []byte(c.id), c.tag[:], c.proof} {
		h.Write([]byte{byte(len(part) >> 24), byte(len(part) >> 16), byte(len(part) >> 8), byte(len(part))})
		h.Write(part)
	}
	key := wire.Hash(h.Sum(nil))
	f.mu.Lock()
	held := f.held[key]
	f.mu.Unlock()
	if held {
		return nil
	}
	if err := wire.VerifyTag(c.key, c.origin, c.id, c.tag, c.proof); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil || len(f.held) >= maxFilings {
		f.held = map[wire.Hash]bool{}
	}
	f.held[key] = true
	return nil
}
