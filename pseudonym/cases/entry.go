package cases

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
	"unicode/utf8"

	"zgoda/event"
)

// ErrEntry is returned for what no entry of the journal holds.
var ErrEntry = errors.New("an entry of the journal of erasures has a wrong form")

// entry is what is kept of who was destroyed, so that their rows can be found again.
// docs/format/erasures.md has its form.
type entry struct {
	at, cutoff, until time.Time // in milliseconds
	site              event.SiteID
	visitor           event.Blinded // of a case about a visitor; zero: none
	pseudonyms        []Pseudonym
	windows           []Window
}

// Window is a time in which what a shared visitor did is the person's.
type Window struct {
	Handle   event.Handle // the visitor's consent handle
	From, To time.Time    // To is not included; zero: no end
}

const (
	entryVersion   = 1
	entryPad       = 64 // an entry's length tells no more than this
	pseudonymBytes = 16 + 1 + 4 + 4 + 4 + 1
	windowBytes    = 16 + 8 + 8
)

var purposeCodes = []string{"", "consent", "profiling", "analytics"}

func codeOf(purpose string) byte {
	for code, name := range purposeCodes {
		if name == purpose {
			return byte(code)
		}
	}
	return 0
}

func milli(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMilli())
}

// encode writes an entry.
func (e *entry) encode() []byte {
	b := make([]byte, 0, 128+len(e.pseudonyms)*pseudonymBytes+len(e.windows)*windowBytes)
	b = append(b, entryVersion)
	for _, t := range []time.Time{e.at, e.cutoff, e.until} {
		b = binary.BigEndian.AppendUint64(b, milli(t))
	}
	b = append(b, byte(len(e.site)))
	b = append(b, e.site...)
	b = append(b, e.visitor[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.pseudonyms)))
	for i := range e.pseudonyms {
		p := &e.pseudonyms[i]
		b = append(b, p.Handle[:]...)
		b = append(b, codeOf(p.Purpose))
		b = binary.BigEndian.AppendUint32(b, uint32(p.Period))
		b = binary.BigEndian.AppendUint32(b, uint32(p.Version))
		b = binary.BigEndian.AppendUint32(b, p.Visitor)
		shared := byte(0)
		if p.shared {
			shared = 1
		}
		b = append(b, shared)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.windows)))
	for i := range e.windows {
		w := &e.windows[i]
		b = append(b, w.Handle[:]...)
		b = binary.BigEndian.AppendUint64(b, milli(w.From))
		b = binary.BigEndian.AppendUint64(b, milli(w.To))
	}
	if over := len(b) % entryPad; over != 0 {
		b = append(b, make([]byte, entryPad-over)...)
	}
	return b
}

// cursor reads what encode wrote; after an error everything is zero.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.rest) {
		c.bad = true
		return make([]byte, min(max(n, 0), 32))
	}
	part := c.rest[:n]
	c.rest = c.rest[n:]
	return part
}

func (c *cursor) byte() byte     { return c.take(1)[0] }
func (c *cursor) uint32() uint32 { return binary.BigEndian.Uint32(c.take(4)) }

func (c *cursor) time() time.Time {
	n := binary.BigEndian.Uint64(c.take(8))
	if n > math.MaxInt64 {
		c.bad = true
		return time.Time{}
	}
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(n)).UTC()
}

// count reads how many cells of a size follow.
func (c *cursor) count(size int) int {
	n := c.uint32()
	if uint64(n)*uint64(size) > uint64(len(c.rest)) {
		c.bad = true
		return 0
	}
	return int(n)
}

// decodeEntry reads what encode wrote, and nothing else: whatever it accepts is written
// again as the same bytes.
func decodeEntry(plain []byte) (e entry, err error) {
	c := &cursor{rest: plain, bad: len(plain)%entryPad != 0}
	c.bad = c.byte() != entryVersion || c.bad
	e.at, e.cutoff, e.until = c.time(), c.time(), c.time()
	site := c.take(int(c.byte()))
	c.bad = c.bad || !utf8.Valid(site)
	e.site = event.SiteID(site)
	copy(e.visitor[:], c.take(len(e.visitor)))
	for range c.count(pseudonymBytes) {
		var p Pseudonym
		copy(p.Handle[:], c.take(len(p.Handle)))
		code := c.byte()
		p.Period, p.Version, p.Visitor = event.Period(c.uint32()), event.KeyVersion(c.uint32()), c.uint32()
		shared := c.byte()
		if c.bad || code == 0 || int(code) >= len(purposeCodes) || shared > 1 {
			return entry{}, ErrEntry
		}
		p.Purpose, p.shared = purposeCodes[code], shared == 1
		e.pseudonyms = append(e.pseudonyms, p)
	}
	for range c.count(windowBytes) {
		var w Window
		copy(w.Handle[:], c.take(len(w.Handle)))
		w.From, w.To = c.time(), c.time()
		e.windows = append(e.windows, w)
	}
	for _, b := range c.rest {
		c.bad = c.bad || b != 0
	}
	if c.bad || len(c.rest) >= entryPad {
		return entry{}, ErrEntry
	}
	return e, nil
}
