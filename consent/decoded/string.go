package decoded

import (
	"bytes"
	"sync/atomic"

	"zgoda/consent/gpp"
	"zgoda/consent/tcf"
)

// TC is a decoded TC string. It is shared: it must not be copied or changed.
type TC struct {
	tcf.String

	text  []byte
	first atomic.Pointer[tcf.Vendor]
}

// Vendor returns what the string says about the vendor, 0 for none, as
// tcf.String does. The answer for the vendor that is asked for first is kept; a
// string seldom meets a second one, as it is made for one service.
func (t *TC) Vendor(id int) tcf.Vendor {
	if v := t.first.Load(); v != nil && v.ID == id {
		return *v
	}
	v := t.String.Vendor(id)
	if t.first.Load() == nil {
		t.first.CompareAndSwap(nil, new(v))
	}
	return v
}

// GPP is a decoded GPP string. It is shared: it must not be copied or changed.
type GPP struct {
	// Sections are the sections that are known, in the order of the string.
	Sections []gpp.Section
	// TC is section 2, nil if there is none.
	TC *TC
	// USPrivacy is section 6 if there is one.
	USPrivacy gpp.USPrivacy

	text []byte
}

// newTC decodes text, which the TC keeps.
func newTC(text []byte) (*TC, error) {
	s, err := tcf.Parse(text)
	if err != nil {
		return nil, err
	}
	return &TC{String: s, text: text}, nil
}

// newGPP decodes text, which the GPP keeps. A section 2 or 6 that cannot be read
// makes the whole string unreadable.
func newGPP(text []byte) (*GPP, error) {
	var some [4]gpp.Section
	sections, err := gpp.Parse(text, some[:0])
	if err != nil {
		return nil, err
	}
	g := &GPP{Sections: append(make([]gpp.Section, 0, len(sections)), sections...), text: text}
	for i := range g.Sections {
		switch s := &g.Sections[i]; s.ID {
		case gpp.TCFEU:
			g.TC, err = newTC(s.Text)
		case gpp.USPV1:
			g.USPrivacy, err = gpp.ParseUSPrivacy(s.Text)
		default:
		}
		if err != nil {
			return nil, err
		}
	}
	return g, nil
}

// What an entry takes beside its text, roughly: the decoded form and the cache's
// own books.
const (
	tcBytes      = 640
	gppBytes     = 512
	sectionBytes = 128
)

func (t *TC) size() int64 { return int64(tcBytes + len(t.text)) }

func (g *GPP) size() int64 {
	n := int64(gppBytes + len(g.text) + sectionBytes*len(g.Sections))
	if g.TC != nil {
		n += tcBytes
	}
	return n
}

func (t *TC) is(text []byte) bool { return t != nil && bytes.Equal(t.text, text) }

func (g *GPP) is(text []byte) bool { return g != nil && bytes.Equal(g.text, text) }
