package entry_test

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

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

const (
	testOrigin = "log.igledger.example/2026"
	testIat    = 1795305600 // 2026-11-22T00:00:00Z
	testSub    = "chi:0101011237"
)

// world holds the parties of a log with fixed keys: three founders, a health board that is a source
// (Ed25519 and P-256 keys), a university.
type world struct {
	t                                               testing.TB
	registrar, enroller, operator                   *wire.Signer
	board, boardEC, boardNext, university, stranger *wire.Signer
	vrf                                             *wire.VRFKey
	logSigner                                       note.Signer
	logSecret, logKey                               string
	jti                                             int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t}
	for name, s := range w.signers() {
		alg := wire.EdDSA
		if name == "board-es256" || name == "enroller" {
			alg = wire.ES256
		}
		*s = testSigner(t, name, alg)
	}
	secret := sha256.Sum256([]byte("igledger test vrf key"))
	secret[31] &= 0x0f // below the group order
	var err error
	if w.vrf, err = wire.ParseVRFKey(secret[:]); err != nil {
		t.Fatal(err)
	}
	w.logSecret, w.logKey = testLogKey(t, testOrigin)
	if w.logSigner, err = note.NewSigner(w.logSecret); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) signers() map[string]**wire.Signer {
	return map[string]**wire.Signer{
		"registrar":   &w.registrar,
		"enroller":    &w.enroller,
		"operator":    &w.operator,
		"board":       &w.board,
		"board-es256": &w.boardEC,
		"board-next":  &w.boardNext, "university": &w.university, "stranger": &w.stranger,
	}
}

// testSigner makes a key from its name: SHA-256 of "igledger test key <name>" is the Ed25519 seed
// or the P-256 scalar.
func testSigner(t testing.TB, name, alg string) *wire.Signer {
	t.Helper()
	d := sha256.Sum256([]byte("igledger test key " + name))
	var key crypto.Signer = ed25519.NewKeyFromSeed(d[:])
	if alg == wire.ES256 {
		var err error
		if key, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:]); err != nil {
			t.Fatal(err)
		}
	}
	s, err := wire.NewSigner(key)
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
	return "PRIVATE+KEY+" + origin + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1},
		seed[:]...)), vkey
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
		About:       "Test keys, worth nothing: everything in the vectors can be signed again with them. Ed25519 seeds and P-256 scalars are SHA-256 of \"igledger test key <name>\".",
		Keys:        map[string]any{},
		VRFSecret:   w.vrf.Bytes(),
		VRFKey:      pub[:],
		LogSecret:   w.logSecret,
		VerifierKey: w.logKey,
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

func (w *world) common(iss string) entry.Common {
	w.jti++
	return entry.Common{Issuer: iss, Audience: testOrigin, IssuedAt: testIat + int64(w.jti),
		ID: fmt.Sprintf("6ba7b810-9dad-41d1-80b4-%012x", w.jti)}
}

