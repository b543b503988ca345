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
// organisations that were not allowed to make them, and (Finish) from serving leaves or hash tiles
// that are not those of the checkpoint it signed. It cannot see into sealed leaves, nor notice that
// a source never reported something.
//
// It is not safe for concurrent use. Memory grows only with the public entries that change what
// other entries mean.
type LogReplay struct {
	OnTile     func(Tile) // unless nil, gets each hash tile as the leaves complete it
	log        note.Verifier
	key        string
	edge       edge
	state      register.State
	passed     uint64 // public entries
	kept       []publicEntry
	seen       map[string]uint64 // iss and jti of kept entries -> index
	mismatches []mismatch
}

// publicEntry is a public entry that is kept because later ones depend on it: it changes the
// register or governs accesses. Index roots, of which there are millions a year, are not kept; one
// that is logged twice does no harm.
type publicEntry struct {
	Index uint64 `json:"index"`
	JWS   string `json:"jws"`
}

// mismatch is a hash tile that does not agree with the leaves.
type mismatch struct {
	level       int
	first, last uint64 // leaves under the hash
	own, served wire.Hash
	failure     *Failure
}

// maxMismatches bounds the memory for a log that is wrong everywhere.
const maxMismatches = 100

// NewLogReplay returns a replay that begins at leaf 0 of the log whose checkpoints vkey verifies.
func NewLogReplay(vkey string) (*LogReplay, error) { return NewGovernedReplay(vkey, nil) }

// NewGovernedReplay returns a replay that also checks, by the rules of an empty log, that each act
// on an agreement, request or policy set was allowed at its index.
func NewGovernedReplay(vkey string, rules register.Rules) (*LogReplay, error) {
	log, err := LogKey(vkey)
	if err != nil {
		return nil, err
	}
	return &LogReplay{
		log:   log,
		key:   strings.TrimSpace(vkey),
		state: register.NewState(log.Name(), rules),
		seen:  map[string]uint64{},
	}, nil
}

// Size returns the number of leaves taken, which is the index of the next leaf.
func (l *LogReplay) Size() uint64 { return l.edge.size }

// Public returns how many of them were public entries that passed. All others are sealed or failed.
func (l *LogReplay) Public() uint64 { return l.passed }

// Root returns the RFC 6962 root of the leaves taken.
func (l *LogReplay) Root() wire.Hash { return l.edge.root() }

// GenesisHash returns the hash of leaf 0, see GenesisHash. It is false before leaf 0, and if that
// is not a genesis.
func (l *LogReplay) GenesisHash() (wire.Hash, bool) {
	if len(l.kept) == 0 || l.kept[0].Index != 0 {
		return wire.Hash{}, false
	}
	return GenesisHash(proof.PublicLeaf(l.kept[0].JWS)), true
}

// Register returns the register that the public entries so far have built. The caller must not
// modify it; it changes with the next leaf.
func (l *LogReplay) Register() *register.Register { return l.state.Register }

// Rules returns what governs accesses after the leaves so far, nil for a replay without rules.
func (l *LogReplay) Rules() register.Rules { return l.state.Rules }

// Partials returns the unfinished hash tiles of the right edge, level 0 first.
func (l *LogReplay) Partials() []Tile { return l.edge.partials() }

// Add takes the next leaf, and always includes it in the root. If the leaf is not allowed there,
// Add returns a *Failure that says why and leaves the register unchanged.
func (l *LogReplay) Add(leaf []byte) error {
	index := l.edge.size
	err := l.check(leaf, index)
	l.edge.add(proof.LeafHash(leaf), l.OnTile)
	return err
}

// keeps reports whether an entry of the type does harm if it is logged twice: the second act would
// undo what came between.
func keeps(t entry.Type) bool { return register.Shared(t) }

