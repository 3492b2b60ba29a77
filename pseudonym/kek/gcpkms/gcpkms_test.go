package gcpkms_test

import (
	"errors"
	"testing"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/gcpkms"
	"zgoda/pseudonym/kek/kektest"
)

func TestContract(t *testing.T) {
	far := kektest.NewGCP(t)
	kektest.Contract(t, kektest.Case{
		Open: kektest.Opener(far, "kek", gcpkms.Open), Other: kektest.Opener(far, "other", gcpkms.Open), Away: far.Away,
		Secrets: []string{far.Secret},
	})
}

func TestDenied(t *testing.T) { kektest.Denied(t, kektest.NewGCP(t), gcpkms.Open) }

func TestMissing(t *testing.T) {
	p := kektest.Opener(kektest.NewGCP(t), "none", gcpkms.Open)(t)
	if _, err := p.Wrap(t.Context(), []byte("key"), nil); !errors.Is(err, kek.ErrMissing) {
		t.Error(err)
	}
}
