package signal

import (
	"bytes"

	"zgoda/consent"
)

// ADPC reads Advanced Data Protection Control: the header ADPC, any number of
// times or joined by commas.
//
//	ADPC: consent="analytics.v2 profiling.v1", withdraw=marketing.v1
//	ADPC: withdraw=*, object=direct-marketing
//
// An id is that of GET /consent-requests.json, PURPOSE.vVERSION. A grant counts
// for the version in force alone, a withdrawal for any version and for the bare
// id of the purpose. withdraw=* withdraws every purpose but measurement on
// legitimate interest, as far as it is not consented to beside it, wherever that
// stands: what is specific beats what is general. An objection to direct
// marketing refuses the kinds marketing and profiling (GDPR Art. 21(3)). Ids and
// directives that are not known say nothing; what the grammar does not allow,
// and an objection to anything else, makes the whole header unreadable.
//
// It is the browser's header, so that its grants say nothing for a server.
type ADPC struct{}

// Source returns SourceADPC.
func (ADPC) Source() consent.Source { return consent.SourceADPC }

// Read implements Parser.
func (ADPC) Read(in *Input, p *consent.Policy, out *consent.Signals) {
	if in.Header == nil {
		return
	}
	r := in.hold().adpc
	r.policy = p
	in.Header("ADPC", r.yield)
	if r.lines > 0 {
		r.finish()
		out.Put(&r.st)
		*r = adpcReader{yield: r.yield}
	}
	r.policy = nil
}

// The bounds of what is read of one request.
const (
	maxADPCBytes = 4 << 10
	maxADPCIDs   = 64
)

// adpcReader collects what all lines of the header say. It is pooled with the
// fields since its function would otherwise be made for every request.
type adpcReader struct {
	policy     *consent.Policy
	st         consent.Statement
	lines      int
	bytes, ids int
	all        bool // withdraw=*
	yield      func(line []byte) bool
}

func newADPCReader() *adpcReader {
	r := &adpcReader{}
	r.yield = func(line []byte) bool {
		r.lines++
		if r.bytes += len(line); r.bytes > maxADPCBytes {
			breakFor(&r.st, consent.DetailTooLong)
			return false
		}
		if !r.line(line) {
			breakFor(&r.st, consent.DetailSyntax)
		}
		return true
	}
	return r
}

// finish turns what was collected into a statement.
func (r *adpcReader) finish() {
	r.st.Source, r.st.Carrier, r.st.Browser = consent.SourceADPC, consent.CarrierHeader, true
	if !r.all {
		return
	}
	if r.st.Detail == consent.DetailNone {
		r.st.Detail = consent.DetailWithdrawAll
	}
	for i := range r.policy.Purposes {
		q := &r.policy.Purposes[i]
		counted := q.Kind == consent.KindMeasurement && q.Basis == consent.BasisLegitimateInterest
		if r.st.Readings.At(i) == consent.Unset && !counted {
			r.st.Say(i, consent.Refused)
		}
	}
}

// directive is what a directive does with its ids.
type directive uint8

const (
	directiveUnknown directive = iota
	directiveConsent
	directiveWithdraw
	directiveObject
)

func directiveOf(name []byte) directive {
	switch {
	case foldIs(name, "consent"):
		return directiveConsent
	case foldIs(name, "withdraw"):
		return directiveWithdraw
	case foldIs(name, "object"):
		return directiveObject
	default:
		return directiveUnknown
	}
}

// line reads one header: directives joined by commas. It says whether the
// grammar allows it.
func (r *adpcReader) line(text []byte) bool {
	for {
		text = trimSpace(text)
		n := 0
		for n < len(text) && idChars[text[n]] {
			n++
		}
		if n == 0 || n == len(text) || text[n] != '=' {
			return false
		}
		d := directiveOf(text[:n])
		var ok bool
		if text, ok = r.value(d, text[n+1:]); !ok {
			return false
		}
		if text = trimSpace(text); len(text) == 0 {
			return true
		}
		if text[0] != ',' {
			return false
		}
		text = text[1:]
	}
}

