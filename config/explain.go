package config

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"zgoda/consent"
)

// Explain writes in sentences what a valid site does: what each purpose is for,
// on which basis, for how long, what signals and consent tools do to it, where
// the rules differ, and what counts as special data.
func (s SiteConfig) Explain(w io.Writer) error {
	policy, err := s.policy()
	if err != nil {
		return err
	}
	e := &explainer{}
	e.site(&s, policy)
	for i := range policy.Purposes {
		e.purpose(&s.Purposes[i], &policy.Purposes[i])
	}
	e.tools(&s)
	for i := range policy.Tables {
		e.table(policy, &policy.Tables[i])
	}
	e.sensitive(&s, policy)
	if _, err := io.WriteString(w, e.b.String()); err != nil {
		return fmt.Errorf("explain the site: %w", err)
	}
	return nil
}

type explainer struct{ b strings.Builder }

func (e *explainer) line(format string, args ...any) { fmt.Fprintf(&e.b, format+"\n", args...) }

func (e *explainer) site(s *SiteConfig, policy *consent.Policy) {
	e.line("Site %s of %s, policy version %d, texts version %d.", s.ID, s.Controller.Name, policy.Revision, policy.Version)
	switch policy.Establishment {
	case consent.JurisdictionUnknown:
		e.line("  Where the controller is established is not said, so everybody gets the strictest of all rules.")
	case consent.JurisdictionEU:
		e.line("  The controller is established in %s: the rules of the EU hold for everybody, wherever they are, beside those of their own country.", s.Controller.Establishment)
	default:
		e.line("  The controller is established in %s: the rules of %s hold for everybody, beside those of their own country. Whose country is not known gets the strictest of all rules.",
			s.Controller.Establishment, place(policy.Establishment))
	}
	if len(s.OutsideEURules) > 0 {
		e.line("  %s is held apart from the rules of the EU.", join(s.OutsideEURules, "and"))
	}
	if s.loopback {
		e.line("  Its key works for clients on loopback only.")
	} else if len(s.Origins) == 0 && len(s.Keys.Public) > 0 {
		e.line("  No origin is listed, so browsers can send nothing but measurement.")
	}
	e.line("  %s", releaseSentence(s))
	for _, sentence := range cookielessSentences(s) {
		e.line("  %s", sentence)
	}
	if slices.ContainsFunc(policy.Purposes, func(p consent.Purpose) bool { return p.TCF.Purposes != 0 }) {
		if policy.Vendor != 0 {
			e.line("  TC strings are read for the vendor %d: it must be disclosed and agreed to as well.", policy.Vendor)
		} else {
			e.line("  TC strings are read without a vendor: by the publisher's segment where there is one, else by their purposes.")
		}
	}
}

func (e *explainer) purpose(c *PurposeConfig, p *consent.Purpose) {
	e.line("  %s (%s, version %d, bit %d): %s %s", p.ID, p.Kind, p.Version, p.Bit, basisSentence(p), keptSentence(c, p))
	e.line("    %s", deviceSentence(p))
	e.line("    %s", strings.Join([]string{reachOf("GPC", p.GPC), reachOf("DNT", p.DNT), adpcSentence(p.ADPC)}, " "))
	e.line("    %s", tcfSentence(p))
	e.line("    %s", usSentence(p.US))
	e.line("    %s", googleSentence(p))
	if p.Basis == consent.BasisConsent {
		e.line("    %s", grantSentence(c, p))
	}
}

func keptSentence(c *PurposeConfig, p *consent.Purpose) string {
	if p.Kind == consent.KindMarketing || p.Kind == consent.KindSharing {
		return "No row is kept for it alone; it is noted on rows of others for " + c.Retention + "."
	}
	return "Rows are kept " + c.Retention + "."
}

func basisSentence(p *consent.Purpose) string {
	switch p.Basis {
	case consent.BasisConsent:
		return "Needs an explicit grant, and is denied until there is one."
	case consent.BasisLegitimateInterest:
		return "Rests on a legitimate interest and ends with any objection."
	case consent.BasisContract:
		return "Is needed for a contract with the person (GDPR Art. 6(1)(b)): asked of nobody, and not objected to."
	case consent.BasisRelated:
		text := "Is compatible with " + string(p.Related) + " and allowed where that is and nobody objects."
		if p.Named {
			text += " The text of " + string(p.Related) + " names it."
		}
		return text
	default:
		return "Has no basis and is never allowed."
	}
}

