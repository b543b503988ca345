package storage

import (
	"cmp"
	"container/list"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/google/trillian"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// Tiles are C2SP tlog-tiles: tile n of level L holds, as up to 256 hashes of 32 bytes, the roots of
// the complete subtrees of height 8L from n*256 on. A hash in a tile never changes; a tile only
// grows. So a prefix of a tile that was once committed may be cached for ever.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	hashSize   = 32
	levelBits  = 32 // of a tile's place, below the level
	maxLevel   = 4  // 2^40 leaves
	// maxCachedTiles of 8 KiB each: 4 MiB.
	maxCachedTiles = 512
)

var (
	hasher    = rfc6962.DefaultHasher
	emptyRoot = [hashSize]byte(hasher.EmptyRoot())
)

type tileID struct {
	num   TreeNumber
	level int
	index uint64
}

func (t tileID) place() int64 {
	return t.num.Place(uint64(t.level)<<levelBits | t.index)
}

func tileIDOf(place int64) tileID {
	return tileID{TreeNumber(place >> indexBits), int(place >> levelBits & 0xff), uint64(place) & (1<<levelBits - 1)}
}

// nodeTile returns the tile whose hashes a node is the root of: count of them, from first on.
func nodeTile(num TreeNumber, id compact.NodeID) (t tileID, first, count int) {
	level, height := int(id.Level/tileHeight), id.Level%tileHeight
	start := id.Index << height
	return tileID{num, level, start / tileWidth}, int(start % tileWidth), 1 << height
}

// tileCache keeps the most recently used tiles, up to what was known to be committed.
type tileCache struct {
	mu    sync.Mutex
	max   int
	order *list.List // of *cachedTile, most recently used first
	byID  map[tileID]*list.Element
}

type cachedTile struct {
	id     tileID
	hashes []byte // never written to
}

func newTileCache(max int) *tileCache {
	return &tileCache{max: max, order: list.New(), byID: map[tileID]*list.Element{}}
}

func (c *tileCache) get(id tileID) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byID[id]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cachedTile).hashes
}

func (c *tileCache) put(id tileID, hashes []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byID[id]; e != nil {
		if t := e.Value.(*cachedTile); len(hashes) > len(t.hashes) {
			t.hashes = hashes
		}
		c.order.MoveToFront(e)
		return
	}
	c.byID[id] = c.order.PushFront(&cachedTile{id, hashes})
	if c.order.Len() > c.max {
		last := c.order.Back()
		delete(c.byID, last.Value.(*cachedTile).id)
		c.order.Remove(last)
	}
}

// forget drops a tree's tiles. It is for when the database contradicts them, as after a backup was
// restored under a running process.
func (c *tileCache) forget(num TreeNumber) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, e := range c.byID {
		if id.num == num {
			c.order.Remove(e)
			delete(c.byID, id)
		}
	}
}

// tileSet is a set of tiles, each with at least the number of hashes that was asked for.
type tileSet map[tileID][]byte

// inPlace returns the tiles in a set by place, for the reasons that sorted16 gives.
func inPlace[V any](set map[tileID]V) []tileID {
	return slices.SortedFunc(maps.Keys(set), func(a, b tileID) int { return cmp.Compare(a.place(), b.place()) })
}

// wants is a set of tiles that are needed, each with the number of its hashes.
type wants map[tileID]int

// add notes that a tile is needed up to width hashes.
func (w wants) add(id tileID, width int) { w[id] = max(w[id], width) }

// node notes that the tile which holds a node's hashes is needed.
func (w wants) node(num TreeNumber, id compact.NodeID) {
	t, first, count := nodeTile(num, id)
	w.add(t, first+count)
}

// loadTiles reads tiles from the cache and, in one round trip, from the database: from table tile,
// or for a level-0 tile that is not full, from the leaves themselves. size is a committed size that
// covers the tiles in w.
func (s *Storage) loadTiles(ctx context.Context, run Runner, w wants, size uint64) (tileSet, error) {
	got := tileSet{}
	var rows []int64
	var ops []Op
	ids := inPlace(w)
	for _, id := range ids {
		width := w[id]
		have := s.tiles.get(id)
		switch {
		case len(have) >= width*hashSize:
			got[id] = have
		case id.level > 0 || size/tileWidth > id.index:
			rows = append(rows, id.place())
		default:
			ops = append(ops, leafHashes(id, have, width, got))
		}
	}
	if len(rows) > 0 {
		o := selectTiles.Over(rows)
		o.Scan = func(scan func(...any) error) error {
			var at int64
			var hashes []byte
			err := scan(&at, &hashes)
			got[tileIDOf(at)] = hashes
			return err
		}
		ops = append(ops, o)
	}
	if len(ops) > 0 {
		if err := run(ctx, ops...); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		if have, width := len(got[id])/hashSize, w[id]; have < width {
			return nil, fmt.Errorf("%w: tile %d of level %d has only %d of %d hashes",
				ErrNotFound, id.index, id.level, have, width)
		}
	}
	return got, nil
}

