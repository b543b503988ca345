//go:build unix

package record

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// locked runs f while no other process holds the lock on file. The kernel gives up the lock of a
// process that ends.
func locked(file *os.File, f func() error) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("locking %s: %w", file.Name(), err)
		}
	}
	return errors.Join(f(), syscall.Flock(int(file.Fd()), syscall.LOCK_UN))
}
