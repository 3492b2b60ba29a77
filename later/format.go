package later

import (
	"encoding/binary"
	"errors"
	"time"

	"zgoda/consent"
	"zgoda/event"
	"zgoda/pseudonym/sealed"
)

// Version is the version of the format that Append writes.
const Version = 1

// The flags of an event.
const (
	flagSecret = 1 << iota
	flagNoOrigin
	flagTold
	flagLink
	flagUnset
	flagGPC
	flagDNT
	flagSaid
)

// The flags of a statement.
const (
	flagBroken = 1 << iota
	flagBrowser
	statementFlagsEnd
)

// texts is how many texts a record has.
const texts = 21

// The errors of Read. None holds content.
var (
	ErrVersion = errors.New("later: a version that is not known")
	ErrFormat  = errors.New("later: not a waiting event")
)

func (e *Event) texts() [texts]*string {
	r := &e.Raw
	site := (*string)(&r.Site)
	return [texts]*string{
		site, &r.MessageID, &r.Name, &r.PageHost, &r.PagePath, &r.PageQuery, &r.PageTitle, &r.RefHost, &r.RefPath,
		&r.Campaign.Name, &r.Campaign.Source, &r.Campaign.Medium, &r.Campaign.Term, &r.Campaign.Content,
		&r.Browser, &r.OS, &r.Device, &r.Country, &r.SourceTag, &e.Person, &e.Period,
	}
}

// Append appends the encoded event to dst. It keeps nothing of e.
func Append(dst []byte, e *Event) []byte {
	dst = append(dst, Version, byte(e.Raw.Type), e.flags(), byte(e.Class), byte(e.Signals.GPCIn), byte(e.Visitors))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Raw.Time.UnixMilli()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Raw.ReceivedAt.UnixMilli()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.AsOf))
	dst = binary.BigEndian.AppendUint32(dst, uint32(e.Released))
	dst = binary.BigEndian.AppendUint32(dst, e.Policy)
	dst = append(dst, e.Raw.Group[:]...)
	dst = append(dst, byte(len(e.Purposes)))
	for _, p := range e.Purposes {
		dst = binary.BigEndian.AppendUint32(append(dst, p.Bit), p.Version)
	}
	dst = append(dst, byte(e.Signals.Count))
	for i := range e.Signals.Count {
		dst = appendStatement(dst, &e.Signals.Statements[i], len(e.Purposes))
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.Sealed)))
	dst = append(dst, e.Sealed...)
	for _, text := range e.texts() {
		dst = binary.AppendUvarint(dst, uint64(len(*text)))
		dst = append(dst, *text...)
	}
	if len(e.Said) > 0 {
		dst = append(binary.AppendUvarint(dst, uint64(len(e.Said))), e.Said...)
	}
	return dst
}

func (e *Event) flags() (b byte) {
	for flag, set := range map[byte]bool{
		flagSecret: e.Secret, flagNoOrigin: e.NoOrigin, flagTold: e.Told, flagLink: e.Link, flagUnset: e.Unset,
		flagGPC: e.Signals.GPC != consent.Absent, flagDNT: e.Signals.DNT != consent.Absent, flagSaid: len(e.Said) > 0,
	} {
		if set {
			b |= flag
		}
	}
	return b
}

func appendStatement(dst []byte, s *consent.Statement, purposes int) []byte {
	flags := byte(0)
	if s.Broken {
		flags |= flagBroken
	}
	if s.Browser {
		flags |= flagBrowser
	}
	dst = append(dst, byte(s.Source), flags)
	for i := range purposes {
		dst = append(dst, byte(s.Readings.At(i)))
	}
	return dst
}

