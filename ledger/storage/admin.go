package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/google/trillian"
	trillianstorage "github.com/google/trillian/storage"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Admin returns Trillian's view of the trees. It is a type of its own because Trillian's two interfaces
// each want a ReadWriteTransaction, with different signatures.
func (s *Storage) Admin() trillianstorage.AdminStorage { return adminStorage{s} }

type adminStorage struct{ s *Storage }

func (a adminStorage) CheckDatabaseAccessible(ctx context.Context) error {
	return a.s.CheckDatabaseAccessible(ctx)
}

// Snapshot reads without a transaction: each answer is one statement, and consistent in itself.
func (a adminStorage) Snapshot(context.Context) (trillianstorage.ReadOnlyAdminTX, error) {
	return &adminTx{run: a.s.Read}, nil
}

// ReadWriteTransaction runs f in a transaction, again after a conflict. It is not run again after a lost
// connection, as f might create a tree twice: then ErrUnavailable means that the outcome is unknown.
func (a adminStorage) ReadWriteTransaction(ctx context.Context, f trillianstorage.AdminTXFunc) error {
	return updateOnce(ctx, func(ctx context.Context) error {
		t, err := a.s.db.begin(ctx)
		if err != nil {
			return err
		}
		defer t.rollback()
		if err := f(ctx, &adminTx{run: t.do}); err != nil {
			return err
		}
		return t.commit(ctx)
	})
}

// adminTx implements AdminTX on whatever runs its statements.
type adminTx struct{ run Runner }

// Commit does nothing: whoever opened the transaction commits it.
func (t *adminTx) Commit() error { return nil }

// Close does nothing, any number of times.
func (t *adminTx) Close() error { return nil }

const treeColumns = "num, id, state, kind, name, description, created, updated, max_root, deleted"

// treeRow is a tree with its small number.
type treeRow struct {
	num  TreeNumber
	tree *trillian.Tree
}

func scanTree(scan func(...any) error) (treeRow, error) {
	var r treeRow
	var num, id, state, kind, created, updated, maxRoot int64
	var deleted *int64
	var name, description string
	if err := scan(&num, &id, &state, &kind, &name, &description, &created, &updated, &maxRoot, &deleted); err != nil {
		return r, err
	}
	r.num = TreeNumber(num)
	r.tree = &trillian.Tree{
		TreeId: id, TreeState: trillian.TreeState(state), TreeType: trillian.TreeType(kind),
		DisplayName: name, Description: description,
		CreateTime: fromMillis(created), UpdateTime: fromMillis(updated),
		MaxRootDuration: durationpb.New(time.Duration(maxRoot) * time.Millisecond),
	}
	if deleted != nil {
		r.tree.Deleted, r.tree.DeleteTime = true, fromMillis(*deleted)
	}
	return r, nil
}

func selectTrees(ctx context.Context, run Runner, rest string, args ...any) ([]treeRow, error) {
	var rows []treeRow
	err := run(ctx, Op{
		SQL: "SELECT " + treeColumns + " FROM tree " + rest, Args: args,
		Fresh: func() { rows = nil },
		Scan: func(scan func(...any) error) error {
			r, err := scanTree(scan)
			rows = append(rows, r)
			return err
		},
	})
	return rows, err
}

func (t *adminTx) get(ctx context.Context, id int64) (treeRow, error) {
	rows, err := selectTrees(ctx, t.run, "WHERE id = $1", id)
	if err != nil {
		return treeRow{}, err
	}
	if len(rows) == 0 {
		return treeRow{}, status.Errorf(codes.NotFound, "tree %d not found", id)
	}
	return rows[0], nil
}

func (t *adminTx) GetTree(ctx context.Context, id int64) (*trillian.Tree, error) {
	r, err := t.get(ctx, id)
	return r.tree, err
}

func (t *adminTx) ListTrees(ctx context.Context, includeDeleted bool) ([]*trillian.Tree, error) {
	rest := "WHERE deleted IS NULL ORDER BY num"
	if includeDeleted {
		rest = "ORDER BY num"
	}
	rows, err := selectTrees(ctx, t.run, rest)
	if err != nil {
		return nil, err
	}
	trees := make([]*trillian.Tree, len(rows))
	for i, r := range rows {
		trees[i] = r.tree
	}
	return trees, nil
}

