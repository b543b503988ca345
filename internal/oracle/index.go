package oracle

import "slices"

// Section 13: proofs of the subject index.

type indexProof struct {
	siblings []*hash // nil: an empty subtree
	other    *value
}

var indexProofShape = object{
	"siblings": atMost(256, aSibling),
	"other":    object{"k": bytesOf(32), "v": bytesOf(32)}.fits,
}

// aSibling is "" or the hash of a subtree that is not empty.
func aSibling(v *value) {
	aText(v)
	if v.text != "" {
		bytesOf(32)(v)
		must(!isZero(unbase64url(v.text)), "bad-index-proof")
	}
}

func isZero(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 })
}

// readIndexProof reads a proof that fits its shape.
func readIndexProof(v *value) indexProof {
	p := indexProof{other: v.get("other")}
	for _, text := range v.texts("siblings") {
		var sibling *hash
		if text != "" {
			h := hash(unbase64url(text))
			sibling = &h
		}
		p.siblings = append(p.siblings, sibling)
	}
	return p
}

func bitOf(k hash, i int) byte { return k[i/8] >> (7 - i%8) & 1 }

func indexLeaf(k, v hash) hash { return sum([]byte{0x16}, k[:], v[:]) }

// root returns the root under which k has the value v, or, with v nil, is absent.
func (p indexProof) root(k hash, v *hash) hash {
	d := len(p.siblings)
	must(d == 0 || p.siblings[d-1] != nil, "bad-index-proof")
	var h hash
	switch {
	case v != nil:
		must(p.other == nil, "bad-index-proof")
		h = indexLeaf(k, *v)
	case p.other == nil:
		must(d <= 255, "bad-index-proof")
	default:
		must(d <= 255, "bad-index-proof")
		other := p.other.hash("k")
		must(other != k, "bad-index-proof")
		for i := range d {
			must(bitOf(other, i) == bitOf(k, i), "bad-index-proof")
		}
		h = indexLeaf(other, p.other.hash("v"))
	}
	for i := d - 1; i >= 0; i-- {
		var sibling hash
		if p.siblings[i] != nil {
			sibling = *p.siblings[i]
		}
		if bitOf(k, i) == 0 {
			h = sum([]byte{0x17}, h[:], sibling[:])
		} else {
			h = sum([]byte{0x17}, sibling[:], h[:])
		}
	}
	return h
}

// indexRoot returns the index root that the entries of the history and its proof lead to.
func (h *shownHistory) indexRoot() hash {
	var steps []step
	for _, e := range h.entries {
		steps = append(steps, step{e.index, e.leaf})
	}
	k, _, v := history(true, h.tag, steps)
	return h.proof.rootOf(k, v, len(steps))
}

// indexRoot returns the index root that the leaves of the chain and its proof lead to.
func (c chain) indexRoot() hash {
	var steps []step
	for _, l := range c.leaves {
		steps = append(steps, step{l.index, leafHash(l.raw)})
	}
	k, _, v := history(false, []byte(c.name), steps)
	return c.proof.rootOf(k, v, len(steps))
}

// rootOf returns the root under which k has v, or is absent if its history has no entries.
func (p indexProof) rootOf(k, v hash, entries int) hash {
	if entries == 0 {
		return p.root(k, nil)
	}
	return p.root(k, &v)
}
