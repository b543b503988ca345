package proof

import "igledger/ledger/wire"

// The audit feed: for each leaf, in order, whose history it belongs to. With it whoever has the leaves makes the subject index anew, and so checks every root of
// it that the operator states. It tells which leaves are of one person, though not of whom: it is for auditors.

// FeedRecordSize is the length of a record in bytes.
const FeedRecordSize = 64

// MaxFeedRecords is how many records one page of the feed has at most.
const MaxFeedRecords = 4096

// FeedRecord is the link part of a sealed leaf's opening; the zero value stands for a public leaf, which names its history itself.
type FeedRecord struct{ TagSalt, Tag wire.Hash }

// Append adds the 64 bytes of r to b: tagSalt ‖ tag.
func (r FeedRecord) Append(b []byte) []byte { return append(append(b, r.TagSalt[:]...), r.Tag[:]...) }

// ParseFeed reads a page of the feed.
func ParseFeed(data []byte) ([]FeedRecord, error) {
	if len(data)%FeedRecordSize != 0 {
		return nil, wire.Errorf(wire.BadLength, "audit feed", "%d bytes, want a multiple of %d", len(data), FeedRecordSize)
	}
	if len(data) > MaxFeedRecords*FeedRecordSize {
		return nil, wire.Errorf(wire.TooLarge, "audit feed", "%d records, at most %d", len(data)/FeedRecordSize, MaxFeedRecords)
	}
	list := make([]FeedRecord, 0, len(data)/FeedRecordSize)
	for ; len(data) > 0; data = data[FeedRecordSize:] {
		list = append(list, FeedRecord{wire.Hash(data), wire.Hash(data[32:])})
	}
	return list, nil
}

// Check reports whether r is the record of the leaf at index: for a sealed leaf it opens tagCommit, for a public one it is zero. It stops an operator from giving
// auditors another index than the one the leaves are committed to: a leaf has one tag.
func (r FeedRecord) Check(leaf Leaf, index uint64) error {
	switch {
	case leaf.Public && r != FeedRecord{}:
		return wire.Errorf(wire.BadCommitment, "audit feed", "leaf %d is public and names its history itself, its record is not zero", index)
	case !leaf.Public && TagCommit(r.TagSalt, r.Tag) != leaf.TagCommit:
		return wire.Errorf(wire.BadCommitment, "audit feed", "tag and salt are not those of leaf %d", index)
	}
	return nil
}
