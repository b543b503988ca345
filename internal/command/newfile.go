package command

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// NewFile returns an error if a result cannot be a new file at path. Nothing that somebody has
// takes its place: a name that is mistyped may be that of a key, or of what is being read, and a
// file that others may read would be so still. Ask before what cannot be taken back; WriteNew asks
// again.
func NewFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return Errorf(Unreachable, "there is no folder %s for %s", filepath.Dir(path), path)
		}
		return nil
	case err != nil:
		return Errorf(Unreachable, "%w", err)
	case info.IsDir():
		return Errorf(Refused, "%s is a folder", path)
	case info.Mode().IsRegular():
		return Errorf(Refused, "%s already exists and is not overwritten", path)
	}
	return nil // a pipe or terminal
}

// WriteNew writes a result to a new file: all of it, or none. Only its owner can read it unless
// public.
func WriteNew(path string, data []byte, public bool) error {
	if err := NewFile(path); err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil { // a pipe or terminal
		return notWritten(path, os.WriteFile(path, data, 0o600))
	}
	return write(path, data, public, func(made string) error {
		if os.Link(made, path) == nil { // fails where somebody was faster
			return nil
		}
		if err := NewFile(path); err != nil {
			return err
		}
		return os.Rename(made, path) // not every file system has links
	})
}

// Replace is WriteNew for a file that an earlier run may have written.
func Replace(path string, data []byte, public bool) error {
	return write(path, data, public, func(made string) error { return os.Rename(made, path) })
}

// write makes a file beside path, and has it moved there.
func write(path string, data []byte, public bool, move func(made string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return notWritten(path, err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is there under its name, or of no use
	_, err = f.Write(data)
	if err == nil && public {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = move(f.Name())
	}
	return notWritten(path, err)
}

// notWritten returns an error of writing a file with its exit code. It names the file that was
// asked for: the digits of a temporary name can look like a person's number, and would be taken
// out.
func notWritten(path string, err error) error {
	said := new(Error)
	if err == nil || errors.As(err, &said) {
		return err
	}
	if at := new(fs.PathError); errors.As(err, &at) {
		err = at.Err
	}
	return Errorf(Unreachable, "%s was not written: %w", path, err)
}
