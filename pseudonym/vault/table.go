package vault

import (
	"slices"
	"sync"

	"zgoda/pseudonym/keyring"
)

// prefix is the part of an index that the table is keyed by: 128 bits of a keyed
// hash, which never collide in practice and halve the table.
type prefix [16]byte

func prefixOf(index keyring.Index) prefix { return prefix(index[:16]) }

// slot is a contact's place in the table.
type slot uint32

// table is what is in memory of every contact: where its identifiers lead, its
// number and its salt.
type table struct {
	mu    sync.RWMutex
	slots map[prefix]slot
	ids   []int64
	salts []keyring.Salt
}

func newTable(identifiers, contacts int) *table {
	return &table{
		slots: make(map[prefix]slot, identifiers),
		ids:   make([]int64, 0, contacts),
		salts: make([]keyring.Salt, 0, contacts),
	}
}

func (t *table) find(index keyring.Index) (slot, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	at, ok := t.slots[prefixOf(index)]
	return at, ok
}

func (t *table) salt(index keyring.Index) (keyring.Salt, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	at, ok := t.slots[prefixOf(index)]
	if !ok {
		return keyring.Salt{}, false
	}
	return t.salts[at], true
}

func (t *table) at(s slot) contact {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return contact{id: t.ids[s], salt: t.salts[s]}
}

// add makes room for a contact and returns its place.
func (t *table) add(c contact) slot {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ids = append(t.ids, c.id)
	t.salts = append(t.salts, c.salt)
	return slot(len(t.ids) - 1)
}

func (t *table) lead(index keyring.Index, to slot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slots[prefixOf(index)] = to
}

func (t *table) counts() (identifiers, contacts int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.slots), len(t.ids)
}

// byID finds a contact by its number, one by one: only a failed commit asks.
func (t *table) byID(id int64) (slot, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	at := slices.Index(t.ids, id)
	return slot(max(0, at)), at >= 0
}
