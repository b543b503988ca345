package oracle

import (
	"cmp"
	"encoding/hex"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"github.com/gtank/ristretto255"
)

// What the vectors' files ask for, one function each.

// vrfAnswer makes the proof too, as C2SP vrf-r255 says, and verifies it.
func vrfAnswer(in *value) any {
	secret, alpha := vrfScalar(unhex(in, "secretKey")), unhex(in, "alpha")
	public := ristretto255.NewIdentityElement().ScalarBaseMult(secret).Bytes()
	h, err := ristretto255.NewIdentityElement().SetUniformBytes(vrfHash(0x82, public, alpha))
	must(err == nil, "bad-vrf")
	k, err := ristretto255.NewScalar().SetUniformBytes(vrfHash(0x81, secret.Bytes(), h.Bytes()))
	must(err == nil, "bad-vrf")
	gamma := ristretto255.NewIdentityElement().ScalarMult(secret, h).Bytes()
	u, v := ristretto255.NewIdentityElement().ScalarBaseMult(k).Bytes(), ristretto255.NewIdentityElement().ScalarMult(k, h).Bytes()
	challenge := slices.Concat(vrfHash(2, public, h.Bytes(), gamma, u, v, []byte{0})[:16], make([]byte, 16))
	s := ristretto255.NewScalar().Multiply(vrfScalar(challenge), secret)
	proof := slices.Concat(gamma, challenge[:16], s.Add(s, k).Bytes())
	return answer{
		"publicKey": hex.EncodeToString(public), "proof": hex.EncodeToString(proof),
		"beta": hex.EncodeToString(vrfOutput(public, alpha, proof)),
	}
}

func tagAnswer(in *value) any {
	alpha := tagAlpha(in.str("origin"), in.str("id"))
	checkTag(unhex(in, "vrfKey"), in.str("origin"), in.str("id"), unhex(in, "tag"), unhex(in, "proof"))
	return answer{"alpha": hex.EncodeToString(alpha)}
}

func disclosureAnswer(in *value) any {
	d := readDisclosure(in.str("disclosure"))
	return answer{"name": d.name, "value": jsonOf(d.value), "digest": d.digest}
}

func entryAnswer(in *value) any {
	e := readEntry(in.str("entry"))
	e.verify(readKey(in.get("jwk")))
	return e.answer()
}

func (e *entry) answer() answer {
	out := answer{"type": e.typ, "sealed": e.kind.sealed, "identity": hexOf(e.identity()), "claims": jsonOf(e.claims)}
	if !e.kind.sealed {
		out["history"] = e.kind.history(e)
	}
	shown := map[string]string{}
	for _, d := range e.shown {
		shown[d.name] = d.value.raw
	}
	if len(shown) > 0 {
		out["shown"] = shown
	}
	return out
}

func leafAnswer(in *value) any {
	b := unhex(in, "leaf")
	l := readLeaf(b)
	out := answer{"leafHash": hexOf(leafHash(b))}
	if l.entry != nil {
		out["jws"] = l.entry.text
		return out
	}
	out["tagCommit"], out["bodyCommit"] = hex.EncodeToString(l.tagCommit), hex.EncodeToString(l.body)
	return out
}

func commitmentAnswer(in *value) any {
	tag, body := tagCommit(unhex(in, "tagSalt"), unhex(in, "tag")), bodyCommit(unhex(in, "bodySalt"), in.str("jws"))
	return answer{
		"tagCommit": hex.EncodeToString(tag), "bodyCommit": hex.EncodeToString(body),
		"leafHash": hexOf(leafHash(sealedLeaf(tag, body))),
	}
}

func chainAnswer(in *value) any {
	var steps []step
	for _, s := range in.items("steps") {
		steps = append(steps, step{s.num("index"), leafHash(unhex(s, "leaf"))})
	}
	of := []byte(in.str("name"))
	if in.has("tag") {
		of = unhex(in, "tag")
	}
	k, heads, v := history(in.has("tag"), of, steps)
	var hexes []string
	for _, h := range heads {
		hexes = append(hexes, hexOf(h))
	}
	return answer{"k": hexOf(k), "heads": hexes, "v": hexOf(v)}
}

func checkpointAnswer(in *value) any {
	c := readCheckpoint(in.str("note"), readVerifierKey(in.str("verifierKey")))
	return answer{"origin": c.origin, "size": c.size, "root": hexOf(c.root)}
}

func proofAnswer(in *value) any {
	p := readProof(in.str("proof"))
	c := readCheckpoint(p.note, readVerifierKey(in.str("verifierKey")))
	must(includedRoot(leafHash(unhex(in, "leaf")), p.index, c.size, p.hashes) == c.root, "bad-proof")
	return answer{"index": p.index, "size": c.size, "root": hexOf(c.root)}
}

func indexAnswer(in *value) any {
	v := parseJSON(in.str("proof"))
	indexProofShape.fits(v)
	must(v.has("siblings"), "bad-index-proof")
	p := readIndexProof(v)
	var of *hash
	if in.has("v") {
		h := hash32(in, "v")
		of = &h
	}
	return answer{"root": hexOf(p.root(hash32(in, "k"), of))}
}

