package oracle

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Section 8: leaves, commitments and histories. Section 14: multi-inclusion proofs.

type hash = [32]byte

func sum(parts ...[]byte) hash { return sha256.Sum256(slices.Concat(parts...)) }

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func leafHash(leaf []byte) hash { return sum([]byte{0}, leaf) }

func node(left, right hash) hash { return sum([]byte{1}, left[:], right[:]) }

func mac(salt []byte, domain byte, text []byte) []byte {
	h := hmac.New(sha256.New, salt)
	h.Write([]byte{domain})
	h.Write(text)
	return h.Sum(nil)
}

func tagCommit(salt, tag []byte) []byte         { return mac(salt, 0x10, tag) }
func bodyCommit(salt []byte, jws string) []byte { return mac(salt, 0x11, []byte(jws)) }

func sealedLeaf(tagCommit, bodyCommit []byte) []byte {
	return slices.Concat([]byte{2}, tagCommit, bodyCommit)
}

// A leaf is what the tree hashes: public, with its entry, or sealed.
type leaf struct {
	entry           *entry // nil: sealed
	tagCommit, body []byte
}

// leafKind returns the first byte of a leaf of one of the two forms.
func leafKind(b []byte) byte {
	must(len(b) > 0 && (b[0] == 1 || b[0] == 2), "bad-leaf")
	must(b[0] == 1 || len(b) == 65, "bad-length")
	must(len(b) <= 65535, "too-large")
	must(len(b) > 1, "bad-leaf")
	return b[0]
}

func readLeaf(b []byte) leaf {
	if leafKind(b) == 2 {
		return leaf{tagCommit: b[1:33], body: b[33:]}
	}
	return leaf{entry: readPublic(string(b[1:]))}
}

// A step is one entry of a history.
type step struct {
	index uint64
	leaf  hash
}

// history returns K, every head from 0 on, and V of the history of a tag, or of a public name.
func history(person bool, of []byte, steps []step) (k hash, heads []hash, v hash) {
	domainK, domainHead := byte(0x18), byte(0x19)
	if person {
		domainK, domainHead = 0x12, 0x13
	}
	head := sum([]byte{domainHead}, of)
	heads = []hash{head}
	for _, s := range steps {
		head = sum([]byte{0x14}, head[:], u64(s.index), s.leaf[:])
		heads = append(heads, head)
	}
	return sum([]byte{domainK}, of), heads, sum([]byte{0x15}, u64(uint64(len(steps))), head[:])
}

// split is the largest power of two below n, which is above 1.
func split(n uint64) uint64 {
	k := uint64(1)
	for k*2 < n {
		k *= 2
	}
	return k
}

// includedRoot returns the root that an audit path leads to, RFC 6962 section 2.1.1.
func includedRoot(leaf hash, index, size uint64, path []hash) hash {
	must(index < size, "bad-proof")
	var climb func(at, n uint64, path []hash) hash
	climb = func(at, n uint64, path []hash) hash {
		if n == 1 {
			must(len(path) == 0, "bad-proof")
			return leaf
		}
		must(len(path) > 0, "bad-proof")
		last, k := path[len(path)-1], split(n)
		if at < k {
			return node(climb(at, k, path[:len(path)-1]), last)
		}
		return node(last, climb(at-k, n-k, path[:len(path)-1]))
	}
	return climb(index, size, path)
}

// A place is a subtree: the node of this level that covers the leaves from lo to hi.
type place struct{ lo, hi uint64 }

// multiRoot returns the root that leaves and nodes lead to, and where each node stands.
func multiRoot(leaves map[uint64]hash, size uint64, nodes []hash) (root hash, places []place) {
	must(len(leaves) > 0, "bad-proof")
	var at []uint64
	for i := range leaves {
		must(i < size, "bad-proof")
		at = append(at, i)
	}
	slices.Sort(at)
	var climb func(lo, hi uint64) hash
	climb = func(lo, hi uint64) hash {
		i, _ := slices.BinarySearch(at, lo)
		switch {
		case i == len(at) || at[i] >= hi:
			must(len(nodes) > 0, "bad-proof")
			h := nodes[0]
			nodes, places = nodes[1:], append(places, place{lo, hi})
			return h
		case hi-lo == 1:
			return leaves[lo]
		}
		k := split(hi - lo)
		return node(climb(lo, lo+k), climb(lo+k, hi))
	}
	root = climb(0, size)
	must(len(nodes) == 0, "bad-proof")
	return root, places
}
