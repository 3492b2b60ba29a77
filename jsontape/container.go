package jsontape

import (
	"encoding/binary"
	"math/bits"
)

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
		s.d.nodes = append(s.d.nodes, node{next: uint32(n + 1)})
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
			bit := s.bit(n)
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
	n := node{name: uint32(begin), nameLen: uint32(end - begin), next: uint32(len(s.d.nodes) + 1)}
	if s.escaped {
		n.name, n.nameLen = s.d.unescape(s.b[begin:end])
		n.flags = plainName
	}
	s.d.nodes = append(s.d.nodes, n)
	if i = s.space(end + 1); i >= len(s.b) || s.b[i] != ':' {
		return s.fail(ErrSyntax)
	}
	return s.space(i + 1)
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

// bit returns the bit of the name of a node: names that differ mostly have
// different ones.
func (s *scanner) bit(n int) uint64 {
	name := s.d.nameOf(&s.d.nodes[n])
	h := uint64(len(name))
	switch {
	case len(name) >= 8:
		h ^= binary.LittleEndian.Uint64(name) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(name[len(name)-8:]), 29)
	case len(name) >= 4:
		h ^= uint64(binary.LittleEndian.Uint32(name))<<8 ^ uint64(binary.LittleEndian.Uint32(name[len(name)-4:]))<<29
	case len(name) > 0:
		h ^= uint64(name[0])<<8 ^ uint64(name[len(name)/2])<<16 ^ uint64(name[len(name)-1])<<24
	}
	return 1 << (h * 0x9E3779B97F4A7C15 >> 58)
}
