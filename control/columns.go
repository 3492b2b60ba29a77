package control

import (
	"database/sql/driver"
	"math"

	"zgoda/consent"
	"zgoda/event"
)

// most is the largest sequence and time that a column holds.
const most = math.MaxInt64

// columns reads the values of a row and keeps in err that one was not what its
// column holds: it must not be taken for nothing having been said.
type columns struct{ err error }

func (c *columns) handle(v driver.Value) (h event.Handle) {
	b, ok := v.([]byte)
	if !ok || len(b) != len(h) {
		c.err = errDamaged
		return h
	}
	copy(h[:], b)
	return h
}

func (c *columns) text(v driver.Value) string {
	s, ok := v.(string)
	if !ok {
		c.err = errDamaged
	}
	return s
}

func (c *columns) within(v driver.Value, most int64) int64 {
	n, ok := v.(int64)
	if !ok || n < 0 || n > most {
		c.err = errDamaged
		return 0
	}
	return n
}

func (c *columns) small(v driver.Value) uint8     { return uint8(c.within(v, math.MaxUint8)) }
func (c *columns) number(v driver.Value) uint32   { return uint32(c.within(v, math.MaxUint32)) }
func (c *columns) day(v driver.Value) consent.Day { return consent.Day(c.within(v, math.MaxUint16)) }
func (c *columns) flag(v driver.Value) bool       { return c.within(v, 1) == 1 }
