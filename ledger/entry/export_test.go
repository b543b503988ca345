package entry

// NewBody is the table of types, for the tests of this directory that are outside the package.
var NewBody = newBody
