package statement

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// chainCache remembers the public histories of keys and organisations. Every statement needs them,
// and they seldom change: as long as the register is the same, none of them has grown.
type chainCache struct {
	log *ledger.Log

	mu     sync.Mutex
	reg    *register.Register
	byName map[string]publicChain
}

type publicChain struct {
	leaves []ledger.PublicLeaf
	kids   []string // the keys of the signatures and countersignatures in it
}

// behind returns the public histories that decide about signers, by name: of their keys and
// organisations, of the keys and organisations that signed those, and so on to the genesis, which
// is included. They may hold entries that came after the register was read.
func (c *chainCache) behind(ctx context.Context, kids map[string]bool) (map[string][]ledger.PublicLeaf, error) {
	reg, err := c.log.Register(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	if c.reg != reg {
		c.reg, c.byName = reg, map[string]publicChain{}
	}
	byName := c.byName
	c.mu.Unlock()
	out := map[string][]ledger.PublicLeaf{}
	todo := []string{"genesis"}
	ask := func(kid string) error {
		k := reg.Key(kid)
		if k == nil {
			return fmt.Errorf("key %s has signed but is not in the register", kid)
		}
		todo = append(todo, "key:"+kid, "org:"+k.Org)
		return nil
	}
	for _, kid := range slices.Sorted(maps.Keys(kids)) {
		if err := ask(kid); err != nil {
			return nil, err
		}
	}
	for len(todo) > 0 {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if _, done := out[name]; done {
			continue
		}
		c.mu.Lock()
		chain, ok := byName[name]
		c.mu.Unlock()
		if !ok {
			chain, err = readChain(ctx, c.log, name)
			if err != nil {
				return nil, err
			}
			c.mu.Lock()
			byName[name] = chain
			c.mu.Unlock()
		}
		out[name] = chain.leaves
		for _, kid := range chain.kids {
			if err := ask(kid); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func readChain(ctx context.Context, log *ledger.Log, name string) (publicChain, error) {
	leaves, err := log.PublicHistory(ctx, name, 0, math.MaxUint64)
	if err != nil {
		return publicChain{}, fmt.Errorf("reading the history of %s: %w", name, err)
	}
	if len(leaves) == 0 && name == "genesis" { // keys and organisations of the genesis may have none
		return publicChain{}, fmt.Errorf("the database lacks the history of %s, igledger rebuild makes it again: %w",
			name, ErrDiffers)
	}
	chain := publicChain{leaves: leaves}
	for _, l := range leaves {
		chain.kids = append(chain.kids, l.Entry.KID)
		var counter string
		switch b := l.Entry.Body.(type) {
		case *entry.Organisation:
			counter = b.Counter
		case *entry.Key:
			counter = b.Counter
		}
		if counter == "" {
			continue
		}
		jws, err := wire.ParseJWS("countersignature", counter, wire.TypCountersignature)
		if err != nil {
			return publicChain{}, fmt.Errorf("entry %d as stored: %w", l.Index, err)
		}
		chain.kids = append(chain.kids, jws.KID)
	}
	return chain, nil
}
