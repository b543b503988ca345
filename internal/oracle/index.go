package oracle

import "slices"

// Section 13: proofs of the subject index.

type indexProof struct {
	siblings []*hash // nil: an empty subtree
	other    *value
}

var indexProofShape = object{
	"siblings": listOf(aText),
	"other":    object{"k": bytesOf(32), "v": bytesOf(32)}.fits,
}

// readIndexProof reads a proof that fits its shape.
func readIndexProof(v *value) indexProof {
	must(v.has("siblings"), "bad-index-proof")
	must(len(v.items("siblings")) <= 256, "too-large")
	p := indexProof{other: v.get("other")}
	for _, text := range v.texts("siblings") {
		if text == "" {
			p.siblings = append(p.siblings, nil)
			continue
		}
		b := unbase64url(text)
		must(len(b) == 32, "bad-length")
		must(slices.ContainsFunc(b, func(c byte) bool { return c != 0 }), "bad-index-proof")
		h := hash(b)
		p.siblings = append(p.siblings, &h)
	}
	if p.other != nil {
		must(p.other.has("k") && p.other.has("v"), "bad-index-proof")
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
		other := hash(p.other.octets("k"))
		must(other != k, "bad-index-proof")
		for i := range d {
			must(bitOf(other, i) == bitOf(k, i), "bad-index-proof")
		}
		h = indexLeaf(other, hash(p.other.octets("v")))
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
