package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"zgoda/pseudonym/backup"
	"zgoda/pseudonym/harden"
	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/prompt"
	"zgoda/pseudonym/keyring"
)

// restoreFlags say what is restored, and where.
type restoreFlags struct {
	In       string `required:"" type:"path" placeholder:"FILE" help:"The backup, as zgoda keys backup writes it."`
	Identity string `required:"" type:"path" placeholder:"FILE" help:"File with the age identity that it is sealed to, for its owner alone."`

	Data string `type:"path" placeholder:"DIR" help:"Folder of the keys and the vault, which has neither yet."`
	Test bool   `help:"Restore into a folder that is removed again, and compare every contact's pseudonyms."`

	KEK          string   `name:"kek" placeholder:"URI" help:"Key-encryption key of the restored keys. Left out: a file, made anew."`
	KEKSocket    string   `name:"kek-socket" placeholder:"PATH" help:"Unix socket of zgoda-kek, for all but file: and passphrase:."`
	KEKUID       []uint32 `name:"kek-uid" placeholder:"UID" help:"User that zgoda-kek runs as; may repeat. Left out: our own."`
	PassphraseFD int      `name:"passphrase-fd" placeholder:"N" help:"Descriptor, 3 or more, to read the passphrase from. Left out: asked at the terminal."`
}

// restore makes a keyholder's folder of a backup and checks it.
func restore(f restoreFlags, stdout, stderr io.Writer) (err error) {
	if f.Test == (f.Data != "") {
		return errors.New("restore takes either --data or --test")
	}
	if err := hardened(stderr, harden.Allowed{}); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if f.Test {
		if f.Data, err = os.MkdirTemp("", "zgoda-restore-"); err != nil {
			return fmt.Errorf("make a folder to restore into: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(f.Data)) }()
	}
	cfg, err := f.keys(ctx)
	if err != nil {
		return err
	}
	if cfg.KEK != nil {
		defer func() { err = errors.Join(err, cfg.KEK.Close()) }()
	}
	ids, err := backup.Identities(f.Identity)
	if err != nil {
		return err
	}
	in, err := os.Open(f.In)
	if err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	defer in.Close() //nolint:errcheck // it was only read
	told, err := backup.Restore(ctx, in, ids, cfg)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := backup.Check(ctx, cfg, told); err != nil {
		return fmt.Errorf("check what was restored: %w", err)
	}
	_, err = fmt.Fprintf(stdout, "restored contacts=%d identifiers=%d made=%s pseudonyms=as-backed-up\n", told.Contacts, told.Identifiers, told.At.Format(time.RFC3339))
	return err
}

// keys are the settings of the restored keys. A trial's are under a key that is
// in memory alone: what is removed after it, or left by one that was killed, opens
// with nothing.
func (f *restoreFlags) keys(ctx context.Context) (cfg keyring.Config, err error) {
	cfg = keyring.Config{Dir: f.Data}
	if f.Test {
		cfg.KEK, err = kek.Passing()
		return cfg, err
	}
	if f.KEK == "" {
		return cfg, nil
	}
	of := kek.Config{URI: f.KEK, Dir: filepath.Join(f.Data, "kek"), Socket: f.KEKSocket, HelperUIDs: f.KEKUID, MayMake: true}
	of.Passphrase = prompt.Descriptor(f.PassphraseFD)
	if f.PassphraseFD == 0 {
		if ask, err := prompt.Terminal(); err == nil {
			of.Passphrase = ask
		}
	}
	if cfg.KEK, err = kek.Open(ctx, of); err != nil {
		return cfg, fmt.Errorf("open the key-encryption key: %w", err)
	}
	return cfg, nil
}
