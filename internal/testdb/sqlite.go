package testdb

import (
	"context"
	"database/sql/driver"
	"flag"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// Tests do not wait for the disk: what SQLite has written survives the end of the process, however
// it ends, and no test cuts the power. Benchmarks wait for it, as in production. That each file was
// opened to wait for it, but for the one that vanishes when it is closed, is checked here, since no
// test could see it any more.
//
// Nothing outside tests can ask for this: it changes the driver of the test process, and only if
// the package is linked.
func init() {
	sqlite.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, dsn string) error {
		if bench := flag.Lookup("test.bench"); bench != nil && bench.Value.String() != "" {
			return nil
		}
		waits, err := synchronous(c)
		if err == nil && waits < full && !strings.Contains(dsn, "/memory.db?") {
			err = fmt.Errorf("PRAGMA synchronous is %d: a power cut would lose what was acknowledged", waits)
		}
		if err == nil {
			_, err = c.ExecContext(context.Background(), "PRAGMA synchronous = OFF", nil)
		}
		return err
	})
}

const full = 2 // PRAGMA synchronous = FULL

func synchronous(c sqlite.ExecQuerierContext) (int64, error) {
	rows, err := c.QueryContext(context.Background(), "PRAGMA synchronous", nil)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	row := make([]driver.Value, 1)
	if err := rows.Next(row); err != nil {
		return 0, err
	}
	n, ok := row[0].(int64)
	if !ok {
		return 0, fmt.Errorf("PRAGMA synchronous is %v", row[0])
	}
	return n, nil
}
