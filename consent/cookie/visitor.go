package cookie

import (
	"time"

	"zgoda/event"
)

// SealVisitor returns the value of the visitor's cookie for a random id.
func (j *Jar) SealVisitor(site event.SiteID, id [16]byte, now time.Time) string {
	return j.seal(Visitor, site, id[:], now)
}

// OpenVisitor returns the visitor's id. ok is false for a cookie that was
// altered, is of another site, or has expired.
func (j *Jar) OpenVisitor(site event.SiteID, value []byte, now time.Time) (id [16]byte, ok bool) {
	err := j.open(Visitor, site, value, now, func(payload []byte) bool {
		return len(payload) == len(id) && copy(id[:], payload) == len(id)
	})
	if err != nil {
		return [16]byte{}, false
	}
	return id, true
}
