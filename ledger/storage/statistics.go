package storage

import (
	"context"
	"fmt"
)

// growing are the tables whose rows are as many as the log has leaves, persons, streams or tiles.
var growing = []string{"leaf", "idem", "chain", "history", "source", "person", "register", "tile"}

// statistics returns the statements that switch on, for the tables that grow, the automatic
// collection of statistics of CockroachDB, wherever it is switched off for the cluster. Other
// engines need none: PostgreSQL's is on, and SQLite plans by keys.
//
// There is no CREATE STATISTICS: at this time it would tell the planner that the tables are empty,
// which is what makes it scan them. Without any it assumes a thousand rows, and what has no
// statistics is collected first.
func statistics(e Engine) []Op {
	if e != CockroachDB {
		return nil
	}
	var ops []Op
	for _, table := range growing {
		ops = append(ops, Op{SQL: "ALTER TABLE " + table + " SET (sql_stats_automatic_collection_enabled = true)"})
	}
	return ops
}

// collect runs statistics. A version that does not know the setting, or a user who may not set it,
// keeps what the cluster has: appends are planned the same without statistics. So an answer of the
// database is no error, but a database that does not answer is one.
func (s *Storage) collect(ctx context.Context) error {
	ops := statistics(s.Engine())
	if len(ops) == 0 {
		return nil
	}
	// A change of a table waits for all nodes of a cluster.
	err := s.write(context.WithValue(ctx, roundTrip{}, unbounded), ops...)
	if err == nil || ctx.Err() == nil && outcomeOf(err) == final {
		return nil
	}
	return fmt.Errorf("storage: switching on the collection of statistics: %w", unavailable(ctx, err))
}
