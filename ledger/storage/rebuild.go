package storage

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/google/trillian"
	"github.com/transparency-dev/merkle/compact"
)

// ErrDiffers means that the root computed from the leaves is not the one that was stored and
// signed.
var ErrDiffers = fmt.Errorf("%w: the root computed from the leaves is not the stored one", ErrCorrupt)

// ErrOvertaken means that the log grew, or another rebuild began, while this one ran. It changed
// nothing.
var ErrOvertaken = errors.New("the log changed during the rebuild")

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

// rebuilt begins the names of the tables that a rebuild fills beside the real ones.
const rebuilt = "rebuilt_"

// derivedTable is a table that is derived from the leaves.
type derivedTable struct {
	name, key, columns string
}

var derived = []derivedTable{
	{"idem", "k", "k, idx"}, {"chain", "k", "k, count, head, last, governed, recent"},
	{"history", "k", "k, first, n, places"}, {"source", "k", "k, state"},
	{"person", "k", "k, state"}, {"register", "place", "place"}, {"tile", "place", "place, hashes"},
}

// of returns the arguments that limit a statement to the rows of a tree.
func (d derivedTable) of(num TreeNumber) []any {
	if d.key == "k" {
		return []any{num.Key(nil), (num + 1).Key(nil)}
	}
	return []any{num.Place(0), (num + 1).Place(0)}
}

func (d derivedTable) where() string { return d.key + " >= $1 AND " + d.key + " < $2" }

// clear returns the statement that empties a table: the real one or, with the prefix rebuilt, the
// one beside it.
func (d derivedTable) clear(num TreeNumber, prefix string) Op {
	return Op{SQL: "DELETE FROM " + prefix + d.name + " WHERE " + d.where(), Args: d.of(num)}
}

// replace returns the statements that put the rebuilt rows in the place of the real ones.
func (d derivedTable) replace(num TreeNumber) []Op {
	return []Op{
		d.clear(num, ""),
		{SQL: "INSERT INTO " + d.name + " (" + d.columns + ") SELECT " + d.columns + " FROM " + rebuilt + d.name +
			" WHERE " + d.where(), Args: d.of(num)},
		d.clear(num, rebuilt),
	}
}

// Rebuild makes again every table that is derived from the leaves: keys, chains with the places of
// their leaves, streams, persons, the register's places and the tiles. derive is called once for
// each leaf, in order. final is called at the end, for the state of every stream and person. First
// the leaves are checked against the stored root. If it is not their root, Rebuild changes nothing
// and returns ErrDiffers.
//
// It writes beside the tables in use, in pages, each in its own transaction. The last transaction
// puts what was written in the place of what was there. So a rebuild that is interrupted has
// changed nothing, and the next one begins again. Readers notice nothing. Nobody may append
// meanwhile: if a process has a lease on the tree, it returns an *InUseError, and if the log grew
// nevertheless, ErrOvertaken. The last transaction is as large as the derived tables, and the
// chains are kept in memory: that is too much for a log of hundreds of millions of leaves on
// CockroachDB.
func (s *Storage) Rebuild(
	ctx context.Context, tree *trillian.Tree, derive func(Record) (Derived, error), final func() (Final, error),
) (Head, error) {
	ctx = context.WithValue(ctx, roundTrip{}, unbounded)
	num, err := s.Number(ctx, tree)
	r := &rebuild{s: s, tree: tree, num: num, chains: map[[32]byte]chainRow{}}
	if err == nil {
		err = r.begin(ctx)
	}
	if err == nil {
		err = r.checkRoot(ctx, r.head)
	}
	if err != nil {
		return Head{}, s.wrap(ctx, "rebuilding", err)
	}
	for start := uint64(0); start < r.head.Size; start += rebuildPage {
		if err := r.page(ctx, start, min(rebuildPage, r.head.Size-start), derive); err != nil {
			return Head{}, s.wrap(ctx, fmt.Sprintf("rebuilding from leaf %d", start), err)
		}
	}
	f, err := final()
	if err == nil {
		err = r.finish(ctx, f)
	}
	if err == nil {
		err = r.replace(ctx)
	}
	if err != nil {
		return Head{}, s.wrap(ctx, "rebuilding", err)
	}
	s.tiles.forget(num)
	r.head.Register = r.register
	return r.head, nil
}

