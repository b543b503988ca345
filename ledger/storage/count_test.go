package storage

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/trillian"
)

// costs counts what appends ask of a database: round trips, statements without BEGIN and COMMIT,
// and rows by table, looked up and written.
type costs struct {
	database
	trips, statements int
	looked, written   map[string]int
}

func (c *costs) reset() {
	c.trips, c.statements, c.looked, c.written = 0, 0, map[string]int{}, map[string]int{}
}

func (c *costs) begin(ctx context.Context, ops ...Op) (tx, error) {
	c.count(ops)
	t, err := c.database.begin(ctx, ops...)
	return &costsTx{t, c}, err
}

var tableOf = regexp.MustCompile(`(?:FROM|INTO|UPDATE) (\w+)`)

func (c *costs) count(ops []Op) {
	c.trips++
	for _, o := range ops {
		c.statements++
		table := tableOf.FindStringSubmatch(o.SQL)[1]
		if strings.HasPrefix(o.SQL, "SELECT") {
			c.looked[table] += o.rows()
		} else {
			c.written[table] += o.rows()
		}
	}
}

type costsTx struct {
	tx
	c *costs
}

func (t *costsTx) do(ctx context.Context, ops ...Op) error {
	t.c.count(ops)
	return t.tx.do(ctx, ops...)
}

func (t *costsTx) commit(ctx context.Context, ops ...Op) error {
	t.c.count(ops)
	return t.tx.commit(ctx, ops...)
}

// What an append costs the database: the tables of docs/DESIGN.md, section 8. Each entry is of
// another person, and all are accesses of one stream of one organisation.
func TestCostOfAnAppend(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		c := &costs{database: s.db}
		s.db = c
		size := 0
		for _, n := range []int{1, 16, 256} {
			for _, when := range []string{"new persons", "again", "one governed"} {
				read := map[string]int{"head": 1, "tree": 1, "idem": n, "chain": n, "source": 2}
				written := map[string]int{"leaf": n, "idem": n, "chain": n, "source": 1, "head": 1}
				trips := 2
				if when == "one governed" { // what is known of the others is that they have no state
					k := sha256.Sum256(fmt.Append(nil, n, 0))
					mark := Op{SQL: "UPDATE chain SET governed = 1 WHERE k = $1", Args: []any{TreeNumber(1).Key(k[:])}, Expect: 1}
					if err := s.write(t.Context(), mark); err != nil {
						t.Fatal(err)
					}
					read["person"] = 1
					trips = 3
				}
				statements := len(read) + len(written)
				if full := (size+n)/tileWidth - size/tileWidth; full > 0 {
					written["tile"] = full + 1 // and the one above
					statements++
				}
				c.reset()
				appendAccesses(t, s, tree, size, n)
				size += n
				if c.trips != trips || c.statements != statements || !maps.Equal(c.looked, read) || !maps.Equal(c.written, written) {
					t.Errorf("%d entries, %s: %d round trips, %d statements, read %v, written %v; want %d, %d, %v, %v",
						n, when, c.trips, c.statements, c.looked, c.written, trips, statements, read, written)
				}
				t.Logf("%3d entries, %s: an entry has %.2f round trips, %.2f statements, %.2f rows looked up, %.2f written (%s)",
					n, when, float64(trips)/float64(n), float64(c.statements)/float64(n), perEntry(c.looked, n),
					perEntry(c.written, n), listed(c.written))
			}
		}
	})
}

// appendAccesses appends n leaves, from index from on: the i-th of each call is of person i.
func appendAccesses(t *testing.T, s *Storage, tree *trillian.Tree, from, n int) {
	t.Helper()
	look := Lookup{Streams: [][16]byte{{1}, {2}}} // its own, and that of its organisation
	leaves := make([]Leaf, n)
	for i := range leaves {
		leaves[i] = testLeaf("w", from+i)
		leaves[i].Register = false
		leaves[i].Chain = sha256.Sum256(fmt.Append(nil, n, i))
		look.Keys = append(look.Keys, leaves[i].Key)
		look.Chains = append(look.Chains, leaves[i].Chain)
		look.Persons = append(look.Persons, leaves[i].Chain)
	}
	err := s.Append(t.Context(), tree, look, func(ctx context.Context, tx *AppendTx) error {
		return addAll(ctx, tx, leaves, new([]uint64))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func perEntry(rows map[string]int, n int) (f float64) {
	for _, r := range rows {
		f += float64(r)
	}
	return f / float64(n)
}

func listed(rows map[string]int) string {
	var out []string
	for _, table := range slices.Sorted(maps.Keys(rows)) {
		out = append(out, fmt.Sprintf("%s %d", table, rows[table]))
	}
	return strings.Join(out, ", ")
}