// keep puts tiles into the cache. The leaves of the tiles must be known to be committed.
func (s *Storage) keep(tiles tileSet) {
	for id, hashes := range tiles {
		s.tiles.put(id, hashes)
	}
}

// leafHashes returns the statement that completes a level-0 tile, from the hashes in have up to
// width, by hashing leaves.
func leafHashes(id tileID, have []byte, width int, into tileSet) Op {
	start := id.index * tileWidth
	return Op{
		SQL:   "SELECT value FROM leaf WHERE place >= $1 AND place < $2 ORDER BY place",
		Args:  []any{id.num.Place(start + uint64(len(have)/hashSize)), id.num.Place(start + uint64(width))},
		Fresh: func() { into[id] = append(make([]byte, 0, width*hashSize), have...) },
		Scan: func(scan func(...any) error) error {
			var value []byte
			if err := scan(&value); err != nil {
				return err
			}
			into[id] = append(into[id], hasher.HashLeaf(value)...)
			return nil
		},
	}
}

// node returns the hash of a node, computed from the tiles. If they do not hold it, it returns
// ErrNotFound.
func (t tileSet) node(num TreeNumber, id compact.NodeID) ([]byte, error) {
	tile, first, count := nodeTile(num, id)
	hashes := t[tile]
	if len(hashes) < (first+count)*hashSize {
		return nil, fmt.Errorf("%w: node %d of height %d", ErrNotFound, id.Index, id.Level)
	}
	return fold(hashes[first*hashSize : (first+count)*hashSize]), nil
}

// fold returns the root of a complete subtree over 2^n hashes.
func fold(hashes []byte) []byte {
	if len(hashes) == hashSize {
		return hashes
	}
	half := len(hashes) / 2
	return hasher.HashChildren(fold(hashes[:half]), fold(hashes[half:]))
}

// edgeWants returns the tiles at the right edge of a tree of this size that are not full. To grow,
// the tree needs these and no others.
func edgeWants(num TreeNumber, size uint64) wants {
	w := wants{}
	for level := 0; level <= maxLevel; level++ {
		n := size >> (tileHeight * level)
		if n%tileWidth > 0 {
			w[tileID{num, level, n / tileWidth}] = int(n % tileWidth)
		}
	}
	return w
}

// Tile returns the first width (1 to 256) hashes of a C2SP tlog-tiles tile: 32*width bytes. If the
// tree has not grown so far, it returns ErrNotFound.
func (s *Storage) Tile(ctx context.Context, tree *trillian.Tree, level int, index uint64, width int) ([]byte, error) {
	doing := fmt.Sprintf("reading tile %d of level %d", index, level)
	if level < 0 || level > maxLevel || width < 1 || width > tileWidth || index >= 1<<levelBits {
		return nil, s.wrap(ctx, doing, ErrNotFound)
	}
	num, err := s.Number(ctx, tree)
	if err != nil {
		return nil, s.wrap(ctx, doing, err)
	}
	// The size at which the tree has the last hash asked for.
	need := (index*tileWidth + uint64(width)) << (tileHeight * level)
	size, err := s.committed(ctx, num, need)
	if err != nil {
		return nil, s.wrap(ctx, doing, err)
	}
	id := tileID{num, level, index}
	tiles, err := s.loadTiles(ctx, s.Read, wants{id: width}, size)
	if err != nil {
		return nil, s.wrap(ctx, doing, err)
	}
	s.keep(tiles)
	return append([]byte(nil), tiles[id][:width*hashSize]...), nil
}

// committed returns a committed size of the tree which is at least need, or ErrNotFound. It asks
// the database only when the largest size seen so far is too small.
func (s *Storage) committed(ctx context.Context, num TreeNumber, need uint64) (uint64, error) {
	if n, ok := s.sizes.Load(num); ok && n.(uint64) >= need {
		return n.(uint64), nil
	}
	h, err := readHead(ctx, s.Read, num)
	if err != nil {
		return 0, err
	}
	s.saw(num, h.Size)
	if h.Size < need {
		return 0, fmt.Errorf("%w: the tree has size %d, not yet %d", ErrNotFound, h.Size, need)
	}
	return h.Size, nil
}

// Committed tells that the tree was seen elsewhere to have this size, in the database that it is in
// now. What is below it is read without asking the head.
func (s *Storage) Committed(ctx context.Context, tree *trillian.Tree, size uint64) {
	if num, err := s.Number(ctx, tree); err == nil { // otherwise whoever reads next hears of it
		s.saw(num, size)
	}
}

// saw remembers a committed size.
func (s *Storage) saw(num TreeNumber, size uint64) {
	for {
		old, loaded := s.sizes.LoadOrStore(num, size)
		if !loaded || old.(uint64) >= size || s.sizes.CompareAndSwap(num, old, size) {
			return
		}
	}
}
