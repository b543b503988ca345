package entry

// For the tests of this directory that are outside the package.
var (
	NewBody       = newBody
	CheckKeyProof = checkKeyProof
)
