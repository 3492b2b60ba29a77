package keyholder

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/sealed"
)

// said is what an event says of a user, sealed as a gateway seals it.
func (g gateway) said(t *testing.T, user string, of event.Handle, at time.Time, traits ...string) pseudonym.Said {
	t.Helper()
	keys, err := g.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := sealed.Said{Site: "shop", Seen: at, Source: "shop, identify", List: []sealed.Statement{{Kind: event.KindUserID, Value: user}}}
	for i := 0; i+1 < len(traits); i += 2 {
		s.List = append(s.List, sealed.Statement{Name: traits[i], Value: traits[i+1]})
	}
	blob, err := sealed.SealSaid(nil, keys.Sealing.Public, &s)
	if err != nil {
		t.Fatal(err)
	}
	return pseudonym.Said{Blob: blob, Contact: of, Basis: "profiling"}
}

// TestKeep: what events said is kept with the contact that they were decided about and
// with nobody else, and the answer tells nothing but which blobs cannot be read.
func TestKeep(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	g := attend(t, k)
	one, ref := g.made(t, "u1")
	two, other := g.made(t, "u2")
	gone, forgotten := g.made(t, "u3")
	ctx := acting(t)
	if _, err := k.rights.Forget(ctx, forgotten); err != nil {
		t.Fatal(err)
	}
	back, again := g.made(t, "u3") // a new contact of the same name
	if back == gone {
		t.Fatal("a contact that was forgotten is back")
	}
	now := time.Now()
	unreadable, err := k.Keep(t.Context(), []pseudonym.Said{
		g.said(t, "u1", one.Consent, now, "name", "Jana"),
		g.said(t, "u1", two.Consent, now, "name", "of somebody else"),
		g.said(t, "u3", gone.Consent, now, "name", "before it was forgotten"),
		g.said(t, "nobody", event.Handle{7}, now, "name", "Nobody"),
		{Blob: []byte("nothing that was sealed"), Contact: one.Consent},
	})
	if err != nil || !slices.Equal(unreadable, []bool{false, false, false, false, true}) {
		t.Fatal(unreadable, err)
	}
	values := func(ref pseudonym.Ref) (out []string) {
		revealed, err := k.rights.Reveal(ctx, ref, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range revealed.Data {
			out = append(out, fmt.Sprintln(d.Name, d.Value, d.Source, d.Basis, d.Seen.Equal(now.Truncate(time.Millisecond))))
		}
		return out
	}
	if got := strings.Join(values(ref), ""); got != " u1 event: shop, identify profiling true\nname Jana event: shop, identify profiling true\n" {
		t.Errorf("%q", got)
	}
	if of, new := values(other), values(again); len(of)+len(new) != 0 {
		t.Errorf("%d and %d data of whom nothing was said", len(of), len(new))
	}
	if _, known, err := k.rights.Search(ctx, "shop", event.KindUserID, "nobody", 0); known || err != nil {
		t.Errorf("a contact was made: %v", err)
	}
	many := slices.Repeat([]pseudonym.Said{g.said(t, "u1", one.Consent, now, "name", strings.Repeat("x", 4000))}, 200)
	if unreadable, err := k.Keep(t.Context(), many); err != nil || len(unreadable) != len(many) {
		t.Errorf("many: %v", err)
	}
	// A merge meanwhile: what was said of the one who is dropped is the other's.
	late := g.said(t, "u2", two.Consent, now, "city", "Košice")
	if _, _, err := k.rights.Merge(ctx, ref, other, false); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Keep(t.Context(), []pseudonym.Said{late}); err != nil || !strings.Contains(strings.Join(values(ref), ""), "Košice") {
		t.Errorf("after a merge: %v", err)
	}
}

// TestKeepIsLimited: what is said of people who are not there counts as unknown
// contacts, and so much a day is taken from one caller; a batch is whole or refused.
func TestKeepIsLimited(t *testing.T) {
	dir, socket := folders(t)
	at := time.Now()
	k := start(t, dir, socket, served, func(c *Config) {
		c.Now, c.Limits = func() time.Time { return at }, access.DefaultLimits()
		c.Limits.UnknownBurst, c.Limits.SaidPerDay = 10, 100_000
	})
	g := attend(t, k)
	one, ref := g.made(t, "u1")
	name := g.said(t, "u1", one.Consent, at, "name", "Jana")
	batch := append(slices.Repeat([]pseudonym.Said{g.said(t, "nobody", event.Handle{7}, at)}, 11), name)
	if _, err := k.Keep(t.Context(), batch); err == nil {
		t.Error("more unknown contacts than allowed")
	}
	if revealed, err := k.rights.Reveal(acting(t), ref, nil); err != nil || len(revealed.Data) != 0 {
		t.Errorf("half of a refused batch is kept: %v", err)
	}
	var stopped error
	sent := 0
	for ; stopped == nil && sent < 1000; sent++ {
		_, stopped = k.Keep(t.Context(), []pseudonym.Said{name})
	}
	if stopped == nil || sent < 100_000/len(name.Blob)-1 {
		t.Errorf("stopped after %d by %v", sent, stopped)
	}
	for _, limit := range []string{"unknown", "said"} {
		if got := k.metric(t, `zgoda_keyholder_quota_refused_total{role="pseudonymise",limit="`+limit+`"}`); got != 1 {
			t.Errorf("%s: the alarm's metric is %v", limit, got)
		}
	}
	if k.metric(t, `zgoda_keyholder_said_total{fate="written"}`) != 2 {
		t.Error("what was written is not counted")
	}
	for what, said := range map[string]pseudonym.Said{"of nobody": {Blob: name.Blob}} {
		if _, err := k.Keep(t.Context(), []pseudonym.Said{said}); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
}

// TestSaidSurvivesTheGateKey: a contact of whom only events spoke is found by an event
// under the new gate key alone, after the old one is retired too.
func TestSaidSurvivesTheGateKey(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	g := attend(t, k)
	handles, _ := g.made(t, "u1")
	if _, err := k.Keep(t.Context(), []pseudonym.Said{g.said(t, "u1", handles.Consent, time.Now())}); err != nil {
		t.Fatal(err)
	}
	version := gateOf(t, k.statusOf(t))
	k.rotate(t, pseudonym.Rotation{Key: "gate"})
	user := gatewayOf(t, k, 1).query(t, event.KindUserID, "u1", false)
	k.rotate(t, pseudonym.Rotation{Key: "gate", Retire: version}) // nothing is lost by it
	if got := resolve(t, k.Client, user)[0]; got != handles {
		t.Error("under the new gate key an event is somebody else's")
	}
}
