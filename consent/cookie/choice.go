package cookie

import (
	"encoding/binary"
	"slices"
	"time"

	"zgoda/event"
)

// Choices are what was chosen in the dialogue.
type Choices struct {
	Version uint32 // of the policy that was shown (consent.Policy.Version)
	By      map[event.PurposeID]bool
}

// SealChoice returns the value of the consent cookie, or "" for choices that no
// policy can hold: more than event.MaxPurposes, or an id that is empty or longer
// than 255 bytes.
func (j *Jar) SealChoice(site event.SiteID, c Choices, now time.Time) string {
	payload, ok := appendChoices(nil, c)
	if !ok {
		return ""
	}
	return j.seal(Choice, site, payload, now)
}

// OpenChoice returns the choices. The error is ErrUnreadable, ErrExpired or
// ErrOtherSite; the latter two count as no cookie at all.
func (j *Jar) OpenChoice(site event.SiteID, value []byte, now time.Time) (Choices, error) {
	c := Choices{By: map[event.PurposeID]bool{}}
	version, err := j.EachChoice(site, value, now, func(id []byte, granted bool) {
		c.By[event.PurposeID(id)] = granted
	})
	if err != nil {
		return Choices{}, err
	}
	c.Version = version
	return c, nil
}

// EachChoice yields the choices one by one, without making a map, and returns
// the version. Nothing is yielded of a cookie that does not open. The id is
// valid during the call only.
func (j *Jar) EachChoice(site event.SiteID, value []byte, now time.Time, yield func(id []byte, granted bool)) (version uint32, err error) {
	err = j.open(Choice, site, value, now, func(payload []byte) bool {
		if !readChoices(payload, nil) { // all or nothing
			return false
		}
		version = binary.BigEndian.Uint32(payload)
		return readChoices(payload, yield)
	})
	return version, err
}

// appendChoices appends the version, the number of choices, and each choice by
// rising id: length, id, 0 or 1.
func appendChoices(dst []byte, c Choices) ([]byte, bool) {
	if len(c.By) > event.MaxPurposes {
		return dst, false
	}
	ids := make([]string, 0, len(c.By))
	for id := range c.By {
		if len(id) == 0 || len(id) > 255 {
			return dst, false
		}
		ids = append(ids, string(id))
	}
	slices.Sort(ids)
	dst = binary.BigEndian.AppendUint32(dst, c.Version)
	dst = append(dst, byte(len(ids)))
	for _, id := range ids {
		dst = append(dst, byte(len(id)))
		dst = append(dst, id...)
		granted := byte(0)
		if c.By[event.PurposeID(id)] {
			granted = 1
		}
		dst = append(dst, granted)
	}
	return dst, true
}

// readChoices reads what appendChoices wrote and nothing else. yield may be nil.
func readChoices(b []byte, yield func(id []byte, granted bool)) bool {
	if len(b) < 5 || b[4] > event.MaxPurposes {
		return false
	}
	count, rest := int(b[4]), b[5:]
	var last []byte
	for range count {
		if len(rest) == 0 || len(rest) < int(rest[0])+2 || rest[0] == 0 {
			return false
		}
		id, granted := rest[1:1+rest[0]], rest[1+rest[0]]
		if granted > 1 || (last != nil && string(last) >= string(id)) {
			return false
		}
		if yield != nil {
			yield(id, granted == 1)
		}
		last, rest = id, rest[2+len(id):]
	}
	return len(rest) == 0
}
