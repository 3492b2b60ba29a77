package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"zgoda/consent"
)

// batch is an explanation of two events, with what may stand beside the traces.
func batch(tb testing.TB) []byte {
	tb.Helper()
	policy := &consent.Policy{Site: "demo", Version: 2, Revision: 3, Purposes: []consent.Purpose{
		{ID: "profiling", Kind: consent.KindProfiling, Basis: consent.BasisConsent, Version: 1},
	}}
	signals := consent.Signals{GPC: consent.Present}
	raw, err := json.Marshal(map[string]any{
		"status": 200,
		"events": []any{
			map[string]any{"type": "page", "trace": consent.Explain(policy, &signals, consent.Subject{
				Contact: &consent.Record{ProfilingOff: true, Sequence: 7}, Speaks: consent.SpeaksForContact, Server: true,
			})},
			map[string]any{"type": "track", "reason": nil, "trace": consent.Explain(policy, &consent.Signals{}, consent.Subject{NoOrigin: true})},
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func TestPrintTrace(t *testing.T) {
	var out bytes.Buffer
	if err := printTrace(&out, batch(t)); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	at := 0
	for _, want := range []string{ // in this order
		"status: 200\n", "event 1:\n", "type: page\n",
		"Site demo, policy version 3. The request speaks for contact.\n",
		"It comes from a server of the controller.\n",
		"Signal gpc: present.\n",
		"On record about the contact: active, profiling switched off (sequence 7).\n",
		"profiling (profiling, basis consent): denied by ",
		"  gpc: refuse",
		"event 2:\n", "type: track\n",
		"it may only measure without identity.\n",
	} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("%q is not in its place:\n%s", want, text)
		}
		at += i
	}
}

// Three signals that contradict each other, under rules that differ by place.
func TestPrintContradiction(t *testing.T) {
	policy := &consent.Policy{Site: "shop", Version: 2, Revision: 3, Establishment: consent.JurisdictionUS, Purposes: []consent.Purpose{
		{ID: "profiling", Kind: consent.KindProfiling, Basis: consent.BasisConsent, Version: 1, GPC: consent.ReachIgnore},
	}, Tables: []consent.Table{{Jurisdiction: consent.JurisdictionEU, Rules: []consent.Rule{{Basis: consent.BasisConsent}}}}}
	signals := consent.Signals{GPC: consent.Present}
	tcf := signals.Add(consent.SourceTCF)
	tcf.Carrier, tcf.Detail = consent.CarrierQuery, consent.DetailVendor
	tcf.Say(0, consent.Granted)
	subject := consent.Subject{
		Visitor: &consent.Record{}, Speaks: consent.SpeaksForVisitor, Address: consent.JurisdictionEU, Today: 20000, Class: consent.ClassSpecial,
	}
	for _, c := range []struct {
		google consent.Reading
		class  consent.Class
		want   []string
	}{
		{consent.Granted, 0, []string{
			"Decided as of 2024-10-04.\n", "Place of the establishment: us.\n", "Place of the address: eu.\n",
			"Signal tcf: read, in the query (vendor).\n", "Signal google: read.\n",
			"denied by gpc, rule refusal. The browser sends Global Privacy Control", "  The rules of eu are the strictest here.\n",
			"  alone, eu: deny by gpc\n", "  alone, us: allow by tcf\n", "  gpc: refuse\n", "  tcf of visitor: granted; vendor\n", "  google of visitor: granted\n",
		}},
		{consent.Refused, consent.ClassSpecial, []string{"The site classifies the event as special.\n", "denied by gpc", "  google of visitor: refused\n"}},
	} {
		all := signals
		all.Add(consent.SourceGoogle).Say(0, c.google)
		subject.Class = c.class
		raw, err := json.Marshal(consent.Explain(policy, &all, subject))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := printTrace(&out, raw); err != nil {
			t.Fatal(err)
		}
		text, at := out.String(), 0
		for _, want := range c.want {
			i := strings.Index(text[at:], want)
			if i < 0 {
				t.Fatalf("%q is not in its place:\n%s", want, text)
			}
			at += i
		}
	}
}

func TestPrintExplanation(t *testing.T) {
	var out bytes.Buffer
	if err := printTrace(&out, []byte(`{"site":"demo","key":"public","origin":"listed","events":[
		{"index":0,"type":"identify","fate":"stored","scope":"period","claim":true,"visitor":true,"contact":false,
		 "header":"profiling=deny; by=gpc","decision":{"site":"demo","policy_version":2,"speaks_for":"visitor","signals":[{"source":"gpc","reading":"present"}],"records":[],"purposes":[]}},
		{"index":1,"type":"track","fate":"refused","reason":"malformed","field":"event","claim":false,"visitor":false,"contact":false},
		{"index":2,"type":"page","fate":"stored","scope":"person","held":true,"released":true,"visitor":true},
		{"index":3,"type":"page","fate":"stored","scope":"none","held":true,"released":false,"visitor":true}]}`)); err != nil {
		t.Fatal(err)
	}
	const want = `key: public
origin: listed
site: demo
Event 1 (identify): would be stored, scope period.
It is about a visitor.
It claims a contact without a proof, so the claim is left out.
X-Consent-Decision: profiling=deny; by=gpc
Site demo, policy version 2. The request speaks for visitor.
Signal gpc: present.
Event 2 (track): would be refused, reason malformed, field event.
It is about nobody.
Event 3 (page): would be stored, scope person.
It is about a visitor.
Its page held it until a grant there released it: its row would be flagged.
Event 4 (page): would be stored, scope none.
It is about a visitor.
Its page held it while nobody had chosen, and nothing that counts released it.
`
	if out.String() != want {
		t.Errorf("got:\n%s", out.String())
	}
}

func TestScrub(t *testing.T) {
	for _, c := range []struct {
		text string
		args []string
		want string
	}{
		{"unexpected argument email:a@b.c", []string{"show", "email:a@b.c"}, "unexpected argument [redacted]"},
		{"unknown flag --x=a@b.c", []string{"--x=a@b.c"}, "unknown flag [redacted]"},
		{"got a@b.c", []string{"--x=a@b.c"}, "got [redacted]"},
		{"unexpected argument show", []string{"show"}, "unexpected argument show"},
	} {
		if got := scrub(c.text, c.args); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func FuzzPrintTrace(f *testing.F) {
	f.Add(batch(f))
	f.Add([]byte(`{}`))
	f.Add([]byte(`[1,[2,{"purposes":[],"signals":[]}],null]`))
	f.Add([]byte(`{"purposes":[{"id":"\u001b[2J"}],"signals":[{"source":1}]}`))
	f.Add([]byte("{\"a\":\"\x1b\\u001b\"}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var out bytes.Buffer
		if err := printTrace(&out, raw); err != nil {
			if out.Len() > 0 {
				t.Error("an answer and an error")
			}
			return
		}
		for _, r := range out.String() {
			if r < ' ' && r != '\n' || r == 0x7f {
				t.Fatalf("a control character reaches the terminal: %q", out.String())
			}
		}
	})
}
