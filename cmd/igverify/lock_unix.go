//go:build unix

package main

import (
	"os"
	"syscall"
)

// lockFile waits for a lock that ends when the file is closed, or with the process.
func lockFile(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			return err
		}
	}
}
