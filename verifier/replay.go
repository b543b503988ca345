package verifier

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// LogReplay takes all leaves of a log in order, checks each, and recomputes the root. It stops an
// operator from keeping anything in the log that is not an entry, from accepting entries by keys or
// organisations that may not make them, and (Finish) from serving leaves or hash tiles that are not
// those of the checkpoint it signed. It cannot read sealed leaves, or notice that a source never
// reported something.
//
// It is not safe for concurrent use. Its memory grows only with the public entries that change what
// later entries mean.
type LogReplay struct {
	OnTile     func(Tile) // unless nil, is called with each hash tile that the leaves complete
	log        note.Verifier
	key        string
	edge       edge
	state      register.State
	passed     uint64 // number of public entries that passed
	kept       []publicEntry
	seen       map[string]uint64 // index of each kept entry, by iss and jti
	mismatches []mismatch
}

// publicEntry is an entry that is kept because later ones depend on it: it changes the register or
// governs accesses. Index roots are not kept: there are millions a year, and one that is logged
// twice states nothing false.
type publicEntry struct {
	Index uint64 `json:"index"`
	JWS   string `json:"jws"`
}

// mismatch is a hash of a tile that does not agree with the leaves.
type mismatch struct {
	level       int
	first, last uint64 // indices of the leaves under the hash
	own, served wire.Hash
	failure     *Failure
}

// maxMismatches bounds the memory that a log which is wrong everywhere can take.
const maxMismatches = 100

// NewLogReplay returns a replay that begins at leaf 0. vkey is the verifier key of the log's
// checkpoints.
func NewLogReplay(vkey string) (*LogReplay, error) { return NewGovernedReplay(vkey, nil) }

// NewGovernedReplay returns a replay that also checks that each act on an agreement, request or
// policy set was allowed at its index. rules are those of an empty log.
func NewGovernedReplay(vkey string, rules register.Rules) (*LogReplay, error) {
	log, err := LogKey(vkey)
	if err != nil {
		return nil, err
	}
	return &LogReplay{
		log: log, key: strings.TrimSpace(vkey),
		state: register.NewState(log.Name(), rules), seen: map[string]uint64{},
	}, nil
}

// Size returns the number of leaves taken, which is the index of the next leaf.
func (l *LogReplay) Size() uint64 { return l.edge.size }

// Public returns the number of public entries that passed. The other leaves are sealed, or failed.
func (l *LogReplay) Public() uint64 { return l.passed }

// Root returns the RFC 6962 root of the leaves taken.
func (l *LogReplay) Root() wire.Hash { return l.edge.root() }

// Register returns the register that the public entries so far have built. The caller must not
// modify it; it changes with the next leaf.
func (l *LogReplay) Register() *register.Register { return l.state.Register }

// Rules returns the rules after the leaves so far, or nil for a replay without rules.
func (l *LogReplay) Rules() register.Rules { return l.state.Rules }

// Partials returns the unfinished hash tiles of the right edge, level 0 first.
func (l *LogReplay) Partials() []Tile { return l.edge.partials() }

// Add takes the next leaf. The leaf always becomes part of the root. If it is not valid at its
// index, Add returns a *Failure that says why, and the register does not change.
func (l *LogReplay) Add(leaf []byte) error {
	index := l.edge.size
	err := l.check(leaf, index)
	l.edge.add(proof.LeafHash(leaf), l.OnTile)
	return err
}

// keeps reports whether entries of the type are kept, and must not be logged twice: the second one
// would undo what came between them.
func keeps(t entry.Type) bool { return register.Shared(t) }

func (l *LogReplay) check(b []byte, index uint64) error {
	i := At(index)
	leaf, err := proof.ParseLeaf(b)
	if err != nil {
		f := failure(err, i, CheckLeafForm)
		f.Check = CheckLeafForm
		f.Expected = meanings[wire.BadLeaf].expected
		f.Meaning = meanings[wire.BadLeaf].meaning
		return f
	}
	if !leaf.Public {
		if index == 0 {
			return &Failure{Check: CheckGenesisLeaf, Index: i,
				Expected: meanings[wire.BadGenesis].expected,
				Found:    "a sealed leaf",
				Meaning:  meanings[wire.BadGenesis].meaning, Err: wire.BadGenesis}
		}
		return nil
	}
	e, err := entry.ParseParts(leaf.JWS, nil)
	if err != nil {
		return failure(err, i, CheckEntryForm)
	}
	if e.Type.Sealed() {
		return &Failure{Check: CheckLeafForm, Index: i,
			Expected: "a sealed leaf for an entry about a person",
			Found:    "an entry of type " + string(e.Type) + " in a public leaf",
			Meaning:  "the operator published an entry about a person, such as an access to their record", Err: wire.BadLeaf}
	}
	key := e.Issuer + " " + e.ID
	if first, ok := l.seen[key]; ok && keeps(e.Type) {
		return &Failure{Check: CheckDuplicate, Index: i,
			Expected: "each (iss, jti) once",
			Found:    fmt.Sprintf("that of entry %d again", first),
			Meaning:  "the operator logged one act of an organisation twice, or two acts under one number"}
	}
	if g, ok := e.Body.(*entry.Genesis); ok {
		if v, err := LogKey(g.LogKey); err != nil || v.Name() != l.log.Name() || g.LogKey != l.key {
			return &Failure{Check: CheckGenesisLeaf, Index: i,
				Expected: "a genesis that names the log key you gave",
				Found:    "one that names another key",
				Meaning:  "you hold the key of another log, or the operator signs with a key that its genesis does not name",
				Err:      wire.BadGenesis}
		}
	}
	if err := l.state.Step(e, index); err != nil {
		return StepFailure(err, i)
	}
	l.passed++
	if keeps(e.Type) {
		l.seen[key] = index
		l.kept = append(l.kept, publicEntry{index, leaf.JWS})
	}
	return nil
}

