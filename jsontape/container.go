package jsontape

// array reads an array that begins at i into the node at.
func (s *scanner) array(begin, depth, at int) int {
	if depth > s.maxDepth {
		return s.fail(ErrDepth)
	}
	i := s.space(begin + 1)
	if i < len(s.b) && s.b[i] == ']' {
		s.close(at, begin, i+1, 0, Array)
		return i + 1
	}
	for count := 1; ; count++ {
		n := len(s.d.nodes)
		s.d.add()
		if i = s.value(i, depth, n); i < 0 {
			return i
		}
		i = s.space(i)
		switch {
		case i < len(s.b) && s.b[i] == ',':
			i = s.space(i + 1)
		case i < len(s.b) && s.b[i] == ']':
			s.close(at, begin, i+1, count, Array)
			return i + 1
		default:
			return s.fail(ErrSyntax)
		}
	}
}

// object reads an object that begins at i into the node at.
func (s *scanner) object(begin, depth, at int) int {
	if depth > s.maxDepth {
		return s.fail(ErrDepth)
	}
	i := s.space(begin + 1)
	if i < len(s.b) && s.b[i] == '}' {
		s.close(at, begin, i+1, 0, Object)
		return i + 1
	}
	var met uint64 // one bit for each name, by its hash
	for count := 1; ; count++ {
		n := len(s.d.nodes)
		if i = s.member(i); i < 0 {
			return i
		}
		if count <= pairwise {
			bit := uint64(1) << (s.hash * 0x9E3779B97F4A7C15 >> 58)
			if met&bit != 0 && s.d.named(at+1, n) {
				s.flaw = ErrDuplicate
			}
			met |= bit
		}
		if i = s.value(i, depth, n); i < 0 {
			return i
		}
		i = s.space(i)
		switch {
		case i < len(s.b) && s.b[i] == ',':
			i = s.space(i + 1)
		case i < len(s.b) && s.b[i] == '}':
			s.close(at, begin, i+1, count, Object)
			return i + 1
		default:
			return s.fail(ErrSyntax)
		}
	}
}

// member reads a name and the colon behind it, makes a node of that name and
// returns where its value begins.
func (s *scanner) member(i int) int {
	if i >= len(s.b) || s.b[i] != '"' {
		return s.fail(ErrSyntax)
	}
	begin := i + 1
	end := s.text(begin)
	if end < 0 {
		return end
	}
	n := s.d.add()
	n.name, n.nameLen = uint32(begin), uint32(end-begin)
	name := s.b[begin:end]
	if s.escaped {
		n.name, n.nameLen = s.d.unescape(name)
		n.flags = plainName
		name = s.d.nameOf(n)
	}
	s.hash = hash(name)
	n.known = known(name, s.hash)
	if i = s.space(end + 1); i >= len(s.b) || s.b[i] != ':' {
		return s.fail(ErrSyntax)
	}
	return s.space(i + 1)
}

// add adds an empty node, which is written where it stands: made elsewhere and
// copied, it would be read again before its parts are there.
func (d *Document) add() *node {
	n := len(d.nodes)
	if n == cap(d.nodes) {
		d.nodes = append(d.nodes, node{})
	} else {
		d.nodes = d.nodes[:n+1]
		d.nodes[n] = node{}
	}
	d.nodes[n].next = uint32(n + 1)
	return &d.nodes[n]
}

// close notes a container whose end was read.
func (s *scanner) close(at, begin, end, count int, kind Type) {
	n := &s.d.nodes[at]
	n.text, n.textLen, n.kind = uint32(begin), uint32(end-begin), kind
	n.next, n.count = uint32(len(s.d.nodes)), uint32(count)
	if kind != Object || count <= pairwise {
		return
	}
	if count > MaxMembers {
		s.flaw = ErrMembers
	} else if s.d.manyRepeat(at) {
		s.flaw = ErrDuplicate
	}
}
