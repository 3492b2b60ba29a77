package person

import (
	"encoding/binary"
	"errors"
	"time"

	"zgoda/event"
)

// A row of data in clear, before it is sealed:
//
//	1  version, 1
//	1  what it is: 1 a datum, 2 the pseudonyms of a contact that was merged into
//	   this one, 3 the head of a document
//	.. its fields; a text is its length (2 bytes, big-endian) and its bytes
//	.. zeros up to the next multiple of 64 bytes, so that lengths tell little
const (
	codeVersion  = 1
	codeDatum    = 1
	codePast     = 2
	codeDocument = 3
	codePad      = 64
)

var errCode = errors.New("not a row of this form")

func begin(what byte) []byte { return append(make([]byte, 0, 4*codePad), codeVersion, what) }

func appendText[T ~string](b []byte, text T) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}

// padded ends a row.
func padded(b []byte) []byte {
	if over := len(b) % codePad; over != 0 {
		b = append(b, make([]byte, codePad-over)...)
	}
	return b
}

// fields reads a row; after an error everything is zero.
type fields struct {
	rest []byte
	all  int
	bad  bool
}

func fieldsOf(b []byte, what byte) fields {
	f := fields{rest: b, all: len(b)}
	f.bad = f.byte() != codeVersion || f.byte() != what
	return f
}

func (f *fields) take(n int) []byte {
	if f.bad || len(f.rest) < n {
		f.bad, f.rest = true, nil
		return nil
	}
	out := f.rest[:n]
	f.rest = f.rest[n:]
	return out
}

func (f *fields) byte() byte {
	if b := f.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) number() uint32 {
	if b := f.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (f *fields) time() time.Time {
	b := f.take(8)
	if b == nil {
		return time.Time{}
	}
	milli := int64(binary.BigEndian.Uint64(b))
	if milli < 0 {
		f.bad = true
	}
	return time.UnixMilli(milli).UTC()
}

func (f *fields) text(most int) string {
	b := f.take(2)
	if b == nil {
		return ""
	}
	n := int(binary.BigEndian.Uint16(b))
	if n > most {
		f.bad = true
		return ""
	}
	return string(f.take(n))
}

// end says whether nothing but the padding is left.
func (f *fields) end() error {
	if f.bad || f.all%codePad != 0 || len(f.rest) >= codePad {
		return errCode
	}
	for _, b := range f.rest {
		if b != 0 {
			return errCode
		}
	}
	return nil
}

func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(t.UnixMilli()))
}

// encode is the datum but for its number.
func (d *Datum) encode() []byte {
	b := append(begin(codeDatum), byte(d.Kind))
	b = appendText(b, d.Site)
	for _, text := range []string{d.Name, d.Value, d.Source, d.Basis} {
		b = appendText(b, text)
	}
	return padded(appendTime(b, d.Seen))
}

// decodeDatum reads what encode wrote, and nothing else.
func decodeDatum(b []byte) (Datum, error) {
	f := fieldsOf(b, codeDatum)
	d := Datum{
		Kind: event.IdentifierKind(f.byte()), Site: event.SiteID(f.text(MaxSite)),
		Name: f.text(MaxName), Value: f.text(MaxValue), Source: f.text(MaxSource), Basis: f.text(MaxBasis), Seen: f.time(),
	}
	if err := f.end(); err != nil {
		return Datum{}, err
	}
	if d.check() != nil {
		return Datum{}, errCode
	}
	return d, nil
}

// Past is a pseudonym of a contact that was merged into this one: what was stored
// under it is this contact's.
type Past struct {
	Handle  event.Handle
	Purpose Purpose
	Period  event.Period
	Version event.KeyVersion
	Visitor bool
}

// Purpose is what a pseudonym is for.
type Purpose uint8

// The purposes.
const (
	PurposeConsent Purpose = 1 + iota
	PurposeProfiling
	PurposeAnalytics
)

var purposeNames = [...]string{PurposeConsent: "consent", PurposeProfiling: "profiling", PurposeAnalytics: "analytics"}

// String returns the purpose's name.
func (p Purpose) String() string {
	if int(p) < len(purposeNames) {
		return purposeNames[p]
	}
	return ""
}

// maxPast is how many pseudonyms one row holds.
const maxPast = 1 << 12

func encodePast(list []Past) []byte {
	b := binary.BigEndian.AppendUint32(begin(codePast), uint32(len(list)))
	for _, p := range list {
		b = append(append(b, p.Handle[:]...), byte(p.Purpose))
		b = binary.BigEndian.AppendUint32(b, uint32(p.Period))
		b = binary.BigEndian.AppendUint32(b, uint32(p.Version))
		if p.Visitor {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return padded(b)
}

func decodePast(b []byte) ([]Past, error) {
	f := fieldsOf(b, codePast)
	n := f.number()
	if f.bad || n > maxPast {
		return nil, errCode
	}
	list := make([]Past, 0, n)
	for range n {
		var p Past
		copy(p.Handle[:], f.take(len(p.Handle)))
		p.Purpose = Purpose(f.byte())
		p.Period, p.Version = event.Period(f.number()), event.KeyVersion(f.number())
		visitor := f.byte()
		p.Visitor = visitor == 1
		if f.bad || visitor > 1 || p.Purpose < PurposeConsent || p.Purpose > PurposeAnalytics {
			return nil, errCode
		}
		list = append(list, p)
	}
	return list, f.end()
}
