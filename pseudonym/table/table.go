package table

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"zgoda/pseudonym/keyring"
)

// Config says how large the table begins. It grows.
type Config struct {
	Contacts    int  // contacts that are expected
	Identifiers int  // identifiers that are expected
	Lock        bool // keep salts out of swap, as far as the system allows it
}

// Slot is a contact's place. It is used again after Forget.
type Slot uint32

// Stats are the table's sizes.
type Stats struct {
	Contacts    int
	Identifiers int
	Bytes       int64 // of memory outside the heap
	Locked      int64 // of them, kept out of swap
}

// Table finds salts. It is safe for concurrent use and prints as [redacted].
type Table struct {
	lock        bool
	memory      memory
	shards      [shardCount]shard
	identifiers atomic.Int64

	mu     sync.RWMutex // guards all but the shards
	places places
	closed bool
}

// ErrFull is returned when there are 2^32 contacts, and after Close.
var ErrFull = errors.New("no room for another contact")

// New makes a table with room for what is expected. Room that the system refuses
// is asked for again, and the refusal told, when it is needed.
func New(cfg Config) *Table {
	t := &Table{lock: cfg.Lock}
	if each := cfg.Identifiers / shardCount; each > firstCells {
		for i := range t.shards {
			_ = t.shards[i].reserve(&t.memory, each+each/32)
		}
	}
	if each := cfg.Contacts / shardCount; each > firstCells {
		for i := range t.places.byID {
			_ = t.places.byID[i].reserve(&t.memory, &t.places, each+each/32)
		}
	}
	return t
}

func (t *Table) shard(hash uint64) *shard { return &t.shards[hash>>56] }

// Salt returns the salt of the contact that an identifier leads to.
func (t *Table) Salt(index keyring.Index) (keyring.Salt, bool) {
	p := prefixOf(index)
	hash := p.hash()
	s := t.shard(hash)
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ref := s.find(p, hash)
	if ref == 0 {
		return keyring.Salt{}, false
	}
	return t.places.salt(ref - 1), true
}

// Get returns the number and the salt of the contact that an identifier leads to.
func (t *Table) Get(index keyring.Index) (id int64, salt keyring.Salt, known bool) {
	p := prefixOf(index)
	hash := p.hash()
	s := t.shard(hash)
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ref := s.find(p, hash)
	if ref == 0 {
		return 0, keyring.Salt{}, false
	}
	return t.places.id(ref - 1), t.places.salt(ref - 1), true
}

// Find returns the place of the contact that an identifier leads to.
func (t *Table) Find(index keyring.Index) (Slot, bool) {
	p := prefixOf(index)
	hash := p.hash()
	s := t.shard(hash)
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ref := s.find(p, hash)
	return Slot(ref - 1), ref != 0
}

// Add keeps a contact and returns its place. Its number is above 0 and new.
func (t *Table) Add(id int64, salt keyring.Salt) (Slot, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || (t.places.used == 1<<32-1 && t.places.free == 0) {
		return 0, ErrFull
	}
	at, err := t.places.add(&t.memory, t.lock, id, salt)
	return Slot(at), err
}

// At returns the number and the salt of a contact.
func (t *Table) At(s Slot) (int64, keyring.Salt) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed || uint32(s) >= t.places.used {
		return 0, keyring.Salt{}
	}
	return t.places.id(uint32(s)), t.places.salt(uint32(s))
}

// ByID returns the place of a contact.
func (t *Table) ByID(id int64) (Slot, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, ref := t.places.byID[numberShard(id)].find(&t.places, id)
	return Slot(ref - 1), ref != 0
}

// Lead makes an identifier lead to a contact, wherever it led before.
func (t *Table) Lead(index keyring.Index, to Slot) error {
	p := prefixOf(index)
	hash := p.hash()
	s := t.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh, err := s.put(&t.memory, p, hash, uint32(to)+1)
	if fresh {
		t.identifiers.Add(1)
	}
	return err
}

