//go:build !race

package verifier_test

// under returns how much of a long comparison runs: all of it.
func under(all int) int { return all }
