package collector

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"zgoda/collector/minimise"
	"zgoda/collector/segment"
	"zgoda/consent"
	"zgoda/jsontape"
)

// SpecialData lists what makes an event one of a class of special data: any of
// these will do, without regard to case.
type SpecialData struct {
	Paths  []string // of pages: each stands for itself and all below it
	Events []string // names of events
	Keys   []string // of properties, traits and kept parameters, at any depth
}

// classes is what a site's lists come to; nil without any.
type classes struct {
	paths, events, keys map[string]consent.Class
}

func newClasses(special, criminal, child *SpecialData) *classes {
	c := &classes{map[string]consent.Class{}, map[string]consent.Class{}, map[string]consent.Class{}}
	for _, of := range []struct {
		class consent.Class
		lists *SpecialData
	}{{consent.ClassSpecial, special}, {consent.ClassCriminal, criminal}, {consent.ClassChild, child}} {
		for _, path := range of.lists.Paths {
			c.paths[string(appendPath(nil, []byte(path)))] |= of.class
		}
		for _, name := range of.lists.Events {
			c.events[string(appendFolded(nil, []byte(name)))] |= of.class
		}
		for _, key := range of.lists.Keys {
			c.keys[string(appendFolded(nil, []byte(key)))] |= of.class
		}
	}
	if len(c.paths)+len(c.events)+len(c.keys) == 0 {
		return nil
	}
	return c
}

// classify says which class of special data an event is of, once it is reduced:
// by the path of its page and of the page before it on the site, by its name, and
// by every key that it has.
func (w *work) classify(it *item) consent.Class {
	c := w.site.classes
	if c == nil {
		return 0
	}
	class := c.path(&w.folded, minimise.Split(w.texts[segment.PageURL]).Path) |
		c.path(&w.folded, minimise.Split(w.texts[segment.PagePath]).Path) |
		c.name(&w.folded, it.ev.Name)
	if it.raw.RefPath != "" { // of a page of this site: no other's is kept
		class |= c.path(&w.folded, minimise.Split(w.texts[segment.PageReferrer]).Path)
	}
	if len(c.keys) == 0 {
		return class
	}
	class |= c.keysOf(&w.folded, it.ev.Properties) | c.keysOf(&w.folded, it.ev.Traits) | c.keysOf(&w.folded, it.ev.Context.Get("traits"))
	for query := []byte(it.raw.PageQuery); len(query) > 0; {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte("&"))
		name, _, _ := bytes.Cut(pair, []byte("="))
		w.folded = appendFolded(w.folded[:0], name)
		class |= c.keys[string(w.folded)]
	}
	return class
}

// classesOfTraits returns the class of traits that hold for all events, by the
// site's lists and by its candidate's.
func (w *work) classesOfTraits(traits jsontape.Value) (live, candidate consent.Class) {
	if c := w.site.classes; c != nil {
		live = c.keysOf(&w.folded, traits)
	}
	if other := w.site.candidate; other != nil && other.classes != nil {
		candidate = other.classes.keysOf(&w.folded, traits)
	}
	return live, candidate
}

// path returns the class of a path: that of every folder it is in.
func (c *classes) path(scratch *[]byte, path []byte) (class consent.Class) {
	if len(c.paths) == 0 || len(path) == 0 {
		return 0
	}
	p := appendPath((*scratch)[:0], path)
	*scratch = p
	class = c.paths["/"]
	for i := 1; i <= len(p); i++ {
		if i == len(p) || p[i] == '/' {
			class |= c.paths[string(p[:i])]
		}
	}
	return class
}

func (c *classes) name(scratch *[]byte, name []byte) consent.Class {
	if len(c.events) == 0 || len(name) == 0 {
		return 0
	}
	*scratch = appendFolded((*scratch)[:0], name)
	return c.events[string(*scratch)]
}

// keysOf returns the class of the keys of a value, at any depth; the parser
// bounds it.
func (c *classes) keysOf(scratch *[]byte, v jsontape.Value) (class consent.Class) {
	for item := v.Items(); item.Next(); {
		class |= c.keysOf(scratch, item.Value())
	}
	for member := v.Members(); member.Next(); {
		*scratch = appendFolded((*scratch)[:0], member.Name())
		class |= c.keys[string(*scratch)] | c.keysOf(scratch, member.Value())
	}
	return class
}

// appendFolded appends a text in lower case, without the space around it.
func appendFolded(dst, text []byte) []byte {
	text = bytes.TrimSpace(text)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		dst = utf8.AppendRune(dst, unicode.ToLower(r))
		text = text[n:]
	}
	return dst
}

// appendPath appends a path as it is compared: decoded once, in lower case, each
// separator once, with dot segments resolved and without a slash at its end.
// Parameters of a segment, from its ";" on, are left out: "/court;v=1" is "/court".
func appendPath(dst, path []byte) []byte {
	start := len(dst)
	dst = append(dst, '/')
	for at := 0; at < len(path); {
		end, parameters := at, false
		segment := len(dst)
		for ; end < len(path) && path[end] != '/' && path[end] != '\\'; end++ {
			c := path[end]
			if c == '%' && end+2 < len(path) && isHex(path[end+1]) && isHex(path[end+2]) {
				c = unhex(path[end+1])<<4 | unhex(path[end+2])
				end += 2
			}
			if parameters = parameters || c == ';'; !parameters {
				dst = append(dst, c)
			}
		}
		if dots := string(dst[segment:]); parameters && (dots == "." || dots == "..") {
			dst = append(dst, ';') // with parameters it is a name to a browser
		}
		dst = closeSegment(dst, start, segment)
		at = end + 1
	}
	if len(dst) > start+1 && dst[len(dst)-1] == '/' {
		dst = dst[:len(dst)-1]
	}
	lower := len(dst)
	dst = appendFolded(dst, dst[start:lower])
	return dst[:start+copy(dst[start:], dst[lower:])]
}

// closeSegment ends the segment that begins at the place given, after which a
// separator stands; an empty one and those of dots leave none.
func closeSegment(dst []byte, start, segment int) []byte {
	switch string(dst[segment:]) { // compared, not copied
	case "", ".":
		return dst[:segment]
	case "..":
		if i := bytes.LastIndexByte(dst[start:max(start, segment-1)], '/'); i >= 0 {
			return dst[:start+i+1]
		}
		return dst[:start+1]
	default:
		return append(dst, '/')
	}
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
