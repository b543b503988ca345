package wire

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// DecodeList reads a JSON array of at most most elements into list. It checks each element as soon
// as it is read (check may be nil) and stops at the first that is wrong: 60 MB of "{}," must not
// become gigabytes of memory before the first check. what names the list in errors. If the array is
// too long, it returns TooLarge; an empty array becomes an empty list, never nil.
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
