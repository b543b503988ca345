package consent

import (
	"hash/fnv"
	"iter"
	"maps"
)

// table is an immutable map. with returns the next one, which shares all but a 256th part with the
// old one. So the state of a log with thousands of agreements is kept before and after each entry
// at little cost.
type table[V any] struct {
	parts [256]map[string]V
	size  int
}

// part spreads keys over the parts.
func part(key string) uint8 {
	h := fnv.New32a()
	h.Write([]byte(key))
	n := h.Sum32()
	return uint8(n ^ n>>8 ^ n>>16 ^ n>>24)
}

func (t *table[V]) get(key string) (v V, ok bool) {
	if t == nil {
		return v, false
	}
	v, ok = t.parts[part(key)][key]
	return v, ok
}

// with returns a table that also holds v under key.
func (t *table[V]) with(key string, v V) *table[V] {
	next := new(table[V])
	if t != nil {
		*next = *t
	}
	m := maps.Clone(next.parts[part(key)])
	if m == nil {
		m = map[string]V{}
	}
	if _, had := m[key]; !had {
		next.size++
	}
	m[key] = v
	next.parts[part(key)] = m
	return next
}

// keys yields all keys, in no order.
func (t *table[V]) keys() iter.Seq[string] {
	return func(yield func(string) bool) {
		if t == nil {
			return
		}
		for _, m := range t.parts {
			for k := range m {
				if !yield(k) {
					return
				}
			}
		}
	}
}
