package wire

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decodeList reads a JSON array of at most most elements, each checked at once (check may be nil), and stops at the first that is
// wrong: 60 MB of "{}," must not become gigabytes before somebody looks.
func DecodeList[T any](d *jsontext.Decoder, what string, most int, list *[]T, check func(*T) error) error {
	open, err := d.ReadToken()
	if err != nil {
		return err
	}
	if open.Kind() != '[' {
		return Errorf(BadJSON, what, "%s is not an array", what)
	}
	*list = []T{} // an empty array differs from a missing one
	for d.PeekKind() != ']' {
		if len(*list) == most {
			return Errorf(TooLarge, what, "more than %d %s", most, what)
		}
		var v T
		if err := json.UnmarshalDecode(d, &v); err != nil {
			return err
		}
		if check != nil {
			if err := check(&v); err != nil {
				return err
			}
		}
		*list = append(*list, v)
	}
	_, err = d.ReadToken()
	return err
}
