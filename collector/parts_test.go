package collector

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"zgoda/collector/minimise"
	"zgoda/collector/segment"
)

func TestClock(t *testing.T) {
	received := now
	for _, c := range []struct {
		name, original, timestamp, sent, batch string
		want                                   time.Time
		corrected                              bool
		field                                  string
	}{
		{name: "nothing", want: received},
		{name: "timestamp alone", timestamp: "2026-11-21T09:00:00Z", want: received.Add(-30 * time.Minute)},
		{name: "slow clock", original: "2026-11-21T07:00:00Z", sent: "2026-11-21T07:00:10Z", want: received.Add(-10 * time.Second)},
		{name: "fast clock", original: "2030-01-01T00:00:00Z", sent: "2030-01-01T00:00:10Z", want: received.Add(-10 * time.Second)},
		{name: "sentAt of the batch", timestamp: "2026-11-21T07:00:00Z", batch: "2026-11-21T07:01:00Z", want: received.Add(-time.Minute)},
		{name: "original before timestamp", original: "2026-11-21T09:00:00Z", timestamp: "2026-11-21T01:00:00Z", want: received.Add(-30 * time.Minute)},
		{name: "a day ahead", timestamp: "2026-11-22T09:30:00Z", want: received.Add(24 * time.Hour)},
		{name: "more than a day ahead", timestamp: "2026-11-22T09:30:01Z", want: received, corrected: true},
		{name: "never set", timestamp: "1970-01-01T00:00:05Z", want: received, corrected: true},
		{name: "far apart", original: "0001-01-02T00:00:00Z", sent: "9999-12-31T00:00:00Z", want: received, corrected: true},
		{name: "offset", timestamp: "2026-11-21T11:00:00.123+02:00", want: received.Add(-30*time.Minute + 123*time.Millisecond)},
		{name: "without zone", timestamp: "2026-11-21T09:00:00", want: received.Add(-30 * time.Minute)},
		{name: "day", timestamp: "2026-11-21", want: received.Add(-9*time.Hour - 30*time.Minute)},
		{name: "bad", timestamp: "yesterday", field: "timestamp"},
		{name: "bad beside good", original: "2026-11-21T09:00:00Z", timestamp: "x", field: "timestamp"},
		{name: "bad original", original: "2026-13-01T00:00:00Z", field: "originalTimestamp"},
		{name: "bad sent", sent: strings.Repeat("2", 100), field: "sentAt"},
	} {
		e := segment.Event{OriginalTimestamp: []byte(c.original), Timestamp: []byte(c.timestamp), Sent: []byte(c.sent)}
		got, corrected, err := clock(&e, []byte(c.batch), received, 24*time.Hour)
		var field *segment.FieldError
		if errors.As(err, &field) != (c.field != "") || (field != nil && field.Field != c.field) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.field == "" && (!got.Equal(c.want) || corrected != c.corrected) {
			t.Errorf("%s: %v corrected %v, want %v", c.name, got, corrected, c.want)
		}
	}
}

func TestClockIsCounted(t *testing.T) {
	s := newStage(t)
	s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v","timestamp":"2027-01-01T00:00:00Z"}`))
	if s.counter(t, "zgoda_collector_clock_corrected_total") != 1 {
		t.Error("not counted")
	}
}

