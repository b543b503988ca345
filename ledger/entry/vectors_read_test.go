package entry_test

import (
	"errors"
	"slices"
	"time"

	vrf "filippo.io/mostly-harmless/vrf-r255"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// structures holds for each vector file the function that reads its vectors: in -> out or an error.
var structures = map[string]func(jsontext.Value) (any, error){
	"id":            reader(readID),
	"person-number": reader(readPersonNumber),
	"base64url":     reader(readBase64),
	"vrf":           reader(readVRF),
	"tag":           reader(readTag),
	"leaf":          reader(readLeaf),
	"commitment":    reader(readCommitment),
	"chain":         reader(readChain),
	"feed":          reader(readFeed),
	"jwk":           reader(readJWK),
	"private-key":   reader(readPrivateKey),
	"jws":           reader(readJWS),
	"disclosure":    reader(readDisclosure),

	"access":         reader(readEntry),
	"organisation":   reader(readEntry),
	"key":            reader(readEntry),
	"key-revocation": reader(readEntry),
	"genesis":        reader(readEntry),

	"agreement":           reader(readEntry),
	"agreement-signature": reader(readEntry),
	"agreement-act":       reader(readEntry),
	"sharing-request":     reader(readEntry),
	"sharing-decision":    reader(readEntry),
	"policy-set":          reader(readEntry),
	"consent":             reader(readEntry),
	"delegation":          reader(readEntry),
	"decision":            reader(readEntry),
	"link":                reader(readEntry),

	"key-proof":        reader(readKeyProof),
	"countersignature": reader(readCountersignature),
	"register":         reader(readRegister),
	"checkpoint":       reader(readCheckpoint),
	"proof":            reader(readProof),
	"opening":          reader(readOpening),
	"receipt":          reader(readReceipt),
	"caller":           reader(readCaller),

	"heartbeat":    reader(readEntry),
	"source-count": reader(readEntry),

	"index-root":  reader(readEntry),
	"index":       reader(readIndex),
	"multi-proof": reader(readMultiProof),
	"statement":   reader(readStatement),
	"extract":     reader(readExtract),
}

func reader[In, Out any](f func(In) (Out, error)) func(jsontext.Value) (any, error) {
	return func(raw jsontext.Value) (any, error) {
		var in In
		if err := json.Unmarshal(raw, &in, json.RejectUnknownMembers(true)); err != nil {
			return nil, err
		}
		return f(in)
	}
}

type idIn struct {
	ID string `json:"id"`
}
type idOut struct {
	CheckDigit bool `json:"checkDigit"`
}

func readID(in idIn) (idOut, error) { return idOut{entry.CheckDigitOK(in.ID)}, entry.CheckID(in.ID) }

type textIn struct {
	Text string `json:"text"`
}
type foundOut struct {
	Found bool `json:"found"`
}

func readPersonNumber(in textIn) (foundOut, error) {
	return foundOut{entry.ContainsPersonNumber(in.Text)}, nil
}

type bytesOut struct {
	Bytes hx `json:"bytes"`
}

func readBase64(in textIn) (bytesOut, error) {
	b, err := wire.Decode64("text", in.Text)
	return bytesOut{b}, err
}

type vrfIn struct {
	SecretKey hx `json:"secretKey"`
	Alpha     hx `json:"alpha"`
}
type vrfOut struct {
	PublicKey hx `json:"publicKey"`
	Proof     hx `json:"proof"`
	Beta      hx `json:"beta"`
}

func readVRF(in vrfIn) (vrfOut, error) {
	k, err := vrf.NewPrivateKey(in.SecretKey)
	if err != nil {
		return vrfOut{}, err
	}
	p := k.Prove(in.Alpha)
	return vrfOut{k.PublicKey().Bytes(), p.Bytes(), p.Hash()}, nil
}

type tagIn struct {
	VRFKey hx     `json:"vrfKey"`
	Origin string `json:"origin"`
	ID     string `json:"id"`
	Tag    hx     `json:"tag"`
	Proof  hx     `json:"proof"`
}
type tagOut struct {
	Alpha hx `json:"alpha"`
}

func readTag(in tagIn) (tagOut, error) {
	return tagOut{wire.TagAlpha(in.Origin, in.ID)}, wire.VerifyTag(wire.Hash(in.VRFKey), in.Origin, in.ID,
		wire.Hash(in.Tag), in.Proof)
}

type leafIn struct {
	Leaf hx `json:"leaf"`
}
type leafOut struct {
	JWS        string `json:"jws,omitempty"`
	TagCommit  hx     `json:"tagCommit,omitempty"`
	BodyCommit hx     `json:"bodyCommit,omitempty"`
	LeafHash   hx     `json:"leafHash"`
}

func readLeaf(in leafIn) (leafOut, error) {
	l, err := proof.ParseLeaf(in.Leaf)
	if err != nil {
		return leafOut{}, err
	}
	h := proof.LeafHash(in.Leaf)
	if l.Public {
		_, err := l.Entry()
		return leafOut{JWS: l.JWS, LeafHash: h[:]}, err
	}
	return leafOut{TagCommit: l.TagCommit[:], BodyCommit: l.BodyCommit[:], LeafHash: h[:]}, nil
}

type commitmentIn struct {
	TagSalt  hx     `json:"tagSalt"`
	Tag      hx     `json:"tag"`
	BodySalt hx     `json:"bodySalt"`
	JWS      string `json:"jws"`
}

func readCommitment(in commitmentIn) (leafOut, error) {
	t, b := proof.TagCommit(wire.Hash(in.TagSalt), wire.Hash(in.Tag)), proof.BodyCommit(wire.Hash(in.BodySalt), in.JWS)
	h := proof.LeafHash(proof.SealedLeaf(t, b))
	return leafOut{TagCommit: t[:], BodyCommit: b[:], LeafHash: h[:]}, nil
}

type chainIn struct {
	Tag   hx          `json:"tag,omitempty"`
	Name  string      `json:"name,omitempty"`
	Steps []chainStep `json:"steps"`
}
type chainStep struct {
	Index uint64 `json:"index"`
	Leaf  hx     `json:"leaf"`
}
type chainOut struct {
	K     hx   `json:"k"`
	Heads []hx `json:"heads"` // head_0 to head_n
	V     hx   `json:"v"`
}

func readChain(in chainIn) (chainOut, error) {
	k, head := proof.NameKey(in.Name), proof.NameHead0(in.Name)
	if in.Tag != nil {
		k, head = proof.TagKey(wire.Hash(in.Tag)), proof.TagHead0(wire.Hash(in.Tag))
	}
	out := chainOut{K: k[:], Heads: []hx{slices.Clone(head[:])}}
	for _, s := range in.Steps {
		head = proof.NextHead(head, s.Index, proof.LeafHash(s.Leaf))
		out.Heads = append(out.Heads, slices.Clone(head[:]))
	}
	v := proof.IndexValue(uint64(len(in.Steps)), head)
	out.V = v[:]
	return out, nil
}

type jwkIn struct {
	JWK string `json:"jwk"` // as text, because a fault may not survive a JSON parser
}
type jwkOut struct {
	Alg        string `json:"alg"`
	Thumbprint string `json:"thumbprint"`
}

func readJWK(in jwkIn) (jwkOut, error) {
	var k wire.JWK
	if err := wire.DecodeJSON("JWK", []byte(in.JWK), &k); err != nil {
		return jwkOut{}, err
	}
	_, err := k.Public()
	return jwkOut{k.Algorithm(), k.Thumbprint()}, err
}

func readPrivateKey(in jwkIn) (jwkOut, error) {
	s, err := wire.ParseSigner([]byte(in.JWK))
	if err != nil {
		return jwkOut{}, err
	}
	return jwkOut{s.Public.Algorithm(), s.KID}, nil
}

type jwsIn struct {
	JWS string   `json:"jws"`
	Typ string   `json:"typ"`
	JWK wire.JWK `json:"jwk"`
}
type jwsOut struct {
	Alg      string `json:"alg"`
	KID      string `json:"kid"`
	Payload  string `json:"payload"`
	Identity hx     `json:"identity"`
}

func readJWS(in jwsIn) (jwsOut, error) {
	j, err := wire.ParseJWS("jws", in.JWS, in.Typ)
	if err != nil {
		return jwsOut{}, err
	}
	id := j.Identity()
	return jwsOut{j.Alg, j.KID, string(j.Payload), id[:]}, j.Verify(in.JWK)
}

type disclosureIn struct {
	Disclosure string `json:"disclosure"`
}
type disclosureOut struct {
	Name   string         `json:"name"`
	Value  jsontext.Value `json:"value"`
	Digest string         `json:"digest"`
}

func readDisclosure(in disclosureIn) (disclosureOut, error) {
	d, err := wire.ParseDisclosure(in.Disclosure)
	return disclosureOut{d.Name, d.Value, d.Digest()}, err
}

type entryIn struct {
	Entry string   `json:"entry"`
	JWK   wire.JWK `json:"jwk"`
}
type entryOut struct {
	Type     entry.Type        `json:"type"`
	Sealed   bool              `json:"sealed"`
	History  string            `json:"history,omitempty"`
	Identity hx                `json:"identity"`
	Claims   jsontext.Value    `json:"claims"`
	Shown    map[string]string `json:"shown,omitempty"` // disclosures: name to its JSON value as text
}

func readEntry(in entryIn) (entryOut, error) {
	e, err := entry.Parse(in.Entry)
	if err != nil {
		return entryOut{}, err
	}
	id := e.Identity()
	out := entryOut{Type: e.Type, Sealed: e.Type.Sealed(), History: e.Name(), Identity: id[:], Claims: e.Payload}
	for _, d := range e.Disclosures {
		if out.Shown == nil {
			out.Shown = map[string]string{}
		}
		out.Shown[d.Name] = string(d.Value)
	}
	return out, e.JWS.Verify(in.JWK)
}

type keyProofIn struct {
	Proof  string   `json:"proof"`
	Origin string   `json:"origin"`
	Org    string   `json:"organisation"`
	JWK    wire.JWK `json:"jwk"`
}

func readKeyProof(in keyProofIn) (jwkOut, error) {
	return jwkOut{in.JWK.Algorithm(), in.JWK.Thumbprint()}, entry.CheckKeyProof(in.Proof, in.Origin, in.Org, in.JWK)
}

type counterIn struct {
	Counter string   `json:"countersignature"`
	JWK     wire.JWK `json:"jwk"`
}

func readCountersignature(in counterIn) (*entry.Countersignature, error) {
	j, c, err := entry.ParseCountersignature(in.Counter)
	if err != nil {
		return nil, err
	}
	return c, j.Verify(in.JWK)
}

type registerIn struct {
	Origin  string       `json:"origin"`
	Entries []positioned `json:"entries"`
}
type positioned struct {
	Index uint64 `json:"index"`
	Entry string `json:"entry"`
}
type registerOut struct {
	Organisations []entry.Member `json:"organisations"`
	Keys          []registerKeys `json:"keys"`
}
type registerKeys struct {
	Org       string  `json:"organisation"`
	KID       string  `json:"kid"`
	From      uint64  `json:"from"`
	RevokedAt *uint64 `json:"revokedAt,omitempty"`
}

var errEarlier = errors.New("an entry before the last was refused")

// readRegister replays entries; only the last may be refused.
func readRegister(in registerIn) (out registerOut, err error) {
	r := register.New(in.Origin)
	for i, p := range in.Entries {
		e, err := entry.Parse(p.Entry)
		if err == nil {
			if err = r.Verify(e, p.Index); err == nil {
				err = r.Apply(e, p.Index)
			}
		}
		if err != nil && i < len(in.Entries)-1 {
			return out, errors.Join(errEarlier, errors.New(err.Error()))
		}
		if err != nil {
			return out, err
		}
	}
	for _, m := range r.Organisations() {
		out.Organisations = append(out.Organisations, *m)
	}
	for _, k := range r.Keys("") {
		rk := registerKeys{Org: k.Org, KID: k.KID, From: k.From}
		if k.Revoked {
			rk.RevokedAt = &k.RevokedAt
		}
		out.Keys = append(out.Keys, rk)
	}
	return out, nil
}

type checkpointIn struct {
	Note        string `json:"note"`
	VerifierKey string `json:"verifierKey"`
}
type checkpointOut struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   hx     `json:"root"`
}

