package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// maxState bounds what is read from a file.
const maxState = 64 << 10

// file is a record in a file. The file is replaced as a whole by renaming, so readers need no lock;
// writers hold the lock file.
type file struct {
	path string
	mu   sync.Mutex // one writer of this process at a time: a lock on lock excludes other processes only
	lock *os.File
}

func openFile(path string) (*file, error) {
	if path == "" {
		return nil, errors.New("file: without a path")
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return &file{path: path, lock: lock}, nil
}

// Load implements Record.
func (f *file) Load(context.Context) ([]byte, error) {
	data, err := f.read()
	if err != nil {
		return nil, fmt.Errorf("reading the signing record: %w", err)
	}
	return data, nil
}

func (f *file) read() ([]byte, error) {
	data, err := os.ReadFile(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case len(data) == 0 || len(data) > maxState:
		return nil, fmt.Errorf("%s has %d bytes: somebody else wrote it", f.path, len(data))
	}
	return data, nil
}

// Swap implements Record.
func (f *file) Swap(_ context.Context, old, next []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := locked(f.lock, func() error {
		now, err := f.read()
		if err != nil {
			return err
		}
		if !bytes.Equal(now, old) {
			return ErrMoved
		}
		return f.replace(next)
	})
	if err != nil {
		return fmt.Errorf("writing the signing record: %w", err)
	}
	return nil
}

// replace makes data the content of the file: all of it or, after a crash, what was there before.
func (f *file) replace(data []byte) error {
	dir := filepath.Dir(f.path)
	temp := f.path + ".new" // one is enough: the lock is held
	t, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = t.Write(data)
	if err == nil {
		err = t.Sync()
	}
	if err := errors.Join(err, t.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, f.path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Close implements Record.
func (f *file) Close() error { return f.lock.Close() }

// String implements Record.
func (f *file) String() string { return f.path }