// Unlead makes an identifier lead nowhere.
func (t *Table) Unlead(index keyring.Index) {
	p := prefixOf(index)
	hash := p.hash()
	s := t.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ref := s.find(p, hash); ref != 0 {
		s.remove(at)
		t.identifiers.Add(-1)
	}
}

// Redirect makes all identifiers of one contact lead to another. It looks at the
// whole table.
func (t *Table) Redirect(from, to Slot) {
	t.eachIdentifier(func(_ prefix, ref uint32) uint32 {
		if ref == uint32(from)+1 {
			return uint32(to) + 1
		}
		return ref
	})
}

// Strip makes all identifiers of contacts lead nowhere. It looks at the whole
// table.
func (t *Table) Strip(slots ...Slot) { t.StripBut(nil, slots...) }

// StripBut is Strip for all identifiers but some, which stay as they are.
func (t *Table) StripBut(stay []keyring.Index, slots ...Slot) {
	kept := make(map[prefix]bool, len(stay))
	for _, index := range stay {
		kept[prefixOf(index)] = true
	}
	gone := make(map[uint32]bool, len(slots))
	for _, s := range slots {
		gone[uint32(s)+1] = true
	}
	t.eachIdentifier(func(p prefix, ref uint32) uint32 {
		if gone[ref] && !kept[p] {
			return 0
		}
		return ref
	})
}

func (t *Table) eachIdentifier(change func(p prefix, ref uint32) uint32) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		t.identifiers.Add(-int64(s.each(change)))
		s.mu.Unlock()
	}
}

// Forget overwrites a contact's salt. No identifier may lead to it any more.
func (t *Table) Forget(s Slot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed && uint32(s) < t.places.used {
		t.places.forget(uint32(s))
	}
}

// Each goes over all contacts, in no order, until yield says no. What is added
// meanwhile may be left out. Nothing is locked while yield runs.
func (t *Table) Each(yield func(id int64, salt keyring.Salt) bool) {
	var ids [64]int64
	var salts [64]keyring.Salt
	defer clear(salts[:])
	for from := uint32(0); ; {
		n, next := t.some(from, &ids, &salts)
		for i := range n {
			if !yield(ids[i], salts[i]) {
				return
			}
		}
		if next == from {
			return
		}
		from = next
	}
}

// some copies the contacts of the next places.
func (t *Table) some(from uint32, ids *[64]int64, salts *[64]keyring.Salt) (n int, next uint32) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return 0, from
	}
	for next = from; next < t.places.used && n < len(ids); next++ {
		if id := t.places.id(next); id != 0 {
			ids[n], salts[n] = id, t.places.salt(next)
			n++
		}
	}
	return n, next
}

// Stats returns the table's sizes.
func (t *Table) Stats() Stats {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return Stats{
		Contacts: t.places.live, Identifiers: int(t.identifiers.Load()),
		Bytes: t.memory.bytes.Load(), Locked: t.memory.locked.Load(),
	}
}

// Close overwrites everything and gives the memory back. Nothing is found after
// it. Doing it again does nothing.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	var errs []error
	for i := range t.shards { // nobody reads a salt any more once no identifier leads to one
		s := &t.shards[i]
		s.mu.Lock()
		errs = append(errs, t.memory.free(s.cells))
		s.cells, s.n = nil, 0
		s.mu.Unlock()
	}
	for i := range t.places.byID {
		n := &t.places.byID[i]
		errs = append(errs, t.memory.free(n.cells))
		n.cells, n.n = nil, 0
	}
	if chunks := t.places.chunks.Swap(nil); chunks != nil {
		for _, chunk := range *chunks {
			errs = append(errs, t.memory.free(chunk))
		}
	}
	t.places.used, t.places.free, t.places.live = 0, 0, 0
	t.identifiers.Store(0)
	t.memory.locked.Store(0)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("give the memory of contacts back: %w", err)
	}
	return nil
}

// Format writes "[redacted]" under every verb.
func (*Table) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// LogValue returns "[redacted]".
func (*Table) LogValue() slog.Value { return slog.StringValue("[redacted]") }
