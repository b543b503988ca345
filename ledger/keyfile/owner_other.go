//go:build !unix

package keyfile

import "io/fs"

func ofRoot(fs.FileInfo) bool { return false }
