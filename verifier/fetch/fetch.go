// Package fetch reads a log's files, laid out as C2SP tlog-tiles has them, from a URL or a directory, and keeps copies.
//
// It promises bounds: a hostile server cannot make it wait for ever, fill memory, or write outside the directory of copies. It does not check
// what it reads beyond its length: that is package verifier's. Its errors are ErrUnreadable (and ErrNotFound) and name the file.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"igledger/verifier"
)

// ErrUnreadable says that a file of the log could not be had: network, server, disk. It says nothing about the log's honesty.
var ErrUnreadable = errors.New("cannot be read")

// ErrNotFound says that the log has no such file. It is also ErrUnreadable.
var ErrNotFound = fmt.Errorf("%w: not found", ErrUnreadable)

const maxCheckpoint = 64 << 10

// Log reads one log. It is safe for concurrent use.
type Log struct {
	from string
	read func(ctx context.Context, path string, limit int) ([]byte, error)
	save string // directory of copies, or ""

	mu    sync.Mutex
	tiles map[string][]byte // hash tiles that proofs were built from: neighbours share them
}

// Open takes "http://…", "https://…" or a directory.
func Open(from string) (*Log, error) {
	l := &Log{from: from, tiles: map[string][]byte{}}
	if strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://") {
		h, err := newHTTP(from)
		if err != nil {
			return nil, err
		}
		l.read = h.read
		return l, nil
	}
	if from == "" {
		return nil, fmt.Errorf("the log's URL or directory: %w: none given", ErrUnreadable)
	}
	l.read = directory(from).read
	return l, nil
}

// SaveTo keeps a copy of every tile and bundle read from now on below dir, in the same layout, so that dir can be read in place of the log. The checkpoint
// is not kept until SaveCheckpoint: a directory without one is an unfinished copy.
func (l *Log) SaveTo(dir string) { l.save = dir }

// SaveCheckpoint finishes the copy.
func (l *Log) SaveCheckpoint(signed []byte) error { return WriteFile(l.save+"/checkpoint", signed) }

// Checkpoint reads the signed note. It is not checked.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	return l.read(ctx, "checkpoint", maxCheckpoint)
}

// Tile reads the hash tile (level, index) and gives its first width hashes. Where a log no longer has a partial tile, it has the full one (C2SP
// tlog-tiles), of which the first width hashes are the same. A body of another length is given as it is, for verifier to name.
func (l *Log) Tile(ctx context.Context, level int, index uint64, width int) ([]byte, error) {
	data, full, err := l.file(ctx, verifier.TilePath(level, index, width), verifier.TilePath(level, index, verifier.TileWidth), 32*verifier.TileWidth)
	if err == nil && full && len(data) == 32*verifier.TileWidth {
		data = data[:32*width]
	}
	return data, err
}

// Tiles gives Tile in the form that proofs are built with, remembering what it read.
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

// Forget drops what Tiles remembers, for whoever reads a growing log for days.
func (l *Log) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.tiles)
}

// Bundle reads the entry bundle index and gives its first width leaves. An error is ErrUnreadable or the bundle's *verifier.Failure.
func (l *Log) Bundle(ctx context.Context, index uint64, width int) ([][]byte, error) {
	data, full, err := l.file(ctx, verifier.BundlePath(index, width), verifier.BundlePath(index, verifier.TileWidth), verifier.MaxBundleSize)
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

// file reads path, or the full tile if path is a partial one that is gone, and keeps a copy of what it read.
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
		if err := writeFile(l.save+"/"+path, func(w io.Writer) error { _, err := w.Write(data); return err }, false); err != nil {
			return nil, false, fmt.Errorf("keeping a copy of %s: %w", path, reason(err))
		}
	}
	return data, path == fullPath, nil
}