// CreateTree adds a tree whose head needs initialising. Creations are one after another.
func (t *adminTx) CreateTree(ctx context.Context, tree *trillian.Tree) (*trillian.Tree, error) {
	if err := trillianstorage.ValidateTreeForCreation(ctx, tree); err != nil {
		return nil, err
	}
	if tree.StorageSettings != nil {
		return nil, status.Error(codes.InvalidArgument, "storage_settings are not supported")
	}
	num, err := t.nextNumber(ctx)
	if err != nil {
		return nil, err
	}
	return t.create(ctx, num, tree, nil, nil)
}

// nextNumber takes the lock under which trees are created and returns the next number.
func (t *adminTx) nextNumber(ctx context.Context) (TreeNumber, error) {
	var last int64
	err := t.run(ctx, Op{
		SQL: "UPDATE counter SET value = value + 1 WHERE name = 'tree'", Expect: 1,
	}, Op{
		SQL:  "SELECT value FROM counter WHERE name = 'tree'",
		Scan: func(scan func(...any) error) error { return scan(&last) },
	})
	if err == nil && last >= 1<<22 {
		err = status.Error(codes.ResourceExhausted, "no tree numbers left")
	}
	return TreeNumber(last), err
}

// create writes a tree and its head: with a root, or, if signed is nil, in need of one.
func (t *adminTx) create(ctx context.Context, num TreeNumber, tree *trillian.Tree, root []byte, signed *int64) (*trillian.Tree, error) {
	id, err := trillianstorage.NewTreeID()
	if err != nil {
		return nil, err
	}
	now := time.Now().UnixMilli()
	n := proto.Clone(tree).(*trillian.Tree)
	n.TreeId, n.CreateTime, n.UpdateTime = id, fromMillis(now), fromMillis(now)
	err = t.run(ctx, Op{
		SQL: "INSERT INTO tree (" + treeColumns + ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL)",
		Args: []any{int64(num), id, int64(n.TreeState), int64(n.TreeType), n.DisplayName, n.Description, now, now,
			n.MaxRootDuration.AsDuration().Milliseconds()},
	}, Op{
		SQL:  "INSERT INTO head (tree, size, root, signed, register) VALUES ($1, 0, $2, $3, 0)",
		Args: []any{int64(num), nonNil(root), signed},
	})
	return n, err
}

// lock takes the tree's head, as every change of the tree does first.
func (t *adminTx) lock(ctx context.Context, id int64) (treeRow, error) {
	r, err := t.get(ctx, id)
	if err != nil {
		return r, err
	}
	var num TreeNumber
	err = t.run(ctx, Op{
		SQL:  "SELECT tree FROM head WHERE tree = $1 FOR UPDATE",
		Lite: "SELECT tree FROM head WHERE tree = $1",
		Args: []any{int64(r.num)},
		Scan: func(scan func(...any) error) error { return scan(&num) },
	})
	if err != nil {
		return r, err
	}
	return t.get(ctx, id) // as it is now that nobody else changes it
}

