package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/entry"
	"igledger/ledger/storage"
	"igledger/ledger/witness"
)

// A checkpoint is published with the log's own signature by the transaction that makes it, and the receipts go out with it: neither waits for a cosigner.
// Cosignatures come later and are kept by the checkpoint's size.
//
// PublishedCheckpoint is always the newest, with whatever cosignatures it has by then: it never goes back, never lags behind a receipt, and needs no
// clock. The price: while entries keep coming the newest is seldom cosigned yet. Whoever wants witnesses' word takes WitnessedCheckpoint, which is
// some seconds older, and at any age says of itself when it was cosigned.

// Witness sends the log's newest checkpoint to w's witnesses and keeps what they cosign, until ctx ends. Any number of replicas may do so.
func (l *Log) Witness(ctx context.Context, w *witness.Client) { w.Run(ctx, witnessed{l, w}) }

// PublishedCheckpoint gives the newest checkpoint, a signed note, with the cosignatures it has.
func (l *Log) PublishedCheckpoint(ctx context.Context) ([]byte, error) {
	head, err := l.store.Head(ctx, l.tree)
	if err != nil {
		return nil, err
	}
	list, err := l.store.Cosignatures(ctx, l.tree, head.Size)
	if err != nil {
		// It is as good without them.
		l.cfg.Logger.Error("reading cosignatures", "size", head.Size, "error", err)
	}
	return withLines(head.Checkpoint, list), nil
}

// WitnessedCheckpoint gives the largest checkpoint that had reached its quorum when a cosignature came in, with all it has. ErrNotFound if there is none. The
// quorum is what the replica that took that cosignature was told: those who verify ask their own policy.
func (l *Log) WitnessedCheckpoint(ctx context.Context) ([]byte, error) {
	list, err := l.store.Witnessed(ctx, l.tree)
	if err != nil {
		return nil, notFound(err)
	}
	return withLines(list[0].Note, list), nil
}

func withLines(note []byte, list []storage.Cosignature) []byte {
	out := append([]byte(nil), note...)
	for _, c := range list {
		out = append(out, c.Line...)
	}
	return out
}

// AddCosignatures takes a checkpoint of this log, of any size it had, with the cosignatures of those w knows, and keeps these. It gives their names. Lines of
// others are passed over; a line of a known cosigner that does not verify refuses all (witness.ErrBadCosignature). This is how an auditor brings
// its word; who calls need not be trusted. entry.BadCheckpoint if it is not signed by this log or not consistent with it.
func (l *Log) AddCosignatures(ctx context.Context, w *witness.Client, signed []byte) ([]string, error) {
	verifier, err := entry.NewLogVerifier(l.cfg.Keys.LogVerifierKey)
	if err != nil {
		return nil, err
	}
	c, err := entry.OpenCheckpoint(signed, verifier)
	if err != nil {
		return nil, err
	}
	if err := l.consistent(ctx, c); err != nil {
		return nil, err
	}
	found, err := w.Cosignatures(witness.Checkpoint{Checkpoint: c, Note: signed})
	if err != nil {
		l.cfg.Logger.Error("a cosignature was refused", "error", err)
		return nil, err
	}
	if len(found) == 0 {
		return nil, nil
	}
	own, err := ownNote(signed, verifier)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(found))
	for i, s := range found {
		names[i] = s.Name
	}
	return names, witnessed{l, w}.keep(ctx, witness.Checkpoint{Checkpoint: c, Note: own}, found...)
}

// consistent refuses a checkpoint signed by our key that is not of the tree in the database: the log forked, or a backup was restored. It is evidence against
// the operator, and nothing to serve.
func (l *Log) consistent(ctx context.Context, c entry.Checkpoint) error {
	head, err := l.store.Head(ctx, l.tree)
	if err != nil {
		return fmt.Errorf("reading the head: %w", err)
	}
	var path [][]byte
	if c.Size > 0 && c.Size < head.Size {
		if path, err = l.store.ConsistencyProof(ctx, l.tree, c.Size, head.Size); err != nil {
			return err
		}
	}
	if c.Size == 0 || proof.VerifyConsistency(rfc6962.DefaultHasher, c.Size, head.Size, path, c.Root[:], head.Root[:]) != nil {
		l.cfg.Logger.Error("somebody holds a checkpoint signed by this log's key that is not of this log", "size", c.Size)
		return fmt.Errorf("a checkpoint of size %d: %w: not of the tree in the database", c.Size, entry.BadCheckpoint)
	}
	return nil
}

// ownNote takes everything but the log's own signature off a checkpoint.
func ownNote(signed []byte, log note.Verifier) ([]byte, error) {
	n, err := note.Open(signed, note.VerifierList(log))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", entry.BadCheckpoint, err)
	}
	var b strings.Builder
	b.WriteString(n.Text + "\n")
	for _, s := range n.Sigs {
		b.WriteString("— " + s.Name + " " + s.Base64 + "\n")
	}
	return []byte(b.String()), nil
}

// witnessed is the log as its witnesses' client sees it.
type witnessed struct {
	*Log
	client *witness.Client
}

func (l witnessed) Newest(ctx context.Context) (witness.Checkpoint, error) {
	head, err := l.store.Head(ctx, l.tree)
	if err != nil {
		return witness.Checkpoint{}, err
	}
	return witness.Checkpoint{Checkpoint: entry.Checkpoint{Origin: l.cfg.Origin, Size: head.Size, Root: head.Root}, Note: head.Checkpoint}, nil
}

func (l witnessed) Cosigned(ctx context.Context, vkey string) (uint64, time.Time, error) {
	c, err := l.store.CosignedBy(ctx, l.tree, vkey)
	return c.Size, c.Time, err
}

func (l witnessed) Prove(ctx context.Context, old, size uint64) ([][]byte, error) {
	return l.store.ConsistencyProof(ctx, l.tree, old, size)
}

func (l witnessed) Keep(ctx context.Context, c witness.Checkpoint, by witness.Cosignature) error {
	return l.keep(ctx, c, by)
}

// keep stores cosignatures on c and notes when they, with those that were there, make the quorum.
func (l witnessed) keep(ctx context.Context, c witness.Checkpoint, by ...witness.Cosignature) error {
	list := make([]storage.Cosignature, len(by))
	for i, s := range by {
		list[i] = storage.Cosignature{Size: c.Size, Cosigner: s.VKey, Time: s.Time, Note: c.Note, Line: []byte(s.Line)}
	}
	if err := l.store.AddCosignatures(ctx, l.tree, list...); err != nil {
		return err
	}
	all, err := l.store.Cosignatures(ctx, l.tree, c.Size)
	if err != nil {
		return err
	}
	vkeys := make([]string, len(all))
	for i, s := range all {
		vkeys[i] = s.Cosigner
	}
	if !l.client.Reached(vkeys) {
		return nil
	}
	return l.store.SetWitnessed(ctx, l.tree, c.Size)
}
