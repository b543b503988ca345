package entry

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"
)

const (
	testOrigin = "log.igledger.example/2026"
	testIat    = 1795305600 // 2026-11-22T00:00:00Z
	testSub    = "chi:0101011237"
)

// world is a log's cast with fixed keys: three founders, a health board that is a source (Ed25519 and P-256 keys), a university.
type world struct {
	t                                               testing.TB
	registrar, enroller, operator                   *Signer
	board, boardEC, boardNext, university, stranger *Signer
	vrf                                             *VRFKey
	logSigner                                       note.Signer
	logSecret, logKey                               string
	jti                                             int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t}
	for name, s := range w.signers() {
		alg := EdDSA
		if name == "board-es256" || name == "enroller" {
			alg = ES256
		}
		*s = testSigner(t, name, alg)
	}
	secret := sha256.Sum256([]byte("igledger test vrf key"))
	secret[31] &= 0x0f // below the group order
	var err error
	if w.vrf, err = ParseVRFKey(secret[:]); err != nil {
		t.Fatal(err)
	}
	w.logSecret, w.logKey = testLogKey(t, testOrigin)
	if w.logSigner, err = note.NewSigner(w.logSecret); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) signers() map[string]**Signer {
	return map[string]**Signer{
		"registrar": &w.registrar, "enroller": &w.enroller, "operator": &w.operator, "board": &w.board, "board-es256": &w.boardEC,
		"board-next": &w.boardNext, "university": &w.university, "stranger": &w.stranger,
	}
}

// testSigner makes a key from its name: SHA-256 of "igledger test key <name>" is the Ed25519 seed or the P-256 scalar.
func testSigner(t testing.TB, name, alg string) *Signer {
	t.Helper()
	d := sha256.Sum256([]byte("igledger test key " + name))
	var key crypto.Signer = ed25519.NewKeyFromSeed(d[:])
	if alg == ES256 {
		var err error
		if key, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:]); err != nil {
			t.Fatal(err)
		}
	}
	s, err := NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testLogKey(t testing.TB, origin string) (skey, vkey string) {
	t.Helper()
	seed := sha256.Sum256([]byte("igledger test log key " + origin))
	pub := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(origin, pub)
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Split(vkey, "+")[1]
	return "PRIVATE+KEY+" + origin + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...)), vkey
}

type keyFile struct {
	About       string         `json:"about"`
	Keys        map[string]any `json:"keys"` // private JWKs by name
	VRFSecret   hx             `json:"vrfSecret"`
	VRFKey      hx             `json:"vrfKey"`
	LogSecret   string         `json:"logSecret"` // signed-note signer key
	VerifierKey string         `json:"verifierKey"`
}

func (w *world) keyFile(t *testing.T) keyFile {
	pub := w.vrf.Public()
	f := keyFile{
		About: "Test keys, worth nothing: everything in the vectors can be signed again with them. Ed25519 seeds and P-256 scalars are SHA-256 of \"igledger test key <name>\".",
		Keys:  map[string]any{}, VRFSecret: w.vrf.Bytes(), VRFKey: pub[:], LogSecret: w.logSecret, VerifierKey: w.logKey,
	}
	for name, s := range w.signers() {
		data, err := (*s).MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		var jwk map[string]any
		if err := json.Unmarshal(data, &jwk); err != nil {
			t.Fatal(err)
		}
		f.Keys[name] = jwk
	}
	return f
}

func (w *world) common(iss string) Common {
	w.jti++
	return Common{Issuer: iss, Audience: testOrigin, IssuedAt: testIat + int64(w.jti), ID: fmt.Sprintf("6ba7b810-9dad-41d1-80b4-%012x", w.jti)}
}