func readCheckpoint(in checkpointIn) (checkpointOut, error) {
	v, err := wire.NewLogVerifier(in.VerifierKey)
	if err != nil {
		return checkpointOut{}, err
	}
	c, err := proof.OpenCheckpoint([]byte(in.Note), v)
	return checkpointOut{c.Origin, c.Size, c.Root[:]}, err
}

type proofIn struct {
	Proof       string `json:"proof"`
	Leaf        hx     `json:"leaf"`
	VerifierKey string `json:"verifierKey"`
}
type proofOut struct {
	Index uint64 `json:"index"`
	Size  uint64 `json:"size"`
	Root  hx     `json:"root"`
}

func mustVerifier(vkey string) note.Verifier {
	v, err := wire.NewLogVerifier(vkey)
	if err != nil {
		panic(err)
	}
	return v
}

func readProof(in proofIn) (proofOut, error) {
	p, err := proof.ParseInclusion([]byte(in.Proof))
	if err != nil {
		return proofOut{}, err
	}
	c, err := verifyProof(p, in.Leaf, mustVerifier(in.VerifierKey))
	return proofOut{p.Index, c.Size, c.Root[:]}, err
}

type openingIn struct {
	Opening string   `json:"opening"` // JSON as text
	Leaf    hx       `json:"leaf"`
	JWK     wire.JWK `json:"jwk"`
	Origin  string   `json:"origin"`
	VRFKey  hx       `json:"vrfKey"`
	ID      string   `json:"id"` // the id whose history it should belong to
}

