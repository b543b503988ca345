package entry

// Exports for the tests in package entry_test.
var ValidNHSNumber = validNHSNumber

// NewBody returns an empty body of the type, or nil if the type is unknown.
func NewBody(t Type) Body {
	if k := kindOf[t]; k != nil {
		return k.new()
	}
	return nil
}

// CheckBody checks the claims of a body other than the common ones.
func CheckBody(b Body) error { return b.check() }