func deviceSentence(p *consent.Purpose) string {
	switch {
	case !p.Terminal:
		return "Nothing is stored or read on the device."
	case p.Exemption != "":
		e, _ := exemptionOf(p.Exemption)
		return "Uses the device under the exemption " + p.Exemption + " (" + e.source + ")."
	case p.Basis == consent.BasisConsent:
		return "May use the device once agreed to."
	default:
		return "Uses the device without consent, which the rules of the EU do not allow; there it needs a grant."
	}
}

func reachOf(signal string, r consent.Reach) string {
	switch r {
	case consent.ReachIgnore:
		return signal + " leaves it to the person's choice."
	case consent.ReachAsk:
		return signal + " refuses it, unless the person agreed in the dialogue while the signal was present."
	default:
		return signal + " refuses it."
	}
}

func adpcSentence(r consent.Reach) string {
	switch r {
	case consent.ReachIgnore:
		return "A withdrawal or objection by ADPC is ignored."
	case consent.ReachAsk:
		return "A withdrawal or objection by ADPC refuses it, unless the person agreed in the dialogue beside it."
	default:
		return "A withdrawal or objection by ADPC refuses it."
	}
}

func tcfSentence(p *consent.Purpose) string {
	m := p.TCF
	if m.Purposes == 0 && m.Features == 0 {
		return "A TC string says nothing about it."
	}
	var needs []string
	if n := numbers(uint64(m.Purposes)); len(n) > 0 {
		needs = append(needs, plural("TCF purpose", n))
	}
	if n := numbers(uint64(m.Features)); len(n) > 0 {
		needs = append(needs, plural("special feature", n))
	}
	basis := "agreed to"
	text := "A TC string refuses it unless %s are all %s, and then grants it."
	if m.Basis == consent.BasisLegitimateInterest {
		basis = "shown and not objected to"
		text = "A TC string refuses it unless %s are all %s, and never grants it."
	} else if p.Basis != consent.BasisConsent {
		text = "A TC string refuses it unless %s are all %s, and never grants it."
	}
	text = fmt.Sprintf(text, strings.Join(needs, " and "), basis)
	if m.Flexible {
		text += " A publisher may turn the basis."
	}
	return text
}

func plural(what string, numbers []string) string {
	if len(numbers) > 1 {
		what += "s"
	}
	return what + " " + join(numbers, "and")
}

func usSentence(o consent.USOptOuts) string {
	var names []string
	for _, known := range optOuts {
		if o.Has(known.bit) {
			names = append(names, strings.ReplaceAll(known.name, "_", " "))
		}
	}
	if len(names) == 0 {
		return "Opt-outs in GPP and us_privacy strings say nothing about it."
	}
	return "GPP and us_privacy strings refuse it by an opt-out of " + join(names, "or") + ", and never grant it."
}

func googleSentence(p *consent.Purpose) string {
	names := p.Google.Names()
	if len(names) == 0 {
		return "Google's consent mode says nothing about it."
	}
	text := "Google's consent mode refuses it when " + join(names, "or") + " is denied"
	if p.Basis == consent.BasisConsent {
		if len(names) == 1 {
			return text + ", and grants it when that is granted."
		}
		return text + ", and grants it when all are granted."
	}
	return text + ", and never grants it."
}

func grantSentence(c *PurposeConfig, p *consent.Purpose) string {
	text := ""
	if len(c.Uses) > 0 {
		text = "Its text names the further use for " + join(c.Uses, "and") + "; a grant is for no other. "
	}
	text += "A grant counts for as long as this version is in force."
	if c.RenewAfter != "" {
		text = strings.Replace(text, "for as long as this version is in force.", "for "+c.RenewAfter+" and is then asked again.", 1)
	}
	switch {
	case p.Guardian:
		text += " For a minor a guardian must give it."
	default:
		text += " Below the national age a guardian must give it."
	}
	if p.Kind == consent.KindProfiling {
		text += " A known minor is never profiled."
	}
	if p.Special {
		text += " Special categories of data are taken in on an explicit grant in the ledger."
	}
	return text
}

// numbers returns the places of the bits, from 1.
func numbers(bits uint64) []string {
	var all []string
	for n := 1; bits != 0; n, bits = n+1, bits>>1 {
		if bits&1 != 0 {
			all = append(all, fmt.Sprint(n))
		}
	}
	return all
}

// join writes a list for people: "a", "a and b", "a, b and c".
func join(names []string, word string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
}
