package storage

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"igledger/internal/testdb"
)

// The collection of statistics is switched on for every table that grows with the log, on
// CockroachDB alone.
func TestStatisticsOfGrowingTables(t *testing.T) {
	for _, e := range []Engine{SQLite, PostgreSQL} {
		if ops := statistics(e); ops != nil {
			t.Errorf("%s is asked %v", e, ops)
		}
	}
	var got []string
	for _, o := range statistics(CockroachDB) {
		got = append(got, o.in(CockroachDB))
	}
	var want []string
	for _, table := range []string{"leaf", "idem", "chain", "history", "source", "person", "register", "tile"} {
		want = append(want, "ALTER TABLE "+table+" SET (sql_stats_automatic_collection_enabled = true)")
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A CockroachDB that does not know the setting is created all the same: PostgreSQL in its place
// does not know it either. One that does not answer is not. Only Create asks.
func TestStatisticsNotKnown(t *testing.T) {
	s, err := Create(t.Context(), testdb.PostgreSQL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var asked int
	var fail error
	f := &faulty{database: s.db, step: func(sql string) error {
		if sql != "BEGIN" {
			asked++
		}
		return fail
	}}
	s.db = &standIn{f}
	if err := s.collect(t.Context()); err != nil || asked != 1 { // the first answer ends it
		t.Errorf("not known: %v after %d statements", err, asked)
	}
	fail = &pgconn.PgError{Code: "42501"}
	if err := s.collect(t.Context()); err != nil {
		t.Errorf("not allowed: %v", err)
	}
	fail = &lostError{io.ErrUnexpectedEOF}
	if err := s.collect(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("no answer: %v", err)
	}
}