// value reads the ids of a directive, in quotes or one without, and returns what
// follows them.
func (r *adpcReader) value(d directive, text []byte) (rest []byte, ok bool) {
	if len(text) > 0 && text[0] == '"' {
		end := bytes.IndexByte(text[1:], '"')
		if end < 0 {
			return nil, false
		}
		return text[end+2:], r.list(d, text[1:end+1])
	}
	n := 0
	for n < len(text) && idChars[text[n]] {
		n++
	}
	if n == 0 && len(text) > 0 && text[0] == '*' {
		n = 1
	}
	return text[n:], n == 0 || r.id(d, text[:n])
}

// list reads the ids between two quotes.
func (r *adpcReader) list(d directive, text []byte) bool {
	for len(text) > 0 {
		if text[0] == ' ' {
			text = text[1:]
			continue
		}
		n := 0
		for n < len(text) && text[n] > ' ' && text[n] < 0x7f && text[n] != '\\' {
			n++
		}
		if n == 0 || !r.id(d, text[:n]) {
			return false
		}
		text = text[n:]
	}
	return true
}

// id notes one id of a directive.
func (r *adpcReader) id(d directive, id []byte) bool {
	if r.ids++; r.ids > maxADPCIDs {
		breakFor(&r.st, consent.DetailTooLong)
		return false
	}
	if string(id) == "*" {
		if d == directiveWithdraw {
			r.all = true
		}
		return d == directiveWithdraw || d == directiveUnknown
	}
	switch d {
	case directiveConsent:
		if i, version, versioned := r.purpose(id); i >= 0 && versioned && version == r.policy.Purposes[i].Version {
			r.st.Say(i, consent.Granted)
		}
	case directiveWithdraw:
		i, _, _ := r.purpose(id)
		r.st.Say(i, consent.Refused)
	case directiveObject:
		if string(id) != "direct-marketing" {
			return false
		}
		r.object()
	case directiveUnknown:
	}
	return true
}

// object refuses what is done for direct marketing, and the profiling for it.
func (r *adpcReader) object() {
	if r.st.Detail == consent.DetailNone {
		r.st.Detail = consent.DetailMarketing
	}
	for i := range r.policy.Purposes {
		if k := r.policy.Purposes[i].Kind; k == consent.KindMarketing || k == consent.KindProfiling {
			r.st.Say(i, consent.Refused)
		}
	}
}

// purpose returns the index of the purpose that an id is about, or -1, and the
// version that it names.
func (r *adpcReader) purpose(id []byte) (i int, version uint32, versioned bool) {
	if i := find(r.policy, id); i >= 0 {
		return i, 0, false
	}
	at := bytes.LastIndexByte(id, 'v') - 1 // no number has a v
	if at < 0 || id[at] != '.' {
		return -1, 0, false
	}
	version, ok := decimal(id[at+2:])
	if !ok {
		return -1, 0, false
	}
	return find(r.policy, id[:at]), version, true
}

// decimal reads a number as we write it: digits alone, no zero before others.
func decimal(text []byte) (n uint32, ok bool) {
	if len(text) == 0 || len(text) > 10 || (len(text) > 1 && text[0] == '0') {
		return 0, false
	}
	var sum uint64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		sum = sum*10 + uint64(c-'0')
	}
	return uint32(sum), sum <= 1<<32-1
}

// idChars are the octets of an id without quotes.
var idChars = octets("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")

func octets(in string) (of [256]bool) {
	for i := range len(in) {
		of[in[i]] = true
	}
	return of
}

func trimSpace(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t') {
		text = text[1:]
	}
	return text
}

// foldIs compares ASCII text with a word in lower case.
func foldIs(text []byte, word string) bool {
	if len(text) != len(word) {
		return false
	}
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
