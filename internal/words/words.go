// Package words makes six short words of a statement, to be read out on the telephone: two people
// whose words are the same hold the same statement. docs/FORMATS.md section 18 is the rule.
//
// It promises: who wants another statement with the words of a given one has to try 2^66. It does
// not promise that nobody can make two statements of their own with the same words, which takes
// 2^33. So the words say which statement is meant, and never that it is true: only checking does.
package words

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"strings"
)

// Count is the number of words, of 11 bits each.
const Count = 6

// List has 2,048 words of 3 to 7 letters, in alphabetical order. Each is told from the others by
// its first four letters, and none begins with another.
var List = strings.Fields(text)

//go:embed words.txt
var text string

// Of returns the words of a statement's bytes. White space around it does not count, because
// editors and post add it.
func Of(statement []byte) []string {
	sum := sha256.Sum256(bytes.Trim(statement, " \t\r\n"))
	out := make([]string, Count)
	for i := range out {
		n := 0
		for bit := 11 * i; bit < 11*i+11; bit++ {
			n = n<<1 | int(sum[bit/8]>>(7-bit%8))&1
		}
		out[i] = List[n]
	}
	return out
}
