package verifier

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// TileWidth is the number of hashes in a full tile and of entries in a full bundle (C2SP
// tlog-tiles).
const TileWidth = 256

// MaxBundleSize is the size of the largest entry bundle: 256 entries of 65,535 bytes, each after a
// u16.
const MaxBundleSize = TileWidth * (2 + entry.MaxLeafSize)

// TilePath returns the path at which a log serves a hash tile: "tile/<level>/<index>", with
// ".p/<width>" if width is below TileWidth (C2SP tlog-tiles).
func TilePath(level int, index uint64, width int) string {
	return "tile/" + strconv.Itoa(level) + "/" + tileIndex(index) + partial(width)
}

// BundlePath returns the path at which a log serves an entry bundle:
// "tile/entries/<index>[.p/<width>]".
func BundlePath(index uint64, width int) string {
	return "tile/entries/" + tileIndex(index) + partial(width)
}

// tileIndex returns n in groups of three digits, all but the last with a leading x: 1234067 is
// x001/x234/067.
func tileIndex(n uint64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}

func partial(width int) string {
	if width == TileWidth {
		return ""
	}
	return ".p/" + strconv.Itoa(width)
}

// WidthAt returns how many hashes the tile (level, index) has in a tree of size leaves: at most
// TileWidth, and 0 if there is no such tile. For level 0 it is also the width of the entry bundle.
func WidthAt(level int, index, size uint64) int {
	if level > 7 {
		return 0
	}
	hashes := size >> (8 * level)
	if hashes <= index<<8 || index >= 1<<56 {
		return 0
	}
	return int(min(hashes-index<<8, TileWidth))
}

// ParseBundle splits an entry bundle of exactly width entries, each a u16 length and that many
// bytes (C2SP tlog-tiles). The leaves share memory with data. first is the index of the first
// entry, and is used only to name a wrong entry.
func ParseBundle(data []byte, width int, first uint64) ([][]byte, error) {
	leaves := make([][]byte, 0, width)
	for i := range width {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, &Failure{Check: CheckBundle, Index: At(first + uint64(i)),
				Expected: count(width, "entry", "entries"),
				Found:    fmt.Sprintf("a bundle that ends inside its entry %d", i),
				Meaning:  "the log serves a bundle with entries missing: they were withheld or lost"}
		}
		n := 2 + int(binary.BigEndian.Uint16(data))
		leaves = append(leaves, data[2:n:n])
		data = data[n:]
	}
	if len(data) > 0 {
		return nil, &Failure{Check: CheckBundle, Index: At(first + uint64(width)),
			Expected: count(width, "entry", "entries"),
			Found:    count(len(data), "byte", "bytes") + " after them",
			Meaning:  "the log serves something in addition to its entries, or made an entry longer"}
	}
	return leaves, nil
}

// Tile is a hash tile with its place.
type Tile struct {
	Level  int
	Index  uint64
	Hashes []wire.Hash
}

// Path returns the path at which a log serves the tile.
func (t Tile) Path() string { return TilePath(t.Level, t.Index, len(t.Hashes)) }

// FirstLeaf returns the index of the first leaf under hash i of the tile.
func (t Tile) FirstLeaf(i int) uint64 { return (t.Index<<8 + uint64(i)) << (8 * t.Level) }

// parseTile parses served bytes as a tile of exactly width hashes.
func parseTile(data []byte, level int, index uint64, width int) (Tile, error) {
	t := Tile{Level: level, Index: index}
	if len(data) != 32*width {
		return t, &Failure{Check: CheckHashTile, Index: At(t.FirstLeaf(0)),
			Expected: fmt.Sprintf("%d bytes in %s", 32*width, TilePath(level, index, width)),
			Found:    count(len(data), "byte", "bytes"),
			Meaning:  "the log serves a damaged hash tile: no proof can be built from it"}
	}
	for i := range width {
		t.Hashes = append(t.Hashes, wire.Hash(data[32*i:]))
	}
	return t, nil
}

// CheckTile compares a tile that was computed from the leaves with the bytes that the log serves
// for it. It stops an operator from serving hashes that are not those of its leaves. The failure
// names the first leaf under the first hash that differs. Which of the two is false only the
// checkpoint can tell: see LogReplay.Finish.
func CheckTile(own Tile, served []byte) error {
	t, err := parseTile(served, own.Level, own.Index, len(own.Hashes))
	if err != nil {
		return err
	}
	for i, h := range own.Hashes {
		if t.Hashes[i] != h {
			return own.differs(i, t.Hashes[i])
		}
	}
	return nil
}

// differs returns the failure of a log that serves another hash at position i of the tile.
func (t Tile) differs(i int, served wire.Hash) *Failure {
	return &Failure{Check: CheckHashTile, Index: At(t.FirstLeaf(i)),
		Expected: fmt.Sprintf("hash %x in %s, computed from the entries", t.Hashes[i], t.Path()),
		Found:    fmt.Sprintf("%x", served),
		Meaning:  "the entries and the hash tiles of the log contradict each other from this entry on"}
}
