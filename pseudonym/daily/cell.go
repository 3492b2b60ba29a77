package daily

import (
	"sync"

	"zgoda/pseudonym/secret"
)

// KeySize is the length of K_day in bytes.
const KeySize = 32

// Key is K_day and its day. Who got one wipes it.
type Key struct {
	Day   Number
	Bytes secret.Bytes // KeySize
}

// Wipe overwrites the bytes.
func (k Key) Wipe() { clear(k.Bytes.Reveal()) }

// cell holds the key of one day at a time, in memory of its own that is overwritten
// in place, so that no second copy of a key is left behind.
type cell struct {
	mu   sync.RWMutex
	day  Number
	has  bool
	room secret.Bytes // KeySize
}

func newCell() *cell { return &cell{room: secret.New(make([]byte, KeySize))} }

// wipeUnless overwrites the key when it is of another day.
func (c *cell) wipeUnless(day Number) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has && c.day != day {
		c.wipeLocked()
	}
}

func (c *cell) wipe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipeLocked()
}

func (c *cell) wipeLocked() {
	clear(c.room.Reveal())
	c.has, c.day = false, 0
}

func (c *cell) holds(day Number) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.has && c.day == day
}
