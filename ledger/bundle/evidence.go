package bundle

import (
	"cmp"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// Limits of a statement and of an extract.
const (
	MaxSize        = 64 << 20 // bytes
	MaxEntries     = 1_000_000
	maxChains      = 4096
	maxChainLeaves = 1024
	maxTextLines   = 64
	maxTextLine    = 4096 // bytes
	maxFlags       = 32
	maxNameSize    = 128 // bytes
)

// Evidence is what statements and extracts share: the signed tree head and the public entries that
// the checks need. N is the size of the tree head, M the size of the index root.
type Evidence struct {
	Format     string `json:"format"`     // FormatStatement or FormatExtract
	Origin     string `json:"origin"`     // of the log
	Checkpoint string `json:"checkpoint"` // signed note with cosignatures, of size N
	Genesis    Leaf   `json:"genesis"`    // leaf 0
	IndexRoot  Leaf   `json:"indexRoot"`  // the index-root entry over the leaves below M, for all index proofs

	// Chains are the public histories below M of the keys and organisations of all signers,
	// ascending by name.
	Chains Chains `json:"chains"`

	// Nodes are the multi-inclusion proof (see proof.MultiProofNodes) of all leaves in the file, in
	// the tree of size N.
	Nodes Nodes `json:"nodes"`

	// Text says in plain words what the file proves and what not. It is for readers, not for
	// checks.
	Text Text `json:"text"`
}

// Leaf is a public leaf with its index in the log.
type Leaf struct {
	Index uint64     `json:"index"`
	Leaf  wire.Bytes `json:"leaf"` // 0x01 ‖ JWS
}

// Chain is the whole history below M of a public name, "key:<kid>" or "org:<id>". It is whole to
// show that nothing followed, for example that a key was not revoked. If it has no leaves, the name
// is absent from the index, as for a key of the genesis that was never revoked.
type Chain struct {
	Name   string           `json:"name"`
	Proof  proof.IndexProof `json:"proof"`  // of Value under proof.NameKey(Name), or of absence
	Leaves Leaves           `json:"leaves"` // ascending
}

// Lists whose decoders stop reading at the limits.
type (
	Chains []Chain  // at most 4096, ascending by name
	Leaves []Leaf   // at most 1024, ascending by index
	Text   []string // at most 64 lines of 4096 bytes, no control characters
)

// Nodes are hashes. In JSON they are base64url of all hashes, one after the other, because a
// statement has about ten for each of its entries.
type Nodes []wire.Hash

// MarshalText implements encoding.TextMarshaler.
func (n Nodes) MarshalText() ([]byte, error) {
	b := make([]byte, 0, len(n)*len(wire.Hash{}))
	for _, h := range n {
		b = append(b, h[:]...)
	}
	return []byte(wire.Encode64(b)), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Nodes) UnmarshalText(t []byte) error {
	b, err := wire.Decode64("nodes", string(t))
	if err != nil {
		return err
	}
	if len(b)%len(wire.Hash{}) != 0 {
		return wire.Errorf(wire.BadLength, "nodes", "%d bytes, want a multiple of %d", len(b), len(wire.Hash{}))
	}
	*n = make(Nodes, 0, len(b)/len(wire.Hash{})) // an empty list differs from a missing one
	for h := range slices.Chunk(b, len(wire.Hash{})) {
		*n = append(*n, wire.Hash(h))
	}
	return nil
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *Chains) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return wire.DecodeList(d, "chains", maxChains, (*[]Chain)(l), (*Chain).checkRead)
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *Leaves) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return wire.DecodeList(d, "leaves", maxChainLeaves, (*[]Leaf)(l), (*Leaf).check)
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *Text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return wire.DecodeList(d, "text", maxTextLines, (*[]string)(l), nil)
}

// Hash returns the leaf hash (RFC 6962).
func (l *Leaf) Hash() wire.Hash { return proof.LeafHash(l.Leaf) }

func (l *Leaf) check() error {
	parsed, err := proof.ParseLeaf(l.Leaf)
	if err != nil {
		return err
	}
	if !parsed.Public {
		return wire.Errorf(wire.BadLeaf, "leaf", "leaf %d is sealed, want a public leaf", l.Index)
	}
	return checkIndex(l.Index)
}

// Value returns V of the history that the leaves make. Call it only if there are leaves. If there
// are none, the name must be absent (proof.IndexProof.RootWithout).
func (c *Chain) Value() wire.Hash {
	state := proof.HistoryOfName(c.Name).Start()
	for i := range c.Leaves {
		state = state.Add(c.Leaves[i].Index, c.Leaves[i].Hash())
	}
	return state.Value()
}

