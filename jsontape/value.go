package jsontape

// Type is the type of a value.
type Type uint8

// The types. Absent is that of the zero Value.
const (
	Absent Type = iota
	Null
	False
	True
	Number
	String
	Array
	Object
)

// Value is a value of a Document, by its place. The zero Value is one that is
// not there: it has no members, no items and no text.
type Value struct {
	d *Document
	i uint32
}

// Exists says whether there is a value, be it null.
func (v Value) Exists() bool { return v.d != nil }

// Type returns the type, Absent for the zero Value.
func (v Value) Type() Type {
	if v.d == nil {
		return Absent
	}
	return v.d.nodes[v.i].kind
}

// Len returns how many members or items the value has.
func (v Value) Len() int {
	if v.d == nil {
		return 0
	}
	return int(v.d.nodes[v.i].count)
}

// Text returns a text, unescaped; nil when the value is none.
func (v Value) Text() []byte {
	if v.Type() != String {
		return nil
	}
	return v.d.textOf(&v.d.nodes[v.i])
}

// Digits returns a number as it was written; nil when the value is none.
func (v Value) Digits() []byte {
	if v.Type() != Number {
		return nil
	}
	return v.d.textOf(&v.d.nodes[v.i])
}

// Get returns a member by its name, the zero Value when there is none.
func (v Value) Get(name string) Value {
	for m := v.Members(); m.Next(); {
		if string(m.Name()) == name {
			return m.Value()
		}
	}
	return Value{}
}

// TextAt returns the text at the end of a path of names; nil when there is none.
func (v Value) TextAt(path ...string) []byte {
	for _, name := range path {
		v = v.Get(name)
	}
	return v.Text()
}

// Walk goes over the members of an object or the items of an array.
type Walk struct {
	d    *Document
	node *node
	at   uint32
	next uint32
	end  uint32
}

// Members goes over the members of an object; nothing else has any.
func (v Value) Members() Walk { return v.walk(Object) }

// Items goes over the items of an array; nothing else has any.
func (v Value) Items() Walk { return v.walk(Array) }

func (v Value) walk(t Type) Walk {
	if v.d == nil {
		return Walk{}
	}
	n := &v.d.nodes[v.i]
	if n.kind != t {
		return Walk{}
	}
	return Walk{d: v.d, next: v.i + 1, end: n.next}
}

// Next goes to the next one and says whether there is one.
func (w *Walk) Next() bool {
	if w.next >= w.end {
		return false
	}
	w.at, w.node = w.next, &w.d.nodes[w.next]
	w.next = w.node.next
	return true
}

// Name returns the name of the member, unescaped.
func (w *Walk) Name() []byte { return w.d.nameOf(w.node) }

// Known returns the number of the member's name.
func (w *Walk) Known() Known { return w.node.known }

// Value returns the member's value, or the item.
func (w *Walk) Value() Value { return Value{w.d, w.at} }

// Type returns the type of what Value returns.
func (w *Walk) Type() Type { return w.node.kind }

// Within says whether Size is at most limit, mostly without counting.
func (v Value) Within(limit int) bool {
	return v.d == nil || int(v.d.nodes[v.i].textLen)+len(`""`) <= limit || v.Size() <= limit
}

// Size returns how many bytes a value takes without the space between its
// tokens, 0 for the zero Value.
func (v Value) Size() int {
	if v.d == nil {
		return 0
	}
	n := &v.d.nodes[v.i]
	size := int(n.textLen)
	switch n.kind {
	case String:
		return size + len(`""`)
	case Array, Object:
		return size - spaces(v.d.textOf(n))
	default:
		return size
	}
}

// spaces counts the bytes of a container that are space between tokens.
func spaces(b []byte) (n int) {
	inText := false
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			inText = !inText
		case '\\':
			i++ // only in a text
		case ' ', '\t', '\n', '\r':
			if !inText {
				n++
			}
		}
	}
	return n
}
