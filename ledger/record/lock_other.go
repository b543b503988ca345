//go:build !unix

package record

import (
	"errors"
	"os"
)

// locked refuses: this system has no lock that ends with its process.
func locked(*os.File, func() error) error {
	return errors.New("a signing record in a file needs a Unix system; put it into a database")
}
