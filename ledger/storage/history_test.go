package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"

	"igledger/internal/testdb"
)

// inHistory returns leaves from index from on, of which all but every seventh are of one history.
func inHistory(from, n int) []Leaf {
	leaves := make([]Leaf, n)
	for i := range leaves {
		leaves[i] = testLeaf("w", from+i)
		leaves[i].Register = false
		leaves[i].Chain = [32]byte{1}
		if (from+i)%7 == 0 {
			leaves[i].Chain = [32]byte{2, byte(from + i), byte((from + i) >> 8)}
		}
	}
	return leaves
}

// Histories are read as a list of their leaves would be, whatever batches they grew in: whole, from
// any leaf on, before any, and no more than asked for. A rebuild changes nothing.
func TestHistories(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		var all []Leaf
		var want []Place // of history 1
		for _, n := range []int{1, 63, 5, 74, 2, 1, 300, 128, 7, 1, 1} {
			more := inHistory(len(all), n)
			mustAppend(t, s, tree, more)
			for i, l := range more {
				if l.Chain == [32]byte{1} {
					want = append(want, Place{uint64(len(all) + i), uint64(len(l.Extra))})
				}
			}
			all = append(all, more...)
			compareHistory(t, s, [32]byte{1}, want)
		}
		if len(want) < 6*blockPlaces {
			t.Fatalf("the history has only %d leaves", len(want))
		}
		before := dump(t, s)
		if _, err := s.Rebuild(ctx, tree, deriveFrom(all), oneStreamOf(s)); err != nil {
			t.Fatal(err)
		}
		if after := dump(t, s); after != before {
			t.Errorf("rebuilt:\n%s\nbefore:\n%s", after, before)
		}
		compareHistory(t, s, [32]byte{1}, want)
		compareHistory(t, s, [32]byte{9}, nil)

		for name, sql := range map[string]string{
			"a block is missing":     "DELETE FROM history WHERE n = 1",
			"the first is missing":   "DELETE FROM history WHERE n = 0",
			"the newest is missing":  fmt.Sprintf("DELETE FROM history WHERE n = %d", len(want)/blockPlaces-1),
			"two changed places":     "UPDATE history SET n = 3 - n WHERE n IN (1, 2)",
			"one begins elsewhere":   "UPDATE history SET first = first + 1 WHERE n = 2",
			"one is empty":           "UPDATE history SET places = identity FROM (SELECT identity FROM leaf LIMIT 1) AS l WHERE n = 0",
			"one leaf is not listed": "UPDATE chain SET count = count + 1",
		} {
			if err := s.write(ctx, Op{SQL: sql}); err != nil {
				t.Fatal(name, err)
			}
			places, err := s.Places(ctx, tree, [32]byte{1}, 0, math.MaxUint64, math.MaxInt32)
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: %d places, %v", name, len(places), err)
			}
			if _, err := s.Rebuild(ctx, tree, deriveFrom(all), oneStreamOf(s)); err != nil {
				t.Fatal(name, err)
			}
			compareHistory(t, s, [32]byte{1}, want)
		}
	})
}

// oneStreamOf returns the stream as appendLeaves left it, which these tests do not look at.
func oneStreamOf(s *Storage) func() (Final, error) {
	streams := map[[16]byte][]byte{}
	err := s.Read(context.Background(), Op{SQL: "SELECT k, state FROM source", Scan: func(scan func(...any) error) error {
		var k, state []byte
		err := scan(&k, &state)
		streams[[16]byte(k[treePrefix:])] = state
		return err
	}})
	return func() (Final, error) { return Final{Streams: streams}, err }
}

func compareHistory(t *testing.T, s *Storage, k [32]byte, want []Place) {
	t.Helper()
	ctx := context.Background()
	tree, err := s.FindTree(ctx, "log")
	if err != nil {
		t.Fatal(err)
	}
	bounds, random := []uint64{0, 1, 2, 62, 63, 64, 65, 130, 400, math.MaxUint64}, 6
	if testing.Short() {
		bounds, random = []uint64{0, 1, 64, 400, math.MaxUint64}, 2
	}
	for range random {
		bounds = append(bounds, rand.Uint64N(700))
	}
	for _, from := range bounds {
		for _, before := range bounds {
			var part []Place
			for _, p := range want {
				if p.Index >= from && p.Index < before {
					part = append(part, p)
				}
			}
			got, err := s.Places(ctx, tree, k, from, before, len(part))
			if err != nil || !slices.Equal(got, part) {
				t.Fatalf("from %d before %d of %d: %v, %v", from, before, len(want), got, err)
			}
			if len(part) > 0 {
				if _, err := s.Places(ctx, tree, k, from, before, len(part)-1); !errors.Is(err, ErrTooMany) {
					t.Fatalf("one more than allowed: %v", err)
				}
			}
		}
	}
	for _, before := range bounds {
		for _, limit := range []int{0, 1, 63, 64, 65, 1000} {
			var part []uint64
			for _, p := range slices.Backward(want) {
				if p.Index < before && len(part) < limit {
					part = append(part, p.Index)
				}
			}
			var got []uint64
			rs, err := s.Chain(ctx, tree, k, before, limit)
			for _, r := range rs {
				got = append(got, r.Index)
			}
			if err != nil || !slices.Equal(got, part) {
				t.Fatalf("%d before %d of %d: %v, %v", limit, before, len(want), got, err)
			}
		}
	}
}

