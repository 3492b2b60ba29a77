package config

import (
	"strings"

	"zgoda/consent"
)

// place names a jurisdiction for people.
func place(j consent.Jurisdiction) string {
	switch {
	case j == consent.JurisdictionEU:
		return "the EU"
	case j == consent.JurisdictionUS:
		return "the US"
	case j.American():
		return "the US state " + strings.ToUpper(strings.TrimPrefix(j.String(), "us-"))
	case j == consent.JurisdictionOther:
		return "other countries"
	default:
		return "countries that are not known"
	}
}

// table tells where the rules of a jurisdiction differ from those above.
func (e *explainer) table(policy *consent.Policy, t *consent.Table) {
	e.line("  Under the rules of %s:", place(t.Jurisdiction))
	same := true
	for i := range t.Rules {
		p, r := &policy.Purposes[i], t.Rules[i]
		if r == p.Rule() {
			continue
		}
		same = false
		var parts []string
		if r.Basis != p.Basis {
			there := *p
			there.Basis = r.Basis
			parts = append(parts, basisSentence(&there))
		}
		if r.GPC != p.GPC {
			parts = append(parts, reachOf("GPC", r.GPC))
		}
		if r.DNT != p.DNT {
			parts = append(parts, reachOf("DNT", r.DNT))
		}
		if r.ADPC != p.ADPC {
			parts = append(parts, adpcSentence(r.ADPC))
		}
		e.line("    %s: %s", p.ID, strings.Join(parts, " "))
	}
	if same {
		e.line("    nothing differs.")
	}
}

// tools tells how the categories of consent tools are read.
func (e *explainer) tools(s *SiteConfig) {
	var parts []string
	for _, category := range sortedKeys(s.Categories) {
		parts = append(parts, category+" stands for "+s.Categories[category])
	}
	if len(parts) == 0 {
		e.line("  Categories of Segment and RudderStack stand for the purpose of the same id.")
		return
	}
	e.line("  Of the categories of Segment and RudderStack %s; any other stands for the purpose of the same id.", join(parts, "and"))
}

// sensitive tells what counts as special data, and what follows.
func (e *explainer) sensitive(s *SiteConfig, policy *consent.Policy) {
	var holders []string
	for i := range policy.Purposes {
		if policy.Purposes[i].Special {
			holders = append(holders, string(policy.Purposes[i].ID))
		}
	}
	special := "They are stored under no purpose, since none may have them."
	if len(holders) > 0 {
		special = "They are stored under " + join(holders, "and") + " alone, and only on an explicit grant in the ledger (GDPR Art. 9)."
	}
	for _, class := range []struct {
		name, then string
		list       *Sensitive
	}{
		{"relate to criminal convictions", "They are not taken in (GDPR Art. 10).", &s.Criminal},
		{"hold special categories of data", special, &s.Special},
		{"are for children", "They never profile, and a guardian must have agreed (GDPR Art. 8).", &s.Child},
	} {
		if !class.list.empty() {
			e.line("  Events %s when %s. %s", class.name, class.list.matches(), class.then)
		}
	}
}

func (l *Sensitive) matches() string {
	var parts []string
	for _, list := range []struct {
		one   string
		names []string
	}{{"the page is below ", l.Paths}, {"the event is called ", l.Events}, {"a property or trait is called ", l.Keys}} {
		if len(list.names) > 0 {
			parts = append(parts, list.one+join(list.names, "or"))
		}
	}
	return join(parts, "or")
}
