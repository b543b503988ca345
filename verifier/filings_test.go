package verifier

import (
	"testing"

	"igledger/ledger/wire"
)

// What was remembered of one person proves nothing about another, another tag or another proof.
func TestFilings(t *testing.T) {
	key := wire.NewVRFKey()
	tag, proof := key.Tag("ledger.test/2026", "chi:2902640017")
	good := filing{key: key.Public(), origin: "ledger.test/2026", id: "chi:2902640017", tag: tag, proof: proof}
	var f Filings
	for range 2 {
		if err := f.verify(good); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(*filing){
		"id":     func(c *filing) { c.id = "chi:2902680019" },
		"origin": func(c *filing) { c.origin = "ledger.test/2027" },
		"key":    func(c *filing) { c.key[0] ^= 1 },
		"tag":    func(c *filing) { c.tag[0] ^= 1 },
		"proof":  func(c *filing) { c.proof = append([]byte(nil), c.proof...); c.proof[0] ^= 1 },
		"none":   func(c *filing) { c.proof = nil },
	} {
		c := good
		change(&c)
		for range 2 {
			if f.verify(c) == nil {
				t.Errorf("another %s passes", name)
			}
		}
	}
}