func (w *world) sign(s *Signer, body Body) *Entry {
	w.t.Helper()
	e, err := Sign(s, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) prove(s *Signer, org string) string {
	w.t.Helper()
	p, err := ProveKey(s, testOrigin, org)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) countersign(s *Signer, c Countersignature) string {
	w.t.Helper()
	if c.IssuedAt == 0 {
		c.IssuedAt = testIat
	}
	if c.Audience == "" {
		c.Audience = testOrigin
	}
	compact, err := Countersign(s, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return compact
}

func pk(s *Signer, purposes ...Purpose) PublicKey {
	return PublicKey{JWK: s.Public, Purposes: purposes}
}

func member(id, name, kind string, roles ...Role) Member {
	return Member{ID: id, Name: name, Kind: kind, Roles: roles}
}

func (w *world) genesisBody() *Genesis {
	return &Genesis{
		Common: w.common("registry"), Formats: FormatsV1, VRFKey: w.vrf.Public(), LogKey: w.logKey, IndexLag: 4096,
		Registrar: GenesisParty{member("registry", "Test Register of Organisations", "regulator", RoleRegistrar), pk(w.registrar, PurposeAdminister)},
		Enroller:  GenesisParty{member("guardian", "Test Information Guardian", "regulator", RoleEnroller), pk(w.enroller, PurposeAdminister)},
		Operator:  GenesisParty{member("operator", "Test Operator", "supplier", RoleOperator, RoleSource), pk(w.operator, PurposeAdminister, PurposeSubmit)},
		Proofs:    []string{w.prove(w.registrar, "registry"), w.prove(w.enroller, "guardian"), w.prove(w.operator, "operator")},
	}
}

var boardMember = member("north-board", "North Test Health Board", "health-board", RoleController, RoleSource)

func (w *world) boardBody() *Organisation {
	return &Organisation{Common: w.common("registry"), Organisation: boardMember,
		Counter: w.countersign(w.enroller, Countersignature{Issuer: "guardian", Organisation: &boardMember})}
}

func (w *world) boardKeyBody() *Key {
	key := pk(w.board, PurposeAdminister, PurposeSubmit)
	return &Key{Common: w.common("registry"), Org: "north-board", Key: key, Proof: w.prove(w.board, "north-board"),
		Counter: w.countersign(w.enroller, Countersignature{Issuer: "guardian", Org: "north-board", Key: &key})}
}

// ownKey is a key that the board adds by itself.
func (w *world) ownKey(s *Signer, purposes ...Purpose) *Key {
	return &Key{Common: w.common("north-board"), Org: "north-board", Key: pk(s, purposes...), Proof: w.prove(s, "north-board")}
}

func (w *world) accessBody() *Access {
	seq := uint64(41)
	return &Access{
		Common: w.common("north-board"), Source: "trak", System: "TrakCare", Action: "R", Outcome: "0",
		Event:   []string{"http://terminology.hl7.org/CodeSystem/audit-event-type|rest", "http://hl7.org/fhir/restful-interaction|read"},
		Data:    []string{"http://hl7.org/fhir/resource-types|AllergyIntolerance"},
		Purpose: []string{"TREAT"}, Role: []string{"nurse"}, Agreement: "isa-2026-17",
		Occurred: "2026-11-22T08:15:00Z", Recorded: "2026-11-22T08:15:00.250Z",
		Sub: testSub, Staff: &Staff{ID: "n-4711", System: "https://north.example/staff", Name: "A. Tester"},
		Parties: []Party{{Type: "http://dicom.nema.org/resources/ontology/DCM|110153", ID: "trak-server", Address: "192.0.2.7"}},
		Text:    &Text{Why: "ward round"}, Seq: &seq, FHIR: []byte(`{"source":{"site":"ward 7"}}`),
	}
}

// edit replaces old by new once in the payload of e and signs again; what Sign would refuse can so be made. Disclosures stay.
func (w *world) edit(e *Entry, s *Signer, old, new string) string {
	w.t.Helper()
	payload := string(e.Payload)
	if strings.Count(payload, old) == 0 {
		w.t.Fatalf("%q is not in %s", old, payload)
	}
	compact := rawJWS(s, header(s.Public.Algorithm(), s.KID, TypEntry), strings.Replace(payload, old, new, 1))
	return strings.Replace(e.SDJWT(), e.Compact, compact, 1)
}

func header(alg, kid, typ string) string {
	return fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":%q}`, alg, kid, typ)
}

// rawJWS signs any header and payload.
func rawJWS(s *Signer, header, payload string) string {
	signing := Encode64([]byte(header)) + "." + Encode64([]byte(payload))
	return signing + "." + Encode64(rawSignature(s, signing))
}

func rawSignature(s *Signer, signing string) []byte {
	if k, ok := s.key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(k, []byte(signing))
	}
	h := sha256.Sum256([]byte(signing))
	r, v, err := ecdsa.Sign(rand.Reader, s.key.(*ecdsa.PrivateKey), h[:])
	if err != nil {
		panic(err)
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	v.FillBytes(sig[32:])
	return sig
}

// seal makes the leaf, opening and receipt-to-be of e with fixed salts.
func (w *world) seal(e *Entry, index uint64) (leaf []byte, o Opening) {
	tag, proof := w.vrf.Tag(testOrigin, e.ShownSub())
	o = Opening{
		Index: index, TagSalt: sha256.Sum256(fmt.Appendf(nil, "tag salt %d", index)), Tag: tag, VRFProof: proof,
		BodySalt: sha256.Sum256(fmt.Appendf(nil, "body salt %d", index)), JWS: e.Compact, Disclosures: e.Encoded(),
	}
	return SealedLeaf(TagCommit(o.TagSalt, tag), BodyCommit(o.BodySalt, e.Compact)), o
}

// mth is RFC 6962's MTH, as naive as the RFC writes it.
func mth(leaves [][]byte) Hash {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return LeafHash(leaves[0])
	default:
		k := split(n)
		l, r := mth(leaves[:k]), mth(leaves[k:])
		return sha([]byte{1}, l[:], r[:])
	}
}

// path is RFC 6962's PATH.
func path(m int, leaves [][]byte) []Hash {
	if len(leaves) <= 1 {
		return nil
	}
	k := split(len(leaves))
	if m < k {
		return append(path(m, leaves[:k]), mth(leaves[k:]))
	}
	return append(path(m-k, leaves[k:]), mth(leaves[:k]))
}

func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

func (w *world) checkpoint(leaves [][]byte) []byte {
	w.t.Helper()
	signed, err := Checkpoint{testOrigin, uint64(len(leaves)), mth(leaves)}.Sign(w.logSigner)
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

func (w *world) proof(m int, leaves [][]byte) Proof {
	return Proof{Index: uint64(m), Hashes: path(m, leaves), Checkpoint: w.checkpoint(leaves)}
}

func testTime() time.Time { return time.Unix(testIat, 0).UTC() }

// sha is SHA-256 of parts one after the other, computed here and not by the code under test.
func sha(parts ...[]byte) Hash { return sha256.Sum256(bytes.Join(parts, nil)) }