func (t *adminTx) UpdateTree(ctx context.Context, id int64, change func(*trillian.Tree)) (*trillian.Tree, error) {
	r, err := t.lock(ctx, id)
	if err != nil {
		return nil, err
	}
	tree := proto.Clone(r.tree).(*trillian.Tree)
	change(tree)
	if err := trillianstorage.ValidateTreeForUpdate(ctx, r.tree, tree); err != nil {
		return nil, err
	}
	if tree.StorageSettings != nil {
		return nil, status.Error(codes.InvalidArgument, "storage_settings are not supported")
	}
	now := time.Now().UnixMilli()
	tree.UpdateTime = fromMillis(now)
	err = t.run(ctx, Op{
		SQL: "UPDATE tree SET state = $1, kind = $2, name = $3, description = $4, updated = $5, max_root = $6 WHERE num = $7",
		Args: []any{int64(tree.TreeState), int64(tree.TreeType), tree.DisplayName, tree.Description, now,
			tree.MaxRootDuration.AsDuration().Milliseconds(), r.num},
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
	if r.tree.Deleted == (at != nil) {
		return nil, status.Errorf(codes.FailedPrecondition, "tree %d: deleted is already %v", id, r.tree.Deleted)
	}
	err = t.run(ctx, Op{SQL: "UPDATE tree SET deleted = $1 WHERE num = $2", Args: []any{at, int64(r.num)}, Expect: 1})
	if err != nil {
		return nil, err
	}
	return t.GetTree(ctx, id)
}

// HardDeleteTree removes a softly deleted tree and all that belongs to it, in the one transaction Trillian
// gives us: a tree of many million leaves should be dropped with its database instead.
func (t *adminTx) HardDeleteTree(ctx context.Context, id int64) error {
	r, err := t.lock(ctx, id)
	if err != nil {
		return err
	}
	if !r.tree.Deleted {
		return status.Errorf(codes.FailedPrecondition, "tree %d is not soft deleted", id)
	}
	var ops []Op
	for _, table := range []string{"idem", "chain", "source", "person"} {
		ops = append(ops, Op{SQL: "DELETE FROM " + table + " WHERE k >= $1 AND k < $2",
			Args: []any{r.num.Key(nil), (r.num + 1).Key(nil)}})
	}
	for _, table := range []string{"leaf", "register", "tile", "cosignature"} {
		ops = append(ops, Op{SQL: "DELETE FROM " + table + " WHERE place >= $1 AND place < $2",
			Args: []any{r.num.Place(0), (r.num + 1).Place(0)}})
	}
	ops = append(ops,
		Op{SQL: "DELETE FROM witnessed WHERE tree = $1", Args: []any{int64(r.num)}},
		Op{SQL: "DELETE FROM anchor WHERE tree = $1", Args: []any{int64(r.num)}},
		Op{SQL: "DELETE FROM head WHERE tree = $1", Args: []any{int64(r.num)}},
		Op{SQL: "DELETE FROM tree WHERE num = $1", Args: []any{int64(r.num)}})
	return t.run(ctx, ops...)
}

func fromMillis(ms int64) *timestamppb.Timestamp { return timestamppb.New(time.UnixMilli(ms)) }

// TreeByName returns the live tree called name (igledger: the log's origin), and creates it, empty and
// initialised, if there is none. Replicas that do so at once get the same tree.
func (s *Storage) TreeByName(ctx context.Context, name string) (tree *trillian.Tree, created bool, err error) {
	if tree, err = s.FindTree(ctx, name); err == nil || !isNotFound(err) {
		return tree, false, err
	}
	err = update(ctx, func(ctx context.Context) error {
		t, err := s.db.begin(ctx)
		if err != nil {
			return err
		}
		defer t.rollback()
		a := &adminTx{run: t.do}
		num, err := a.nextNumber(ctx) // the lock first, then look again
		if err != nil {
			return err
		}
		if tree, err = findTree(ctx, t.do, name); err == nil || !isNotFound(err) {
			created = false
			return err
		}
		signed := time.Now().UnixNano()
		tree, err = a.create(ctx, num, &trillian.Tree{
			TreeState: trillian.TreeState_ACTIVE, TreeType: trillian.TreeType_PREORDERED_LOG,
			DisplayName: name, MaxRootDuration: durationpb.New(0),
		}, emptyRoot[:], &signed)
		if err != nil {
			return err
		}
		created = true
		return t.commit(ctx)
	})
	if err != nil {
		return nil, false, s.wrap(ctx, fmt.Sprintf("getting the tree %q", name), err)
	}
	return tree, created, nil
}

// FindTree returns the live tree called name, the oldest if there are several.
func (s *Storage) FindTree(ctx context.Context, name string) (*trillian.Tree, error) {
	tree, err := findTree(ctx, s.Read, name)
	return tree, s.wrap(ctx, fmt.Sprintf("finding the tree %q", name), err)
}

func findTree(ctx context.Context, run Runner, name string) (*trillian.Tree, error) {
	rows, err := selectTrees(ctx, run, "WHERE name = $1 AND deleted IS NULL ORDER BY num LIMIT 1", name)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w: no tree of this name", ErrNotFound)
	}
	return rows[0].tree, nil
}
