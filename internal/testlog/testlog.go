// Package testlog writes small real logs for tests of code that verifies them: a genesis,
// organisations, keys and accesses made with package entry, hashed and cut into tiles by
// golang.org/x/mod/sumdb/tlog, which shares no code with package verifier. It can also write what
// an honest ledger never would: any leaf and any checkpoint.
//
// It promises nothing about speed or safety and keeps secrets in memory. It is for tests and
// examples only.
package testlog

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// Now is the time at which everything in a test log happens: 2026-11-22 09:00 UTC.
const Now = 1795338000

// Log is a log with all its secrets.
type Log struct {
	Origin     string
	Key        string // verifier key of the checkpoints
	VRF        *wire.VRFKey
	Registrar  *wire.Signer // org "registrar"
	Enroller   *wire.Signer // org "enroller"
	Operator   *wire.Signer // org "operator"
	Leaves     [][]byte
	Entries    map[uint64]*entry.Entry // with all disclosures; none for raw leaves
	Openings   map[uint64]*bundle.Opening
	lag        uint64
	signer     note.Signer
	stored     []tlog.Hash
	checkpoint map[uint64][]byte
	tags       *sync.Map // of filing to tagged, which its forks share
}

type filing struct {
	key        *wire.VRFKey
	origin, id string
}

type tagged struct {
	tag   wire.Hash
	proof []byte
}

// tag returns what key makes of an id in this log, and makes it once.
func (l *Log) tag(key *wire.VRFKey, id string) (wire.Hash, []byte) {
	known, ok := l.tags.Load(filing{key, l.Origin, id})
	if !ok {
		tag, proof := key.Tag(l.Origin, id)
		known = tagged{tag, proof}
		l.tags.Store(filing{key, l.Origin, id}, known)
	}
	t := known.(tagged)
	return t.tag, slices.Clone(t.proof) // tests alter it
}

// New returns a log with a genesis, which allows the index to be 100,000 entries behind. Like
// everything in this package, it panics if the formats do not allow what it does.
func New(origin string) *Log { return NewLag(origin, 100000) }

// NewLag is like New, with another limit for the lag of the index.
func NewLag(origin string, lag uint64) *Log {
	l := &Log{
		Origin:     origin,
		tags:       new(sync.Map),
		lag:        lag,
		VRF:        wire.NewVRFKey(),
		Registrar:  Signer(wire.EdDSA),
		Enroller:   Signer(wire.ES256),
		Operator:   Signer(wire.EdDSA),
		Entries:    map[uint64]*entry.Entry{},
		Openings:   map[uint64]*bundle.Opening{},
		checkpoint: map[uint64][]byte{},
	}
	var skey string
	skey, l.Key = must2(wire.NewLogKey(origin))
	l.signer = must(note.NewSigner(skey))
	l.AddPublic(l.Genesis(l.Key))
	return l
}

// Signer returns a new key.
func Signer(alg string) *wire.Signer { return must(wire.GenerateSigner(alg)) }

// Genesis returns a genesis of the log's parties that names logKey.
func (l *Log) Genesis(logKey string) *entry.Entry {
	party := func(id, name, kind string, s *wire.Signer, purpose entry.Purpose, roles ...entry.Role) entry.GenesisParty {
		return entry.GenesisParty{Member: entry.Member{ID: id, Name: name, Kind: kind, Roles: roles},
			Key: entry.PublicKey{JWK: s.Public, Purposes: []entry.Purpose{purpose}}}
	}
	g := &entry.Genesis{
		Common:  entry.Common{Issuer: "registrar", Audience: l.Origin, IssuedAt: Now},
		Formats: entry.FormatsV1, VRFKey: l.VRF.Public(), LogKey: logKey, IndexLag: l.lag,
		Registrar: party("registrar", "Scottish Registrar", "regulator", l.Registrar, entry.PurposeAdminister, entry.RoleRegistrar),
		Enroller:  party("enroller", "University of Alba", "university", l.Enroller, entry.PurposeAdminister, entry.RoleEnroller),
		Operator:  party("operator", "Ledger Operations", "supplier", l.Operator, entry.PurposeSubmit, entry.RoleOperator),
		Proofs: []string{must(entry.ProveKey(l.Registrar, l.Origin, "registrar")), must(entry.ProveKey(l.Enroller, l.Origin, "enroller")),
			must(entry.ProveKey(l.Operator, l.Origin, "operator"))},
	}
	return must(entry.Sign(l.Registrar, g))
}

