package storage

import (
	"context"
	"database/sql"
	"errors"

	goosedb "github.com/pressly/goose/v3/database"
)

// versionStore stores for goose which migrations were applied. The one that goose has uses identity
// columns, which CockroachDB 21.1 lacks, and gets duplicate rows when two replicas race. Here the
// version is the key.
type versionStore struct{ table string }

func (v versionStore) Tablename() string { return v.table }

func (v versionStore) CreateVersionTable(ctx context.Context, db goosedb.DBTxConn) error {
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+v.table+
		" (version BIGINT NOT NULL, CONSTRAINT "+v.table+"_pk PRIMARY KEY (version))")
	return err
}

// TableExists is always true: migrate makes the table first.
func (versionStore) TableExists(context.Context, goosedb.DBTxConn) (bool, error) { return true, nil }

func (v versionStore) Insert(ctx context.Context, db goosedb.DBTxConn, r goosedb.InsertRequest) error {
	insert := "INSERT INTO " + v.table + " (version) VALUES ($1) ON CONFLICT (version) DO NOTHING"
	_, err := db.ExecContext(ctx, insert, r.Version)
	return err
}

func (v versionStore) Delete(ctx context.Context, db goosedb.DBTxConn, version int64) error {
	_, err := db.ExecContext(ctx, "DELETE FROM "+v.table+" WHERE version = $1", version)
	return err
}

func (v versionStore) GetMigration(
	ctx context.Context, db goosedb.DBTxConn, version int64,
) (*goosedb.GetMigrationResult, error) {
	var applied int64
	err := db.QueryRowContext(ctx, "SELECT version FROM "+v.table+" WHERE version = $1", version).Scan(&applied)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, goosedb.ErrVersionNotFound
	}
	if err != nil {
		return nil, err
	}
	return &goosedb.GetMigrationResult{IsApplied: true}, nil
}

func (v versionStore) GetLatestVersion(ctx context.Context, db goosedb.DBTxConn) (int64, error) {
	var latest sql.NullInt64
	if err := db.QueryRowContext(ctx, "SELECT max(version) FROM "+v.table).Scan(&latest); err != nil {
		return 0, err
	}
	if !latest.Valid {
		return 0, goosedb.ErrVersionNotFound
	}
	return latest.Int64, nil
}

func (v versionStore) ListMigrations(
	ctx context.Context, db goosedb.DBTxConn,
) ([]*goosedb.ListMigrationsResult, error) {
	rows, err := db.QueryContext(ctx, "SELECT version FROM "+v.table+" ORDER BY version DESC")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []*goosedb.ListMigrationsResult
	for rows.Next() {
		r := &goosedb.ListMigrationsResult{IsApplied: true}
		if err := rows.Scan(&r.Version); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}
