package segment

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"zgoda/jsontape"
)

// The ways in which a body is not what it must be. None carries content.
var (
	ErrEmpty     = jsontape.ErrEmpty
	ErrSyntax    = jsontape.ErrSyntax
	ErrDepth     = jsontape.ErrDepth
	ErrUTF8      = jsontape.ErrUTF8
	ErrNUL       = jsontape.ErrNUL
	ErrNumber    = jsontape.ErrNumber
	ErrDuplicate = jsontape.ErrDuplicate
	ErrNotObject = errors.New("the body is not a JSON object")
)

// CheckText says whether a text that came outside of JSON may go on.
func CheckText(s []byte) error {
	if !utf8.Valid(s) {
		return ErrUTF8
	}
	if bytes.IndexByte(s, 0) >= 0 {
		return ErrNUL
	}
	return nil
}