func readOpening(in openingIn) (entryOut, error) {
	o, err := bundle.ParseOpening([]byte(in.Opening))
	if err != nil {
		return entryOut{}, err
	}
	e, err := openLeaf(o, in.Leaf)
	if err != nil {
		return entryOut{}, err
	}
	if err := wire.VerifyTag(wire.Hash(in.VRFKey), in.Origin, in.ID, o.Tag, o.VRFProof); err != nil {
		return entryOut{}, err
	}
	return readEntry(entryIn{e.SDJWT(), in.JWK})
}

type receiptIn struct {
	Receipt     string `json:"receipt"` // JSON as text
	Entry       string `json:"entry"`
	VerifierKey string `json:"verifierKey"`
	VRFKey      hx     `json:"vrfKey"`
}

func readReceipt(in receiptIn) (proofOut, error) {
	r, err := bundle.ParseReceipt([]byte(in.Receipt))
	if err != nil {
		return proofOut{}, err
	}
	e, err := entry.Parse(in.Entry)
	if err != nil {
		return proofOut{}, err
	}
	i, c, err := checkReceipt(r, e, mustVerifier(in.VerifierKey), wire.Hash(in.VRFKey))
	return proofOut{i, c.Size, c.Root[:]}, err
}

type callerIn struct {
	Token  string    `json:"token"`
	Origin string    `json:"origin"`
	Now    time.Time `json:"now"`
	JWK    wire.JWK  `json:"jwk"`
}

func readCaller(in callerIn) (*register.Caller, error) {
	j, c, err := register.ParseCaller(in.Token, in.Origin, in.Now)
	if err != nil {
		return nil, err
	}
	return c, j.Verify(in.JWK)
}
