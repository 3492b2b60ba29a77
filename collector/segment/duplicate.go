package segment

import "github.com/valyala/fastjson"

// pairwise is how many members are compared with each other; with more, a set
// is used, so that a large object costs no quadratic time.
const pairwise = 16

// unique says whether no object in v names a member twice, escapes resolved:
// two readers could take two different ones, and a consent could hide so.
func (p *Parser) unique(v *fastjson.Value) bool {
	switch v.Type() {
	case fastjson.TypeObject:
		o, _ := v.Object()
		return p.uniqueNames(o)
	case fastjson.TypeArray:
		list, _ := v.Array()
		for _, item := range list {
			if !p.unique(item) {
				return false
			}
		}
	default:
	}
	return true
}

func (p *Parser) uniqueNames(o *fastjson.Object) bool {
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
	if ok {
		o.Visit(func(_ []byte, v *fastjson.Value) { ok = ok && p.unique(v) })
	}
	return ok
}
