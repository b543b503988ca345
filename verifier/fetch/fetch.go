// Package fetch reads a log's files, in the layout of C2SP tlog-tiles, from a URL or a directory,
// and can keep copies.
//
// It promises bounds: a hostile server cannot make it wait for ever, fill memory, or write outside
// the directory of copies. It checks only the length of what it reads; everything else is for
// package verifier. Its errors are ErrUnreadable (and ErrNotFound) and name the file.
package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"igledger/ledger/proof"
	"igledger/verifier"
)

// ErrUnreadable says that a file of the log could not be read because of the network, the server or
// the disk. It says nothing about the log's honesty.
var ErrUnreadable = errors.New("cannot be read")

// ErrNotFound says that the log has no such file. It is also an ErrUnreadable.
var ErrNotFound = fmt.Errorf("%w: not found", ErrUnreadable)

const maxCheckpoint = proof.MaxCheckpoint

// Log reads one log. It is safe for concurrent use.
type Log struct {
	from string
	read func(ctx context.Context, path string, limit int) ([]byte, error)
	http *httpLog // nil: a directory
	save string   // directory of copies, or ""

	mu    sync.Mutex
	tiles map[string][]byte // hash tiles from which proofs were built; guarded by mu
}

// Open returns a Log that reads from "http://…", "https://…" or a directory.
func Open(from string) (*Log, error) {
	l := &Log{from: from, tiles: map[string][]byte{}}
	if strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://") {
		h, err := newHTTP(from)
		if err != nil {
			return nil, err
		}
		l.read, l.http = h.read, h
		return l, nil
	}
	if from == "" {
		return nil, fmt.Errorf("the log's URL or directory: %w: none given", ErrUnreadable)
	}
	l.read = directory(from).read
	return l, nil
}

// MaxWait bounds how long one file is tried from now on; 0 means the usual number of attempts.
func (l *Log) MaxWait(d time.Duration) {
	if l.http != nil {
		l.http.most = d
	}
}

// SaveTo makes the Log keep a copy of every tile and bundle that it reads from now on, below dir
// and in the same layout, so that dir can be read in place of the log. The copy is unfinished until
// SaveCheckpoint writes the checkpoint.
func (l *Log) SaveTo(dir string) { l.save = dir }

// SaveCheckpoint finishes the copy.
func (l *Log) SaveCheckpoint(signed []byte) error { return WriteFile(l.save+"/checkpoint", signed) }

// Checkpoint reads the signed note. It does not check it.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	return l.read(ctx, "checkpoint", maxCheckpoint)
}

// Witnessed reads the newest checkpoint of which the log says that it has a quorum of cosigners, a
// signed note. It does not check it. Only a ledger's server has one: C2SP tlog-tiles does not.
func (l *Log) Witnessed(ctx context.Context) ([]byte, error) {
	const path = "v1/log"
	data, err := l.read(ctx, path, 4*maxCheckpoint)
	if err != nil {
		return nil, err
	}
	var info struct {
		Witnessed string `json:"witnessed"`
	}
	if err := json.Unmarshal(data, &info); err != nil || info.Witnessed == "" {
		return nil, fmt.Errorf("%s: no witnessed checkpoint: %w", path, ErrNotFound)
	}
	return []byte(info.Witnessed), nil
}

// Tile reads the hash tile (level, index) and returns its first width hashes. If a log no longer
// has a partial tile, it has the full one (C2SP tlog-tiles), whose first width hashes are the same.
// A body of another length is returned as it is, so that package verifier can report it.
func (l *Log) Tile(ctx context.Context, level int, index uint64, width int) ([]byte, error) {
	path, fullPath := verifier.TilePath(level, index, width), verifier.TilePath(level, index, verifier.TileWidth)
	data, full, err := l.file(ctx, path, fullPath, 32*verifier.TileWidth)
	if err == nil && full && len(data) == 32*verifier.TileWidth {
		data = data[:32*width]
	}
	return data, err
}

// Tiles returns Tile in the form with which proofs are built. It keeps the tiles that it reads.
func (l *Log) Tiles(ctx context.Context) verifier.TileFunc {
	return func(level int, index uint64, width int) ([]byte, error) {
		path := verifier.TilePath(level, index, width)
		l.mu.Lock()
		data, ok := l.tiles[path]
		l.mu.Unlock()
		if ok {
			return data, nil
		}
		data, err := l.Tile(ctx, level, index, width)
		if err == nil {
			l.mu.Lock()
			l.tiles[path] = data
			l.mu.Unlock()
		}
		return data, err
	}
}

// Forget drops the tiles that Tiles keeps, for callers that read a growing log for days.
func (l *Log) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.tiles)
}

// Bundle reads the entry bundle index and returns its first width leaves. An error is ErrUnreadable
// or, if the bundle is wrong, a *verifier.Failure.
func (l *Log) Bundle(ctx context.Context, index uint64, width int) ([][]byte, error) {
	path, fullPath := verifier.BundlePath(index, width), verifier.BundlePath(index, verifier.TileWidth)
	data, full, err := l.file(ctx, path, fullPath, verifier.MaxBundleSize)
	if err != nil {
		return nil, err
	}
	has := width
	if full {
		has = verifier.TileWidth
	}
	leaves, err := verifier.ParseBundle(data, has, index<<8)
	if err != nil {
		return nil, err
	}
	return leaves[:width], nil
}

// Leaf reads the leaf at index of a log of size leaves.
func (l *Log) Leaf(ctx context.Context, index, size uint64) ([]byte, error) {
	leaves, err := l.Bundle(ctx, index>>8, verifier.WidthAt(0, index>>8, size))
	if err != nil {
		return nil, err
	}
	return leaves[index&0xff], nil
}

// file reads path. If path is a partial tile that is gone, it reads the full one. It keeps a copy
// of what it read.
func (l *Log) file(ctx context.Context, path, fullPath string, limit int) (data []byte, full bool, err error) {
	data, err = l.read(ctx, path, limit)
	if errors.Is(err, ErrNotFound) && path != fullPath {
		var fullErr error
		if data, fullErr = l.read(ctx, fullPath, limit); fullErr == nil {
			path, err = fullPath, nil
		}
	}
	if err != nil {
		return nil, false, err
	}
	if l.save != "" {
		write := func(w io.Writer) error { _, err := w.Write(data); return err }
		if err := writeFile(l.save+"/"+path, write, false); err != nil {
			return nil, false, fmt.Errorf("keeping a copy of %s: %w", path, reason(err))
		}
	}
	return data, path == fullPath, nil
}
