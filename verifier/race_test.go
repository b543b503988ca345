//go:build race

package verifier_test

// under returns how much of a long comparison runs under the race detector, which makes signatures
// ten times slower and finds nothing where nothing is shared. make test runs all of it without.
func under(all int) int { return all / 10 }
