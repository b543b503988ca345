package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
	"igledger/ledger/witness"
)

// A checkpoint is published with the log's own signature by the transaction that makes it, and the receipts go out with it: neither waits for a cosigner.
// Cosignatures come later and are kept by the checkpoint's size.
//
// PublishedCheckpoint is always the newest, with whatever cosignatures it has by then: it never goes back, never lags behind a receipt, and needs no
// clock. The price: while entries keep coming the newest is seldom cosigned yet. Whoever wants witnesses' word takes WitnessedCheckpoint, which is
// some seconds older, and at any age says of itself when it was cosigned. What cosigners are asked to cosign is the Anchor.

// Witness sends the log's anchor to w's witnesses and keeps what they cosign, until ctx ends. Any number of replicas may do so.
func (l *Log) Witness(ctx context.Context, w *witness.Client) { w.Run(ctx, witnessed{l}) }

// Policy gives whose cosignatures are kept; nil: nobody's.
func (l *Log) Policy() *cosign.Policy { return l.cfg.Policy }

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

// AddCosignatures takes a checkpoint of this log, of any size it had, with cosignatures of cosigners of the log's policy, and keeps these. It gives their names. Lines
// of others are passed over; a line of a known cosigner that does not verify, or of a time yet to come, refuses all. This is how an auditor brings its word; who
// calls need not be trusted. ErrForeign if this log did not sign it, ErrFork if it did and the tree is another one, ErrBadCosignature, ErrNoCosigner.
func (l *Log) AddCosignatures(ctx context.Context, signed []byte) ([]string, error) {
	c, err := proof.OpenCheckpoint(signed, l.verifier) // bounds its size, too
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if err := l.consistent(ctx, c); err != nil {
		return nil, err
	}
	if l.cfg.Policy == nil {
		return nil, ErrNoCosigner
	}
	good, bad := cosign.Read(signed, c, l.cfg.Policy.Cosigners)
	found, early := cosign.Latest(good, l.cfg.Now())
	for _, s := range early {
		bad = append(bad, cosign.Bad{By: s.By, Err: fmt.Errorf("its time is %s, which is yet to come", s.Time.Format(time.RFC3339))})
	}
	if len(bad) > 0 {
		err := fmt.Errorf("%w: checkpoint of size %d: %w", ErrBadCosignature, c.Size, bad[0].Err)
		if by := bad[0].By; by != nil {
			err = fmt.Errorf("%w: of %s, checkpoint of size %d: %w", ErrBadCosignature, by.Name, c.Size, bad[0].Err)
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

// consistent refuses a checkpoint signed by our key that is not of the tree in the database. It is evidence against the operator, and nothing to serve.
func (l *Log) consistent(ctx context.Context, c proof.Checkpoint) error {
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
	if c.Size == 0 || merkle.VerifyConsistency(rfc6962.DefaultHasher, c.Size, head.Size, path, c.Root[:], head.Root[:]) != nil {
		l.cfg.Logger.Error("ALARM: somebody holds a checkpoint signed by this log's key that is not of this log", "size", c.Size, "root", fmt.Sprintf("%x", c.Root))
		return fmt.Errorf("checkpoint of size %d: %w", c.Size, ErrFork)
	}
	return nil
}

// ownNote takes everything but the log's own signature off a checkpoint.
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

// CosignerState is what was kept last of a cosigner.
type CosignerState struct {
	Name string
	Size uint64 // of the largest checkpoint it cosigned; 0: none
	Time time.Time
}

// Cosigners gives the state of each cosigner of the policy, in its order.
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

// witnessed is the log as its witnesses' client sees it.
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
	return l.keep(ctx, c, by)
}

// keep stores cosignatures on c and notes when they, with those that were there, make the quorum.
func (l *Log) keep(ctx context.Context, c witness.Checkpoint, by ...cosign.Cosignature) error {
	list := make([]storage.Cosignature, len(by))
	for i, s := range by {
		list[i] = storage.Cosignature{Size: c.Size, Cosigner: s.By.VKey, Time: s.Time, Note: c.Note, Line: []byte(s.Line)}
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
	return l.store.SetWitnessed(ctx, l.tree, c.Size)
}

// names gives what the policy calls the cosigners of a list. Keys it does not know, of a policy of before, are left out.
func names(p *cosign.Policy, list []storage.Cosignature) []string {
	var out []string
	for _, w := range p.Cosigners {
		if slices.ContainsFunc(list, func(s storage.Cosignature) bool { return s.Cosigner == w.VKey }) {
			out = append(out, w.Name)
		}
	}
	return out
}
