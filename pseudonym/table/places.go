package table

import (
	"encoding/binary"
	"slices"
	"sync/atomic"

	"zgoda/pseudonym/keyring"
)

const (
	placeSize  = 40
	chunkBits  = 16
	chunkCount = 1 << chunkBits // places of one chunk, 2.5 MiB
)

// places are the salts and numbers of contacts. A chunk never moves, and the list
// of chunks is replaced, not changed, so that a salt is read without a lock.
type places struct {
	chunks atomic.Pointer[[][]byte]
	days   atomic.Pointer[[]*seen]
	used   uint32 // places that were ever used
	free   uint32 // the first of those that are free again, + 1; each has the next in it
	live   int
	byID   [shardCount]numbers
}

func (p *places) place(at uint32) []byte {
	chunk := (*p.chunks.Load())[at>>chunkBits]
	from := int(at&(chunkCount-1)) * placeSize
	return chunk[from : from+placeSize : from+placeSize]
}

func (p *places) id(at uint32) int64 { return int64(binary.LittleEndian.Uint64(p.place(at)[32:])) }

func (p *places) salt(at uint32) keyring.Salt { return keyring.Salt(p.place(at)[:32]) }

// add finds a place for a contact.
func (p *places) add(m *memory, lock bool, id int64, salt keyring.Salt) (uint32, error) {
	at, err := p.take(m, lock)
	if err != nil {
		return 0, err
	}
	place := p.place(at)
	copy(place, salt[:])
	binary.LittleEndian.PutUint64(place[32:], uint64(id))
	if err := p.byID[numberShard(id)].put(m, p, id, at); err != nil {
		p.wipe(at)
		return 0, err
	}
	p.live++
	return at, nil
}

// take returns a place that is free.
func (p *places) take(m *memory, lock bool) (uint32, error) {
	if p.free != 0 {
		at := p.free - 1
		p.free = binary.LittleEndian.Uint32(p.place(at))
		return at, nil
	}
	if p.used&(chunkCount-1) == 0 {
		chunk, err := m.get(chunkCount * placeSize)
		if err != nil {
			return 0, err
		}
		if lock {
			m.lock(chunk)
		}
		var chunks [][]byte
		if had := p.chunks.Load(); had != nil {
			chunks = *had
		}
		var days []*seen
		if had := p.days.Load(); had != nil {
			days = *had
		}
		more := append(slices.Clip(days), &seen{})
		p.days.Store(&more)
		longer := append(slices.Clip(chunks), chunk)
		p.chunks.Store(&longer)
	}
	p.used++
	return p.used - 1, nil
}

// wipe overwrites a place and keeps it for the next contact.
func (p *places) wipe(at uint32) {
	place := p.place(at)
	clear(place)
	p.seen(at).Store(0)
	binary.LittleEndian.PutUint32(place, p.free)
	p.free = at + 1
}

// forget wipes a contact. It says whether there was one.
func (p *places) forget(at uint32) bool {
	id := p.id(at)
	if id == 0 || !p.byID[numberShard(id)].remove(p, id) {
		return false
	}
	p.wipe(at)
	p.live--
	return true
}

// numbers find a contact's place by its number: cells of 4 bytes, open addressing.
type numbers struct {
	cells []byte
	n     int
}

func spread(id int64) uint64 { return uint64(id) * 0x9e3779b97f4a7c15 }

func numberShard(id int64) int { return int(spread(id) >> 56) }

func (n *numbers) capacity() int { return len(n.cells) / 4 }

func (n *numbers) ref(at int) uint32 { return binary.LittleEndian.Uint32(n.cells[at*4:]) }

func (n *numbers) set(at int, ref uint32) { binary.LittleEndian.PutUint32(n.cells[at*4:], ref) }

// find returns the cell of a contact, or the empty one where it would be.
func (n *numbers) find(p *places, id int64) (at int, ref uint32) {
	capacity := n.capacity()
	if capacity == 0 {
		return -1, 0
	}
	for at = home(spread(id), capacity); ; {
		ref := n.ref(at)
		if ref == 0 || p.id(ref-1) == id {
			return at, ref
		}
		if at++; at == capacity {
			at = 0
		}
	}
}

func (n *numbers) put(m *memory, p *places, id int64, place uint32) error {
	if err := n.reserve(m, p, n.n+1); err != nil {
		return err
	}
	at, was := n.find(p, id)
	n.set(at, place+1)
	if was == 0 {
		n.n++
	}
	return nil
}

// reserve makes room for so many contacts.
func (n *numbers) reserve(m *memory, p *places, wanted int) error {
	capacity := grown(n.capacity(), wanted)
	if capacity == n.capacity() {
		return nil
	}
	cells, err := m.get(capacity * 4)
	if err != nil {
		return err
	}
	old := numbers{cells: n.cells}
	n.cells = cells
	for i := range old.capacity() {
		if ref := old.ref(i); ref != 0 {
			at, _ := n.find(p, p.id(ref-1))
			n.set(at, ref)
		}
	}
	return m.free(old.cells)
}

func (n *numbers) remove(p *places, id int64) bool {
	at, ref := n.find(p, id)
	if ref == 0 {
		return false
	}
	n.n--
	capacity := n.capacity()
	for next := at; ; {
		if next++; next == capacity {
			next = 0
		}
		ref := n.ref(next)
		if ref == 0 {
			break
		}
		if distance(home(spread(p.id(ref-1)), capacity), next, capacity) < distance(at, next, capacity) {
			continue // it would be before its home
		}
		n.set(at, ref)
		at = next
	}
	n.set(at, 0)
	return true
}