func (l *LogReplay) check(b []byte, index uint64) error {
	i := At(index)
	leaf, err := proof.ParseLeaf(b)
	if err != nil {
		f := failure(err, i, CheckLeafForm)
		f.Check, f.Expected, f.Meaning = CheckLeafForm, meanings[wire.BadLeaf].expected, meanings[wire.BadLeaf].meaning
		return f
	}
	if !leaf.Public {
		if index == 0 {
			return &Failure{Check: CheckGenesisLeaf, Index: i, Expected: meanings[wire.BadGenesis].expected,
				Found: "a sealed leaf", Meaning: meanings[wire.BadGenesis].meaning, Err: wire.BadGenesis}
		}
		return nil
	}
	e, err := entry.ParseParts(leaf.JWS, nil)
	if err != nil {
		return failure(err, i, CheckEntryForm)
	}
	if e.Type.Sealed() {
		return &Failure{Check: CheckLeafForm, Index: i, Expected: "a sealed leaf for an entry about a person",
			Found:   "an entry of type " + string(e.Type) + " in a public leaf",
			Meaning: "the operator published an entry about a person", Err: wire.BadLeaf}
	}
	key := e.Issuer + " " + e.ID
	if first, ok := l.seen[key]; ok && keeps(e.Type) {
		return &Failure{Check: CheckDuplicate, Index: i,
			Expected: "each (iss, jti) once", Found: fmt.Sprintf("that of entry %d again", first),
			Meaning: "the operator logged one act of an organisation twice, or two acts under one number"}
	}
	if g, ok := e.Body.(*entry.Genesis); ok {
		if v, err := LogKey(g.LogKey); err != nil || v.Name() != l.log.Name() || g.LogKey != l.key {
			return &Failure{Check: CheckGenesisLeaf, Index: i, Expected: "a genesis that names the log key you gave",
				Found:   "a genesis that names another key",
				Meaning: "you hold the key of another log, or the operator signs with a key that is not in its genesis",
				Err:     wire.BadGenesis}
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

// Compare compares a tile that was computed from the leaves (from OnTile or Partials) with what the
// log serves for it. An error says that served does not have the form of a tile. Finish judges
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
			level:   own.Level,
			first:   own.FirstLeaf(i),
			last:    own.FirstLeaf(i+1) - 1,
			own:     h,
			served:  t.Hashes[i],
			failure: own.differs(i, t.Hashes[i]),
		})
	}
	return nil
}

// Agrees reports whether every tile compared so far agreed with the leaves.
func (l *LogReplay) Agrees() bool { return len(l.mismatches) == 0 }

// Finish compares the recomputed root with the checkpoint of the same size, and judges the
// differences that Compare found. If the leaves hash to the signed root, the hash tiles are false.
// If a hash tile leads to the signed root where the leaf does not, that leaf was exchanged; tiles
// is used to build the proof.
func (l *LogReplay) Finish(c proof.Checkpoint, tiles TileFunc) []*Failure {
	if c.Size != l.edge.size {
		return []*Failure{{Check: CheckRoot, Expected: count(int(c.Size), "leaf", "leaves"),
			Found: fmt.Sprintf("%d", l.edge.size), Meaning: "not all leaves of the checkpoint were read"}}
	}
	rootGood := l.Root() == c.Root
	var list []*Failure
	blamed := map[uint64]bool{}
	for _, m := range l.mismatches {
		f := *m.failure
		if m.level > 0 && covers(blamed, m) {
			continue // follows, one level up, from a failure that has been named
		}
		if rootGood {
			f.Meaning = "the entries are those of the signed checkpoint, but the log's hash tile is damaged or false: proofs " +
				"built from it fail"
		} else if m.level == 0 && leads(tiles, m, c) {
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

// leads reports whether the served hash of a leaf leads to the root of c.
func leads(tiles TileFunc, m mismatch, c proof.Checkpoint) bool {
	path, err := InclusionPath(tiles, m.first, c.Size)
	return err == nil && CheckInclusionOf(m.served, m.first, path, c) == nil
}

func covers(blamed map[uint64]bool, m mismatch) bool {
	for i := range blamed {
		if m.first <= i && i <= m.last {
			return true
		}
	}
	return false
}

// CheckGenesis parses leaf 0 of the log of vkey and checks everything that a genesis must be. The
// caller must also check an inclusion proof that this is leaf 0 of the log, unless it has the leaf
// from a source that it trusts more than the log.
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
