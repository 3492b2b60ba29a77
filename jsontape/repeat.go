package jsontape

import "hash/maphash"

// pairwise is how many members are compared with each other; with more, a table
// is used, so that a large object costs no quadratic time.
const pairwise = 16

// tableSize is a power of two and leaves half of the places free.
const tableSize = 2 * MaxMembers

// table holds nodes by the hash of their names; 0 is a free place, since the
// node 0 has no name.
type table [tableSize]uint32

// Repeats says whether an object itself names a member twice, escapes resolved:
// two readers could take two different ones. Of one with more than MaxMembers
// nothing is known.
func (v Value) Repeats() bool {
	switch {
	case v.Type() != Object || v.Len() > MaxMembers:
		return false
	case v.Len() > pairwise:
		return v.d.manyRepeat(int(v.i))
	}
	for m := v.Members(); m.Next(); {
		if v.d.named(int(v.i)+1, int(m.at)) {
			return true
		}
	}
	return false
}

// named says whether one of the members from first on, up to the node n which is
// beside them, has the name of n.
func (d *Document) named(first, n int) bool {
	name := d.nameOf(&d.nodes[n])
	for i := first; i < n; i = int(d.nodes[i].next) {
		if other := &d.nodes[i]; int(other.nameLen) == len(name) && string(d.nameOf(other)) == string(name) {
			return true
		}
	}
	return false
}

// manyRepeat says whether an object with at most MaxMembers members has two of
// one name.
func (d *Document) manyRepeat(at int) bool {
	if d.seen == nil {
		d.seen, d.seed = new(table), maphash.MakeSeed()
	}
	clear(d.seen[:])
	for i, end := uint32(at+1), d.nodes[at].next; i < end; i = d.nodes[i].next {
		name := d.nameOf(&d.nodes[i])
		place := maphash.Bytes(d.seed, name) % tableSize
		for ; d.seen[place] != 0; place = (place + 1) % tableSize {
			if string(d.nameOf(&d.nodes[d.seen[place]])) == string(name) {
				return true
			}
		}
		d.seen[place] = i
	}
	return false
}
