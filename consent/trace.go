package consent

import "zgoda/event"

// Trace explains a decision: every input, how it was read, and which rule
// decided about each purpose. It is made on demand only, holds no identifier
// and no pseudonym, and marshals to JSON.
type Trace struct {
	Site          event.SiteID   `json:"site"`
	PolicyVersion uint32         `json:"policy_version"`
	SpeaksFor     string         `json:"speaks_for"`
	Server        bool           `json:"server"`
	NoOrigin      bool           `json:"no_origin"`
	Signals       []TraceSignal  `json:"signals"`
	Records       []TraceRecord  `json:"records"`
	Purposes      []TracePurpose `json:"purposes"`
}

// TraceSignal is one signal of the request as a whole.
type TraceSignal struct {
	Source  string `json:"source"`
	Reading string `json:"reading"` // absent, present, read or unreadable
}

// TraceRecord is what is on record about one identity as a whole.
type TraceRecord struct {
	Whose        string         `json:"whose"` // visitor, contact or second contact
	State        string         `json:"state"`
	ProfilingOff bool           `json:"profiling_off"`
	Sequence     event.Sequence `json:"sequence"`
}

// TracePurpose is the decision about one purpose.
type TracePurpose struct {
	ID      event.PurposeID `json:"id"`
	Kind    string          `json:"kind"`
	Basis   string          `json:"basis"`
	Version uint32          `json:"version"`
	Outcome string          `json:"outcome"`
	By      string          `json:"by"`
	Holder  string          `json:"holder"`
	Rule    string          `json:"rule"` // state, refusal, grant, interest, related or default
	Why     string          `json:"why"`
	Inputs  []TraceInput    `json:"inputs"`
}

// TraceInput is one input to the decision about one purpose.
type TraceInput struct {
	Source  string `json:"source"`
	Whose   string `json:"whose,omitempty"`
	Reading string `json:"reading"`
	Note    string `json:"note,omitempty"`
}

// Explain decides like Decide and writes down why.
func Explain(policy *Policy, signals *Signals, subject Subject) Trace {
	t := Trace{
		SpeaksFor: subject.Speaks.String(), Server: subject.Server, NoOrigin: subject.NoOrigin,
		Signals: []TraceSignal{}, Records: []TraceRecord{}, Purposes: []TracePurpose{},
	}
	if policy == nil {
		return t
	}
	d := Decide(policy, signals, subject)
	if signals == nil {
		signals = &unread
	}
	t.Site, t.PolicyVersion = policy.Site, policy.Revision
	t.Signals = signals.trace()
	for _, named := range subject.named() {
		t.Records = append(t.Records, TraceRecord{
			Whose: named.whose, State: named.record.State.String(),
			ProfilingOff: named.record.ProfilingOff, Sequence: named.record.Sequence,
		})
	}
	for i := range min(len(policy.Purposes), len(d.verdicts)) {
		t.Purposes = append(t.Purposes, tracePurpose(&d, signals, &subject, i))
	}
	return t
}

type namedRecord struct {
	whose  string
	record *Record
}

// named lists the records present with their owners.
func (s *Subject) named() []namedRecord {
	var all []namedRecord
	for _, n := range []namedRecord{{"visitor", s.Visitor}, {"contact", s.Contact}, {"second contact", s.Second}} {
		if n.record != nil {
			all = append(all, n)
		}
	}
	return all
}

func (s *Signals) trace() []TraceSignal {
	all := []TraceSignal{
		{Source: SourceGPC.String(), Reading: s.GPC.String()},
		{Source: SourceDNT.String(), Reading: s.DNT.String()},
	}
	if s.Count < 0 || s.Count > MaxStatements {
		return append(all, TraceSignal{Source: SourceUnreadable.String(), Reading: Unreadable.String()})
	}
	used := s.used()
	for i := range used {
		reading := "read"
		if used[i].Broken {
			reading = Unreadable.String()
		}
		all = append(all, TraceSignal{Source: used[i].Source.String(), Reading: reading})
	}
	return all
}

func tracePurpose(d *Decision, signals *Signals, subject *Subject, i int) TracePurpose {
	p, v := &d.policy.Purposes[i], d.verdicts[i]
	t := TracePurpose{
		ID: p.ID, Kind: p.Kind.String(), Basis: p.Basis.String(), Version: p.Version,
		Outcome: v.Outcome.String(), By: v.By.String(), Holder: v.Holder.String(),
		Rule: rule(p, v), Why: why(p, v), Inputs: []TraceInput{},
	}
	for _, n := range subject.named() {
		t.Inputs = append(t.Inputs, recordInput(p, n))
	}
	if signals.GPC != Absent {
		t.Inputs = append(t.Inputs, TraceInput{Source: SourceGPC.String(), Reading: p.GPC.String()})
	}
	if signals.DNT != Absent {
		t.Inputs = append(t.Inputs, TraceInput{Source: SourceDNT.String(), Reading: p.DNT.String()})
	}
	used := signals.used()
	for j := range used {
		t.Inputs = append(t.Inputs, statementInput(&used[j], subject, i))
	}
	if p.Basis == BasisRelated {
		t.Inputs = append(t.Inputs, relatedInput(d, p))
	}
	return t
}

