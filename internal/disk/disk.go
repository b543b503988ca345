// Package disk says how much room the disks of this machine have.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"igledger/ledger/storage"
)

// Folder is a folder in which something grows.
type Folder struct {
	Name string // what it is for, for messages and metrics
	Path string
}

// Folders are those in which a process needs room.
type Folders []Folder

// FolderOf returns the folder of a file: of the database in an SQLite file, or of a signing record
// in a file.
func FolderOf(name, file string) Folder { return Folder{name, filepath.Dir(file)} }

// Room returns an error, a storage.ErrFull, if a folder has less than reserve bytes free. A folder
// whose room is not known has enough.
func (l Folders) Room(reserve uint64) error {
	for _, f := range l {
		if free, err := Free(f.Path); err == nil && free < reserve {
			// Without the number that changes: a full disk is not to be filled with lines that say
			// it.
			return fmt.Errorf("%w: in the folder of the %s less than the %d MiB are free that are kept free",
				storage.ErrFull, f.Name, reserve>>20)
		}
	}
	return nil
}

// errUnknown: this system is not asked.
var errUnknown = errors.New("how much room is free is not known on this system")

// Free returns how many bytes this process can still write into a folder. If the folder is not
// there yet, it returns what its nearest parent has.
func Free(path string) (uint64, error) {
	for {
		_, err := os.Stat(path)
		up := filepath.Dir(path)
		if !errors.Is(err, fs.ErrNotExist) || up == path {
			return free(path)
		}
		path = up
	}
}
