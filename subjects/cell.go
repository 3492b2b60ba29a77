package subjects

import (
	"sync/atomic"
	"time"

	"zgoda/event"
)

// cell is an entry as it is kept: packed, and without a pointer, so that the
// garbage collector never looks at it. There are a million of them.
type cell struct {
	h1       event.Blinded
	handles  [3]event.Handle // consent, profiling, analytics
	sequence event.Sequence
	until    uint32 // milliseconds since the month began
	version  event.KeyVersion
	made     uint32 // of the identifier's shard of the fence, read before the load
	held     heldNumber
	month    month // that it is for
	period   month // that the analytics handle is for
	site     siteNumber
	kind     event.IdentifierKind // and the bit known
}

// known is a bit beside the kind: a visitor, or a contact that surely exists, so
// that the handles are no decoy.
const known = 1 << 7

// month counts the months since the year 0.
type month uint16

// monthOf returns the month of a period, zero for what is none.
func monthOf(p event.Period) month {
	m := month(p/100*12 + p%100 - 1)
	if m.period() != p {
		return 0
	}
	return m
}

func (m month) period() event.Period { return event.Period(m)/12*100 + event.Period(m)%12 + 1 }

// moment is a time as cells have it.
type moment struct {
	month month
	into  int64 // nanoseconds since the month began
}

// calendar tells moments, and remembers the month that it told last.
type calendar struct{ last atomic.Pointer[span] }

type span struct {
	month       month
	from, until int64 // Unix nanoseconds
}

func (c *calendar) momentOf(t time.Time) moment {
	nanos := t.UnixNano()
	s := c.last.Load()
	if s == nil || nanos < s.from || nanos >= s.until {
		p, from, until := period(t)
		s = &span{month: monthOf(p), from: from.UnixNano(), until: until.UnixNano()}
		c.last.Store(s)
	}
	return moment{month: s.month, into: nanos - s.from}
}

// answers says whether the cell is about the identity.
func (c *cell) answers(site siteNumber, id *Identity) bool {
	return c.h1 == id.H1 && c.kind&^known == id.Kind && c.site == site
}

// alive says whether the cell may be used at a time, which one of another month
// may not, and one that was loaded for a later time only then.
func (c *cell) alive(at moment) bool {
	return c.month == at.month && at.into < int64(c.until)*int64(time.Millisecond)
}

// over says whether the cell's time has gone by.
func (c *cell) over(at moment) bool {
	return c.month < at.month || c.month == at.month && !c.alive(at)
}

// setHandles packs the handles. It is false for a period that is none.
func (c *cell) setHandles(h *event.Handles) bool {
	c.handles = [3]event.Handle{h.Consent, h.Profiling, h.Analytics}
	c.version, c.period = h.Version, monthOf(h.Period)
	return c.period != 0
}

// open writes the entry out.
func (c *cell) open(h *held, out *Entry) {
	out.Handles = event.Handles{
		Consent: c.handles[0], Profiling: c.handles[1], Analytics: c.handles[2],
		Period: c.period.period(), Version: c.version, Erased: h.erased,
	}
	out.h1, out.held, out.sequence, out.made, out.read = c.h1, h, c.sequence, c.made, 0
	out.kind, out.known = c.kind&^known, c.kind&known != 0
}

// cell begins the cell of a key: whose it is and how long it lives.
func (k *missKey) cell(site siteNumber, at time.Time, ttl time.Duration) cell {
	p, from, until := period(at)
	if end := at.Add(ttl); end.Before(until) {
		until = end
	}
	c := cell{
		h1: k.h1, kind: k.kind, site: site, month: monthOf(p),
		until: uint32(until.Sub(from) / time.Millisecond), // below 2^32 for any month
	}
	if k.mint || k.kind == event.KindVisitor {
		c.kind |= known
	}
	return c
}
