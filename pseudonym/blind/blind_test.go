package blind

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"zgoda/event"
	"zgoda/pseudonym/secret"
)

// testKey is 00 01 02 ... 1f.
func testKey() secret.Bytes {
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(i)
	}
	return secret.New(key)
}

func testBlinder() *Blinder { return NewBlinder(GateKeys{{Version: 7, Key: testKey()}}) }

// The vectors were computed apart, with Python's hmac module.
func TestBlindVectors(t *testing.T) {
	b := testBlinder()
	tests := []struct {
		site  event.SiteID
		kind  event.IdentifierKind
		value string
		want  string
	}{
		{"shop", event.KindUserID, "user-1", "2c5e1eea23b15e530ee2acdf936ec3c72cf23034599f2be86c20839542d234d2"},
		{"shop", event.KindEmail, " Jana@Example.ORG ", "0b7fb786f95a18d291f12eaa5cea60b76d6fb6d10bc73599d2fa90c5fdeab4db"},
		{"blog", event.KindEmail, "jana@example.org", "d8797baa8cfb606ae300a10781a31232576934017f3933a8988d25f647ac8af4"},
		{"shop", event.KindPhone, "00421 905 123 456", "4e069460181c678b392a795c49d23a11e6beeaaf49eb3013a7b60d373514ba34"},
		{"shop", event.KindVisitor, "0123456789abcdef", "9bb3f0f61819726b6a6f23ff56ef2b282afa44cbe3cb1e153f0d790271017189"},
		{"shop", event.KindCustomerID, "K/7", "d032cc2a3bf79b1aa98f3c738a9b5c180e5d9b3d173924e2e9fc435638231faf"},
	}
	for _, test := range tests {
		h1, err := b.Blind(test.site, test.kind, []byte(test.value))
		if err != nil || hex.EncodeToString(h1[:]) != test.want {
			t.Errorf("%s %s %q: %x, %v, want %s", test.site, test.kind, test.value, h1[:], err, test.want)
		}
	}
	other := b.BlindOther("shop", "group", []byte("g1"))
	if got := hex.EncodeToString(other[:]); got != "7d5a78f10ee6d751f61eb2996944b991d2d82f2c14cf449481ec605400f38116" {
		t.Errorf("BlindOther: %s", got)
	}
}

func TestBlindWithoutKey(t *testing.T) {
	for _, keys := range []GateKeys{nil, {}, {{Version: 1}}, {{Version: 1, Key: secret.New(nil)}}} {
		b := NewBlinder(keys)
		if h1, err := b.Blind("shop", event.KindUserID, []byte("u")); !errors.Is(err, ErrNoGateKey) || !h1.IsZero() {
			t.Errorf("blinded without a key: %v", err)
		}
		if !b.BlindOther("shop", "group", []byte("g")).IsZero() {
			t.Error("BlindOther without a key")
		}
	}
	if !testBlinder().BlindOther("shop", "group", nil).IsZero() {
		t.Error("BlindOther of nothing is something")
	}
}

// asked is everything that must tell two hashes apart.
type asked struct {
	site, domain, value string
	other               bool
}

func TestBlindTellsApart(t *testing.T) {
	b := testBlinder()
	text := rapid.StringMatching(`[a-z]{1,4}`)
	draw := rapid.Custom(func(t *rapid.T) asked {
		a := asked{site: text.Draw(t, "site"), value: text.Draw(t, "value"), other: rapid.Bool().Draw(t, "other")}
		if a.other {
			a.domain = rapid.SampledFrom([]string{"group", "message", "user_id", "visitor"}).Draw(t, "domain")
		} else {
			a.domain = rapid.SampledFrom([]string{"user_id", "visitor", "customer_id"}).Draw(t, "kind")
		}
		return a
	})
	hash := func(t *rapid.T, a asked) event.Blinded {
		if a.other {
			return b.BlindOther(event.SiteID(a.site), a.domain, []byte(a.value))
		}
		kind, value, err := event.ParseIdentifier(a.domain + ":" + a.value)
		if err != nil {
			t.Fatal(err)
		}
		h1, err := b.Blind(event.SiteID(a.site), kind, []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		return h1
	}
	rapid.Check(t, func(t *rapid.T) {
		one, two := draw.Draw(t, "one"), draw.Draw(t, "two")
		if (hash(t, one) == hash(t, two)) != (one == two) {
			t.Fatalf("%+v and %+v", one, two)
		}
	})
}

func TestBlindFieldsDoNotRunTogether(t *testing.T) {
	b := testBlinder()
	one, _ := b.Blind("shop", event.KindUserID, []byte("1x"))
	two, _ := b.Blind("shop1", event.KindUserID, []byte("x"))
	if one == two {
		t.Error("a byte moved from one field to the next changes nothing")
	}
}

func TestBlindConcurrently(t *testing.T) {
	b := testBlinder()
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			value := fmt.Appendf(nil, "user-%d", worker)
			want, err := testBlinder().Blind("shop", event.KindUserID, value)
			if err != nil {
				t.Error(err)
			}
			for range 500 {
				if got, err := b.Blind("shop", event.KindUserID, value); err != nil || got != want {
					t.Error("a concurrent call changed a hash")
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestBlindAllocs(t *testing.T) {
	b := testBlinder()
	value := []byte("0123456789abcdef")
	for _, kind := range []event.IdentifierKind{event.KindVisitor, event.KindUserID, event.KindCustomerID} {
		allocs := testing.AllocsPerRun(2000, func() {
			if _, err := b.Blind("shop", kind, value); err != nil {
				t.Fatal(err)
			}
		})
		// Under the race detector sync.Pool drops states at random.
		if allocs > 0 && !raceEnabled {
			t.Errorf("%s: %v allocations", kind, allocs)
		}
	}
}

func TestPooledStateKeepsNoIdentifier(t *testing.T) {
	s := &blinding{mac: hmac.New(sha256.New, testKey().Reveal()), message: appendField(nil, "canary@example.org")}
	kept := s.message[:cap(s.message)]
	s.finish()
	for _, b := range kept {
		if b != 0 {
			t.Fatalf("a pooled buffer still holds %q", kept)
		}
	}
}

func BenchmarkBlind(b *testing.B) {
	blinder := testBlinder()
	for _, test := range []struct {
		kind  event.IdentifierKind
		value string
	}{
		{event.KindVisitor, "0123456789abcdef"},
		{event.KindUserID, "user-12345"},
		{event.KindEmail, "Jana.Novakova@example.org"},
		{event.KindPhone, "+421 905 123 456"},
	} {
		b.Run(test.kind.String(), func(b *testing.B) {
			value := []byte(test.value)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := blinder.Blind("shop", test.kind, value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
