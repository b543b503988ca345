package storage

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/trillian"
	"github.com/transparency-dev/merkle/compact"
)

// ErrDiffers means that the root computed from the leaves is not the one that was stored and
// signed.
var ErrDiffers = fmt.Errorf("%w: the root computed from the leaves is not the stored one", ErrCorrupt)

// Derived is what the derived tables hold about one leaf.
type Derived struct {
	Key      [16]byte
	Chain    [32]byte // all zero: none
	Head     [32]byte // the chain's head hash after this leaf
	Register bool
}

// Final is what the derived tables hold about all leaves together.
type Final struct {
	Streams map[[16]byte][]byte // as stored by SetStream
	Persons map[[32]byte][]byte // as stored by SetPerson
}

// rebuildPage is how many leaves a transaction of Rebuild reads and writes.
const rebuildPage = 2048

// Rebuild writes again every table that is derived from the leaves: keys, chains with their links,
// streams, persons, the register's places and the tiles. derive is called once for each leaf, in
// order; it must not rely on the record's Prev. final is called at the end, for the state of every
// stream and person. First the leaves are checked against the stored root. If it is not their root,
// Rebuild changes nothing and returns ErrDiffers.
//
// It works in pages, each in its own transaction. The tree is frozen in between, so that no process
// can append meanwhile (ErrFrozen). While it runs, readers get ErrNotFound for tiles that are not
// written yet, and for proofs that need them. If it is interrupted, the tree stays frozen until
// Rebuild is run again to its end, which always thaws it. The derived tables are emptied in one
// transaction, and the chains are kept in memory: that is too much for a log of hundreds of
// millions of leaves on CockroachDB.
func (s *Storage) Rebuild(
	ctx context.Context, tree *trillian.Tree, derive func(Record) (Derived, error), final func() (Final, error),
) (Head, error) {
	num, err := s.Number(ctx, tree)
	var h headRow
	if err == nil {
		h, err = readHead(ctx, s.Read, num)
	}
	var was trillian.TreeState
	if err == nil {
		was, err = s.setState(ctx, num, trillian.TreeState_FROZEN)
	}
	if err != nil {
		return Head{}, s.wrap(ctx, "rebuilding", err)
	}
	r := &rebuild{s: s, tree: tree, num: num, was: was, chains: map[[32]byte]Chain{}}
	if err := r.checkRoot(ctx, h.Head); err != nil {
		return Head{}, s.wrap(ctx, "rebuilding", err)
	}
	if err := r.clear(ctx); err != nil {
		return Head{}, s.wrap(ctx, "rebuilding", err)
	}
	for start := uint64(0); start < h.Size; start += rebuildPage {
		if err := r.page(ctx, start, min(rebuildPage, h.Size-start), derive); err != nil {
			return Head{}, s.wrap(ctx, fmt.Sprintf("rebuilding from leaf %d", start), err)
		}
	}
	f, err := final()
	if err == nil {
		err = r.finish(ctx, f)
	}
	if err != nil {
		return Head{}, s.wrap(ctx, "rebuilding", err)
	}
	h.Head.Register = r.register
	return h.Head, nil
}

// rebuild is one run.
type rebuild struct {
	s        *Storage
	tree     *trillian.Tree
	num      TreeNumber
	was      trillian.TreeState // restored if nothing is changed
	chains   map[[32]byte]Chain
	edge     [maxLevel + 1][]byte // hashes of the tile at the right edge of each level
	tiles    [maxLevel + 1]uint64 // its index
	register uint64
}

// setState freezes or thaws a tree, under its head's lock, and returns the state it had.
func (s *Storage) setState(
	ctx context.Context, num TreeNumber, state trillian.TreeState,
) (was trillian.TreeState, err error) {
	var h headRow
	var before int64
	err = update(ctx, func(ctx context.Context) error {
		t, err := s.db.begin(ctx, headOp(num, &h, true), Op{
			SQL: "SELECT state FROM tree WHERE num = $1", Args: []any{int64(num)},
			Scan: func(scan func(...any) error) error { return scan(&before) },
		})
		if err != nil {
			return err
		}
		defer t.rollback()
		return t.commit(ctx, Op{
			SQL:  "UPDATE tree SET state = $1 WHERE num = $2",
			Args: []any{int64(state), int64(num)}, Expect: 1,
		})
	})
	return trillian.TreeState(before), err
}

// checkRoot computes the root from the leaves' values alone. If it is not the head's, it thaws the
// tree, which was not changed.
func (r *rebuild) checkRoot(ctx context.Context, h Head) error {
	rng := (&compact.RangeFactory{Hash: hasher.HashChildren}).NewEmptyRange(0)
	for start := uint64(0); start < h.Size; start += rebuildPage {
		values, err := r.s.Values(ctx, r.tree, start, min(rebuildPage, h.Size-start))
		if err != nil {
			return err
		}
		for _, v := range values {
			if err := rng.Append(hasher.HashLeaf(v), nil); err != nil {
				return err
			}
		}
	}
	root := hasher.EmptyRoot()
	if rng.End() > 0 {
		var err error
		root, err = rng.GetRootHash(nil)
		if err != nil {
			return err
		}
	}
	if rng.End() == h.Size && [32]byte(root) == h.Root {
		return nil
	}
	if _, err := r.s.setState(ctx, r.num, r.was); err != nil {
		return err
	}
	return fmt.Errorf("%w: computed: size %d, root %x; stored: size %d, root %x",
		ErrDiffers, rng.End(), root, h.Size, h.Root)
}

