package plain

import (
	"crypto/sha256"
	"maps"
	"slices"
)

// Fingerprint returns a hash of all texts of the catalogue: with another, an entry may be described in
// other words.
func (c *Catalogue) Fingerprint() [32]byte {
	h := sha256.New()
	for ; c != nil; c = c.fallback {
		for _, k := range slices.Sorted(maps.Keys(c.texts)) {
			h.Write([]byte(string(k) + "\x00" + c.texts[k] + "\x00"))
		}
	}
	return [32]byte(h.Sum(nil))
}
