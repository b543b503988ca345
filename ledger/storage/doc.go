// Package storage keeps igledger's logs in SQLite, PostgreSQL or CockroachDB. It is a Trillian storage
// provider, and the one transaction by which igledger appends.
//
// # What it promises
//
// Append stores a batch whole or not at all: leaves, idempotency keys, histories, Merkle tiles, root and
// checkpoint go into one transaction, which also integrates the leaves (Trillian's log.IntegrateBatch). A
// nil error means durable and integrated. What is below a committed root never changes, except the
// data kept beside a leaf's value (SetExtra). Any number of processes may append to one database; the row
// of the tree's head orders them, so there are no gaps and no doubles. A commit whose answer got lost is
// found by its idempotency keys when the append is run again.
//
// # What it does not
//
// Only pre-ordered logs (PREORDERED_LOG) are sequenced. A queue hands out positions later, in an order
// nobody chose, and costs an INSERT and a DELETE a leaf; a ledger must know a leaf's index when it answers.
// So QueueLeaves answers codes.Unimplemented, and trees of type LOG can be administered and hold
// leaves, but nothing integrates them. GetLeavesByHash is a bounded search (see there). Quotas, signing
// and personal data are other people's business: values and extra data are bytes here, and never in an
// error or a log line.
//
// It trusts the database. A database that lies, or was restored from a backup, is caught by whoever holds
// a checkpoint, not here.
//
// # How it is laid out
//
// migrations/00001_tables.sql is the schema, db.go the seam between the provider and the engines (pg.go,
// sqlite.go), append.go the transaction, integrate.go its Merkle side, tiles.go and proof.go what is
// served, log.go, sequenced.go and admin.go Trillian's interfaces.
package storage
