package storage

import (
	"fmt"
	"strings"
)

// Form is one statement over a set of rows in the forms that each engine is fastest with. An
// argument is a whole column, except on SQLite.
//
//	SQL    PostgreSQL: the keys wanted are k = ANY($1), and enable_seqscan = off keeps it from
//	       scanning a young table.
//	Lite   SQLite has no arrays: a prepared statement that is run once for each row.
//	Roach  CockroachDB plans k = ANY($1), and the look-up of ON CONFLICT, as full scans of a table
//	       without statistics, which a young one is. INNER LOOKUP JOIN leaves its planner no choice,
//	       and UPSERT of whole rows into a table without secondary indexes reads nothing.
//
// testdata/statements.sql shows all of them side by side.
type Form struct {
	SQL   string
	Lite  string
	Roach string // "" means SQL
}

// Over returns the statement over columns, which are all of one length.
func (f Form) Over(cols ...any) Op {
	return Op{SQL: f.SQL, Lite: f.Lite, Roach: f.Roach, Cols: cols}
}

// Select returns the statement that reads columns of the rows of a table by a set of values of its
// column key. A key is its name and its type, as both PostgreSQL and CockroachDB spell it: "place
// INT8".
func Select(columns, table, key string) Form {
	name, typ, _ := strings.Cut(key, " ")
	start := "SELECT " + columns + " FROM "
	where := table + " WHERE " + name + " = "
	return Form{
		SQL:  start + where + "ANY($1)",
		Lite: start + where + "$1",
		Roach: start + "unnest($1::" + typ + "[]) AS u (wanted) INNER LOOKUP JOIN " + table +
			" ON " + name + " = u.wanted",
	}
}

// Insert returns the statement that adds rows. If one is there already, it fails: no engine scans
// for that. A column is its name and its type, as in Select.
func Insert(table string, cols []string) Form {
	names, arrays, marks := columns(cols)
	into := "INSERT INTO " + table + " (" + names + ") "
	return Form{SQL: into + "SELECT " + arrays, Lite: into + "VALUES (" + marks + ")"}
}

// Upsert returns the statement that writes whole rows, in the place of those with the same key: the
// first of the columns, which must be all of the table.
func Upsert(table string, cols []string) Form {
	f := Insert(table, cols)
	key, _, _ := strings.Cut(cols[0], " ")
	var set []string
	for _, c := range cols[1:] {
		name, _, _ := strings.Cut(c, " ")
		set = append(set, name+" = excluded."+name)
	}
	conflict := " ON CONFLICT (" + key + ") DO UPDATE SET " + strings.Join(set, ", ")
	return Form{
		SQL: f.SQL + conflict, Lite: f.Lite + conflict,
		Roach: "UPSERT" + strings.TrimPrefix(f.SQL, "INSERT"),
	}
}

// columns returns the names, the arrays and the placeholders of a row.
func columns(cols []string) (names, arrays, marks string) {
	var n, a, m []string
	for i, c := range cols {
		name, typ, _ := strings.Cut(c, " ")
		n = append(n, name)
		a = append(a, fmt.Sprintf("unnest($%d::%s[])", i+1, typ))
		m = append(m, fmt.Sprintf("$%d", i+1))
	}
	return strings.Join(n, ", "), strings.Join(a, ", "), strings.Join(m, ", ")
}

// The columns of tables that are written whole, the key first.
var (
	leafCols     = []string{"place INT8", "identity BYTEA", "value BYTEA", "extra BYTEA"}
	idemCols     = []string{"k BYTEA", "idx INT8"}
	chainCols    = []string{"k BYTEA", "count INT8", "head BYTEA", "last INT8", "governed INT8", "recent BYTEA"}
	historyCols  = []string{"k BYTEA", "first INT8", "n INT8", "places BYTEA"}
	stateCols    = []string{"k BYTEA", "state BYTEA"} // of source and person
	registerCols = []string{"place INT8"}
	tileCols     = []string{"place INT8", "hashes BYTEA"}
)

// The statements over sets of rows: all that grow with a batch.
var (
	selectKeys       = Select("k, idx", "idem", "k BYTEA")
	selectChains     = Select("k, count, head, last", "chain", "k BYTEA")
	selectChainRows  = Select("k, count, head, last, governed, recent", "chain", "k BYTEA")
	selectStreams    = Select("k, state", "source", "k BYTEA")
	selectPersons    = Select("k, state", "person", "k BYTEA")
	selectTiles      = Select("place, hashes", "tile", "place INT8")
	selectIdentities = Select("place, identity", "leaf", "place INT8")
	selectRecords    = Select(recordColumns, "leaf l", "l.place INT8")

	// A leaf, a key or a block that is there already is a fault. Package provider uses two too.
	InsertLeaf     = Insert("leaf", leafCols)
	InsertIdem     = Insert("idem", idemCols)
	insertHistory  = Insert("history", historyCols)
	insertRegister = Insert("register", registerCols)

	upsertChain  = Upsert("chain", chainCols)
	upsertStream = Upsert("source", stateCols)
	upsertPerson = Upsert("person", stateCols)
	upsertTile   = Upsert("tile", tileCols)

	// What a rebuild fills beside the real tables. Two leaves with one key are a fault here too.
	rebuiltIdem     = Insert(rebuilt+"idem", idemCols)
	rebuiltHistory  = Insert(rebuilt+"history", historyCols)
	rebuiltRegister = Insert(rebuilt+"register", registerCols)
	rebuiltChain    = Upsert(rebuilt+"chain", chainCols)
	rebuiltSource   = Upsert(rebuilt+"source", stateCols)
	rebuiltPerson   = Upsert(rebuilt+"person", stateCols)
	rebuiltTile     = Upsert(rebuilt+"tile", tileCols)

	// registerLeaves reads a tree's register from a place on.
	registerLeaves = Form{
		SQL: "SELECT " + recordColumns + " FROM leaf l JOIN register r ON r.place = l.place" +
			" WHERE r.place >= $1 AND r.place < $2 ORDER BY r.place",
		Roach: "SELECT " + recordColumns + " FROM register AS r INNER LOOKUP JOIN leaf AS l ON l.place = r.place" +
			" WHERE r.place >= $1 AND r.place < $2 ORDER BY r.place",
	}
)
