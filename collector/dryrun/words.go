package dryrun

import "zgoda/consent"

// why says in words how the two policies decided.
func why(live, candidate int) string {
	return "Now " + clause(live) + "; with the candidate " + clause(candidate) + "."
}

func clause(code int) string {
	switch {
	case code == codeAbsent:
		return "there is no such purpose"
	case outcome(code) == consent.Allow:
		return "allowed, since " + because(grounds[:], source(code))
	default:
		return "denied, since " + because(obstacles[:], source(code))
	}
}

func because(words []string, s consent.Source) string {
	if int(s) < len(words) && words[s] != "" {
		return words[s]
	}
	return s.String() + " decided"
}

// obstacles say why a source denied.
var obstacles = [consent.SourceCount]string{
	consent.SourceDefault:     "nobody who may has granted it",
	consent.SourceGPC:         "the browser sends Global Privacy Control",
	consent.SourceDNT:         "the browser sends Do Not Track",
	consent.SourceRequest:     "the consent object in the request refuses it",
	consent.SourceCookie:      "the choice in the consent cookie refuses it",
	consent.SourceSegment:     "a Segment consent category refuses it",
	consent.SourceLedger:      "a refusal, withdrawal or objection is on record",
	consent.SourceSwitch:      "profiling is switched off for the contact",
	consent.SourceRestricted:  "processing of the contact is restricted",
	consent.SourceErased:      "the contact was erased",
	consent.SourceUnreadable:  "a signal in the request cannot be read",
	consent.SourceBasis:       "its legal basis does not hold here",
	consent.SourceNoOrigin:    "a public key came without an Origin",
	consent.SourceADPC:        "the browser withdraws or objects by ADPC",
	consent.SourceTCF:         "the TC string refuses it",
	consent.SourceGPP:         "the GPP string opts out of it",
	consent.SourceUSPrivacy:   "the us_privacy string opts out of it",
	consent.SourceGoogle:      "a key of Google's consent mode denies it",
	consent.SourceRudderStack: "a RudderStack consent category refuses it",
	consent.SourceOptOut:      "an opt-out by Global Privacy Control is on record",
	consent.SourceCriminal:    "the data relates to criminal convictions",
	consent.SourceSpecial:     "special categories of data need a grant on record",
	consent.SourceMinor:       "the person is a minor, or the page is for children",
}

// grounds say why a source allowed.
var grounds = [consent.SourceCount]string{
	consent.SourceRequest:     "the consent object in the request grants it",
	consent.SourceCookie:      "the choice in the consent cookie grants it",
	consent.SourceSegment:     "a Segment consent category grants it",
	consent.SourceLedger:      "a grant is on record",
	consent.SourceBasis:       "it needs no grant and nobody objects",
	consent.SourceADPC:        "the browser grants it by ADPC",
	consent.SourceTCF:         "the TC string grants it",
	consent.SourceGoogle:      "Google's consent mode grants it",
	consent.SourceRudderStack: "a RudderStack consent category grants it",
}
