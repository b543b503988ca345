package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"igledger/verifier"
)

// directory holds a log's files.
type directory string

func (d directory) read(_ context.Context, path string, limit int) ([]byte, error) {
	name := filepath.Join(string(d), filepath.FromSlash(path))
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s in the directory %s: %w", path, d, ErrNotFound)
	} else if err == nil && !info.Mode().IsRegular() { // opening a pipe could block for ever
		return nil, fmt.Errorf("%s in the directory %s: %w: not a regular file", path, d, ErrUnreadable)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s in the directory %s: %w: %w", path, d, ErrUnreadable, reason(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("%s in the directory %s: %w: %w", path, d, ErrUnreadable, reason(err))
	}
	if len(data) > limit {
		return nil, tooLong(path, limit)
	}
	return data, nil
}

// reason removes the file's path from an error: the user knows where the directory is.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// WriteFile writes data to path so that after a crash the file has the old content or the new one,
// never a part: it writes to a temporary file in the same directory, syncs it, renames it and syncs
// the directory. It creates the directory if necessary.
func WriteFile(path string, data []byte) error {
	return WriteFileWith(path, func(w io.Writer) error { _, err := w.Write(data); return err })
}

// WriteFileWith is like WriteFile, for data that is too large for memory: write writes it.
func WriteFileWith(path string, write func(io.Writer) error) error {
	return writeFile(path, write, true)
}

// writeFile writes without sync for copies of tiles: after a power cut they may be empty, which
// their reader notices.
func writeFile(path string, write func(io.Writer) error, sync bool) error {
	path = filepath.FromSlash(path)
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil && sync {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		if at := new(fs.PathError); errors.As(err, &at) {
			at.Path = path // which somebody named, and whose digits are nobody's number
		}
		return err
	}
	if sync {
		if d, err := os.Open(dir); err == nil { // not every system can sync a directory
			d.Sync()
			d.Close()
		}
	}
	return nil
}

// HasCopy reports whether dir holds every full tile and bundle of a log's first size leaves. If so,
// a replay that continues from there completes the copy.
func HasCopy(dir string, size uint64) bool {
	have := func(path string) bool {
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(path)))
		return err == nil && info.Size() > 0
	}
	for level := range 8 {
		for i := range size >> (8 * (level + 1)) {
			if !have(verifier.TilePath(level, i, verifier.TileWidth)) ||
				level == 0 && !have(verifier.BundlePath(i, verifier.TileWidth)) {
				return false
			}
		}
	}
	return true
}
