package person

import (
	"testing"

	"zgoda/event"
)

// TestOneAndTheSame: writings that lead to one contact, and writings that look
// alike and do not.
func TestOneAndTheSame(t *testing.T) {
	tests := []struct {
		kind     event.IdentifierKind
		put      string
		same     []string
		distinct []string
	}{
		{
			event.KindEmail, "Jana.Nov\u00e1kov\u00e1+shop@Example.SK",
			[]string{"jana.nov\u00e1kov\u00e1+shop@example.sk", " JANA.NOVA\u0301KOVA\u0301+SHOP@EXAMPLE.SK\t"},
			[]string{ // a plus-address is an address of its own, and no dots and no accents are dropped
				"jana.nov\u00e1kov\u00e1@example.sk", "jana.nov\u00e1kov\u00e1+work@example.sk", "jananov\u00e1kov\u00e1+shop@example.sk",
				"jana.novakova+shop@example.sk", "jana.nov\u00e1kov\u00e1+shop@example.cz",
				"j\u0430na.nov\u00e1kov\u00e1+shop@example.sk", // a Cyrillic a
			},
		},
		{
			event.KindEmail, "stra\u00dfe@example.de",
			[]string{"STRA\u1e9eE@EXAMPLE.DE"},
			[]string{"strasse@example.de"},
		},
		{
			event.KindPhone, "+421 905 123 456",
			[]string{"00421905123456", "+421(0)905/123-456", "\uff0b421\u00a0905\u2011123\u2011456", "\u202a+421905123456\u202c"},
			[]string{"0905123456", "905123456", "+420905123456", "+421905123457", "+4219051234560"},
		},
		{event.KindCustomerID, "K/7", nil, []string{"k/7", "K/7 ", "K7", "K/07"}},
		{event.KindUserID, "Jana", nil, []string{"jana", "Jana ", "Ja\u0301na"}},
	}
	for _, test := range tests {
		h := small(t)
		id := h.mint(t, "a user of another name")
		h.put(t, id, Datum{Kind: test.kind, Value: test.put, Source: "order form"})
		for _, text := range test.same {
			if h.of(t, test.kind, text) != id {
				t.Errorf("%s %+q: does not lead to %+q", test.kind, text, test.put)
			}
		}
		for _, text := range test.distinct {
			if h.of(t, test.kind, text) != 0 {
				t.Errorf("%s %+q: leads to %+q", test.kind, text, test.put)
			}
		}
		for _, kind := range []event.IdentifierKind{event.KindUserID, event.KindCustomerID} {
			if kind != test.kind && h.of(t, kind, test.put) != 0 {
				t.Errorf("%+q: the same text of another kind leads here", test.put)
			}
		}
	}
}
