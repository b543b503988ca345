package audit

import (
	"github.com/go-json-experiment/json/jsontext"

	"igledger/consent/fhir/tree"
)

// MaxEvent is the largest AuditEvent that is read, in bytes of JSON.
const MaxEvent = tree.Max

type (
	object = tree.Object
	scope  = tree.Scope
)

func parseTree(path string, data []byte) (any, error) { return tree.Parse(path, data) }
func writeTree(v any) (jsontext.Value, error)         { return tree.Write(v) }
func cloneTree(v any) any                             { return tree.Clone(v) }
func child(o object, name string) object              { return tree.Child(o, name) }
func text(o object, name string) string               { return tree.Text(o, name) }
func objects(o object, name string) []object          { return tree.Objects(o, name) }

func eachString(name string, v any, f func(name, s string)) { tree.EachString(name, v, f) }
