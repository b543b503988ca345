package storage

import (
	"context"
	"database/sql"
	"errors"

	goosedb "github.com/pressly/goose/v3/database"
)

// versionStore is goose's memory of what was applied. Goose brings its own, which uses identity columns
// that CockroachDB 21.1 lacks, and whose rows double when two replicas race; here the version is the key.
type versionStore struct{}

const versionTable = "schema_version"

func (versionStore) Tablename() string { return versionTable }

func (versionStore) CreateVersionTable(ctx context.Context, db goosedb.DBTxConn) error {
	_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+versionTable+
		" (version BIGINT NOT NULL, CONSTRAINT schema_version_pk PRIMARY KEY (version))")
	return err
}

// TableExists is always true: migrate makes the table first.
func (versionStore) TableExists(context.Context, goosedb.DBTxConn) (bool, error) { return true, nil }

func (versionStore) Insert(ctx context.Context, db goosedb.DBTxConn, r goosedb.InsertRequest) error {
	_, err := db.ExecContext(ctx, "INSERT INTO "+versionTable+" (version) VALUES ($1) ON CONFLICT (version) DO NOTHING", r.Version)
	return err
}

func (versionStore) Delete(ctx context.Context, db goosedb.DBTxConn, version int64) error {
	_, err := db.ExecContext(ctx, "DELETE FROM "+versionTable+" WHERE version = $1", version)
	return err
}

func (versionStore) GetMigration(ctx context.Context, db goosedb.DBTxConn, version int64) (*goosedb.GetMigrationResult, error) {
	var v int64
	err := db.QueryRowContext(ctx, "SELECT version FROM "+versionTable+" WHERE version = $1", version).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, goosedb.ErrVersionNotFound
	}
	if err != nil {
		return nil, err
	}
	return &goosedb.GetMigrationResult{IsApplied: true}, nil
}

func (versionStore) GetLatestVersion(ctx context.Context, db goosedb.DBTxConn) (int64, error) {
	var v sql.NullInt64
	if err := db.QueryRowContext(ctx, "SELECT max(version) FROM "+versionTable).Scan(&v); err != nil {
		return 0, err
	}
	if !v.Valid {
		return 0, goosedb.ErrVersionNotFound
	}
	return v.Int64, nil
}

func (versionStore) ListMigrations(ctx context.Context, db goosedb.DBTxConn) ([]*goosedb.ListMigrationsResult, error) {
	rows, err := db.QueryContext(ctx, "SELECT version FROM "+versionTable+" ORDER BY version DESC")
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
