package ledger

import (
	"sync"

	"igledger/ledger/wire"
)

// tagCache remembers the VRF tags and proofs, which cost 0.23 ms each, of the people seen lately.
// It has two generations of at most tagGeneration people: when the younger is full, it drops the
// older. Full, it takes about 60 MB. It is safe for concurrent use.
type tagCache struct {
	key    *wire.VRFKey
	origin string

	mu         sync.Mutex // guards the fields below
	young, old map[string]tagged
	all        uint64
}

type tagged struct {
	tag   wire.Hash
	proof [wire.VRFProofSize]byte
}

const tagGeneration = 100_000

func newTagCache(key *wire.VRFKey, origin string) *tagCache {
	return &tagCache{key: key, origin: origin, young: map[string]tagged{}}
}

// tag returns the tag of id and the proof that id has no other.
func (c *tagCache) tag(id string) (wire.Hash, []byte) {
	c.mu.Lock()
	c.all++
	t, ok := c.young[id]
	if !ok {
		t, ok = c.old[id]
		if ok {
			c.put(id, t)
		}
	}
	c.mu.Unlock()
	if ok {
		return t.tag, t.proof[:]
	}
	tag, proof := c.key.Tag(c.origin, id)
	t = tagged{tag, [wire.VRFProofSize]byte(proof)}
	c.mu.Lock()
	c.put(id, t)
	c.mu.Unlock()
	return tag, proof
}

// put adds a tag. The caller holds mu.
func (c *tagCache) put(id string, t tagged) {
	if len(c.young) >= tagGeneration {
		c.old, c.young = c.young, make(map[string]tagged, tagGeneration)
	}
	c.young[id] = t
}
