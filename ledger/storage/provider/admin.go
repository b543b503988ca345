package provider

import (
	"context"
	"time"

	"github.com/google/trillian"
	trillianstorage "github.com/google/trillian/storage"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"igledger/ledger/storage"
)

// Admin returns Trillian's view of the trees. It is a type of its own because Trillian's two
// interfaces each want a ReadWriteTransaction, with different signatures.
func (p *Provider) Admin() trillianstorage.AdminStorage { return adminStorage{p.s} }

type adminStorage struct{ s *storage.Storage }

func (a adminStorage) CheckDatabaseAccessible(ctx context.Context) error {
	return a.s.CheckDatabaseAccessible(ctx)
}

// Snapshot reads without a transaction: each answer comes from one statement, so it is consistent.
func (a adminStorage) Snapshot(context.Context) (trillianstorage.ReadOnlyAdminTX, error) {
	return &adminTx{run: a.s.Read}, nil
}

// ReadWriteTransaction runs f in a transaction, again after a conflict. It does not run f again
// after a lost connection, since f might create a tree twice: storage.ErrUnavailable then means
// that the outcome is unknown.
func (a adminStorage) ReadWriteTransaction(ctx context.Context, f trillianstorage.AdminTXFunc) error {
	return a.s.TransactOnce(ctx, func(ctx context.Context, run storage.Runner) ([]storage.Op, error) {
		return nil, f(ctx, &adminTx{run: run})
	})
}

// adminTx implements AdminTX. run runs its statements.
type adminTx struct{ run storage.Runner }

// Commit does nothing: ReadWriteTransaction commits.
func (t *adminTx) Commit() error { return nil }

// Close does nothing. It may be called any number of times.
func (t *adminTx) Close() error { return nil }

func (t *adminTx) get(ctx context.Context, id int64) (storage.TreeRow, error) {
	rows, err := storage.SelectTrees(ctx, t.run, "WHERE id = $1", id)
	if err != nil {
		return storage.TreeRow{}, err
	}
	if len(rows) == 0 {
		return storage.TreeRow{}, status.Errorf(codes.NotFound, "tree %d not found", id)
	}
	return rows[0], nil
}

func (t *adminTx) GetTree(ctx context.Context, id int64) (*trillian.Tree, error) {
	r, err := t.get(ctx, id)
	return r.Tree, err
}

func (t *adminTx) ListTrees(ctx context.Context, includeDeleted bool) ([]*trillian.Tree, error) {
	rest := "WHERE deleted IS NULL ORDER BY num"
	if includeDeleted {
		rest = "ORDER BY num"
	}
	rows, err := storage.SelectTrees(ctx, t.run, rest)
	if err != nil {
		return nil, err
	}
	trees := make([]*trillian.Tree, len(rows))
	for i, r := range rows {
		trees[i] = r.Tree
	}
	return trees, nil
}

// CreateTree adds a tree whose head needs initialising. Creations wait for each other.
func (t *adminTx) CreateTree(ctx context.Context, tree *trillian.Tree) (*trillian.Tree, error) {
	if err := trillianstorage.ValidateTreeForCreation(ctx, tree); err != nil {
		return nil, err
	}
	if tree.StorageSettings != nil {
		return nil, status.Error(codes.InvalidArgument, "storage_settings are not supported")
	}
	return storage.CreateTree(ctx, t.run, tree)
}

// lock locks the tree's head, which every change of a tree must do first, and returns the tree.
func (t *adminTx) lock(ctx context.Context, id int64) (storage.TreeRow, error) {
	r, err := t.get(ctx, id)
	if err != nil {
		return r, err
	}
	var num int64
	err = t.run(ctx, storage.Op{
		SQL:  "SELECT tree FROM head WHERE tree = $1 FOR UPDATE",
		Lite: "SELECT tree FROM head WHERE tree = $1",
		Args: []any{int64(r.Number)},
		Scan: func(scan func(...any) error) error { return scan(&num) },
	})
	if err != nil {
		return r, err
	}
	return t.get(ctx, id) // as it is under the lock
}

func (t *adminTx) UpdateTree(ctx context.Context, id int64, change func(*trillian.Tree)) (*trillian.Tree, error) {
	r, err := t.lock(ctx, id)
	if err != nil {
		return nil, err
	}
	tree := proto.Clone(r.Tree).(*trillian.Tree)
	change(tree)
	if err := trillianstorage.ValidateTreeForUpdate(ctx, r.Tree, tree); err != nil {
		return nil, err
	}
	if tree.StorageSettings != nil {
		return nil, status.Error(codes.InvalidArgument, "storage_settings are not supported")
	}
	now := time.Now().UnixMilli()
	tree.UpdateTime = timestamppb.New(time.UnixMilli(now))
	err = t.run(ctx, storage.Op{
		SQL: "UPDATE tree SET state = $1, kind = $2, name = $3, description = $4, updated = $5, max_root = $6 WHERE num = $7",
		Args: []any{int64(tree.TreeState), int64(tree.TreeType), tree.DisplayName, tree.Description, now,
			tree.MaxRootDuration.AsDuration().Milliseconds(), int64(r.Number)},
		Expect: 1,
	})
	return tree, err
}

func (t *adminTx) SoftDeleteTree(ctx context.Context, id int64) (*trillian.Tree, error) {
	now := time.Now().UnixMilli()
	return t.setDeleted(ctx, id, &now)
}

func (t *adminTx) UndeleteTree(ctx context.Context, id int64) (*trillian.Tree, error) {
	return t.setDeleted(ctx, id, nil)
}

func (t *adminTx) setDeleted(ctx context.Context, id int64, at *int64) (*trillian.Tree, error) {
	r, err := t.lock(ctx, id)
	if err != nil {
		return nil, err
	}
	if r.Tree.Deleted == (at != nil) {
		return nil, status.Errorf(codes.FailedPrecondition, "tree %d: deleted is already %v", id, r.Tree.Deleted)
	}
	err = t.run(ctx, storage.Op{
		SQL:  "UPDATE tree SET deleted = $1 WHERE num = $2",
		Args: []any{at, int64(r.Number)}, Expect: 1,
	})
	if err != nil {
		return nil, err
	}
	return t.GetTree(ctx, id)
}

// HardDeleteTree removes a softly deleted tree and all that belongs to it. Trillian's interface has
// one transaction for that, so drop the database instead if the tree has many millions of leaves.
func (t *adminTx) HardDeleteTree(ctx context.Context, id int64) error {
	r, err := t.lock(ctx, id)
	if err != nil {
		return err
	}
	if !r.Tree.Deleted {
		return status.Errorf(codes.FailedPrecondition, "tree %d is not soft deleted", id)
	}
	return t.run(ctx, append(storage.DeleteTree(r.Number), storage.Op{
		SQL:  "DELETE FROM sequenced WHERE place >= $1 AND place < $2",
		Args: []any{r.Number.Place(0), (r.Number + 1).Place(0)},
	})...)
}
