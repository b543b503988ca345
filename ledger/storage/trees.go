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

const treeColumns = "num, id, state, kind, name, description, created, updated, max_root, deleted"

// TreeRow is a tree with its number.
type TreeRow struct {
	Number TreeNumber
	Tree   *trillian.Tree
}

func scanTree(scan func(...any) error) (TreeRow, error) {
	var num, id, state, kind, created, updated, maxRoot int64
	var deleted *int64
	var name, description string
	if err := scan(&num, &id, &state, &kind, &name, &description, &created, &updated, &maxRoot, &deleted); err != nil {
		return TreeRow{}, err
	}
	tree := &trillian.Tree{
		TreeId: id, TreeState: trillian.TreeState(state), TreeType: trillian.TreeType(kind),
		DisplayName: name, Description: description,
		CreateTime: fromMillis(created), UpdateTime: fromMillis(updated),
		MaxRootDuration: durationpb.New(time.Duration(maxRoot) * time.Millisecond),
	}
	if deleted != nil {
		tree.Deleted, tree.DeleteTime = true, fromMillis(*deleted)
	}
	return TreeRow{TreeNumber(num), tree}, nil
}

func fromMillis(ms int64) *timestamppb.Timestamp { return timestamppb.New(time.UnixMilli(ms)) }

// SelectTrees returns the trees that a SELECT statement on table tree selects, where rest is all of
// the statement after the table's name.
func SelectTrees(ctx context.Context, run Runner, rest string, args ...any) ([]TreeRow, error) {
	var rows []TreeRow
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

// nextNumber takes the lock under which trees are created and returns the next number.
func nextNumber(ctx context.Context, run Runner) (TreeNumber, error) {
	var last int64
	err := run(ctx, Op{
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

// createTree writes a tree and its head. If signed is nil, the head has no root yet and needs
// initialising.
func createTree(
	ctx context.Context, run Runner, num TreeNumber, tree *trillian.Tree, root []byte, signed *int64,
) (*trillian.Tree, error) {
	id, err := trillianstorage.NewTreeID()
	if err != nil {
		return nil, err
	}
	now := time.Now().UnixMilli()
	n := proto.Clone(tree).(*trillian.Tree)
	n.TreeId, n.CreateTime, n.UpdateTime = id, fromMillis(now), fromMillis(now)
	err = run(ctx, Op{
		SQL: "INSERT INTO tree (" + treeColumns + ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL)",
		Args: []any{int64(num), id, int64(n.TreeState), int64(n.TreeType), n.DisplayName, n.Description, now, now,
			n.MaxRootDuration.AsDuration().Milliseconds()},
	}, Op{
		SQL:  "INSERT INTO head (tree, size, root, signed, register) VALUES ($1, 0, $2, $3, 0)",
		Args: []any{int64(num), nonNil(root), signed},
	})
	return n, err
}

// CreateTree adds a tree whose head needs initialising, in Trillian's words. Append does not accept
// it. Creations wait for each other.
func CreateTree(ctx context.Context, run Runner, tree *trillian.Tree) (*trillian.Tree, error) {
	num, err := nextNumber(ctx, run)
	if err != nil {
		return nil, err
	}
	return createTree(ctx, run, num, tree, nil, nil)
}

// DeleteTree returns the statements that delete a tree and all that belongs to it.
func DeleteTree(num TreeNumber) []Op {
	var ops []Op
	for _, d := range derived {
		ops = append(ops, d.clear(num, ""), d.clear(num, rebuilt))
	}
	for _, table := range []string{"leaf", "cosignature"} {
		ops = append(ops, Op{SQL: "DELETE FROM " + table + " WHERE place >= $1 AND place < $2",
			Args: []any{num.Place(0), (num + 1).Place(0)}})
	}
	for _, table := range []string{"rebuild", "lease", "witnessed", "anchor", "head"} {
		ops = append(ops, Op{SQL: "DELETE FROM " + table + " WHERE tree = $1", Args: []any{int64(num)}})
	}
	return append(ops, Op{SQL: "DELETE FROM tree WHERE num = $1", Args: []any{int64(num)}})
}

// TreeByName returns the live tree called name (igledger: the log's origin). If there is none it
// creates one, empty and initialised. Replicas that do so at once get the same tree.
func (s *Storage) TreeByName(ctx context.Context, name string) (tree *trillian.Tree, created bool, err error) {
	tree, err = s.FindTree(ctx, name)
	if err == nil || !isNotFound(err) {
		return tree, false, err
	}
	err = update(ctx, func(ctx context.Context) error {
		t, err := s.db.begin(ctx)
		if err != nil {
			return err
		}
		defer t.rollback()
		num, err := nextNumber(ctx, t.do) // takes the lock; then look again
		if err != nil {
			return err
		}
		tree, err = findTree(ctx, t.do, name)
		if err == nil || !isNotFound(err) {
			created = false
			return err
		}
		signed := time.Now().UnixNano()
		tree, err = createTree(ctx, t.do, num, &trillian.Tree{
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
		return nil, false, s.wrap(ctx, fmt.Sprintf("finding or creating the tree %q", name), err)
	}
	return tree, created, nil
}

// FindTree returns the live tree called name, the oldest if there are several. If there is none it
// returns ErrNotFound.
func (s *Storage) FindTree(ctx context.Context, name string) (*trillian.Tree, error) {
	tree, err := findTree(ctx, s.Read, name)
	return tree, s.wrap(ctx, fmt.Sprintf("finding the tree %q", name), err)
}

func findTree(ctx context.Context, run Runner, name string) (*trillian.Tree, error) {
	rows, err := SelectTrees(ctx, run, "WHERE name = $1 AND deleted IS NULL ORDER BY num LIMIT 1", name)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w: no tree has this name", ErrNotFound)
	}
	return rows[0].Tree, nil
}
