package proof

import "igledger/ledger/wire"

// The audit feed states for each leaf, in order, which history it belongs to. Anyone who has the
// leaves and the feed can recompute the subject index, and so check every root of it that the
// operator states. It tells which leaves are about one person, but not about whom. It is for
// auditors.

// FeedRecordSize is the length of a record in bytes.
const FeedRecordSize = 64

// MaxFeedRecords is the maximum number of records on one page of the feed.
const MaxFeedRecords = 4096

// FeedRecord is the link part of a sealed leaf's opening. For a public leaf, which names its
// history itself, it is zero.
type FeedRecord struct{ TagSalt, Tag wire.Hash }

// Append appends the 64 bytes of r to b: tagSalt ‖ tag.
func (r FeedRecord) Append(b []byte) []byte { return append(append(b, r.TagSalt[:]...), r.Tag[:]...) }

// ParseFeed reads a page of the feed. It returns BadLength or TooLarge.
func ParseFeed(data []byte) ([]FeedRecord, error) {
	if len(data)%FeedRecordSize != 0 {
		return nil, wire.Errorf(wire.BadLength, "audit feed",
			"%d bytes, want a multiple of %d", len(data), FeedRecordSize)
	}
	if len(data) > MaxFeedRecords*FeedRecordSize {
		return nil, wire.Errorf(wire.TooLarge, "audit feed",
			"%d records, at most %d", len(data)/FeedRecordSize, MaxFeedRecords)
	}
	list := make([]FeedRecord, 0, len(data)/FeedRecordSize)
	for ; len(data) > 0; data = data[FeedRecordSize:] {
		list = append(list, FeedRecord{wire.Hash(data), wire.Hash(data[32:])})
	}
	return list, nil
}

// Check returns BadCommitment unless r is the record of the leaf at index: for a sealed leaf it
// must open tagCommit, for a public one it must be zero. It stops an operator from giving auditors
// an index other than the one that the leaves are committed to: a leaf has one tag.
func (r FeedRecord) Check(leaf Leaf, index uint64) error {
	switch {
	case leaf.Public && r != FeedRecord{}:
		return wire.Errorf(wire.BadCommitment, "audit feed", "leaf %d is public, but its record is not zero", index)
	case !leaf.Public && TagCommit(r.TagSalt, r.Tag) != leaf.TagCommit:
		return wire.Errorf(wire.BadCommitment, "audit feed", "tag and salt are not those of leaf %d", index)
	}
	return nil
}
