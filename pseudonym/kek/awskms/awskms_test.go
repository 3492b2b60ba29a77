package awskms_test

import (
	"errors"
	"testing"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/awskms"
	"zgoda/pseudonym/kek/kektest"
)

func TestContract(t *testing.T) {
	far := kektest.NewAWS(t)
	kektest.Contract(t, kektest.Case{
		Open: kektest.Opener(far, "kek", awskms.Open), Other: kektest.Opener(far, "other", awskms.Open), Away: far.Away,
		Secrets: []string{kektest.AWSSecret},
	})
}

func TestDenied(t *testing.T) { kektest.Denied(t, kektest.NewAWS(t), awskms.Open) }

func TestMissing(t *testing.T) {
	p := kektest.Opener(kektest.NewAWS(t), "none", awskms.Open)(t)
	if _, err := p.Wrap(t.Context(), []byte("key"), nil); !errors.Is(err, kek.ErrMissing) {
		t.Error(err)
	}
}