// A database whose leaves are linked, as they were up to version 2, is read as before. Filling in
// the places again changes nothing. A history whose links are broken is reported, not shortened.
func TestHistoriesOfAnEarlierSchema(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		files := fstest.MapFS{}
		for _, name := range []string{"migrations/00001_tables.sql", "migrations/00002_governed_room.sql"} {
			text, err := migrationFiles.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = &fstest.MapFile{Data: text}
		}
		old, err := open(ctx, dsn, schema{files, ours.versions, nil, false}, true)
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		tree := mustTree(t, old, "log")
		num, err := old.Number(ctx, tree)
		if err != nil {
			t.Fatal(err)
		}
		lengths := []int{300, 1, 63, 64, 65, 128}
		want := map[[32]byte][]Place{}
		index := uint64(0)
		for i, n := range lengths {
			k := [32]byte{byte(i)}
			for j := range n {
				extra := make([]byte, i+j)
				var prev *int64
				if j > 0 {
					p := int64(want[k][j-1].Index)
					prev = &p
				}
				if i == 0 && j == 100 { // the rest of history 0 comes after that of history 1 to 5
					break
				}
				old.mustLink(t, num.Place(index), prev, extra)
				want[k] = append(want[k], Place{index, uint64(len(extra))})
				index++
			}
		}
		for j := 100; j < lengths[0]; j++ {
			k := [32]byte{}
			p := int64(want[k][j-1].Index)
			old.mustLink(t, num.Place(index), &p, []byte{1})
			want[k] = append(want[k], Place{index, 1})
			index++
		}
		broken := [32]byte{77}
		for k, places := range want {
			old.mustChain(t, num.Key(k[:]), len(places), places[len(places)-1].Index)
		}
		old.mustChain(t, num.Key(broken[:]), 64, want[[32]byte{3}][10].Index)
		if err := old.write(ctx, Op{SQL: "UPDATE head SET size = $1", Args: []any{int64(index)}}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s, err := Open(ctx, dsn)
			if err != nil {
				t.Fatal(err)
			}
			for k, places := range want {
				compareHistory(t, s, k, places)
			}
			if places, err := s.Places(ctx, tree, broken, 0, math.MaxUint64, math.MaxInt32); !errors.Is(err, ErrCorrupt) {
				t.Errorf("broken links: %d places, %v", len(places), err)
			}
			if err := s.write(ctx, Op{SQL: "DELETE FROM schema_version WHERE version = 4"}); err != nil { // killed
				t.Fatal(err)
			}
			s.Close()
		}
	})
}

// Two servers fill the places at once. The one that is slower changes nothing once the other has
// ended: its server may have appended leaves, which have no links.
func TestHistoriesFilledTwice(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		mustAppend(t, s, tree, inHistory(0, 200))
		before := dump(t, s)
		slower := schema{files: fstest.MapFS{"migrations/00001_a.sql": {Data: []byte("-- +goose Up\nSELECT 1;\n")}},
			versions: "slower_version", moves: []*goose.Migration{fillHistories()}}
		if err := s.db.migrate(t.Context(), slower); !errors.Is(err, errFilled) {
			t.Errorf("filled again: %v", err)
		}
		if after := dump(t, s); after != before {
			t.Errorf("after:\n%s\nbefore:\n%s", after, before)
		}
		checkLog(t, s, tree)
	})
}

func (s *Storage) mustLink(t *testing.T, place int64, prev *int64, extra []byte) {
	t.Helper()
	err := s.write(t.Context(), Op{
		SQL:  "INSERT INTO leaf (place, prev, identity, value, extra) VALUES ($1, $2, $3, $4, $5)",
		Args: []any{place, prev, make([]byte, 32), binary.BigEndian.AppendUint64(nil, uint64(place)), extra},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *Storage) mustChain(t *testing.T, k []byte, count int, last uint64) {
	t.Helper()
	err := s.write(t.Context(), Op{
		SQL:  "INSERT INTO chain (k, count, head, last) VALUES ($1, $2, $3, $4)",
		Args: []any{k, int64(count), make([]byte, 32), int64(last)},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// encoded returns places as a row holds them.
func encoded(places []Place) []byte {
	full, rest := extend(0, 0, nil, places)
	for _, b := range full {
		rest = append(b.places, rest...)
	}
	return rest
}

// What decodes is exactly what encodes to the same bytes.
func FuzzPlaces(f *testing.F) {
	f.Add([]byte{}, uint64(0))
	f.Add(encoded([]Place{{0, 0}, {1, 300}, {1 << 39, math.MaxInt32}}), uint64(3))
	f.Add([]byte{5, 1, 0, 1}, uint64(2))
	f.Add([]byte{0x80, 0, 1}, uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, n uint64) {
		places, err := decodePlaces(b, n)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		if uint64(len(places)) != n || !bytes.Equal(encoded(places), b) {
			t.Errorf("%x: %v, again %x", b, places, encoded(places))
		}
		if !slices.IsSortedFunc(places, func(a, b Place) int { return int(int64(a.Index) - int64(b.Index)) }) {
			t.Errorf("%x: %v", b, places)
		}
	})
}

// Blocks are filled as if all places had come at once.
func TestExtend(t *testing.T) {
	var all []Place
	for i := range uint64(500) {
		all = append(all, Place{i * 3, i})
	}
	whole, end := extend(0, 0, nil, all)
	for range 200 {
		var blocks []block
		recent := []byte{}
		for at := 0; at < len(all); {
			n := min(len(all)-at, rand.IntN(150))
			full, rest := extend(uint64(at), all[max(at, 1)-1].Index, recent, all[at:at+n])
			blocks, recent, at = append(blocks, full...), rest, at+n
		}
		if !reflect.DeepEqual(blocks, whole) || !bytes.Equal(recent, end) {
			t.Fatalf("%v, %v", blocks, recent)
		}
	}
}
