package testdb

import (
	"context"
	"flag"

	"modernc.org/sqlite"
)

// Tests do not wait for the disk: what SQLite has written survives the end of the process, however
// it ends, and no test cuts the power. Benchmarks wait for it, as in production.
//
// Nothing outside tests can ask for this: it changes the driver of the test process, and only if
// the package is linked.
func init() {
	sqlite.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, _ string) error {
		if bench := flag.Lookup("test.bench"); bench != nil && bench.Value.String() != "" {
			return nil
		}
		_, err := c.ExecContext(context.Background(), "PRAGMA synchronous = OFF", nil)
		return err
	})
}