func (w *world) sign(s *wire.Signer, body entry.Body) *entry.Entry {
	w.t.Helper()
	e, err := entry.Sign(s, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) prove(s *wire.Signer, org string) string {
	w.t.Helper()
	p, err := entry.ProveKey(s, testOrigin, org)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) countersign(s *wire.Signer, c entry.Countersignature) string {
	w.t.Helper()
	if c.IssuedAt == 0 {
		c.IssuedAt = testIat
	}
	if c.Audience == "" {
		c.Audience = testOrigin
	}
	compact, err := entry.Countersign(s, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return compact
}

func pk(s *wire.Signer, purposes ...entry.Purpose) entry.PublicKey {
	return entry.PublicKey{JWK: s.Public, Purposes: purposes}
}

func member(id, name, kind string, roles ...entry.Role) entry.Member {
	return entry.Member{ID: id, Name: name, Kind: kind, Roles: roles}
}

func (w *world) genesisBody() *entry.Genesis {
	return &entry.Genesis{
		Common:   w.common("registry"),
		Formats:  entry.FormatsV1,
		VRFKey:   w.vrf.Public(),
		LogKey:   w.logKey,
		IndexLag: 4096,
		Registrar: entry.GenesisParty{Member: member("registry", "Test Register of Organisations", "regulator",
			entry.RoleRegistrar), Key: pk(w.registrar, entry.PurposeAdminister)},
		Enroller: entry.GenesisParty{Member: member("guardian", "Test Information Guardian", "regulator",
			entry.RoleEnroller), Key: pk(w.enroller, entry.PurposeAdminister)},
		Operator: entry.GenesisParty{Member: member("operator", "Test Operator", "supplier", entry.RoleOperator,
			entry.RoleSource), Key: pk(w.operator, entry.PurposeAdminister, entry.PurposeSubmit)},
		Proofs: []string{w.prove(w.registrar, "registry"), w.prove(w.enroller, "guardian"),
			w.prove(w.operator, "operator")},
	}
}

var boardMember = member("north-board", "North Test Health Board", "health-board", entry.RoleController,
	entry.RoleSource)

func (w *world) boardBody() *entry.Organisation {
	return &entry.Organisation{Common: w.common("registry"), Organisation: boardMember,
		Counter: w.countersign(w.enroller, entry.Countersignature{Issuer: "guardian", Organisation: &boardMember})}
}

func (w *world) boardKeyBody() *entry.Key {
	key := pk(w.board, entry.PurposeAdminister, entry.PurposeSubmit)
	return &entry.Key{Common: w.common("registry"), Org: "north-board", Key: key,
		Proof:   w.prove(w.board, "north-board"),
		Counter: w.countersign(w.enroller, entry.Countersignature{Issuer: "guardian", Org: "north-board", Key: &key})}
}

// ownKey is a key that the board adds by itself.
func (w *world) ownKey(s *wire.Signer, purposes ...entry.Purpose) *entry.Key {
	return &entry.Key{Common: w.common("north-board"), Org: "north-board", Key: pk(s, purposes...),
		Proof: w.prove(s, "north-board")}
}

func (w *world) accessBody() *entry.Access {
	seq := uint64(41)
	return &entry.Access{
		Common: w.common("north-board"), Source: "trak", System: "TrakCare", Action: "R", Outcome: "0",
		Event: []string{"http://terminology.hl7.org/CodeSystem/audit-event-type|rest",
			"http://hl7.org/fhir/restful-interaction|read"},
		Data:    []string{"http://hl7.org/fhir/resource-types|AllergyIntolerance"},
		Purpose: []string{"TREAT"}, Role: []string{"nurse"}, Agreement: "isa-2026-17",
		Occurred: "2026-11-22T08:15:00Z", Recorded: "2026-11-22T08:15:00.250Z",
		Sub: testSub, Staff: &entry.Staff{ID: "n-4711", System: "https://north.example/staff", Name: "A. Tester"},
		Parties: []entry.Party{{Type: "http://dicom.nema.org/resources/ontology/DCM|110153", ID: "trak-server",
			Address: "192.0.2.7"}},
		Text: &entry.Text{Why: "ward round"}, Seq: &seq, FHIR: []byte(`{"source":{"site":"ward 7"}}`),
	}
}

// edit replaces old by new once in the payload of e and signs again, also what Sign would refuse.
// Disclosures stay.
func (w *world) edit(e *entry.Entry, s *wire.Signer, old, new string) string {
	w.t.Helper()
	payload := string(e.Payload)
	if strings.Count(payload, old) == 0 {
		w.t.Fatalf("%q is not in %s", old, payload)
	}
	compact := rawJWS(s, header(s.Public.Algorithm(), s.KID, wire.TypEntry), strings.Replace(payload, old, new, 1))
	return strings.Replace(e.SDJWT(), e.Compact, compact, 1)
}

func header(alg, kid, typ string) string {
	return fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":%q}`, alg, kid, typ)
}

// rawJWS signs any header and payload.
func rawJWS(s *wire.Signer, header, payload string) string {
	signing := wire.Encode64([]byte(header)) + "." + wire.Encode64([]byte(payload))
	return signing + "." + wire.Encode64(rawSignature(s, signing))
}

// rawSignature signs with the key itself, which it takes from the marshalled form.
func rawSignature(s *wire.Signer, signing string) []byte {
	marshalled, err := s.MarshalPrivate()
	if err != nil {
		panic(err)
	}
	var private struct {
		D wire.Bytes `json:"d"`
	}
	if err := json.Unmarshal(marshalled, &private); err != nil {
		panic(err)
	}
	if s.Public.Algorithm() == wire.EdDSA {
		return ed25519.Sign(ed25519.NewKeyFromSeed(private.D), []byte(signing))
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), private.D)
	if err != nil {
		panic(err)
	}
	h := sha256.Sum256([]byte(signing))
	r, v, err := ecdsa.Sign(rand.Reader, key, h[:])
	if err != nil {
		panic(err)
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	v.FillBytes(sig[32:])
	return sig
}

// seal makes the leaf, opening and receipt-to-be of e with fixed salts.
func (w *world) seal(e *entry.Entry, index uint64) (leaf []byte, o bundle.Opening) {
	tag, vrfProof := w.vrf.Tag(testOrigin, e.ShownSub())
	o = bundle.Opening{
		Index: index, TagSalt: sha256.Sum256(fmt.Appendf(nil, "tag salt %d", index)), Tag: tag, VRFProof: vrfProof,
		BodySalt: sha256.Sum256(fmt.Appendf(nil, "body salt %d", index)), JWS: e.Compact, Disclosures: e.Encoded(),
	}
	return proof.SealedLeaf(proof.TagCommit(o.TagSalt, tag), proof.BodyCommit(o.BodySalt, e.Compact)), o
}

// mth is MTH of RFC 6962, as naive as in the RFC.
func mth(leaves [][]byte) wire.Hash {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return proof.LeafHash(leaves[0])
	default:
		k := split(n)
		l, r := mth(leaves[:k]), mth(leaves[k:])
		return sha([]byte{1}, l[:], r[:])
	}
}

// path is RFC 6962's PATH.
func path(m int, leaves [][]byte) []wire.Hash {
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
	signed, err := proof.Checkpoint{Origin: testOrigin, Size: uint64(len(leaves)), Root: mth(leaves)}.Sign(w.logSigner)
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

func (w *world) proof(m int, leaves [][]byte) proof.Inclusion {
	return proof.Inclusion{Index: uint64(m), Hashes: path(m, leaves), Checkpoint: w.checkpoint(leaves)}
}

func testTime() time.Time { return time.Unix(testIat, 0).UTC() }

// sha returns SHA-256 of the concatenated parts, computed here and not by the code under test.
func sha(parts ...[]byte) wire.Hash { return sha256.Sum256(bytes.Join(parts, nil)) }
