package segment

import (
	"fmt"
	"sync"

	"zgoda/jsontape"
)

// Parser reads bodies. It is not safe for concurrent use; Get and Put keep
// parsers for another request.
type Parser struct {
	json jsontape.Document
	size int
}

// maxKept is the size of the largest body whose parser is kept.
const maxKept = 512 << 10

var parsers = sync.Pool{New: func() any { return new(Parser) }}

// Get returns a parser from the pool.
func Get() *Parser { return parsers.Get().(*Parser) }

// Put gives a parser back; nothing that it returned may be used any more.
func Put(p *Parser) {
	p.json.Reset()
	if p.size <= maxKept {
		parsers.Put(p)
	}
}

// Parse reads a body, which must be a JSON object. What it returns points into
// the body and the parser and is valid until either changes or Put. An error is
// one of this package's, or a *FieldError.
func (p *Parser) Parse(body []byte, maxDepth int) (jsontape.Value, error) {
	p.size = max(p.size, len(body))
	v, err := p.json.Parse(body, maxDepth)
	if !v.Exists() {
		return v, err
	}
	if v.Type() != jsontape.Object {
		return jsontape.Value{}, ErrNotObject
	}
	if err != nil {
		return jsontape.Value{}, fault(v, "body")
	}
	return v, nil
}

// FieldError says which field of an event is wrong, and never what was in it.
type FieldError struct {
	Field string
	Why   string
}

// Error returns the field and what it must be.
func (e *FieldError) Error() string { return fmt.Sprintf("%s %s", e.Field, e.Why) }

// text returns a value that must be a string when it is there; null and the
// empty string are as good as absent.
func text(v jsontape.Value, name string) ([]byte, error) {
	switch v.Type() {
	case jsontape.Absent, jsontape.Null:
		return nil, nil
	case jsontape.String:
		return v.Text(), nil
	default:
		return nil, &FieldError{name, "must be a string"}
	}
}

// object returns a value that must be an object when it is there.
func object(v jsontape.Value, name string) (jsontape.Value, error) {
	switch v.Type() {
	case jsontape.Absent, jsontape.Null:
		return jsontape.Value{}, nil
	case jsontape.Object:
		return v, nil
	default:
		return v, &FieldError{name, "must be an object"}
	}
}
