package erasing

import (
	"testing"
	"time"

	"zgoda/control"
	"zgoda/pseudonym"
)

// TestKeysNotNoted: an erasure whose process died when the keys were destroyed, and of
// which the gate of the next start did the rest, ends with a certificate that says when
// copies of the keyholder's medium cannot be read any more.
func TestKeysNotNoted(t *testing.T) {
	w := newWorld(t, controlPath(t))
	f := w.family()
	r, c := w.open(f.contact, control.EraseAll, time.Time{})
	e := w.eraser()
	e.step = func(p string) {
		if p == "keys" {
			panic(crash{p})
		}
	}
	if err := e.Accepted(t.Context(), []control.Request{r}, []pseudonym.OpenedCase{c}); err != nil {
		t.Fatal(err)
	}
	if died, err := dies(func() error { return w.turn(t.Context(), e) }); !died || err != nil {
		t.Fatal("it did not come to the keys: ", err)
	}
	if err := w.store.ForgetSubjects(t.Context(), []control.Forgotten{{Request: r.ID, Until: w.now().Add(time.Hour), Journal: []byte("sealed"), Keep: w.now().Add(time.Hour)}}); err != nil {
		t.Fatal(err)
	}
	if err := w.turn(t.Context(), w.eraser()); err != nil {
		t.Fatal(err)
	}
	f.left(t, w)
	if body := w.complete(r.ID); body.Pseudonyms != 6 || !body.Keys.Unreadable.Equal(w.gone[r.ID].KeysGone.Truncate(time.Second)) {
		t.Errorf("the certificate says %+v", body)
	}
}
