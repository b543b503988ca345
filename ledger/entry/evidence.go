package entry

import (
	"cmp"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of a statement and of an extract.
const (
	MaxStatementSize    = 64 << 20 // bytes
	MaxStatementEntries = 1_000_000
	maxChains           = 4096
	maxChainLeaves      = 1024
	maxTextLines        = 64
	maxTextLine         = 4096 // bytes
	maxFlags            = 32
	maxNameSize         = 128 // bytes
	maxCheckpointSize   = 1 << 16
)

// Evidence is what statements and extracts share: the signed tree head and the public entries that the checks need.
type Evidence struct {
	Format     string          `json:"format"`     // FormatStatement or FormatExtract
	Origin     string          `json:"origin"`     // of the log
	Checkpoint string          `json:"checkpoint"` // signed note with cosignatures; of size N
	Genesis    StatementLeaf   `json:"genesis"`    // leaf 0
	IndexRoot  StatementLeaf   `json:"indexRoot"`  // the index-root entry, over the leaves below M, that all index proofs lead to
	Chains     StatementChains `json:"chains"`     // public histories below M, ascending by name: those of the keys and organisations of all signers
	Nodes      EvidenceNodes   `json:"nodes"`      // the multi-inclusion proof (see MultiProofNodes) of all leaves here, in the tree of size N
	Text       EvidenceText    `json:"text"`       // what it proves and what not, in plain words; for readers, not for checks
}

// StatementLeaf is a public leaf with its position.
type StatementLeaf struct {
	Index uint64 `json:"index"`
	Leaf  Bytes  `json:"leaf"` // 0x01 ‖ JWS
}

// StatementChain is the whole history below M of a public name, "key:<kid>" or "org:<id>": whole, because what is to be seen is that nothing
// followed, as that a key was not revoked. No leaves: absent from the index, as a key of the genesis is that was not revoked.
type StatementChain struct {
	Name   string          `json:"name"`
	Proof  IndexProof      `json:"proof"`  // of Value under NameKey(Name), or of absence
	Leaves StatementLeaves `json:"leaves"` // ascending
}

// Lists that stop reading at their limits.
type (
	StatementChains []StatementChain // at most 4096, ascending by name
	StatementLeaves []StatementLeaf  // at most 1024, ascending by index
	EvidenceText    []string         // at most 64 lines of 4096 bytes, no control characters
)

// EvidenceNodes are hashes, in JSON the base64url of all of them one after the other: a statement has about ten for each of its entries.
type EvidenceNodes []Hash

// MarshalText implements encoding.TextMarshaler.
func (n EvidenceNodes) MarshalText() ([]byte, error) {
	b := make([]byte, 0, len(n)*len(Hash{}))
	for _, h := range n {
		b = append(b, h[:]...)
	}
	return []byte(Encode64(b)), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *EvidenceNodes) UnmarshalText(t []byte) error {
	b, err := Decode64("nodes", string(t))
	if err != nil {
		return err
	}
	if len(b)%len(Hash{}) != 0 {
		return fail(BadLength, "nodes", "%d bytes, want a multiple of %d", len(b), len(Hash{}))
	}
	*n = make(EvidenceNodes, 0, len(b)/len(Hash{})) // none differs from missing
	for h := range slices.Chunk(b, len(Hash{})) {
		*n = append(*n, Hash(h))
	}
	return nil
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *StatementChains) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decodeList(d, "chains", maxChains, (*[]StatementChain)(l), (*StatementChain).checkRead)
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *StatementLeaves) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decodeList(d, "leaves", maxChainLeaves, (*[]StatementLeaf)(l), (*StatementLeaf).check)
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *EvidenceText) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return decodeList(d, "text", maxTextLines, (*[]string)(l), nil)
}

// Hash is the leaf hash.
func (l *StatementLeaf) Hash() Hash { return LeafHash(l.Leaf) }

func (l *StatementLeaf) check() error {
	parsed, err := ParseLeaf(l.Leaf)
	if err != nil {
		return err
	}
	if !parsed.Public {
		return fail(BadLeaf, "leaf", "leaf %d is a sealed one where a public one is due", l.Index)
	}
	return checkIndex(l.Index)
}

