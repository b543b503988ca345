package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/trillian"
)

// Head is the state of a log.
type Head struct {
	Size       uint64
	Root       [32]byte
	Checkpoint []byte // the signed note for exactly this size; nil if there is none yet
	Register   uint64 // 1 + index of the last leaf with Leaf.Register, 0 if there is none
}

// Record is a stored leaf. Value is what the Merkle tree hashes (as RFC 6962 leaf hash of it);
// Extra is kept beside it (igledger: the encrypted opening).
type Record struct {
	Index        uint64
	Value, Extra []byte
	Identity     [32]byte
}

// Found is the leaf of an idempotency key.
type Found struct {
	Index    uint64
	Identity [32]byte
}

// Chain is the state of one history: its number of leaves, its head hash and the index of its last
// leaf.
type Chain struct {
	Count uint64
	Head  [32]byte
	Last  uint64
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// headRow is the whole row: the Head, and what only Trillian needs.
type headRow struct {
	Head
	found  bool
	root   []byte // as stored; Trillian allows any length
	signed *int64 // timestamp of the root in ns; nil if it is not initialised
}

const headSQL = "SELECT size, root, signed, checkpoint, register FROM head WHERE tree = $1"

// headOp returns the statement that reads a head. If locked, it also takes the lock that orders the
// tree's writers.
func headOp(num TreeNumber, h *headRow, locked bool) Op {
	o := Op{
		SQL: headSQL, Lite: headSQL, Args: []any{int64(num)},
		Fresh: func() { *h = headRow{} },
		Scan: func(scan func(...any) error) error {
			var size, register int64
			h.found = true
			err := scan(&size, &h.root, &h.signed, &h.Checkpoint, &register)
			h.Size, h.Register = uint64(size), uint64(register)
			copy(h.Root[:], h.root)
			return err
		},
	}
	if locked {
		o.SQL += " FOR UPDATE"
	}
	return o
}

func readHead(ctx context.Context, run Runner, num TreeNumber) (headRow, error) {
	var h headRow
	err := run(ctx, headOp(num, &h, false))
	if err == nil && !h.found {
		err = fmt.Errorf("%w: the tree is gone", ErrNotFound)
	}
	return h, err
}

// Head returns the log's committed state.
func (s *Storage) Head(ctx context.Context, tree *trillian.Tree) (Head, error) {
	num, err := s.Number(ctx, tree)
	var h headRow
	if err == nil {
		h, err = readHead(ctx, s.Read, num)
	}
	if err == nil {
		s.saw(num, h.Size)
	}
	return h.Head, s.wrap(ctx, "reading the head", err)
}

const recordColumns = "l.place, l.identity, l.value, l.extra"

func scanRecord(scan func(...any) error) (Record, error) {
	var r Record
	var at int64
	var identity []byte
	if err := scan(&at, &identity, &r.Value, &r.Extra); err != nil {
		return r, err
	}
	r.Index = uint64(at) & (MaxLeaves - 1)
	copy(r.Identity[:], identity)
	return r, nil
}

// records returns o with a Scan that collects records.
func records(o Op, into *[]Record) Op {
	o.Fresh = func() { *into = nil }
	o.Scan = func(scan func(...any) error) error {
		r, err := scanRecord(scan)
		*into = append(*into, r)
		return err
	}
	return o
}

// Record returns one integrated leaf.
func (s *Storage) Record(ctx context.Context, tree *trillian.Tree, index uint64) (Record, error) {
	rs, err := s.Records(ctx, tree, index, 1)
	if err == nil && len(rs) == 0 {
		err = fmt.Errorf("storage: reading leaf %d: %w", index, ErrNotFound)
	}
	if err != nil {
		return Record{}, err
	}
	return rs[0], nil
}

// Records returns up to n integrated leaves from start on: a contiguous run, shorter at the end of
// the log. All n are held in memory, so callers cap n.
func (s *Storage) Records(ctx context.Context, tree *trillian.Tree, start, n uint64) ([]Record, error) {
	num, o, err := s.span(ctx, tree, recordColumns, start, n)
	var rs []Record
	if err == nil && num > 0 {
		err = s.Read(ctx, records(o, &rs))
	}
	return rs, s.wrap(ctx, fmt.Sprintf("reading leaves from %d on, at most %d", start, n), err)
}

// Values is Records with only the values.
func (s *Storage) Values(ctx context.Context, tree *trillian.Tree, start, n uint64) ([][]byte, error) {
	num, o, err := s.span(ctx, tree, "l.value", start, n)
	var vs [][]byte
	if err == nil && num > 0 {
		o.Fresh = func() { vs = nil }
		o.Scan = func(scan func(...any) error) error {
			var v []byte
			err := scan(&v)
			vs = append(vs, v)
			return err
		}
		err = s.Read(ctx, o)
	}
	return vs, s.wrap(ctx, fmt.Sprintf("reading values from %d on, at most %d", start, n), err)
}

// span returns a statement over the integrated leaves [start, start+n), ascending, and tree
// number 0 if there can be none. The head is asked only for leaves beyond the largest size seen:
// on CockroachDB who reads it waits for its writer.
func (s *Storage) span(
	ctx context.Context, tree *trillian.Tree, columns string, start, n uint64,
) (num TreeNumber, o Op, err error) {
	num, err = s.Number(ctx, tree)
	if err != nil || start >= MaxLeaves || n == 0 {
		return 0, o, err
	}
	end := start + min(n, MaxLeaves-start)
	o.SQL = "SELECT " + columns + " FROM leaf l WHERE l.place >= $1 AND l.place < $2"
	o.Args = []any{num.Place(start), num.Place(0) + int64(end)}
	if seen, ok := s.sizes.Load(num); !ok || seen.(uint64) < end {
		o.SQL += " AND l.place < (SELECT h.size FROM head h WHERE h.tree = $3) + $4"
		o.Args = append(o.Args, int64(num), num.Place(0))
	}
	o.SQL += " ORDER BY l.place"
	return num, o, nil
}

// Chains returns the state of each history. A history without leaves is absent from the map.
func (s *Storage) Chains(ctx context.Context, tree *trillian.Tree, ks [][32]byte) (map[[32]byte]Chain, error) {
	m := map[[32]byte]Chain{}
	num, err := s.Number(ctx, tree)
	if err == nil && len(ks) > 0 {
		err = s.Read(ctx, chainsOp(num, ks, m))
	}
	return m, s.wrap(ctx, "reading chains", err)
}

// chainsOp returns the statement that reads the states of histories.
func chainsOp(num TreeNumber, ks [][32]byte, into map[[32]byte]Chain) Op {
	o := selectChains.Over(inTree32(num, ks))
	o.Scan = func(scan func(...any) error) error {
		k, c, err := scanChain(scan)
		if err == nil {
			into[k] = c
		}
		return err
	}
	return o
}

// at returns leaves by place, in the order asked for.
func (s *Storage) at(ctx context.Context, places []int64) ([]Record, error) {
	if len(places) == 0 {
		return nil, nil
	}
	byIndex := make(map[uint64]Record, len(places))
	o := selectRecords.Over(places)
	o.Scan = func(scan func(...any) error) error {
		r, err := scanRecord(scan)
		byIndex[r.Index] = r
		return err
	}
	if s.Engine() == SQLite { // one statement for all places: one for each would take half as long again
		list, err := json.Marshal(places)
		if err != nil {
			return nil, err
		}
		o.Lite = "SELECT " + recordColumns + " FROM leaf l WHERE l.place IN (SELECT value FROM json_each($1))"
		o.Cols, o.Args = nil, []any{string(list)}
	}
	if err := s.Read(ctx, o); err != nil {
		return nil, err
	}
	out := make([]Record, len(places))
	for i, p := range places {
		r, ok := byIndex[uint64(p)&(MaxLeaves-1)]
		if !ok {
			return nil, fmt.Errorf("%w: a leaf is missing", ErrCorrupt)
		}
		out[i] = r
	}
	return out, nil
}

// Register returns the register leaves with index >= from, ascending.
func (s *Storage) Register(ctx context.Context, tree *trillian.Tree, from uint64) ([]Record, error) {
	num, err := s.Number(ctx, tree)
	var rs []Record
	if err == nil {
		rs, err = registerSince(ctx, s.Read, num, from)
	}
	return rs, s.wrap(ctx, "reading the register", err)
}

func registerSince(ctx context.Context, run Runner, num TreeNumber, from uint64) ([]Record, error) {
	var rs []Record
	o := registerLeaves.Over()
	o.Args = []any{num.Place(min(from, MaxLeaves)), (num + 1).Place(0)}
	err := run(ctx, records(o, &rs))
	return rs, err
}

// ByKey returns the leaf of each idempotency key. A key that is not taken is absent from the map.
func (s *Storage) ByKey(ctx context.Context, tree *trillian.Tree, keys [][16]byte) (map[[16]byte]Found, error) {
	m := map[[16]byte]Found{}
	num, err := s.Number(ctx, tree)
	if err == nil && len(keys) > 0 {
		err = s.Read(ctx, KeysOp(num, keys, m))
		if err == nil {
			err = identities(ctx, s.Read, num, m)
		}
	}
	return m, s.wrap(ctx, "looking up idempotency keys", err)
}

// KeysOp looks up idempotency keys. It does not fill in Found.Identity.
func KeysOp(num TreeNumber, keys [][16]byte, into map[[16]byte]Found) Op {
	o := selectKeys.Over(inTree16(num, keys))
	o.Scan = func(scan func(...any) error) error {
		var k []byte
		var idx int64
		err := scan(&k, &idx)
		if err == nil && len(k) != treePrefix+16 {
			err = fmt.Errorf("%w: an idempotency key has the wrong length", ErrCorrupt)
		}
		if err == nil {
			into[[16]byte(k[treePrefix:])] = Found{Index: uint64(idx)}
		}
		return err
	}
	return o
}

// identities fills in the content identities, which are kept with the leaf and not with the key,
// because only repeated entries need them.
func identities(ctx context.Context, run Runner, num TreeNumber, found map[[16]byte]Found) error {
	if len(found) == 0 {
		return nil
	}
	keys := sorted16(found)
	var places []int64
	for _, k := range keys {
		places = append(places, num.Place(found[k].Index))
	}
	by := map[uint64][32]byte{}
	o := selectIdentities.Over(places)
	o.Scan = func(scan func(...any) error) error {
		var at int64
		var identity []byte
		err := scan(&at, &identity)
		var id [32]byte
		copy(id[:], identity)
		by[uint64(at)&(MaxLeaves-1)] = id
		return err
	}
	if err := run(ctx, o); err != nil {
		return err
	}
	for _, k := range keys {
		index := found[k].Index
		id, ok := by[index]
		if !ok {
			return fmt.Errorf("%w: leaf %d of an idempotency key is missing", ErrCorrupt, index)
		}
		found[k] = Found{Index: index, Identity: id}
	}
	return nil
}

func inTree16(num TreeNumber, keys [][16]byte) [][]byte {
	out := make([][]byte, len(keys))
	for i := range keys {
		out[i] = num.Key(keys[i][:])
	}
	return out
}

func inTree32(num TreeNumber, keys [][32]byte) [][]byte {
	out := make([][]byte, len(keys))
	for i := range keys {
		out[i] = num.Key(keys[i][:])
	}
	return out
}
