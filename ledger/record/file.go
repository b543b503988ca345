package record

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// A file has two slots, and a change overwrites the one that does not hold the newest state. So
// nothing moves on the disk, a change costs one flush of data, and what a crash has half written is
// not valid: the state before it is in the other slot.
//
//	slot     16 hex digits: number of the change | SP | 4 hex digits: length of the state | SP |
//	         64 hex digits: SHA-256 of the two before and the state | LF | state | zero bytes
const (
	slotSize   = 16 << 10
	headerSize = 16 + 1 + 4 + 1 + 64 + 1
	maxState   = slotSize - headerSize
)

func slot(change uint64, state []byte) []byte {
	head := fmt.Appendf(nil, "%016x %04x ", change, len(state))
	sum := sha256.Sum256(append(bytes.Clone(head), state...))
	out := append(fmt.Appendf(head, "%x\n", sum), state...)
	return append(out, make([]byte, slotSize-len(out))...)
}

// readSlot returns a slot's change, 0 if it is not valid, and state.
func readSlot(data []byte) (change uint64, state []byte) {
	var n int
	if _, err := fmt.Sscanf(string(data[:headerSize]), "%016x %04x", &change, &n); err != nil || n > maxState {
		return 0, nil
	}
	state = data[headerSize : headerSize+n]
	if !bytes.Equal(slot(change, state), data) {
		return 0, nil
	}
	return change, state
}

// file is a record in a file. Readers need no lock; writers hold the lock file, which the first
// Swap makes.
type file struct {
	path string
	mu   sync.Mutex // one writer of this process at a time: a lock on lock excludes other processes only
	lock *os.File   // nil before the first Swap
}

func openFile(path string) (*file, error) {
	if path == "" {
		return nil, errors.New("file: without a path")
	}
	return &file{path: path}, nil
}

// writing opens the lock file, and makes its folder.
func (f *file) writing() (err error) {
	if f.lock != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	f.lock, err = os.OpenFile(f.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	return err
}

// Load implements Record.
func (f *file) Load(context.Context) ([]byte, error) {
	_, state, err := f.read()
	if err != nil {
		return nil, fmt.Errorf("reading the signing record: %w", err)
	}
	return state, nil
}

// read returns the newest state and its change, 0 if there is no file.
func (f *file) read() (change uint64, state []byte, err error) {
	data, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	if len(data) == 2*slotSize {
		for _, s := range [][]byte{data[:slotSize], data[slotSize:]} {
			if n, got := readSlot(s); n > change {
				change, state = n, got
			}
		}
	}
	if change == 0 {
		return 0, nil, fmt.Errorf("%s is not a signing record, or is damaged", f.path)
	}
	return change, state, nil
}

// Swap implements Record.
func (f *file) Swap(_ context.Context, old, next []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.writing(); err != nil {
		return fmt.Errorf("writing the signing record: %w", err)
	}
	err := locked(f.lock, func() error {
		if len(next) > maxState {
			return fmt.Errorf("the state has %d bytes, more than %d", len(next), maxState)
		}
		change, now, err := f.read()
		switch {
		case err != nil:
			return err
		case !bytes.Equal(now, old):
			return ErrMoved
		case change == 0:
			return f.create(next)
		}
		return f.overwrite(change+1, next)
	})
	if err != nil {
		return fmt.Errorf("writing the signing record: %w", err)
	}
	return nil
}

// overwrite writes a slot. Change n is in slot n mod 2.
func (f *file) overwrite(change uint64, state []byte) error {
	out, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = out.WriteAt(slot(change, state), int64(change%2)*slotSize)
	if err == nil {
		err = flush(out)
	}
	return errors.Join(err, out.Close())
}

// create makes the file with its first state: all of it or, after a crash, none.
func (f *file) create(state []byte) error {
	temp := f.path + ".new" // one is enough: the lock is held
	t, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = t.Write(append(make([]byte, slotSize), slot(1, state)...))
	if err == nil {
		err = t.Sync()
	}
	if err := errors.Join(err, t.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, f.path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Close implements Record.
func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock == nil {
		return nil
	}
	err := f.lock.Close()
	f.lock = nil
	return err
}

// String implements Record.
func (f *file) String() string { return f.path }