// Replay calls derive as Rebuild does, and changes nothing. The log may grow meanwhile.
func (s *Storage) Replay(ctx context.Context, tree *trillian.Tree, derive func(Record) (Derived, error)) (Head, error) {
	h, err := s.Head(ctx, tree)
	if err != nil {
		return h, err
	}
	r := &rebuild{s: s, tree: tree}
	if err := r.checkRoot(ctx, h); err != nil {
		return h, s.wrap(ctx, "replaying", err)
	}
	for start := uint64(0); start < h.Size; start += rebuildPage {
		records, err := r.records(ctx, start, min(rebuildPage, h.Size-start))
		for i := 0; err == nil && i < len(records); i++ {
			_, err = derive(records[i])
		}
		if err != nil {
			return h, s.wrap(ctx, fmt.Sprintf("replaying from leaf %d", start), err)
		}
	}
	return h, nil
}

// rebuild is one run.
type rebuild struct {
	s        *Storage
	tree     *trillian.Tree
	num      TreeNumber
	run      [16]byte
	head     Head // when it began
	chains   map[[32]byte]chainRow
	edge     [maxLevel + 1][]byte // hashes of the tile at the right edge of each level
	tiles    [maxLevel + 1]uint64 // its index
	register uint64
}

// begin takes over from a rebuild that was interrupted.
func (r *rebuild) begin(ctx context.Context) error {
	rand.Read(r.run[:])
	return r.s.Transact(ctx, func(ctx context.Context, run Runner) ([]Op, error) {
		var h headRow
		if err := run(ctx, headOp(r.num, &h, true)); err != nil {
			return nil, err
		}
		if !h.found {
			return nil, fmt.Errorf("%w: the tree is gone", ErrNotFound)
		}
		r.head = h.Head
		ops := []Op{{
			SQL:  "INSERT INTO rebuild (tree, run) VALUES ($1, $2) ON CONFLICT (tree) DO UPDATE SET run = excluded.run",
			Args: []any{int64(r.num), r.run[:]},
		}}
		for _, d := range derived {
			ops = append(ops, d.clear(r.num, rebuilt))
		}
		return ops, unused(ctx, run, r.num)
	})
}

// write commits statements, unless a process has the tree open to append to it, the log grew, or
// another rebuild took over.
func (r *rebuild) write(ctx context.Context, ops ...Op) error {
	return r.s.TransactOnce(ctx, func(ctx context.Context, run Runner) ([]Op, error) {
		var h headRow
		var now []byte
		err := run(ctx, headOp(r.num, &h, true), Op{
			SQL: "SELECT run FROM rebuild WHERE tree = $1", Args: []any{int64(r.num)},
			Fresh: func() { now = nil },
			Scan:  func(scan func(...any) error) error { return scan(&now) },
		})
		switch {
		case err != nil:
			return nil, err
		case !bytes.Equal(now, r.run[:]):
			return nil, fmt.Errorf("%w: another rebuild began", ErrOvertaken)
		case h.Size != r.head.Size || h.Root != r.head.Root:
			return nil, fmt.Errorf("%w: from %d to %d entries", ErrOvertaken, r.head.Size, h.Size)
		}
		return ops, unused(ctx, run, r.num)
	})
}

// checkRoot computes the root from the leaves' values alone, and compares it with the head's.
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
	return fmt.Errorf("%w: computed: size %d, root %x; stored: size %d, root %x",
		ErrDiffers, rng.End(), root, h.Size, h.Root)
}

