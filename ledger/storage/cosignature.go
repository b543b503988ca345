package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/google/trillian"
)

// Cosignature is what a cosigner added to a checkpoint. Storage does not verify it.
type Cosignature struct {
	Size     uint64    // of the checkpoint, at least 1
	Cosigner string    // C2SP verifier key
	Time     time.Time // by the cosigner's clock; kept to the second
	Note     []byte    // the checkpoint with the log's own signature
	Line     []byte    // the signature line, line feed included
}

// keptCosignatures is how many cosignatures a tree keeps in addition to those of the largest
// witnessed checkpoint and the last one of each cosigner. With a new anchor every ten seconds and
// eight cosigners, that is about twenty minutes. A slower cosigner sends the checkpoint with its
// line.
const keptCosignatures = 1024

const (
	upsertCosignature = "INSERT INTO cosignature (place, signed, cosigner, note, line) VALUES ($1, $2, $3, $4, $5)" +
		" ON CONFLICT (place, cosigner) DO UPDATE SET signed = excluded.signed, line = excluded.line" +
		" WHERE excluded.signed > cosignature.signed"
	pruneCosignatures = "DELETE FROM cosignature WHERE place >= $1" +
		" AND place < (SELECT min(k.place) FROM (SELECT c.place FROM cosignature c" +
		" WHERE c.place >= $2 AND c.place < $3 ORDER BY c.place DESC LIMIT $4) AS k)" +
		" AND place <> $5 + COALESCE((SELECT w.size FROM witnessed w WHERE w.tree = $6), 0) - 1" +
		" AND place < (SELECT max(n.place) FROM cosignature n" +
		" WHERE n.place >= $7 AND n.place < $8 AND n.cosigner = cosignature.cosigner)"
	upsertWitnessed = "INSERT INTO witnessed (tree, size) VALUES ($1, $2)" +
		" ON CONFLICT (tree) DO UPDATE SET size = excluded.size WHERE excluded.size > witnessed.size"

	selectCosignatures = "SELECT place, signed, cosigner, note, line FROM cosignature WHERE place = "
	orderCosignatures  = " ORDER BY cosigner"
)

// AddCosignatures stores cosignatures; of several by one cosigner on one checkpoint it keeps the
// latest. It deletes those of the smallest checkpoints beyond keptCosignatures, but never the last
// of a cosigner. It may be repeated.
func (s *Storage) AddCosignatures(ctx context.Context, tree *trillian.Tree, list ...Cosignature) error {
	const doing = "storing cosignatures"
	num, err := s.Number(ctx, tree)
	if err != nil || len(list) == 0 {
		return s.wrap(ctx, doing, err)
	}
	ops := make([]Op, 0, len(list)+1)
	for _, c := range list {
		if c.Size == 0 || c.Size > MaxLeaves {
			return s.wrap(ctx, doing, fmt.Errorf("%w: a checkpoint of size %d", ErrMisuse, c.Size))
		}
		ops = append(ops, Op{SQL: upsertCosignature,
			Args: []any{num.Place(c.Size - 1), c.Time.Unix(), c.Cosigner, nonNil(c.Note), nonNil(c.Line)}})
	}
	first, end := num.Place(0), (num + 1).Place(0)
	ops = append(ops, Op{SQL: pruneCosignatures,
		Args: []any{first, first, end, int64(keptCosignatures), first, int64(num), first, end}})
	return s.wrap(ctx, doing, s.write(ctx, ops...))
}

// Cosignatures returns the cosignatures kept on the checkpoint of this size, ordered by cosigner.
func (s *Storage) Cosignatures(ctx context.Context, tree *trillian.Tree, size uint64) ([]Cosignature, error) {
	doing := fmt.Sprintf("reading the cosignatures on the checkpoint of size %d", size)
	if size == 0 || size > MaxLeaves {
		return nil, nil
	}
	num, err := s.Number(ctx, tree)
	if err != nil {
		return nil, s.wrap(ctx, doing, err)
	}
	list, err := s.cosignatures(ctx, Op{
		SQL: selectCosignatures + "$1" + orderCosignatures, Args: []any{num.Place(size - 1)},
	})
	return list, s.wrap(ctx, doing, err)
}

// CosignedBy returns the cosignature on the largest checkpoint that this cosigner has cosigned, or
// the zero value if there is none.
func (s *Storage) CosignedBy(ctx context.Context, tree *trillian.Tree, cosigner string) (Cosignature, error) {
	const doing = "reading the last cosignature of a cosigner"
	num, err := s.Number(ctx, tree)
	if err != nil {
		return Cosignature{}, s.wrap(ctx, doing, err)
	}
	list, err := s.cosignatures(ctx, Op{
		SQL: selectCosignatures + "(SELECT max(c.place) FROM cosignature c" +
			" WHERE c.place >= $1 AND c.place < $2 AND c.cosigner = $3) AND cosigner = $4",
		Args: []any{num.Place(0), (num + 1).Place(0), cosigner, cosigner},
	})
	if err != nil || len(list) == 0 {
		return Cosignature{}, s.wrap(ctx, doing, err)
	}
	return list[0], nil
}

// SetWitnessed records that the checkpoint of this size has reached its quorum, unless a larger one
// has.
func (s *Storage) SetWitnessed(ctx context.Context, tree *trillian.Tree, size uint64) error {
	num, err := s.Number(ctx, tree)
	if err == nil {
		err = s.write(ctx, Op{SQL: upsertWitnessed, Args: []any{int64(num), int64(size)}})
	}
	return s.wrap(ctx, fmt.Sprintf("recording that the checkpoint of size %d is witnessed", size), err)
}

// Witnessed returns the cosignatures of the largest checkpoint that SetWitnessed recorded, ordered
// by cosigner. If there is none, it returns ErrNotFound.
func (s *Storage) Witnessed(ctx context.Context, tree *trillian.Tree) ([]Cosignature, error) {
	const doing = "reading the newest witnessed checkpoint"
	num, err := s.Number(ctx, tree)
	if err != nil {
		return nil, s.wrap(ctx, doing, err)
	}
	list, err := s.cosignatures(ctx, Op{
		SQL:  selectCosignatures + "(SELECT w.size - 1 FROM witnessed w WHERE w.tree = $1) + $2" + orderCosignatures,
		Args: []any{int64(num), num.Place(0)},
	})
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	return list, s.wrap(ctx, doing, err)
}

func (s *Storage) cosignatures(ctx context.Context, o Op) (list []Cosignature, err error) {
	o.Fresh = func() { list = nil }
	o.Scan = func(scan func(...any) error) error {
		var c Cosignature
		var at, signed int64
		err := scan(&at, &signed, &c.Cosigner, &c.Note, &c.Line)
		c.Size, c.Time = uint64(at)&(MaxLeaves-1)+1, time.Unix(signed, 0).UTC()
		list = append(list, c)
		return err
	}
	err = s.Read(ctx, o)
	return list, err
}
