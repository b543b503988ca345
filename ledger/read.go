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

// Receipt gives the receipt of the entry with this iss and jti, against the newest checkpoint. ErrNotFound if the log has none.
func (l *Log) Receipt(ctx context.Context, iss, jti string) (Result, error) {
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
	_, r, err := l.ReceiptAt(ctx, f.Index)
	return r, err
}

// ReceiptAt gives the receipt of the entry at index and who issued it, against the newest checkpoint. ErrNotFound beyond the log, ErrErased
// if its content is no more.
func (l *Log) ReceiptAt(ctx context.Context, index uint64) (iss string, r Result, err error) {
	rec, e, ln, c, err := l.read(ctx, index)
	if err != nil {
		return "", Result{}, err
	}
	head, err := l.store.Head(ctx, l.tree)
	if err != nil {
		return "", Result{}, fmt.Errorf("reading the head: %w", err)
	}
	path, err := l.store.InclusionProof(ctx, l.tree, index, head.Size)
	if err != nil {
		return "", Result{}, fmt.Errorf("proving entry %d: %w", index, notFound(err))
	}
	r = Result{Index: index, Replayed: true, Receipt: &bundle.Receipt{Leaf: rec.Value, Proof: proofText(index, path, head.Checkpoint)}}
	if e.Type.Sealed() {
		_, vrfProof := l.tags.tag(e.ShownSub())
		r.Flags = l.flags(e, index, c)
		r.Receipt.TagSalt, r.Receipt.Tag, r.Receipt.BodySalt, r.Receipt.VRFProof = &ln.TagSalt, &ln.Tag, &c.BodySalt, vrfProof
	}
	return e.Issuer, r, nil
}

// replayed builds the receipt of an entry that was sent again.
func (l *Log) replayed(ctx context.Context, p *pending) Result {
	_, r, err := l.ReceiptAt(ctx, p.res.Index)
	if err != nil {
		return Result{Index: p.res.Index, Replayed: true, Err: err}
	}
	return r
}

// Opening reveals the sealed entry at index. ErrNotFound for a public entry or beyond the log.
func (l *Log) Opening(ctx context.Context, index uint64) (*bundle.Opening, error) {
	_, e, ln, c, err := l.read(ctx, index)
	if err != nil {
		return nil, err
	}
	if !e.Type.Sealed() {
		return nil, ErrNotFound
	}
	return l.opening(index, e, ln, c), nil
}

// History gives the openings of a person's entries, newest first, at most limit of those below before (math.MaxUint64: from the newest), and how many
// there are in all. The id has one of the forms of entry.CheckID. It is the ledger's word; the proof that none is missing is a statement's.
func (l *Log) History(ctx context.Context, id string, before uint64, limit int) (count uint64, newestFirst []*bundle.Opening, err error) {
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
		e, ln, c, err := l.unseal(ctx, rec)
		if err != nil {
			return 0, nil, err
		}
		newestFirst = append(newestFirst, l.opening(rec.Index, e, ln, c))
	}
	return chains[k].Count, newestFirst, nil
}

// receivedForm is how Opening.Received is written.
const receivedForm = time.RFC3339Nano

func (l *Log) opening(index uint64, e *entry.Entry, ln vault.Link, c vault.Content) *bundle.Opening {
	_, vrfProof := l.tags.tag(e.ShownSub())
	return &bundle.Opening{
		Index: index, TagSalt: ln.TagSalt, Tag: ln.Tag, VRFProof: vrfProof, BodySalt: c.BodySalt,
		JWS: e.Compact, Disclosures: e.Encoded(), Flags: l.flags(e, index, c), Verdict: c.Verdict, Received: c.Received.Format(receivedForm),
	}
}

// flags are those noted at append and, as it can become known later, that the key is suspect from this index or one below.
func (l *Log) flags(e *entry.Entry, index uint64, c vault.Content) []entry.Flag {
	return l.flagsOf(e.KID, index, c)
}

func (l *Log) flagsOf(kid string, index uint64, c vault.Content) []entry.Flag {
	if k := l.reg.Load().Register.Key(kid); k != nil && k.SuspectFrom != nil && index >= *k.SuspectFrom {
		return append(c.Flags, entry.FlagSuspectKey)
	}
	return c.Flags
}

// read gives the entry at index; link and content are empty for a public one.
func (l *Log) read(ctx context.Context, index uint64) (storage.Record, *entry.Entry, vault.Link, vault.Content, error) {
	rec, err := l.store.Record(ctx, l.tree, index)
	if err != nil {
		return rec, nil, vault.Link{}, vault.Content{}, fmt.Errorf("reading entry %d: %w", index, notFound(err))
	}
	leaf, err := proof.ParseLeaf(rec.Value)
	if err == nil && leaf.Public {
		e, err := leaf.Entry()
		return rec, e, vault.Link{}, vault.Content{}, err
	}
	if err != nil {
		return rec, nil, vault.Link{}, vault.Content{}, fmt.Errorf("entry %d: %w", index, err)
	}
	e, ln, c, err := l.unseal(ctx, rec)
	return rec, e, ln, c, err
}

func (l *Log) unseal(ctx context.Context, rec storage.Record) (*entry.Entry, vault.Link, vault.Content, error) {
	ln, c, err := l.vault.Unseal(ctx, rec.Index, proof.LeafHash(rec.Value), rec.Extra)
	if err != nil {
		return nil, ln, c, err
	}
	e, err := entry.Parse(c.SDJWT)
	if err != nil {
		return nil, ln, c, fmt.Errorf("entry %d as stored: %w", rec.Index, err)
	}
	return e, ln, c, nil
}
