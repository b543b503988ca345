package bundle

import (
	"github.com/go-json-experiment/json/jsontext"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// FormatStatement is the member "format" of every statement.
const FormatStatement = "igledger-statement/1"

// Statement is everything that the log holds about one id below M, with the proof that nothing is
// left out. With the same proof it shows what the log holds about everyone at once
// (entry.RegEveryone) and about the ids that are linked with this one (entry.Link). The id itself
// is not in the statement: a reader who checks it knows whose it should be. Linked ids are, because
// the links show them anyway. ParseStatement checks the form only; package verifier does the other
// checks.
type Statement struct {
	Evidence
	Subject  Subject  `json:"subject"`
	Period   *Period  `json:"period,omitempty"`   // nil: the whole history, every entry opened
	Entries  Entries  `json:"entries"`            // every entry of the subject below M, ascending
	Newer    Entries  `json:"newer"`              // opened entries at or above M, ascending; maybe not all of them
	Everyone *History `json:"everyone,omitempty"` // of RegEveryone; nil if the subject is RegEveryone

	// Linked has the history of each id that is linked with the subject's below M, ascending by id.
	// Links of linked ids are not followed.
	Linked LinkedHistories `json:"linked"`
}

// LinkedHistory is what a statement shows of a linked id.
type LinkedHistory struct {
	ID string `json:"id"`
	History
}

// History is what a statement shows of one id.
type History struct {
	Subject
	Entries Entries `json:"entries"` // as in Statement
	Newer   Entries `json:"newer"`   // as in Statement
}

// Own returns the subject's history.
func (s *Statement) Own() *History { return &History{s.Subject, s.Entries, s.Newer} }

// Histories returns the subject's history, then everyone's if it is there, then those of the linked
// ids.
func (s *Statement) Histories() []*History {
	list := []*History{s.Own()}
	if s.Everyone != nil {
		list = append(list, s.Everyone)
	}
	for i := range s.Linked {
		list = append(list, &s.Linked[i].History)
	}
	return list
}

// Subject says whose history it is, and proves its place in the subject index.
type Subject struct {
	Tag      wire.Hash        `json:"tag"`
	VRFProof wire.Bytes       `json:"vrfProof"` // 80 bytes
	Proof    proof.IndexProof `json:"proof"`    // of Value under proof.TagKey(Tag), or of absence
	Count    uint64           `json:"count"`    // of entries below M: the length of entries; 0 if absent
}

// Entry is one entry of the subject, either opened (TagSalt, BodySalt, JWS, Disclosures) or hidden
// (LeafHash).
type Entry struct {
	Index       uint64         `json:"index"`
	TagSalt     *wire.Hash     `json:"tagSalt,omitempty"`
	BodySalt    *wire.Hash     `json:"bodySalt,omitempty"`
	JWS         string         `json:"jws,omitempty"` // header.payload.signature
	Disclosures Disclosures    `json:"disclosures,omitempty"`
	Flags       Flags          `json:"flags,omitempty"`    // the ledger's remarks; not proved
	Received    string         `json:"received,omitempty"` // RFC 3339, when the ledger received it; not proved
	Verdict     *entry.Verdict `json:"verdict,omitempty"`  // the policies' result; not proved
	LeafHash    *wire.Hash     `json:"leafHash,omitempty"`
}

// Lists whose decoders stop reading at the limits.
type (
	Entries         []Entry         // at most MaxEntries
	Disclosures     []string        // at most wire.SDDigests
	Flags           []entry.Flag    // at most 32
	LinkedHistories []LinkedHistory // at most entry.MaxLinked
)

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *Entries) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return wire.DecodeList(d, "entries", MaxEntries, (*[]Entry)(l), (*Entry).check)
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *Disclosures) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return wire.DecodeList(d, "disclosures", wire.SDDigests, (*[]string)(l), nil)
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *Flags) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return wire.DecodeList(d, "flags", maxFlags, (*[]entry.Flag)(l), nil)
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *LinkedHistories) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return wire.DecodeList(d, "linked", entry.MaxLinked, (*[]LinkedHistory)(l), nil)
}

// NewEntry returns the opened form of an entry.
func NewEntry(o *Opening) Entry {
	return Entry{
		Index: o.Index, TagSalt: &o.TagSalt, BodySalt: &o.BodySalt, JWS: o.JWS, Disclosures: o.Disclosures,
		Flags: o.Flags, Received: o.Received, Verdict: o.Verdict,
	}
}

// HiddenEntry returns the form of an entry outside the period. It shows that there is an entry and
// where, and keeps the hash chain whole.
func HiddenEntry(index uint64, leafHash wire.Hash) Entry {
	return Entry{Index: index, LeafHash: &leafHash}
}

// Opened reports whether the content of the entry is shown.
func (e *Entry) Opened() bool { return e.LeafHash == nil }

