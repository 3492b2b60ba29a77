package export

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strconv"
	"time"
	"unicode/utf8"

	"zgoda/control/ledger"
	"zgoda/event"
)

// errLine is returned for a line that is not written as it should be.
var errLine = errors.New("the line is damaged")

// errFormat is returned for an export of another version.
var errFormat = errors.New("an export of another format than this program reads")

// cursor reads a line from left to right. Once something is not as it should be
// it stays bad.
type cursor struct {
	b     []byte
	bad   bool
	first bool // no member of the object at hand was read yet
}

func (c *cursor) lit(s string) {
	if len(c.b) < len(s) || string(c.b[:len(s)]) != s {
		c.bad = true
		return
	}
	c.b = c.b[len(s):]
}

func (c *cursor) open(s string) {
	c.lit(s)
	c.first = true
}

// member says whether the next member is the one of this name, and goes past
// its name if so.
func (c *cursor) member(name string) bool {
	if c.bad {
		return false
	}
	b := c.b
	if !c.first {
		if len(b) == 0 || b[0] != ',' {
			return false
		}
		b = b[1:]
	}
	n := len(name)
	if len(b) < n+3 || b[0] != '"' || string(b[1:n+1]) != name || b[n+1] != '"' || b[n+2] != ':' {
		return false
	}
	c.b, c.first = b[n+3:], false
	return true
}

// text reads a string that is left out when it is empty.
func (c *cursor) text(name string) string {
	if !c.member(name) {
		return ""
	}
	return c.filled()
}

// filled reads a string that is not empty.
func (c *cursor) filled() string {
	s := c.quoted()
	if s == "" {
		c.bad = true
	}
	return s
}