func TestMessageID(t *testing.T) {
	var text minimise.Buffer
	b := &blindFake{}
	for _, c := range []struct {
		given string
		kept  bool
	}{
		{"m-1", true},
		{"ajs-next-1732180000000-550e8400-e29b-41d4-a716-446655440000", true},
		{"A.b_c:d-9", true},
		{strings.Repeat("x", 99), true},
		{"1234567890", false},
		{"žluť", false},
		{"a b", false},
		{"jana@example.org", false},
		{"order:777-123-456", false},
	} {
		got, err := messageID(b, "shop", []byte(c.given), &text)
		if err != nil || (got == c.given) != c.kept || len(got) >= 100 {
			t.Errorf("%q: %q %v", c.given, got, err)
		}
		again, _ := messageID(b, "shop", []byte(c.given), &text)
		if again != got {
			t.Errorf("%q: a retry has another id", c.given)
		}
	}
	if _, err := messageID(b, "shop", []byte(strings.Repeat("x", 100)), &text); err == nil {
		t.Error("100 characters were taken")
	}
	one, _ := messageID(b, "shop", nil, &text)
	two, _ := messageID(b, "shop", nil, &text)
	if one == two || !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(one) {
		t.Errorf("%q %q", one, two)
	}
}

func TestSecretIsRedacted(t *testing.T) {
	s := Secret(secretKey)
	text, err := json.Marshal(struct{ S Secret }{s})
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(s), fmt.Sprintf("%#v %+v %x %q %s %d", s, s, s, s, s, s), fmt.Sprintf("%v", Site{Secret: s}), string(text), slog.AnyValue(s).Resolve().String()} {
		if strings.Contains(shown, "sk_0") || strings.Contains(shown, "736b5f") || strings.Contains(shown, "115 107") {
			t.Errorf("the secret shows: %s", shown)
		}
	}
}

func TestNewSitesRefuses(t *testing.T) {
	p := testPolicy("a")
	for name, list := range map[string][]Site{
		"no id":         {{Policy: p}},
		"twice":         {{ID: "a", Policy: p}, {ID: "a", Policy: p}},
		"no policy":     {{ID: "a"}},
		"key twice":     {{ID: "a", Policy: p, PublicKeys: []string{"k"}}, {ID: "b", Policy: p, PublicKeys: []string{"k"}}},
		"empty key":     {{ID: "a", Policy: p, PublicKeys: []string{""}}},
		"secret public": {{ID: "a", Policy: p, PublicKeys: []string{"k"}, Secret: Secret("k")}},
		"origin path":   {{ID: "a", Policy: p, Origins: []string{"https://a.example/"}}},
		"origin case":   {{ID: "a", Policy: p, Origins: []string{"https://A.example"}}},
		"origin star":   {{ID: "a", Policy: p, Origins: []string{"*"}}},
		"origin scheme": {{ID: "a", Policy: p, Origins: []string{"ftp://a.example"}}},
	} {
		if _, err := NewSites(list); err == nil {
			t.Errorf("%s was taken", name)
		} else if strings.Contains(err.Error(), "sk_") {
			t.Errorf("%s: the error repeats a key", name)
		}
	}
}

func TestSites(t *testing.T) {
	s := testSites(t)
	if site, class := s.ByKey([]byte(secretKey)); site == nil || site.ID != "shop" || class != KeySecret {
		t.Error("secret")
	}
	if site, class := s.ByKey(nil); site != nil || class != KeyUnknown {
		t.Error("no key")
	}
	if s.ByID("shop") == nil || s.ByID("none") != nil {
		t.Error("ByID")
	}
	n := 0
	s.All(func(*Site) bool { n++; return true })
	if n != 2 {
		t.Errorf("All: %d", n)
	}
	for origin, want := range map[string]bool{
		"https://shop.example": true, "http://localhost:8080": true, "http://127.0.0.1": true, "http://[::1]:3000": true, "https://localhost": true,
		"http://127.0.0.1.evil.example": false, "http://localhost:80evil": false, "http://localhost@evil.example": false, "": false, "null": false, "http://shop.example": false, "https://localhost:": false,
	} {
		if s.OriginListed([]byte(origin)) != want {
			t.Errorf("%q", origin)
		}
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	err := Config{}.Validate()
	for _, key := range []string{"max_event_bytes", "max_batch_bytes", "max_batch_events", "max_depth", "tries", "future_limit", "retry_after", "max_text_bytes"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not named", key)
		}
	}
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("a collector without parts")
	}
}
