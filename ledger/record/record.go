// Package record keeps one small state outside the database of a log: what the log's key has last
// signed. A database that is restored from a backup, or loses its last transactions, goes back in
// time; the record does not, because it is not restored with the database. So a log can tell that
// it would contradict what it has signed.
//
// The state is changed by compare-and-set only, and a change is durable when Swap returns. There
// are two kinds: a file, which one machine or a shared folder has, and a table in another database,
// for replicas that share no disk. What the state says is for package ledger.
package record

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrMoved means that the record's state is not the one that Swap was to replace: another process
// has changed it.
var ErrMoved = errors.New("the signing record was changed by another process")

// Record is a state with compare-and-set. It is safe for concurrent use, and any number of
// processes may open the same one.
type Record interface {
	// Load returns the state, nil if there is none.
	Load(ctx context.Context) ([]byte, error)
	// Swap durably replaces old, nil if there is none, by next. If the state is another one, it
	// returns ErrMoved and changes nothing. After any other error the state is either of the two.
	// Replacing a state by itself shows that the record can be written.
	Swap(ctx context.Context, old, next []byte) error
	// Close ends the use of the record.
	Close() error
	// String returns where the record is, for messages: a path, or the name of a database.
	String() string
}

// Open opens the record of the key called name at a place. What is missing there, its folder too,
// is made by the first Swap.
//
//	file:PATH                      a file; PATH.lock lies beside it
//	sqlite:, postgres://, …        a table in a database that storage.Open takes, with a row for each name
func Open(ctx context.Context, place, name string) (Record, error) {
	var r Record
	var err error
	if path, ok := strings.CutPrefix(place, "file:"); ok {
		r, err = openFile(path)
	} else {
		r, err = openTable(ctx, place, name)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the signing record: %w", err)
	}
	return r, nil
}