// Organisation returns the entry that enrols a controller and source with more roles, signed by
// registrar and, unless enroller is nil, countersigned by enroller.
func (l *Log) Organisation(id string, registrar, enroller *wire.Signer, more ...entry.Role) *entry.Entry {
	roles := append([]entry.Role{entry.RoleController, entry.RoleSource}, more...)
	slices.Sort(roles)
	m := entry.Member{ID: id, Name: "Board " + id, Kind: "health-board", Roles: roles}
	o := &entry.Organisation{Common: entry.Common{Issuer: "registrar", Audience: l.Origin, IssuedAt: Now}, Organisation: m}
	if enroller != nil {
		o.Counter = must(entry.Countersign(enroller, entry.Countersignature{Issuer: "enroller", Audience: l.Origin, IssuedAt: Now, Organisation: &m}))
	}
	return must(entry.Sign(registrar, o))
}

// AddKey returns the countersigned entry by which the registrar activates a first key for org.
func (l *Log) AddKey(org string, s *wire.Signer, purposes ...entry.Purpose) *entry.Entry {
	pk := entry.PublicKey{JWK: s.Public, Purposes: purposes}
	k := &entry.Key{Common: entry.Common{Issuer: "registrar", Audience: l.Origin, IssuedAt: Now}, Org: org, Key: pk,
		Proof:   must(entry.ProveKey(s, l.Origin, org)),
		Counter: must(entry.Countersign(l.Enroller, entry.Countersignature{Issuer: "enroller", Audience: l.Origin, IssuedAt: Now, Org: org, Key: &pk}))}
	return must(entry.Sign(l.Registrar, k))
}

// Revocation returns the entry by which the registrar revokes a key of org.
func (l *Log) Revocation(org, kid string) *entry.Entry {
	return must(entry.Sign(l.Registrar, &entry.KeyRevocation{Common: entry.Common{Issuer: "registrar", Audience: l.Origin, IssuedAt: Now}, Org: org, KID: kid, Reason: "compromised"}))
}

// Access returns an access by org to the record of id.
func (l *Log) Access(org string, s *wire.Signer, id string) *entry.Entry {
	seq := uint64(len(l.Leaves))
	return must(entry.Sign(s, &entry.Access{
		Common: entry.Common{Issuer: org, Audience: l.Origin, IssuedAt: Now}, Source: "trakcare", System: "Emergency Department",
		Event: []string{"http://dicom.nema.org/resources/ontology/DCM|110110"}, Action: "R", Data: []string{"http://hl7.org/fhir/resource-types|Observation"},
		Purpose: []string{"TREAT"}, Role: []string{"doctor"}, Outcome: "0", Recorded: "2026-11-22T08:59:30Z",
		Sub: id, Staff: &entry.Staff{ID: "gmc-7654321", System: "gmc", Name: "Dr Morag Mackay"}, Text: &entry.Text{Why: "chest pain, seen in A&E"}, Seq: &seq,
	}))
}

// Link returns the entry by which org links sub with other (act "linked") or ends the link
// ("unlinked"). It is filed under sub.
func (l *Log) Link(org string, s *wire.Signer, act, sub, other string) *entry.Entry {
	return must(entry.Sign(s, &entry.Link{Common: entry.Common{Issuer: org, Audience: l.Origin, IssuedAt: Now}, Act: act, Reason: "one person, two numbers", Sub: sub, Other: other}))
}

// AddPublic appends a public entry, even if the register's rules do not allow it.
func (l *Log) AddPublic(e *entry.Entry) uint64 {
	i := l.AddRaw(proof.PublicLeaf(e.Compact))
	l.Entries[i] = e
	return i
}

// AddSealed appends an access and files it under id. An honest ledger takes id from the entry's own
// sub.
func (l *Log) AddSealed(e *entry.Entry, id string) uint64 {
	o := &bundle.Opening{JWS: e.Compact, Disclosures: e.Encoded(), Received: "2026-11-22T09:00:01Z"}
	rand.Read(o.TagSalt[:])
	rand.Read(o.BodySalt[:])
	var vrfProof []byte
	o.Tag, vrfProof = l.tag(l.VRF, id)
	o.VRFProof = vrfProof
	o.Index = l.AddRaw(proof.SealedLeaf(proof.TagCommit(o.TagSalt, o.Tag), proof.BodyCommit(o.BodySalt, e.Compact)))
	l.Entries[o.Index], l.Openings[o.Index] = e, o
	return o.Index
}

