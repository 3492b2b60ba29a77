package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// decision is the trace of one decision as the console sends it.
type decision struct {
	Site          string
	PolicyVersion int    `json:"policy_version"`
	SpeaksFor     string `json:"speaks_for"`
	Server        bool
	NoOrigin      bool `json:"no_origin"`
	Day           string
	Classes       []string
	Places        []struct{ Whose, Jurisdiction string }
	Signals       []struct{ Source, Reading, Carrier, Detail string }
	Records       []struct {
		Whose, State string
		ProfilingOff bool `json:"profiling_off"`
		OptOut       bool `json:"opt_out"`
		Minor, Ward  bool
		Sequence     uint64
	}
	Purposes []decidedPurpose
}

type decidedPurpose struct {
	ID, Kind, Basis, Outcome, By, Rule, Why string
	Strictest                               string
	Jurisdictions                           []struct{ Jurisdiction, Outcome, By string }
	Inputs                                  []struct{ Source, Whose, Reading, Note string }
}

// printTrace writes an explanation in sentences. Decisions may be nested (one
// for each event of a batch); what stands beside them is written as it is.
func printTrace(out io.Writer, raw []byte) error {
	var v any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		return errUnread
	}
	var p tracePrinter
	p.value("", v)
	_, err := out.Write(p.buf.Bytes())
	return err
}

type tracePrinter struct{ buf bytes.Buffer }

func (p *tracePrinter) line(format string, args ...any) {
	p.buf.WriteString(printable(fmt.Sprintf(format, args...)))
	p.buf.WriteByte('\n')
}

// value writes a part of the explanation that is named by its key.
func (p *tracePrinter) value(name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		p.object(name, v)
	case []any:
		for i, item := range v {
			p.value(fmt.Sprintf("%s %d", strings.TrimSuffix(name, "s"), i+1), item)
		}
	case nil:
	default:
		p.line("%s: %v", name, v)
	}
}

func (p *tracePrinter) object(name string, o map[string]any) {
	if d, ok := asDecision(o); ok {
		p.decision(d)
		return
	}
	if e, ok := asEvent(o); ok {
		p.event(e)
		return
	}
	if name != "" {
		p.line("%s:", name)
	}
	// What says most in a word comes first, then what is nested.
	keys := slices.SortedFunc(maps.Keys(o), func(a, b string) int {
		if x, y := nested(o[a]), nested(o[b]); x != y {
			if y {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, k := range keys {
		p.value(strings.ReplaceAll(k, "_", " "), o[k])
	}
}

func nested(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	default:
		return false
	}
}

// asDecision recognises the trace of a decision.
func asDecision(o map[string]any) (d decision, ok bool) {
	_, hasPurposes := o["purposes"].([]any)
	_, hasSignals := o["signals"].([]any)
	if !hasPurposes || !hasSignals {
		return d, false
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return d, false
	}
	return d, json.Unmarshal(raw, &d) == nil
}

// explained is one event of a request as the console sends it.
type explained struct {
	Index                            int
	Type, Fate, Reason, Field, Scope string
	Claim, Visitor, Contact          bool
	Held, Released                   bool
	Header                           string
	Decision                         *decision
}

// asEvent recognises one event of a request.
func asEvent(o map[string]any) (e explained, ok bool) {
	_, hasFate := o["fate"].(string)
	_, hasIndex := o["index"].(json.Number)
	if !hasFate || !hasIndex {
		return e, false
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return e, false
	}
	return e, json.Unmarshal(raw, &e) == nil
}

func (p *tracePrinter) event(e explained) {
	text := fmt.Sprintf("Event %d (%s): would be %s", e.Index+1, e.Type, e.Fate)
	if e.Reason != "" {
		text += ", reason " + e.Reason
	}
	if e.Field != "" {
		text += ", field " + e.Field
	}
	if e.Scope != "" {
		text += ", scope " + e.Scope
	}
	p.line("%s.", text)
	switch {
	case e.Contact && e.Visitor:
		p.line("It is about a contact and a visitor.")
	case e.Contact:
		p.line("It is about a contact.")
	case e.Visitor:
		p.line("It is about a visitor.")
	default:
		p.line("It is about nobody.")
	}
	if e.Claim {
		p.line("It claims a contact without a proof, so the claim is left out.")
	}
	switch {
	case e.Released:
		p.line("Its page held it until a grant there released it: its row would be flagged.")
	case e.Held:
		p.line("Its page held it while nobody had chosen, and nothing that counts released it.")
	}
	if e.Header != "" {
		p.line("X-Consent-Decision: %s", e.Header)
	}
	if e.Decision != nil {
		p.decision(*e.Decision)
	}
}

func (p *tracePrinter) decision(d decision) {
	p.line("Site %s, policy version %d. The request speaks for %s.", d.Site, d.PolicyVersion, orNobody(d.SpeaksFor))
	if d.Server {
		p.line("It comes from a server of the controller.")
	}
	if d.NoOrigin {
		p.line("It carries a public key and no Origin, so it may only measure without identity.")
	}
	p.circumstances(d)
	for _, s := range d.Signals {
		text := fmt.Sprintf("Signal %s: %s", s.Source, s.Reading)
		if s.Carrier != "" {
			text += ", in the " + s.Carrier
		}
		if s.Detail != "" {
			text += " (" + s.Detail + ")"
		}
		p.line("%s.", text)
	}
	for _, r := range d.Records {
		text := fmt.Sprintf("On record about the %s: %s", r.Whose, r.State)
		if r.ProfilingOff {
			text += ", profiling switched off"
		}
		if r.OptOut {
			text += ", opted out by Global Privacy Control"
		}
		switch {
		case r.Ward:
			text += ", a minor who needs a guardian"
		case r.Minor:
			text += ", a minor"
		}
		p.line("%s (sequence %d).", text, r.Sequence)
	}
	for _, purpose := range d.Purposes {
		p.purpose(purpose)
	}
}

// circumstances tells when and where it was decided, and about what sort of data.
func (p *tracePrinter) circumstances(d decision) {
	if d.Day != "" && d.Day != "unknown" {
		p.line("Decided as of %s.", d.Day)
	}
	for _, c := range d.Classes {
		p.line("The site classifies the event as %s.", c)
	}
	for _, at := range d.Places {
		if at.Jurisdiction == "unknown" {
			p.line("Place of the %s: unknown, so the strictest rules hold.", at.Whose)
		} else {
			p.line("Place of the %s: %s.", at.Whose, at.Jurisdiction)
		}
	}
}

func (p *tracePrinter) purpose(d decidedPurpose) {
	verb := "denied"
	if d.Outcome == "allow" {
		verb = "allowed"
	}
	p.line("%s (%s, basis %s): %s by %s, rule %s. %s", d.ID, d.Kind, d.Basis, verb, d.By, d.Rule, d.Why)
	if d.Strictest != "" {
		p.line("  The rules of %s are the strictest here.", place(d.Strictest))
		for _, j := range d.Jurisdictions {
			p.line("  alone, %s: %s by %s", place(j.Jurisdiction), j.Outcome, j.By)
		}
	}
	for _, in := range d.Inputs {
		text := "  " + in.Source
		if in.Whose != "" {
			text += " of " + in.Whose
		}
		text += ": " + in.Reading
		if in.Note != "" {
			text += "; " + in.Note
		}
		p.line("%s", text)
	}
}

func orNobody(who string) string {
	if who == "" {
		return "nobody"
	}
	return who
}

// place names a jurisdiction in a sentence.
func place(jurisdiction string) string {
	if jurisdiction == "unknown" {
		return "an unknown place"
	}
	return jurisdiction
}
