package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/storage"
	"igledger/ledger/vault"
)

// Under says which checkpoint a receipt is against.
type Under int

const (
	Newest    Under = iota // the newest checkpoint, which the log alone has signed so far
	Witnessed              // the checkpoint of WitnessedCheckpoint, with its cosignatures
)

// Receipt returns the receipt of the entry with this iss and jti. If the log has no such entry, it
// returns ErrNotFound; otherwise it is as ReceiptAt.
func (l *Log) Receipt(ctx context.Context, iss, jti string, under Under) (Result, error) {
	if _, err := uuid.Parse(jti); err != nil {
		return Result{}, ErrNotFound
	}
	key := idempotencyKey(iss, jti)
	found, err := l.store.ByKey(ctx, l.tree, [][16]byte{key})
	if err != nil {
		return Result{}, fmt.Errorf("looking up an entry: %w", err)
	}
	f, ok := found[key]
	if !ok {
		return Result{}, ErrNotFound
	}
	_, r, err := l.ReceiptAt(ctx, f.Index, under)
	return r, err
}

// ReceiptAt returns the receipt of the entry at index, and the issuer of the entry. If the log does
// not reach that index, it returns ErrNotFound; if the content was erased, ErrErased; if no
// witnessed checkpoint covers the entry yet, the issuer and ErrNotWitnessed.
func (l *Log) ReceiptAt(ctx context.Context, index uint64, under Under) (iss string, r Result, err error) {
	s, err := l.read(ctx, index)
	if err != nil {
		return "", Result{}, err
	}
	size, note, err := l.checkpointFor(ctx, under, index)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && index >= size:
		return s.entry.Issuer, Result{}, ErrNotWitnessed
	case err != nil:
		return "", Result{}, err
	}
	path, err := l.store.InclusionProof(ctx, l.tree, index, size)
	if err != nil {
		return "", Result{}, fmt.Errorf("proving entry %d: %w", index, notFound(err))
	}
	receipt := &bundle.Receipt{Leaf: s.value, Proof: proofText(index, path, note)}
	r = Result{Index: index, Replayed: true, Receipt: receipt}
	if s.entry.Type.Sealed() {
		_, vrfProof := l.tags.tag(s.entry.ShownSub())
		r.Flags = l.flags(s.entry.KID, index, s.content)
		receipt.TagSalt = &s.link.TagSalt
		receipt.Tag = &s.link.Tag
		receipt.BodySalt = &s.content.BodySalt
		receipt.VRFProof = vrfProof
	}
	return s.entry.Issuer, r, nil
}

// checkpointFor returns the size and signed note of a checkpoint, for the entry at index. If
// there is no witnessed one, it returns ErrNotFound.
func (l *Log) checkpointFor(ctx context.Context, under Under, index uint64) (uint64, []byte, error) {
	if under == Newest {
		head, err := l.published(ctx, index)
		return head.Size, head.Checkpoint, err
	}
	list, err := l.store.Witnessed(ctx, l.tree)
	if err != nil {
		return 0, nil, notFound(err)
	}
	return list[0].Size, withLines(list[0].Note, list), nil
}

// replayed returns the result for an entry that was sent again.
func (l *Log) replayed(ctx context.Context, p *pending) Result {
	_, r, err := l.ReceiptAt(ctx, p.res.Index, Newest)
	if err != nil {
		return Result{Index: p.res.Index, Replayed: true, Err: err}
	}
	return r
}

// Opening returns the opening of the sealed entry at index. If the entry is public or the log does
// not reach that index, it returns ErrNotFound; if the content was erased, ErrErased.
func (l *Log) Opening(ctx context.Context, index uint64) (*bundle.Opening, error) {
	s, err := l.read(ctx, index)
	if err != nil {
		return nil, err
	}
	if !s.entry.Type.Sealed() {
		return nil, ErrNotFound
	}
	return l.opening(s), nil
}

// History returns the openings of a person's entries below index before (math.MaxUint64: all),
// newest first, at most limit, and the number of all entries of the person. An id that
// entry.CheckID refuses is an error. A history does not prove that no entry is missing: only a
// statement does.
func (l *Log) History(
	ctx context.Context, id string, before uint64, limit int,
) (count uint64, newestFirst []*bundle.Opening, err error) {
	if err := entry.CheckID(id); err != nil {
		return 0, nil, err
	}
	tag, _ := l.tags.tag(id)
	k := proof.TagKey(tag)
	chains, err := l.store.Chains(ctx, l.tree, [][32]byte{k})
	if err != nil {
		return 0, nil, fmt.Errorf("reading a history: %w", err)
	}
	records, err := l.store.Chain(ctx, l.tree, k, before, limit)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return 0, nil, fmt.Errorf("reading a history: %w", err)
	}
	for _, rec := range records {
		s, err := l.unseal(ctx, rec)
		if err != nil {
			return 0, nil, err
		}
		newestFirst = append(newestFirst, l.opening(s))
	}
	return chains[k].Count, newestFirst, nil
}

// receivedForm is the layout of Opening.Received.
const receivedForm = time.RFC3339Nano

func (l *Log) opening(s stored) *bundle.Opening {
	_, vrfProof := l.tags.tag(s.entry.ShownSub())
	return &bundle.Opening{
		Index: s.index, TagSalt: s.link.TagSalt, Tag: s.link.Tag, VRFProof: vrfProof,
		BodySalt: s.content.BodySalt, JWS: s.entry.Compact, Disclosures: s.entry.Encoded(),
		Flags: l.flags(s.entry.KID, s.index, s.content), Verdict: s.content.Verdict,
		Received: s.content.Received.Format(receivedForm),
	}
}

// flags returns the flags of an entry signed by the key kid: those noted at append and, because it
// can become known later, that the key is suspect at this index.
func (l *Log) flags(kid string, index uint64, c vault.Content) []entry.Flag {
	if k := l.reg.Load().Register.Key(kid); k != nil && k.SuspectFrom != nil && index >= *k.SuspectFrom {
		return append(c.Flags, entry.FlagSuspectKey)
	}
	return c.Flags
}

// stored is an entry as the database holds it, decrypted. Link and content are zero for a public
// one.
type stored struct {
	index   uint64
	value   []byte // the leaf
	entry   *entry.Entry
	link    vault.Link
	content vault.Content
}

// read returns the entry at index.
func (l *Log) read(ctx context.Context, index uint64) (stored, error) {
	rec, err := l.store.Record(ctx, l.tree, index)
	if err != nil {
		return stored{}, fmt.Errorf("reading entry %d: %w", index, notFound(err))
	}
	leaf, err := proof.ParseLeaf(rec.Value)
	if err != nil {
		return stored{}, fmt.Errorf("entry %d: %w", index, err)
	}
	if leaf.Public {
		e, err := leaf.Entry()
		return stored{index: rec.Index, value: rec.Value, entry: e}, err
	}
	return l.unseal(ctx, rec)
}

// unseal decrypts and parses a sealed entry.
func (l *Log) unseal(ctx context.Context, rec storage.Record) (stored, error) {
	ln, c, err := l.vault.Unseal(ctx, rec.Index, proof.LeafHash(rec.Value), rec.Extra)
	if err != nil {
		return stored{}, err
	}
	e, err := entry.Parse(c.SDJWT)
	if err != nil {
		return stored{}, fmt.Errorf("entry %d as stored: %w", rec.Index, err)
	}
	return stored{index: rec.Index, value: rec.Value, entry: e, link: ln, content: c}, nil
}
