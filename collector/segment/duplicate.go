package segment

import "github.com/valyala/fastjson"

// pairwise is how many members are compared with each other; with more, a set
// is used, so that a large object costs no quadratic time.
const pairwise = 16

// MaxMembers is how many members one object may have, at any level. A member is
// looked for one by one, so this bounds what looking for one costs.
const MaxMembers = 512

// unique returns ErrDuplicate when an object in v names a member twice, escapes
// resolved: two readers could take two different ones, and a consent could hide
// so. An object with too many members is a *FieldError that names the nearest
// field of the wire's own around it.
func (p *Parser) unique(v *fastjson.Value, field string) error {
	switch v.Type() {
	case fastjson.TypeObject:
		o, _ := v.Object()
		if o.Len() > MaxMembers {
			return &FieldError{field, "must have at most 512 members"}
		}
		return p.uniqueNames(o, field)
	case fastjson.TypeArray:
		list, _ := v.Array()
		for _, item := range list {
			if err := p.unique(item, field); err != nil {
				return err
			}
		}
	default:
	}
	return nil
}

func (p *Parser) uniqueNames(o *fastjson.Object, field string) (err error) {
	ok := true
	if o.Len() <= pairwise {
		var names [pairwise][]byte
		n := 0
		o.Visit(func(name []byte, v *fastjson.Value) {
			for _, other := range names[:n] {
				ok = ok && string(other) != string(name)
			}
			names[n] = name
			n++
		})
	} else {
		clear(p.names)
		o.Visit(func(name []byte, _ *fastjson.Value) {
			p.names[string(name)] = struct{}{}
		})
		ok = len(p.names) == o.Len()
	}
	if !ok {
		return ErrDuplicate
	}
	o.Visit(func(name []byte, v *fastjson.Value) {
		if t := v.Type(); err == nil && (t == fastjson.TypeObject || t == fastjson.TypeArray) {
			err = p.unique(v, nearest(name, field))
		}
	})
	return err
}

// nearest returns the name of a member where it is one of the wire's own, else
// that of what is around it: a name of the client's is content and not repeated.
func nearest(name []byte, around string) string {
	for _, own := range [...]string{"batch", "events", "context", "page", "campaign", "properties", "traits", "consent", "categoryPreferences"} {
		if string(name) == own {
			return own
		}
	}
	return around
}