// Root returns the index root that c.Proof leads to if the name's history is what the leaves make
// or, without leaves, if the name is absent. If no prefix tree has such a path, it returns
// BadIndexProof.
func (c *Chain) Root() (wire.Hash, error) {
	if len(c.Leaves) == 0 {
		return c.Proof.RootWithout(proof.NameKey(c.Name))
	}
	return c.Proof.Root(proof.NameKey(c.Name), c.Value())
}

func (c *Chain) check() error {
	if len(c.Name) > maxNameSize || !wire.Printable(c.Name) {
		return wire.Errorf(wire.BadStatement, "chain", "name is not 1-%d printable ASCII characters", maxNameSize)
	}
	for i := range c.Leaves {
		if err := c.Leaves[i].check(); err != nil {
			return err
		}
	}
	return ascending("a chain's leaves", c.Leaves, func(l *Leaf) uint64 { return l.Index })
}

func (c *Chain) checkRead() error {
	if c.Proof.Siblings == nil || c.Leaves == nil {
		return wire.Errorf(wire.BadStatement, "chain", "siblings or leaves are missing")
	}
	return c.check()
}

func (v *Evidence) check(format string) error {
	if v.Format != format {
		return wire.Errorf(wire.BadStatement, "format", "is not %s", format)
	}
	if err := wire.CheckOrigin(v.Origin); err != nil {
		return err
	}
	if v.Checkpoint == "" || len(v.Checkpoint) > proof.MaxCheckpoint {
		return wire.Errorf(wire.BadStatement, "checkpoint", "is missing or longer than %d bytes", proof.MaxCheckpoint)
	}
	for _, l := range []*Leaf{&v.Genesis, &v.IndexRoot} {
		if err := l.check(); err != nil {
			return err
		}
	}
	if v.Genesis.Index != 0 || v.IndexRoot.Index == 0 {
		return wire.Errorf(wire.BadStatement, "genesis", "genesis must be leaf 0, and indexRoot another leaf")
	}
	if len(v.Chains) > maxChains || len(v.Text) > maxTextLines {
		return wire.Errorf(wire.TooLarge, "evidence",
			"%d chains and %d lines of text, at most %d and %d", len(v.Chains), len(v.Text), maxChains, maxTextLines)
	}
	for i := range v.Chains {
		if err := v.Chains[i].check(); err != nil {
			return err
		}
	}
	for _, line := range v.Text {
		if !wire.Plain(line, maxTextLine) {
			return wire.Errorf(wire.BadStatement, "text",
				"a line has control characters or more than %d bytes", maxTextLine)
		}
	}
	return ascending("chains", v.Chains, func(c *Chain) string { return c.Name })
}

// checkRead checks what was read from a file, where a missing list differs from an empty one.
func (v *Evidence) checkRead() error {
	if v.Chains == nil || v.Nodes == nil || v.Text == nil {
		return wire.Errorf(wire.BadStatement, "evidence", "chains, nodes or text are missing")
	}
	return nil
}

// leafHashes collects the hash of every leaf by index and refuses two different ones at one index.
type leafHashes map[uint64]wire.Hash

func (m leafHashes) add(index uint64, h wire.Hash) error {
	if before, ok := m[index]; ok && before != h {
		return wire.Errorf(wire.BadStatement, "leaves", "two different leaves have the index %d", index)
	}
	m[index] = h
	return nil
}

func (v *Evidence) addLeafHashes(m leafHashes) error {
	leaves := []Leaf{v.Genesis, v.IndexRoot}
	for i := range v.Chains {
		leaves = append(leaves, v.Chains[i].Leaves...)
	}
	for i := range leaves {
		if err := m.add(leaves[i].Index, leaves[i].Hash()); err != nil {
			return err
		}
	}
	return nil
}

func checkIndex(index uint64) error {
	if index > wire.MaxInt {
		return wire.Errorf(wire.BadClaim, "index", "is above 2^53-1")
	}
	return nil
}

// ascending refuses a list whose keys are out of order or occur twice.
func ascending[T any, K cmp.Ordered](what string, list []T, key func(*T) K) error {
	for i := 1; i < len(list); i++ {
		if key(&list[i-1]) >= key(&list[i]) {
			return wire.Errorf(wire.BadStatement, what,
				"%s are not ascending: number %d is not above the one before it", what, i)
		}
	}
	return nil
}
