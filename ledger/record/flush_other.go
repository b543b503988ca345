//go:build !linux

package record

import "os"

// flush makes written data durable.
func flush(f *os.File) error { return f.Sync() }
