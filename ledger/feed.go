package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/transparency-dev/merkle/compact"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/storage"
	"igledger/ledger/vault"
	"igledger/ledger/wire"
)

// FeedRecord is what the subject index needs of one leaf: the history that the leaf was added to.
// Making it decrypts no content.
type FeedRecord struct {
	Index    uint64
	LeafHash wire.Hash
	proof.History

	Entry        *entry.Entry // public leaves only
	Leaf         []byte
	TagSalt, Tag wire.Hash // sealed leaves only
}

// Feed returns the records of up to n leaves from index from on, fewer at the end of the log. All n
// are held in memory, so callers cap n. Links are secret: they show which leaves are about the same
// person.
func (l *Log) Feed(ctx context.Context, from, n uint64) ([]FeedRecord, error) {
	raw, err := l.store.Prefixes(ctx, l.tree, from, n, vault.LinkEnd)
	if err != nil {
		return nil, fmt.Errorf("following the log: %w", err)
	}
	out := make([]FeedRecord, len(raw))
	for i, rec := range raw {
		out[i], err = l.feedRecord(ctx, rec)
		if err != nil {
			return nil, fmt.Errorf("following the log at entry %d: %w", rec.Index, err)
		}
	}
	return out, nil
}

func (l *Log) feedRecord(ctx context.Context, rec storage.Record) (FeedRecord, error) {
	r := FeedRecord{Index: rec.Index, LeafHash: proof.LeafHash(rec.Value), Leaf: rec.Value}
	leaf, err := proof.ParseLeaf(rec.Value)
	if err != nil {
		return r, err
	}
	if leaf.Public {
		r.Entry, err = leaf.Entry()
		if err != nil {
			return r, err
		}
		r.History = proof.HistoryOf(r.Entry, r.Tag)
		return r, nil
	}
	ln, err := l.vault.UnsealLink(ctx, rec.Index, r.LeafHash, rec.Extra)
	if err != nil {
		return r, err
	}
	r.TagSalt, r.Tag = ln.TagSalt, ln.Tag
	r.History = proof.HistoryOf(nil, r.Tag)
	return r, nil
}

// Histories calls f with the key, count and head of every history, in no particular order. It
// returns the size of the log for which exactly these are true. If f returns an error, Histories
// ends with it. After any error the caller must discard what f was given.
func (l *Log) Histories(
	ctx context.Context, f func(k wire.Hash, count uint64, head wire.Hash) error,
) (size uint64, err error) {
	size, err = l.store.AllChains(ctx, l.tree, func(k [32]byte, c storage.Chain) error {
		return f(k, c.Count, c.Head)
	})
	if err != nil {
		return 0, fmt.Errorf("reading all histories: %w", err)
	}
	return size, nil
}

// MaxHistory is the most entries of one history that HistoryPlaces returns.
const MaxHistory = 1 << 18

// ErrTooMany says that a history has more than MaxHistory entries in the range asked for.
var ErrTooMany = storage.ErrTooMany

// HistoryEntry is an opened entry with what else a statement needs. Its VRFProof is empty.
type HistoryEntry struct {
	*bundle.Opening
	LeafHash wire.Hash
	KID      string // of the signing key
}

// Tag returns the tag of an id with its VRF proof. An id that entry.CheckID refuses is an error.
func (l *Log) Tag(id string) (tag wire.Hash, proof []byte, err error) {
	if err := entry.CheckID(id); err != nil {
		return wire.Hash{}, nil, err
	}
	tag, proof = l.tags.tag(id)
	return tag, proof, nil
}

// Place is where an entry of a history is in the log, and how many bytes are stored of its opening.
type Place = storage.Place

// HistoryCount returns how many entries the histories of these tags have together.
func (l *Log) HistoryCount(ctx context.Context, tags ...wire.Hash) (n uint64, err error) {
	counts, err := l.HistoryCounts(ctx, tags)
	for _, c := range counts {
		n += c
	}
	return n, err
}

// HistoryCounts returns how many entries the history of each of these tags has.
func (l *Log) HistoryCounts(ctx context.Context, tags []wire.Hash) ([]uint64, error) {
	keys := make([][32]byte, len(tags))
	for i, tag := range tags {
		keys[i] = proof.TagKey(tag)
	}
	chains, err := l.store.Chains(ctx, l.tree, keys)
	if err != nil {
		return nil, fmt.Errorf("counting histories: %w", err)
	}
	counts := make([]uint64, len(tags))
	for i, k := range keys {
		counts[i] = chains[k].Count
	}
	return counts, nil
}

