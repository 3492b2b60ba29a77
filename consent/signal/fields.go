package signal

import (
	"sync"

	"zgoda/consent"
)

// field is a parameter or a cookie that a signal stands in.
type field uint8

const (
	queryGDPR field = iota
	queryTC
	queryGPP
	queryGPPSID
	queryUSPrivacy
	queryGCD
	queryGCS
	cookieTC // the first of the cookies
	cookieUSPrivacy
	fieldCount // a field that no signal stands in
)

func queryField(name []byte) field {
	switch string(name) {
	case "gdpr":
		return queryGDPR
	case "gdpr_consent":
		return queryTC
	case "gpp":
		return queryGPP
	case "gpp_sid":
		return queryGPPSID
	case "us_privacy":
		return queryUSPrivacy
	case "gcd":
		return queryGCD
	case "gcs":
		return queryGCS
	default:
		return fieldCount
	}
}

func cookieField(name []byte) field {
	switch string(name) {
	case "euconsent-v2":
		return cookieTC
	case "usprivacy":
		return cookieUSPrivacy
	default:
		return fieldCount
	}
}

// said is what a request says in one field.
type said struct {
	value   []byte // the first
	found   bool
	differs bool // there are two values, and they are not the same
}

// fields are what a request says in all of them, read in one pass over its
// parameters and one over its cookies. They are pooled with their functions, which
// would otherwise be made for every request.
type fields struct {
	said   [fieldCount]said
	any    bool // some field was found
	one    bool // a header is exactly "1"
	query  func(name, value []byte) bool
	cookie func(name, value []byte) bool
	header func(value []byte) bool
	adpc   *adpcReader
}

var pool = sync.Pool{New: func() any { return newFields() }}

func newFields() *fields {
	f := &fields{adpc: newADPCReader()}
	f.query = func(name, value []byte) bool { return f.note(queryField(name), value) }
	f.cookie = func(name, value []byte) bool { return f.note(cookieField(name), value) }
	f.header = func(value []byte) bool {
		f.one = string(value) == "1"
		return !f.one
	}
	return f
}

func (f *fields) note(of field, value []byte) bool {
	if of == fieldCount {
		return true
	}
	s := &f.said[of]
	s.differs = s.differs || s.found && string(value) != string(s.value)
	if !s.found {
		s.value, s.found, f.any = value, true, true
	}
	return true
}

// read reads the fields of a request.
func (f *fields) read(in *Input) {
	if in.Query != nil {
		in.Query(f.query)
	}
	if in.Cookies != nil {
		in.Cookies(f.cookie)
	}
}

// release gives the fields back, wiped.
func (f *fields) release() {
	if f.any {
		f.said, f.any = [fieldCount]said{}, false
	}
	pool.Put(f)
}

// hold returns the fields, which a parser that runs alone has to read first.
func (in *Input) hold() *fields {
	if in.fields == nil {
		in.readAlone()
	}
	return in.fields
}

func (in *Input) readAlone() {
	in.fields = newFields()
	in.fields.read(in)
}

// headerIsOne says whether any value of the header is exactly "1".
func (in *Input) headerIsOne(name string) bool {
	if in.Header == nil {
		return false
	}
	f := in.hold()
	f.one = false
	in.Header(name, f.header)
	return f.one
}

// maxValues bounds how many values of one name are read where they differ.
const maxValues = 8

// texts goes over what stands in a field: one text, or each of those that differ,
// as one of them may be a refusal.
type texts struct {
	*said
	in    *Input
	field field
	at    int
}

func (in *Input) texts(of field) texts {
	return texts{said: &in.hold().said[of], in: in, field: of}
}

// next returns the next text, and whether there is one.
func (t *texts) next() (c carried, ok bool) {
	at := t.at
	t.at++
	if !t.differs {
		if at > 0 || !t.found {
			return c, false
		}
		return t.field.carried(t.value), true
	}
	value, ok := t.in.nth(t.field, at)
	c = t.field.carried(value)
	c.fault = consent.DetailDiffers
	return c, ok && at < maxValues
}

// nth returns one of several values. It is for what no honest client sends.
func (in *Input) nth(of field, n int) (value []byte, ok bool) {
	each, fieldOf := in.Query, queryField
	if of >= cookieTC {
		each, fieldOf = in.Cookies, cookieField
	}
	each(func(name, v []byte) bool {
		if fieldOf(name) != of {
			return true
		}
		if ok = n == 0; ok {
			value = v
		}
		n--
		return !ok
	})
	return value, ok
}

// carried returns a value of the field as a text of a place.
func (of field) carried(value []byte) carried {
	c := carried{text: value, carrier: consent.CarrierQuery}
	if of >= cookieTC {
		c.carrier = consent.CarrierCookie
	}
	switch n := len(value); {
	case n == 0:
		c.fault = consent.DetailEmpty
	case of >= cookieTC && n > 1 && value[0] == '"' && value[n-1] == '"':
		c.text = value[1 : n-1]
	}
	return c
}
