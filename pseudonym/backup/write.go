package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"

	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// Write writes keys and vault for the recipients, age1..., each of whom opens it
// alone. Gateways are served meanwhile.
func Write(ctx context.Context, to io.Writer, recipients []string, ring *keyring.Ring, store dumper, now time.Time) (told Told, err error) {
	sealed, err := seal(to, recipients)
	if err != nil {
		return Told{}, err
	}
	if told, err = write(ctx, sealed, ring, store, now); err != nil {
		return Told{}, err // not closed: what is cut short does not open
	}
	if err := sealed.Close(); err != nil {
		return Told{}, fmt.Errorf("end the backup: %w", err)
	}
	return told, nil
}

func seal(to io.Writer, recipients []string) (io.WriteCloser, error) {
	if len(recipients) == 0 {
		return nil, fmt.Errorf("nobody to seal to: %w", ErrRecipient)
	}
	all := make([]age.Recipient, 0, len(recipients))
	for _, text := range recipients {
		r, err := age.ParseX25519Recipient(text)
		if err != nil {
			return nil, ErrRecipient
		}
		all = append(all, r)
	}
	sealed, err := age.Encrypt(to, all...)
	if err != nil {
		return nil, fmt.Errorf("seal the backup: %w", err)
	}
	return sealed, nil
}

func write(ctx context.Context, to io.Writer, ring *keyring.Ring, store dumper, now time.Time) (Told, error) {
	out := json.NewEncoder(to)
	before := ring.Revision()
	keys, err := ring.Export(ctx)
	if err != nil {
		return Told{}, fmt.Errorf("back up the keys: %w", err)
	}
	defer clear(keys.Key)
	at := now.UTC().Truncate(time.Second)
	if err := errors.Join(out.Encode(line{Head: &head{Format: format, At: at}}), out.Encode(line{Keys: &keys})); err != nil {
		return Told{}, fmt.Errorf("back up the keys: %w", err)
	}
	count, err := newTally(ring) //nolint:contextcheck // what it may write is worth finishing
	if err != nil {
		return Told{}, err
	}
	err = store.Dump(ctx, func(d vault.Dumped) error {
		if ofThisPlace(d) {
			return nil
		}
		count.add(d)
		return out.Encode(line{Row: &d})
	})
	if errors.Is(err, vault.ErrMoved) || err == nil && ring.Revision() != before {
		return Told{}, ErrChanged
	}
	if err != nil {
		return Told{}, err
	}
	told := count.end()
	told.At = at
	if err := out.Encode(line{End: &told}); err != nil {
		return Told{}, fmt.Errorf("end the backup: %w", err)
	}
	return told, nil
}

// ofThisPlace says whether a note is about the slot key or the key-encryption
// key, which are others where the backup is restored.
func ofThisPlace(d vault.Dumped) bool {
	return d.Progress != nil && (d.Progress.Name == "rotate slot" || d.Progress.Name == "rotate kek")
}