// Value is V of the history that the leaves make. Without leaves there is none: the name must be absent (IndexProof.RootWithout).
func (c *StatementChain) Value() Hash {
	head := NameHead0(c.Name)
	for i := range c.Leaves {
		head = NextHead(head, c.Leaves[i].Index, c.Leaves[i].Hash())
	}
	return IndexValue(uint64(len(c.Leaves)), head)
}

// Root is the index root in which the name's history is what the leaves make, or, without leaves, has no place.
func (c *StatementChain) Root() (Hash, error) {
	if len(c.Leaves) == 0 {
		return c.Proof.RootWithout(NameKey(c.Name))
	}
	return c.Proof.Root(NameKey(c.Name), c.Value())
}

func (c *StatementChain) check() error {
	if len(c.Name) > maxNameSize || !Printable(c.Name) {
		return fail(BadStatement, "chain", "name is not 1-%d printable ASCII characters", maxNameSize)
	}
	for i := range c.Leaves {
		if err := c.Leaves[i].check(); err != nil {
			return err
		}
	}
	return ascending("a chain's leaves", c.Leaves, func(l *StatementLeaf) uint64 { return l.Index })
}

func (c *StatementChain) checkRead() error {
	if c.Proof.Siblings == nil || c.Leaves == nil {
		return fail(BadStatement, "chain", "siblings or leaves are missing")
	}
	return c.check()
}

func (v *Evidence) check(format string) error {
	if v.Format != format {
		return fail(BadStatement, "format", "is not %s", format)
	}
	if err := CheckOrigin(v.Origin); err != nil {
		return err
	}
	if v.Checkpoint == "" || len(v.Checkpoint) > maxCheckpointSize {
		return fail(BadStatement, "checkpoint", "is missing or above %d bytes", maxCheckpointSize)
	}
	for _, l := range []*StatementLeaf{&v.Genesis, &v.IndexRoot} {
		if err := l.check(); err != nil {
			return err
		}
	}
	if v.Genesis.Index != 0 || v.IndexRoot.Index == 0 {
		return fail(BadStatement, "genesis", "genesis is not leaf 0, or another entry is")
	}
	if len(v.Chains) > maxChains || len(v.Text) > maxTextLines {
		return fail(TooLarge, "evidence", "%d chains and %d lines of text, at most %d and %d", len(v.Chains), len(v.Text), maxChains, maxTextLines)
	}
	for i := range v.Chains {
		if err := v.Chains[i].check(); err != nil {
			return err
		}
	}
	for _, line := range v.Text {
		if !Plain(line, maxTextLine) {
			return fail(BadStatement, "text", "a line has control characters or more than %d bytes", maxTextLine)
		}
	}
	return ascending("chains", v.Chains, func(c *StatementChain) string { return c.Name })
}

// checkRead is for what was read: a list that is missing is not an empty one.
func (v *Evidence) checkRead() error {
	if v.Chains == nil || v.Nodes == nil || v.Text == nil {
		return fail(BadStatement, "evidence", "chains, nodes or text are missing")
	}
	return nil
}

// leafHashes collects the hash of every leaf by index and refuses two at one.
type leafHashes map[uint64]Hash

func (m leafHashes) add(index uint64, h Hash) error {
	if before, ok := m[index]; ok && before != h {
		return fail(BadStatement, "leaves", "two different leaves are said to stand at %d", index)
	}
	m[index] = h
	return nil
}

func (v *Evidence) addLeafHashes(m leafHashes) error {
	leaves := []StatementLeaf{v.Genesis, v.IndexRoot}
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
	if index > MaxInt {
		return fail(BadClaim, "index", "is above 2^53-1")
	}
	return nil
}

// ascending refuses a list whose keys do not grow: out of order, or one twice.
func ascending[T any, K cmp.Ordered](what string, list []T, key func(*T) K) error {
	for i := 1; i < len(list); i++ {
		if key(&list[i-1]) >= key(&list[i]) {
			return fail(BadStatement, what, "%s are not ascending: number %d is not above the one before", what, i)
		}
	}
	return nil
}
