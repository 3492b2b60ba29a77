package daily

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"zgoda/event"
	"zgoda/pseudonym/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	home  = netip.MustParseAddr("203.0.113.7")
	agent = []byte("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
)

// maker hands out a Maker's keys, or an error, and counts.
type maker struct {
	*Maker

	mu    sync.Mutex
	err   error
	asked int
}

// set changes what the next callers get.
func (m *maker) set(now *Maker, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Maker, m.err = now, err
}

func (m *maker) calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

func (m *maker) Day(context.Context) (Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	if m.err != nil {
		return Key{}, m.err
	}
	return m.Key(), nil
}

func holderOf(t *testing.T, from source, log *bytes.Buffer) *Holder {
	t.Helper()
	h, err := New(DefaultConfig(), from, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestPseudonymIsHMAC: what is written out equals the standard library's, and
// depends on each of site, address, agent and key.
func TestPseudonymIsHMAC(t *testing.T) {
	key := bytes.Repeat([]byte{7}, KeySize)
	site, ua := sha256.Sum256([]byte("shop")), sha256.Sum256(agent)
	where := home.As16()
	mac := hmac.New(sha256.New, key)
	for _, part := range [][]byte{site[:], where[:], ua[:]} {
		mac.Write(part)
	}
	want := pseudonym(key, "shop", home, agent)
	if got := event.Handle(mac.Sum(nil)[:16]); got != want {
		t.Fatal("it is another function")
	}
	other := bytes.Repeat([]byte{8}, KeySize)
	v6 := netip.MustParseAddr
	for _, c := range []struct {
		name string
		got  event.Handle
		same bool
	}{
		{"another site", pseudonym(key, "shop2", home, agent), false},
		{"another address", pseudonym(key, "shop", v6("203.0.113.8"), agent), false},
		{"another agent", pseudonym(key, "shop", home, agent[1:]), false},
		{"another key", pseudonym(other, "shop", home, agent), false},
		{"mapped", pseudonym(key, "shop", v6("::ffff:203.0.113.7"), agent), true},
	} {
		if (c.got == want) != c.same {
			t.Errorf("%s: the same is %v", c.name, c.got == want)
		}
	}
	a, b, c := v6("2001:db8:1:2::3"), v6("2001:db8:1:2:ffff::9%eth0"), v6("2001:db8:1:3::3")
	if pseudonym(key, "s", a, agent) != pseudonym(key, "s", b, agent) || pseudonym(key, "s", a, agent) == pseudonym(key, "s", c, agent) {
		t.Error("of IPv6 something else than the first 64 bits counts")
	}
}

// TestOneKeyADay: a day has one key, the next day another, and what is over is
// overwritten, at the keyholder and at the gateway.
func TestOneKeyADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		m := NewMaker(nil)
		var log bytes.Buffer
		h := holderOf(t, &maker{Maker: m}, &log)
		go m.Run(ctx)
		go h.Run(ctx)
		synctest.Wait()
		first := m.Key()
		if again := m.Key(); !bytes.Equal(first.Bytes.Reveal(), again.Bytes.Reveal()) || first.Day != NumberOf(time.Now()) {
			t.Fatal("a day has two keys")
		}
		p, version, ok := h.Pseudonym(time.Now(), "shop", home, agent)
		if q, _, _ := h.Pseudonym(time.Now(), "shop", home, agent); !ok || p.IsZero() || p != q || version != event.KeyVersion(first.Day) {
			t.Fatal("no pseudonym, or two")
		}
		if _, _, ok := h.Pseudonym(time.Now().Add(day), "shop", home, agent); ok {
			t.Error("an event of tomorrow got a pseudonym of today")
		}
		time.Sleep(time.Until(first.Day.End()) - time.Millisecond)
		if q, _, _ := h.Pseudonym(time.Now(), "shop", home, agent); q != p {
			t.Error("another pseudonym within the day")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		q, next, ok := h.Pseudonym(time.Now(), "shop", home, agent)
		if !ok || q == p || next != version+1 {
			t.Errorf("the next day: %v, the same %v, version %d after %d", ok, q == p, next, version)
		}
		if _, _, ok := h.Pseudonym(first.Day.End().Add(-time.Second), "shop", home, agent); ok {
			t.Error("a pseudonym of yesterday could be computed")
		}
		for name, room := range map[string][]byte{"keyholder": m.cell.room.Reveal(), "gateway": h.cell.room.Reveal()} {
			if bytes.Equal(room, first.Bytes.Reveal()) {
				t.Errorf("%s still has yesterday's key", name)
			}
		}
		stop()
		synctest.Wait()
		for name, room := range map[string][]byte{"keyholder": m.cell.room.Reveal(), "gateway": h.cell.room.Reveal()} {
			if !bytes.Equal(room, make([]byte, KeySize)) {
				t.Errorf("%s ended with its key in memory", name)
			}
		}
	})
}

