package record

import (
	"os"
	"syscall"
)

// flush makes written data durable. The file's length has not changed, so its metadata can wait.
func flush(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}
