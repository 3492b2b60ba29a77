package jsontape

import (
	"errors"
	"hash/maphash"
	"math"
)

// The ways in which a body is not what it must be. None carries content.
var (
	ErrEmpty     = errors.New("the body is empty")
	ErrSyntax    = errors.New("the body is not JSON")
	ErrDepth     = errors.New("the JSON is nested too deep")
	ErrUTF8      = errors.New("a text is not UTF-8")
	ErrNUL       = errors.New("a text holds a NUL")
	ErrNumber    = errors.New("a number is out of range")
	ErrSize      = errors.New("the body is too large to be read")
	ErrDuplicate = errors.New("a member is named twice")
	ErrMembers   = errors.New("an object has too many members")
)

// MaxMembers is how many members one object may have, at any level. A member is
// looked for one by one, so this bounds what looking for one costs.
const MaxMembers = 512

// Document is a body that was read. The zero Document is ready for use; it is
// not safe for concurrent use, though its values may be read by many at once.
type Document struct {
	body  []byte
	plain []byte // the texts that held an escape, unescaped
	nodes []node
	seed  maphash.Seed
	seen  *table // made when a large object needs it
}

// node is one value. Its places are in the body, or in what was unescaped.
type node struct {
	name, nameLen uint32 // the name of a member, inside of its quotes
	text, textLen uint32 // a text inside of its quotes; all else as it was written
	next          uint32 // the node behind this one and what is in it
	count         uint32 // members or items
	kind          Type
	flags         uint8
	known         Known // the name, where it is one
}

const (
	plainName = 1 << iota // the name is in Document.plain
	plainText             // the text is
)

// maxBody is the size above which places would not fit.
const maxBody = math.MaxInt32

// Parse reads a body whose containers are nested at most maxDepth deep. What it
// returns points into the body and the Document and is valid until either
// changes. With ErrDuplicate and ErrMembers the value is there all the same, so
// that the caller can say where the fault is.
func (d *Document) Parse(body []byte, maxDepth int) (Value, error) {
	d.Reset()
	if len(body) > maxBody {
		return Value{}, ErrSize
	}
	d.body = body
	s := scanner{d: d, b: body, maxDepth: maxDepth}
	i := s.space(0)
	if i == len(body) {
		return Value{}, ErrEmpty
	}
	d.add()
	if i = s.value(i, 0, 0); i < 0 {
		return Value{}, s.err
	}
	if s.space(i) != len(body) {
		return Value{}, ErrSyntax
	}
	return Value{d, 0}, s.flaw
}

// Reset forgets the body and wipes what was unescaped.
func (d *Document) Reset() {
	clear(d.plain)
	d.body, d.plain, d.nodes = nil, d.plain[:0], d.nodes[:0]
}

// Parse reads a body into a Document of its own.
func Parse(body []byte, maxDepth int) (Value, error) {
	var d Document
	return d.Parse(body, maxDepth)
}

func (d *Document) nameOf(n *node) []byte {
	from := d.body
	if n.flags&plainName != 0 {
		from = d.plain
	}
	return from[n.name : n.name+n.nameLen : n.name+n.nameLen]
}

func (d *Document) textOf(n *node) []byte {
	from := d.body
	if n.flags&plainText != 0 {
		from = d.plain
	}
	return from[n.text : n.text+n.textLen : n.text+n.textLen]
}
