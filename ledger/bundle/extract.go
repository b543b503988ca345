package bundle

import (
	"github.com/go-json-experiment/json/jsontext"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// FormatExtract is the member "format" of every extract.
const FormatExtract = "igledger-extract/1"

// Extract is chosen entries with the proof that each is in the log, signed by a key that was valid
// at its index. It shows neither which other entries there are nor under whom the ledger filed the
// chosen ones. The tag, by which a reader could tell that two extracts are about one person, stays
// hidden behind its commitment.
type Extract struct {
	Evidence
	Entries ExtractEntries `json:"entries"` // at least one, ascending
}

// ExtractEntry is an entry whose content is open and whose link to a history is hidden.
type ExtractEntry struct {
	Index       uint64         `json:"index"`
	TagCommit   wire.Hash      `json:"tagCommit"`
	BodySalt    wire.Hash      `json:"bodySalt"`
	JWS         string         `json:"jws"` // header.payload.signature
	Disclosures Disclosures    `json:"disclosures"`
	Flags       Flags          `json:"flags,omitempty"`    // the ledger's remarks; not proved
	Received    string         `json:"received,omitempty"` // RFC 3339, when the ledger received it; not proved
	Verdict     *entry.Verdict `json:"verdict,omitempty"`  // not proved
}

// ExtractEntries are at most MaxEntries. The decoder stops reading there.
type ExtractEntries []ExtractEntry

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *ExtractEntries) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return wire.DecodeList(d, "entries", MaxEntries, (*[]ExtractEntry)(l), (*ExtractEntry).check)
}

// NewExtractEntry returns the entry of an opening with its link to a history hidden.
func NewExtractEntry(o *Opening) ExtractEntry {
	return ExtractEntry{
		Index: o.Index, TagCommit: proof.TagCommit(o.TagSalt, o.Tag),
		BodySalt: o.BodySalt, JWS: o.JWS, Disclosures: o.Disclosures,
		Flags: o.Flags, Received: o.Received, Verdict: o.Verdict,
	}
}

// Leaf returns the sealed leaf that the entry makes.
func (e *ExtractEntry) Leaf() []byte {
	return proof.SealedLeaf(e.TagCommit, proof.BodyCommit(e.BodySalt, e.JWS))
}

func (e *ExtractEntry) check() error {
	if err := checkIndex(e.Index); err != nil {
		return err
	}
	return checkContent(e.Index, e.JWS, e.Disclosures, e.Flags, e.Received, e.Verdict)
}

// ParseExtract reads an extract strictly and checks its form. It checks no hash and no signature:
// see package verifier.
func ParseExtract(data []byte) (*Extract, error) {
	if len(data) > MaxSize {
		return nil, wire.Errorf(wire.TooLarge, "extract", "%d bytes, at most %d", len(data), MaxSize)
	}
	x := new(Extract)
	if err := wire.DecodeJSON("extract", data, x); err != nil {
		return nil, err
	}
	if err := x.Evidence.checkRead(); err != nil {
		return nil, err
	}
	if err := x.check(); err != nil {
		return nil, err
	}
	return x, nil
}

// Marshal returns the extract as JSON. It refuses what ParseExtract would refuse.
func (x *Extract) Marshal() ([]byte, error) { return marshalChecked("extract", x, x.check) }

func (x *Extract) check() error {
	if err := x.Evidence.check(FormatExtract); err != nil {
		return err
	}
	if len(x.Entries) == 0 || len(x.Entries) > MaxEntries {
		return wire.Errorf(wire.BadStatement, "extract", "%d entries, want 1 to %d", len(x.Entries), MaxEntries)
	}
	for i := range x.Entries {
		if err := x.Entries[i].check(); err != nil {
			return err
		}
	}
	return ascending("entries", x.Entries, func(e *ExtractEntry) uint64 { return e.Index })
}

// LeafHashes returns the hash of every leaf in the extract by index, which proof.VerifyMulti takes
// together with Nodes. If two different leaves have one index, it returns BadStatement.
func (x *Extract) LeafHashes() (map[uint64]wire.Hash, error) {
	m := leafHashes{}
	if err := x.addLeafHashes(m); err != nil {
		return nil, err
	}
	for i := range x.Entries {
		if err := m.add(x.Entries[i].Index, proof.LeafHash(x.Entries[i].Leaf())); err != nil {
			return nil, err
		}
	}
	return m, nil
}