// clear empties the derived tables.
func (r *rebuild) clear(ctx context.Context) error {
	r.s.tiles.forget(r.num)
	from, to := r.num.Place(0), (r.num + 1).Place(0)
	var ops []Op
	for _, table := range []string{"idem", "chain", "source", "person"} {
		ops = append(ops, Op{SQL: "DELETE FROM " + table + " WHERE k >= $1 AND k < $2",
			Args: []any{r.num.Key(nil), (r.num + 1).Key(nil)}})
	}
	for _, table := range []string{"register", "tile"} {
		ops = append(ops, Op{SQL: "DELETE FROM " + table + " WHERE place >= $1 AND place < $2",
			Args: []any{from, to}})
	}
	return r.s.write(ctx, ops...)
}

var (
	updatePrev = "UPDATE leaf SET prev = u.prev" +
		" FROM (SELECT unnest($1::INT8[]) AS place, unnest($2::INT8[]) AS prev) AS u WHERE leaf.place = u.place"
	updatePrevLite = "UPDATE leaf SET prev = $2 WHERE place = $1"
)

// page derives n leaves from start on, and writes what they complete.
func (r *rebuild) page(ctx context.Context, start, n uint64, derive func(Record) (Derived, error)) error {
	records, err := r.s.Records(ctx, r.tree, start, n)
	if err != nil {
		return err
	}
	if uint64(len(records)) != n {
		return fmt.Errorf("%w: leaf %d is missing", ErrCorrupt, start+uint64(len(records)))
	}
	var keys [][]byte
	var idxs, registers, places []int64
	var prevs []*int64
	full := tileSet{}
	for _, rec := range records {
		d, err := derive(rec)
		if err != nil {
			return err
		}
		keys, idxs = append(keys, r.num.Key(d.Key[:])), append(idxs, int64(rec.Index))
		if d.Register {
			registers = append(registers, r.num.Place(rec.Index))
			r.register = rec.Index + 1
		}
		if d.Chain != [32]byte{} {
			c := r.chains[d.Chain]
			if c.Count == 0 && rec.HasPrev || c.Count > 0 && (!rec.HasPrev || rec.Prev != c.Last) {
				var prev *int64
				if c.Count > 0 {
					last := int64(c.Last)
					prev = &last
				}
				places, prevs = append(places, r.num.Place(rec.Index)), append(prevs, prev)
			}
			r.chains[d.Chain] = Chain{Count: c.Count + 1, Head: d.Head, Last: rec.Index}
		}
		r.grow(0, hasher.HashLeaf(rec.Value), full)
	}
	ops := []Op{{SQL: insertIdem, Lite: insertIdemLite, Cols: []any{keys, idxs}}}
	if len(registers) > 0 {
		ops = append(ops, Op{SQL: insertRegister, Lite: insertRegisterLite, Cols: []any{registers}})
	}
	if len(places) > 0 {
		ops = append(ops, Op{SQL: updatePrev, Lite: updatePrevLite, Cols: []any{places, prevs}})
	}
	return r.s.write(ctx, append(ops, tileWrites(full)...)...)
}

// grow adds a hash at the right edge of a level. A tile that is full goes into full, and its root
// to the next level.
func (r *rebuild) grow(level int, hash []byte, full tileSet) {
	r.edge[level] = append(r.edge[level], hash...)
	if len(r.edge[level]) < tileWidth*hashSize {
		return
	}
	tile := r.edge[level]
	full[tileID{r.num, level, r.tiles[level]}] = tile
	r.edge[level] = nil
	r.tiles[level]++
	if level < maxLevel {
		r.grow(level+1, fold(tile), full)
	}
}

func tileWrites(tiles tileSet) []Op {
	if len(tiles) == 0 {
		return nil
	}
	var places []int64
	var hashes [][]byte
	for _, id := range inPlace(tiles) {
		places, hashes = append(places, id.place()), append(hashes, tiles[id])
	}
	return []Op{{SQL: upsertTile, Lite: upsertTileLite, Cols: []any{places, hashes}}}
}

// finish writes chains, streams, persons and the tiles at the right edge, and thaws the tree.
func (r *rebuild) finish(ctx context.Context, f Final) error {
	var ks, heads [][]byte
	var counts, lasts []int64
	for _, k := range sorted32(r.chains) {
		c := r.chains[k]
		ks, heads = append(ks, r.num.Key(k[:])), append(heads, slices.Clone(c.Head[:]))
		counts, lasts = append(counts, int64(c.Count)), append(lasts, int64(c.Last))
	}
	for i := 0; i < len(ks); i += rebuildPage {
		end := min(i+rebuildPage, len(ks))
		o := Op{
			SQL: upsertChain, Lite: upsertChainLite,
			Cols: []any{ks[i:end], counts[i:end], heads[i:end], lasts[i:end]},
		}
		if err := r.s.write(ctx, o); err != nil {
			return err
		}
	}
	edge := tileSet{}
	for level := 1; level <= maxLevel; level++ {
		if len(r.edge[level]) > 0 {
			edge[tileID{r.num, level, r.tiles[level]}] = r.edge[level]
		}
	}
	ops := []Op{{
		SQL:  "UPDATE head SET register = $1 WHERE tree = $2",
		Args: []any{int64(r.register), int64(r.num)}, Expect: 1,
	}}
	if len(f.Streams) > 0 {
		ops = append(ops, putStreams(r.num, f.Streams))
	}
	if len(f.Persons) > 0 {
		ops = append(ops, putPersons(r.num, f.Persons))
	}
	if err := r.s.write(ctx, append(ops, tileWrites(edge)...)...); err != nil {
		return err
	}
	_, err := r.s.setState(ctx, r.num, trillian.TreeState_ACTIVE)
	return err
}
