package verifier_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"igledger/internal/testlog"
	"igledger/verifier"
)

func TestTilePath(t *testing.T) {
	for _, c := range []struct {
		level int
		index uint64
		width int
	}{{0, 0, 256}, {0, 0, 1}, {1, 999, 256}, {2, 1000, 255}, {0, 1234067, 256}, {7, 1234567890, 17}} {
		ref := tlog.Tile{H: 8, L: c.level, N: int64(c.index), W: c.width}
		if got, want := verifier.TilePath(c.level, c.index, c.width), strings.Replace(ref.Path(), "tile/8/", "tile/", 1); got != want {
			t.Errorf("TilePath(%v) = %s, x/mod has %s", c, got, want)
		}
		ref.L = -1
		if got, want := verifier.BundlePath(c.index, c.width), strings.Replace(ref.Path(), "tile/8/data/", "tile/entries/", 1); got != want {
			t.Errorf("BundlePath(%v) = %s, x/mod has %s", c, got, want)
		}
	}
}

func TestWidthAt(t *testing.T) {
	for _, c := range []struct {
		level       int
		index, size uint64
		want        int
	}{
		{0, 0, 0, 0}, {0, 0, 1, 1}, {0, 0, 256, 256}, {0, 1, 256, 0}, {0, 1, 257, 1}, {1, 0, 255, 0}, {1, 0, 256, 1}, {1, 0, 65535, 255},
		{1, 0, 1 << 20, 256}, {1, 15, 1 << 20, 256}, {1, 16, 1 << 20, 0}, {7, 0, 1 << 62, 64}, {8, 0, 1 << 62, 0}, {0, 1 << 60, 1 << 62, 0},
	} {
		if got := verifier.WidthAt(c.level, c.index, c.size); got != c.want {
			t.Errorf("WidthAt(%d, %d, %d) = %d, want %d", c.level, c.index, c.size, got, c.want)
		}
	}
}

func TestParseBundleRefuses(t *testing.T) {
	good := testlog.Bundle([][]byte{{1, 2, 3}, {}, {4}})
	for name, c := range map[string]struct {
		data  []byte
		width int
		index uint64
	}{
		"empty":                {nil, 1, 10},
		"half a length":        {good[:1], 3, 10},
		"ends within an entry": {good[:4], 3, 10},
		"an entry too few":     {good, 4, 13},
		"an entry too many":    {good, 2, 12},
		"a byte too many":      {append(bytes.Clone(good), 0), 3, 13},
	} {
		_, err := verifier.ParseBundle(c.data, c.width, 10)
		var f *verifier.Failure
		if !errors.As(err, &f) || f.Check != verifier.CheckBundle || *f.Index != c.index {
			t.Errorf("%s: %v, want a failure of entry-bundle at %d", name, err, c.index)
		}
	}
}

func FuzzParseBundle(f *testing.F) {
	f.Add(testlog.Bundle([][]byte{{1, 2, 3}, {}, {4}}), 3)
	f.Add([]byte{0xff, 0xff, 1}, 1)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, data []byte, width int) {
		if width < 0 || width > verifier.TileWidth {
			return
		}
		leaves, err := verifier.ParseBundle(data, width, 0)
		if err != nil {
			var failure *verifier.Failure
			if !errors.As(err, &failure) {
				t.Fatalf("error %v is no failure", err)
			}
			return
		}
		if len(leaves) != width || !bytes.Equal(testlog.Bundle(leaves), data) {
			t.Fatal("the leaves are not those of the bundle")
		}
	})
}
