package kektest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"zgoda/pseudonym/kek"
)

// Case is one provider under test.
type Case struct {
	// Open opens the same key anew, and makes it the first time.
	Open func(t *testing.T) kek.Provider
	// Other opens another key of the same provider.
	Other func(t *testing.T) kek.Provider
	// Renews says that it destroys versions of its key.
	Renews bool
	// Away cuts the provider off, and back puts it within reach again. nil: it is
	// nowhere else.
	Away func(t *testing.T) (back func())
	// Secrets must not be seen in what the provider prints.
	Secrets []string
}

const canary = "canary-key-bytes-0123456789abcde"

var bind = []byte("zgoda keyset canary-bind")

// Contract runs the suite.
func Contract(t *testing.T, c Case) {
	t.Helper()
	t.Run("opens what it wrapped", c.roundTrip)
	t.Run("refuses what it did not wrap", c.refuses)
	t.Run("after a reopening", c.reopened)
	t.Run("at one time", c.atOneTime)
	t.Run("renewed", c.renewed)
	t.Run("tells nothing", c.tellsNothing)
	if c.Away != nil {
		t.Run("away", c.away)
	}
}

func (c Case) open(t *testing.T) kek.Provider {
	t.Helper()
	return closing(t, c.Open(t))
}

func closing(t *testing.T, p kek.Provider) kek.Provider {
	t.Helper()
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return p
}

func wrap(t *testing.T, p kek.Provider, plain []byte) []byte {
	t.Helper()
	wrapped, err := p.Wrap(t.Context(), plain, bind)
	if err != nil {
		t.Fatalf("wrap: %v", err)
	}
	return wrapped
}

func opens(t *testing.T, p kek.Provider, wrapped, plain []byte) {
	t.Helper()
	got, err := p.Unwrap(t.Context(), wrapped, bind)
	if err != nil || !bytes.Equal(got, plain) {
		t.Errorf("unwrap: %d bytes, %v", len(got), err)
	}
}

func (c Case) roundTrip(t *testing.T) {
	p := c.open(t)
	for _, size := range []int{1, 31, 32, 1024, kek.MaxPlain} {
		plain := bytes.Repeat([]byte{0xa5}, size)
		first, second := wrap(t, p, plain), wrap(t, p, plain)
		if bytes.Equal(first, second) || bytes.Contains(first, plain[:min(size, 8)]) && size > 8 {
			t.Errorf("%d bytes: not sealed afresh", size)
		}
		opens(t, p, first, plain)
		opens(t, p, second, plain)
	}
	if _, err := p.Wrap(t.Context(), make([]byte, kek.MaxPlain+1), bind); !errors.Is(err, kek.ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
}

func (c Case) refuses(t *testing.T) {
	p := c.open(t)
	wrapped := wrap(t, p, []byte(canary))
	wrong := map[string]struct{ wrapped, bind []byte }{
		"another bind":     {wrapped, []byte("zgoda keyset other")},
		"no bind":          {wrapped, nil},
		"nothing":          {nil, bind},
		"cut":              {wrapped[:len(wrapped)-1], bind},
		"longer":           {append(bytes.Clone(wrapped), 'A'), bind},
		"cut to a byte":    {wrapped[:1], bind},
		"another key's":    {wrap(t, closing(t, c.Other(t)), []byte(canary)), bind},
		"not ours":         {[]byte("vault:v1:AAAA"), bind},
		"a lot of nothing": {make([]byte, 200), bind},
	}
	for _, at := range []int{0, len(wrapped) / 2, len(wrapped) - 2} {
		damaged := bytes.Clone(wrapped)
		damaged[at] ^= 0x11
		wrong[fmt.Sprintf("a bit at %d of %d", at, len(wrapped))] = struct{ wrapped, bind []byte }{damaged, bind}
	}
	for name, w := range wrong {
		got, err := p.Unwrap(t.Context(), w.wrapped, w.bind)
		if !errors.Is(err, kek.ErrWrong) && !errors.Is(err, kek.ErrMissing) || got != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	opens(t, p, wrapped, []byte(canary))
}

func (c Case) reopened(t *testing.T) {
	wrapped := wrap(t, c.open(t), []byte(canary))
	opens(t, c.open(t), wrapped, []byte(canary))
}

func (c Case) atOneTime(t *testing.T) {
	p := c.open(t)
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			plain := fmt.Appendf(nil, "key of caller %d", i)
			for range 4 {
				wrapped, err := p.Wrap(t.Context(), plain, bind)
				if err != nil {
					t.Error(err)
					return
				}
				opens(t, p, wrapped, plain)
			}
		})
	}
	callers.Wait()
}

func (c Case) renewed(t *testing.T) {
	p := c.open(t)
	r, ok := p.(kek.Renewer)
	if ok != c.Renews {
		t.Fatalf("%T can be renewed: %t", p, ok)
	}
	if !ok {
		return
	}
	before := wrap(t, p, []byte(canary))
	version, err := r.Renew(t.Context())
	if err != nil || version == "" {
		t.Fatalf("renew: %q, %v", version, err)
	}
	opens(t, p, before, []byte(canary))
	after := wrap(t, p, []byte(canary))
	opens(t, c.open(t), before, []byte(canary))
	if err := r.Destroy(t.Context(), "no such version"); err == nil {
		t.Error("destroyed the versions before one that is not there")
	}
	opens(t, p, before, []byte(canary))
	for range 2 { // the second has nothing left to do
		if err := r.Destroy(t.Context(), version); err != nil {
			t.Fatalf("destroy: %v", err)
		}
	}
	for _, p := range []kek.Provider{p, c.open(t)} {
		if got, err := p.Unwrap(t.Context(), before, bind); !errors.Is(err, kek.ErrWrong) && !errors.Is(err, kek.ErrMissing) || got != nil {
			t.Errorf("the destroyed version opens: %d bytes, %v", len(got), err)
		}
		opens(t, p, after, []byte(canary))
	}
	// A second renewal that nobody ended by destroying, as after a kill.
	for range 2 {
		if version, err = r.Renew(t.Context()); err != nil {
			t.Fatalf("renew again: %v", err)
		}
	}
	if err := r.Destroy(t.Context(), version); err != nil {
		t.Fatalf("destroy: %v", err)
	}
	opens(t, c.open(t), wrap(t, p, []byte(canary)), []byte(canary))
}

func (c Case) tellsNothing(t *testing.T) {
	p := c.open(t)
	_, err := p.Unwrap(t.Context(), []byte(canary+canary+canary), bind)
	said := fmt.Sprint(err, p.Describe()) + fmt.Sprintf("%v %+v %s", p, p, p)
	for _, secret := range append([]string{"canary"}, c.Secrets...) {
		if strings.Contains(said, secret) {
			t.Errorf("prints %q", secret)
		}
	}
}

func (c Case) away(t *testing.T) {
	p := c.open(t)
	wrapped := wrap(t, p, []byte(canary))
	back := c.Away(t)
	if _, err := p.Wrap(t.Context(), []byte(canary), bind); !errors.Is(err, kek.ErrAway) {
		t.Errorf("wrap: %v", err)
	}
	if _, err := p.Unwrap(t.Context(), wrapped, bind); !errors.Is(err, kek.ErrAway) {
		t.Errorf("unwrap: %v", err)
	}
	back()
	// A client may rest between two looks whether somebody is there.
	for until := time.Now().Add(time.Minute); time.Now().Before(until); {
		if _, err := p.Unwrap(t.Context(), wrapped, bind); !errors.Is(err, kek.ErrAway) {
			break
		}
	}
	opens(t, p, wrapped, []byte(canary))
}
