package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
	"igledger/ledger/witness"
)

// A checkpoint is published with the log's own signature by the transaction that makes it. Receipts
// refer to it. Neither waits for a cosigner: cosignatures come later and are kept by the
// checkpoint's size.
//
// PublishedCheckpoint returns the newest checkpoint, with the cosignatures it has. It never goes
// back, never lags behind a receipt, and needs no clock. The price: while entries keep coming, the
// newest checkpoint is seldom cosigned. Callers that need cosignatures use WitnessedCheckpoint,
// which lags by a few seconds and carries the time of each cosignature. Cosigners are asked to
// cosign the Anchor.

// Witness sends the log's anchor to the witnesses of w and keeps their cosignatures, until ctx
// ends. Any number of replicas may run it.
func (l *Log) Witness(ctx context.Context, w *witness.Client) { w.Run(ctx, witnessed{l}) }

// Policy returns the policy that says whose cosignatures are kept. If it is nil, none are.
func (l *Log) Policy() *cosign.Policy { return l.cfg.Policy }

// PublishedCheckpoint returns the newest checkpoint, a signed note, with the cosignatures it has.
func (l *Log) PublishedCheckpoint(ctx context.Context) ([]byte, error) {
	head, err := l.published(ctx, 0)
	if err != nil {
		return nil, err
	}
	return l.withCosignatures(ctx, head.Checkpoint, head.Size), nil
}

// Cosigned returns a checkpoint that this log signed with the cosignatures it has now. Cosignatures
// on it that are not kept any more stay.
func (l *Log) Cosigned(ctx context.Context, signed []byte) ([]byte, error) {
	c, err := proof.OpenCheckpoint(signed, l.verifier)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	list, err := l.store.Cosignatures(ctx, l.tree, c.Size)
	if err != nil || len(list) == 0 {
		return signed, err
	}
	return withLines(list[0].Note, list), nil
}

// withCosignatures returns the log's own note of this size with the cosignatures it has.
func (l *Log) withCosignatures(ctx context.Context, own []byte, size uint64) []byte {
	list, err := l.store.Cosignatures(ctx, l.tree, size)
	if err != nil {
		// The checkpoint is as good without them.
		l.cfg.Logger.Error("reading cosignatures", "size", size, "error", err)
	}
	return withLines(own, list)
}

// WitnessedCheckpoint returns the largest anchor that had reached its quorum when a cosignature
// came in, with all its cosignatures. If there is none, it returns ErrNotFound. The quorum is that
// of the replica which took that cosignature; a verifier applies its own policy.
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

// AddCosignatures takes a checkpoint of this log, of any size the log has had, with cosignatures by
// cosigners of the log's policy. It keeps these and returns the names of their cosigners. An
// auditor submits its cosignatures in this way; the caller need not be trusted. Lines of unknown
// cosigners are ignored.
//
// If this log did not sign the checkpoint, it returns ErrForeign. If it did but the checkpoint is
// not of this tree, it returns ErrFork. If the line of a known cosigner does not verify or has a
// time in the future, it keeps none and returns ErrBadCosignature. If no line is by a known
// cosigner, it returns ErrNoCosigner.
func (l *Log) AddCosignatures(ctx context.Context, signed []byte) ([]string, error) {
	c, err := proof.OpenCheckpoint(signed, l.verifier) // also bounds its size
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if err := l.consistent(ctx, signed, c); err != nil {
		return nil, err
	}
	if l.cfg.Policy == nil {
		return nil, ErrNoCosigner
	}
	good, bad := cosign.Read(signed, c, l.cfg.Policy.Cosigners)
	found, others := cosign.Latest(good, l.cfg.Now())
	for _, s := range others {
		bad = append(bad, cosign.Bad{By: s.By, Err: errors.New(s.WhyNot())})
	}
	if len(bad) > 0 {
		err := fmt.Errorf("%w: on the checkpoint of size %d: %w", ErrBadCosignature, c.Size, bad[0].Err)
		if by := bad[0].By; by != nil {
			err = fmt.Errorf("%w: by %s on the checkpoint of size %d: %w", ErrBadCosignature, by.Name, c.Size, bad[0].Err)
		}
		l.cfg.Logger.Error("a cosignature was refused", "error", err)
		return nil, err
	}
	if len(found) == 0 {
		return nil, ErrNoCosigner
	}
	own, err := ownNote(signed, l.verifier)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(found))
	for i, s := range found {
		names[i] = s.By.Name
	}
	return names, l.keep(ctx, witness.Checkpoint{Checkpoint: c, Note: own}, found...)
}