// Compare compares a tile computed from the leaves (from OnTile or Partials) with what the log
// serves for it. If served does not have the form of a tile, it returns an error. Finish judges the
// differences, when the root is known.
func (l *LogReplay) Compare(own Tile, served []byte) error {
	t, err := parseTile(served, own.Level, own.Index, len(own.Hashes))
	if err != nil {
		return err
	}
	for i, h := range own.Hashes {
		if t.Hashes[i] == h || len(l.mismatches) == maxMismatches {
			continue
		}
		l.mismatches = append(l.mismatches, mismatch{
			level: own.Level,
			first: own.FirstLeaf(i),
			last:  own.FirstLeaf(i+1) - 1,
			own:   h, served: t.Hashes[i],
			failure: own.differs(i, t.Hashes[i]),
		})
	}
	return nil
}

// Agrees reports whether every tile compared so far agreed with the leaves.
func (l *LogReplay) Agrees() bool { return len(l.mismatches) == 0 }

// Finish compares the recomputed root with the checkpoint of the same size, and judges what Compare
// found. If the leaves hash to the signed root, the hash tiles are false. If a hash tile leads to
// the root where the leaf does not, that leaf was exchanged; tiles is used to prove this.
func (l *LogReplay) Finish(c proof.Checkpoint, tiles TileFunc) []*Failure {
	if c.Size != l.edge.size {
		return []*Failure{{Check: CheckRoot,
			Expected: count(int(c.Size), "leaf", "leaves"),
			Found:    fmt.Sprintf("%d", l.edge.size),
			Meaning:  "not all leaves of the checkpoint were read"}}
	}
	rootGood := l.Root() == c.Root
	var list []*Failure
	blamed := map[uint64]bool{}
	for _, m := range l.mismatches {
		f := *m.failure
		if m.level > 0 && covers(blamed, m) {
			continue // a consequence, one level up, of a failure in the list
		}
		if rootGood {
			f.Meaning = "the entries are those of the signed checkpoint, but the log's hash tile is damaged or false: " +
				"proofs built from it fail"
		} else if m.level == 0 && included(tiles, m, c) {
			f = *exchanged(m.first, m.served, m.own)
		}
		if m.level == 0 {
			blamed[m.first] = true
		}
		list = append(list, &f)
	}
	if !rootGood {
		list = append(list, &Failure{Check: CheckRoot,
			Expected: fmt.Sprintf("root %x of size %d, which the log signed", c.Root, c.Size),
			Found:    fmt.Sprintf("%x from the entries it serves", l.Root()),
			Meaning:  "what the log shows is not what it signed: entries were changed, exchanged, added or removed"})
	}
	return list
}

// included reports whether the leaf hash that the log serves leads to the signed root.
func included(tiles TileFunc, m mismatch, c proof.Checkpoint) bool {
	path, err := InclusionPath(tiles, m.first, c.Size)
	return err == nil && CheckInclusionOf(m.served, m.first, path, c) == nil
}

// covers reports whether one of the blamed leaves is under the hash of m.
func covers(blamed map[uint64]bool, m mismatch) bool {
	for i := range blamed {
		if m.first <= i && i <= m.last {
			return true
		}
	}
	return false
}

// CheckGenesis reads leaf 0 of the log of vkey and checks everything that a genesis must be. Unless
// the caller has the leaf from someone it trusts more than the log, it also needs an inclusion
// proof that this is leaf 0.
func CheckGenesis(leaf []byte, vkey string) (*entry.Genesis, error) {
	l, err := NewLogReplay(vkey)
	if err != nil {
		return nil, err
	}
	if err := l.Add(leaf); err != nil {
		return nil, err
	}
	return l.state.Register.Genesis, nil
}
