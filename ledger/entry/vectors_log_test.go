package entry_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

func (w *world) logVectors() map[string]madeFile {
	genesis := w.sign(w.registrar, w.genesisBody())
	e, second := w.sign(w.board, w.accessBody()), w.sign(w.boardEC, w.accessBody())
	leaves := [][]byte{proof.PublicLeaf(genesis.Compact)}
	leaf, opening := w.seal(e, 1)
	leaf2, opening2 := w.seal(second, 2)
	leaves = append(leaves, leaf, leaf2)
	for i := range 4 {
		leaves = append(leaves, proof.SealedLeaf(sha([]byte{byte(i)}), sha([]byte("x"), []byte{byte(i)})))
	}
	files := w.checkpointVectors(leaves)
	for name, f := range w.openingVectors(leaves, genesis, e, second, opening, opening2) {
		files[name] = f
	}
	return files
}

// resign signs any note text with the log's key.
func (w *world) resign(text string) string {
	sig, err := w.logSigner.Sign([]byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	h := w.logSigner.KeyHash()
	return text + "\n— " + testOrigin + " " + base64.StdEncoding.EncodeToString(append([]byte{byte(h >> 24),
		byte(h >> 16), byte(h >> 8), byte(h)}, sig...)) + "\n"
}

func (w *world) checkpointVectors(leaves [][]byte) map[string]madeFile {
	root := mth(leaves)
	root64 := base64.StdEncoding.EncodeToString(root[:])
	signed := string(w.checkpoint(leaves))
	otherSecret, otherKey := testLogKey(w.t, "witness.example/w1")
	cosigned := signed + cosign(w, signed, otherSecret)
	parts := strings.Split(w.logKey, "+")
	point, _ := base64.StdEncoding.DecodeString(parts[2])
	cp := func(name, n string, code wire.Code) made { return made{name, checkpointIn{n, w.logKey}, code} }
	text := func(name, text string, code wire.Code) made { return cp(name, w.resign(text), code) }
	key := func(name, vkey string) made { return made{name, checkpointIn{signed, vkey}, wire.BadCheckpoint} }
	proof := w.proof(1, leaves)
	marshalled := string(proof.Marshal())
	one := w.proof(0, leaves[:1])
	pr := func(name, p string, leaf []byte, code wire.Code) made {
		return made{name, proofIn{p, leaf, w.logKey}, code}
	}
	head, _, _ := strings.Cut(marshalled, "\n\n")
	hashLine := strings.Split(head, "\n")[2]
	replace := func(old, new string) string { return strings.Replace(marshalled, old, new, 1) }
	return map[string]madeFile{
		"checkpoint": {"C2SP tlog-checkpoint: a signed note of exactly three lines, checked under the log's verifier key.", []made{
			cp("signed by the log", signed, ""),
			cp("cosigned by a witness", cosigned, ""),
			text("size 2^62 - 1", testOrigin+"\n4611686018427387903\n"+root64+"\n", ""),
			cp("one leaf", string(w.checkpoint(leaves[:1])), ""),
			cp("empty", "", wire.BadCheckpoint),
			cp("no signature", signed[:strings.Index(signed, "\n\n")+1], wire.BadCheckpoint),
			cp("cut short", signed[:len(signed)-1], wire.BadCheckpoint),
			cp("text changed", strings.Replace(signed, "\n7\n", "\n8\n", 1), wire.BadCheckpoint),
			cp("signature changed", changeLast(signed), wire.BadCheckpoint),
			cp("signature with trailing bits", signed[:len(signed)-3]+trailing(signed[:len(signed)-2])+"=\n",
				wire.BadCheckpoint),
			{"another key", checkpointIn{signed, otherKey}, wire.BadCheckpoint},
			text("extension line", testOrigin+"\n7\n"+root64+"\nextension\n", wire.BadCheckpoint),
			text("two lines", testOrigin+"\n7\n", wire.BadCheckpoint),
			text("origin of another log", "log.igledger.example/2027\n7\n"+root64+"\n", wire.BadCheckpoint),
			text("origin with plus", "log+x\n7\n"+root64+"\n", wire.BadCheckpoint),
			text("size with leading zero", testOrigin+"\n07\n"+root64+"\n", wire.BadCheckpoint),
			text("size with sign", testOrigin+"\n+7\n"+root64+"\n", wire.BadCheckpoint),
			text("size in hexadecimal", testOrigin+"\n0x7\n"+root64+"\n", wire.BadCheckpoint),
			text("size 2^62", testOrigin+"\n4611686018427387904\n"+root64+"\n", wire.BadCheckpoint),
			text("root of 31 bytes", testOrigin+"\n7\n"+base64.StdEncoding.EncodeToString(root[:31])+"\n",
				wire.BadCheckpoint),
			text("root in base64url", testOrigin+"\n7\n"+wire.Encode64(root[:])+"\n", wire.BadCheckpoint),
			text("root with trailing bits", testOrigin+"\n7\n"+root64[:42]+trailing(strings.NewReplacer("+", "-", "/",
				"_").Replace(root64[:43]))+"=\n", wire.BadCheckpoint),
			key("verifier key's hash in capitals", parts[0]+"+"+strings.ToUpper(parts[1])+"+"+parts[2]),
			key("verifier key's hash is another", parts[0]+"+00000000+"+parts[2]),
			key("verifier key of another algorithm",
				parts[0]+"+"+parts[1]+"+"+base64.StdEncoding.EncodeToString(append([]byte{4}, point[1:]...))),
			key("verifier key with a line feed in it", parts[0]+"+"+parts[1]+"+"+parts[2][:4]+"\n"+parts[2][4:]),
			key("verifier key of small order", smallOrderKey()),
		}},
		"proof": {"C2SP tlog-proof@v1: index, RFC 6962 inclusion path, signed checkpoint.", []made{
			pr("leaf 1 of 7", marshalled, leaves[1], ""),
			pr("leaf 6 of 7", string(w.proof(6, leaves).Marshal()), leaves[6], ""),
			pr("leaf 0 of 1, no hashes", string(one.Marshal()), leaves[0], ""),
			pr("another leaf", marshalled, leaves[2], wire.BadProof),
			pr("another index", replace("index 1\n", "index 2\n"), leaves[1], wire.BadProof),
			pr("index beyond the tree", replace("index 1\n", "index 7\n"), leaves[1], wire.BadProof),
			pr("a hash less", replace(hashLine+"\n", ""), leaves[1], wire.BadProof),
			pr("a hash more", replace(hashLine+"\n", hashLine+"\n"+hashLine+"\n"), leaves[1], wire.BadProof),
			pr("a hash changed", replace(hashLine, base64.StdEncoding.EncodeToString(make([]byte, 32))), leaves[1],
				wire.BadProof),
			pr("a hash of 31 bytes", replace(hashLine, base64.StdEncoding.EncodeToString(make([]byte, 31))), leaves[1],
				wire.BadProof),
			pr("64 hashes", replace(hashLine+"\n", strings.Repeat(hashLine+"\n", 62)), leaves[1], wire.BadProof),
			pr("version 2", replace("@v1", "@v2"), leaves[1], wire.BadProof),
			pr("extra line", replace("index 1\n", "extra AA==\nindex 1\n"), leaves[1], wire.BadProof),
			pr("index with leading zero", replace("index 1\n", "index 01\n"), leaves[1], wire.BadProof),
			pr("CR LF", strings.ReplaceAll(marshalled, "\n", "\r\n"), leaves[1], wire.BadProof),
			pr("no checkpoint", head+"\n\n", leaves[1], wire.BadProof),
			pr("empty", "", leaves[1], wire.BadProof),
			pr("checkpoint of another tree", head+"\n\n"+string(w.checkpoint(leaves[:6])), leaves[1], wire.BadProof),
			pr("checkpoint signed by another", head+"\n\n"+signed[:strings.Index(signed, "\n\n")+2]+cosign(w, signed,
				otherSecret), leaves[1], wire.BadCheckpoint),
		}},
		"caller": w.callerVectors(),
	}
}

func changeLast(s string) string {
	i := len(s) - 12
	c := byte('A')
	if s[i] == c {
		c = 'B'
	}
	return s[:i] + string(c) + s[i+1:]
}

func (w *world) callerVectors() madeFile {
	now := testTime()
	token := func(change func(c *register.Caller)) string {
		c := register.Caller{Issuer: "north-board", Subject: "ig-office", Audience: testOrigin, IssuedAt: testIat,
			Expires: testIat + 300, ID: "6ba7b810-9dad-41d1-80b4-00c04fd430c8"}
		change(&c)
		payload, err := wire.EncodeJSON(c)
		if err != nil {
			w.t.Fatal(err)
		}
		return rawJWS(w.board, header(wire.EdDSA, w.board.KID, wire.TypCaller), string(payload))
	}
	good := token(func(*register.Caller) {})
	at := func(name, tok string, now time.Time, code wire.Code) made {
		return made{name, callerIn{tok, testOrigin, now, w.board.Public}, code}
	}
	with := func(name string, code wire.Code, change func(c *register.Caller)) made {
		return at(name, token(change), now, code)
	}
	raw := func(name, payload string, code wire.Code) made {
		return at(name, rawJWS(w.board, header(wire.EdDSA, w.board.KID, wire.TypCaller), payload), now, code)
	}
	parts := strings.Split(good, ".")
	return madeFile{"A caller's token: a JWS of typ igl-caller+jwt that lives for at most 300 s; a minute of leeway.",
		[]made{
			at("at iat", good, now, ""),
			at("a minute before iat", good, now.Add(-time.Minute), ""),
			at("a minute after exp", good, now.Add(6*time.Minute), ""),
			with("lives for a second", "", func(c *register.Caller) { c.Expires = c.IssuedAt + 1 }),
			at("61 s before iat", good, now.Add(-61*time.Second), wire.BadClaim),
			at("61 s after exp", good, now.Add(361*time.Second), wire.BadClaim),
			with("lives for 301 s", wire.BadClaim, func(c *register.Caller) { c.Expires++ }),
			with("exp is iat", wire.BadClaim, func(c *register.Caller) { c.Expires = c.IssuedAt }),
			with("exp below iat", wire.BadClaim, func(c *register.Caller) { c.Expires = c.IssuedAt - 1 }),
			with("for ever, by overflow of exp - iat", wire.BadClaim, func(c *register.Caller) {
				c.IssuedAt,
					c.Expires = -1<<63, 1<<63-1
			}),
			with("iat zero", wire.BadClaim, func(c *register.Caller) { c.IssuedAt = 0 }),
			with("another log", wire.WrongAudience, func(c *register.Caller) { c.Audience = "log.igledger.example/2027" }),
			with("iss malformed", wire.BadClaim, func(c *register.Caller) { c.Issuer = "north board" }),
			with("sub empty", wire.BadClaim, func(c *register.Caller) { c.Subject = "" }),
			with("sub with a space", wire.BadClaim, func(c *register.Caller) { c.Subject = "A Tester" }),
			with("jti empty", wire.BadClaim, func(c *register.Caller) { c.ID = "" }),
			raw("an unknown member",
				fmt.Sprintf(`{"iss":"north-board","sub":"x","aud":%q,"iat":%d,"exp":%d,"jti":"1","nbf":1}`, testOrigin,
					testIat, testIat+1), wire.BadJSON),
			raw("iat as text", fmt.Sprintf(`{"iss":"north-board","sub":"x","aud":%q,"iat":"1","exp":2,"jti":"1"}`,
				testOrigin), wire.BadJSON),
			at("an entry's typ", rawJWS(w.board, header(wire.EdDSA, w.board.KID, wire.TypEntry), `{}`), now,
				wire.BadHeader),
			at("signature exchanged", parts[0]+"."+parts[1]+"."+wire.Encode64(make([]byte, 64)), now, wire.BadSignature),
			at("4097 characters", strings.Repeat("A", 4097), now, wire.TooLarge),
		}}
}

func (w *world) openingVectors(leaves [][]byte, genesis, e, second *entry.Entry, o,
	o2 bundle.Opening) map[string]madeFile {
	pub := w.vrf.Public()
	leaf := leaves[1]
	asText := func(v any) string {
		b, err := wire.EncodeJSON(v)
		if err != nil {
			w.t.Fatal(err)
		}
		return string(b)
	}
	in := func(o bundle.Opening, leaf []byte, s *wire.Signer) openingIn {
		return openingIn{asText(o), leaf, s.Public, testOrigin, pub[:], testSub}
	}
	change := func(name string, code wire.Code, f func(o *bundle.Opening, leaf *[]byte)) made {
		o, leaf := o, slices.Clone(leaf)
		o.Disclosures = slices.Clone(o.Disclosures)
		f(&o, &leaf)
		return made{name, in(o, leaf, w.board), code}
	}
	text := func(name, old, new string, code wire.Code) made {
		i := in(o, leaf, w.board)
		i.Opening = strings.Replace(i.Opening, old, new, 1)
		return made{name, i, code}
	}
	other := in(o, leaf, w.board)
	other.ID = "chi:0101201234"
	// sealedPublic is a sealed leaf around a public entry, which only an attacker makes.
	sealedPublic := o
	sealedPublic.JWS, sealedPublic.Disclosures = genesis.Compact, nil
	receipt := bundle.Receipt{Leaf: leaf, TagSalt: &o.TagSalt, Tag: &o.Tag, VRFProof: o.VRFProof, BodySalt: &o.BodySalt,
		Proof: string(w.proof(1, leaves).Marshal())}
	receipt2 := bundle.Receipt{Leaf: leaves[2], TagSalt: &o2.TagSalt, Tag: &o2.Tag, VRFProof: o2.VRFProof,
		BodySalt: &o2.BodySalt, Proof: string(w.proof(2, leaves).Marshal())}
	public := bundle.Receipt{Leaf: leaves[0], Proof: string(w.proof(0, leaves).Marshal())}
	rc := func(name string, r bundle.Receipt, e string, code wire.Code) made {
		return made{name, receiptIn{asText(r), e, w.logKey, pub[:]}, code}
	}
	alter := func(name string, code wire.Code, f func(r *bundle.Receipt)) made {
		r := receipt
		f(&r)
		return rc(name, r, e.SDJWT(), code)
	}
	// misfiled is made by an operator who files an access under another person: the commitments
	// match, but the tag is another person's.
	wrongTag, wrongProof := w.vrf.Tag(testOrigin, "chi:0101201234")
	misLeaf := proof.SealedLeaf(proof.TagCommit(o.TagSalt, wrongTag), proof.BodyCommit(o.BodySalt, e.Compact))
	misLeaves := slices.Clone(leaves)
	misLeaves[1] = misLeaf
	misfiled := bundle.Receipt{Leaf: misLeaf, TagSalt: &o.TagSalt, Tag: &wrongTag, VRFProof: wrongProof,
		BodySalt: &o.BodySalt, Proof: string(w.proof(1, misLeaves).Marshal())}
	noSub := e.Compact + "~" + e.Disclosures[len(e.Disclosures)-1].Encoded + "~"
	otherKey := wire.NewVRFKey().Public()
	elsewhere := w.accessBody()
	elsewhere.Audience = "log.igledger.example/2027"
	changed := func(h wire.Hash) *wire.Hash { h[0] ^= 1; return &h }
	badKey := rc("another VRF key", receipt, e.SDJWT(), wire.BadVRF)
	badKey.in = receiptIn{asText(receipt), e.SDJWT(), w.logKey, otherKey[:]}
	return map[string]madeFile{
		"opening": {"What reveals a sealed leaf. opening is JSON text. Checked in order: form, leaf, tagCommit, bodyCommit, entry, VRF proof for id, signature.", []made{
			{"Ed25519", in(o, leaf, w.board), ""},
			{"ES256", in(o2, leaves[2], w.boardEC), ""},
			change("only sub shown", "", func(o *bundle.Opening, _ *[]byte) { o.Disclosures = o.Disclosures[:1] }),
			change("remarks of the ledger", "", func(o *bundle.Opening, _ *[]byte) {
				o.Flags, o.Received = []entry.Flag{entry.FlagLate}, "2026-11-24T00:00:00Z"
			}),
			change("another tag", wire.BadCommitment, func(o *bundle.Opening, _ *[]byte) { o.Tag[0] ^= 1 }),
			change("another tag salt", wire.BadCommitment, func(o *bundle.Opening, _ *[]byte) { o.TagSalt[31] ^= 1 }),
			change("another body salt", wire.BadCommitment, func(o *bundle.Opening, _ *[]byte) { o.BodySalt[0] ^= 1 }),
			change("another entry", wire.BadCommitment, func(o *bundle.Opening, _ *[]byte) { o.JWS = second.Compact }),
			change("another entry's disclosures", wire.UnreferencedDisc,
				func(o *bundle.Opening, _ *[]byte) { o.Disclosures = second.Encoded() }),
			change("a disclosure twice", wire.DuplicateDisc, func(o *bundle.Opening,
				_ *[]byte) {
				o.Disclosures = append(o.Disclosures, o.Disclosures[0])
			}),
			change("another leaf", wire.BadCommitment, func(_ *bundle.Opening, leaf *[]byte) { *leaf = leaves[2] }),
			change("a public leaf", wire.BadLeaf, func(_ *bundle.Opening, leaf *[]byte) { *leaf = leaves[0] }),
			change("a leaf cut short", wire.BadLength, func(_ *bundle.Opening, leaf *[]byte) { *leaf = (*leaf)[:64] }),
			change("VRF proof missing", wire.BadLength, func(o *bundle.Opening, _ *[]byte) { o.VRFProof = nil }),
			{"said to be another person's", other, wire.BadVRF},
			{"a public type in a sealed leaf", in(sealedPublic, proof.SealedLeaf(proof.TagCommit(o.TagSalt, o.Tag),
				proof.BodyCommit(o.BodySalt, genesis.Compact)), w.registrar), wire.BadLeaf},
			text("an unknown member", `{`, `{"x":1,`, wire.BadJSON),
			text("disclosures null", `"disclosures":[`, `"flags":null,"disclosures":[`, wire.BadJSON),
			text("index as text", `"index":1`, `"index":"1"`, wire.BadJSON),
			text("index above 2^53-1", `"index":1`, `"index":9007199254740992`, wire.BadClaim),
			text("a salt of 31 bytes", wire.Encode64(o.TagSalt[:]), wire.Encode64(o.TagSalt[:31]), wire.BadLength),
			text("a salt padded", wire.Encode64(o.TagSalt[:]), wire.Encode64(o.TagSalt[:])+"=", wire.BadBase64),
			text("two openings", `{`, `{}{`, wire.BadJSON),
		}},
		"receipt": {"What a source gets for its entry and checks against the entry it holds. receipt is JSON text.",
			[]made{
				rc("an access", receipt, e.SDJWT(), ""),
				rc("an access, ES256", receipt2, second.SDJWT(), ""),
				rc("a public entry", public, genesis.Compact, ""),
				rc("filed under somebody else", misfiled, e.SDJWT(), wire.BadVRF),
				rc("another entry's receipt", receipt2, e.SDJWT(), wire.BadCommitment),
				rc("an access' receipt for a public entry", receipt, genesis.Compact, wire.BadLeaf),
				rc("a public entry's receipt for an access", public, e.SDJWT(), wire.BadLeaf),
				rc("another public entry", public, w.sign(w.registrar, w.boardBody()).Compact, wire.BadCommitment),
				rc("the source does not show sub", receipt, noSub, wire.BadDisclosure),
				rc("an entry for another log", receipt, w.sign(w.board, elsewhere).SDJWT(), wire.WrongAudience),
				badKey,
				alter("leaf exchanged", wire.BadCommitment, func(r *bundle.Receipt) { r.Leaf = leaves[2] }),
				alter("leaf empty", wire.BadLeaf, func(r *bundle.Receipt) { r.Leaf = wire.Bytes{} }),
				alter("tag changed", wire.BadCommitment, func(r *bundle.Receipt) { r.Tag = changed(o.Tag) }),
				alter("tag salt changed", wire.BadCommitment, func(r *bundle.Receipt) { r.TagSalt = changed(o.TagSalt) }),
				alter("body salt changed", wire.BadCommitment,
					func(r *bundle.Receipt) { r.BodySalt = changed(o.BodySalt) }),
				alter("tag missing", wire.BadJSON, func(r *bundle.Receipt) { r.Tag = nil }),
				alter("VRF proof missing", wire.BadLength, func(r *bundle.Receipt) { r.VRFProof = nil }),
				alter("VRF proof of another person", wire.BadVRF, func(r *bundle.Receipt) { r.VRFProof = wrongProof }),
				alter("proof of another leaf", wire.BadProof, func(r *bundle.Receipt) {
					r.Proof = string(w.proof(2,
						leaves).Marshal())
				}),
				alter("proof missing", wire.BadProof, func(r *bundle.Receipt) { r.Proof = "" }),
				{"an unknown member", receiptIn{`{"x":1}`, e.SDJWT(), w.logKey, pub[:]}, wire.BadJSON},
			}},
	}
}

// cosign returns the signature line of another key over the text of a signed note.
func cosign(w *world, signed, secret string) string {
	s, err := note.NewSigner(secret)
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := note.Sign(&note.Note{Text: signed[:strings.Index(signed, "\n\n")+1]}, s)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(out[strings.Index(string(out), "\n\n")+2:])
}

// smallOrderKey is a well-formed verifier key under which anyone can sign.
func smallOrderKey() string {
	k, err := note.NewEd25519VerifierKey(testOrigin, append([]byte{1}, make([]byte, 31)...))
	if err != nil {
		panic(err)
	}
	return k
}