// TestKeyholderAway: a key counts until its day ends, whoever is away, and not
// longer.
func TestKeyholderAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		from := &maker{Maker: NewMaker(nil)}
		var log bytes.Buffer
		h := holderOf(t, from, &log)
		go h.Run(ctx)
		synctest.Wait()
		has := func() bool {
			synctest.Wait()
			_, _, ok := h.Pseudonym(time.Now(), "shop", home, agent)
			return ok && h.Holds()
		}
		from.set(nil, errors.New("away"))
		time.Sleep(20 * time.Hour)
		if !has() {
			t.Fatal("the key went with the keyholder")
		}
		time.Sleep(time.Until(NumberOf(time.Now()).End()) + time.Millisecond)
		if has() {
			t.Fatal("a key outlives its day")
		}
		if n := from.calls(); n > 24*60+2 {
			t.Errorf("asked %d times in a day", n)
		}
		from.set(NewMaker(nil), nil)
		time.Sleep(2 * time.Second)
		if !has() {
			t.Fatal("the keyholder is back, its key is not")
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings: %s", n, log.String())
		}
		stop()
		synctest.Wait()
	})
}

// TestKeyholderStartsAnew: gateways go over to the new key of the day within a minute,
// so that all have the same.
func TestKeyholderStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		from := &maker{Maker: NewMaker(nil)}
		var log bytes.Buffer
		one, two := holderOf(t, from, &log), holderOf(t, from, &log)
		go one.Run(ctx)
		synctest.Wait()
		before, _, _ := one.Pseudonym(time.Now(), "shop", home, agent)
		from.set(NewMaker(nil), nil)
		go two.Run(ctx)
		time.Sleep(time.Minute + time.Millisecond)
		synctest.Wait()
		a, _, okA := one.Pseudonym(time.Now(), "shop", home, agent)
		b, _, okB := two.Pseudonym(time.Now(), "shop", home, agent)
		if !okA || !okB || a != b || a == before {
			t.Errorf("%v %v, the same %v, the old one %v", okA, okB, a == b, a == before)
		}
		stop()
		synctest.Wait()
	})
}

// TestNoPseudonym: without what tells one browser from another there is none.
func TestNoPseudonym(t *testing.T) {
	var log bytes.Buffer
	from := &maker{Maker: NewMaker(nil)}
	h := holderOf(t, from, &log)
	if _, _, ok := h.Pseudonym(time.Now(), "shop", home, agent); ok {
		t.Error("without a key")
	}
	if err := h.fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := h.Pseudonym(time.Now(), "shop", netip.Addr{}, agent); ok {
		t.Error("without an address")
	}
	if _, _, ok := h.Pseudonym(time.Now(), "shop", home, nil); ok {
		t.Error("without an agent")
	}
	if _, _, ok := h.Pseudonym(time.Now(), "shop", home, agent); !ok {
		t.Error("with all of it")
	}
	from.now = func() time.Time { return time.Now().Add(-day) }
	h.cell.wipe()
	if err := h.fetch(t.Context()); !errors.Is(err, errOtherDay) || h.Holds() {
		t.Errorf("a key of another day: %v", err)
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	m := NewMaker(nil)
	key := m.Key()
	text := fmt.Sprintf("%v %+v %#v %v %+v", key, key, key, m, m.cell)
	first := key.Bytes.Reveal()[:4]
	if strings.Contains(text, strings.Trim(fmt.Sprintf("%d", first), "[]")) || strings.Contains(text, fmt.Sprintf("%x", first)) {
		t.Error("a key was printed")
	}
	own := Key{Bytes: secret.New([]byte{1, 2})}
	own.Wipe()
	if !bytes.Equal(own.Bytes.Reveal(), []byte{0, 0}) {
		t.Error("not wiped")
	}
}

func TestNumber(t *testing.T) {
	at := time.Date(2026, 11, 22, 23, 59, 59, 999, time.UTC)
	n := NumberOf(at)
	if end := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC); !n.End().Equal(end) || NumberOf(end) != n+1 || NumberOf(end.In(time.FixedZone("", 7200))) != n+1 {
		t.Errorf("day %d ends %v", n, n.End())
	}
	if NumberOf(time.Time{}) != 0 {
		t.Error("a time before 1970")
	}
}

func TestConfig(t *testing.T) {
	if _, err := New(Config{}, nil, nil); err == nil {
		t.Error("nothing was given")
	}
	if _, err := New(DefaultConfig(), nil, nil); err == nil {
		t.Error("no keyholder was given")
	}
}

func TestPseudonymAllocs(t *testing.T) {
	var log bytes.Buffer
	h := holderOf(t, &maker{Maker: NewMaker(nil)}, &log)
	if err := h.fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	now, site := time.Now(), event.SiteID(strings.Repeat("s", 63))
	if n := testing.AllocsPerRun(100, func() { h.Pseudonym(now, site, home, agent) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPseudonym(b *testing.B) {
	h, err := New(DefaultConfig(), &maker{Maker: NewMaker(nil)}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	if err := h.fetch(b.Context()); err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		h.Pseudonym(now, "shop", home, agent)
	}
}
