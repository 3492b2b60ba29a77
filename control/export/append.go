package export

import (
	"encoding/hex"
	"errors"
	"strconv"
	"time"
	"unicode/utf8"

	"zgoda/control/ledger"
	"zgoda/event"
)

// format is the version of the lines, which is that of the entries.
const format = 2

const timeForm = "2006-01-02T15:04:05.000000Z"

// errText is returned for an entry that holds what no line can.
var errText = errors.New("a name in the entry is not UTF-8")

// appender appends members of JSON objects.
type appender struct {
	b   []byte
	err error
}

func (a *appender) raw(s string) { a.b = append(a.b, s...) }

// member writes the name of a member, after a comma unless it is the first.
func (a *appender) member(name string) {
	if c := a.b[len(a.b)-1]; c != '{' && c != '[' {
		a.b = append(a.b, ',')
	}
	a.b = append(append(append(a.b, '"'), name...), '"', ':')
}

// text writes a string that is left out when it is empty.
func (a *appender) text(name, s string) {
	if s == "" {
		return
	}
	a.member(name)
	a.quoted(s)
}

const hexDigits = "0123456789abcdef"

// quoted writes a string with no more escapes than JSON needs.
func (a *appender) quoted(s string) {
	if !utf8.ValidString(s) {
		a.err = errText
		return
	}
	a.b = append(a.b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			a.b = append(a.b, '\\', c)
		case c == '\n':
			a.b = append(a.b, '\\', 'n')
		case c < ' ':
			a.b = append(a.b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			a.b = append(a.b, c)
		}
	}
	a.b = append(a.b, '"')
}

func (a *appender) number(name string, n uint64) {
	if n == 0 {
		return
	}
	a.member(name)
	a.b = strconv.AppendUint(a.b, n, 10)
}

func (a *appender) flag(name string, on bool) {
	if on {
		a.member(name)
		a.raw("true")
	}
}

func (a *appender) hash(name string, h [32]byte) {
	if h == [32]byte{} {
		return
	}
	a.member(name)
	a.hex(h[:])
}

func (a *appender) hex(raw []byte) {
	a.b = append(a.b, '"')
	a.b = hex.AppendEncode(a.b, raw)
	a.b = append(a.b, '"')
}

func (a *appender) time(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	a.member(name)
	a.b = append(a.b, '"')
	a.b = t.UTC().AppendFormat(a.b, timeForm)
	a.b = append(a.b, '"')
}

// appendEntry appends the line of an entry.
func appendEntry(dst []byte, e *ledger.Stored) ([]byte, error) {
	a := appender{b: dst}
	a.raw(`{"entry":{`)
	a.text("writer", string(e.Writer))
	a.number("number", uint64(e.Number))
	a.number("sequence", uint64(e.Sequence))
	a.hash("previous", e.Previous)
	a.text("site", string(e.Site))
	a.text("purpose", string(e.Purpose))
	a.number("version", uint64(e.PurposeVersion))
	a.hash("text", e.TextHash)
	a.text("state", e.State.String())
	a.text("type", e.Type.String())
	a.text("channel", e.Channel)
	a.text("surface", e.Surface)
	a.text("locale", e.Locale)
	a.text("proof", e.Proof.String())
	a.flag("gpc", e.GPC)
	a.flag("dnt", e.DNT)
	a.flag("adpc", e.ADPC)
	a.flag("guardian", e.Guardian)
	a.time("time", e.At)
	a.time("until", e.Until)
	a.hash("key", e.KeyHash)
	a.member("commitments")
	a.raw("{")
	for p := ledger.Part(1); int(p) <= ledger.Parts; p++ {
		a.hash(p.String(), e.Commitments[p-1])
	}
	a.raw("}")
	a.hash("hash", e.Hash)
	a.member("parts")
	a.raw("{")
	for p := ledger.Part(1); int(p) <= ledger.Parts; p++ {
		a.part(e, p)
	}
	a.raw("}}}\n")
	return a.b, a.err
}

// part writes a part that is there: a pseudonym by its letters, a text as it
// is, and one that is not UTF-8 by its bytes.
func (a *appender) part(e *ledger.Stored, p ledger.Part) {
	value := e.Value(p)
	if len(value) == 0 {
		return
	}
	a.member(p.String())
	a.raw(`{"salt":`)
	a.hex(e.Salts[p-1][:])
	switch {
	case p.IsHandle():
		a.member("value")
		a.quoted(letters(event.Handle(value)))
	case utf8.Valid(value):
		a.member("value")
		a.quoted(string(value))
	default:
		a.member("bytes")
		a.hex(value)
	}
	a.raw("}")
}

// letters are those of a handle, without the prefix: the ledger does not know
// whether a subject is a contact or a visitor.
func letters(h event.Handle) string { return h.Text(event.KindUserID)[2:] }

// Header is the first line of an export.
type Header struct {
	Made    time.Time      // UTC, microsecond
	Through event.Sequence // of the last entry
	Heads   []ledger.Head  // of all writers, in the order of their names
}

func appendHeader(dst []byte, h *Header) ([]byte, error) {
	a := appender{b: dst}
	a.raw(`{"ledger":{`)
	a.number("format", format)
	a.time("made", h.Made)
	a.number("through", uint64(h.Through))
	a.member("heads")
	a.raw("[")
	for i := range h.Heads {
		if i > 0 {
			a.raw(",")
		}
		a.raw("{")
		a.text("writer", string(h.Heads[i].Writer))
		a.number("number", uint64(h.Heads[i].Number))
		a.number("sequence", uint64(h.Heads[i].Sequence))
		a.hash("hash", h.Heads[i].Hash)
		a.raw("}")
	}
	a.raw("]}}\n")
	return a.b, a.err
}

func appendCheckpoint(dst, msg []byte) ([]byte, error) {
	a := appender{b: dst}
	a.raw(`{"checkpoint":{`)
	a.text("note", string(msg))
	a.raw("}}\n")
	return a.b, a.err
}

// end is the last line of an export.
type end struct{ entries, checkpoints uint64 }

func appendEnd(dst []byte, e end) []byte {
	a := appender{b: dst}
	a.raw(`{"end":{`)
	a.number("entries", e.entries)
	a.number("checkpoints", e.checkpoints)
	a.raw("}}\n")
	return a.b
}
