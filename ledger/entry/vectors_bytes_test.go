package entry_test

import (
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// made is a vector before the code under test has run. code is "" for valid input.
type made struct {
	name string
	in   any
	code wire.Code
}

type madeFile struct {
	about string
	cases []made
}

func (w *world) vectors(t *testing.T) map[string]madeFile {
	all := map[string]madeFile{}
	for _, part := range []map[string]madeFile{w.idVectors(), w.hashVectors(), w.keyVectors(), w.jwsVectors(),
		w.entryVectors(), w.enrolmentVectors(), w.registerVectors(), w.logVectors(), w.completenessVectors(),
		w.heartbeatVectors(), w.governanceVectors()} {
		for name, f := range part {
			all[name] = f
		}
	}
	register := all["register"]
	register.cases = append(register.cases, w.indexRootPositions()...)
	// Later additions are made last, so that the random streams of the others stay as they were.
	all["link"] = w.linkVectors()
	register.cases = append(register.cases, w.linkSigners()...)
	statement := all["statement"]
	statement.cases = append(statement.cases, w.linkedStatements()...)
	all["register"], all["statement"] = register, statement
	all["feed"] = w.feedVectors()
	return all
}

func unhex(s string) hx {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func (w *world) idVectors() map[string]madeFile {
	id := func(name, id string, code wire.Code) made { return made{name, idIn{id}, code} }
	text := func(name, s string) made { return made{name, textIn{s}, ""} }
	b64 := func(name, s string, code wire.Code) made { return made{name, textIn{s}, code} }
	return map[string]madeFile{
		"id": {"Ids of persons and registers. checkDigit is false where the number's own check fails: such an id is still well-formed.", []made{
			id("CHI, Modulus 11 and Luhn", "chi:0101011237", ""),
			id("CHI, Luhn only (issued from 2026)", "chi:0101201234", ""),
			id("CHI, impossible date", "chi:3201201234", ""),
			id("CHI, wrong check digit", "chi:0101011236", ""),
			id("CHI, 29 February of 2000", "chi:2902000006", ""),
			id("CHI, 29 February of 1901 or 2001, neither a leap year", "chi:2902010001", ""),
			id("NHS number", "nhs:9434765919", ""),
			id("NHS number, wrong check digit", "nhs:9434765918", ""),
			id("NHS number whose first nine digits have no check digit (10)", "nhs:3104110005", ""),
			id("number given by an organisation, with a colon in it", "temp:north-board:A:17", ""),
			id("register", "reg:withheld", ""),
			id("register", "reg:sources", ""),
			id("register", "reg:everyone", ""),
			id("register", "reg:padding", ""),
			id("empty", "", wire.BadID),
			id("no scheme", "0101011237", wire.BadID),
			id("scheme in capitals", "CHI:0101011237", wire.BadID),
			id("unknown scheme", "ssn:0101011237", wire.BadID),
			id("nine digits", "chi:010101123", wire.BadID),
			id("eleven digits", "chi:01010112377", wire.BadID),
			id("a letter", "chi:01010112E7", wire.BadID),
			id("digits of another script", "chi:٠١٠١٠١١٢٣٧", wire.BadID),
			id("grouped", "nhs:943 476 5919", wire.BadID),
			id("space after", "chi:0101011237 ", wire.BadID),
			id("line feed after", "chi:0101011237\n", wire.BadID),
			id("space before", " chi:0101011237", wire.BadID),
			id("temp without number", "temp:north-board:", wire.BadID),
			id("temp without organisation", "temp:17", wire.BadID),
			id("temp with a malformed organisation", "temp:-board:17", wire.BadID),
			id("temp, number with a space", "temp:north-board:A 17", wire.BadID),
			id("temp, number beyond ASCII", "temp:north-board:é", wire.BadID),
			id("temp, number of 129 characters", "temp:north-board:"+strings.Repeat("9", 129), wire.BadID),
			id("unknown register", "reg:other", wire.BadID), id("register in capitals", "reg:WITHHELD", wire.BadID),
		}},
		"person-number": {"Whether a text of a public entry holds a valid CHI or NHS number; entries that do are refused.", []made{
			text("NHS number", "9434765919"),
			text("grouped by spaces", "call 943 476 5919 now"),
			text("grouped by hyphens", "943-476-5919"),
			text("CHI with date grouped", "010101-1237"),
			text("behind another number", "1-943 476 5919"),
			text("before another number", "943 476 5919 12"),
			text("invalid number", "9434765918"),
			text("part of a longer run", "19434765919"),
			text("part of a longer run at the end", "94347659190"),
			text("nine digits", "943476591"),
			text("two spaces", "943  476 5919"),
			text("words", "North Test Health Board"),
			text("empty", ""),
		}},
		"base64url": {"base64url without padding (RFC 7515 section 2); one spelling for every byte string.", []made{
			b64("empty", "", ""),
			b64("one byte", "AA", ""),
			b64("two bytes", "_-8", ""),
			b64("three bytes", "-_-_", ""),
			b64("padding", "AA==", wire.BadBase64),
			b64("trailing bits", "AB", wire.BadBase64),
			b64("trailing bits of two", "_-9", wire.BadBase64),
			b64("standard alphabet", "+/+/", wire.BadBase64),
			b64("impossible length", "AAAAA", wire.BadBase64),
			b64("line break", "AA\nAA", wire.BadBase64),
			b64("carriage return", "AAAA\r", wire.BadBase64),
			b64("space", "AA AA", wire.BadBase64),
		}},
	}
}

func (w *world) hashVectors() map[string]madeFile {
	pub := w.vrf.Public()
	tagOf := func(origin, id string) tagIn {
		tag, proof := w.vrf.Tag(origin, id)
		return tagIn{pub[:], origin, id, tag[:], proof}
	}
	tag := func(name string, change func(in *tagIn), code wire.Code) made {
		in := tagOf(testOrigin, testSub)
		change(&in)
		return made{name, in, code}
	}
	flip := func(b hx, i int) hx { c := slices.Clone(b); c[i] ^= 1; return c }
	other := wire.NewVRFKey().Public()
	// The group order l of ristretto255 (RFC 9496 section 4.4), little-endian: the lowest scalar
	// that is not canonical.
	order := unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	filler := func(s string) wire.Hash { return sha256.Sum256([]byte(s)) }
	leafA, _ := w.seal(w.sign(w.board, w.accessBody()), 7)
	genesis := w.sign(w.registrar, w.genesisBody())
	access := w.sign(w.board, w.accessBody())
	leaf := func(name string, b []byte, code wire.Code) made { return made{name, leafIn{b}, code} }
	commitment := func(name, jws string) made {
		a, b, c := filler("salt of tag"), filler("tag "+name), filler("salt of body "+name)
		return made{name, commitmentIn{a[:], b[:], c[:], jws}, ""}
	}
	tagHash, _ := w.vrf.Tag(testOrigin, testSub)
	steps := []chainStep{{1, leafA}, {5, proof.SealedLeaf(filler("a"), filler("b"))},
		{1 << 33, proof.SealedLeaf(filler("c"), filler("d"))}}
	return map[string]madeFile{
		"vrf": {"C2SP vrf-r255 (ECVRF-RISTRETTO255-SHA512, RFC 9381). The first vector is the one the specification publishes.", []made{
			{"published by C2SP", vrfIn{unhex("3431c2b03533e280b23232e280b34e2c3132c2b03238e280b23131e280b34500"),
				unhex("633273702e6f72672f7672662d72323535")}, ""},
			{"empty input", vrfIn{w.vrf.Bytes(), hx{}}, ""},
			{"a tag", vrfIn{w.vrf.Bytes(), wire.TagAlpha(testOrigin, testSub)}, ""},
		}},
		"tag": {"A tag is the first 32 bytes of the VRF output for alpha = \"igledger/tag/v1\\n\" origin \"\\n\" id. out.alpha is that input.", []made{
			{"CHI", tagOf(testOrigin, testSub), ""},
			{"NHS number", tagOf(testOrigin, "nhs:9434765919"), ""},
			{"register", tagOf(testOrigin, entry.RegSources), ""},
			{"another log", tagOf("log.igledger.example/2027", testSub), ""},
			tag("another person", func(in *tagIn) { in.ID = "chi:0101201234" }, wire.BadVRF),
			tag("another log's proof", func(in *tagIn) { in.Origin = "log.igledger.example/2027" }, wire.BadVRF),
			tag("another VRF key", func(in *tagIn) { in.VRFKey = other[:] }, wire.BadVRF),
			tag("VRF key is the identity element", func(in *tagIn) { in.VRFKey = make(hx, 32) }, wire.BadVRF),
			tag("VRF key is not canonical", func(in *tagIn) { in.VRFKey = unhex(strings.Repeat("ff", 32)) },
				wire.BadVRF),
			tag("another tag", func(in *tagIn) { in.Tag = flip(in.Tag, 0) }, wire.BadVRF),
			tag("Gamma is no element", func(in *tagIn) {
				in.Proof = slices.Concat(unhex(strings.Repeat("ff", 32)),
					in.Proof[32:])
			}, wire.BadVRF),
			tag("Gamma is another element", func(in *tagIn) { in.Proof = slices.Concat(other[:], in.Proof[32:]) },
				wire.BadVRF),
			tag("c changed", func(in *tagIn) { in.Proof = flip(in.Proof, 40) }, wire.BadVRF),
			tag("s changed", func(in *tagIn) { in.Proof = flip(in.Proof, 50) }, wire.BadVRF),
			tag("s is not reduced", func(in *tagIn) { in.Proof = slices.Concat(in.Proof[:48], order) }, wire.BadVRF),
			tag("proof of 79 bytes", func(in *tagIn) { in.Proof = in.Proof[:79] }, wire.BadLength),
			tag("proof of 81 bytes", func(in *tagIn) { in.Proof = append(slices.Clone(in.Proof), 0) }, wire.BadLength),
			tag("no proof", func(in *tagIn) { in.Proof = hx{} }, wire.BadLength),
		}},
		"leaf": {"What the Merkle tree hashes. leafHash is RFC 6962's SHA-256(0x00 leaf). The entry in a public leaf is of a public type.", []made{
			leaf("public", proof.PublicLeaf(genesis.Compact), ""),
			leaf("sealed", leafA, ""),
			leaf("sealed, all zero", append([]byte{2}, make([]byte, 64)...), ""),
			leaf("empty", nil, wire.BadLeaf),
			leaf("first byte 0x00", append([]byte{0}, make([]byte, 64)...), wire.BadLeaf),
			leaf("first byte 0x03", append([]byte{3}, make([]byte, 64)...), wire.BadLeaf),
			leaf("public without entry", []byte{1}, wire.BadLeaf),
			leaf("sealed of 64 bytes", leafA[:64], wire.BadLength),
			leaf("sealed of 66 bytes", append(slices.Clone(leafA), 0), wire.BadLength),
			leaf("sealed, prefix only", []byte{2}, wire.BadLength),
			leaf("public leaf with an access", proof.PublicLeaf(access.Compact), wire.BadLeaf),
			leaf("public leaf with ~ behind the entry", proof.PublicLeaf(genesis.Compact+"~"), wire.BadBase64),
			leaf("public leaf with something else", proof.PublicLeaf("hello"), wire.BadJWS),
		}},
		"commitment": {"tagCommit = HMAC-SHA256(tagSalt, 0x10 tag), bodyCommit = HMAC-SHA256(bodySalt, 0x11 JWS); the leaf is 0x02 tagCommit bodyCommit.", []made{
			commitment("an access", access.Compact),
			commitment("a longer text", strings.Repeat("x.y.z", 300)),
			commitment("no text", ""),
		}},
		"chain": {"K, head_0 to head_n and V of a history: a person's (tag) or a public one (name).", []made{
			{"a person, no entry", chainIn{Tag: tagHash[:], Steps: []chainStep{}}, ""},
			{"a person, one entry", chainIn{Tag: tagHash[:], Steps: steps[:1]}, ""},
			{"a person, three entries", chainIn{Tag: tagHash[:], Steps: steps}, ""},
			{"genesis", chainIn{Name: "genesis", Steps: []chainStep{{0, proof.PublicLeaf(genesis.Compact)}}}, ""},
			{"an organisation", chainIn{Name: "org:north-board", Steps: steps[:2]}, ""},
			{"a key", chainIn{Name: "key:" + w.board.KID, Steps: steps[1:]}, ""},
		}},
	}
}

func (w *world) keyVectors() map[string]madeFile {
	jwk := func(name, text string, code wire.Code) made { return made{name, jwkIn{text}, code} }
	ed := func(x string) string { return `{"kty":"OKP","crv":"Ed25519","x":"` + x + `"}` }
	ec := func(x, y []byte) string {
		return `{"kty":"EC","crv":"P-256","x":"` + wire.Encode64(x) + `","y":"` + wire.Encode64(y) + `"}`
	}
	x := wire.Encode64(w.board.Public.X)
	e := w.boardEC.Public
	le := func(s string) string { return wire.Encode64(unhex(s)) } // Ed25519 points are little-endian
	edSecret, _ := w.board.MarshalPrivate()
	ecSecret, _ := w.boardEC.MarshalPrivate()
	otherSecret, _ := w.university.MarshalPrivate()
	withD := func(secret []byte, d []byte) string {
		i := strings.Index(string(secret), `"d":"`) + 5
		return string(secret[:i]) + wire.Encode64(d) + string(secret[i+43:])
	}
	d := func(secret []byte) string {
		i := strings.Index(string(secret), `"d":"`) + 5
		return string(secret[i : i+43])
	}
	return map[string]madeFile{
		"jwk": {"Public keys. jwk is JSON text. The thumbprint (RFC 7638, SHA-256, base64url) is the kid.", []made{
			jwk("RFC 8037 appendix A.3", ed("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"), ""),
			jwk("Ed25519", ed(x), ""),
			jwk("P-256", ec(e.X, e.Y), ""),
			jwk("other order of members and white space",
				"{\n \"x\" : \""+x+"\", \"crv\":\"Ed25519\", \"kty\":\"OKP\" }", ""),
			jwk("not JSON", "OKP", wire.BadJSON),
			jwk("empty", "", wire.BadJSON),
			jwk("an array", "[]", wire.BadJSON),
			jwk("null", "null", wire.BadJSON),
			jwk("two values", ed(x)+"{}", wire.BadJSON),
			jwk("no members", "{}", wire.BadKey),
			jwk("x missing", `{"kty":"OKP","crv":"Ed25519"}`, wire.BadKey),
			jwk("x twice", `{"kty":"OKP","crv":"Ed25519","x":"`+x+`","x":"`+x+`"}`, wire.BadJSON),
			jwk("unknown member kid", strings.Replace(ed(x), `}`, `,"kid":"k"}`, 1), wire.BadJSON),
			jwk("private part", strings.Replace(ed(x), `}`, `,"d":"`+x+`"}`, 1), wire.BadJSON),
			jwk("member in capitals", strings.Replace(ed(x), `"x"`, `"X"`, 1), wire.BadJSON),
			jwk("y is null", strings.Replace(ed(x), `}`, `,"y":null}`, 1), wire.BadJSON),
			jwk("y on Ed25519", strings.Replace(ed(x), `}`, `,"y":"`+x+`"}`, 1), wire.BadKey),
			jwk("empty y on Ed25519", strings.Replace(ed(x), `}`, `,"y":""}`, 1), wire.BadKey),
			jwk("x is a number", `{"kty":"OKP","crv":"Ed25519","x":1}`, wire.BadJSON),
			jwk("x padded", ed(x+"="), wire.BadBase64),
			jwk("x with trailing bits", ed(x[:42]+trailing(x)), wire.BadBase64),
			jwk("x of 31 bytes", ed(wire.Encode64(w.board.Public.X[:31])), wire.BadKey),
			jwk("RSA", `{"kty":"RSA","n":"AQAB","e":"AQAB"}`, wire.BadJSON),
			jwk("X25519", strings.Replace(ed(x), "Ed25519", "X25519", 1), wire.BadKey),
			jwk("Ed448", strings.Replace(ed(x), "Ed25519", "Ed448", 1), wire.BadKey),
			jwk("P-384", strings.Replace(ec(e.X, e.Y), "P-256", "P-384", 1), wire.BadKey),
			jwk("secp256k1", strings.Replace(ec(e.X, e.Y), "P-256", "secp256k1", 1), wire.BadKey),
			jwk("kty and crv do not go together", strings.Replace(ed(x), "OKP", "EC", 1), wire.BadKey),
			jwk("P-256 without y", `{"kty":"EC","crv":"P-256","x":"`+x+`"}`, wire.BadKey),
			jwk("not on P-256", ec(e.X, e.X), wire.BadKey),
			jwk("P-256 with zeros", ec(make([]byte, 32), make([]byte, 32)), wire.BadKey),
			jwk("P-256 coordinate not below p",
				ec(unhex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"), e.Y), wire.BadKey),
			jwk("not on Ed25519 (y = 2)", ed(le("0200000000000000000000000000000000000000000000000000000000000000")),
				wire.BadKey),
			jwk("Ed25519 identity", ed(le("0100000000000000000000000000000000000000000000000000000000000000")),
				wire.BadKey),
			jwk("Ed25519 of order 2", ed(le("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")),
				wire.BadKey),
			jwk("Ed25519 of order 4", ed(le("0000000000000000000000000000000000000000000000000000000000000000")),
				wire.BadKey),
			jwk("Ed25519 of order 8", ed(le("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")),
				wire.BadKey),
			jwk("Ed25519 not canonical (y = p + 3)",
				ed(le("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")), wire.BadKey),
		}},
		"private-key": {"Key files: a JWK with d. jwk is the file's text, out the public half's algorithm and thumbprint.", []made{
			jwk("Ed25519", string(edSecret), ""),
			jwk("P-256", string(ecSecret), ""),
			jwk("line feed behind", string(otherSecret)+"\n", ""),
			jwk("no d", ed(x), wire.BadLength),
			jwk("d of 31 bytes", withD(edSecret, make([]byte, 31)), wire.BadLength),
			jwk("d of another key", strings.Replace(string(edSecret), d(edSecret), d(otherSecret), 1), wire.BadKey),
			jwk("P-256, d of another key", strings.Replace(string(ecSecret), d(ecSecret), d(otherSecret), 1),
				wire.BadKey),
			jwk("P-256, d is zero", withD(ecSecret, make([]byte, 32)), wire.BadKey),
			jwk("P-256, d is the order", withD(ecSecret, elliptic.P256().Params().N.FillBytes(make([]byte, 32))),
				wire.BadKey),
			jwk("public part malformed", `{"kty":"OKP","crv":"Ed448","x":"`+x+`","d":"`+x+`"}`, wire.BadKey),
			jwk("d twice", strings.Replace(string(edSecret), `"d"`, `"d":"`+x+`","d"`, 1), wire.BadJSON),
			jwk("unknown member", strings.Replace(string(edSecret), `"d"`, `"alg":"EdDSA","d"`, 1), wire.BadJSON),
			jwk("two files", string(edSecret)+string(edSecret), wire.BadJSON),
			jwk("d padded", strings.Replace(string(edSecret), d(edSecret), d(edSecret)+"=", 1), wire.BadBase64),
		}},
	}
}

// trailing returns s with an unused bit of its last base64url character set. It also works for
// standard base64 if that character is in both alphabets.
func trailing(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, s[len(s)-1])|1])
}

func (w *world) jwsVectors() map[string]madeFile {
	jws := func(name, compact string, s *wire.Signer, code wire.Code) made {
		return made{name, jwsIn{compact, wire.TypEntry, s.Public}, code}
	}
	b, ec := w.board, w.boardEC
	payload := `{"hello":"ledger"}`
	good, goodEC := rawJWS(b, header(wire.EdDSA, b.KID, wire.TypEntry), payload), rawJWS(ec,
		header(wire.ES256, ec.KID, wire.TypEntry), payload)
	parts := strings.Split(good, ".")
	withSig := func(compact string, change func(sig []byte) []byte) string {
		i := strings.LastIndexByte(compact, '.') + 1
		sig, err := wire.Decode64("", compact[i:])
		if err != nil {
			panic(err)
		}
		return compact[:i] + wire.Encode64(change(sig))
	}
	head := func(name, h string, code wire.Code) made { return jws(name, rawJWS(b, h, payload), b, code) }
	disclosure := func(name, array string, code wire.Code) made {
		return made{name, disclosureIn{wire.Encode64([]byte(array))}, code}
	}
	saltBytes := sha([]byte("salt"))
	salt := wire.Encode64(saltBytes[:17])
	sub := fmt.Sprintf(`[%q,"sub","chi:0101011237"]`, salt)
	return map[string]madeFile{
		"jws": {"A compact JWS with header exactly alg, kid, typ. identity is SHA-256 of the ASCII text header.payload.", []made{
			jws("EdDSA", good, b, ""),
			jws("ES256", goodEC, ec, ""),
			jws("ES256, the twin with n - s: other bytes, same identity", withSig(goodEC, highS), ec, ""),
			head("header in another order with white space", fmt.Sprintf(`{ "typ":%q, "kid":%q, "alg":"EdDSA" }`,
				wire.TypEntry, b.KID), ""),
			jws("empty", "", b, wire.BadJWS),
			jws("two parts", parts[0]+"."+parts[1], b, wire.BadJWS),
			jws("four parts", good+".AA", b, wire.BadJWS),
			jws("no signature", parts[0]+"."+parts[1]+".", b, wire.BadJWS),
			jws("no payload", parts[0]+".."+parts[2], b, wire.BadJWS),
			jws("JSON serialisation", `{"payload":"`+parts[1]+`"}`, b, wire.BadJWS),
			jws("header padded", parts[0]+"=."+parts[1]+"."+parts[2], b, wire.BadBase64),
			jws("payload with a line break", parts[0]+"."+parts[1][:4]+"\n"+parts[1][4:]+"."+parts[2], b,
				wire.BadBase64),
			jws("signature with trailing bits", parts[0]+"."+parts[1]+"."+parts[2][:85]+trailing(parts[2]), b,
				wire.BadBase64),
			jws("signature of 63 bytes", withSig(good, func(s []byte) []byte { return s[:63] }), b, wire.BadLength),
			jws("signature of 65 bytes", withSig(good, func(s []byte) []byte { return append(s, 0) }), b,
				wire.BadLength),
			head("header is no JSON", `alg`, wire.BadHeader),
			head("header with crit", strings.Replace(header(wire.EdDSA, b.KID, wire.TypEntry), `{`, `{"crit":["x"],`,
				1), wire.BadHeader),
			head("header with jwk", strings.Replace(header(wire.EdDSA, b.KID, wire.TypEntry), `{`, `{"jwk":{},`, 1),
				wire.BadHeader),
			head("alg twice", strings.Replace(header(wire.EdDSA, b.KID, wire.TypEntry), `{`, `{"alg":"EdDSA",`, 1),
				wire.BadHeader),
			head("Alg in capitals", strings.Replace(header(wire.EdDSA, b.KID, wire.TypEntry), `alg`, `Alg`, 1),
				wire.BadHeader),
			head("alg null", strings.Replace(header(wire.EdDSA, b.KID, wire.TypEntry), `"EdDSA"`, `null`, 1),
				wire.BadHeader),
			head("alg none", header("none", b.KID, wire.TypEntry), wire.UnknownAlgorithm),
			head("alg missing", fmt.Sprintf(`{"kid":%q,"typ":%q}`, b.KID, wire.TypEntry), wire.UnknownAlgorithm),
			head("alg HS256", header("HS256", b.KID, wire.TypEntry), wire.UnknownAlgorithm),
			head("alg Ed25519 (RFC 9864)", header("Ed25519", b.KID, wire.TypEntry), wire.UnknownAlgorithm),
			head("another typ", header(wire.EdDSA, b.KID, wire.TypCaller), wire.BadHeader),
			head("typ JWT", header(wire.EdDSA, b.KID, "JWT"), wire.BadHeader),
			head("typ missing", fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, b.KID), wire.BadHeader),
			head("typ in capitals", header(wire.EdDSA, b.KID, strings.ToUpper(wire.TypEntry)), wire.BadHeader),
			head("kid missing", fmt.Sprintf(`{"alg":"EdDSA","typ":%q}`, wire.TypEntry), wire.BadHeader),
			head("kid is a name", header(wire.EdDSA, "board", wire.TypEntry), wire.BadHeader),
			head("kid with trailing bits", header(wire.EdDSA, b.KID[:42]+trailing(b.KID), wire.TypEntry),
				wire.BadHeader),
			jws("kid of another key", rawJWS(b, header(wire.EdDSA, w.stranger.KID, wire.TypEntry), payload), b,
				wire.UnknownKey),
			jws("ES256 said of an Ed25519 key", rawJWS(b, header(wire.ES256, b.KID, wire.TypEntry), payload), b,
				wire.UnknownAlgorithm),
			jws("EdDSA said of a P-256 key", rawJWS(ec, header(wire.EdDSA, ec.KID, wire.TypEntry), payload), ec,
				wire.UnknownAlgorithm),
			jws("signed by another key", rawJWS(w.stranger, header(wire.EdDSA, b.KID, wire.TypEntry), payload), b,
				wire.BadSignature),
			jws("one bit of the signature changed", withSig(good, func(s []byte) []byte { s[5] ^= 1; return s }), b,
				wire.BadSignature),
			jws("payload exchanged", parts[0]+"."+wire.Encode64([]byte(`{"hello":"mallory"}`))+"."+parts[2], b,
				wire.BadSignature),
			jws("EdDSA, S + L", withSig(good, plusL), b, wire.BadSignature),
			jws("ES256, zeros", withSig(goodEC, func(s []byte) []byte { return make([]byte, 64) }), ec,
				wire.BadSignature),
		}},
		"disclosure": {"base64url of the JSON array [salt, name, value] (RFC 9901 section 4.2.1). digest is what stands in _sd.", []made{
			disclosure("sub", sub, ""),
			disclosure("an object", fmt.Sprintf(`[%q,"staff",{"id":"n-4711","name":"A. Tester"}]`, salt), ""),
			disclosure("a number, white space", fmt.Sprintf(`[ %q, "seq", 41 ]`, salt), ""),
			disclosure("salt of 22 characters", fmt.Sprintf(`[%q,"seq",1]`, salt[:22]), ""),
			disclosure("null in what is not ours", fmt.Sprintf(`[%q,"fhir",{"given":[null]}]`, salt), ""),
			{"not base64url", disclosureIn{wire.Encode64([]byte(sub)) + "="}, wire.BadBase64},
			{"empty", disclosureIn{""}, wire.BadJSON},
			disclosure("an object", `{}`, wire.BadJSON),
			disclosure("two elements", fmt.Sprintf(`[%q,"sub"]`, salt), wire.BadDisclosure),
			disclosure("four elements", fmt.Sprintf(`[%q,"sub",1,2]`, salt), wire.BadDisclosure),
			disclosure("no elements", `[]`, wire.BadDisclosure),
			disclosure("null", `null`, wire.BadJSON),
			disclosure("short salt", fmt.Sprintf(`[%q,"sub","chi:0101011237"]`, salt[:21]), wire.BadDisclosure),
			disclosure("salt of spaces", fmt.Sprintf(`[%q,"sub","chi:0101011237"]`, strings.Repeat(" ", 22)),
				wire.BadDisclosure),
			disclosure("salt is null", `[null,"sub",1]`, wire.BadDisclosure),
			disclosure("name is a number", fmt.Sprintf(`[%q,1,1]`, salt), wire.BadDisclosure),
			disclosure("name is null", fmt.Sprintf(`[%q,null,1]`, salt), wire.BadDisclosure),
			disclosure("something behind", sub+"1", wire.BadJSON),
			disclosure("invalid UTF-8", fmt.Sprintf("[%q,\"text\",\"\xff\"]", salt), wire.BadJSON),
			disclosure("a member twice", fmt.Sprintf(`[%q,"staff",{"id":"a","id":"b"}]`, salt), wire.BadJSON),
		}},
	}
}

// highS returns the other valid ES256 signature of the same message.
func highS(sig []byte) []byte {
	n := elliptic.P256().Params().N
	s := bigInt(sig[32:])
	s.Sub(n, s).FillBytes(sig[32:])
	return sig
}

// plusL returns S + L, which lenient verifiers accept as S.
func plusL(sig []byte) []byte {
	l := bigInt(unhex("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed"))
	s := slices.Clone(sig[32:])
	slices.Reverse(s)
	sum := l.Add(l, bigInt(s)).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return append(sig[:32], sum...)
}

func bigInt(b []byte) *big.Int { return new(big.Int).SetBytes(b) }
