package collector

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"zgoda/event"
	"zgoda/jsontape"
	"zgoda/pseudonym/sealed"
)

// Bounds of one trait, as the vault has them, and of all of them, with room for the
// site and the source.
const (
	maxTraitName  = 64
	maxTraitValue = 4096
	maxSaid       = sealed.MaxSaid - 512
)

// teller gathers what an event says of its contact.
type teller struct {
	site    *Site
	list    []sealed.Statement
	left    int // bytes
	leftOut int // what could not be kept
	email   bool
	phone   bool // it is among the identifiers, so not a trait as well
}

func (t *teller) add(s sealed.Statement) {
	size := sealed.SaidSize(len(s.Name), len(s.Value))
	if len(t.list) >= sealed.MaxStatements || size > t.left {
		t.leftOut++
		return
	}
	t.left -= size
	t.list = append(t.list, s)
}

func (t *teller) identifier(kind event.IdentifierKind, value []byte) {
	if !textual(value) {
		t.leftOut++
		return
	}
	t.add(sealed.Statement{Kind: kind, Value: string(value)})
}

// named adds an identifier that was found among the traits, if the site keeps that
// trait.
func (t *teller) named(kind event.IdentifierKind, name string, value []byte) {
	t.email, t.phone = t.email || kind == event.KindEmail, t.phone || kind == event.KindPhone
	if t.site.keepsTrait(name) {
		t.identifier(kind, value)
	}
}

// traits adds the traits of an object: those within others under both names, with a
// dot between them, lists as JSON.
func (t *teller) traits(prefix string, v jsontape.Value, depth int) {
	for m := v.Members(); m.Next(); {
		name := prefix + string(m.Name())
		if depth == 0 && (name == "email" && t.email || name == "phone" && t.phone) {
			continue
		}
		value := m.Value()
		if value.Type() == jsontape.Object {
			if len(name) >= maxTraitName {
				t.leftOut++
				continue
			}
			t.traits(name+".", value, depth+1)
			continue
		}
		if !t.site.keepsTrait(name) {
			continue
		}
		text, ok := traitText(value)
		switch {
		case !ok: // null, or an empty text: it says nothing
		case len(name) > maxTraitName || !oneLine([]byte(name)) || strings.TrimSpace(name) == "" || !textual(text):
			t.leftOut++
		default:
			t.add(sealed.Statement{Name: name, Value: string(text)})
		}
	}
}

// traitText returns a value as a text; false: there is none.
func traitText(v jsontape.Value) ([]byte, bool) {
	switch v.Type() {
	case jsontape.String:
		return v.Text(), len(v.Text()) > 0
	case jsontape.Absent, jsontape.Null:
		return nil, false
	case jsontape.Array:
		return appendJSON(nil, v), v.Len() > 0
	default:
		return appendJSON(nil, v), true
	}
}

// appendJSON appends a value as JSON without space, members in their order.
func appendJSON(dst []byte, v jsontape.Value) []byte {
	switch v.Type() {
	case jsontape.Object:
		dst = append(dst, '{')
		for m, first := v.Members(), true; m.Next(); first = false {
			if !first {
				dst = append(dst, ',')
			}
			dst = append(appendText(dst, m.Name()), ':')
			dst = appendJSON(dst, m.Value())
		}
		return append(dst, '}')
	case jsontape.Array:
		dst = append(dst, '[')
		for i, first := v.Items(), true; i.Next(); first = false {
			if !first {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, i.Value())
		}
		return append(dst, ']')
	case jsontape.String:
		return appendText(dst, v.Text())
	case jsontape.Number:
		return append(dst, v.Digits()...)
	case jsontape.True:
		return append(dst, "true"...)
	case jsontape.False:
		return append(dst, "false"...)
	default:
		return append(dst, "null"...)
	}
}

func appendText(dst, text []byte) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(string(text)) // a text always can be
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// textual says whether a value can be kept: it is not empty or too long, and has no
// control characters but those of a text of several lines.
func textual(value []byte) bool {
	return len(value) > 0 && len(value) <= maxTraitValue && utf8.Valid(value) && !bytes.ContainsFunc(value, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r'
	})
}

func oneLine(text []byte) bool {
	return utf8.Valid(text) && !bytes.ContainsFunc(text, unicode.IsControl)
}

// keepsTrait says whether the site keeps a trait: it is named, or within one that is.
func (s *Site) keepsTrait(name string) bool {
	switch s.Keeping {
	case KeepAll:
		return true
	case KeepListed:
		for {
			if _, ok := s.keepTraits[name]; ok {
				return true
			}
			dot := strings.LastIndexByte(name, '.')
			if dot < 0 {
				return false
			}
			name = name[:dot]
		}
	default:
		return false
	}
}