func (c *cursor) quoted() string {
	c.lit(`"`)
	if c.bad {
		return ""
	}
	n := bytes.IndexAny(c.b, `"\`)
	if n < 0 || !plain(c.b[:n]) {
		c.bad = true
		return ""
	}
	if c.b[n] == '"' {
		s := string(c.b[:n])
		c.b = c.b[n+1:]
		c.bad = !utf8.ValidString(s)
		return s
	}
	return c.escaped()
}

// plain says whether bytes need no escape.
func plain(b []byte) bool {
	for _, c := range b {
		if c < ' ' {
			return false
		}
	}
	return true
}

// escaped reads a string with escapes up to its closing quote.
func (c *cursor) escaped() string {
	var s []byte
	for i := 0; i < len(c.b); i++ {
		switch ch := c.b[i]; {
		case ch == '"':
			c.b = c.b[i+1:]
			c.bad = !utf8.Valid(s)
			return string(s)
		case ch < ' ':
			c.bad = true
			return ""
		case ch == '\\':
			value, size := unescape(c.b[i:])
			if size == 0 {
				c.bad = true
				return ""
			}
			s = append(s, value)
			i += size - 1
		default:
			s = append(s, ch)
		}
	}
	c.bad = true
	return ""
}

// unescape reads the escape at the beginning of b; size 0: it is none of ours.
func unescape(b []byte) (value byte, size int) {
	switch {
	case len(b) >= 2 && (b[1] == '"' || b[1] == '\\'):
		return b[1], 2
	case len(b) >= 2 && b[1] == 'n':
		return '\n', 2
	case len(b) >= 6 && string(b[1:4]) == "u00":
		var one [1]byte
		if !unhex(one[:], b[4:6]) || one[0] >= ' ' || one[0] == '\n' {
			return 0, 0
		}
		return one[0], 6
	}
	return 0, 0
}

// unhex decodes lower-case hexadecimal digits.
func unhex(dst, src []byte) bool {
	for _, c := range src {
		if c >= 'A' && c <= 'F' {
			return false
		}
	}
	n, err := hex.Decode(dst, src)
	return err == nil && n == len(dst)
}

// number reads a number that is left out when it is 0.
func (c *cursor) number(name string) uint64 {
	if !c.member(name) {
		return 0
	}
	n := 0
	for n < len(c.b) && c.b[n] >= '0' && c.b[n] <= '9' {
		n++
	}
	if n == 0 || n > 20 || c.b[0] == '0' {
		c.bad = true
		return 0
	}
	v, err := strconv.ParseUint(string(c.b[:n]), 10, 64)
	c.b, c.bad = c.b[n:], err != nil
	return v
}

func (c *cursor) flag(name string) bool {
	if !c.member(name) {
		return false
	}
	c.lit("true")
	return true
}

// hash reads 32 bytes that are left out when all are zero.
func (c *cursor) hash(name string) (h [32]byte) {
	if c.member(name) {
		c.fixed(h[:])
		c.bad = c.bad || h == [32]byte{}
	}
	return h
}

// fixed reads bytes of a known number.
func (c *cursor) fixed(dst []byte) {
	n := hex.EncodedLen(len(dst))
	if c.bad || len(c.b) < n+2 || c.b[0] != '"' || c.b[n+1] != '"' || !unhex(dst, c.b[1:n+1]) {
		c.bad = true
		return
	}
	c.b = c.b[n+2:]
}

// time reads a time that is left out when there is none.
func (c *cursor) time(name string) time.Time {
	if !c.member(name) {
		return time.Time{}
	}
	const n = len(timeForm)
	if len(c.b) < n+2 || c.b[0] != '"' || c.b[n+1] != '"' {
		c.bad = true
		return time.Time{}
	}
	t, err := time.Parse(timeForm, string(c.b[1:n+1]))
	c.b, c.bad = c.b[n+2:], err != nil || t.IsZero()
	return t
}

// parseEntry reads what appendEntry wrote.
func parseEntry(line []byte, e *ledger.Stored) error {
	*e = ledger.Stored{}
	c := cursor{b: line}
	c.open(`{"entry":{`)
	e.Writer = ledger.Writer(c.text("writer"))
	e.Number = ledger.Number(c.number("number"))
	e.Sequence = event.Sequence(c.number("sequence"))
	e.Previous = c.hash("previous")
	e.Site = event.SiteID(c.text("site"))
	e.Purpose = event.PurposeID(c.text("purpose"))
	version := c.number("version")
	e.PurposeVersion = uint32(version)
	e.TextHash = c.hash("text")
	e.State = ledger.ParseState(c.text("state"))
	e.Type = ledger.ParseEventType(c.text("type"))
	e.Channel, e.Surface, e.Locale = c.text("channel"), c.text("surface"), c.text("locale")
	proof, known := ledger.ParseProof(c.text("proof"))
	e.Proof = proof
	e.GPC, e.DNT, e.ADPC, e.Guardian = c.flag("gpc"), c.flag("dnt"), c.flag("adpc"), c.flag("guardian")
	e.At, e.Until = c.time("time"), c.time("until")
	e.KeyHash = c.hash("key")
	if !c.member("commitments") {
		return errLine
	}
	c.open("{")
	for p := ledger.Part(1); int(p) <= ledger.Parts; p++ {
		e.Commitments[p-1] = c.hash(p.String())
	}
	c.lit("}")
	c.first = false
	e.Hash = c.hash("hash")
	if !c.member("parts") {
		return errLine
	}
	c.open("{")
	for p := ledger.Part(1); int(p) <= ledger.Parts; p++ {
		c.part(e, p)
	}
	c.lit("}}}")
	if c.bad || len(c.b) != 0 || !known || version > 1<<32-1 ||
		e.State == ledger.StateUnknown || e.Type == ledger.EventUnknown {
		return errLine
	}
	return nil
}

func (c *cursor) part(e *ledger.Stored, p ledger.Part) {
	if !c.member(p.String()) {
		return
	}
	c.open("{")
	if !c.member("salt") {
		c.bad = true
		return
	}
	c.fixed(e.Salts[p-1][:])
	var value []byte
	switch {
	case p.IsHandle() && c.member("value"):
		value = c.handle()
	case !p.IsHandle() && c.member("value"):
		value = []byte(c.filled())
	case !p.IsHandle() && c.member("bytes"):
		value = c.bytes()
	}
	c.lit("}")
	if len(value) == 0 || !e.SetValue(p, value) {
		c.bad = true
	}
}

// handle reads the letters of a pseudonym.
func (c *cursor) handle() []byte {
	s := c.filled()
	h, err := event.ParseHandle("c_" + s)
	// A handle can be read from other letters than it is written with.
	if err != nil || h.IsZero() || letters(h) != s {
		c.bad = true
		return nil
	}
	return h[:]
}

// bytes reads a text that is not UTF-8.
func (c *cursor) bytes() []byte {
	digits := c.filled()
	value := make([]byte, len(digits)/2)
	if len(digits)%2 != 0 || !unhex(value, []byte(digits)) || utf8.Valid(value) {
		c.bad = true
		return nil
	}
	return value
}

// parseHeader reads what appendHeader wrote.
func parseHeader(line []byte) (Header, error) {
	c := cursor{b: line}
	c.open(`{"ledger":{`)
	if v := c.number("format"); v != format && !c.bad {
		return Header{}, errFormat
	}
	h := Header{Made: c.time("made"), Through: event.Sequence(c.number("through"))}
	if !c.member("heads") {
		return Header{}, errLine
	}
	c.lit("[")
	for !c.bad && len(c.b) > 0 && c.b[0] != ']' {
		if len(h.Heads) > 0 {
			c.lit(",")
		}
		c.open("{")
		h.Heads = append(h.Heads, ledger.Head{
			Writer: ledger.Writer(c.text("writer")), Number: ledger.Number(c.number("number")),
			Sequence: event.Sequence(c.number("sequence")), Hash: c.hash("hash"),
		})
		c.lit("}")
	}
	c.lit("]}}")
	if c.bad || len(c.b) != 0 || len(h.Heads) > ledger.MaxWriters {
		return Header{}, errLine
	}
	return h, nil
}

// parseCheckpoint reads what appendCheckpoint wrote.
func parseCheckpoint(line []byte) ([]byte, error) {
	c := cursor{b: line}
	c.open(`{"checkpoint":{`)
	msg := c.text("note")
	c.lit("}}")
	if c.bad || len(c.b) != 0 || msg == "" {
		return nil, errLine
	}
	return []byte(msg), nil
}

// parseEnd reads what appendEnd wrote.
func parseEnd(line []byte) (end, error) {
	c := cursor{b: line}
	c.open(`{"end":{`)
	e := end{entries: c.number("entries"), checkpoints: c.number("checkpoints")}
	c.lit("}}")
	if c.bad || len(c.b) != 0 {
		return end{}, errLine
	}
	return e, nil
}
