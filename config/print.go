package config

import (
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"

	"zgoda/consent"
)

// Print writes the configuration as YAML, without secrets: of those it names
// the files, and of ClickHouse's address it leaves out user and password.
func (c Config) Print(w io.Writer) error {
	b, err := yaml.MarshalWithOptions(c, yaml.IndentSequence(true))
	if err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	return nil
}

// Explain writes in sentences what a valid site does: what each purpose is for,
// on which basis, for how long, and which browser signal reaches it.
func (s SiteConfig) Explain(w io.Writer) error {
	policy, err := s.policy()
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Site %s of %s, policy version %d, texts version %d, under the rules of %s.\n",
		s.ID, s.Controller.Name, policy.Revision, policy.Version, strings.ToUpper(s.Controller.Jurisdiction()))
	if s.loopback {
		b.WriteString("  Its key works for clients on loopback only.\n")
	} else if len(s.Origins) == 0 && len(s.Keys.Public) > 0 {
		b.WriteString("  No origin is listed, so browsers can send nothing but measurement.\n")
	}
	for i := range policy.Purposes {
		p := &policy.Purposes[i]
		fmt.Fprintf(&b, "  %s (%s, version %d, bit %d): %s Rows are kept %s. %s %s\n", p.ID, p.Kind, p.Version, p.Bit,
			basisSentence(p), s.Purposes[i].Retention, deviceSentence(&s.Purposes[i]), reachSentence(p))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("explain the site: %w", err)
	}
	return nil
}

func basisSentence(p *consent.Purpose) string {
	switch p.Basis {
	case consent.BasisConsent:
		return "Needs an explicit grant."
	case consent.BasisLegitimateInterest:
		return "Rests on a legitimate interest and ends with any objection."
	case consent.BasisRelated:
		return "Is compatible with " + string(p.Related) + " and allowed where that is."
	default:
		return "Has no basis and is never allowed."
	}
}

func deviceSentence(p *PurposeConfig) string {
	switch {
	case !p.onDevice():
		return "Nothing is stored or read on the device."
	case p.Exemption != "":
		return "Uses the device under the exemption " + p.Exemption + "."
	default:
		return "May use the device once agreed to."
	}
}

func reachSentence(p *consent.Purpose) string {
	return reachOf("GPC", p.GPC) + " " + reachOf("DNT", p.DNT)
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
