package record

import (
	"encoding/binary"
	"time"

	"zgoda/event"
)

// Text names a text of an encoded record, in the order they are encoded in.
type Text uint8

// The texts.
const (
	TextSite Text = iota
	TextMessageID
	TextName
	TextPageHost
	TextPagePath
	TextPageQuery
	TextPageTitle
	TextRefHost
	TextRefPath
	TextCampaignName
	TextCampaignSource
	TextCampaignMedium
	TextCampaignTerm
	TextCampaignContent
	TextBrowser
	TextOS
	TextDevice
	TextCountry
	TextSourceTag
	TextProperties
	TextDecidedBy
)

// View is an encoded record whose parts are read where they lie. It is for those
// who read many records and keep none: it allocates nothing and copies nothing,
// so what it returns is good for as long as the encoded bytes are.
type View struct {
	b  []byte
	at [texts + 1]int32 // where each text begins, and where the last one ends

	flags event.Flags
}

// Read looks at an encoded record. It accepts exactly what Decode accepts. After
// an error the view must not be used.
func (v *View) Read(b []byte) error {
	fixed, flags, err := head(b)
	if err != nil {
		return err
	}
	v.b, v.flags = b, flags
	if expires := v.Expires(); v.Type() > event.TypeAlias || v.Scope() > event.ScopePerson ||
		!inRange(v.Time()) || !inRange(v.Received()) || expires < minTime/1000 || expires > maxTime/1000 {
		return ErrValue
	}
	return v.measure(fixed)
}

// measure finds the texts. Nearly every length is one byte.
func (v *View) measure(fixed int) error {
	rest, sum := v.b[fixed:], 0
	for i := range texts {
		v.at[i] = int32(sum)
		if len(rest) > 0 && rest[0] < 0x80 {
			sum += int(rest[0])
			rest = rest[1:]
			continue
		}
		n, size := binary.Uvarint(rest)
		if size == 0 {
			return ErrTruncated
		}
		// A length has one encoding, and the sum cannot overflow.
		if size < 0 || rest[size-1] == 0 || n > 1<<30 {
			return ErrValue
		}
		if sum += int(n); sum > 1<<30 {
			sum = 1 << 30 // longer than any record: refused below, or for a length that follows
		}
		rest = rest[size:]
	}
	switch {
	case len(rest) < sum:
		return ErrTruncated
	case len(rest) > sum:
		return ErrTrailing
	}
	v.at[texts] = int32(sum)
	start := int32(len(v.b) - sum)
	for i := range v.at {
		v.at[i] += start
	}
	return nil
}

// Text returns one text.
func (v *View) Text(t Text) []byte { return v.b[v.at[t]:v.at[t+1]:v.at[t+1]] }

// Key returns what makes an event one event, site and message id in one piece,
// and how long the site is.
func (v *View) Key() (key []byte, site int) {
	return v.b[v.at[TextSite]:v.at[TextMessageID+1]], int(v.at[TextMessageID] - v.at[TextSite])
}

// Type returns the event's type.
func (v *View) Type() event.Type { return event.Type(v.b[1]) }

// Scope returns the event's scope.
func (v *View) Scope() event.Scope { return event.Scope(v.b[2]) }

// Time returns when it happened, in Unix milliseconds.
func (v *View) Time() int64 { return int64(binary.BigEndian.Uint64(v.b[3:])) }

// Received returns when it was received, in Unix milliseconds.
func (v *View) Received() int64 { return int64(binary.BigEndian.Uint64(v.b[11:])) }

// Expires returns when it expires, in Unix seconds.
func (v *View) Expires() int64 { return int64(binary.BigEndian.Uint64(v.b[19:])) }

// Purposes returns the purposes under which it is stored.
func (v *View) Purposes() event.PurposeSet {
	return event.PurposeSet(binary.BigEndian.Uint32(v.b[27:]))
}

// PolicyVersion returns the version of the policy that decided.
func (v *View) PolicyVersion() uint32 { return binary.BigEndian.Uint32(v.b[31:]) }

// KeyVersion returns the version of the key of its pseudonyms.
func (v *View) KeyVersion() event.KeyVersion {
	return event.KeyVersion(binary.BigEndian.Uint32(v.b[35:]))
}

// Flags returns what is told of it beside its columns.
func (v *View) Flags() event.Flags { return v.flags }

// Sequence returns the sequence of the decision.
func (v *View) Sequence() event.Sequence { return event.Sequence(binary.BigEndian.Uint64(v.b[39:])) }

// Subject returns the 16 bytes of the subject's pseudonym.
func (v *View) Subject() []byte { return v.b[47:63:63] }

// Visitor returns the 16 bytes of the visitor's pseudonym.
func (v *View) Visitor() []byte { return v.b[63:79:79] }

// Consent returns the consent handles, zero where there is none.
func (v *View) Consent() (out [3]event.Handle) {
	for i := range out {
		copy(out[i][:], v.b[79+i*handleSize:])
	}
	return out
}

// Group returns the 32 bytes of the blinded group.
func (v *View) Group() []byte { return v.b[127:159:159] }

// Fixed fills in all of r but its texts, which it leaves as they are.
func (v *View) Fixed(r *Record) {
	r.Type, r.Scope = v.Type(), v.Scope()
	r.Time, r.ReceivedAt = time.UnixMilli(v.Time()).UTC(), time.UnixMilli(v.Received()).UTC()
	r.ExpiresAt = time.Unix(v.Expires(), 0).UTC()
	r.Purposes, r.PolicyVersion, r.KeyVersion, r.Sequence = v.Purposes(), v.PolicyVersion(), v.KeyVersion(), v.Sequence()
	copy(r.Subject[:], v.Subject())
	copy(r.Visitor[:], v.Visitor())
	r.Consent, r.Flags = v.Consent(), v.Flags()
	copy(r.Group[:], v.Group())
}
