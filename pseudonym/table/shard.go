package table

import (
	"encoding/binary"
	"sync"

	"zgoda/pseudonym/keyring"
)

// prefix is the part of an index that the table is keyed by: 128 bits of a keyed
// hash, which never collide in practice.
type prefix struct{ a, b uint64 }

func prefixOf(index keyring.Index) prefix {
	return prefix{binary.LittleEndian.Uint64(index[:8]), binary.LittleEndian.Uint64(index[8:16])}
}

// hash spreads also what is no hash itself. Its top byte chooses the shard, the 32
// bits below it the cell.
func (p prefix) hash() uint64 { return (p.a ^ p.b*0x9e3779b97f4a7c15) * 0xd6e8feb86659fd93 }

const (
	shardCount = 256
	cellSize   = 20
	firstCells = 64
)

// shard is one of the parts of the table of identifiers.
type shard struct {
	mu    sync.RWMutex
	cells []byte
	n     int
}

// capacity is the number of cells.
func (s *shard) capacity() int { return len(s.cells) / cellSize }

func (s *shard) cell(i int) []byte {
	return s.cells[i*cellSize : i*cellSize+cellSize : i*cellSize+cellSize]
}

// home is the cell where a hash would best be.
func home(hash uint64, capacity int) int {
	return int((hash >> 24 & 0xffffffff) * uint64(capacity) >> 32)
}

func read(cell []byte) (p prefix, ref uint32) {
	return prefix{binary.LittleEndian.Uint64(cell), binary.LittleEndian.Uint64(cell[8:])}, binary.LittleEndian.Uint32(cell[16:])
}

func write(cell []byte, p prefix, ref uint32) {
	binary.LittleEndian.PutUint64(cell, p.a)
	binary.LittleEndian.PutUint64(cell[8:], p.b)
	binary.LittleEndian.PutUint32(cell[16:], ref)
}

// find returns the cell of an identifier, or the empty one where it would be, and
// what it refers to. Without cells it returns -1.
func (s *shard) find(p prefix, hash uint64) (at int, ref uint32) {
	capacity := s.capacity()
	if capacity == 0 {
		return -1, 0
	}
	for at = home(hash, capacity); ; {
		has, ref := read(s.cell(at))
		if ref == 0 || has == p {
			return at, ref
		}
		if at++; at == capacity {
			at = 0
		}
	}
}

// put makes an identifier lead somewhere and says whether it is new.
func (s *shard) put(m *memory, p prefix, hash uint64, ref uint32) (fresh bool, err error) {
	if err := s.reserve(m, s.n+1); err != nil {
		return false, err
	}
	at, was := s.find(p, hash)
	write(s.cell(at), p, ref)
	if was == 0 {
		s.n++
	}
	return was == 0, nil
}

// grown is the number of cells for n entries: of those that there are, four fifths
// are used at most, then there are half as many again.
func grown(capacity, n int) int {
	if n*5 <= capacity*4 {
		return capacity
	}
	return max(firstCells, capacity+capacity/2, n*5/4+1)
}

// reserve makes room for n identifiers.
func (s *shard) reserve(m *memory, n int) error {
	capacity := grown(s.capacity(), n)
	if capacity == s.capacity() {
		return nil
	}
	cells, err := m.get(capacity * cellSize)
	if err != nil {
		return err
	}
	old := shard{cells: s.cells}
	s.cells = cells
	for i := range old.capacity() {
		if p, ref := read(old.cell(i)); ref != 0 {
			at, _ := s.find(p, p.hash())
			write(s.cell(at), p, ref)
		}
	}
	return m.free(old.cells)
}

// remove empties a cell and moves those behind it up, so that each is still found
// from its home on.
func (s *shard) remove(at int) {
	capacity := s.capacity()
	s.n--
	for next := at; ; {
		if next++; next == capacity {
			next = 0
		}
		p, ref := read(s.cell(next))
		if ref == 0 {
			break
		}
		best := home(p.hash(), capacity)
		if distance(best, next, capacity) < distance(at, next, capacity) {
			continue // it would be before its home
		}
		write(s.cell(at), p, ref)
		at = next
	}
	write(s.cell(at), prefix{}, 0)
}

// distance is the way from one cell on to another.
func distance(from, to, capacity int) int {
	if to < from {
		to += capacity
	}
	return to - from
}

// each goes over the identifiers that lead to any of the places and lets change
// say where they lead from now on; 0: nowhere. It returns how many lead nowhere.
func (s *shard) each(change func(p prefix, ref uint32) uint32) (removed int) {
	for at := 0; at < s.capacity(); {
		p, ref := read(s.cell(at))
		if ref == 0 {
			at++
			continue
		}
		to := change(p, ref)
		switch to {
		case ref:
		case 0:
			s.remove(at)
			removed++
			continue // what moved up is looked at as well
		default:
			write(s.cell(at), p, to)
		}
		at++
	}
	return removed
}
