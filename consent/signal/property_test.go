package signal

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zgoda/consent"
	"zgoda/jsontape"
)

// allowed is the set of purposes, by index, that a decision by the signals allows
// to a visitor with the record.
func allowed(p *consent.Policy, s *consent.Signals, r *consent.Record) (set uint32) {
	d := consent.Decide(p, s, consent.Subject{Visitor: r, Speaks: consent.SpeaksForVisitor, Today: consent.DayOf(testNow)})
	for i := range p.Purposes {
		if d.Verdict(i).Outcome == consent.Allow {
			set |= 1 << i
		}
	}
	return set
}

// agreed is the record of somebody who agreed to everything.
func agreed(p *consent.Policy) *consent.Record {
	r := &consent.Record{}
	for i := range p.Purposes {
		r.Purposes[p.Purposes[i].Bit] = consent.Held{Choice: consent.ChoiceGiven, Version: p.Purposes[i].Version, Dialogue: true}
	}
	return r
}

func unreadable(s *consent.Signals) bool {
	return slices.ContainsFunc(s.Statements[:s.Count], func(st consent.Statement) bool { return st.Broken })
}

// allowsNothingBroken fails when a decision by what was read allows anything but
// measurement though something of it cannot be read.
func allowsNothingBroken(t interface{ Fatalf(string, ...any) }, p *consent.Policy, s *consent.Signals) {
	if set := allowed(p, s, agreed(p)); unreadable(s) && set&^(1<<measurement) != 0 {
		t.Fatalf("%b is allowed though a signal cannot be read", set)
	}
}

// corpus has, for each place where a signal can stand, what tools write there.
var corpus = map[string][]string{
	"header Sec-GPC":        {"1", "0"},
	"header DNT":            {"1", "0"},
	"header ADPC":           {`consent="analytics.v2"`, `withdraw=*, consent="profiling.v2 marketing.v2"`, `object=direct-marketing`},
	"query gdpr":            {"0", "1"},
	"query gdpr_consent":    {yes.String(), tc{}.String(), tc{purposes: []int{8, 9}}.String()},
	"query gpp":             {gppText(2, yes.String()), gppText(9, virginia(1, 2, 0, 0, 2)), gppText(8, california(2, 2, 1))},
	"query gpp_sid":         {"2", "9", "-1"},
	"query us_privacy":      {"1YYN", "1YNN", "1---"},
	"query gcs":             {"G100", "G111", "G1--"},
	"query gcd":             {"13r3r3r3r5", "11q1q1q1q5", "11p1p1p1p5"},
	"cookie euconsent-v2":   {yes.String(), tc{}.String()},
	"cookie usprivacy":      {"1YYN", "1YNN"},
	"own":                   {"rubbish"},
	"consent":               {`{"analytics":true,"marketing":false}`, `{"choices":{"sharing":true}}`},
	"gpc":                   {"true", "false"},
	"context segment":       {`{"consent":{"categoryPreferences":{"analytics":true}}}`, `{"consent":{"categoryPreferences":{}}}`},
	"context google":        {`{"consent":{"google":{"analytics_storage":"granted","ad_storage":"denied"}}}`},
	"context tools":         {`{"consent":{"tcf":"` + yes.String() + `","gpp":"DBAA","usp":"1YNN"}}`},
	"context rudder":        {`{"consentManagement":{"allowedConsentIds":["analytics","C0004"],"deniedConsentIds":["profiling"]}}`},
	"context nothing of it": {`{"page":{"path":"/"}}`},
}

// put places a text in an input as far as it can stand there.
func put(in *Input, place, text string) {
	kind, name, _ := strings.Cut(place, " ")
	var v jsontape.Value
	if kind == "context" || kind == "consent" || kind == "gpc" {
		if v, _ = jsontape.Parse([]byte(text), 32); !v.Exists() {
			return
		}
	}
	with := func(was Each) Each {
		return func(yield func(name, value []byte) bool) {
			if yield([]byte(name), []byte(text)) && was != nil {
				was(yield)
			}
		}
	}
	withHeader := func(was Named) Named {
		return func(asked string, yield func([]byte) bool) {
			if asked == name && !yield([]byte(text)) {
				return
			}
			if was != nil {
				was(asked, yield)
			}
		}
	}
	switch kind {
	case "header":
		in.Header = withHeader(in.Header)
	case "query":
		in.Query = with(in.Query)
	case "cookie":
		in.Cookies = with(in.Cookies)
	case "own":
		in.Cookie = []byte(text)
	case "consent":
		in.Consent = v
	case "gpc":
		in.GPC = v
	case "context":
		in.Context, in.tools = v, toolsFound{}
	}
}

var places = slices.Sorted(func(yield func(string) bool) {
	for place := range corpus {
		if !yield(place) {
			return
		}
	}
})

// drawInput draws a request with up to eight signals, and records to decide by.
func drawInput(t *rapid.T) (Input, []*consent.Record) {
	in := Input{Now: testNow}
	for _, place := range rapid.SliceOfN(rapid.SampledFrom(places), 0, 8).Draw(t, "places") {
		put(&in, place, rapid.SampledFrom(corpus[place]).Draw(t, place))
	}
	return in, []*consent.Record{{}, agreed(toolPolicy())}
}

