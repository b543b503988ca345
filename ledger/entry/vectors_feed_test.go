package entry_test

import (
	"slices"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

type feedIn struct {
	Page   hx   `json:"page"`   // of the audit feed
	Leaves []hx `json:"leaves"` // the leaves that its records are of
}

type feedOut struct {
	K []hx `json:"k"` // the history of each leaf
}

// readFeed files each leaf by its record.
func readFeed(in feedIn) (out feedOut, err error) {
	records, err := proof.ParseFeed(in.Page)
	if err != nil {
		return feedOut{}, err
	}
	if len(records) != len(in.Leaves) {
		return feedOut{}, wire.Errorf(wire.BadLength, "audit feed", "%d records of %d leaves", len(records), len(in.Leaves))
	}
	for i, r := range records {
		l, err := proof.ParseLeaf(in.Leaves[i])
		if err == nil {
			err = r.Check(l, uint64(i))
		}
		if err != nil {
			return feedOut{}, err
		}
		k := proof.TagKey(r.Tag)
		if l.Public {
			e, err := l.Entry()
			if err != nil {
				return feedOut{}, err
			}
			k = proof.NameKey(e.Name())
		}
		out.K = append(out.K, k[:])
	}
	return out, nil
}

func (w *world) feedVectors() madeFile {
	genesis := proof.PublicLeaf(w.sign(w.registrar, w.genesisBody()).Compact)
	tag := testHash("tag")
	var leaves []hx
	var page []byte
	for _, salt := range []string{"a", "b"} {
		record := proof.FeedRecord{TagSalt: testHash(salt), Tag: tag}
		leaves = append(leaves, proof.SealedLeaf(proof.TagCommit(record.TagSalt, tag), testHash("body "+salt)))
		page = record.Append(page)
	}
	public, zeros := []hx{genesis}, make([]byte, proof.FeedRecordSize)
	all := slices.Concat(public, leaves)
	return madeFile{"Pages of the audit feed: a record of 64 bytes for each leaf. out: under which K each leaf is filed.", []made{
		{"no leaves", feedIn{Page: hx{}, Leaves: []hx{}}, ""},
		{"a public leaf: zeros", feedIn{zeros, public}, ""},
		{"two sealed leaves of one person", feedIn{page, leaves}, ""},
		{"all three", feedIn{slices.Concat(zeros, page), all}, ""},
		{"another leaf's record", feedIn{slices.Concat(page[64:], page[:64]), leaves}, wire.BadCommitment},
		{"a tag changed", feedIn{slices.Concat(page[:127], []byte{page[127] ^ 1}), leaves}, wire.BadCommitment},
		{"salt and tag exchanged", feedIn{slices.Concat(page[32:64], page[:32]), leaves[:1]}, wire.BadCommitment},
		{"zeros for a sealed leaf", feedIn{zeros, leaves[:1]}, wire.BadCommitment},
		{"a record of a public leaf that is not zero", feedIn{page[:64], public}, wire.BadCommitment},
		{"a record too few", feedIn{page[:64], leaves}, wire.BadLength},
		{"a record cut short", feedIn{page[:127], leaves}, wire.BadLength},
		{"4097 records", feedIn{make([]byte, 4097*64), public}, wire.TooLarge},
	}}
}