// Read reads what Append wrote, and nothing else: any record that it accepts is the
// one encoding of the event returned. It keeps nothing of rec.
func Read(rec []byte) (*Event, error) {
	if len(rec) > 0 && rec[0] != Version {
		return nil, ErrVersion
	}
	c := &cutter{rest: rec}
	e := &Event{}
	says := c.head(e)
	for i := range c.upTo(event.MaxPurposes) {
		p := Purpose{Bit: c.octet(), Version: c.word()}
		c.bad = c.bad || p.Bit >= event.MaxPurposes || e.purpose(p.Bit) >= 0 || i >= event.MaxPurposes
		e.Purposes = append(e.Purposes, p)
	}
	e.Signals.Count = c.upTo(consent.MaxStatements)
	for i := range e.Signals.Count {
		c.statement(&e.Signals.Statements[i], len(e.Purposes))
	}
	e.Sealed = append([]byte(nil), c.block(sealed.MaxBlob)...)
	for _, text := range e.texts() {
		*text = string(c.block(maxText))
	}
	if says {
		e.Said = append([]byte(nil), c.block(sealed.MaxSaidBlob)...)
		c.bad = c.bad || len(e.Said) == 0
	}
	c.bad = c.bad || len(e.Sealed) == 0 || len(c.rest) > 0 || e.Raw.Site == "" || e.Raw.MessageID == ""
	if c.bad {
		return nil, ErrFormat
	}
	return e, nil
}

// maxText is more than any text of a record has, which a spool's limit bounds.
const maxText = 1 << 20

// The times that a record can have: the years 1 to 9999.
const (
	minMilli = -62135596800000
	maxMilli = 253402300799999
)

// cutter cuts a record into its parts. After a part that is not there it is bad, and
// returns zeros.
type cutter struct {
	rest []byte
	bad  bool
}

// head reads what stands at the front, and says whether something follows the texts.
func (c *cutter) head(e *Event) (says bool) {
	c.octet() // the version
	e.Raw.Type = event.Type(c.octet())
	flags := c.octet()
	e.Class = consent.Class(c.octet())
	e.Signals.GPCIn = consent.Carrier(c.octet())
	e.Visitors = int(c.octet())
	e.Raw.Time, e.Raw.ReceivedAt = c.time(), c.time()
	e.AsOf = event.Sequence(c.long())
	e.Released = event.PurposeSet(c.word())
	e.Policy = c.word()
	copy(e.Raw.Group[:], c.cut(len(e.Raw.Group)))
	e.Secret, e.NoOrigin, e.Told = flags&flagSecret != 0, flags&flagNoOrigin != 0, flags&flagTold != 0
	e.Link, e.Unset = flags&flagLink != 0, flags&flagUnset != 0
	if flags&flagGPC != 0 {
		e.Signals.GPC = consent.Present
	}
	if flags&flagDNT != 0 {
		e.Signals.DNT = consent.Present
	}
	c.bad = c.bad || e.Raw.Type == event.TypeUnknown || e.Raw.Type > event.TypeAlias || e.Visitors > sealed.MaxIdentifiers
	return flags&flagSaid != 0
}

func (c *cutter) statement(s *consent.Statement, purposes int) {
	s.Source = consent.Source(c.octet())
	flags := c.octet()
	s.Broken, s.Browser = flags&flagBroken != 0, flags&flagBrowser != 0
	for i := range purposes {
		r := consent.Reading(c.octet())
		s.Readings.Set(i, r)
		c.bad = c.bad || r > consent.Unreadable
	}
	c.bad = c.bad || flags >= statementFlagsEnd || int(s.Source) >= consent.SourceCount
}

func (c *cutter) cut(n int) []byte {
	if c.bad || n > len(c.rest) {
		c.bad = true
		return nil
	}
	part := c.rest[:n]
	c.rest = c.rest[n:]
	return part
}

func (c *cutter) octet() byte {
	if b := c.cut(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cutter) word() uint32 {
	if b := c.cut(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cutter) long() uint64 {
	if b := c.cut(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (c *cutter) time() time.Time {
	ms := int64(c.long())
	c.bad = c.bad || ms < minMilli || ms > maxMilli
	return time.UnixMilli(ms).UTC()
}

// upTo reads a count that has a limit.
func (c *cutter) upTo(limit int) int {
	n := int(c.octet())
	if n > limit {
		c.bad = true
	}
	if c.bad {
		return 0
	}
	return n
}

// block reads a length, which has one encoding, and as many bytes.
func (c *cutter) block(limit int) []byte {
	n, size := binary.Uvarint(c.rest)
	if c.bad || size <= 0 || n > uint64(limit) || (size > 1 && c.rest[size-1] == 0) {
		c.bad = true
		return nil
	}
	c.rest = c.rest[size:]
	return c.cut(int(n))
}