func multiAnswer(in *value) any {
	leaves := map[uint64]hash{}
	for _, l := range in.items("leaves") {
		leaves[l.num("index")] = hash32(l, "leafHash")
	}
	var nodes []hash
	for _, n := range in.items("nodes") {
		b, err := hex.DecodeString(n.text)
		must(err == nil && len(b) == 32, "bad-length")
		nodes = append(nodes, hash(b))
	}
	root, places := multiRoot(leaves, in.num("size"), nodes)
	must(root == hash32(in, "root"), "bad-proof")
	out := [][2]uint64{}
	for _, p := range places {
		level := uint64(bits.Len64(p.hi - p.lo - 1))
		out = append(out, [2]uint64{level, p.lo >> level})
	}
	return answer{"nodes": out}
}

func registerAnswer(in *value) any {
	var r *register
	for _, e := range in.items("entries") {
		read := readEntry(e.str("entry"))
		if r == nil {
			r = founded(read, e.num("index"), in.str("origin"))
			continue
		}
		r.add(read, e.num("index"))
	}
	return r.answer()
}

func (r *register) answer() any {
	organisations, keys := []answer{}, []answer{}
	for id, o := range r.organisations {
		organisations = append(organisations, answer{"id": id, "name": o.name, "kind": o.kind, "roles": o.roles})
	}
	for kid, k := range r.keys {
		one := answer{"organisation": k.organisation, "kid": kid, "from": k.from}
		if k.revoked != nil {
			one["revokedAt"] = *k.revoked
		}
		keys = append(keys, one)
	}
	slices.SortFunc(organisations, func(a, b answer) int { return strings.Compare(a["id"].(string), b["id"].(string)) })
	slices.SortFunc(keys, func(a, b answer) int {
		return cmp.Or(cmp.Compare(a["from"].(uint64), b["from"].(uint64)), strings.Compare(a["kid"].(string), b["kid"].(string)))
	})
	return answer{"organisations": organisations, "keys": keys}
}

func openingAnswer(in *value) any {
	e := openLeaf(in.str("opening"), unhex(in, "leaf"), in.str("origin"), unhex(in, "vrfKey"), in.str("id"))
	e.verify(readKey(in.get("jwk")))
	return e.answer()
}

func receiptAnswer(in *value) any {
	p := checkReceipt(in.str("receipt"), in.str("entry"), in.str("verifierKey"), unhex(in, "vrfKey"))
	return answer{"index": p.index, "size": p.under.size, "root": hexOf(p.under.root)}
}

func callerAnswer(in *value) any {
	now, ok := instant(in.str("now"))
	must(ok, "bad-claim")
	j, claims := checkCaller(in.str("token"), in.str("origin"), now)
	j.verify(readKey(in.get("jwk")))
	return jsonOf(claims)
}

// bundleAnswer answers for the form of a file, its leaves under the checkpoint's root and the index
// roots that its histories lead to.
func bundleAnswer(member, format string) func(in *value) any {
	return func(in *value) any {
		b := readBundle(in.str(member), format)
		c := readCheckpoint(b.checkpoint, readVerifierKey(in.str("verifierKey")))
		all := b.leaves()
		root, _ := multiRoot(all, c.size, b.nodes)
		must(root == c.root, "bad-proof")
		must(b.indexRoot.read().typ == "index-root", "bad-index-root")
		leaves := []answer{}
		for _, i := range slices.Sorted(maps.Keys(all)) {
			leaves = append(leaves, answer{"index": i, "leafHash": hexOf(all[i])})
		}
		roots := []string{}
		if b.subject != nil {
			for _, h := range b.histories() {
				roots = append(roots, hexOf(h.indexRoot()))
			}
		}
		for _, c := range b.chains {
			roots = append(roots, hexOf(c.indexRoot()))
		}
		stated := b.indexRoot.entry.claims
		return answer{
			"size": c.size, "leaves": leaves, "indexRoots": roots,
			"statedRoot": hex.EncodeToString(stated.octets("root")), "coversBelow": stated.num("size"),
		}
	}
}

// feedAnswer files each leaf by its record of the audit feed (section 13).
func feedAnswer(in *value) any {
	page, leaves := unhex(in, "page"), in.texts("leaves")
	must(len(page)%64 == 0, "bad-length")
	must(len(page) <= 4096*64, "too-large")
	must(len(page) == 64*len(leaves), "bad-length")
	filed := []string{}
	for i, text := range leaves {
		b, err := hex.DecodeString(text)
		must(err == nil, "bad-leaf")
		l, record := readLeaf(b), page[64*i:64*i+64]
		of := record[32:]
		if l.entry != nil {
			must(isZero(record), "bad-commitment")
			of = []byte(l.entry.kind.history(l.entry))
		} else {
			must(slices.Equal(tagCommit(record[:32], record[32:]), l.tagCommit), "bad-commitment")
		}
		k, _, _ := history(l.entry == nil, of, nil)
		filed = append(filed, hexOf(k))
	}
	return answer{"k": filed}
}