// HistoryPlaces returns the places of the entries under tag with from <= index < before, ascending.
// It decrypts nothing. If there are more than MaxHistory, it returns ErrTooMany.
func (l *Log) HistoryPlaces(ctx context.Context, tag wire.Hash, from, before uint64) ([]Place, error) {
	places, err := l.store.Places(ctx, l.tree, proof.TagKey(tag), from, before, MaxHistory)
	if err != nil {
		return nil, fmt.Errorf("reading a history: %w", err)
	}
	return places, nil
}

// Limits of what EachEntry holds in memory at once. A single entry may be larger.
const (
	pageEntries = 128
	pageBytes   = 1 << 20 // as stored
)

// EachEntry calls f with the sealed entries at these places, in this order. It reads a page at a
// time, so its memory does not grow with the number of places. It does not parse their content
// again: that was done at append, and the reader of a statement does it too. If the content of one
// was erased, it returns ErrErased. If f returns an error, EachEntry ends with it.
func (l *Log) EachEntry(ctx context.Context, places []Place, f func(HistoryEntry) error) error {
	return l.EachLeft(ctx, places, f, nil)
}

// EachLeft is EachEntry that calls erased with the position of each entry whose content was erased,
// in its turn. Without erased it returns ErrErased there.
func (l *Log) EachLeft(ctx context.Context, places []Place, f func(HistoryEntry) error, erased func(index uint64) error) error {
	kids := map[string]string{} // by header: a history has few keys
	for len(places) > 0 {
		var indices []uint64
		for bytes := uint64(0); len(indices) < min(len(places), pageEntries) && (bytes < pageBytes || len(indices) == 0); {
			p := places[len(indices)]
			bytes += p.Stored
			indices = append(indices, p.Index)
		}
		places = places[len(indices):]
		records, err := l.store.At(ctx, l.tree, indices)
		if err != nil {
			return fmt.Errorf("reading a history: %w", err)
		}
		for _, rec := range records {
			h, err := l.historyEntry(ctx, rec, kids)
			switch {
			case err == nil:
				err = f(h)
			case erased != nil && errors.Is(err, ErrErased):
				err = erased(rec.Index)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// historyEntry opens a sealed leaf without parsing its content. kids caches the kid of each header,
// see kidOf.
func (l *Log) historyEntry(ctx context.Context, rec storage.Record, kids map[string]string) (HistoryEntry, error) {
	hash := proof.LeafHash(rec.Value)
	ln, c, err := l.vault.Unseal(ctx, rec.Index, hash, rec.Extra)
	if err != nil {
		return HistoryEntry{}, err
	}
	jws, disclosures := cutSDJWT(c.SDJWT)
	kid, err := kidOf(jws, kids)
	if err != nil {
		return HistoryEntry{}, fmt.Errorf("entry %d as stored: %w", rec.Index, err)
	}
	return HistoryEntry{LeafHash: hash, KID: kid, Opening: &bundle.Opening{
		Index: rec.Index, TagSalt: ln.TagSalt, Tag: ln.Tag, BodySalt: c.BodySalt,
		JWS: jws, Disclosures: disclosures,
		Flags: l.flags(kid, rec.Index, c), Verdict: c.Verdict, Received: c.Received.Format(receivedForm),
	}}, nil
}

// cutSDJWT splits jws~disclosure~…~ without decoding it.
func cutSDJWT(sdjwt string) (jws string, disclosures []string) {
	jws, rest, _ := strings.Cut(sdjwt, "~")
	rest = strings.TrimSuffix(rest, "~")
	if rest == "" {
		return jws, []string{}
	}
	return jws, strings.Split(rest, "~")
}

// kidOf returns the kid in a JWS header. known caches it by header.
func kidOf(jws string, known map[string]string) (string, error) {
	header, _, _ := strings.Cut(jws, ".")
	if kid, ok := known[header]; ok {
		return kid, nil
	}
	parsed, err := wire.ParseJWS("entry", jws, wire.TypEntry)
	if err != nil {
		return "", err
	}
	known[header] = parsed.KID
	return parsed.KID, nil
}

// PublicLeaf is a public leaf and the entry in it.
type PublicLeaf struct {
	Index uint64
	Leaf  []byte
	Entry *entry.Entry
}

// PublicHistory returns the leaves of a public name ("key:<kid>", "org:<id>", "index-root", …) with
// from <= index < before, ascending. If there are more than MaxHistory, it returns ErrTooMany.
func (l *Log) PublicHistory(ctx context.Context, name string, from, before uint64) ([]PublicLeaf, error) {
	places, err := l.store.Places(ctx, l.tree, proof.NameKey(name), from, before, MaxHistory)
	if err != nil {
		return nil, fmt.Errorf("reading a public history: %w", err)
	}
	indices := make([]uint64, len(places))
	for i, p := range places {
		indices[i] = p.Index
	}
	records, err := l.store.At(ctx, l.tree, indices)
	if err != nil {
		return nil, fmt.Errorf("reading a public history: %w", err)
	}
	return publicLeaves(records)
}

// LastPublic returns the newest leaf of a public name. If there is none, it returns ErrNotFound.
func (l *Log) LastPublic(ctx context.Context, name string) (PublicLeaf, error) {
	records, err := l.store.Chain(ctx, l.tree, proof.NameKey(name), ^uint64(0), 1)
	if err != nil {
		return PublicLeaf{}, fmt.Errorf("reading a public history: %w", err)
	}
	leaves, err := publicLeaves(records)
	if err == nil && len(leaves) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return PublicLeaf{}, err
	}
	return leaves[0], nil
}

func publicLeaves(records []storage.Record) ([]PublicLeaf, error) {
	out := make([]PublicLeaf, len(records))
	for i, rec := range records {
		leaf, err := proof.ParseLeaf(rec.Value)
		if err != nil {
			return nil, fmt.Errorf("entry %d as stored: %w", rec.Index, err)
		}
		e, err := leaf.Entry()
		if err != nil {
			return nil, fmt.Errorf("entry %d as stored: %w", rec.Index, err)
		}
		out[i] = PublicLeaf{rec.Index, rec.Value, e}
	}
	return out, nil
}

// nodesAtOnce is how many nodes of a proof are read in one round trip. Each may be in a tile of its
// own, of 8 KiB.
const nodesAtOnce = 512

// MultiProof calls write with the nodes that prove the leaves at indices in the tree of this size,
// in the order of proof.MultiProof, some at a time. If the log is smaller, it returns ErrNotFound.
// If write returns an error, it ends with that.
func (l *Log) MultiProof(
	ctx context.Context, indices []uint64, size uint64, write func([]wire.Hash) error,
) error {
	batch := make([]proof.NodeID, 0, nodesAtOnce)
	flush := func() error {
		hashes, err := l.nodes(ctx, batch, size)
		batch = batch[:0]
		if err != nil {
			return fmt.Errorf("proving %d entries: %w", len(indices), notFound(err))
		}
		return write(hashes)
	}
	err := proof.EachMultiProofNode(indices, size, func(n proof.NodeID) error {
		batch = append(batch, n)
		if len(batch) < nodesAtOnce {
			return nil
		}
		return flush()
	})
	if err != nil || len(batch) == 0 {
		return err
	}
	return flush()
}

// nodes returns the hashes of nodes of the tree of this size.
func (l *Log) nodes(ctx context.Context, nodes []proof.NodeID, size uint64) ([]wire.Hash, error) {
	at := map[compact.NodeID]int{}
	var want []compact.NodeID
	out := make([]wire.Hash, len(nodes))
	hash := func(perfect func(level uint, index uint64) (wire.Hash, error)) (err error) {
		for i, n := range nodes {
			out[i], err = n.Hash(size, perfect)
			if err != nil {
				return err
			}
		}
		return nil
	}
	// The first run finds out which nodes are needed, so that they are read in one round trip. The
	// second run uses them.
	err := hash(func(level uint, index uint64) (wire.Hash, error) {
		id := compact.NodeID{Level: level, Index: index}
		if _, ok := at[id]; !ok {
			at[id] = len(want)
			want = append(want, id)
		}
		return wire.Hash{}, nil
	})
	if err != nil {
		return nil, err
	}
	hashes, err := l.store.Nodes(ctx, l.tree, want)
	if err != nil {
		return nil, err
	}
	return out, hash(func(level uint, index uint64) (wire.Hash, error) {
		return hashes[at[compact.NodeID{Level: level, Index: index}]], nil
	})
}
