// Package storage keeps igledger's logs in SQLite, PostgreSQL or CockroachDB: the one transaction
// by which igledger appends, and what is read from the tables that it writes. Trillian's own
// interfaces to the same tables are in package provider.
//
// # What it promises
//
// Append stores a batch whole or not at all: leaves, idempotency keys, histories, Merkle tiles,
// root and checkpoint go into one transaction, which also integrates the leaves (Trillian's
// log.IntegrateBatch). A nil error means durable and integrated. What is below a committed root
// never changes, except the data kept beside a leaf's value (SetExtra). Any number of processes may
// append to one database; the row of the tree's head orders them, so there are no gaps and no
// doubles. A commit whose answer got lost is found by its idempotency keys when the append is run
// again.
//
// # What it does not
//
// It appends to pre-ordered logs (PREORDERED_LOG) only. A queue would assign indices later, and a
// ledger must know a leaf's index when it answers. Quotas, signing and personal data are the
// business of its callers: values and extra data are bytes here, and never in an error or a log
// line.
//
// It trusts the database. A database that lies, or was restored from a backup, is detected by the
// holders of a checkpoint, not here.
//
// # How it is laid out
//
// migrations/00001_tables.sql is the schema, db.go the seam between the package and the engines
// (pg.go, sqlite.go), statements.go what each engine is asked, errors.go what is tried again,
// trees.go the logs of a database, append.go the transaction, integrate.go its Merkle side,
// tiles.go and proof.go what is served.
//
// Package provider uses Op, Form, Runner, Insert, Read, Transact and TransactOnce to run
// statements of its own, TreeNumber, Number and KeysOp for the keys they need, OpenMerkle for the
// tree, SelectTrees, CreateTree and DeleteTree for its administration, and Migrate for a table of
// its own. Other callers need none of these.
package storage