// Opening returns the opening of an opened entry of the subject with tag, without its VRF proof
// (the subject has it). For a hidden entry it returns nil.
func (e *Entry) Opening(tag wire.Hash) *Opening {
	if !e.Opened() {
		return nil
	}
	return &Opening{
		Index: e.Index, TagSalt: *e.TagSalt, Tag: tag,
		BodySalt: *e.BodySalt, JWS: e.JWS, Disclosures: e.Disclosures,
		Flags: e.Flags, Received: e.Received, Verdict: e.Verdict,
	}
}

// Leaf returns the sealed leaf that an opened entry of the subject with tag makes, or nil for a
// hidden entry. The file does not carry the leaf, so it cannot disagree with the content.
func (e *Entry) Leaf(tag wire.Hash) []byte {
	if !e.Opened() {
		return nil
	}
	return proof.SealedLeaf(proof.TagCommit(*e.TagSalt, tag), proof.BodyCommit(*e.BodySalt, e.JWS))
}

// Hash returns the leaf hash of an entry of the subject with tag: computed if the entry is opened,
// else as the file states it.
func (e *Entry) Hash(tag wire.Hash) wire.Hash {
	if e.Opened() {
		return proof.LeafHash(e.Leaf(tag))
	}
	return *e.LeafHash
}

func (e *Entry) check() error {
	if err := checkIndex(e.Index); err != nil {
		return err
	}
	if !e.Opened() {
		if e.TagSalt != nil || e.BodySalt != nil || e.JWS != "" || len(e.Disclosures) > 0 ||
			len(e.Flags) > 0 || e.Received != "" || e.Verdict != nil {
			return wire.Errorf(wire.BadStatement, "entry",
				"entry at %d is half hidden: with leafHash it can have no content", e.Index)
		}
		return nil
	}
	if e.TagSalt == nil || e.BodySalt == nil {
		return wire.Errorf(wire.BadStatement, "entry", "entry at %d has neither leafHash nor both salts", e.Index)
	}
	return checkContent(e.Index, e.JWS, e.Disclosures, e.Flags, e.Received, e.Verdict)
}

// checkContent checks the form of the content that statements and extracts show of an entry. It
// does not parse the JWS and the disclosures.
func checkContent(
	index uint64, jws string, disclosures []string, flags []entry.Flag, received string, verdict *entry.Verdict,
) error {
	if jws == "" {
		return wire.Errorf(wire.BadStatement, "entry", "entry at %d has no jws", index)
	}
	if len(jws) > wire.MaxJWS || len(disclosures) > wire.SDDigests || len(flags) > maxFlags {
		return wire.Errorf(wire.TooLarge, "entry",
			"entry at %d has %d bytes of jws, %d disclosures and %d flags",
			index, len(jws), len(disclosures), len(flags))
	}
	if err := verdict.Check(); err != nil {
		return err
	}
	for _, f := range flags {
		if f == "" || !wire.Plain(string(f), 64) {
			return wire.Errorf(wire.BadStatement, "entry",
				"entry at %d has a flag that is empty, longer than 64 bytes or has control characters", index)
		}
	}
	if received != "" {
		if _, err := entry.ParseTime(received); err != nil {
			return wire.Errorf(wire.BadStatement, "entry",
				"entry at %d: received is not an RFC 3339 time with zone", index)
		}
	}
	return nil
}