// recordInput tells what is on record about the purpose for one identity.
func recordInput(p *Purpose, n namedRecord) TraceInput {
	in := TraceInput{Source: SourceLedger.String(), Whose: n.whose, Reading: ChoiceUnset.String()}
	if p.Bit >= event.MaxPurposes {
		return in
	}
	h := &n.record.Purposes[p.Bit]
	in.Reading = h.Choice.String()
	switch {
	case h.Choice == ChoiceGiven && h.Version != p.Version:
		in.Note = "given for another version of the purpose, so it must be asked again"
	case h.Choice == ChoiceGiven && n.whose == "second contact":
		in.Note = "a second contact can refuse only"
	}
	return in
}

// statementInput tells what one consent tool says about the purpose.
func statementInput(st *Statement, subject *Subject, i int) TraceInput {
	in := TraceInput{Source: st.Source.String(), Whose: subject.Speaks.String(), Reading: st.Readings[i].String()}
	granted := st.Readings[i] == Granted
	switch {
	case st.Broken:
		in.Reading, in.Note = Unreadable.String(), "it is there but cannot be read"
	case granted && subject.Speaks == SpeaksForNobody:
		in.Note = "the request may grant for nobody"
	case granted && subject.Speaks == SpeaksForVisitor && subject.Server && subject.Contact != nil:
		in.Note = "a server's event about a contact never inherits a visitor's grant"
	case granted && subject.Speaks == SpeaksForContact && st.Source == SourceCookie:
		in.Note = "a browser's cookie never grants for a contact"
	}
	return in
}

// relatedInput tells how the other purpose stands.
func relatedInput(d *Decision, p *Purpose) TraceInput {
	in := TraceInput{Source: SourceBasis.String(), Whose: string(p.Related), Reading: Deny.String()}
	if j := d.policy.Find(p.Related); j >= 0 {
		in.Reading = d.Verdict(j).Outcome.String()
	}
	if !p.Compatible {
		in.Note = "no compatibility test and notice are recorded"
	}
	return in
}

// rule names the rule that gave the verdict.
func rule(p *Purpose, v Verdict) string {
	switch {
	case v.Outcome == Allow && p.Basis == BasisConsent:
		return "grant"
	case v.Outcome == Allow && p.Basis == BasisRelated:
		return "related"
	case v.Outcome == Allow:
		return "interest"
	case v.By == SourceErased || v.By == SourceRestricted:
		return "state"
	case v.By == SourceDefault:
		return "default"
	default:
		return "refusal"
	}
}

var refusals = map[Source]string{
	SourceGPC:        "The browser sends Global Privacy Control, which this site lets refuse the purpose.",
	SourceDNT:        "The browser sends Do Not Track, which this site lets refuse the purpose.",
	SourceRequest:    "The consent object in the request refuses the purpose.",
	SourceCookie:     "The choice in the consent cookie refuses the purpose.",
	SourceSegment:    "A Segment consent category refuses the purpose.",
	SourceLedger:     "A refusal, withdrawal or objection is on record.",
	SourceSwitch:     "Profiling is switched off for the contact.",
	SourceRestricted: "Processing of the data subject is restricted (GDPR Art. 18).",
	SourceErased:     "The data subject was erased (GDPR Art. 17).",
	SourceUnreadable: "A signal is present but cannot be read, so only measurement without identity may go on.",
	SourceNoOrigin:   "A public key without an Origin may only measure without identity.",

	SourceADPC:        "The browser withdraws or objects by Advanced Data Protection Control.",
	SourceTCF:         "The TC string in the request refuses the purpose.",
	SourceGPP:         "The GPP string in the request opts out of the purpose.",
	SourceUSPrivacy:   "The us_privacy string in the request opts out of the purpose.",
	SourceGoogle:      "A key of Google's consent mode denies the purpose.",
	SourceRudderStack: "A RudderStack consent category refuses the purpose.",
	SourceOptOut:      "An opt-out by Global Privacy Control is on record for the contact.",
	SourceCriminal:    "Data relating to criminal convictions is not taken in (GDPR Art. 10).",
	SourceSpecial:     "A special category of data needs an explicit grant on record (GDPR Art. 9).",
	SourceMinor:       "A minor is not profiled, and needs a guardian's verified grant (GDPR Art. 8).",
}

// why says in one sentence what decided.
func why(p *Purpose, v Verdict) string {
	switch {
	case v.Outcome == Allow && v.By == SourceLedger:
		return "An explicit grant of the " + v.Holder.String() + " is on record for this version of the purpose."
	case v.Outcome == Allow && p.Basis == BasisConsent:
		return "The request grants the purpose for the " + v.Holder.String() + ", and nothing refuses it."
	case v.Outcome == Allow && p.Basis == BasisRelated:
		return "The purpose is compatible with " + string(p.Related) + ", which is allowed, and nobody objects."
	case v.Outcome == Allow:
		return "The purpose rests on a legitimate interest and nobody objects."
	case v.By == SourceDefault && p.Basis == BasisConsent:
		return "Nobody who may has granted the purpose, so it is denied."
	case v.By == SourceDefault:
		return "The purpose has no legal basis that holds here, so it is denied."
	default:
		return refusals[v.By]
	}
}
