package segment

import (
	"fmt"
	"sync"

	"github.com/valyala/fastjson"
)

// Parser reads bodies. It is not safe for concurrent use; Get and Put keep
// parsers for another request.
type Parser struct {
	json  fastjson.Parser
	names map[string]struct{}
	size  int
}

// maxKept is the size of the largest body whose parser is kept.
const maxKept = 512 << 10

var parsers = sync.Pool{New: func() any { return &Parser{names: map[string]struct{}{}} }}

// Get returns a parser from the pool.
func Get() *Parser { return parsers.Get().(*Parser) }

// Put gives a parser back; nothing that it returned may be used any more.
func Put(p *Parser) {
	clear(p.names)
	if p.size <= maxKept {
		parsers.Put(p)
	}
}

// Parse reads a body, which must be a JSON object. What it returns points into
// the parser and is valid until the next Parse or Put. An error is one of this
// package's, or a *FieldError.
func (p *Parser) Parse(body []byte, maxDepth int) (*fastjson.Value, error) {
	if err := Check(body, maxDepth); err != nil {
		return nil, err
	}
	p.size = max(p.size, len(body))
	v, err := p.json.ParseBytes(body)
	if err != nil { // cannot be after Check; its text repeats content
		return nil, ErrSyntax
	}
	if v.Type() != fastjson.TypeObject {
		return nil, ErrNotObject
	}
	if err := p.unique(v, "body"); err != nil {
		return nil, err
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

// text returns a member that must be a string when it is there; null and the
// empty string are as good as absent.
func text(v *fastjson.Value, name string) ([]byte, error) {
	m := v.Get(name)
	if m == nil || m.Type() == fastjson.TypeNull {
		return nil, nil
	}
	s, err := m.StringBytes()
	if err != nil {
		return nil, &FieldError{name, "must be a string"}
	}
	return s, nil
}

// object returns a member that must be an object when it is there.
func object(v *fastjson.Value, name string) (*fastjson.Value, error) {
	m := v.Get(name)
	if m == nil || m.Type() == fastjson.TypeNull {
		return nil, nil
	}
	if m.Type() != fastjson.TypeObject {
		return nil, &FieldError{name, "must be an object"}
	}
	return m, nil
}