// AddRandom appends n sealed leaves that no one can open.
func (l *Log) AddRandom(n int) {
	for range n {
		var a, b wire.Hash
		rand.Read(a[:])
		rand.Read(b[:])
		l.AddRaw(proof.SealedLeaf(a, b))
	}
}

// AddRaw appends any bytes as a leaf.
func (l *Log) AddRaw(leaf []byte) uint64 {
	i := uint64(len(l.Leaves))
	l.stored = append(l.stored, must(tlog.StoredHashes(int64(i), leaf, l.reader()))...)
	l.Leaves = append(l.Leaves, leaf)
	return i
}

// Size returns the number of leaves.
func (l *Log) Size() uint64 { return uint64(len(l.Leaves)) }

// Root returns the RFC 6962 root of the first size leaves.
func (l *Log) Root(size uint64) wire.Hash {
	return wire.Hash(must(tlog.TreeHash(int64(size), l.reader())))
}

// Checkpoint returns the signed checkpoint of the first size leaves.
func (l *Log) Checkpoint(size uint64) []byte {
	if l.checkpoint[size] == nil {
		l.checkpoint[size] = l.SignCheckpoint(proof.Checkpoint{Origin: l.Origin, Size: size, Root: l.Root(size)})
	}
	return l.checkpoint[size]
}

// SignCheckpoint signs any tree head with the log's key.
func (l *Log) SignCheckpoint(c proof.Checkpoint) []byte { return must(c.Sign(l.signer)) }

// SignText signs any note text with the log's key.
func (l *Log) SignText(text string) []byte { return must(note.Sign(&note.Note{Text: text}, l.signer)) }

// Receipt returns the receipt of leaf index under the checkpoint of size.
func (l *Log) Receipt(index, size uint64) *bundle.Receipt {
	p := proof.Inclusion{Index: index, Checkpoint: l.Checkpoint(size)}
	for _, h := range must(tlog.ProveRecord(int64(size), int64(index), l.reader())) {
		p.Hashes = append(p.Hashes, wire.Hash(h))
	}
	r := &bundle.Receipt{Leaf: l.Leaves[index], Proof: string(p.Marshal())}
	if o := l.Openings[index]; o != nil {
		r.TagSalt, r.Tag, r.VRFProof, r.BodySalt = &o.TagSalt, &o.Tag, o.VRFProof, &o.BodySalt
	}
	return r
}

// Fork returns a log with the same keys that shares the first size leaves and is independent after
// them.
func (l *Log) Fork(size uint64) *Log {
	f := *l
	f.Leaves, f.stored = nil, nil
	f.checkpoint = map[uint64][]byte{}
	f.Entries, f.Openings = map[uint64]*entry.Entry{}, map[uint64]*bundle.Opening{}
	for i := range size {
		f.AddRaw(l.Leaves[i])
		if e := l.Entries[i]; e != nil {
			f.Entries[i] = e
		}
		if o := l.Openings[i]; o != nil {
			f.Openings[i] = o
		}
	}
	return &f
}

// Forge returns a log that somebody who stole the log's key, and no other, makes up from leaf 0:
// the same name and log key, but parties, a pseudonym key and a genesis of their own.
func (l *Log) Forge() *Log {
	f := *l
	f.VRF, f.Registrar, f.Enroller, f.Operator = wire.NewVRFKey(), Signer(wire.EdDSA), Signer(wire.ES256), Signer(wire.EdDSA)
	f.Leaves, f.stored, f.checkpoint = nil, nil, map[uint64][]byte{}
	f.Entries, f.Openings = map[uint64]*entry.Entry{}, map[uint64]*bundle.Opening{}
	f.AddPublic(f.Genesis(f.Key))
	return &f
}

// Cosign adds cosigners' lines of the time Now to the checkpoint of size from now on.
func (l *Log) Cosign(size uint64, by ...*Cosigner) {
	note := slices.Clone(l.Checkpoint(size))
	for _, c := range by {
		note = append(note, c.Line(proof.Checkpoint{Origin: l.Origin, Size: size, Root: l.Root(size)}, Now)...)
	}
	l.checkpoint[size] = note
}

func (l *Log) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		list := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			if x >= int64(len(l.stored)) {
				return nil, fmt.Errorf("hash %d is not stored", x)
			}
			list[i] = l.stored[x]
		}
		return list, nil
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func must2[T, U any](v T, w U, err error) (T, U) {
	if err != nil {
		panic(err)
	}
	return v, w
}
