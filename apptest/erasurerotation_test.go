package apptest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/control"
	"zgoda/pseudonym"
)

// measured is of whom nothing is profiled: rows under the pseudonym of a month.
const measured = `"context":{"consent":{"categoryPreferences":{"analytics":true,"profiling":false}}}`

// months sends events of somebody who agreed to analytics alone.
func (e *eraser) months(t *testing.T, user string, n int) {
	t.Helper()
	var batch []string
	for i := range n {
		batch = append(batch, fmt.Sprintf(`{"type":"track","userId":%q,"messageId":"p-%s-%d-%d","event":"of %s",%s}`, user, user, time.Now().UnixNano(), i, user, measured))
	}
	e.batch(t, batch)
}

// pseudonyms asks the keyholder for all that whom an erasure is about has ever had, and
// adds them to those that are known.
func (e *erasers) pseudonyms(t *testing.T, id string, known []string) []string {
	t.Helper()
	cfg := pseudonym.DefaultClientConfig()
	cfg.Socket, cfg.Deadline = filepath.Join(filepath.Dir(e.k[0].socket), "rights.sock"), 30*time.Second
	rights, err := pseudonym.DialRights(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rights.Close() }()
	request, err := control.ParseRequestID(id)
	if err != nil {
		t.Fatal(err)
	}
	ctx := pseudonym.WithAct(t.Context(), pseudonym.Act{Actor: "test", Reason: "what is to be gone"})
	eventually(t, 2*time.Minute, "the keyholder's list", func() bool {
		err = rights.CasePseudonyms(ctx, [][16]byte{request}, func(p pseudonym.CasePiece) error {
			for _, one := range p.Pseudonyms {
				if text := strings.ToUpper(hex.EncodeToString(one.Handle[:])); !slices.Contains(known, text) {
					known = append(known, text)
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, pseudonym.ErrAway) {
			t.Fatal(err)
		}
		return err == nil
	})
	return known
}

// forgotten is somebody who is forgotten while keys rotate.
type forgotten struct {
	id         string
	pseudonyms []string
}

// TestErasureDuringRotation: people are forgotten before and while keys rotate that what is stored goes by, on
// two gateways and two keyholders. In the end nothing is left of them under any
// pseudonym, old or new, everything of everybody else, and the rotations are done.
func TestErasureDuringRotation(t *testing.T) {
	t.Parallel()
	e := startErasers(t)
	keys := []string{"purpose-profiling", "gate", "link"}
	want := map[string]int{"nina": 0, "norbert": 0}
	for _, g := range []*eraser{e.a, e.b} {
		for i := range keys {
			for _, who := range []string{"before", "while"} {
				e.meets(t, g, fmt.Sprintf("%s-%d", who, i), want)
			}
		}
		e.meets(t, g, "nina", want)
		e.meets(t, g, "norbert", want)
	}
	for user, n := range want {
		e.a.stored(t, user, n)
	}
	nina := e.a.subjects(t, "nina")
	var all []*forgotten
	forget := func(g *eraser, user string) *forgotten {
		f := &forgotten{id: g.forgetSoon(t, "user_id:"+user)}
		all, want[user] = append(all, f), 0
		f.pseudonyms = e.pseudonyms(t, f.id, e.a.subjects(t, user))
		return f
	}
	for i, key := range keys {
		before := forget(e.a, fmt.Sprintf("before-%d", i))
		eventually(t, 2*time.Minute, "rows are taken away", func() bool { return !slices.Contains([]string{"accepted", "fenced"}, e.a.request(t, before.id).Step) })
		e.rotates(t, key, "--detach")
		before.pseudonyms = e.pseudonyms(t, before.id, before.pseudonyms)
		t.Logf("rotation of %s began while an erasure was at %s", key, e.a.request(t, before.id).Step)
		forget(e.b, fmt.Sprintf("while-%d", i))
		e.meets(t, e.a, "nina", want)
		e.meets(t, e.b, "norbert", want)
		eventually(t, 2*time.Minute, "the end of the rotation at both", func() bool {
			return e.rotated(t, key) && e.a.metrics(t)["zgoda_rekey_open"] == 0 && e.b.metrics(t)["zgoda_rekey_open"] == 0
		})
		for _, f := range all {
			f.pseudonyms = e.pseudonyms(t, f.id, f.pseudonyms)
		}
	}
	for _, f := range all {
		if body := e.a.complete(t, f.id); body.Tables[0].After != 0 {
			t.Errorf("the certificate says %+v", body.Tables)
		}
	}
	for _, g := range []*eraser{e.a, e.b} {
		g.settled(t, time.Minute)
	}
	for _, f := range all {
		if len(f.pseudonyms) < 5 {
			t.Errorf("only %d pseudonyms are known", len(f.pseudonyms))
		}
		if n := e.a.under(t, f.pseudonyms); n != 0 {
			t.Errorf("%d rows are left of %d pseudonyms", n, len(f.pseudonyms))
		}
	}
	for user, n := range want {
		if got := e.a.count(t, "zgoda.events", user); got != n {
			t.Errorf("%d rows of %s are left, not %d", got, user, n)
		}
	}
	lasting := "SELECT DISTINCT hex(subject) FROM zgoda.events WHERE name = 'of nina' AND scope = 'person'"
	if now := strings.Fields(e.a.sql(t, lasting)); len(now) != 1 || slices.Contains(nina, now[0]) {
		t.Errorf("rows of a neighbour have %d lasting pseudonyms, not one that is new", len(now))
	}
	if n := e.a.sql(t, "SELECT count() FROM system.tables WHERE database = 'zgoda' AND match(name, 'rekey|erasing|kept')"); n != "0" {
		t.Errorf("%s tables of the work are left", n)
	}
}

// forgetSoon forgets somebody as soon as the keyholder has the keys that another one has
// changed: until then it refuses, and nothing is promised.
func (e *eraser) forgetSoon(t *testing.T, identifier string) (id string) {
	t.Helper()
	eventually(t, 2*time.Minute, "the keyholder has the keys", func() bool {
		out, errs, code := e.zgoda(t, "", "forget", "--site", "shop", "--identifier", identifier, "--reason", "letter 7")
		if code != 0 && !strings.Contains(errs, "nothing is promised") {
			t.Fatalf("forget: %d %s %s", code, out, errs)
		}
		if code == 0 {
			id = strings.Fields(out)[0]
		}
		return code == 0
	})
	return id
}

// rotated says whether a rotation is over, or as far as it comes by itself: under the old
// key of gateways contacts are known until each has come again.
func (e *erasers) rotated(t *testing.T, key string) bool {
	t.Helper()
	both := strings.ReplaceAll(e.status(t, 0)+e.status(t, 1), "under way: gate: contacts are found by both", "")
	return !strings.Contains(both, "under way: "+key)
}

// meets sends what somebody does in a browser of their own, and by the month, to a
// gateway.
func (e *erasers) meets(t *testing.T, g *eraser, user string, want map[string]int) {
	t.Helper()
	g.identify(t, user, "browser-of-"+user)
	g.events(t, user, "browser-of-"+user, 8)
	g.months(t, user, 3)
	want[user] += 11
}