// consistent refuses a checkpoint that is signed by our key but is not of the tree in the database.
// It is evidence against the operator, must not be served, and stops the log: after a restored
// backup it is how the log learns that it had been larger.
func (l *Log) consistent(ctx context.Context, signed []byte, c proof.Checkpoint) error {
	head, err := l.store.Head(ctx, l.tree)
	if err != nil {
		return fmt.Errorf("reading the head: %w", err)
	}
	ok, err := l.extends(ctx, c, head)
	if err != nil {
		return err
	}
	if ok && c.Size > 0 {
		return nil
	}
	if own, err := ownNote(signed, l.verifier); err == nil && c.Size > 0 {
		l.signing.contradicted(ctx, fmt.Sprintf("a checkpoint of %d entries, signed by the log's key, was sent to "+
			"/v1/cosignatures, but the tree of %d entries in the database does not contain it", c.Size, head.Size), own)
	}
	return fmt.Errorf("checkpoint of size %d: %w", c.Size, ErrFork)
}

// ownNote returns a checkpoint with the log's own signature and no other.
func ownNote(signed []byte, log note.Verifier) ([]byte, error) {
	n, err := note.Open(signed, note.VerifierList(log))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", wire.BadCheckpoint, err)
	}
	var b strings.Builder
	b.WriteString(n.Text + "\n")
	for _, s := range n.Sigs {
		b.WriteString("— " + s.Name + " " + s.Base64 + "\n")
	}
	return []byte(b.String()), nil
}

// CosignerState is the newest cosignature that was kept of a cosigner.
type CosignerState struct {
	Name string
	Size uint64 // of the largest checkpoint it cosigned; 0 if none
	Time time.Time
}

// Cosigners returns the state of each cosigner, in the order of the policy.
func (l *Log) Cosigners(ctx context.Context) ([]CosignerState, error) {
	if l.cfg.Policy == nil {
		return nil, nil
	}
	list := make([]CosignerState, len(l.cfg.Policy.Cosigners))
	for i, w := range l.cfg.Policy.Cosigners {
		c, err := l.store.CosignedBy(ctx, l.tree, w.VKey)
		if err != nil {
			return nil, err
		}
		list[i] = CosignerState{w.Name, c.Size, c.Time}
	}
	return list, nil
}

// witnessed is the log as the client of its witnesses sees it.
type witnessed struct{ *Log }

func (l witnessed) Newest(ctx context.Context) (witness.Checkpoint, error) { return l.newest(ctx) }

func (l witnessed) Cosigned(ctx context.Context, vkey string) (uint64, time.Time, error) {
	c, err := l.store.CosignedBy(ctx, l.tree, vkey)
	return c.Size, c.Time, err
}

func (l witnessed) Prove(ctx context.Context, old, size uint64) ([][]byte, error) {
	return l.store.ConsistencyProof(ctx, l.tree, old, size)
}

func (l witnessed) Keep(ctx context.Context, c witness.Checkpoint, by cosign.Cosignature) error {
	own, err := ownNote(c.Note, l.verifier)
	if err != nil {
		return err
	}
	c.Note = own
	return l.keep(ctx, c, by)
}

func (l witnessed) Contradicted(ctx context.Context, err error) {
	l.signing.contradicted(ctx, err.Error(), nil)
}

// keep stores cosignatures on c. If c is or was the anchor and they make the quorum together with
// the stored ones, it notes that c is witnessed. Anyone can bring a cosignature on another
// checkpoint. If such a one counted, statements, which rest on anchors, would have to do without
// the quorum.
func (l *Log) keep(ctx context.Context, c witness.Checkpoint, by ...cosign.Cosignature) error {
	list := make([]storage.Cosignature, len(by))
	for i, s := range by {
		list[i] = storage.Cosignature{
			Size: c.Size, Cosigner: s.By.VKey, Time: s.Time, Note: c.Note, Line: []byte(s.Line),
		}
	}
	if err := l.store.AddCosignatures(ctx, l.tree, list...); err != nil {
		return err
	}
	all, err := l.store.Cosignatures(ctx, l.tree, c.Size)
	if err != nil {
		return err
	}
	if l.cfg.Policy == nil || !l.cfg.Policy.Reached(names(l.cfg.Policy, all)) {
		return nil
	}
	if anchor, err := l.isAnchor(ctx, c.Size); err != nil || !anchor {
		return err
	}
	return l.store.SetWitnessed(ctx, l.tree, c.Size)
}

// names returns the policy's names of the cosigners in a list. It leaves out keys that only an
// earlier policy had.
func names(p *cosign.Policy, list []storage.Cosignature) []string {
	var out []string
	for _, w := range p.Cosigners {
		if slices.ContainsFunc(list, func(s storage.Cosignature) bool { return s.Cosigner == w.VKey }) {
			out = append(out, w.Name)
		}
	}
	return out
}