func TestOrderOfSignalsDoesNotMatter(t *testing.T) {
	p := toolPolicy()
	rapid.Check(t, func(t *rapid.T) {
		in, records := drawInput(t)
		shuffled := rapid.Permutation(Standard(testJar, nil)).Draw(t, "order")
		var one, two consent.Signals
		a, b := in, in
		ReadAll(Standard(testJar, nil), &a, p, &one)
		ReadAll(shuffled, &b, p, &two)
		for _, r := range records {
			subject := consent.Subject{Visitor: r, Speaks: consent.SpeaksForVisitor, Today: consent.DayOf(testNow)}
			d, e := consent.Decide(p, &one, subject), consent.Decide(p, &two, subject)
			for i := range p.Purposes {
				if d.Verdict(i) != e.Verdict(i) {
					t.Fatalf("%s: %+v or %+v", p.Purposes[i].ID, d.Verdict(i), e.Verdict(i))
				}
			}
		}
	})
}

// Whatever stands in a place where a signal can stand, at random or as a damaged
// copy of what tools write: if it cannot be read, nothing is allowed that would
// not be without it, and nothing but measurement at all.
func TestUnreadableNeverAllowsMore(t *testing.T) {
	p := toolPolicy()
	rapid.Check(t, func(t *rapid.T) {
		in, records := drawInput(t)
		place := rapid.SampledFrom(places).Draw(t, "place")
		text := rapid.OneOf(rapid.Custom(func(t *rapid.T) string {
			return string(rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "bytes"))
		}), rapid.Custom(func(t *rapid.T) string { return damaged(t, rapid.SampledFrom(corpus[place]).Draw(t, "original")) })).Draw(t, "text")
		more := in
		if strings.HasPrefix(place, "context") || place == "own" || place == "consent" || place == "gpc" {
			put(&in, place, "null") // one of them only can stand there
		}
		put(&more, place, text)
		var without, with consent.Signals
		ReadAll(Standard(testJar, nil), &in, p, &without)
		ReadAll(Standard(testJar, nil), &more, p, &with)
		if !unreadable(&with) {
			return
		}
		allowsNothingBroken(t, p, &with)
		for _, r := range records {
			if allowed(p, &with, r)&^allowed(p, &without, r) != 0 && !unreadable(&without) {
				t.Fatalf("%s: what cannot be read allows more", place)
			}
		}
	})
}

// damaged cuts a text or flips one of its bits.
func damaged(t *rapid.T, text string) string {
	if text == "" {
		return text
	}
	at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
	if rapid.Bool().Draw(t, "cut") {
		return text[:at]
	}
	b := []byte(text)
	b[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	return string(b)
}

// A refusal more never allows more.
func TestRefusalMoreNeverAllowsMore(t *testing.T) {
	p := toolPolicy()
	refusals := map[string]string{
		"header Sec-GPC": "1", "header DNT": "1", "header ADPC": "withdraw=*", "query gdpr_consent": tc{}.String(), "query us_privacy": "1YYN",
		"query gpp": gppText(9, virginia(1, 1, 1, 1, 1)), "query gcs": "G100", "cookie euconsent-v2": tc{}.String(), "cookie usprivacy": "1YYY",
	}
	rapid.Check(t, func(t *rapid.T) {
		in, records := drawInput(t)
		place := rapid.SampledFrom(slices.Sorted(func(yield func(string) bool) {
			for place := range refusals {
				if !yield(place) {
					return
				}
			}
		})).Draw(t, "place")
		more := in
		put(&more, place, refusals[place])
		var without, with consent.Signals
		ReadAll(Standard(testJar, nil), &in, p, &without)
		ReadAll(Standard(testJar, nil), &more, p, &with)
		for _, r := range records {
			if extra := allowed(p, &with, r) &^ allowed(p, &without, r); extra != 0 {
				t.Fatalf("%s: a refusal allows %b", place, extra)
			}
		}
	})
}

// FuzzPlaces puts a text into every place at once, one after the other.
func FuzzPlaces(f *testing.F) {
	for _, texts := range corpus {
		for _, text := range texts {
			f.Add(text)
		}
	}
	p, parsers := toolPolicy(), Standard(testJar, nil)
	f.Fuzz(func(t *testing.T, text string) {
		for _, place := range places {
			in := Input{Now: testNow}
			put(&in, place, text)
			var out, again consent.Signals
			ReadAll(parsers, &in, p, &out)
			ReadAll(parsers, &in, p, &again)
			if out != again {
				t.Fatalf("%s: two readings differ", place)
			}
			allowsNothingBroken(t, p, &out)
			if strings.HasPrefix(place, "query us") || place == "cookie usprivacy" || place == "query gcs" {
				if set := allowed(p, &out, &consent.Record{}); set&^(1<<measurement|1<<interest) != 0 {
					t.Fatalf("%s grants %b", place, set)
				}
			}
		}
	})
}
