package storage

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/pressly/goose/v3"
)

// fillVersion is the version that the tables have when their histories are filled.
const fillVersion = 4

// errFilled means that another process has done all of it meanwhile.
var errFilled = errors.New("another process has ended this migration")

// fillHistories is the migration from links to places: see migrations/00003_histories.sql. It
// follows the links of every history, which takes a look-up for each leaf, and commits after every
// so many histories. If it is killed it begins again, since it may write what it wrote before.
// A history whose links are broken stays without places, or nothing could be opened to put it
// right: who reads it, or appends to it, gets ErrCorrupt until a rebuild.
func fillHistories() *goose.Migration {
	return goose.NewGoMigration(fillVersion, &goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error {
		for after := []byte{}; after != nil; {
			var err error
			after, err = fillSome(ctx, db, after)
			if err != nil {
				return fmt.Errorf("writing the places of histories: %w", err)
			}
		}
		return nil
	}}, nil)
}

// linked is a row of table chain, and what its history's links lead to.
type linked struct {
	k      []byte
	count  uint64
	last   int64
	places []Place
}

// fillSome does the histories whose keys come after after, at most 256 of them. It returns the last
// one's key, or nil if there was none.
func fillSome(ctx context.Context, db *sql.DB, after []byte) (last []byte, err error) {
	chains, err := someChains(ctx, db, after)
	if err != nil || len(chains) == 0 {
		return nil, err
	}
	for i := range chains {
		if err := chains[i].follow(ctx, db); err != nil {
			return nil, err
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	// Another process may do the same. When it has ended, its server appends: leaves without links,
	// to histories that this one must not touch any more. So each row is locked, if it is as it
	// was, and then the migration must not be over.
	for _, c := range chains {
		_, rest := extend(0, 0, nil, c.places)
		done, err := tx.ExecContext(ctx, "UPDATE chain SET recent = $1 WHERE k = $2 AND count = $3", rest, c.k, int64(c.count))
		if err != nil {
			return nil, err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return nil, errors.Join(errFilled, err)
		}
	}
	var over int
	err = tx.QueryRowContext(ctx, "SELECT count(*) FROM "+ourVersions+" WHERE version = $1", fillVersion).Scan(&over)
	if err == nil && over > 0 {
		err = errFilled
	}
	if err != nil {
		return nil, err
	}
	for _, c := range chains {
		full, _ := extend(0, 0, nil, c.places)
		if _, err := tx.ExecContext(ctx, "DELETE FROM history WHERE k = $1", c.k); err != nil {
			return nil, err
		}
		for _, b := range full {
			_, err := tx.ExecContext(ctx, "INSERT INTO history (k, first, n, places) VALUES ($1, $2, $3, $4)",
				c.k, int64(b.first), int64(b.number), b.places)
			if err != nil {
				return nil, err
			}
		}
	}
	return chains[len(chains)-1].k, tx.Commit()
}

func someChains(ctx context.Context, db *sql.DB, after []byte) ([]linked, error) {
	rows, err := db.QueryContext(ctx, "SELECT k, count, last FROM chain WHERE k > $1 ORDER BY k LIMIT 256", after)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []linked
	for rows.Next() {
		var c linked
		if err := rows.Scan(&c.k, &c.count, &c.last); err != nil {
			return nil, err
		}
		if len(c.k) != treePrefix+32 {
			return nil, fmt.Errorf("%w: the key of a chain has the wrong length", ErrCorrupt)
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// follow reads the places of the history's leaves, from its last leaf back. If the links are broken
// there are none.
func (c *linked) follow(ctx context.Context, db *sql.DB) error {
	tree := TreeNumber(binary.BigEndian.Uint32(append([]byte{0}, c.k[:treePrefix]...)))
	at := sql.NullInt64{Int64: c.last, Valid: c.count > 0}
	for at.Valid {
		p := Place{Index: uint64(at.Int64)}
		before := at
		err := db.QueryRowContext(ctx, "SELECT prev, length(extra) FROM leaf WHERE place = $1", tree.Place(p.Index)).Scan(&at, &p.Stored)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("leaf %d: %w", p.Index, err)
		}
		c.places = append(c.places, p)
		if err != nil || at.Valid && at.Int64 >= before.Int64 || uint64(len(c.places)) > c.count {
			c.places = nil
			return nil
		}
	}
	if uint64(len(c.places)) != c.count {
		c.places = nil
	}
	slices.Reverse(c.places)
	return nil
}
