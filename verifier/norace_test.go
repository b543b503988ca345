//go:build !race

package verifier_test

import "testing"

// under returns how much of a long comparison runs: all of it, or with -short a tenth.
func under(all int) int {
	if testing.Short() {
		return all / 10
	}
	return all
}
