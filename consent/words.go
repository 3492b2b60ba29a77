package consent

import "strings"

// basisName names what the purpose rests on here.
func (c *verdictCase) basisName(i int) string {
	on := c.ground.rule(c.policy, i).bases
	var names []string
	for b := range Basis(len(basisNames)) {
		if on.has(b) {
			names = append(names, b.String())
		}
	}
	return strings.Join(names, " and ")
}

// ruleName names the rule that gave the verdict.
func (c *verdictCase) ruleName(i int, v Verdict) string {
	on := c.ground.rule(c.policy, i).bases
	switch {
	case v.Outcome == Allow && on.has(BasisConsent):
		return "grant"
	case v.Outcome == Allow && on.has(BasisRelated):
		return "related"
	case v.Outcome == Allow && on == 1<<BasisContract:
		return "contract"
	case v.Outcome == Allow:
		return "interest"
	}
	switch v.By {
	case SourceErased, SourceRestricted:
		return "state"
	case SourceCriminal, SourceSpecial, SourceMinor:
		return "class"
	case SourceDefault:
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
func (c *verdictCase) why(i int, v Verdict) string {
	rule := c.ground.rule(c.policy, i)
	p, on := &c.policy.Purposes[i], rule.bases
	if v.Outcome == Allow {
		return whyAllowed(p, on, v)
	}
	switch {
	case v.By != SourceDefault:
		return refusals[v.By]
	case rule.device:
		return "The purpose stores or reads on the device with neither consent nor a national exemption (ePrivacy Art. 5(3)), so it is denied."
	case c.tooEarly(p, &rule):
		return "The event was made before anybody had chosen about the purpose, and no grant on its page released it, so it is denied."
	case on.has(BasisConsent):
		return "Nobody who may has granted the purpose, so it is denied."
	default:
		return "The purpose has no legal basis that holds here, so it is denied."
	}
}

func whyAllowed(p *Purpose, on bases, v Verdict) string {
	switch {
	case v.By == SourceLedger:
		return "An explicit grant of the " + v.Holder.String() + " is on record for this version of the purpose."
	case on.has(BasisConsent):
		return "The request grants the purpose for the " + v.Holder.String() + ", and nothing refuses it."
	case on.has(BasisRelated):
		return "The purpose is compatible with " + string(p.Related) + ", which is allowed, and nobody objects."
	case on == 1<<BasisContract:
		return "The purpose is needed for a contract with the person (GDPR Art. 6(1)(b))."
	default:
		return "The purpose rests on a legitimate interest and nobody objects."
	}
}