func (r *rebuild) records(ctx context.Context, start, n uint64) ([]Record, error) {
	records, err := r.s.Records(ctx, r.tree, start, n)
	if err == nil && uint64(len(records)) != n {
		err = fmt.Errorf("%w: leaf %d is missing", ErrCorrupt, start+uint64(len(records)))
	}
	return records, err
}

// page derives n leaves from start on, and writes what they complete.
func (r *rebuild) page(ctx context.Context, start, n uint64, derive func(Record) (Derived, error)) error {
	records, err := r.records(ctx, start, n)
	if err != nil {
		return err
	}
	var keys [][]byte
	var idxs, registers []int64
	var blocks blockRows
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
			filled, rest := extend(c.Count, c.Last, c.recent, []Place{{rec.Index, uint64(len(rec.Extra))}})
			blocks.add(r.num.Key(d.Chain[:]), filled)
			r.chains[d.Chain] = chainRow{Chain: Chain{Count: c.Count + 1, Head: d.Head, Last: rec.Index}, recent: rest}
		}
		r.grow(0, hasher.HashLeaf(rec.Value), full)
	}
	ops := []Op{rebuiltIdem.Over(keys, idxs)}
	if len(registers) > 0 {
		ops = append(ops, rebuiltRegister.Over(registers))
	}
	ops = append(ops, blocks.ops(rebuiltHistory)...)
	return r.write(ctx, append(ops, tileWrites(rebuiltTile, full)...)...)
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

// tileWrites returns the statement that writes tiles: into table tile, or the one beside it.
func tileWrites(f Form, tiles tileSet) []Op {
	if len(tiles) == 0 {
		return nil
	}
	var places []int64
	var hashes [][]byte
	for _, id := range inPlace(tiles) {
		places, hashes = append(places, id.place()), append(hashes, tiles[id])
	}
	return []Op{f.Over(places, hashes)}
}

// finish writes chains, streams, persons and the tiles at the right edge.
func (r *rebuild) finish(ctx context.Context, f Final) error {
	for k := range f.Persons {
		if _, ok := r.chains[k]; !ok {
			return fmt.Errorf("%w: a state governs a history that has no leaf", ErrMisuse)
		}
	}
	var ks, heads, recents [][]byte
	var counts, lasts, governed []int64
	for _, k := range sorted32(r.chains) {
		c := r.chains[k]
		ks, heads = append(ks, r.num.Key(k[:])), append(heads, slices.Clone(c.Head[:]))
		counts, lasts = append(counts, int64(c.Count)), append(lasts, int64(c.Last))
		recents = append(recents, c.recent)
		_, set := f.Persons[k]
		governed = append(governed, number(set))
	}
	for i := 0; i < len(ks); i += rebuildPage {
		end := min(i+rebuildPage, len(ks))
		err := r.write(ctx, rebuiltChain.Over(ks[i:end], counts[i:end], heads[i:end], lasts[i:end], governed[i:end],
			recents[i:end]))
		if err != nil {
			return err
		}
	}
	edge := tileSet{}
	for level := 1; level <= maxLevel; level++ {
		if len(r.edge[level]) > 0 {
			edge[tileID{r.num, level, r.tiles[level]}] = r.edge[level]
		}
	}
	ops := tileWrites(rebuiltTile, edge)
	if len(f.Streams) > 0 {
		ops = append(ops, putStreams(rebuiltSource, r.num, f.Streams))
	}
	if len(f.Persons) > 0 {
		ops = append(ops, putPersons(rebuiltPerson, r.num, f.Persons))
	}
	return r.write(ctx, ops...)
}

// replace puts what was rebuilt in the place of what was there.
func (r *rebuild) replace(ctx context.Context) error {
	ops := []Op{
		{SQL: "UPDATE head SET register = $1 WHERE tree = $2", Args: []any{int64(r.register), int64(r.num)}, Expect: 1},
		{SQL: "DELETE FROM rebuild WHERE tree = $1", Args: []any{int64(r.num)}},
	}
	for _, d := range derived {
		ops = append(ops, d.replace(r.num)...)
	}
	return r.write(ctx, ops...)
}
