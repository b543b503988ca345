package entry

// For the tests of this directory that are outside the package.
var (
	CheckKeyProof  = checkKeyProof
	ValidNHSNumber = validNHSNumber
)

// NewBody returns an empty body of the type, nil if the type is unknown.
func NewBody(t Type) Body {
	if k := kindOf[t]; k != nil {
		return k.new()
	}
	return nil
}

// CheckBody checks the claims of a body, beyond the common ones.
func CheckBody(b Body) error { return b.check() }
