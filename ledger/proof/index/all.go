package index

import "iter"

// All returns every history, ascending by K, the order that Build loads fastest. The tree must not
// change during the iteration.
func (t *Tree) All() iter.Seq[Update] {
	return func(yield func(Update) bool) { t.walk(t.top, yield) }
}

func (t *Tree) walk(r ref, yield func(Update) bool) bool {
	switch {
	case r == 0:
		return true
	case r < 0:
		return yield(*t.leaf(r))
	}
	children := t.fork(r).children
	return t.walk(children[0], yield) && t.walk(children[1], yield)
}