// ParseStatement reads a statement strictly and checks its form: limits, order, counts, what is
// opened and what hidden. It checks no hash and no signature: see package verifier.
func ParseStatement(data []byte) (*Statement, error) {
	if len(data) > MaxSize {
		return nil, wire.Errorf(wire.TooLarge, "statement", "%d bytes, at most %d", len(data), MaxSize)
	}
	s := new(Statement)
	if err := wire.DecodeJSON("statement", data, s); err != nil {
		return nil, err
	}
	if s.Evidence.checkRead() != nil || s.lacks() {
		return nil, wire.Errorf(wire.BadStatement, "statement",
			"chains, nodes, text, siblings, entries, newer or linked is missing")
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

// lacks reports whether a list is missing, which differs from an empty one.
func (s *Statement) lacks() bool {
	if s.Linked == nil {
		return true
	}
	for _, h := range s.Histories() {
		if h.Proof.Siblings == nil || h.Entries == nil || h.Newer == nil {
			return true
		}
	}
	return false
}

// Marshal returns the statement as JSON. It refuses what ParseStatement would refuse.
func (s *Statement) Marshal() ([]byte, error) { return marshalChecked("statement", s, s.check) }

// marshalChecked writes v, at most MaxSize bytes, if check passes.
func marshalChecked(what string, v any, check func() error) ([]byte, error) {
	if err := check(); err != nil {
		return nil, err
	}
	data, err := wire.EncodeJSON(v)
	if err == nil && len(data) > MaxSize {
		err = wire.Errorf(wire.TooLarge, what, "%d bytes, at most %d", len(data), MaxSize)
	}
	return data, err
}

func (s *Statement) check() error {
	if err := s.checkFrame(); err != nil {
		return err
	}
	for _, h := range s.Histories() {
		for _, list := range []Entries{h.Entries, h.Newer} {
			for i := range list {
				if err := list[i].check(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkFrame is check without what the entries contain.
func (s *Statement) checkFrame() error {
	if err := s.Evidence.check(FormatStatement); err != nil {
		return err
	}
	if s.Period != nil {
		if err := s.Period.check(); err != nil {
			return err
		}
	}
	if s.Everyone != nil && s.Everyone.Tag == s.Subject.Tag {
		return wire.Errorf(wire.BadStatement, "everyone", "is the subject's own history")
	}
	if err := s.checkLinked(); err != nil {
		return err
	}
	for _, h := range s.Histories() {
		if err := h.checkFrame(s.Period); err != nil {
			return err
		}
	}
	return nil
}

func (s *Statement) checkLinked() error {
	if len(s.Linked) > entry.MaxLinked {
		return wire.Errorf(wire.TooLarge, "linked", "%d ids, at most %d", len(s.Linked), entry.MaxLinked)
	}
	shown := map[wire.Hash]bool{s.Subject.Tag: true}
	if s.Everyone != nil {
		shown[s.Everyone.Tag] = true
	}
	for i := range s.Linked {
		l := &s.Linked[i]
		if err := entry.CheckID(l.ID); err != nil {
			return err
		}
		if shown[l.Tag] {
			return wire.Errorf(wire.BadStatement, "linked", "the history of number %d is in the statement already", i)
		}
		shown[l.Tag] = true
	}
	return ascending("linked ids", s.Linked, func(l *LinkedHistory) string { return l.ID })
}

// checkFrame checks everything but what the entries contain.
func (h *History) checkFrame(period *Period) error {
	if len(h.VRFProof) != wire.VRFProofSize {
		return wire.Errorf(wire.BadLength, "vrfProof", "%d bytes, want %d", len(h.VRFProof), wire.VRFProofSize)
	}
	if len(h.Entries) > MaxEntries || len(h.Newer) > MaxEntries {
		return wire.Errorf(wire.TooLarge, "statement",
			"%d entries and %d newer, at most %d", len(h.Entries), len(h.Newer), MaxEntries)
	}
	if h.Count != uint64(len(h.Entries)) {
		return wire.Errorf(wire.BadStatement, "statement", "has %d entries, but count is %d", len(h.Entries), h.Count)
	}
	for _, list := range []Entries{h.Entries, h.Newer} {
		if err := ascending("entries", list, func(e *Entry) uint64 { return e.Index }); err != nil {
			return err
		}
	}
	for i := range h.Entries {
		e := &h.Entries[i]
		if !e.Opened() && (period == nil || period.From <= e.Index && e.Index < period.To) {
			return wire.Errorf(wire.BadStatement, "statement",
				"entry at %d is hidden, but the statement covers it", e.Index)
		}
	}
	for i := range h.Newer {
		if !h.Newer[i].Opened() {
			return wire.Errorf(wire.BadStatement, "statement", "newer entry at %d is hidden", h.Newer[i].Index)
		}
	}
	if n, m := len(h.Entries), len(h.Newer); n > 0 && m > 0 && h.Entries[n-1].Index >= h.Newer[0].Index {
		return wire.Errorf(wire.BadStatement, "statement",
			"newer entry at %d is not above the covered entries", h.Newer[0].Index)
	}
	return nil
}

// LeafHashes returns the hash of every leaf in the statement by index, which proof.VerifyMulti
// takes together with Nodes. If two different leaves have one index, it returns BadStatement.
func (s *Statement) LeafHashes() (map[uint64]wire.Hash, error) {
	m := leafHashes{}
	if err := s.addLeafHashes(m); err != nil {
		return nil, err
	}
	for _, l := range s.Period.Roots() {
		if err := m.add(l.Index, l.Hash()); err != nil {
			return nil, err
		}
	}
	for _, h := range s.Histories() {
		for _, list := range []Entries{h.Entries, h.Newer} {
			for i := range list {
				if err := m.add(list[i].Index, list[i].Hash(h.Tag)); err != nil {
					return nil, err
				}
			}
		}
	}
	return m, nil
}

// Value returns V of the history that the entries make. Call it only if there are entries. If there
// are none, the id must be absent (proof.IndexProof.RootWithout).
func (h *History) Value() wire.Hash {
	state := proof.HistoryOfTag(h.Tag).Start()
	for i := range h.Entries {
		state = state.Add(h.Entries[i].Index, h.Entries[i].Hash(h.Tag))
	}
	return state.Value()
}

// IndexRootHash returns the index root that h.Proof leads to if the history is what the entries
// make or, without entries, if the id is absent. The history is complete below M if and only if the
// index-root entry states this root.
func (h *History) IndexRootHash() (wire.Hash, error) {
	k := proof.TagKey(h.Tag)
	if len(h.Entries) == 0 {
		return h.Proof.RootWithout(k)
	}
	return h.Proof.Root(k, h.Value())
}
