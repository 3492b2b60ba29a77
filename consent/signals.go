package consent

// Source names who decided about a purpose. It is a closed set: it appears in
// answers, in metrics and on stored rows.
type Source uint8

// The sources. SourceDefault means that nobody granted, so the default (deny) holds.
const (
	SourceDefault     Source = iota
	SourceGPC                // Sec-GPC, or gpc in the body
	SourceDNT                // DNT, X-Do-Not-Track
	SourceRequest            // our own consent object in the body
	SourceCookie             // our own __Host-zgoda_consent cookie
	SourceSegment            // Segment's context.consent.categoryPreferences
	SourceLedger             // a grant, refusal, withdrawal or objection on record
	SourceSwitch             // profiling switched off for the contact
	SourceRestricted         // Art. 18
	SourceErased             // Art. 17
	SourceUnreadable         // a signal is present but cannot be read
	SourceBasis              // a legitimate interest without objection, or a related purpose
	SourceNoOrigin           // a public key without an Origin: scope none only
	SourceADPC               // Advanced Data Protection Control, the ADPC header
	SourceTCF                // IAB TCF: gdpr_consent, euconsent-v2, context.consent.tcf
	SourceGPP                // IAB GPP: gpp, context.consent.gpp
	SourceUSPrivacy          // us_privacy
	SourceGoogle             // Google consent mode: gcs, gcd, its seven keys
	SourceRudderStack        // RudderStack's context.consentManagement
	SourceOptOut             // an opt-out that a browser signal of a known contact left on record
	SourceCriminal           // data relating to criminal convictions (GDPR Art. 10)
	SourceSpecial            // special categories of data (GDPR Art. 9)
	SourceMinor              // a minor, or a page for children (GDPR Art. 8)
	sourceCount
)

// SourceCount is the number of sources, for tables indexed by Source.
const SourceCount = int(sourceCount)

var sourceNames = [...]string{
	"default", "gpc", "dnt", "request", "cookie", "segment", "ledger",
	"switch", "restricted", "erased", "unreadable", "basis", "no-origin",
	"adpc", "tcf", "gpp", "us-privacy", "google", "rudderstack", "opt-out", "criminal", "special", "minor",
}

// String returns the source as answers and rows write it, for example "gpc".
func (s Source) String() string {
	if int(s) < len(sourceNames) {
		return sourceNames[s]
	}
	return sourceNames[SourceDefault]
}

// Grants says whether a statement of the source can grant at all. Browser
// signals, the ledger and the rest never speak through a statement.
func (s Source) Grants() bool {
	switch s {
	case SourceRequest, SourceCookie, SourceSegment, SourceADPC, SourceTCF, SourceGoogle, SourceRudderStack:
		return true
	default:
		return false
	}
}

// Reading is what one signal says about one purpose.
type Reading uint8

// The readings. The zero value says nothing.
const (
	Unset Reading = iota
	Refused
	Granted
	Unreadable // present, but cannot be read: refuses everything but scope none
)

var readingNames = [...]string{"unset", "refused", "granted", "unreadable"}

// String returns the reading in one word; an unknown one is "unreadable".
func (r Reading) String() string {
	if int(r) < len(readingNames) {
		return readingNames[r]
	}
	return readingNames[Unreadable]
}

// Presence is what a browser signal says as a whole.
type Presence uint8

// The presences of a browser signal.
const (
	Absent Presence = iota
	Present
)

// String returns "absent" or "present".
func (p Presence) String() string {
	if p == Absent {
		return "absent"
	}
	return "present"
}

// Statement is what one consent tool in the request says about each purpose,
// by the purpose's index in the policy.
type Statement struct {
	Source   Source
	Readings Readings
	// Broken is true when the tool's object is there but cannot be read.
	Broken bool
	// Browser is true when a browser's cookie carried it: it says nothing for a
	// server.
	Browser bool
	// Carrier and Detail say where it stood and how it was read, for traces: no
	// decision looks at them.
	Carrier Carrier
	Detail  Detail
}

// Say notes a reading for the purpose of the given index, as Readings.Say does.
func (s *Statement) Say(purpose int, r Reading) { s.Readings.Say(purpose, r) }

// MaxStatementPurposes bounds the purposes of one site (event.MaxPurposes).
const MaxStatementPurposes = 32

// MaxStatements is the number of consent tools one request can carry.
const MaxStatements = 16

// Signals are all signals of one request, read. It is a value without pointers
// so that it lives on the stack.
type Signals struct {
	GPC, DNT   Presence
	GPCIn      Carrier // of what carried GPC the first in the list of carriers; no decision looks at it
	Statements [MaxStatements]Statement
	Count      int // how many of Statements are in use
}

// SeeGPC notes that Global Privacy Control is there, and what carried it.
func (s *Signals) SeeGPC(in Carrier) {
	if s.GPC == Absent || in < s.GPCIn {
		s.GPCIn = in
	}
	s.GPC = Present
}

// Reset forgets every signal, so that one Signals can serve many requests.
func (s *Signals) Reset() { *s = Signals{} }

// Add appends an empty statement of the given source and returns it. With
// MaxStatements in use already, the last one is marked broken and returned, so
// that too many tools refuse rather than grant.
func (s *Signals) Add(source Source) *Statement {
	if s.Count == MaxStatements {
		last := &s.Statements[MaxStatements-1]
		last.Broken = true
		return last
	}
	st := &s.Statements[s.Count]
	*st = Statement{Source: source}
	s.Count++
	return st
}

// Put adds a statement that is complete. Without room left it joins what is there
// of the same source, so that many events' worth of one tool is still read.
func (s *Signals) Put(st *Statement) {
	if s.Count < MaxStatements {
		*s.Add(st.Source) = *st
		return
	}
	for i := range s.used() {
		if was := &s.Statements[i]; was.Source == st.Source && was.Browser == st.Browser {
			was.join(st)
			return
		}
	}
	s.Add(st.Source).join(st) // the last one, now broken: too many tools, but none loses a refusal
}

// join adds what another statement of the same source says.
func (s *Statement) join(other *Statement) {
	s.Readings.join(other.Readings)
	if other.Broken && !s.Broken {
		s.Broken, s.Detail = true, other.Detail
	}
}
