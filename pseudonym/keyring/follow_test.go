package keyring

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/kektest"
)

// nextToken is a token at another address, which can be away.
type nextToken struct {
	*kektest.Token

	away bool
}

func (*nextToken) Describe() string { return "pkcs11:token=next" }

func (e *nextToken) Unwrap(ctx context.Context, wrapped, bind []byte) ([]byte, error) {
	if e.away {
		return nil, kek.ErrAway
	}
	return e.Token.Unwrap(ctx, wrapped, bind)
}

// reaching lets a ring reach a provider, as its keyholder's configuration says.
func reaching(r *Ring, to *nextToken) {
	r.cfg.Reach = func(_ context.Context, uri string) (kek.Provider, error) {
		if to.away || uri != to.Describe() {
			return nil, kek.ErrAway
		}
		return to, nil
	}
}

// neglect has the shelf not looked at for longer than keys are believed.
func neglect(r *Ring) { r.lookedAt(time.Now().Add(-2 * StaleAfter)) }

// TestKEKChangeIsFollowed: one keyholder goes over to another key-encryption key. The
// others follow without a word, and each of them can wrap the keys again.
func TestKEKChangeIsFollowed(t *testing.T) {
	a, b, _, _ := two(t)
	next := &nextToken{Token: kektest.NewToken(t)}
	reaching(b, next)
	v, c := derive(t, b, 0)
	must(t, a.RenewWrapping(t.Context(), next))
	neglect(b)
	must(t, b.Refresh(t.Context()))
	if b.KEK() != next.Describe() || b.Lagging() != nil {
		t.Fatalf("under %s, %v", b.KEK(), b.Lagging())
	}
	if nv, nc := derive(t, b, 0); nv != v || nc != c {
		t.Error("other pseudonyms")
	}
	must(t, b.RenewWrapping(t.Context(), nil))
	must(t, a.Refresh(t.Context()))
	if _, err := a.Make(t.Context(), nameLink); err != nil {
		t.Error(err)
	}
}

// TestKEKThatIsNotReached: who cannot reach the new key-encryption key says so, and
// goes on with what is in memory; a key that has changed is needed, and then nothing
// is derived. When it is reached, all goes on.
func TestKEKThatIsNotReached(t *testing.T) {
	a, b, _, _ := two(t)
	next := &nextToken{Token: kektest.NewToken(t)}
	reaching(b, next)
	v, c := derive(t, b, 0)
	must(t, a.RenewWrapping(t.Context(), next))
	next.away = true
	for range 2 { // also when it has looked before
		neglect(b)
		must(t, b.Refresh(t.Context()))
		if b.Lagging() == nil {
			t.Fatal("it says nothing")
		}
		if nv, nc := derive(t, b, 0); nv != v || nc != c {
			t.Error("other pseudonyms")
		}
		if _, err := b.Slots().Seal(b.Slots().Current(), []byte("salt"), nil); err != nil {
			t.Errorf("seal: %v", err)
		}
	}
	if all, err := b.Status(t.Context()); err != nil || len(all) < len(lasting) {
		t.Errorf("status of %d keys, %v", len(all), err)
	}
	if _, err := b.Make(t.Context(), nameGate); err == nil {
		t.Error("it changes keys that it cannot open")
	}
	next.away = false
	number, err := a.Make(t.Context(), nameProfiling)
	must(t, err)
	must(t, a.Promote(t.Context(), nameProfiling, number))
	next.away = true
	neglect(b)
	if err := b.Refresh(t.Context()); !errors.Is(err, kek.ErrAway) {
		t.Errorf("a key that has changed: %v", err)
	}
	if _, err := b.Epoch(); !errors.Is(err, ErrStale) {
		t.Errorf("it derives under a key that was replaced: %v", err)
	}
	next.away = false
	must(t, b.Refresh(t.Context()))
	if b.Lagging() != nil || b.Revision() != a.Revision() {
		t.Errorf("%v; revisions %d and %d", b.Lagging(), a.Revision(), b.Revision())
	}
}

// TestKEKChangeThatWasCutShort: the one that changed it is gone when either opens the
// keys. Another goes on to the new one where that is reached, and goes back to the one
// before where it is not.
func TestKEKChangeThatWasCutShort(t *testing.T) {
	for name, away := range map[string]bool{"reached": false, "not reached": true} {
		t.Run(name, func(t *testing.T) {
			a, b, _, d := two(t)
			next := &nextToken{Token: kektest.NewToken(t)}
			reaching(b, next)
			before := b.KEK()
			must(t, a.goOver(t.Context(), next))
			next.away = away
			must(t, b.Refresh(t.Context()))
			if unfinished, err := b.Unfinished(t.Context()); err != nil || !unfinished {
				t.Fatalf("nothing is left to do: %v", err)
			}
			must(t, b.RenewWrapping(t.Context(), nil))
			named, err := ProvidersOn(t.Context(), d)
			must(t, err)
			want := next.Describe()
			if away {
				want = before
			}
			if len(named) != 1 || named[0] != want || b.KEK() != want {
				t.Errorf("keys are under %v, not %s", named, want)
			}
			if unfinished, err := b.Unfinished(t.Context()); err != nil || unfinished {
				t.Errorf("still to do: %t, %v", unfinished, err)
			}
		})
	}
}

// TestSharedKeysGoToNoFile: a key-encryption key that the others could not follow to is
// refused before anything is changed.
func TestSharedKeysGoToNoFile(t *testing.T) {
	a, b, _, d := two(t)
	file, err := kek.Open(t.Context(), kek.Config{URI: "file:next", Dir: filepath.Join(t.TempDir(), "kek"), MayMake: true})
	must(t, err)
	if err := a.RenewWrapping(t.Context(), file); !errors.Is(err, ErrFileKEK) {
		t.Errorf("error %v", err)
	}
	must(t, b.Refresh(t.Context()))
	if named, err := ProvidersOn(t.Context(), d); err != nil || len(named) != 1 || !strings.HasPrefix(named[0], "pkcs11:") {
		t.Errorf("%v, %v", named, err)
	}
}
