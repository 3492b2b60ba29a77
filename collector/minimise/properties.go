package minimise

import (
	"unicode/utf8"

	"zgoda/jsontape"
)

// Properties returns a JSON object of an event's properties, minimised: keys
// that name identifiers go, as do their values; texts are masked, addresses
// lose what an address of a page loses. With allow, only the keys in it are
// kept. An object without anything left is empty.
func (b *Buffer) Properties(o jsontape.Value, allow, keepQuery map[string]struct{}, page bool) []byte {
	if o.Type() != jsontape.Object {
		return nil
	}
	start := len(b.b)
	w := writer{b: b, allow: allow, query: keepQuery, page: page, top: true}
	w.object(o)
	if string(b.b[start:]) == "{}" {
		b.truncate(start)
	}
	return b.b[start:len(b.b):len(b.b)]
}

// writer appends JSON. It is a value on the caller's stack.
type writer struct {
	b     *Buffer
	allow map[string]struct{} // nil: every key
	query map[string]struct{}
	page  bool // the event is a page view, whose address has columns of its own
	top   bool // at the first level of the object
}

func (w writer) object(o jsontape.Value) {
	b := w.b
	b.b = append(b.b, '{')
	first := true
	inner := w
	inner.top, inner.allow = false, nil
	for m := o.Members(); m.Next(); {
		key := m.Name()
		if w.top && w.page && isPageKey(key) {
			continue
		}
		kind := kindOfKey(key)
		if !w.keeps(key, kind) {
			continue
		}
		if !first {
			b.b = append(b.b, ',')
		}
		first = false
		inner.text(key)
		b.b = append(b.b, ':')
		if kind&keyPhone != 0 {
			inner.phone(m.Value())
		} else {
			inner.value(m.Value())
		}
	}
	b.b = append(b.b, '}')
}

// keeps says whether a key and its value go on.
func (w writer) keeps(key []byte, kind keyKind) bool {
	if kind&keyPersonal != 0 {
		return false
	}
	if w.top && w.allow != nil {
		_, ok := w.allow[string(key)]
		return ok
	}
	return kind&keyIdentifier == 0
}

func (w writer) value(v jsontape.Value) {
	b := w.b
	switch v.Type() {
	case jsontape.Object:
		w.object(v)
	case jsontape.Array:
		w.array(v)
	case jsontape.String:
		w.string(v.Text())
	case jsontape.Number:
		w.number(v.Digits())
	case jsontape.True:
		b.b = append(b.b, "true"...)
	case jsontape.False:
		b.b = append(b.b, "false"...)
	default:
		b.b = append(b.b, "null"...)
	}
}

func (w writer) array(v jsontape.Value) {
	b := w.b
	b.b = append(b.b, '[')
	first := true
	for m := v.Items(); m.Next(); {
		if !first {
			b.b = append(b.b, ',')
		}
		first = false
		w.value(m.Value())
	}
	b.b = append(b.b, ']')
}

// string appends a text; an address of a page is taken apart first.
func (w writer) string(s []byte) {
	l := look(s)
	if l.seen&classSlash == 0 {
		w.textSeen(s, l)
		return
	}
	b := w.b
	start := len(b.b)
	u := Split(s)
	if len(u.Host) == 0 {
		w.textSeen(s, l)
		return
	}
	host := b.Host(u.Host)
	b.Path(u.Path, len(s)*3)
	if len(u.Query) > 0 {
		mark := len(b.b)
		b.b = append(b.b, '?')
		if b.Query(u.Query, w.query, len(s)*3) == "" {
			b.truncate(mark)
		}
	}
	if host == "[ip]" && len(b.b) == start { // Host wrote nothing for an address in brackets
		b.b = append(b.b, host...)
	}
	w.quote(start)
}

// text appends a masked text as JSON.
func (w writer) text(s []byte) { w.textSeen(s, look(s)) }

// textSeen is text of what was looked at already. Most texts go on as they are.
func (w writer) textSeen(s []byte, l sight) {
	b := w.b
	if l.seen&classQuote == 0 && l.or < utf8.RuneSelf && l.harmless(s) {
		b.b = append(append(append(b.b, '"'), s...), '"')
		return
	}
	start := len(b.b)
	b.appendSeen(s, l)
	w.quote(start)
}

// quote makes what was appended from start on a JSON string.
func (w writer) quote(start int) {
	b := w.b
	b.scratch = append(b.scratch[:0], b.b[start:]...)
	b.b = appendQuoted(b.b[:start], b.scratch)
}

// number appends a number; one whose digits are a person's becomes a mask.
func (w writer) number(digits []byte) {
	b := w.b
	start := len(b.b)
	b.b = append(b.b, digits...)
	if len(b.b)-start < 9 {
		return
	}
	var found bool
	b.scratch, found = mask(b.scratch[:0], b.b[start:])
	if found {
		b.b = appendQuoted(b.b[:start], b.scratch)
	}
}

// phone appends the value of a key that names a telephone.
func (w writer) phone(v jsontape.Value) {
	switch v.Type() {
	case jsontape.String, jsontape.Number:
		w.b.b = append(w.b.b, `"[phone]"`...)
	default:
		w.value(v)
	}
}

// appendQuoted appends s as a JSON string. What is not UTF-8, which decoding an
// escape may bring, becomes U+FFFD.
func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20 || c == 0x7F:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < 0x80:
			dst = append(dst, c)
		default:
			r, size := utf8.DecodeRune(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		}
		i++
	}
	return append(dst, '"')
}

// validUTF8 drops, in place, the bytes that are not UTF-8 and the NULs.
func validUTF8(s []byte) []byte {
	out := s[:0]
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			if s[i] != 0 {
				out = append(out, s[i])
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		if r != utf8.RuneError || size > 1 {
			out = append(out, s[i:i+size]...)
		}
		i += size
	}
	return out
}
